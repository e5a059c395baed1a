//! The gains of many users on one criterion, from which runs of a gate are drawn or planned.

use super::criterion::Criterion;
use super::eprocess::Gain;

/// Gains of the users of a pool on one criterion, in the order of the users.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The criterion.
    pub criterion: Criterion,
    /// One observation per user.
    pub gains: Vec<Gain>,
}
