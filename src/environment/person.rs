//! One simulated person: who they are, what they meet, how they would react.
//!
//! At each step the person meets a moment with K candidates. Tip k would be completed with probability
//! sigma(u_k), else dismissed with sigma(v_k), else snoozed with a fixed probability, else ignored, where
//!
//! ```text
//! u_k = base + receptivity(hour of the moment) + weekend - fatigue x tips of the last 24 hours
//!       + taste(kind) + timing cos(2 pi (hour of the tip - preferred hour of the kind) / 24)
//!       + priority (2 p - 1) + urgency x urgency feature + effort x effort feature
//! v_k = refusal.base - refusal.relief u_k
//! ```
//!
//! All of this, and the luck of the reaction, is drawn before anyone chooses. Since v falls as u rises,
//! the expected reward rises with u: the oracle takes the candidate with the largest u.

mod asked;

use super::logit::sigmas;
use super::stage::{DUE_DAYS, EFFORT_MINUTES, OWN_HOURS, QUARTERS, Stage, WAKING};
use crate::features::{CandidateFeatures, FeatureBlock, LANES, ProfileFeatures, weekend};
use crate::history::{Event, History};
use crate::persona::{noisy_profile, quarter};
use crate::policy::Luck;
use crate::profile::Profile;
use crate::random::Purpose;
use crate::reaction::Reaction;
use crate::request::{Candidate, Context, RawRequest};
use crate::scenario::{ChangeKind, ProfileServing, ProfileSource, RawScenario};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

/// Quarter hours in a day, as simulated time counts them.
const DAY: u32 = QUARTERS as u32;

/// Who the person is: the persona's values with this person's deviations. Logits.
#[derive(Debug, Clone)]
struct Character {
    base: f64,
    priority: f64,
    urgency: f64,
    effort: f64,
    weekend: f64,
    fatigue: f64,
    timing: f64,
    kinds: Vec<KindTaste>,
    /// The whole day's rhythm, in quarter hours later than the persona's.
    shift: u32,
    profile: Option<Profile>,
}

/// How the person takes one kind of tip.
#[derive(Debug, Clone, Copy)]
struct KindTaste {
    /// Added to u.
    taste: f64,
    /// The taste for the next kind, towards which a change goes.
    next: f64,
    /// Quarter hour at which it suits best.
    preferred: u32,
}

/// One candidate as it was drawn: positions in the stage's tables.
#[derive(Debug, Clone, Copy, Default)]
struct Drawn {
    kind: u8,
    priority: u8,
    due: u8,
    effort: u8,
    /// Quarter hour of the tip: its own or the moment's.
    quarter: u8,
    own_hour: bool,
}

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

/// What became of a shown tip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// What the person did, for how long, with which kind of tip.
    pub event: Event,
    /// The reward of the reaction.
    pub reward: f64,
    /// Expected reward of this tip for this person at this moment.
    pub expected: f64,
}

/// What becomes of a tip.
#[derive(Debug, Clone, Copy, Default)]
struct Probabilities {
    /// That it is completed.
    completed: f64,
    /// That it is dismissed if it is not completed.
    dismissed: f64,
}

/// A simulated person in the middle of their life.
#[derive(Debug)]
pub struct Person<'a> {
    stage: &'a Stage<'a>,
    character: Character,
    traits: Traits,
    /// The declared profile's features by kind; empty when the profile is emergent.
    declared: Vec<ProfileFeatures>,
    candidates: ChaCha8Rng,
    reactions: ChaCha8Rng,
    exploration: ChaCha8Rng,
    /// Steps lived, those of the history included.
    step: u32,
    /// Times of all steps so far in quarter hours, and how many of them are more than a day old.
    times: Vec<u32>,
    day_old: usize,
    drawn: Vec<Drawn>,
    /// What kind and hour of each candidate add to u, and u; padded as the block's rows are.
    kind_u: Vec<f64>,
    u: Vec<f64>,
    best: usize,
    /// Those of the best candidate.
    best_probabilities: Probabilities,
    seed: u64,
    completed_luck: f64,
    dismissed_luck: f64,
    snoozed_luck: f64,
    dwell_level: usize,
    lost: bool,
}

