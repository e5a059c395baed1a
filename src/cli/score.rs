//! `rehearsal score`: a request becomes a decision.

use super::given::{Policies, Warned, agree};
use super::input::{self, Chunk, Lines};
use super::{Global, exit, output};
use crate::base::error::{Error, Fault, Result};
use crate::base::threads::{MANY, each};
use crate::domain::request::Request;
use crate::policy::{DecisionRng, Policy, Scratch};
use crate::state::{Decision, DecisionLog, Drafts, ID_PLACEHOLDER, Store, UserState, View, decide};
use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};
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
    /// One request per line, a JSON object with its user and policy; one answer per line
    #[arg(long)]
    jsonl: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    if let Some(seed) = args.seed.filter(|s| *s >= DecisionRng::SEEDS) {
        return Err(Fault::new("--seed", seed, "a whole number below 2^53").at("command line"));
    }
    let policies = Policies::default();
    let shadows = args.shadows.iter().map(|name| policies.load(name).cloned()).collect::<Result<Vec<_>>>()?;
    for (i, shadow) in shadows.iter().enumerate() {
        if shadows[..i].iter().any(|s| s.name() == shadow.name()) {
            return Err(Error::Refused(format!("--shadow {} is given twice", shadow.name())));
        }
    }
    if let Some(policy) = &args.policy {
        policies.load(policy)?;
    }
    let store = global.writable_store();
    let mut log = DecisionLog::new(&store)?;
    let scorer = Scorer { args, shadows, policies, warned: Warned::default() };
    if args.jsonl { scorer.lines(&store, &mut log) } else { scorer.one(&store, &mut log) }
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
struct Asked<'a> {
    /// The request as it was sent, and what it says.
    text: &'a [u8],
    request: Request,
    user: SmolStr,
    policy: &'a Arc<Policy>,
    seed: u64,
}

/// A line: its number, its text, and its seed if it states none.
type Line<'a> = (u64, &'a [u8], u64);

/// What is asked in the line with a number, or what is wrong with it.
type Numbered<'a> = (u64, Result<Asked<'a>>);

/// Requests that are decided, in order: for the log and for stdout.
#[derive(Default)]
struct Decided {
    drafts: Drafts,
    /// The lines that are printed, with room for ids.
    answers: Vec<u8>,
    /// Where in the answers an id belongs, and which draft's.
    ids: Vec<(usize, usize)>,
    /// What else there is to say of them.
    warnings: Vec<String>,
    /// Whether one of them could not be decided.
    failed: bool,
}

/// Lines that are decided, or that wait for states.
enum Begun<'a> {
    Decided(Decided),
    Waiting(Vec<Numbered<'a>>),
}

impl<'a> Begun<'a> {
    /// The requests that wait.
    fn waiting(&self) -> impl Iterator<Item = &Asked<'a>> {
        good(if let Self::Waiting(lines) = self { lines } else { &[] })
    }
}

/// The requests of the lines in which nothing is wrong.
fn good<'l, 'a>(lines: &'l [Numbered<'a>]) -> impl Iterator<Item = &'l Asked<'a>> {
    lines.iter().filter_map(|(_, asked)| asked.as_ref().ok())
}

/// States that were read, or why they cannot be: of each user those under some policies. Files may define a policy of one
/// name in several ways, each of which goes with a state or does not.
#[derive(Default)]
struct States(HashMap<SmolStr, Vec<(Arc<Policy>, Result<UserState>)>>);

impl States {
    fn get(&self, user: &str, policy: &Arc<Policy>) -> Option<&Result<UserState>> {
        self.0.get(user)?.iter().find(|(own, _)| Arc::ptr_eq(own, policy)).map(|(_, state)| state)
    }

    fn extend(&mut self, states: Vec<(SmolStr, Arc<Policy>, Result<UserState>)>) {
        for (user, policy, state) in states {
            self.0.entry(user).or_default().push((policy, state));
        }
    }

    fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

/// So many states are kept in memory.
const CACHED: usize = 100_000;

/// So many requests are decided by one thread at a time.
const TOGETHER: usize = 64;
/// Longest request: it stands in the log as it was sent, in a line that can be read again.
const MAX_BYTES: usize = 32 << 20;

struct Scorer<'a> {
    args: &'a Args,
    shadows: Vec<Arc<Policy>>,
    policies: Policies,
    warned: Warned,
}

