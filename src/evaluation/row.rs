//! A logged decision, as every format is read into.

use crate::domain::request::Context;

/// One candidate of a decision that lists its candidates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListedItem {
    /// The item's number.
    pub item: u32,
    /// The number of its kind, by which `disjoint` policies tell candidates apart; the item where the log has
    /// no kinds.
    pub kind: u32,
    /// Its logged propensity; NaN where the log gives that of the chosen one only.
    pub propensity: f64,
}

/// One logged decision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// Position in `listed`, or the item's number where nothing is listed.
    pub chosen: u32,
    /// The probability with which it was chosen, in (0, 1]; `None` when the log says that nobody knows.
    pub propensity: Option<f64>,
    /// The reward that followed.
    pub reward: f64,
    /// The moment, where the log says so.
    pub moment: Option<Context>,
    /// The number of the user whose decision it is; 0 where the log has no users.
    pub user: u32,
    /// The cluster of whole users that it belongs to, below [`super::MAX_CLUSTERS`]; `None` where the log names no users.
    pub cluster: Option<u32>,
    /// The candidates, if they differ from decision to decision; else empty: the whole vocabulary.
    pub listed: Vec<ListedItem>,
    /// Feature vectors of the listed candidates, one after the other; empty where the log has none.
    pub features: Vec<f64>,
    /// What there was to choose from, as the JSON of a request, where the log has that and a policy under test is shown it.
    pub request: Option<Box<str>>,
    /// The probability with which policies that are columns of the log would have chosen what was chosen, each in [0, 1], in
    /// the order in which the columns were named.
    pub probabilities: Vec<f64>,
    /// What the log says by the inputs of a domain, coded, where it was asked for.
    pub inputs: Vec<f64>,
    /// Vectors by a declared feature set, for a reward model; no part of the log.
    pub vectors: RowVectors,
}

/// Vectors of some candidates of a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RowVectors {
    /// Number of dimensions; 0 where there are none.
    pub dim: usize,
    /// Position of the first candidate that has one.
    pub first: usize,
    /// One after the other.
    pub data: Vec<f64>,
}

impl Row {
    /// The number of the chosen item.
    pub fn item(&self) -> u32 {
        self.listed.get(self.chosen as usize).map_or(self.chosen, |l| l.item)
    }

    /// Number of dimensions of what a reward model sees of a candidate; 0 where it sees nothing.
    pub(super) fn vector_dim(&self) -> usize {
        if self.vectors.dim > 0 {
            return self.vectors.dim;
        }
        self.features.len() / self.listed.len().max(1)
    }

    /// What a reward model sees of the candidate at `position`.
    pub(super) fn vector(&self, position: usize) -> &[f64] {
        let dim = self.vector_dim();
        if self.vectors.dim > 0 {
            return &self.vectors.data[(position - self.vectors.first) * dim..][..dim];
        }
        &self.features[position * dim..][..dim]
    }
}
