//! What is computed of all the people of a party at once.

use super::super::person::candidates::{Drawn, Moment};
use super::super::person::reaction::answers;
use super::super::person::utility::{u, u_of_kind};
use super::super::stage::Stage;
use super::{Answers, Characters};
use crate::features::{ALL_DIMS, ProfileFeatures, alignment};
use crate::persona::Refusal;
use crate::vector::{Kernel, LANES, Lanes, Vector, each, lanes};

/// Draws the candidates that random words stand for: writes their dimensions 1 to 6, their kinds, and u; gives the
/// largest u. Features are put together in registers, since u needs them there.
pub(super) struct Draw<'p> {
    pub(super) stage: &'p Stage<'p>,
    pub(super) characters: &'p Characters,
    pub(super) moments: [Moment; LANES],
    pub(super) words: [&'p [[u8; 8]]; LANES],
    pub(super) rows: &'p mut [[Lanes; ALL_DIMS]],
    pub(super) kinds: &'p mut [[u8; LANES]],
    pub(super) u: &'p mut [Lanes],
}

impl Kernel<Lanes> for Draw<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) -> Lanes {
        let Self { stage, characters, moments, kinds: all_kinds, u: us, .. } = self;
        let count = self.rows.len();
        let (all_kinds, us) = (&mut all_kinds[..count], &mut us[..count]);
        let words = each!(l => &self.words[l][..count]);
        let moment = V::load(level, &lanes!(l => moments[l].u));
        let weekend = lanes!(l => moments[l].weekend);
        let [priority, urgency, effort] = &characters.features;
        let weights = [V::load(level, priority), V::load(level, urgency), V::load(level, effort)];
        let timing = V::load(level, &characters.timing);
        let mut best = V::all(level, f64::NEG_INFINITY);
        for k in 0..count {
            let drawn = each!(l => Drawn::of(words[l][k], stage));
            let quarter = each!(l => drawn[l].meant_for.quarter(moments[l].now));
            let of_kind = each!(l => &characters.kinds[drawn[l].kind]);
            let taste = lanes!(l => of_kind[l].0[l]);
            let suits = lanes!(l => stage.alignment.at((quarter[l] + of_kind[l].1[l]).into()));
            let kind = u_of_kind(V::load(level, &taste), timing, V::load(level, &suits));
            let clock = each!(l => stage.clock.of(quarter[l].into()));
            let sin = V::load(level, &lanes!(l => clock[l].sin));
            let cos = V::load(level, &lanes!(l => clock[l].cos));
            let priority = V::load(level, &lanes!(l => stage.priority.at(drawn[l].priority)));
            let urgency = V::load(level, &lanes!(l => stage.urgency.at(drawn[l].due)));
            let effort = V::load(level, &lanes!(l => stage.effort.at(drawn[l].effort)));
            let of_this = u(level, weights, moment, kind, [priority, urgency, effort]);
            best = best.larger(of_this);
            us[k] = of_this.cell();
            all_kinds[k] = each!(l => drawn[l].kind as u8);
            let row = &mut self.rows[k];
            row[1] = sin.cell();
            row[2] = cos.cell();
            row[3] = weekend;
            row[4] = priority.cell();
            row[5] = urgency.cell();
            row[6] = effort.cell();
        }
        best.cell()
    }
}

/// Writes dimensions 7 to 11 of candidates of these kinds, once dimensions 1 and 2 are there.
pub(super) struct Profiles<'p> {
    /// By lane and kind.
    pub(super) features: [&'p [ProfileFeatures]; LANES],
    pub(super) kinds: &'p [[u8; LANES]],
    pub(super) rows: &'p mut [[Lanes; ALL_DIMS]],
}

impl Kernel<Lanes> for Profiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) {
        for (row, kinds) in self.rows.iter_mut().zip(self.kinds) {
            let of = each!(l => &self.features[l][kinds[l] as usize]);
            let cos = V::load(level, &lanes!(l => of[l].preferred.cos));
            let sin = V::load(level, &lanes!(l => of[l].preferred.sin));
            let alignment = alignment([V::load(level, &row[2]), V::load(level, &row[1])], [cos, sin]);
            // Put together in registers: what is written double by double and read as a vector soon after has to wait.
            row[7] = V::load(level, &lanes!(l => of[l].completion_rate)).cell();
            row[8] = V::load(level, &lanes!(l => of[l].dismiss_rate)).cell();
            row[9] = V::load(level, &lanes!(l => of[l].mean_dwell)).cell();
            row[10] = alignment.cell();
            row[11] = V::load(level, &lanes!(l => of[l].tip_volume)).cell();
        }
    }
}

/// What people who refuse so make of a tip with this u.
pub(super) struct Consider<'p> {
    pub(super) refusal: &'p Refusal,
    pub(super) mild: f64,
    pub(super) u: Lanes,
}

impl Kernel<Lanes> for Consider<'_> {
    type Output = Answers;

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, _: V::Level) -> Answers {
        let [completed, dismissed, expected] = answers(self.refusal, self.mild, self.u.0).map(Lanes);
        Answers { completed, dismissed, expected }
    }
}
