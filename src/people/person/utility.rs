//! u, the logit with which a tip would be completed: the equation in the doc of [`super`], in the parts in which a step
//! computes it.

use super::character::{Character, DAY};
use crate::base::vector::Vector;
use crate::people::persona_simulator::PersonaSimulator;

impl Character {
    /// What a moment at quarter hour `now` adds to u of every candidate, after `recent` tips in the last 24 hours;
    /// `weekend` is the feature.
    #[inline(always)]
    pub(super) fn u_of_moment(
        &self,
        simulator: &PersonaSimulator,
        now: u32,
        weekend: f64,
        recent: f64,
    ) -> f64 {
        let felt = (now + DAY - self.shift) % DAY;
        self.base + simulator.receptivity[felt as usize] + self.weekend * weekend - self.fatigue * recent
    }

    /// What the kind of a tip adds, for which there is this taste and to whose best quarter hour `offset` leads, and
    /// the quarter hour that the tip is meant for.
    #[inline(always)]
    pub(super) fn u_of_kind(&self, simulator: &PersonaSimulator, taste: f64, offset: u8, quarter: u8) -> f64 {
        u_of_kind(taste, self.timing, simulator.alignment.at((quarter + offset).into()))
    }

    /// u, from what moment and kind add to it and from the tip's features: priority, urgency and effort.
    #[inline(always)]
    pub(super) fn u(&self, moment: f64, kind: f64, features: [f64; 3]) -> f64 {
        u((), [self.priority, self.urgency, self.effort], moment, kind, features)
    }
}

/// What the kind of a tip adds, from the taste for it and how well the hour suits; for one person, or for each of several.
#[inline(always)]
pub(in crate::people) fn u_of_kind<V: Vector>(taste: V, timing: V, suits: V) -> V {
    taste + timing * suits
}

/// u of one tip for one person, or for each of several.
#[inline(always)]
pub(in crate::people) fn u<V: Vector>(
    level: V::Level,
    [to_priority, to_urgency, to_effort]: [V; 3],
    moment: V,
    kind: V,
    [priority, urgency, effort]: [V; 3],
) -> V {
    let (one, two) = (V::all(level, 1.0), V::all(level, 2.0));
    (moment + kind) + (to_priority * (two * priority - one) + (to_urgency * urgency + to_effort * effort))
}
