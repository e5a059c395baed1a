//! What is kept of one user: whole numbers, of which sums are exact.
//!
//! Rewards are multiples of a quarter, regrets are rounded to 1/4096 per user. Merging sums of them is therefore
//! associative to the bit: however a run is cut into parts, the parts add up to the same bytes.

use crate::domain::reaction::{REWARD_RANGE, Reaction};
use crate::people::Traits;
use serde::{Deserialize, Serialize};

/// Decisions of a user that count as the first ones.
pub const EARLY_STEPS: usize = 20;

/// Parts of one reward that are counted: rewards are whole quarters.
pub(in crate::simulation) const REWARD_UNITS: f64 = 4.0;
/// Parts of one regret that are counted.
pub(in crate::simulation) const REGRET_UNITS: f64 = 4096.0;

/// Reactions by their position in [`Reaction::ALL`].
pub type Reactions = [u32; 4];

/// One simulated user under one policy. In files it is a list of 20 whole numbers, in the order of its
/// fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "[u64; 20]", try_from = "[u64; 20]")]
pub struct UserRecord {
    /// All reactions.
    pub reactions: Reactions,
    /// Reactions to the first [`EARLY_STEPS`] decisions.
    pub early: Reactions,
    /// Kinds of tip that were never shown.
    pub kinds_unseen: u8,
    /// Kinds of tip that there are.
    pub kinds: u8,
    /// Sum over decisions of what the oracle's tip was expected to earn more than the one shown, in 1/4096.
    pub regret: u64,
    /// Which of the scenario's traits the user has.
    pub traits: Traits,
    /// Reactions in the second half of the decisions.
    pub late: Reactions,
    /// Reactions to the first [`EARLY_STEPS`] of them.
    pub middle: Reactions,
}

impl From<UserRecord> for [u64; 20] {
    fn from(record: UserRecord) -> Self {
        let [a, b, c, d] = record.reactions.map(u64::from);
        let [e, f, g, h] = record.early.map(u64::from);
        let Traits { new, no_profile, weekend } = record.traits;
        let traits = u64::from(new) | u64::from(no_profile) << 1 | u64::from(weekend) << 2;
        let (unseen, kinds) = (u64::from(record.kinds_unseen), u64::from(record.kinds));
        let [i, j, k, l] = record.late.map(u64::from);
        let [m, n, o, p] = record.middle.map(u64::from);
        [a, b, c, d, e, f, g, h, unseen, kinds, record.regret, traits, i, j, k, l, m, n, o, p]
    }
}

/// Why twenty numbers are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// No user can have had so much of something.
    #[error("a record with a number that is too large")]
    TooLarge,
    /// What was counted of a part is more than what was counted of the whole.
    #[error("a record with a part that is larger than its whole")]
    PartAboveWhole,
}

impl TryFrom<[u64; 20]> for UserRecord {
    type Error = RecordError;

    fn try_from(numbers: [u64; 20]) -> Result<Self, RecordError> {
        let large = || RecordError::TooLarge;
        let count = |i: usize| u32::try_from(numbers[i]).map(u64::from).map_err(|_| large());
        let small = |i: usize| u8::try_from(numbers[i]).map_err(|_| large());
        let flag = |bit: u32| numbers[11] >> bit & 1 == 1;
        let decisions: u64 = (0..4).map(&count).sum::<Result<_, _>>()?;
        let is_part = |part: usize, whole: usize| numbers[part] <= numbers[whole];
        let are_parts = |i: usize| is_part(4 + i, i) && is_part(12 + i, i) && is_part(16 + i, 12 + i);
        if !(0..4).all(are_parts) || !is_part(8, 9) {
            return Err(RecordError::PartAboveWhole);
        }
        // No reward is more than REWARD_RANGE above another.
        let regret = numbers[10] as f64 <= decisions as f64 * REWARD_RANGE * REGRET_UNITS + 1.0;
        if numbers[11] > 7 || decisions > u64::from(u32::MAX) || !regret {
            return Err(large());
        }
        Ok(Self {
            reactions: [count(0)?, count(1)?, count(2)?, count(3)?].map(|n| n as u32),
            early: [count(4)?, count(5)?, count(6)?, count(7)?].map(|n| n as u32),
            kinds_unseen: small(8)?,
            kinds: small(9)?,
            regret: numbers[10],
            traits: Traits { new: flag(0), no_profile: flag(1), weekend: flag(2) },
            late: [count(12)?, count(13)?, count(14)?, count(15)?].map(|n| n as u32),
            middle: [count(16)?, count(17)?, count(18)?, count(19)?].map(|n| n as u32),
        })
    }
}

/// A user's record while it is being made: one decision of each step is counted, in their order, so that what was counted in
/// a phase is what was counted at its end but not at its beginning.
#[derive(Debug, Clone, Copy)]
pub struct UserTally {
    reactions: Reactions,
    /// The step after the first decisions, the first step of the second half, and the one after its first decisions.
    marks: [usize; 3],
    /// What was counted before each of these steps, once it was reached.
    before: [Reactions; 3],
    /// The first of them that was not reached.
    next_mark: usize,
    seen: u64,
    regret: f64,
}

