//! Lives of simulated people under a program, many at once: at each step all of them are asked for in one batch, and all
//! of them learn in another.
//!
//! The people are those whom the one loop simulates: moments, candidates and reactions depend on nobody who chooses, so they
//! are drawn again here and are the same. What reaches the program is what reaches the other policies there, in the same
//! order; a test holds the two against each other.

use super::blocks::{Simulation, SimulationError};
use super::metrics::{UserRecord, UserTally};
use super::people_log::{LoggedStep, put_step};
use super::rollout::tire_one;
use super::run_sums::PersonaSums;
use super::step_loop::SimulatedDecision;
use crate::base::error::{Error, Result};
use crate::base::vector::{LANES, Lanes, each};
use crate::domain::request::{RawRequest, Request};
use crate::features::FeatureBlock;
use crate::features::profile_history::{ProfileHistory, TipEvent};
use crate::people::{Outcome, PersonaSimulator, UserBatch};
use crate::policy::program::{DecideCall, Program, WhichCall, sample};
use crate::policy::{DecisionRng, Model, Policy};
use crate::store::{Observation, Taught, learn_by};
use std::collections::VecDeque;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One decision of a program, as its observers are told of it, before anything is learned from it.
#[derive(Debug)]
pub struct ProgramDecision<'p, 'a> {
    /// Position of the persona.
    pub persona: usize,
    /// Number of the user.
    pub user: u64,
    /// The people of the user's lane.
    pub batch: &'p UserBatch<'a>,
    /// What the program was shown.
    pub request: &'p RawRequest,
    /// The probability with which each candidate was to be chosen.
    pub probabilities: &'p [f64],
    /// What was shown, and what became of it; the policy is the first.
    pub decided: SimulatedDecision,
    /// How long the program took for all that were asked at this step.
    pub asked: Duration,
}

/// What one user goes through.
struct Life {
    name: String,
    model: Model,
    history: ProfileHistory,
    /// Rewards that have not arrived yet, oldest first, each with the step at which it does.
    pending: VecDeque<(u32, Reward)>,
    weariness: f64,
    left: bool,
}

/// What there is to learn, and the event that goes into the history with it.
struct Reward {
    observation: Observation,
    event: TipEvent,
}

/// Users who take their steps in one batch, with what each of them goes through.
struct Group<'a> {
    persona: usize,
    first: u64,
    batch: UserBatch<'a>,
    block: FeatureBlock<Lanes>,
    lives: Vec<Life>,
}

impl<'a> Group<'a> {
    fn new(policy: &Policy, persona: usize, simulator: &'a PersonaSimulator<'a>, users: Range<u64>) -> Self {
        let life = |user: u64| Life {
            name: format!("{}-{user}", simulator.persona().name()),
            model: policy.new_model(),
            history: ProfileHistory::new(simulator.kinds().len()),
            pending: VecDeque::new(),
            weariness: 0.0,
            left: false,
        };
        Self {
            persona,
            first: users.start,
            lives: users.clone().map(life).collect(),
            batch: simulator.batch(users),
            block: simulator.block(),
        }
    }

    /// The request of the user in this lane, as others put it: without the seed, which is of whoever draws.
    fn request(&self, lane: usize) -> RawRequest {
        RawRequest { seed: None, ..self.batch.person(lane).request(&self.lives[lane].history) }
    }
}

/// What is to be learned of a candidate of a request.
fn observation(request: RawRequest, chosen: usize, reward: f64) -> Observation {
    let request = Request::try_from(request).expect("simulated requests are in range");
    Observation { shown: request.shown(chosen), reward }
}

