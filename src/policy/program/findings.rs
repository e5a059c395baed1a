//! What checks of a program have found.

use serde::Serialize;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What was checked.
    pub check: &'static str,
    /// What is wrong; `None` if nothing is.
    pub problem: Option<String>,
}

/// What checks of a program have found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conformance {
    /// Everything that was checked, up to the first check that left nothing to go on with.
    pub checks: Vec<Check>,
    /// How long a decision takes in a full batch, in seconds; `None` where it has answered none.
    pub seconds_per_decision: Option<f64>,
    /// How long a reward takes in a full batch, in seconds; `None` where it has answered none.
    pub seconds_per_reward: Option<f64>,
}

impl Conformance {
    /// The first thing that is wrong.
    pub fn problem(&self) -> Option<&str> {
        self.checks.iter().find_map(|check| check.problem.as_deref())
    }
}
