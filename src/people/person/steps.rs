//! A person's steps: the moment and the random numbers of each, drawn before anyone chooses.

use super::candidates::{Drawn, Moment};
use super::character::{Character, DAY, Traits};
use crate::base::random::Purpose;
use crate::domain::profile::ProfileValues;
use crate::features::{ProfileFeatures, weekend};
use crate::people::persona_simulator::{DWELL_LEVELS, PersonaSimulator};
use crate::people::scenario::{ChangeKind, ProfileServing, RawScenario};
use crate::policy::DecisionRng;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt};

/// Random words of a step that are not a candidate's: moment, reaction (two), seed of the policies.
const COMMON_WORDS: usize = 4;

/// Words that the generator makes at a time.
const GENERATED: usize = 32;

/// A simulated person at one of their steps.
///
/// Where they are lies in private fields: [`UserBatch`](crate::people::UserBatch) takes them on.
#[derive(Debug)]
pub struct Person<'a> {
    pub(super) simulator: &'a PersonaSimulator<'a>,
    pub(in crate::people) character: Character,
    /// How much more patience they have than others.
    patience: f64,
    pub(super) traits: Traits,
    /// The declared profile's features by kind; empty when the profile is emergent.
    pub(super) declared: Vec<ProfileFeatures>,
    /// The values that those are of.
    pub(super) declared_values: Vec<ProfileValues>,
    rng: ChaCha8Rng,
    /// How many steps they have taken, those of the history included.
    step: u32,
    /// Random words of some steps, as bytes: for each step those in common, then one per candidate.
    words: Vec<[u8; 8]>,
    /// Where those of this step begin.
    first_word: usize,
    /// When the step is.
    pub(in crate::people) moment: Moment,
    /// Times of all steps so far in quarter hours, and how many of them are more than a day old.
    pub(super) times: Vec<u64>,
    pub(super) day_old: usize,
    /// Number of candidates.
    pub(super) count: usize,
    pub(super) seed: u64,
    pub(super) completed_draw: f64,
    pub(super) dismissed_draw: f64,
    pub(super) snoozed_draw: f64,
    /// Dwell in seconds by reaction.
    pub(super) dwell: [f64; 4],
    pub(super) lost: bool,
}

impl PersonaSimulator<'_> {
    /// The simulated person of this number, before their first step.
    pub fn person(&self, user: u64) -> Person<'_> {
        Person::new(self, user)
    }
}

impl<'a> Person<'a> {
    /// The person of number `user` of a simulator, before their first step.
    pub(in crate::people) fn new(simulator: &'a PersonaSimulator<'a>, user: u64) -> Self {
        let count = simulator.scenario.raw().candidates.count as usize;
        let steps = simulator.scenario.raw().steps + simulator.scenario.raw().history.steps;
        let mut rng = simulator.streams.of(user, Purpose::Traits);
        let shares = simulator.scenario.raw().traits;
        let mut with_share = |share: f64| rng.random::<f64>() < share;
        let traits = Traits {
            new: with_share(shares.new),
            no_profile: with_share(shares.no_profile),
            weekend: with_share(shares.weekend),
        };
        let character = Character::draw(simulator, &mut rng);
        let patience = rng.random::<f64>() + 0.5;
        let declared_values = character.profile.iter().flat_map(|profile| {
            let by_kind = simulator.scenario.raw().profile.serving != ProfileServing::UserLevel;
            simulator.kinds.iter().map(move |k| profile.values_for(Some(k.as_str()).filter(|_| by_kind)))
        });
        let declared_values: Vec<ProfileValues> = declared_values.collect();
        // The fewest steps for which the generator makes no word too many.
        let step_words = COMMON_WORDS + count;
        let steps_ahead = GENERATED >> step_words.trailing_zeros().min(GENERATED.trailing_zeros());
        Self {
            simulator,
            declared: declared_values.iter().map(ProfileFeatures::of).collect(),
            declared_values,
            character,
            patience,
            traits,
            rng: simulator.streams.of(user, Purpose::Steps),
            step: 0,
            words: vec![[0; 8]; steps_ahead * step_words],
            first_word: (steps_ahead - 1) * step_words,
            moment: Moment::default(),
            times: Vec::with_capacity(steps as usize),
            day_old: 0,
            count,
            seed: 0,
            completed_draw: 0.0,
            dismissed_draw: 0.0,
            snoozed_draw: 0.0,
            dwell: [0.0; 4],
            lost: false,
        }
    }

    /// The tables that this person is made from.
    #[inline(always)]
    pub(in crate::people) fn simulator(&self) -> &'a PersonaSimulator<'a> {
        self.simulator
    }