/// Takes users through every step of their scenario under a program.
fn live(
    program: &Program,
    groups: &mut [Group],
    observe: &mut dyn FnMut(&ProgramDecision) -> Result<()>,
) -> Result<()> {
    let Some(scenario) = groups.first().map(|group| group.batch.scenario()) else { return Ok(()) };
    begin(program, groups)?;
    for step in 0..scenario.steps {
        let mut requests = Vec::new();
        for group in &mut *groups {
            group.batch.advance(&mut group.block);
            requests.extend((0..group.lives.len()).map(|lane| group.request(lane)));
        }
        let (decided, asked) = decide(program, groups, &requests, step)?;
        let (mut place, mut rewards) = (0, Vec::new());
        for group in &mut *groups {
            for lane in 0..group.lives.len() {
                let (request, probabilities) = (&requests[place], &decided[place]);
                place += 1;
                let chosen = sample(probabilities, &mut DecisionRng::new(group.batch.person(lane).seed()));
                let mut outcome = group.batch.react(lane, chosen);
                let expected = (0..request.candidates.len()).map(|k| group.batch.react(lane, k).expected);
                let best = expected.fold(f64::NEG_INFINITY, f64::max);
                let person = group.batch.person(lane);
                let mut arrives = !person.reward_is_lost();
                let life = &mut group.lives[lane];
                if let Some(leaving) = scenario.leaving {
                    arrives &= !life.left;
                    let limit = leaving.patience * person.patience();
                    tire_one(limit, (&mut life.weariness, &mut life.left), &mut outcome, best);
                }
                let regret = best - outcome.expected;
                let decided =
                    SimulatedDecision { policy: 0, lane, step: step as usize, chosen, outcome, regret };
                let (persona, user, batch) = (group.persona, group.first + lane as u64, &group.batch);
                observe(&ProgramDecision { persona, user, batch, request, probabilities, decided, asked })?;
                rewards.push(arrives.then(|| reward(request, chosen, &outcome)));
            }
        }
        deliver_due(program, groups, step)?;
        let lives = groups.iter_mut().flat_map(|group| &mut group.lives);
        let arrived = lives.zip(rewards).filter_map(|(life, reward)| Some((life, reward?)));
        match scenario.rewards.delay {
            0 => learn(program, arrived.collect())?,
            delay => arrived.for_each(|(life, reward)| life.pending.push_back((step + delay, reward))),
        }
    }
    Ok(())
}

fn reward(request: &RawRequest, chosen: usize, outcome: &Outcome) -> Reward {
    Reward { observation: observation(request.clone(), chosen, outcome.reward), event: outcome.event }
}

/// Makes the random decisions that lie behind the users, as the one loop does.
fn begin(program: &Program, groups: &mut [Group]) -> Result<()> {
    let history = groups[0].batch.scenario().history;
    if !history.learn {
        for group in groups {
            for lane in 0..group.lives.len() {
                for _ in 0..group.batch.person(lane).history_steps() {
                    let outcome = group.batch.pass(lane);
                    group.lives[lane].history.observe(&outcome.event);
                }
            }
        }
        return Ok(());
    }
    for _ in 0..history.steps {
        let mut arrived = Vec::new();
        for group in &mut *groups {
            let Group { batch, block, lives, .. } = group;
            let has_past: [bool; LANES] = each!(lane => batch.person(lane).history_steps() > 0);
            batch.advance_only(has_past, block);
            for (lane, life) in lives.iter_mut().enumerate().filter(|(lane, _)| has_past[*lane]) {
                let shown = batch.person(lane).random_candidate();
                let request = RawRequest { seed: None, ..batch.person(lane).request(&life.history) };
                arrived.push((life, reward(&request, shown, &batch.react(lane, shown))));
            }
        }
        learn(program, arrived)?;
    }
    Ok(())
}

/// What the program answers for everybody, and how long that took.
fn decide(
    program: &Program,
    groups: &[Group],
    requests: &[RawRequest],
    step: u32,
) -> Result<(Vec<Vec<f64>>, Duration)> {
    let texts: Vec<String> = requests.iter().map(RawRequest::offer_text).collect();
    let lives = groups.iter().flat_map(|group| &group.lives);
    let call = |((life, request), text)| {
        let (life, request, text): (&Life, &RawRequest, &String) = (life, request, text);
        DecideCall {
            which: WhichCall { user: &life.name, number: u64::from(step) + 1 },
            state: life.model.program_state(),
            request: text,
            candidates: request.candidates.len(),
        }
    };
    let calls: Vec<DecideCall> = lives.zip(requests).zip(&texts).map(call).collect();
    let since = Instant::now();
    let decided = program.decide(&calls);
    let asked = since.elapsed();
    Ok((decided.into_iter().collect::<Result<_>>()?, asked))
}

/// Lets each of them learn what has become of a candidate; no life is there twice.
fn learn(program: &Program, arrived: Vec<(&mut Life, Reward)>) -> Result<()> {
    let (mut taught, mut events) = (Vec::with_capacity(arrived.len()), Vec::with_capacity(arrived.len()));
    let (lives, rewards): (Vec<&mut Life>, Vec<Reward>) = arrived.into_iter().unzip();
    for (life, reward) in lives.into_iter().zip(&rewards) {
        let Life { name, model, history, .. } = life;
        let which = WhichCall { user: name, number: model.updates() + 1 };
        taught.push(Taught { which, model, observation: &reward.observation });
        events.push((history, reward.event));
    }
    learn_by(program, &mut taught).into_iter().collect::<Result<()>>()?;
    events.into_iter().for_each(|(history, event)| history.observe(&event));
    Ok(())
}

