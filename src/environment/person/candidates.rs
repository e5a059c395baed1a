//! What a simulated person is offered at a step: when, and the candidates as they are drawn.

use super::super::stage::{MeantFor, Stage};
use super::character::{Character, KindTaste};

/// One candidate as it was drawn: positions in the stage's tables.
#[derive(Debug, Clone, Copy)]
pub(in crate::environment) struct Drawn {
    pub(in crate::environment) kind: u8,
    pub(in crate::environment) priority: usize,
    pub(in crate::environment) due: usize,
    pub(in crate::environment) effort: usize,
    pub(in crate::environment) meant_for: MeantFor,
}

/// What of a candidate decides how it looks to a profile, and is remembered of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::environment) struct Offer {
    /// Index of its kind.
    pub(in crate::environment) kind: u8,
    /// The quarter hour that it is meant for.
    pub(in crate::environment) quarter: u8,
}

impl Drawn {
    /// What is remembered of it in a moment at quarter hour `now`.
    #[inline(always)]
    pub(in crate::environment) fn offer(&self, now: u8) -> Offer {
        Offer { kind: self.kind, quarter: self.meant_for.quarter(now) }
    }

    /// The candidate that a random word stands for: it is cut into fields.
    #[inline(always)]
    pub(in crate::environment) fn of(word: [u8; 8], stage: &Stage) -> Self {
        let word = u64::from_le_bytes(word);
        let field = |shift: u32, bits: u32| ((word >> shift) & ((1 << bits) - 1)) as usize;
        Self {
            kind: stage.kind.at(field(0, 8)),
            priority: field(8, 8),
            due: stage.due.at(field(16, 10)) as usize,
            effort: field(26, 3),
            meant_for: stage.meant_for.at(field(32, 10)),
        }
    }
}

/// The moment of a step.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::environment) struct Moment {
    /// Quarter hour of the day.
    pub(in crate::environment) now: u8,
    /// The feature of the weekday.
    pub(in crate::environment) weekend: f64,
    /// What it adds to u of every candidate.
    pub(in crate::environment) u: f64,
}

/// u of one candidate: the same bits as a party's.
#[inline(always)]
pub(super) fn utility_of(drawn: Drawn, stage: &Stage, person: &Character, moment: Moment) -> f64 {
    let quarter = drawn.meant_for.quarter(moment.now);
    let KindTaste { now: taste, offset, .. } = person.kinds[usize::from(drawn.kind)];
    let features =
        [stage.priority.at(drawn.priority), stage.urgency.at(drawn.due), stage.effort.at(drawn.effort)];
    person.u(moment.u, person.u_of_kind(stage, taste, offset, quarter), features)
}