    /// The conditions that the scenario sets.
    #[inline(always)]
    pub fn scenario(&self) -> &'a RawScenario {
        self.simulator.scenario.raw()
    }

    /// The candidate that chance shows at this step.
    #[inline(always)]
    pub fn random_candidate(&self) -> usize {
        (self.seed % self.count as u64) as usize
    }

    /// The random words of this step's candidates.
    #[inline(always)]
    pub(in crate::people) fn candidate_words(&self) -> &[[u8; 8]] {
        &self.words[self.first_word + COMMON_WORDS..][..self.count]
    }

    /// Draws the moment of the next step, and what decides their reaction and the policies' choices at it.
    #[inline(always)]
    pub(in crate::people) fn draw_moment(&mut self) {
        let simulator = self.simulator;
        let scenario = simulator.scenario.raw();
        self.draw_words();
        let [moment, first, second, seed] = self.common_words();

        if scenario.change.is_some() {
            self.change_tastes();
        }
        let slot = &simulator.slots[(self.step % scenario.moments.per_day) as usize];
        let now = slot.start + below(moment as u32, slot.end - slot.start);
        let day = u64::from(self.day(self.step / scenario.moments.per_day));
        let time = day * u64::from(DAY) + u64::from(now);
        // Mostly none, one or two are a day old since the step before: those without a branch.
        let is_old = |i: usize| self.times.get(i).is_some_and(|then| then + u64::from(DAY) <= time);
        self.day_old += usize::from(is_old(self.day_old));
        self.day_old += usize::from(is_old(self.day_old));
        while is_old(self.day_old) {
            self.day_old += 1;
        }
        let recent = (self.times.len() - self.day_old) as f64;
        self.times.push(time);
        let weekend = weekend((day % 7) as u8);
        let u = self.character.u_of_moment(simulator, now, weekend, recent);
        self.moment = Moment { now: now as u8, weekend, u };

        self.completed_draw = unit((first >> 32) as u32);
        self.dismissed_draw = unit(first as u32);
        self.snoozed_draw = unit((second >> 32) as u32);
        self.dwell = simulator.dwell.at(second as usize % DWELL_LEVELS);
        self.lost = f64::from((second as u32) >> 12) < scenario.rewards.lost * f64::from(1 << 20);
        self.seed = seed % DecisionRng::SEEDS;
        self.step += 1;
    }

    /// Goes on to the words of the next step.
    #[inline(always)]
    fn draw_words(&mut self) {
        self.first_word += COMMON_WORDS + self.count;
        if self.first_word == self.words.len() {
            self.rng.fill_bytes(self.words.as_flattened_mut());
            self.first_word = 0;
        }
    }

    /// Random words of this step that are not a candidate's.
    #[inline(always)]
    fn common_words(&self) -> [u64; COMMON_WORDS] {
        let words = self.words[self.first_word..].first_chunk::<COMMON_WORDS>();
        words.expect("words for a whole step").map(u64::from_le_bytes)
    }

    /// The candidate of this step.
    #[inline(always)]
    pub(super) fn drawn(&self, k: usize) -> Drawn {
        debug_assert!(k < self.count);
        Drawn::of(self.words[self.first_word + COMMON_WORDS + k], self.simulator)
    }

    /// The seed of whoever chooses at this step: it is the same for every policy.
    #[inline(always)]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How much more patience they have than others, in [0.5, 1.5): of whom leaves.
    #[inline(always)]
    pub(crate) fn patience(&self) -> f64 {
        self.patience
    }

    /// What sets this user apart, where the scenario declares it.
    pub fn traits(&self) -> Traits {
        self.traits
    }

    /// Random decisions that lie behind this user when the policies start.
    pub fn history_steps(&self) -> u32 {
        if self.traits.new { 0 } else { self.scenario().history.steps }
    }

    /// The day of the user's n-th day with decisions.
    #[inline(always)]
    fn day(&self, n: u32) -> u32 {
        let scenario = self.scenario();
        if scenario.traits.weekend == 0.0 {
            n * scenario.moments.every_days
        } else if self.traits.weekend {
            n / 2 * 7 + 5 + n % 2
        } else {
            n / 5 * 7 + n % 5
        }
    }

    /// Whether the reward of this step never arrives.
    #[inline(always)]
    pub fn reward_is_lost(&self) -> bool {
        self.lost
    }

    /// Day of the week of the latest step; everybody begins on a Monday.
    pub(in crate::people) fn weekday(&self) -> u8 {
        self.times.last().map_or(0, |time| (time / u64::from(DAY) % 7) as u8)
    }

    /// Moves tastes towards those for the next kind, as far as the scenario's change has gone.
    fn change_tastes(&mut self) {
        let scenario = self.simulator.scenario.raw();
        let Some(change) = scenario.change else { return };
        let taken = f64::from(self.step) - f64::from(self.history_steps());
        let share = taken / f64::from(scenario.steps);
        let share = match change.kind {
            ChangeKind::Sudden => f64::from(u8::from(share >= change.at)),
            ChangeKind::Drift => ((share - change.at) / (1.0 - change.at)).clamp(0.0, 1.0),
        };
        let share = share * self.simulator.persona.raw().changeability;
        for kind in &mut self.character.kinds {
            kind.now = kind.taste + share * (kind.next - kind.taste);
        }
    }
}

/// A number in [0, 1) with 32 random bits.
#[inline(always)]
fn unit(bits: u32) -> f64 {
    f64::from(bits) / 4_294_967_296.0
}

/// A number below `n` from 32 random bits.
#[inline(always)]
fn below(bits: u32, n: u32) -> u32 {
    ((u64::from(bits) * u64::from(n)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::persona::Persona;
    use crate::people::scenario::Scenario;

    /// Some 120,000 years in, quarter hours no longer fit into 32 bits.
    #[test]
    fn time_goes_on_however_long_somebody_lives() {
        let text = "name = \"long\"\ndescription = \"long\"\nsteps = 1000000\n[moments]\nper_day = 1\nevery_days = 365\n";
        let scenario = Scenario::from_toml(text, "scenario").unwrap();
        let persona = Persona::shipped().unwrap().swap_remove(0);
        let simulator = PersonaSimulator::new(&scenario, &persona, 7);
        let mut person = simulator.person(0);
        let year = 365 * 24 * 60 * 60 * 1000;
        for step in [122_570, 999_000] {
            person.step = step;
            for n in u64::from(step)..u64::from(step) + 10 {
                person.draw_moment();
                assert_eq!(person.time_ms() / year, n);
                assert_eq!(person.recent(), 0);
            }
        }
    }
}
