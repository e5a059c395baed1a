//! `rehearsal score`: a request becomes a decision.

use super::given::{Policies, Warned, agree, each};
use super::input::{self, Lines};
use super::{Global, exit, output};
use crate::error::{Error, Fault, Result};
use crate::policy::{Luck, Policy, Scratch};
use crate::request::Request;
use crate::state::{Decision, DecisionLog, Draft, ID_PLACEHOLDER, Store, UserState, View, decide};
use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The policy that decides: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// The person
    #[arg(long)]
    user: Option<String>,
    /// A policy that decides too, unseen and without learning
    #[arg(long = "shadow", value_name = "NAME|FILE")]
    shadows: Vec<String>,
    /// Where the request is; stdin when absent
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// Seed of the exploration, below 2^53; drawn from the system when absent
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// One request per line, each with its user and policy; one answer per line
    #[arg(long)]
    jsonl: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    if let Some(seed) = args.seed.filter(|s| *s >= Luck::SEEDS) {
        return Err(Fault::new("--seed", seed, "a whole number below 2^53").at("command line"));
    }
    let policies = Policies::default();
    let shadows = args.shadows.iter().map(|name| policies.load(name)).collect::<Result<Vec<_>>>()?;
    for (i, shadow) in shadows.iter().enumerate() {
        if shadows[..i].iter().any(|s| s.name() == shadow.name()) {
            return Err(Error::Refused(format!("--shadow {} is given twice", shadow.name())));
        }
    }
    if let Some(policy) = &args.policy {
        policies.load(policy)?;
    }
    let store = global.writable_store();
    let log = DecisionLog::new(&store)?;
    let scorer = Scorer { args, shadows, policies, log, warned: Warned::default() };
    if args.jsonl { scorer.lines(&store) } else { scorer.one(&store) }
}

/// What is printed for a decision.
#[derive(Serialize)]
struct Answer<'a> {
    decision_id: &'a str,
    user: &'a str,
    policy: &'a str,
    chosen: &'a str,
    propensity: Option<f64>,
    explored: bool,
    candidates: Vec<Scored<'a>>,
    shadows: Vec<Shadowed<'a>>,
}

#[derive(Serialize)]
struct Scored<'a> {
    id: &'a str,
    score: f64,
    propensity: Option<f64>,
}

#[derive(Serialize)]
struct Shadowed<'a> {
    policy: &'a str,
    chosen: &'a str,
    propensity: Option<f64>,
}

/// What is to be decided.
struct Asked {
    request: Request,
    user: String,
    policy: Arc<Policy>,
    seed: u64,
}

/// A request that is decided, for the log and for stdout.
struct Decided {
    drafts: Vec<Draft>,
    /// The line that is printed, with a placeholder for the id.
    answer: Vec<u8>,
}

/// States that were read, or why they cannot be, by policy and user.
#[derive(Default)]
struct States(HashMap<String, HashMap<String, Result<UserState>>>);

impl States {
    fn get(&self, user: &str, policy: &str) -> Option<&Result<UserState>> {
        self.0.get(policy)?.get(user)
    }

    fn insert(&mut self, user: &str, policy: &str, state: Result<UserState>) {
        self.0.entry(policy.to_owned()).or_default().insert(user.to_owned(), state);
    }

    fn len(&self) -> usize {
        self.0.values().map(HashMap::len).sum()
    }
}

/// So many states are kept in memory.
const CACHED: usize = 100_000;

struct Scorer<'a> {
    args: &'a Args,
    shadows: Vec<Arc<Policy>>,
    policies: Policies,
    log: DecisionLog,
    warned: Warned,
}

