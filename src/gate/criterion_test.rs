//! The evidence for and against one criterion, block by block of users.
//!
//! A criterion has one mark: the smallest gain worth having for superiority, minus the margin else. One process bets
//! against a gain of at most the mark and establishes the criterion at 1/alpha; its mirror image bets against a gain of at
//! least the mark and refutes it. What has been decided stays so: a process that has crossed is looked at no more.

use super::criterion::Criterion;
use super::eprocess::{EProcess, Gain};

/// The levels at which a gate decides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Levels {
    /// Largest probability of establishing a criterion wrongly.
    pub(super) alpha: f64,
    /// Largest probability of refuting this one wrongly: its part of what simulated people may use of beta.
    pub(super) beta: f64,
}

/// The evidence on one criterion.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CriterionTest {
    levels: Levels,
    /// Bets against a gain of at most the mark.
    pub(super) proof: EProcess,
    /// Bets against a gain of at least the mark.
    pub(super) refutation: EProcess,
    /// Bets against no gain, and against no loss: of superiority only, to say on which side of 0 a small gain lies.
    signs: Option<[EProcess; 2]>,
    /// Blocks so far.
    pub(super) users: u64,
    /// Blocks after which the criterion was established.
    pub(super) held_after: Option<u64>,
    /// Blocks after which it was refuted.
    pub(super) refuted_after: Option<u64>,
    /// Whether there is a gain, once one or none was established.
    pub(super) gains: Option<bool>,
}

impl CriterionTest {
    /// No evidence yet.
    pub(super) fn new(criterion: &Criterion, levels: Levels) -> Self {
        Self {
            levels,
            proof: EProcess::new(criterion.mark()),
            refutation: EProcess::new(-criterion.mark()),
            signs: criterion.is_superior().then(|| [EProcess::new(0.0), EProcess::new(0.0)]),
            users: 0,
            held_after: None,
            refuted_after: None,
            gains: None,
        }
    }

    /// Adds the users of one whole block, and looks.
    pub(super) fn observe(&mut self, block: &[Gain]) {
        for gain in block {
            self.proof.observe(*gain);
            self.refutation.observe(gain.mirrored());
            if let Some([gains, loses]) = &mut self.signs {
                gains.observe(*gain);
                loses.observe(gain.mirrored());
            }
        }
        self.users += 1;
        let Levels { alpha, beta } = self.levels;
        if self.held_after.is_none() && self.refuted_after.is_none() {
            // Where both cross at once, one of them wrongly, nothing is promoted.
            if self.refutation.reaches(beta) {
                self.refuted_after = Some(self.users);
            } else if self.proof.reaches(alpha) {
                self.held_after = Some(self.users);
            }
        }
        if let (None, Some([gains, loses])) = (self.gains, &self.signs) {
            let (gains, loses) = (gains.reaches(alpha), loses.reaches(beta));
            self.gains = (gains != loses).then_some(gains);
        }
    }

    /// The levels at which it is decided.
    pub(super) fn levels(&self) -> Levels {
        self.levels
    }

    /// Whether more users could change what is said of it.
    pub(super) fn is_open(&self) -> bool {
        match self.refuted_after {
            Some(_) => self.signs.is_some() && self.gains.is_none(),
            None => self.held_after.is_none(),
        }
    }

    /// The evidence against it as a share of what refutes it: 1 refutes.
    pub(super) fn refuted_share(&self) -> f64 {
        if self.held_after.is_some() { 0.0 } else { self.refutation.e_value() * self.levels.beta }
    }
}
