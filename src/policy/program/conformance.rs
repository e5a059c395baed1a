//! Does a program keep to the protocol? It holds nothing between calls, so the same calls have the same answers, however
//! many are asked together, in whatever order, and in whichever process; and it answers whatever a request may be.

use super::call::{DecideCall, LearnCall, WhichCall};
use super::check_requests;
use super::error::{Failure, ProgramError};
use super::findings::{Check, Conformance};
use super::process::Process;
use super::protocol::{self, MAX_BATCH, MAX_STATE_BYTES};
use super::running::Program;
use super::sampling::distribution;
use crate::base::error::{Error, Result};
use crate::domain::Domain;
use crate::domain::reaction::MAX_REWARD;
use crate::domain::request::Request;
use crate::policy::rng::DecisionRng;
use smol_str::SmolStr;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rewards that each user of the checks has behind them when decisions are compared.
const ROUNDS: usize = 2;

impl Program {
    /// What checks of it find; they are made once.
    ///
    /// # Errors
    /// It may not be started here.
    pub fn conformance(&self) -> Result<&Conformance> {
        self.runs()?;
        Ok(self.conformance.get_or_init(|| check(self)))
    }

    /// Refuses a program that does not answer the same to the same: what it does could not be repeated.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn conforms(&self) -> Result<()> {
        match self.conformance()?.problem() {
            None => Ok(()),
            Some(problem) => {
                let (policy, problem) = (self.name().to_owned(), problem.to_owned());
                Err(Error::because(ProgramError::Unfit { policy, problem }))
            }
        }
    }
}

/// A reward of a user of the checks.
struct ShownTip {
    request: String,
    chosen: SmolStr,
    reward: f64,
}

/// A user of the checks: rewards, one after the other, and a request.
struct Case {
    user: String,
    rewards: Vec<ShownTip>,
    request: String,
    candidates: usize,
}

fn check(program: &Program) -> Conformance {
    let mut found = Conformance {
        checks: Vec::new(),
        seconds_per_decision: None,
        seconds_of_json: None,
        seconds_per_reward: None,
    };
    if let Err(failure) = run(program, &mut found) {
        found.checks.push(failure);
    }
    found
}

/// Runs the checks one after the other.
///
/// # Errors
/// The check that left nothing to go on with.
fn run(program: &Program, found: &mut Conformance) -> Result<(), Check> {
    let passed = |check| Check { check, problem: None };
    let mut first = step("it starts and answers hello", || program.start())?;
    found.checks.push(passed("it starts and answers hello"));
    let cases: Vec<Case> = (0..MAX_BATCH as u64).map(|number| case(program.domain(), number)).collect();

    let name = "256 calls in one batch are answered, each with a distribution or a state";
    let together = step(name, || {
        let mut states: Vec<Option<Box<str>>> = vec![None; cases.len()];
        let mut learning = Duration::ZERO;
        for round in 0..ROUNDS {
            let since = Instant::now();
            let asked: Vec<_> =
                cases.iter().zip(&states).map(|(case, state)| case.learn(round, state.as_deref())).collect();
            states = learn(program, &mut first, &asked)?.into_iter().map(Some).collect();
            learning += since.elapsed();
        }
        let since = Instant::now();
        let asked: Vec<_> =
            cases.iter().zip(&states).map(|(case, state)| case.decide(state.as_deref())).collect();
        let decided = decide(program, &mut first, &asked)?;
        let count = cases.len() as f64;
        found.seconds_per_reward = Some(learning.as_secs_f64() / (count * ROUNDS as f64));
        found.seconds_per_decision = Some(since.elapsed().as_secs_f64() / count);
        let answer = serde_json::json!({"id": 0, "probabilities": decided}).to_string();
        let since = Instant::now();
        black_box(protocol::decide(0, &asked));
        black_box(protocol::read_decisions(answer.as_bytes(), 0, asked.len())?);
        found.seconds_of_json = Some(since.elapsed().as_secs_f64() / count);
        Ok((states, decided))
    })?;
    found.checks.push(passed(name));

    let name = "another process, asked one by one and the other way round, answers the same to the bit";
    step(name, || {
        let mut second = program.start()?;
        compare(program, &mut second, &cases, &together, true)
    })?;
    found.checks.push(passed(name));

    let name = "the same process, asked one by one, answers the same to the bit";
    step(name, || compare(program, &mut first, &cases, &together, false))?;
    found.checks.push(passed(name));

    let name = "requests that are odd but allowed are answered";
    step(name, || odd_requests(program, &mut first))?;
    found.checks.push(passed(name));
    Ok(())
}

/// What a check gives; its problem if it fails.
fn step<T>(check: &'static str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Check> {
    work().map_err(|failure| Check { check, problem: Some(format!("{check}: {failure}")) })
}

/// States of all cases and what was decided for them.
type Answers = (Vec<Option<Box<str>>>, Vec<Vec<f64>>);

