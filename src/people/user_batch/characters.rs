//! What of people's characters decides how they take a candidate, lane by lane.

use crate::base::vector::{LANES, Lanes};
use crate::people::person::character::Character;

/// The numbers of their characters on which a candidate's u depends.
#[derive(Debug)]
pub(super) struct Characters {
    /// The coefficients of priority, urgency and effort.
    pub(super) features: [Lanes; 3],
    pub(super) timing: Lanes,
    /// What they make of each kind, with memory for as many as eight bits can name, so that no index needs a check.
    pub(super) kinds: Box<[[KindNow; LANES]; 256]>,
}

/// What one of them makes of a kind of tip at present.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KindNow {
    pub(super) taste: f64,
    /// Quarter hours from the best one to midnight.
    pub(super) offset: u8,
}

impl Default for Characters {
    fn default() -> Self {
        let kinds = Box::new([[KindNow::default(); LANES]; 256]);
        Self { features: Default::default(), timing: Lanes::default(), kinds }
    }
}

impl Characters {
    /// Takes over what these people's characters are at present: tastes may have changed.
    pub(super) fn gather(&mut self, characters: [&Character; LANES]) {
        let of = |value: fn(&Character) -> f64| Lanes(characters.map(value));
        self.features = [of(|c| c.priority), of(|c| c.urgency), of(|c| c.effort)];
        self.timing = of(|c| c.timing);
        let count = characters[0].kinds.len();
        for (kind, now) in self.kinds.iter_mut().enumerate().take(count) {
            *now = characters.map(|c| KindNow { taste: c.kinds[kind].now, offset: c.kinds[kind].offset });
        }
    }
}
