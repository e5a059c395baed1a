//! The memory that a decision works in.

use crate::base::vector::Cell;
use crate::domain::request::Offered;
use crate::features::{FeatureBlock, FeatureSet};

/// The memory that [`Policy::decide`](super::Policy::decide) works in; there is one per thread, so that no decision
/// allocates.
#[derive(Debug, Clone)]
pub struct Scratch<C: Cell = f64> {
    pub(super) scores: Vec<C>,
    pub(super) widths: Vec<C>,
    /// A vector of each user's, whichever candidate it belongs to.
    pub(super) gathered: Vec<C>,
    pub(super) normals: Vec<C>,
    pub(super) factor: Vec<C>,
    pub(super) weights: Vec<C>,
    /// The weights of one user's model of one kind, where each kind has a model.
    pub(super) own: DrawnWeights,
    block: FeatureBlock<C>,
}

/// Weights of one user that were drawn, and what they were drawn from.
#[derive(Debug, Clone, Default)]
pub(super) struct DrawnWeights {
    pub(super) normals: Vec<f64>,
    pub(super) factor: Vec<f64>,
    pub(super) weights: Vec<f64>,
}

impl<C: Cell> Default for Scratch<C> {
    fn default() -> Self {
        Self {
            scores: Vec::new(),
            widths: Vec::new(),
            gathered: Vec::new(),
            normals: Vec::new(),
            factor: Vec::new(),
            weights: Vec::new(),
            own: DrawnWeights::default(),
            block: FeatureBlock::default(),
        }
    }
}

impl Scratch {
    /// Gives what `work` makes of the vectors of what is offered as `set` sees it.
    pub(crate) fn with_block<T>(
        &mut self,
        set: FeatureSet,
        offered: Offered,
        work: impl FnOnce(&FeatureBlock, &mut Self) -> T,
    ) -> T {
        let mut block = std::mem::take(&mut self.block);
        block.fill(set, offered);
        let made = work(&block, self);
        self.block = block;
        made
    }
}

impl<C: Cell> Scratch<C> {
    /// Scores of the latest decision, one per candidate.
    pub fn scores(&self) -> &[C] {
        &self.scores
    }
}

/// Gives a buffer its length, with zeros, if it has another one.
#[inline(always)]
pub(super) fn fit<C: Cell>(buffer: &mut Vec<C>, len: usize) {
    if buffer.len() != len {
        buffer.clear();
        buffer.resize(len, C::all(0.0));
    }
}