/// Delivers the rewards that were due by this step.
fn deliver_due(program: &Program, groups: &mut [Group], step: u32) -> Result<()> {
    loop {
        let lives = groups.iter_mut().flat_map(|group| &mut group.lives);
        let due = lives.filter_map(|life| {
            life.pending.front().filter(|(due, _)| *due <= step)?;
            let (_, reward) = life.pending.pop_front()?;
            Some((life, reward))
        });
        let due: Vec<_> = due.collect();
        if due.is_empty() {
            return Ok(());
        }
        learn(program, due)?;
    }
}

impl Simulation<'_> {
    /// The program at this position, which must be one.
    fn program(&self, policy: usize) -> (&Policy, &Arc<Program>) {
        let policy = &self.policies[policy];
        (policy, policy.program().expect("it was looked whether it is a program"))
    }

    /// Runs the users of a block under the program at this position: fills in their records, by persona, and counts their
    /// decisions in `sums`, by persona.
    pub(super) fn block_of_program(
        &self,
        place: usize,
        those: &[bool],
        users: Range<u64>,
        records: &mut [Vec<UserRecord>],
        sums: &mut [PersonaSums],
    ) -> Result<()> {
        let (policy, program) = self.program(place);
        let (policies, steps) = (self.policies.len(), self.scenario().raw().steps as usize);
        let count = (users.end - users.start) as usize;
        let mut groups = Vec::new();
        let wanted = self.simulators.iter().enumerate().zip(those).filter(|(_, wanted)| **wanted);
        for ((persona, simulator), _) in wanted {
            let starts = users.clone().step_by(LANES);
            let group = |first: u64| {
                Group::new(policy, persona, simulator, first..users.end.min(first + LANES as u64))
            };
            groups.extend(starts.map(group));
        }
        let mut tallies = vec![UserTally::new(steps); self.simulators.len() * count];
        live(program, &mut groups, &mut |own| {
            let (decided, user) = (&own.decided, (own.user - users.start) as usize);
            let (event, regret) = (&decided.outcome.event, decided.regret);
            tallies[own.persona * count + user].observe(decided.step, event.kind, event.reaction, regret);
            sums[own.persona].observe(place, decided.step, event.kind, event.reaction, regret);
            Ok(())
        })?;
        let kinds = self.kinds();
        for group in &groups {
            for lane in 0..group.lives.len() {
                let user = (group.first - users.start) as usize + lane;
                let tally = &tallies[group.persona * count + user];
                records[group.persona][user * policies + place] =
                    tally.record(kinds, group.batch.person(lane).traits());
            }
        }
        Ok(())
    }

    /// Takes users of each persona one after the other through their steps under the first policy, a program.
    pub(super) fn each_life_alone(
        &self,
        users: Range<u64>,
        observe: &mut dyn FnMut(&ProgramDecision),
    ) -> Result<()> {
        let (policy, program) = self.program(0);
        for user in users {
            for (persona, simulator) in self.simulators.iter().enumerate() {
                let mut alone = [Group::new(policy, persona, simulator, user..user + 1)];
                live(program, &mut alone, &mut |decided| {
                    observe(decided);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Writes what people do under the only policy, a program, as [`Self::write_log`] does: `counts` are the numbers of
    /// users of each persona.
    pub(super) fn write_program_log(
        &self,
        counts: &[u64],
        decisions: &mut dyn Write,
        rewards: &mut dyn Write,
    ) -> Result<()> {
        if self.policies.len() != 1 {
            return Err(Error::because(SimulationError::NotOnePolicy));
        }
        let (policy, program) = self.program(0);
        for ((persona, simulator), count) in self.simulators.iter().enumerate().zip(counts) {
            for number in 0..*count {
                let mut alone = [Group::new(policy, persona, simulator, number..number + 1)];
                live(program, &mut alone, &mut |own| {
                    let step = LoggedStep {
                        policy,
                        user: format!("{}-{number}", simulator.persona().name()),
                        request: own.request.clone(),
                        propensities: Some(own.probabilities.to_vec()),
                    };
                    put_step(&step, own.batch.person(0), &own.decided, decisions, rewards)
                        .map_err(Error::io("write", "the log"))
                })?;
            }
        }
        Ok(())
    }
}
