//! u, the logit with which a tip would be completed: the equation in the doc of [`super`], in the parts in which a step
//! computes it.

use super::super::stage::Stage;
use super::DAY;
use super::character::Character;

impl Character {
    /// What a moment at quarter hour `now` adds to u of every candidate, after `recent` tips in the last 24 hours;
    /// `weekend` is the feature.
    #[inline(always)]
    pub(super) fn u_of_moment(&self, stage: &Stage, now: u32, weekend: f64, recent: f64) -> f64 {
        let felt = (now + DAY - self.shift) % DAY;
        self.base + stage.receptivity[felt as usize] + self.weekend * weekend - self.fatigue * recent
    }

    /// What the kind of a tip adds, for which there is this taste and to whose best quarter hour `offset` leads, and
    /// the quarter hour that the tip is meant for.
    #[inline(always)]
    pub(super) fn u_of_kind(&self, stage: &Stage, taste: f64, offset: u8, quarter: u8) -> f64 {
        taste + self.timing * stage.alignment.at((quarter + offset).into())
    }

    /// u, from what moment and kind add to it and from the tip's features.
    #[inline(always)]
    pub(super) fn u(&self, moment: f64, kind: f64, priority: f64, urgency: f64, effort: f64) -> f64 {
        (moment + kind)
            + (self.priority * (2.0 * priority - 1.0) + (self.urgency * urgency + self.effort * effort))
    }
}
