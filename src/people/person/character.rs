//! Who a simulated person is: the persona's values with deviations of their own.

use crate::domain::profile::Profile;
use crate::people::persona::{noisy_profile, quarter};
use crate::people::persona_simulator::{PersonaSimulator, QUARTERS};
use crate::people::scenario::ProfileSource;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// Quarter hours in a day, as simulated time counts them.
pub(super) const DAY: u32 = QUARTERS as u32;

/// What sets users apart where a scenario declares it, each as a share of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Traits {
    /// Without a history when the policies start.
    pub new: bool,
    /// Without a profile, ever.
    pub no_profile: bool,
    /// Decides on Saturdays and Sundays only.
    pub weekend: bool,
}

/// Who the person is: the persona's values, in logits, with this person's deviations.
#[derive(Debug, Clone)]
pub(in crate::people) struct Character {
    pub(super) base: f64,
    pub(in crate::people) priority: f64,
    pub(in crate::people) urgency: f64,
    pub(in crate::people) effort: f64,
    pub(super) weekend: f64,
    pub(super) fatigue: f64,
    pub(in crate::people) timing: f64,
    pub(in crate::people) kinds: Vec<KindTaste>,
    /// The whole day's rhythm, in quarter hours later than the persona's.
    pub(super) shift: u32,
    pub(super) profile: Option<Profile>,
}

/// How the person takes one kind of tip.
#[derive(Debug, Clone, Copy)]
pub(in crate::people) struct KindTaste {
    /// What is added to u, as the taste is now.
    pub(in crate::people) now: f64,
    /// The taste that they started with, and that for the next kind, towards which a change goes.
    pub(super) taste: f64,
    pub(super) next: f64,
    /// Quarter hours from the one at which it suits best to midnight.
    pub(in crate::people) offset: u8,
}

impl Character {
    pub(super) fn draw(simulator: &PersonaSimulator, rng: &mut ChaCha8Rng) -> Self {
        let persona = simulator.persona.raw();
        let (response, spread) = (&persona.response, &persona.spread);
        let mut normal = || rng.sample::<f64, _>(StandardNormal);
        let mut scaled = |value: f64| value * (1.0 + spread.response * normal());
        let (priority, urgency, effort) =
            (scaled(response.priority), scaled(response.urgency), scaled(response.effort));
        let (weekend, timing) = (scaled(response.weekend), scaled(response.timing));
        let fatigue = scaled(response.fatigue).max(0.0);
        let base = response.base + spread.base * normal();
        let shift = quarters(spread.hours * normal());
        let tastes: Vec<f64> = persona.kinds.values().map(|k| k.taste + spread.taste * normal()).collect();
        let kinds = persona.kinds.values().enumerate().map(|(i, kind)| KindTaste {
            now: tastes[i],
            taste: tastes[i],
            next: tastes[next_kind(i, tastes.len())],
            offset: (DAY - quarters(kind.preferred_hour + spread.hours * normal())) as u8,
        });
        let kinds = kinds.collect();
        let conditions = simulator.scenario.raw().profile;
        let profile = (conditions.source == ProfileSource::Synthetic)
            .then(|| noisy_profile(&persona.profile, &mut normal));
        Self { base, priority, urgency, effort, weekend, fatigue, timing, kinds, shift, profile }
    }
}

/// An hour as quarter hours of the day.
pub(super) fn quarters(hour: f64) -> u32 {
    (quarter(hour) * 4.0) as u32 % DAY
}

/// The kind whose values a misleading profile serves for `kind`, and towards which tastes change.
#[inline(always)]
pub(super) fn next_kind(kind: usize, kinds: usize) -> usize {
    if kind + 1 == kinds { 0 } else { kind + 1 }
}