impl Scorer<'_> {
    fn one(&self, store: &Store, log: &mut DecisionLog) -> Result<u8> {
        let (text, origin) = input::whole(self.args.request.as_deref())?;
        let seed = self.args.seed.map_or_else(DecisionRng::fresh_seed, Ok)?;
        let asked = self.asked(&text, &origin, seed)?;
        let (mut states, mut decided) = (States::default(), Decided::default());
        let wanted = self.wanted(&asked, &states).collect();
        let read = read(&store.view()?, wanted);
        states.extend(read);
        self.decide(&asked, &states, &mut Scratch::default(), &mut decided).expect(READ)?;
        answer(vec![decided], log)
    }

    fn lines(&self, store: &Store, log: &mut DecisionLog) -> Result<u8> {
        let mut lines = Lines::open(self.args.request.as_deref(), input::CHUNK_BYTES)?;
        // The i-th line's seed is the i-th output of a generator with the run's seed.
        let mut seeds = SplitMix64::seed_from_u64(self.args.seed.map_or_else(DecisionRng::fresh_seed, Ok)?);
        let (mut seeded, mut code) = (0, exit::DONE);
        let (mut view, mut states) = (store.view()?, States::default());
        let prepare = |chunk: &Chunk| {
            if !view.is_current() || states.len() > CACHED {
                (view, states) = (store.view()?, States::default());
            }
            let mut seed_of = |number| {
                let mut seed = 0;
                while seeded < number {
                    seed = seeds.next_u64() % DecisionRng::SEEDS;
                    seeded += 1;
                }
                seed
            };
            let lines = chunk.lines().map(|(number, line)| (number, line, seed_of(number)));
            let lines: Vec<Line> = lines.collect();
            let many = lines.len() > TOGETHER;
            let begun = each(lines.chunks(TOGETHER), many, |lines| self.begin(lines, &states));
            let waiting = begun.iter().flat_map(Begun::waiting);
            let wanted = waiting.flat_map(|asked| self.wanted(asked, &states)).collect();
            let read = read(&view, wanted);
            states.extend(read);
            Ok(each(begun, many, |begun| match begun {
                Begun::Decided(decided) => decided,
                Begun::Waiting(asked) => self.decide_all(&asked, &states).expect(READ),
            }))
        };
        let finish = |decided| {
            code = code.max(answer(decided, log)?);
            Ok(())
        };
        lines.in_two_steps(&AtomicBool::new(false), prepare, finish)?;
        Ok(code)
    }

    /// The checked request in a text.
    fn asked<'a>(&'a self, text: &'a [u8], origin: &str, seed: u64) -> Result<Asked<'a>> {
        if text.len() > MAX_BYTES {
            let value = format!("{} bytes", text.len());
            return Err(Fault::new("the request", value, format!("at most {MAX_BYTES} bytes")).at(origin));
        }
        let request = Request::from_json(text, origin)?;
        // It is logged as it stands, what nobody looks at included.
        if let Err(error) = std::str::from_utf8(text) {
            return Err(Error::Malformed { origin: origin.to_owned(), message: error.to_string() });
        }
        let user = agree("user", self.args.user.as_deref(), request.user(), origin)?.into();
        let policy = self.policies.agreed(self.args.policy.as_deref(), request.policy(), origin)?;
        self.warned.unknown_names(&request);
        let seed = request.seed().unwrap_or(seed);
        Ok(Asked { text, request, user, policy, seed })
    }

    /// Decides lines as they are read, if all states are there that they need; else what is asked.
    fn begin<'a>(&'a self, lines: &[Line<'a>], states: &States) -> Begun<'a> {
        let asked = |(number, line, seed): &Line<'a>| {
            (*number, self.asked(line, &format_smolstr!("line {number}"), *seed))
        };
        let asked: Vec<Numbered> = lines.iter().map(asked).collect();
        self.decide_all(&asked, states).map_or_else(|| Begun::Waiting(asked), Begun::Decided)
    }

    /// The states that a request needs and that are not there: users and policies.
    fn wanted<'a>(
        &'a self,
        Asked { user, policy, .. }: &'a Asked,
        states: &'a States,
    ) -> impl Iterator<Item = (&'a str, &'a Arc<Policy>)> {
        let policies = [*policy].into_iter().chain(&self.shadows);
        let needed = policies.map(move |policy| (user.as_str(), policy));
        needed.filter(|(user, policy)| states.get(user, policy).is_none())
    }

    /// Decides lines, each by itself; `None` if a state is not there.
    fn decide_all(&self, asked: &[Numbered], states: &States) -> Option<Decided> {
        let (mut decided, mut scratch) = (Decided::default(), Scratch::default());
        for (number, asked) in asked {
            let outcome = match asked {
                Ok(asked) => self.decide(asked, states, &mut scratch, &mut decided)?,
                Err(error) => Err(Error::Refused(error.to_string())),
            };
            if let Err(error) = outcome {
                output::bad_line(*number, &error, &mut decided.answers);
                decided.failed = true;
            }
        }
        Some(decided)
    }

    /// Decides, with the shadows, and adds the text of it; `None` if a state is not there.
    fn decide(
        &self,
        asked: &Asked,
        states: &States,
        scratch: &mut Scratch,
        out: &mut Decided,
    ) -> Option<Result<()>> {
        let Asked { text, request, user, policy, seed } = asked;
        let mut decide = |policy: &Arc<Policy>| {
            let state = states.get(user, policy)?.as_ref();
            Some(state.map(|state| decide(policy, state, request, *seed, scratch)))
        };
        let decision = match decide(policy)? {
            Ok(decision) => decision,
            Err(error) => return Some(Err(Error::Refused(error.to_string()))),
        };
        let mut shadows = Vec::with_capacity(self.shadows.len());
        for shadow in &self.shadows {
            match decide(shadow)? {
                // In the log and in the answer they could not be told apart.
                _ if shadow.name() == policy.name() && shadow != *policy => {
                    out.warnings.push(format!(
                        "shadow {}: the policy of this name that decides is another",
                        shadow.name()
                    ));
                }
                Ok(decision) => shadows.push((shadow, decision)),
                // Its failure is its own: the answer stands.
                Err(error) => out.warnings.push(format!("shadow {}: {error}", shadow.name())),
            }
        }
        out.ids.push((out.answers.len() + OPENING.len(), out.drafts.count()));
        let mut draft = |policy, decision, shadow| {
            out.drafts.add((user, policy), (request, text), *seed, decision, shadow);
        };
        draft(policy, &decision, false);
        shadows.iter().for_each(|(policy, decision)| draft(policy, decision, true));
        print(asked, &decision, &shadows, &mut out.answers);
        Some(Ok(()))
    }
}

