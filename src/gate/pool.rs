//! The gains of many users on one criterion, from which runs of a gate are drawn or planned.

use super::criterion::Criterion;
use super::eprocess::Gain;

/// Gains of the users of a pool on one criterion, block by block.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The criterion.
    pub criterion: Criterion,
    /// The gains of each block, in the order of the personas.
    pub gains: Vec<Gain>,
    /// Gains in a block: 1 for a persona's criterion, else the number of personas.
    pub per_block: usize,
    /// Mean loss that is tolerated of these users.
    pub tolerated: f64,
}

impl Pool {
    /// The blocks.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &[Gain]> {
        self.gains.chunks_exact(self.per_block)
    }
}