/// Asks everything again, one call at a time.
fn compare(
    program: &Program,
    process: &mut Process,
    cases: &[Case],
    (states, decided): &Answers,
    backwards: bool,
) -> Result<(), Failure> {
    let count = cases.len();
    for i in (0..count).map(|i| if backwards { count - 1 - i } else { i }) {
        let case = &cases[i];
        let mut state = None;
        for round in 0..ROUNDS {
            state = learn(program, process, &[case.learn(round, state.as_deref())])?.pop();
        }
        if state != states[i] {
            let what =
                format!("the state of user {:?} is another one than in the batch of {count}", case.user);
            return Err(Failure::NotAllowed(what));
        }
        let again = decide(program, process, &[case.decide(state.as_deref())])?;
        let bits = |p: &[f64]| p.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        if bits(&again[0]) != bits(&decided[i]) {
            let (now, before) = (&again[0], &decided[i]);
            let what = format!(
                "user {:?} has the probabilities {now:?}, and had {before:?} in the batch of {count}",
                case.user
            );
            return Err(Failure::NotAllowed(crate::base::error::shortened(what)));
        }
    }
    Ok(())
}

/// What this process decides.
fn decide(program: &Program, process: &mut Process, calls: &[DecideCall]) -> Result<Vec<Vec<f64>>, Failure> {
    let answered = program.exchange_with(
        process,
        |id| protocol::decide(id, calls),
        |line, id| protocol::read_decisions(line, id, calls.len()),
    )?;
    let of_call = |(stated, call): (Vec<f64>, &DecideCall)| {
        let named = |what| Failure::NotAllowed(format!("decide {}: {what}", call.which));
        distribution(stated, call.candidates).map_err(named)
    };
    answered.into_iter().zip(calls).map(of_call).collect()
}

/// What this process has learned.
fn learn(program: &Program, process: &mut Process, calls: &[LearnCall]) -> Result<Vec<Box<str>>, Failure> {
    let states = program.exchange_with(
        process,
        |id| protocol::learn(id, calls),
        |line, id| protocol::read_states(line, id, calls.len()),
    )?;
    match states.iter().zip(calls).find(|(state, _)| state.len() > MAX_STATE_BYTES) {
        None => Ok(states),
        Some((state, call)) => Err(Failure::NotAllowed(format!(
            "learn {}: its state has {} bytes; allowed: at most {MAX_STATE_BYTES}",
            call.which,
            state.len()
        ))),
    }
}

impl Case {
    fn which(&self, number: u64) -> WhichCall<'_> {
        WhichCall { user: &self.user, number }
    }

    fn learn<'a>(&'a self, round: usize, state: Option<&'a str>) -> LearnCall<'a> {
        let ShownTip { request, chosen, reward } = &self.rewards[round];
        LearnCall { which: self.which(round as u64 + 1), state, request, chosen, reward: *reward }
    }

    fn decide<'a>(&'a self, state: Option<&'a str>) -> DecideCall<'a> {
        let Self { request, candidates, .. } = self;
        DecideCall { which: self.which(1), state, request, candidates: *candidates }
    }
}

/// The user of this number, the same each time.
fn case(domain: &'static Domain, number: u64) -> Case {
    let mut rng = DecisionRng::new(number);
    let rewards = (0..ROUNDS).map(|_| {
        let request = check_requests::any(domain, &mut rng);
        let chosen = rng.below(request.candidates().len());
        shown_tip(request, chosen, [1.0, 0.2, 0.0, -0.5][rng.below(4)])
    });
    let rewards = rewards.collect();
    let request = check_requests::any(domain, &mut rng);
    let (text, candidates) = (request.policy_text(), request.candidates().len());
    Case { user: format!("check-{number}"), rewards, request: text, candidates }
}

fn shown_tip(request: Request, chosen: usize, reward: f64) -> ShownTip {
    let shown = request.shown(chosen);
    let chosen = shown.candidate().id.clone();
    ShownTip {
        request: serde_json::to_string(&shown).expect("plain values always serialize"),
        chosen,
        reward,
    }
}

/// Asks what few would ask.
fn odd_requests(program: &Program, process: &mut Process) -> Result<(), Failure> {
    for (what, request) in check_requests::odd(program.domain()) {
        let named = |failure: Failure| match failure {
            Failure::NotAllowed(said) => Failure::NotAllowed(format!("{what}: {said}")),
            Failure::NoAnswer { what: said } => Failure::NotAllowed(format!("{what}: its answer {said}")),
            Failure::OwnError(said) => Failure::OwnError(format!("{what}: {said}")),
            other => Failure::NotAllowed(format!("{what}: {other}")),
        };
        let (text, count) = (request.policy_text(), request.candidates().len());
        let which = WhichCall { user: "odd", number: 1 };
        let ask = |state| DecideCall { which, state, request: &text, candidates: count };
        decide(program, process, &[ask(None)]).map_err(named)?;
        let mut state: Option<Box<str>> = None;
        for reward in [MAX_REWARD, -MAX_REWARD, 0.0] {
            let ShownTip { request, chosen, reward } = shown_tip(request.clone(), count - 1, reward);
            let call =
                LearnCall { which, state: state.as_deref(), request: &request, chosen: &chosen, reward };
            state = learn(program, process, &[call]).map_err(named)?.pop();
        }
        decide(program, process, &[ask(state.as_deref())]).map_err(named)?;
    }
    Ok(())
}
