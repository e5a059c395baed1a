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
}

impl Row {
    /// The number of the chosen item.
    pub fn item(&self) -> u32 {
        self.listed.get(self.chosen as usize).map_or(self.chosen, |l| l.item)
    }
}