impl<'a> Person<'a> {
    /// The person of number `user` on a stage, before their first step.
    pub(super) fn new(stage: &'a Stage<'a>, user: u64) -> Self {
        let count = stage.scenario.raw().candidates.count as usize;
        let steps = stage.scenario.raw().steps + stage.scenario.raw().history.steps;
        let mut rng = stage.streams.of(user, Purpose::Traits);
        let shares = stage.scenario.raw().traits;
        let mut with_share = |share: f64| rng.random::<f64>() < share;
        let traits = Traits {
            new: with_share(shares.new),
            no_profile: with_share(shares.no_profile),
            weekend: with_share(shares.weekend),
        };
        let character = Character::draw(stage, &mut rng);
        let declared = character.profile.iter().flat_map(|profile| {
            let by_kind = stage.scenario.raw().profile.serving != ProfileServing::UserLevel;
            stage
                .kinds
                .iter()
                .map(move |k| ProfileFeatures::of(&profile.values_for(Some(k.as_str()).filter(|_| by_kind))))
        });
        Self {
            stage,
            declared: declared.collect(),
            character,
            traits,
            candidates: stage.streams.of(user, Purpose::Candidates),
            reactions: stage.streams.of(user, Purpose::Reactions),
            exploration: stage.streams.of(user, Purpose::Exploration),
            step: 0,
            times: Vec::with_capacity(steps as usize),
            day_old: 0,
            drawn: vec![Drawn::default(); count],
            kind_u: vec![0.0; count.next_multiple_of(LANES)],
            u: vec![0.0; count.next_multiple_of(LANES)],
            best: 0,
            best_probabilities: Probabilities::default(),
            seed: 0,
            completed_luck: 0.0,
            dismissed_luck: 0.0,
            snoozed_luck: 0.0,
            dwell_level: 0,
            lost: false,
        }
    }

