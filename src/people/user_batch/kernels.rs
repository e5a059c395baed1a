//! What is computed of all the people of a batch at once.

use super::characters::{Characters, KindNow};
use crate::base::vector::{Kernel, LANES, Lanes, Vector, each, lanes};
use crate::features::{ALL_DIMS, ProfileFeatures, alignment};
use crate::people::person::candidates::{Drawn, Moment, Offer};
use crate::people::person::odds::odds_of;
use crate::people::person::utility::{u, u_of_kind};
use crate::people::persona::Refusal;
use crate::people::persona_simulator::PersonaSimulator;

/// What they make of one tip each.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BatchOdds {
    pub(super) completed: Lanes,
    pub(super) dismissed: Lanes,
    pub(super) expected: Lanes,
}

/// Draws the candidates that random words stand for: writes their dimensions 1 to 6, what is remembered of them, and u;
/// gives the largest u.
pub(super) struct Draw<'p> {
    pub(super) simulator: &'p PersonaSimulator<'p>,
    pub(super) characters: &'p Characters,
    pub(super) moments: [Moment; LANES],
    pub(super) words: [&'p [[u8; 8]]; LANES],
    pub(super) rows: &'p mut [[Lanes; ALL_DIMS]],
    pub(super) offers: &'p mut [[Offer; LANES]],
    pub(super) u: &'p mut [Lanes],
}

impl Draw<'_> {
    /// Number by number what stands in tables, for the candidates of one person: few places to hold on to at a time. A
    /// function of its own, or it would have to hold on to those of the whole loop as well.
    #[inline(never)]
    fn look_up<const IS_BENT: bool>(&mut self, lane: usize) {
        let Self { simulator, characters, moments, words, rows, offers, u } = self;
        let l = lane % LANES;
        let (now, timing, tastes) = (moments[l].now, characters.timing[l], &*characters.kinds);
        let columns = rows.iter_mut().zip(offers.iter_mut().zip(u.iter_mut()));
        for (word, (row, (offer, u))) in words[l].iter().zip(columns) {
            let drawn = Drawn::of(*word, simulator);
            offer[l] = drawn.offer(now);
            let Offer { kind, quarter } = offer[l];
            let KindNow { taste, offset } = tastes[usize::from(kind)][l];
            u[l] = u_of_kind(taste, timing, simulator.alignment.at((quarter + offset).into()));
            if IS_BENT {
                u[l] += simulator.bent(drawn.priority, drawn.effort, now);
            }
            let clock = simulator.clock.of(quarter.into());
            row[1][l] = clock.sin;
            row[2][l] = clock.cos;
            row[4][l] = simulator.priority.at(drawn.priority);
            row[5][l] = simulator.urgency.at(drawn.due);
            row[6][l] = simulator.effort.at(drawn.effort);
        }
    }
}

impl Kernel<Lanes> for Draw<'_> {
    type Output = Lanes;

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(mut self, level: V::Level) -> Lanes {
        let is_bent = self.simulator.is_bent();
        for lane in 0..LANES {
            if is_bent { self.look_up::<true>(lane) } else { self.look_up::<false>(lane) }
        }
        let Self { characters, moments, rows, u: us, .. } = self;
        let weekend = lanes!(l => moments[l].weekend);
        let moment = V::load(level, &lanes!(l => moments[l].u));
        let [priority, urgency, effort] = &characters.features;
        let weights = [V::load(level, priority), V::load(level, urgency), V::load(level, effort)];
        let mut best = V::all(level, f64::NEG_INFINITY);
        for (row, of_kind) in rows.iter_mut().zip(us) {
            row[3] = weekend;
            let features = [V::load(level, &row[4]), V::load(level, &row[5]), V::load(level, &row[6])];
            let of_this = u(level, weights, moment, V::load(level, of_kind), features);
            best = best.larger(of_this);
            *of_kind = of_this.cell();
        }
        best.cell()
    }
}

/// Writes dimensions 7 to 11 of these candidates, once dimensions 1 and 2 are there.
pub(super) struct Profiles<'p> {
    /// The features by lane and kind.
    pub(super) features: [&'p [ProfileFeatures]; LANES],
    pub(super) offers: &'p [[Offer; LANES]],
    pub(super) rows: &'p mut [[Lanes; ALL_DIMS]],
}

impl Kernel<Lanes> for Profiles<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, level: V::Level) {
        for (row, offers) in self.rows.iter_mut().zip(self.offers) {
            let of = each!(l => &self.features[l][usize::from(offers[l].kind)]);
            let cos = V::load(level, &lanes!(l => of[l].preferred.cos));
            let sin = V::load(level, &lanes!(l => of[l].preferred.sin));
            let alignment = alignment(level, [V::load(level, &row[2]), V::load(level, &row[1])], [cos, sin]);
            // Put together in registers: what is written double by double and read as a vector soon after has to wait.
            row[7] = V::load(level, &lanes!(l => of[l].completion_rate)).cell();
            row[8] = V::load(level, &lanes!(l => of[l].dismiss_rate)).cell();
            row[9] = V::load(level, &lanes!(l => of[l].mean_dwell)).cell();
            row[10] = alignment.cell();
            row[11] = V::load(level, &lanes!(l => of[l].tip_volume)).cell();
        }
    }
}

/// Computes what people who refuse so make of tips with these u.
pub(super) struct Consider<'p> {
    pub(super) refusal: &'p Refusal,
    pub(super) mild: f64,
    pub(super) u: &'p [Lanes],
    pub(super) odds: &'p mut [BatchOdds],
}

impl Kernel<Lanes> for Consider<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = Lanes>>(self, _: V::Level) {
        for (u, out) in self.u.iter().zip(self.odds) {
            let [completed, dismissed, expected] = odds_of(self.refusal, self.mild, u.0).map(Lanes);
            *out = BatchOdds { completed, dismissed, expected };
        }
    }
}
