//! From the criteria's evidence to what a gate decides.

use super::criterion_test::CriterionTest;
use serde::{Deserialize, Serialize};

/// What a trial decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// Every criterion has been established.
    Promote,
    /// Some criterion has been refuted: the challenger harms beyond a margin, or gains too little to be worth it.
    Reject,
    /// Neither, with the users there were.
    Inconclusive,
}

impl Ruling {
    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Reject => "reject",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Why it decides so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// Every criterion has been established, superiority by the minimum effect among them.
    Promote,
    /// There is a gain, and it is below the minimum effect.
    TooSmall,
    /// The gain, if there is any, is below the minimum effect.
    NoGain,
    /// The challenger is worse than a margin allows.
    Harm,
    /// Not enough is known.
    Inconclusive,
}

impl GateOutcome {
    /// Promote, reject or neither.
    pub fn ruling(self) -> Ruling {
        match self {
            Self::Promote => Ruling::Promote,
            Self::TooSmall | Self::NoGain | Self::Harm => Ruling::Reject,
            Self::Inconclusive => Ruling::Inconclusive,
        }
    }

    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::TooSmall => "too_small",
            Self::NoGain => "no_gain",
            Self::Harm => "harm",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// The criterion of superiority that decides: the first that was refuted.
pub(super) fn refuted_superiority<'t>(
    mut criteria: impl Iterator<Item = (bool, &'t CriterionTest)>,
) -> Option<&'t CriterionTest> {
    criteria.find(|(superior, test)| *superior && test.refuted_after.is_some()).map(|(_, test)| test)
}

/// What the deciding criteria, each with whether it claims superiority, add up to; `None` while more users would tell.
///
/// A refuted margin is harm, at once. A gain that is too small is called so only when every other criterion has been
/// established and it is known whether there is a gain at all: which of them crosses first decides nothing. `last` says
/// that there will be no more users.
pub(super) fn outcome<'t>(
    criteria: impl Iterator<Item = (bool, &'t CriterionTest)> + Clone,
    last: bool,
) -> Option<GateOutcome> {
    if criteria.clone().any(|(superior, test)| !superior && test.refuted_after.is_some()) {
        return Some(GateOutcome::Harm);
    }
    if let Some(test) = refuted_superiority(criteria.clone()) {
        let settled = criteria.clone().all(|(superior, test)| superior || test.held_after.is_some());
        return match test.gains {
            Some(true) if settled || last => Some(GateOutcome::TooSmall),
            Some(false) if settled || last => Some(GateOutcome::NoGain),
            None if last => Some(GateOutcome::NoGain),
            _ => None,
        };
    }
    for (_, test) in criteria {
        if test.held_after.is_none() {
            return last.then_some(GateOutcome::Inconclusive);
        }
    }
    Some(GateOutcome::Promote)
}
