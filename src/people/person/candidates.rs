//! What a simulated person is offered at a step: when, and the candidates as they are drawn.

use super::character::{Character, KindTaste};
use crate::people::persona_simulator::{MeantFor, PersonaSimulator};

/// One candidate as it was drawn: positions in the simulator's tables.
#[derive(Debug, Clone, Copy)]
pub(in crate::people) struct Drawn {
    pub(in crate::people) kind: u8,
    pub(in crate::people) priority: usize,
    pub(in crate::people) due: usize,
    pub(in crate::people) effort: usize,
    pub(in crate::people) meant_for: MeantFor,
}

/// What is remembered of a candidate: it decides which values of the profile hold for it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::people) struct Offer {
    /// Index of its kind.
    pub(in crate::people) kind: u8,
    /// The quarter hour that it is meant for.
    pub(in crate::people) quarter: u8,
}

impl Drawn {
    /// What is remembered of it in a moment at quarter hour `now`.
    #[inline(always)]
    pub(in crate::people) fn offer(&self, now: u8) -> Offer {
        Offer { kind: self.kind, quarter: self.meant_for.quarter(now) }
    }

    /// The candidate that a random word stands for: it is cut into fields.
    #[inline(always)]
    pub(in crate::people) fn of(word: [u8; 8], simulator: &PersonaSimulator) -> Self {
        let word = u64::from_le_bytes(word);
        let field = |shift: u32, bits: u32| ((word >> shift) & ((1 << bits) - 1)) as usize;
        Self {
            kind: simulator.kind.at(field(0, 8)),
            priority: field(8, 8),
            due: simulator.due.at(field(16, 10)) as usize,
            effort: field(26, 3),
            meant_for: simulator.meant_for.at(field(32, 10)),
        }
    }
}

/// The moment of a step.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::people) struct Moment {
    /// Quarter hour of the day.
    pub(in crate::people) now: u8,
    /// The feature of the weekday.
    pub(in crate::people) weekend: f64,
    /// What it adds to u of every candidate.
    pub(in crate::people) u: f64,
}

/// Gives u of one candidate: it has the same bits as a batch's.
#[inline(always)]
pub(super) fn utility_of(
    drawn: Drawn,
    simulator: &PersonaSimulator,
    person: &Character,
    moment: Moment,
) -> f64 {
    let quarter = drawn.meant_for.quarter(moment.now);
    let KindTaste { now: taste, offset, .. } = person.kinds[usize::from(drawn.kind)];
    let features = [
        simulator.priority.at(drawn.priority),
        simulator.urgency.at(drawn.due),
        simulator.effort.at(drawn.effort),
    ];
    let of_kind = person.u_of_kind(simulator, taste, offset, quarter);
    person.u(moment.u, of_kind + simulator.bent(drawn.priority, drawn.effort, moment.now), features)
}