    /// The conditions they live under.
    #[inline(always)]
    pub fn scenario(&self) -> &'a RawScenario {
        self.stage.scenario.raw()
    }

    /// Goes on to the next step: draws moment, candidates and luck, and writes the candidates' dimensions
    /// 0 to 6 into `block`.
    #[inline(always)]
    pub fn advance(&mut self, block: &mut FeatureBlock) {
        let stage = self.stage;
        let scenario = stage.scenario.raw();
        let moments = scenario.moments;
        let slot = self.step % moments.per_day;
        let day = self.day(self.step / moments.per_day);
        // Slots of equal length, one decision somewhere in each.
        let span = WAKING.end - WAKING.start;
        let (from, to) = (slot * span / moments.per_day, (slot + 1) * span / moments.per_day);
        let word = self.candidates.next_u64();
        let now = WAKING.start + from + below(word as u32, (to - from).max(1));
        let time = day * DAY + now;
        while self.day_old < self.times.len() && self.times[self.day_old] + DAY <= time {
            self.day_old += 1;
        }
        let recent = (self.times.len() - self.day_old) as f64;
        self.times.push(time);
        let weekend = weekend(self.weekday());

        let t = &self.character;
        let felt = (now + DAY - t.shift) % DAY;
        let moment_u = t.base + stage.receptivity[felt as usize] + t.weekend * weekend - t.fatigue * recent;
        block.set_moment(weekend);
        self.draw_candidates(now, block);

        // u of every candidate, by rows of the block: the same sums, several candidates at a time.
        let t = &self.character;
        let rows = block.row(4).iter().zip(block.row(5)).zip(block.row(6));
        for ((u, kind), ((priority, urgency), effort)) in self.u.iter_mut().zip(&self.kind_u).zip(rows) {
            *u = (moment_u + kind)
                + (t.priority * (2.0 * priority - 1.0) + (t.urgency * urgency + t.effort * effort));
        }
        let mut best = 0;
        for (k, u) in self.u[..self.drawn.len()].iter().enumerate() {
            if *u > self.u[best] {
                best = k;
            }
        }
        self.best = best;
        self.best_probabilities = self.probabilities_of(self.u[best]);

        let (first, second) = (self.reactions.next_u64(), self.reactions.next_u64());
        self.completed_luck = unit((first >> 32) as u32);
        self.dismissed_luck = unit(first as u32);
        self.snoozed_luck = unit((second >> 32) as u32);
        self.dwell_level = (second as u32 & 0xfff) as usize;
        self.lost = f64::from((second as u32) >> 12) < scenario.rewards.lost * f64::from(1 << 20);
        self.seed = self.exploration.next_u64() % Luck::SEEDS;
        self.step += 1;
    }

    /// Draws the candidates of a step at quarter hour `now`: their dimensions go into `block`, and what their
    /// kind and hour add to u into `kind_u`.
    #[inline(always)]
    fn draw_candidates(&mut self, now: u32, block: &mut FeatureBlock) {
        let (stage, t) = (self.stage, &self.character);
        let kinds = t.kinds.len() as u32;
        let changed = self.changed();
        let dues = (DUE_DAYS.end() - DUE_DAYS.start() + 1) as u32;
        let hours = OWN_HOURS.end() - OWN_HOURS.start() + 1;
        let mut rows = block.candidate_rows();
        for (k, (drawn, kind_u)) in self.drawn.iter_mut().zip(&mut self.kind_u).enumerate() {
            // One word per candidate, cut into fields: kind, priority, due date, effort, own hour.
            let word = self.candidates.next_u64();
            let field = |shift: u32, bits: u32| (word >> shift) as u32 & ((1 << bits) - 1);
            let kind = (field(0, 12) * kinds) >> 12;
            let priority = (field(12, 12) * 101) >> 12;
            let due = if field(24, 10) < stage.due_below { (field(34, 8) * dues) >> 8 } else { dues };
            let effort = field(42, 3);
            let own_hour = field(45, 10) < stage.hour_below;
            let own = 4 * (OWN_HOURS.start() + ((field(55, 9) * hours) >> 9));
            let quarter = if own_hour { own } else { now };
            *drawn = Drawn {
                kind: kind as u8,
                priority: priority as u8,
                due: due as u8,
                effort: effort as u8,
                quarter: quarter as u8,
                own_hour,
            };
            let KindTaste { taste, next, preferred } = t.kinds[kind as usize];
            let away = quarter + DAY - preferred;
            *kind_u = taste + changed * (next - taste) + t.timing * stage.alignment.at(away as usize);
            let features = CandidateFeatures {
                clock: stage.clock.at(quarter as usize),
                priority: stage.priority.at(priority as usize),
                urgency: stage.urgency.at(due as usize),
                effort: stage.effort.at(effort as usize),
            };
            rows.set(k, &features);
        }
    }

    /// The luck of whoever chooses at this step, the same for every policy.
    #[inline(always)]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Index of each candidate's kind.
    #[inline(always)]
    pub fn kind(&self, k: usize) -> usize {
        self.drawn[k].kind as usize
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

    /// How the profile reaches the policies for this user.
    #[inline(always)]
    fn serving(&self) -> ProfileServing {
        if self.traits.no_profile { ProfileServing::Missing } else { self.scenario().profile.serving }
    }

    /// Whether the reward of this step never arrives.
    #[inline(always)]
    pub fn reward_is_lost(&self) -> bool {
        self.lost
    }

    /// Expected reward of the best candidate: what an oracle that knows the person would get.
    #[inline(always)]
    pub fn best_expected(&self) -> f64 {
        self.expected(self.best_probabilities)
    }

    /// How the person reacts when candidate `k` is shown.
    #[inline(always)]
    pub fn react(&self, k: usize) -> Outcome {
        let probabilities =
            if k == self.best { self.best_probabilities } else { self.probabilities_of(self.u[k]) };
        let Probabilities { completed, dismissed } = probabilities;
        let reaction = if self.completed_luck < completed {
            Reaction::Completed
        } else if self.dismissed_luck < dismissed {
            Reaction::Dismissed
        } else if self.snoozed_luck < self.stage.persona.raw().refusal.snooze {
            Reaction::Snoozed
        } else {
            Reaction::Ignored
        };
        let drawn = &self.drawn[k];
        let event = Event {
            kind: drawn.kind as usize,
            hour: f64::from(drawn.quarter) / 4.0,
            reaction,
            dwell_seconds: self.stage.dwell(reaction, self.dwell_level),
        };
        Outcome { event, reward: reaction.reward(), expected: self.expected(probabilities) }
    }

    /// Writes the profile's dimensions of every candidate into `block`, as the scenario serves the profile
    /// that follows from `history`.
    #[inline(always)]
    pub fn serve_profile(&self, history: &History, block: &mut FeatureBlock) {
        let (by_kind, user) = if self.declared.is_empty() {
            (history.features(), Some(history.user_features()))
        } else {
            (&self.declared[..], None)
        };
        let serving = self.serving();
        let mut rows = block.profile_rows();
        for (k, drawn) in self.drawn.iter().enumerate() {
            let kind = drawn.kind as usize;
            let features = match (serving, user) {
                (ProfileServing::Missing, _) => &ProfileFeatures::UNKNOWN,
                (ProfileServing::WrongKind, _) => &by_kind[next_kind(kind, by_kind.len())],
                (ProfileServing::UserLevel, Some(user)) => user,
                // A declared profile was cut down to the user's own values when it was drawn.
                (ProfileServing::UserLevel | ProfileServing::Full, _) => &by_kind[kind],
            };
            rows.set(k, features);
        }
    }

    /// This step as a request would put it: what [`Self::advance`] and [`Self::serve_profile`] put into the
    /// block. Candidates are named `c0`, `c1`, ...
    pub fn request(&self, history: &History) -> RawRequest {
        let time = self.times.last().copied().unwrap_or(0);
        let candidate = |(k, d): (usize, &Drawn)| Candidate {
            id: format!("c{k}"),
            kind: Some(self.stage.kinds[d.kind as usize].clone()),
            priority: Some(f64::from(d.priority) / 100.0),
            due_in_days: DUE_DAYS.clone().nth(d.due as usize).map(f64::from),
            effort_minutes: Some(f64::from(EFFORT_MINUTES[d.effort as usize])),
            hour: d.own_hour.then(|| f64::from(d.quarter) / 4.0),
        };
        RawRequest {
            user: None,
            policy: None,
            seed: Some(self.seed),
            context: Context { hour: f64::from(time % DAY) / 4.0, weekday: self.weekday() },
            candidates: self.drawn.iter().enumerate().map(candidate).collect(),
            profile_features: self.served_profile(history),
        }
    }

    /// The profile as a request would carry it.
    fn served_profile(&self, history: &History) -> Option<Profile> {
        match (self.serving(), &self.character.profile) {
            (ProfileServing::Missing, _) => None,
            (serving, Some(profile)) => Some(serve(profile.clone(), serving, &self.stage.kinds)),
            (serving, None) => Some(serve(history.profile(&self.stage.kinds), serving, &self.stage.kinds)),
        }
    }

    /// Day of the week of the latest step; everybody's life begins on a Monday.
    fn weekday(&self) -> u8 {
        self.times.last().map_or(0, |time| (time / DAY % 7) as u8)
    }

    /// How far tastes have moved towards those for the next kind, in [0, 1].
    fn changed(&self) -> f64 {
        let scenario = self.stage.scenario.raw();
        let Some(change) = scenario.change else { return 0.0 };
        let lived = f64::from(self.step) - f64::from(self.history_steps());
        let part = lived / f64::from(scenario.steps);
        let share = match change.kind {
            ChangeKind::Sudden => f64::from(u8::from(part >= change.at)),
            ChangeKind::Drift => ((part - change.at) / (1.0 - change.at)).clamp(0.0, 1.0),
        };
        share * self.stage.persona.raw().changeability
    }

    #[inline(always)]
    fn probabilities_of(&self, u: f64) -> Probabilities {
        let refusal = &self.stage.persona.raw().refusal;
        let [completed, dismissed] = sigmas([u, refusal.base - refusal.relief * u]);
        Probabilities { completed, dismissed }
    }

    #[inline(always)]
    fn expected(&self, p: Probabilities) -> f64 {
        let snooze = self.stage.persona.raw().refusal.snooze;
        let mild = snooze * Reaction::Snoozed.reward() + (1.0 - snooze) * Reaction::Ignored.reward();
        let refused = p.dismissed * Reaction::Dismissed.reward() + (1.0 - p.dismissed) * mild;
        p.completed * Reaction::Completed.reward() + (1.0 - p.completed) * refused
    }
}

