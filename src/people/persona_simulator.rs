//! One persona in one scenario, made ready for many people: everything that does not differ between them
//! is computed here, once.

use super::digest::{of_character, of_conditions};
use crate::base::random::Streams;
use crate::base::vector::{LANES, Lanes};
use crate::domain::reaction::Reaction;
use crate::features::{self, Clock, FeatureBlock, FeatureSet};
use crate::people::persona::Persona;
use crate::people::scenario::{Bends, Scenario};
use rand::SeedableRng;
use rand_distr::StandardNormal;
use rand_xoshiro::SplitMix64;
use std::hint::select_unpredictable;
use std::ops::{Range, RangeInclusive};

/// Quarter hours in a day, the resolution of simulated time.
pub(super) const QUARTERS: usize = 96;
/// Waking quarter hours, from 7:00 to 23:00, over which decisions are spread.
pub(super) const WAKING: Range<u32> = 28..92;
/// Values of `due_in_days` that a candidate may have: three days overdue to two weeks ahead.
pub(super) const DUE_DAYS: RangeInclusive<i32> = -3..=14;
/// Values of `effort_minutes` that a candidate may have.
pub(super) const EFFORT_MINUTES: [u32; 8] = [5, 10, 15, 20, 30, 45, 60, 90];
/// Whole hours that a candidate may be meant for.
pub(super) const OWN_HOURS: RangeInclusive<u32> = 6..=22;
/// Levels of the dwell's noise: few enough that the tables stay in the fastest cache.
pub(super) const DWELL_LEVELS: usize = 256;

/// A persona in a scenario, compiled: tables over the finitely many hours, priorities, dates and efforts
/// that simulated candidates have. The features in them come from [`crate::features`].
#[derive(Debug, Clone)]
pub struct PersonaSimulator<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) persona: &'a Persona,
    pub(super) kinds: Vec<String>,
    pub(super) streams: Streams,
    /// The hour at each quarter hour: it is in a table, for a processor cannot predict when a tip is meant for.
    pub(super) hour: Lookup<f64, 256>,
    /// The clock feature at each quarter hour.
    pub(super) clock: Lookup<Clock, 256>,
    /// Receptivity, a term of u, at each quarter hour.
    pub(super) receptivity: [f64; QUARTERS],
    /// cos(2 pi d / 24) at each distance d in quarter hours, over two days.
    pub(super) alignment: Lookup<f64, 256>,
    /// What else people respond to, where it is anything.
    bends: Option<Bends>,
    /// Index of a candidate's kind by eight random bits.
    pub(super) kind: Lookup<u8, 256>,
    /// Priority by eight random bits.
    pub(super) priority: Lookup<f64, 256>,
    /// Urgency by position in [`DUE_DAYS`]; the next is that of no due date.
    pub(super) urgency: Lookup<f64, 256>,
    /// The effort feature by position in [`EFFORT_MINUTES`].
    pub(super) effort: Lookup<f64, 8>,
    /// Position in `urgency` by ten random bits.
    pub(super) due: Lookup<u8, 1024>,
    /// When a candidate is meant for, by ten random bits.
    pub(super) meant_for: Lookup<MeantFor, 1024>,
    /// Quarter hours of the day's decisions: slots of equal length, one decision somewhere in each.
    pub(super) slots: Vec<Range<u32>>,
    /// Expected reward of a tip that is neither completed nor dismissed.
    pub(super) mild_reward: f64,
    /// Dwell in seconds by level and reaction: what the level decides lies together.
    pub(super) dwell: Lookup<[f64; 4], DWELL_LEVELS>,
}

impl<'a> PersonaSimulator<'a> {
    /// A persona in a scenario, ready to be simulated under a seed.
    pub fn new(scenario: &'a Scenario, persona: &'a Persona, seed: u64) -> Self {
        Self::of_twin(scenario, persona, seed, 0)
    }

    /// The simulator of the `twin`-th of the personas that differ in nothing but name and share: their people are others.
    pub fn of_twin(scenario: &'a Scenario, persona: &'a Persona, seed: u64, twin: usize) -> Self {
        let raw = persona.raw();
        let hour_of = |quarter: usize| quarter as f64 / 4.0;
        let receptivity_at = |h: f64| {
            let bump = |w: &crate::people::persona::Window| {
                let apart = (h - w.hour).abs();
                let distance = apart.min(24.0 - apart) / w.width;
                w.strength * libm::exp(-0.5 * distance * distance)
            };
            raw.receptive.iter().map(bump).sum::<f64>()
        };
        let (candidates, per_day) = (scenario.raw().candidates, scenario.raw().moments.per_day);
        let span = WAKING.end - WAKING.start;
        let slots = (0..per_day).map(|slot| {
            let from = WAKING.start + slot * span / per_day;
            from..(WAKING.start + (slot + 1) * span / per_day).max(from + 1)
        });
        let bends = scenario.raw().bends;
        let kinds: Vec<String> = persona.kinds().map(str::to_owned).collect();
        let count = kinds.len();
        let no_due = DUE_DAYS.count() as u8;
        let dues = DUE_DAYS.map(|d| Some(f64::from(d))).chain([None]);
        let medians = [raw.dwell.completed, raw.dwell.snoozed, raw.dwell.ignored, raw.dwell.dismissed];
        Self {
            scenario,
            persona,
            kinds,
            streams: Streams::new(
                seed,
                &of_conditions(scenario),
                &format!("{} {twin}", of_character(persona)),
            ),
            hour: Lookup::new((0..QUARTERS).map(hour_of)),
            clock: Lookup::new((0..QUARTERS).map(|q| Clock::at(hour_of(q)))),
            receptivity: std::array::from_fn(|q| receptivity_at(hour_of(q))),
            alignment: Lookup::new((0..2 * QUARTERS).map(|q| {
                let hours = hour_of(q % QUARTERS);
                bends.suits(hours, Clock::at(hours).cos)
            })),
            bends: (bends.threshold != 0.0 || bends.interaction != 0.0).then_some(bends),
            kind: Lookup::new((0..256).map(|bits| (bits * count / 256) as u8)),
            priority: Lookup::new((0..256).map(|bits| features::priority(Some(priority(bits))))),
            urgency: Lookup::new(dues.map(features::urgency)),
            effort: Lookup::new(EFFORT_MINUTES.iter().map(|m| features::effort(Some(f64::from(*m))))),
            due: guide(candidates.due_share, 0..no_due, no_due),
            meant_for: guide(candidates.hour_share, OWN_HOURS.map(MeantFor::hour), MeantFor::THE_MOMENT),
            slots: slots.collect(),
            mild_reward: raw.refusal.snooze * Reaction::Snoozed.reward()
                + (1.0 - raw.refusal.snooze) * Reaction::Ignored.reward(),
            dwell: Lookup::new(dwell_levels(medians, raw.dwell.spread)),
        }
    }