/// Reads these states, each once.
fn read(view: &View, wanted: Vec<(&str, &Arc<Policy>)>) -> Vec<(SmolStr, Arc<Policy>, Result<UserState>)> {
    let wanted: HashMap<(&str, *const Policy), &Arc<Policy>> =
        wanted.into_iter().map(|(user, policy)| ((user, Arc::as_ptr(policy)), policy)).collect();
    let many = wanted.len() >= MANY;
    let wanted = wanted.into_iter().map(|((user, _), policy)| (user, policy));
    each(wanted, many, |(user, policy)| (user.into(), Arc::clone(policy), view.state(user, policy)))
}

/// Why no state is missing by then.
const READ: &str = "what was wanted was read";

/// What stands before the id in an answer.
const OPENING: &str = "{\"decision_id\":\"";

/// Logs the decisions and prints the answers.
fn answer(mut decided: Vec<Decided>, log: &mut DecisionLog) -> Result<u8> {
    let mut drafts: Vec<Drafts> = decided.iter_mut().map(|part| std::mem::take(&mut part.drafts)).collect();
    let ids = log.append(&mut drafts)?;
    let mut out = Vec::with_capacity(decided.iter().map(|part| part.answers.len()).sum());
    for (part, ids) in decided.iter_mut().zip(ids) {
        part.warnings.iter().for_each(output::warn);
        for (place, draft) in &part.ids {
            part.answers[*place..][..ids[*draft].len()].copy_from_slice(&ids[*draft]);
        }
        out.extend_from_slice(&part.answers);
    }
    output::bytes(&out)?;
    Ok(if decided.iter().any(|part| part.failed) { exit::ERROR } else { exit::DONE })
}

/// Appends the line that is printed, with room for the id.
fn print(asked: &Asked, decision: &Decision, shadows: &[(&Arc<Policy>, Decision)], out: &mut Vec<u8>) {
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
    output::line(&answer, out);
}