impl UserTally {
    /// Nothing yet, of a user who makes so many decisions.
    pub fn new(steps: usize) -> Self {
        let late_from = steps / 2;
        let marks = [EARLY_STEPS, late_from, late_from + EARLY_STEPS];
        Self {
            reactions: Reactions::default(),
            marks,
            before: [Reactions::default(); 3],
            next_mark: EARLY_STEPS.min(late_from),
            seen: 0,
            regret: 0.0,
        }
    }

    /// Counts the decision of one step.
    #[inline(always)]
    pub fn observe(&mut self, step: usize, kind: usize, reaction: Reaction, regret: f64) {
        if step == self.next_mark {
            self.pass_mark(step);
        }
        self.reactions[reaction as usize] += 1;
        self.seen |= 1 << kind;
        self.regret += regret;
    }

    #[cold]
    fn pass_mark(&mut self, step: usize) {
        for (mark, before) in self.marks.iter().zip(&mut self.before) {
            if *mark == step {
                *before = self.reactions;
            }
        }
        self.next_mark = self.marks.into_iter().filter(|mark| *mark > step).min().unwrap_or(usize::MAX);
    }

    /// The record of a user with these traits, to whom `kinds` kinds of tip could be shown.
    pub fn record(&self, kinds: usize, traits: Traits) -> UserRecord {
        let steps = self.reactions.iter().sum::<u32>() as usize;
        let before = |i: usize| if self.marks[i] < steps { self.before[i] } else { self.reactions };
        let [early, until_late, until_end_of_middle] = [0, 1, 2].map(before);
        let between = |from: Reactions, to: Reactions| std::array::from_fn(|r| to[r] - from[r]);
        UserRecord {
            reactions: self.reactions,
            traits,
            early,
            kinds_unseen: kinds as u8 - self.seen.count_ones() as u8,
            kinds: kinds as u8,
            regret: (self.regret * REGRET_UNITS).round() as u64,
            late: between(until_late, self.reactions),
            middle: between(until_late, until_end_of_middle),
        }
    }
}

/// Reward of these reactions in quarters, exact.
pub(super) fn quarters(reactions: &Reactions) -> i64 {
    Reaction::ALL
        .iter()
        .zip(reactions)
        .map(|(r, count)| (r.reward() * REWARD_UNITS) as i64 * i64::from(*count))
        .sum()
}

impl UserRecord {
    /// Decisions made.
    pub fn decisions(&self) -> u32 {
        self.reactions.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(reactions: Reactions, early: Reactions, regret: u64) -> UserRecord {
        UserRecord { reactions, early, kinds_unseen: 1, kinds: 5, regret, ..UserRecord::default() }
    }

    #[test]
    fn the_largest_regret_is_that_of_the_worst_choices() {
        let largest = (1e6 * REWARD_RANGE * REGRET_UNITS) as u64;
        for (regret, allowed) in [(largest, true), (largest + 2, false)] {
            let record = record([1_000_000, 0, 0, 0], [1, 0, 0, 0], regret);
            assert_eq!(UserRecord::try_from(<[u64; 20]>::from(record)).is_ok(), allowed, "{regret}");
        }
    }

    #[test]
    fn records_that_no_user_has_are_refused() {
        let read = |record: UserRecord| UserRecord::try_from(<[u64; 20]>::from(record));
        let half = u32::MAX / 2;
        assert_eq!(read(record([half, half, 0, 1], [0; 4], 0)).unwrap().decisions(), u32::MAX);
        assert!(read(record([half, half, 1, 1], [0; 4], 0)).is_err());
        assert!(read(record([2, 1, 0, 0], [2, 1, 0, 0], 0)).is_ok());
        assert!(read(record([2, 1, 0, 0], [1, 2, 0, 0], 0)).is_err());
        assert!(read(UserRecord { kinds_unseen: 6, ..record([9; 4], [0; 4], 0) }).is_err());
    }
    proptest! {
        /// What is counted of phases is what one would count there, however short a life is.
        #[test]
        fn phases_are_what_is_counted_in_them(reactions in prop::collection::vec(0..4usize, 0..120)) {
            let steps = reactions.len();
            let mut tally = UserTally::new(steps);
            for (step, reaction) in reactions.iter().enumerate() {
                tally.observe(step, 0, Reaction::ALL[*reaction], 0.0);
            }
            let count = |phase: std::ops::Range<usize>| {
                let mut counted = Reactions::default();
                reactions.iter().enumerate().filter(|(step, _)| phase.contains(step)).for_each(|(_, r)| counted[*r] += 1);
                counted
            };
            let record = tally.record(1, Traits::default());
            let half = steps / 2;
            prop_assert_eq!(record.reactions, count(0..steps));
            prop_assert_eq!(record.early, count(0..EARLY_STEPS));
            prop_assert_eq!(record.late, count(half..steps));
            prop_assert_eq!(record.middle, count(half..half + EARLY_STEPS));
        }
    }
}