impl Character {
    fn draw(stage: &Stage, rng: &mut ChaCha8Rng) -> Self {
        let persona = stage.persona.raw();
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
            taste: tastes[i],
            next: tastes[next_kind(i, tastes.len())],
            preferred: quarters(kind.preferred_hour + spread.hours * normal()),
        });
        let kinds = kinds.collect();
        let conditions = stage.scenario.raw().profile;
        let profile = (conditions.source == ProfileSource::Synthetic)
            .then(|| noisy_profile(&persona.profile, &mut normal));
        Self { base, priority, urgency, effort, weekend, fatigue, timing, kinds, shift, profile }
    }
}

/// A profile as a scenario serves it, where it serves one.
fn serve(mut profile: Profile, serving: ProfileServing, kinds: &[String]) -> Profile {
    match serving {
        ProfileServing::Full | ProfileServing::Missing => {}
        ProfileServing::UserLevel => profile.by_kind.clear(),
        ProfileServing::WrongKind => {
            let values = |kind: &String| profile.by_kind.iter().find(|(k, _)| k == kind).map(|(_, v)| *v);
            let of_next = |(i, kind): (usize, &String)| {
                Some((kind.clone(), values(&kinds[next_kind(i, kinds.len())])?))
            };
            profile.by_kind = kinds.iter().enumerate().filter_map(of_next).collect();
        }
    }
    profile
}

/// The kind whose values a misleading profile serves for `kind`, and towards which tastes change.
#[inline(always)]
fn next_kind(kind: usize, kinds: usize) -> usize {
    if kind + 1 == kinds { 0 } else { kind + 1 }
}

/// An hour as quarter hours of the day.
fn quarters(hour: f64) -> u32 {
    (quarter(hour) * 4.0) as u32 % DAY
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