impl Scorer<'_> {
    fn one(mut self, store: &Store) -> Result<u8> {
        let (text, origin) = input::whole(self.args.request.as_deref())?;
        let seed = self.args.seed.map_or_else(Luck::fresh_seed, Ok)?;
        let asked = self.asked(&text, &origin, seed)?;
        let mut states = States::default();
        self.read(&store.view()?, &[&asked], &mut states);
        let Decided { drafts, mut answer } = self.decide(&asked, &states)?;
        let ids = self.log.append(drafts)?;
        fill_in(&ids[0], &mut answer);
        output::bytes(&answer)?;
        Ok(exit::DONE)
    }

    fn lines(mut self, store: &Store) -> Result<u8> {
        let mut lines = Lines::open(self.args.request.as_deref())?;
        let stop = AtomicBool::new(false);
        // The i-th line's seed is the i-th output of a generator with the run's seed.
        let mut seeds = SplitMix64::seed_from_u64(self.args.seed.map_or_else(Luck::fresh_seed, Ok)?);
        let (mut seeded, mut code) = (0, exit::DONE);
        let (mut view, mut states) = (store.view()?, States::default());
        while let Some(chunk) = lines.next_chunk(&stop)? {
            if !view.is_current() || states.len() > CACHED {
                (view, states) = (store.view()?, States::default());
            }
            let mut seed_of = |number| {
                let mut seed = 0;
                while seeded < number {
                    seed = seeds.next_u64() % Luck::SEEDS;
                    seeded += 1;
                }
                seed
            };
            let texts = chunk.lines().map(|(number, line)| (number, line, seed_of(number))).collect();
            let asked = each(texts, |(number, line, seed)| {
                (number, self.asked(line, &format!("line {number}"), seed))
            });
            let good: Vec<&Asked> = asked.iter().filter_map(|(_, asked)| asked.as_ref().ok()).collect();
            self.read(&view, &good, &mut states);
            let decided =
                each(asked, |(number, asked)| (number, asked.and_then(|asked| self.decide(&asked, &states))));
            code = code.max(self.answer(decided)?);
        }
        Ok(code)
    }

    /// The checked request in a text.
    fn asked(&self, text: &[u8], origin: &str, seed: u64) -> Result<Asked> {
        let request = Request::from_json(text, origin)?;
        let user = agree("user", self.args.user.as_deref(), request.user(), origin)?.to_owned();
        let policy = self.policies.agreed(self.args.policy.as_deref(), request.policy(), origin)?;
        self.warned.unknown_names(&request);
        let seed = request.seed().unwrap_or(seed);
        Ok(Asked { request, user, policy, seed })
    }

    /// Reads the states that are needed and not there yet.
    fn read(&self, view: &View, asked: &[&Asked], states: &mut States) {
        let mut wanted: HashMap<(&str, &str), &Arc<Policy>> = HashMap::new();
        for Asked { user, policy, .. } in asked {
            for policy in [policy].into_iter().chain(&self.shadows) {
                if states.get(user, policy.name()).is_none() {
                    wanted.insert((user, policy.name()), policy);
                }
            }
        }
        let read = each(wanted.into_iter().collect(), |((user, _), policy)| {
            (user, policy.name(), view.state(user, policy))
        });
        for (user, policy, state) in read {
            states.insert(user, policy, state);
        }
    }

    /// Decides, with the shadows, and puts it into text.
    fn decide(&self, asked: &Asked, states: &States) -> Result<Decided> {
        let Asked { request, user, policy, seed } = asked;
        let mut scratch = Scratch::default();
        let mut decide = |policy: &Arc<Policy>| {
            let state = states.get(user, policy.name()).expect("it was read");
            let state = state.as_ref().map_err(|error| Error::Refused(error.to_string()))?;
            Ok(decide(policy, state, request, *seed, &mut scratch))
        };
        let decision = decide(policy)?;
        let mut shadows = Vec::with_capacity(self.shadows.len());
        for shadow in &self.shadows {
            match decide(shadow) {
                Ok(decision) => shadows.push((shadow, decision)),
                // Its failure is its own: the answer stands.
                Err::<_, Error>(error) => output::warn(&format!("shadow {}: {error}", shadow.name())),
            }
        }
        let draft = |policy, decision, shadow| Draft::new(user, policy, request, *seed, decision, shadow);
        let mut drafts = vec![draft(policy, &decision, false)];
        drafts.extend(shadows.iter().map(|(policy, decision)| draft(policy, decision, true)));
        Ok(Decided { drafts, answer: answer(asked, &decision, &shadows) })
    }

    /// Logs the decisions of a chunk and prints the answers.
    fn answer(&mut self, decided: Vec<(u64, Result<Decided>)>) -> Result<u8> {
        let mut answers = Vec::with_capacity(decided.len());
        let mut drafts = Vec::with_capacity(decided.len());
        for (number, decided) in decided {
            let answer = decided.map(|decided| {
                let place = drafts.len();
                drafts.extend(decided.drafts);
                (place, decided.answer)
            });
            answers.push((number, answer));
        }
        let ids = self.log.append(drafts)?;
        let (mut out, mut code) = (Vec::new(), exit::DONE);
        for (number, answer) in answers {
            match answer {
                Ok((place, mut answer)) => {
                    fill_in(&ids[place], &mut answer);
                    out.extend_from_slice(&answer);
                }
                Err(error) => {
                    output::bad_line(number, &error, &mut out);
                    code = exit::ERROR;
                }
            }
        }
        output::bytes(&out)?;
        Ok(code)
    }
}

/// What stands before the id in an answer.
const OPENING: &str = "{\"decision_id\":\"";

/// Puts the id where its placeholder stands.
fn fill_in(id: &str, answer: &mut [u8]) {
    answer[OPENING.len()..OPENING.len() + id.len()].copy_from_slice(id.as_bytes());
}

/// The line that is printed.
fn answer(asked: &Asked, decision: &Decision, shadows: &[(&Arc<Policy>, Decision)]) -> Vec<u8> {
    let candidates = asked.request.candidates();
    let propensity = |k: usize| decision.propensities.as_ref().map(|p| p[k]);
    let scored = candidates.iter().enumerate().map(|(k, candidate)| Scored {
        id: &candidate.id,
        score: decision.scores[k],
        propensity: propensity(k),
    });
    let shadowed = shadows.iter().map(|(policy, decision)| Shadowed {
        policy: policy.name(),
        chosen: &candidates[decision.chosen].id,
        propensity: decision.propensity(),
    });
    let answer = Answer {
        decision_id: ID_PLACEHOLDER,
        user: &asked.user,
        policy: asked.policy.name(),
        chosen: &candidates[decision.chosen].id,
        propensity: decision.propensity(),
        explored: decision.explored,
        candidates: scored.collect(),
        shadows: shadowed.collect(),
    };
    let mut line = Vec::with_capacity(256 + 64 * candidates.len());
    output::line(&answer, &mut line);
    line
}
