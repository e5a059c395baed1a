//! `rehearsal score`: a request becomes a decision.

use super::given::{Policies, Warned, agree};
use super::input::{self, Lines};
use super::{Global, exit, output};
use crate::error::{Error, Fault, Result};
use crate::policy::{Luck, Policy, Scratch};
use crate::request::Request;
use crate::state::{Decision, DecisionLog, Draft, Store, UserState, View, decide};
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
    let mut policies = Policies::default();
    let shadows = args.shadows.iter().map(|name| policies.load(name)).collect::<Result<Vec<_>>>()?;
    for (i, shadow) in shadows.iter().enumerate() {
        if shadows[..i].iter().any(|s| s.name() == shadow.name()) {
            return Err(Error::Refused(format!("--shadow {} is given twice", shadow.name())));
        }
    }
    if let Some(policy) = &args.policy {
        policies.load(policy)?;
    }
    let store = global.store();
    let log = DecisionLog::new(&store)?;
    let scorer =
        Scorer { args, shadows, policies, log, warned: Warned::default(), scratch: Scratch::default() };
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

/// A request that is decided and not yet logged.
struct Decided {
    request: Request,
    user: String,
    policy: Arc<Policy>,
    seed: u64,
    decision: Decision,
    shadows: Vec<(Arc<Policy>, Decision)>,
}

/// States that were read, by user and policy.
type States = HashMap<(String, String), UserState>;

struct Scorer<'a> {
    args: &'a Args,
    shadows: Vec<Arc<Policy>>,
    policies: Policies,
    log: DecisionLog,
    warned: Warned,
    scratch: Scratch,
}

impl Scorer<'_> {
    fn one(mut self, store: &Store) -> Result<u8> {
        let (text, origin) = input::whole(self.args.request.as_deref())?;
        let request = Request::from_json(&text, &origin)?;
        let seed = self.args.seed.map_or_else(Luck::fresh_seed, Ok)?;
        let decided = self.decide(request, &origin, seed, &store.view()?, &mut States::new())?;
        let ids = self.log.append(decided.drafts())?;
        let mut out = Vec::new();
        decided.answer(&ids[0], &mut out);
        output::bytes(&out)?;
        Ok(exit::DONE)
    }

    fn lines(mut self, store: &Store) -> Result<u8> {
        let mut lines = Lines::open(self.args.request.as_deref())?;
        let stop = AtomicBool::new(false);
        // The i-th line's seed is the i-th output of a generator with the run's seed.
        let mut seeds = SplitMix64::seed_from_u64(self.args.seed.map_or_else(Luck::fresh_seed, Ok)?);
        let (mut seeded, mut code) = (0, exit::DONE);
        while let Some(chunk) = lines.next_chunk(&stop)? {
            let (view, mut states) = (store.view()?, States::new());
            let mut decided = Vec::new();
            for (number, line) in chunk.lines() {
                let mut seed = 0;
                while seeded < number {
                    seed = seeds.next_u64() % Luck::SEEDS;
                    seeded += 1;
                }
                let origin = format!("line {number}");
                let outcome = Request::from_json(line, &origin)
                    .and_then(|request| self.decide(request, &origin, seed, &view, &mut states));
                decided.push((number, outcome));
            }
            let drafts =
                decided.iter().filter_map(|(_, d)| d.as_ref().ok()).flat_map(Decided::drafts).collect();
            let ids = self.log.append(drafts)?;
            let (mut next, mut out) = (0, Vec::new());
            for (number, outcome) in &decided {
                match outcome {
                    Ok(decided) => {
                        decided.answer(&ids[next], &mut out);
                        next += 1 + decided.shadows.len();
                    }
                    Err(error) => {
                        output::bad_line(*number, error, &mut out);
                        code = exit::ERROR;
                    }
                }
            }
            output::bytes(&out)?;
        }
        Ok(code)
    }

    fn decide(
        &mut self,
        request: Request,
        origin: &str,
        seed: u64,
        view: &View,
        states: &mut States,
    ) -> Result<Decided> {
        let user = agree("user", self.args.user.as_deref(), request.user(), origin)?.to_owned();
        let policy = self.policies.agreed(self.args.policy.as_deref(), request.policy(), origin)?;
        self.warned.unknown_names(&request);
        let seed = request.seed().unwrap_or(seed);
        let mut decide = |policy: &Arc<Policy>| {
            let key = (user.clone(), policy.name().to_owned());
            if !states.contains_key(&key) {
                states.insert(key.clone(), view.state(&user, policy)?);
            }
            let state = states.get_mut(&key).expect("just read");
            Ok(decide(policy, state, &request, seed, &mut self.scratch))
        };
        let decision = decide(&policy)?;
        let mut shadows = Vec::with_capacity(self.shadows.len());
        for shadow in &self.shadows {
            match decide(shadow) {
                Ok(decision) => shadows.push((Arc::clone(shadow), decision)),
                // Its failure is its own: the answer stands.
                Err(error) => {
                    output::warn(&format!("shadow {}: {error}", shadow.name()));
                }
            }
        }
        Ok(Decided { request, user, policy, seed, decision, shadows })
    }
}

impl Decided {
    /// The decision and its shadows for the log.
    fn drafts(&self) -> Vec<Draft> {
        let draft = |policy: &Policy, decision, shadow| {
            Draft::new(&self.user, policy, &self.request, self.seed, decision, shadow)
        };
        let shadows = self.shadows.iter().map(|(policy, decision)| draft(policy, decision, true));
        [draft(&self.policy, &self.decision, false)].into_iter().chain(shadows).collect()
    }

    /// Appends the line that is printed.
    fn answer(&self, id: &str, out: &mut Vec<u8>) {
        let ids = self.request.candidates();
        let propensity = |k: usize| self.decision.propensities.as_ref().map(|p| p[k]);
        let answer = Answer {
            decision_id: id,
            user: &self.user,
            policy: self.policy.name(),
            chosen: &ids[self.decision.chosen].id,
            propensity: self.decision.propensity(),
            explored: self.decision.explored,
            candidates: (0..ids.len())
                .map(|k| Scored { id: &ids[k].id, score: self.decision.scores[k], propensity: propensity(k) })
                .collect(),
            shadows: self
                .shadows
                .iter()
                .map(|(policy, decision)| Shadowed {
                    policy: policy.name(),
                    chosen: &ids[decision.chosen].id,
                    propensity: decision.propensity(),
                })
                .collect(),
        };
        output::line(&answer, out);
    }
}