    /// Whether utilities have parts that no linear model has.
    #[inline(always)]
    pub(super) fn is_bent(&self) -> bool {
        self.bends.is_some()
    }

    /// What a candidate adds to u at quarter hour `now` besides what its features and its kind do.
    #[inline(always)]
    pub(super) fn bent(&self, priority: usize, effort: usize, now: u8) -> f64 {
        match self.bends {
            None => 0.0,
            Some(bends) => {
                bends.of(self.priority.at(priority), f64::from(EFFORT_MINUTES[effort]), now.into())
            }
        }
    }

    /// The persona.
    pub fn persona(&self) -> &Persona {
        self.persona
    }

    /// A block for the candidates of one step, with room for the profile's dimensions; dimension 0 is there.
    pub fn block(&self) -> FeatureBlock<Lanes> {
        let mut block =
            FeatureBlock::new(FeatureSet::WIDEST.dim(), self.scenario.raw().candidates.count as usize);
        (0..block.len()).for_each(|k| block.row_mut(k)[0] = Lanes([1.0; LANES]));
        block
    }

    /// Names of the kinds of tip, in the order of their indices.
    pub fn kinds(&self) -> &[String] {
        &self.kinds
    }
}

/// A candidate's priority from eight random bits: whole hundredths in [0, 1].
pub(super) fn priority(bits: usize) -> f64 {
    (bits * 101 / 256) as f64 / 100.0
}

/// The table of what ten random bits give: one of `values`, evenly, with this probability, else `without`.
fn guide<T: Copy>(share: f64, values: impl Iterator<Item = T>, without: T) -> Lookup<T, 1024> {
    let values: Vec<T> = values.collect();
    let with = (share * 1024.0).ceil() as usize;
    Lookup::new((0..1024).map(|i| if i < with { values[i * values.len() / with] } else { without }))
}

/// When a candidate is meant for: the quarter hour of an hour of its own, or the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MeantFor(u8);

impl MeantFor {
    pub(super) const THE_MOMENT: Self = Self(u8::MAX);

    /// What it is as a position in a table of 256.
    pub(super) fn code(self) -> u8 {
        self.0
    }

    /// What such a position stands for.
    pub(super) fn of_code(code: u8) -> Self {
        Self(code)
    }

    fn hour(hour: u32) -> Self {
        Self(4 * hour as u8)
    }

    /// The quarter hour, in a moment at quarter hour `now`.
    #[inline(always)]
    pub(super) fn quarter(self, now: u8) -> u8 {
        select_unpredictable(self == Self::THE_MOMENT, now, self.0)
    }

    /// The hour of its own.
    pub(super) fn own_hour(self) -> Option<f64> {
        (self != Self::THE_MOMENT).then(|| f64::from(self.0) / 4.0)
    }
}

/// A table whose length is a power of two, so that a masked index needs no check.
#[derive(Debug, Clone)]
pub(super) struct Lookup<T, const N: usize>([T; N]);

impl<T: Copy, const N: usize> Lookup<T, N> {
    /// The values, the first of them again where they end before the table does.
    fn new(values: impl Iterator<Item = T>) -> Self {
        assert!(N.is_power_of_two());
        let values: Vec<T> = values.collect();
        Self(std::array::from_fn(|i| *values.get(i).unwrap_or(&values[0])))
    }

    /// Where the value at `index` lies, which must be below N.
    #[inline(always)]
    pub(super) fn of(&self, index: usize) -> &T {
        debug_assert!(index < N);
        &self.0[index & (N - 1)]
    }

    /// The value at `index`, which must be below N.
    #[inline(always)]
    pub(super) fn at(&self, index: usize) -> T {
        debug_assert!(index < N);
        self.0[index & (N - 1)]
    }
}

/// Log-normal dwells: a fixed sample of the distribution, rounded to tenths of a second, one level of which
/// is drawn at each step.
fn dwell_levels(medians: [f64; 4], spread: f64) -> impl Iterator<Item = [f64; 4]> {
    let mut rng = SplitMix64::seed_from_u64(0);
    let mut normals: Vec<f64> =
        (0..DWELL_LEVELS / 2).map(|_| rand::RngExt::sample(&mut rng, StandardNormal)).collect();
    // Antithetic halves: the median is exact.
    normals.extend_from_within(..);
    normals[DWELL_LEVELS / 2..].iter_mut().for_each(|z| *z = -*z);
    normals
        .into_iter()
        .map(move |z| medians.map(|median| (median * libm::exp(spread * z) * 10.0).round() / 10.0))
}
