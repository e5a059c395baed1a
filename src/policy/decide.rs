//! A decision: every candidate is scored and one is chosen.

use super::explorer::{Choice, Scoring};
use super::model::Model;
use super::rng::DecisionRng;
use super::scratch::Scratch;
use super::spec::Policy;
use crate::base::vector::{Cell, Kernel, Vector};
use crate::features::FeatureBlock;

impl Policy {
    /// Scores every candidate and chooses one, for each user. `kinds` holds each candidate's [`Model::kind_index`]; the
    /// scores are left in `scratch`.
    pub fn decide<C: Cell>(
        &self,
        model: &Model<C>,
        block: &FeatureBlock<C>,
        kinds: &[C::Each<usize>],
        rng: &mut C::Each<DecisionRng>,
        scratch: &mut Scratch<C>,
    ) -> C::Each<Choice> {
        C::run(Decide { policy: self, scoring: Scoring { model, block, kinds, rng, scratch } })
    }
}

/// The kernel of [`Policy::decide`].
pub(crate) struct Decide<'a, C: Cell> {
    policy: &'a Policy,
    scoring: Scoring<'a, C>,
}

impl<'a, C: Cell> Decide<'a, C> {
    /// The decision that [`Policy::decide`] makes, to be run by another kernel at its own level.
    #[inline(always)]
    pub(crate) fn new(
        policy: &'a Policy,
        model: &'a Model<C>,
        block: &'a FeatureBlock<C>,
        kinds: &'a [C::Each<usize>],
        rng: &'a mut C::Each<DecisionRng>,
        scratch: &'a mut Scratch<C>,
    ) -> Self {
        Self { policy, scoring: Scoring { model, block, kinds, rng, scratch } }
    }
}

impl<C: Cell> Kernel<C> for Decide<'_, C> {
    type Output = C::Each<Choice>;

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) -> C::Each<Choice> {
        self.policy.explorer().decide::<V>(level, self.scoring)
    }
}
