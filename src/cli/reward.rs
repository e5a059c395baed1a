//! `rehearsal reward`: what happened after a decision is learned.

use super::given::{Policies, Warned, agree};
use super::input::{self, Chunk, Lines};
use super::{Global, exit, output, signals};
use crate::base::error::{Error, Fault, Result};
use crate::base::read::Text;
use crate::base::threads::{MANY, each};
use crate::domain::profile::Profile;
use crate::domain::reaction::Reaction;
use crate::domain::request::{Candidate, Context, RawRequest, Request};
use crate::state::{DecisionLog, Finder, Learned, Lesson, Reward, Source, Store};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// So many lines are answered by one thread at a time.
const TOGETHER: usize = 64;
/// About so much is worked on at once, and is one commit. The more it is, the more rewards a state learns from when it is
/// at hand, and the fewer syncs there are; against that stands the memory for it.
const CHUNK_BYTES: usize = 16 << 20;

/// A line's number, and the place of its reward among those of its chunk, or why it has none.
type Line<'a> = (u64, std::result::Result<usize, &'a Error>);

/// What errors call the options.
const COMMAND_LINE: &str = "command line";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The decision that this answers, as `score` named it
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// completed, snoozed, ignored or dismissed
    #[arg(long)]
    reaction: Option<String>,
    /// How long the tip was looked at
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    dwell_seconds: Option<f64>,
    /// Without a decision: the policy that learns, a name or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    policy: Option<String>,
    /// Without a decision: the person
    #[arg(long)]
    user: Option<String>,
    /// Without a decision: the id of the candidate that was shown
    #[arg(long, value_name = "ID")]
    chosen: Option<String>,
    /// The reward itself, instead of a reaction; those are worth -0.5 (dismissed) to 1 (completed)
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    reward: Option<f64>,
    /// Without a decision, under whose own id it is learned: learned at most once under this id
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// Without a decision: where the request is; stdin when absent
    #[arg(long, value_name = "FILE", conflicts_with = "decision")]
    request: Option<PathBuf>,
    /// One JSON object per line, with decision, reaction, `dwell_seconds` and so on as fields, and the request beside
    /// or in `request`; one answer per line
    #[arg(long, conflicts_with_all = ["decision", "reaction", "dwell_seconds", "chosen", "reward", "event_id"])]
    jsonl: bool,
}

/// A reward as a line states it: the options of the command, and the request in it or beside them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReward<'a> {
    #[serde(default, borrow, alias = "decision_id")]
    decision: Option<Text<'a>>,
    #[serde(default, borrow)]
    reaction: Option<Text<'a>>,
    #[serde(default)]
    dwell_seconds: Option<f64>,
    #[serde(default, borrow)]
    policy: Option<Text<'a>>,
    #[serde(default, borrow)]
    user: Option<Text<'a>>,
    #[serde(default, borrow)]
    chosen: Option<Text<'a>>,
    #[serde(default)]
    reward: Option<f64>,
    #[serde(default, borrow)]
    event_id: Option<Text<'a>>,
    #[serde(default)]
    request: Option<RawRequest>,
    #[serde(default)]
    context: Option<Context>,
    #[serde(default)]
    candidates: Option<Vec<Candidate>>,
    #[serde(default)]
    profile_features: Option<Profile>,
    #[serde(default, rename = "seed")]
    _seed: Option<u64>,
}

/// What is printed for a reward.
#[derive(Serialize)]
struct Answer<'a> {
    user: &'a str,
    policy: &'a str,
    reward: f64,
    updates: u64,
    duplicate: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let store = global.writable_store();
    let log = DecisionLog::new(&store)?;
    let learner = Learner { args, log, policies: Policies::default(), warned: Warned::default() };
    if args.jsonl { learner.lines(&store) } else { learner.one(&store) }
}

struct Learner<'a> {
    args: &'a Args,
    log: DecisionLog,
    policies: Policies,
    warned: Warned,
}

impl Learner<'_> {
    fn one(&self, store: &Store) -> Result<u8> {
        let args = self.args;
        let mut raw = RawReward {
            decision: args.decision.as_deref().map(Text::from),
            reaction: args.reaction.as_deref().map(Text::from),
            dwell_seconds: args.dwell_seconds,
            policy: args.policy.as_deref().map(Text::from),
            user: args.user.as_deref().map(Text::from),
            chosen: args.chosen.as_deref().map(Text::from),
            reward: args.reward,
            event_id: args.event_id.as_deref().map(Text::from),
            ..RawReward::default()
        };
        let mut origin = COMMAND_LINE.to_owned();
        raw.check(&origin)?;
        if raw.decision.is_none() {
            let (text, name) = input::whole(args.request.as_deref())?;
            raw.request = Some(Request::from_json(&text, &name)?.raw().clone());
            origin = name;
        }
        let reward = self.reward(raw, &self.log.finder(), &origin, COMMAND_LINE)?;
        let mut ledger = store.ledger();
        let learned = ledger.learn(&[&reward])?.remove(0)?;
        let mut out = Vec::new();
        answer(&reward, learned, &mut out);
        output::bytes(&out)?;
        ledger.settle(true)?;
        Ok(exit::DONE)
    }

    fn lines(&self, store: &Store) -> Result<u8> {
        let mut lines = Lines::open(self.args.request.as_deref(), CHUNK_BYTES)?;
        let stop = signals::stop()?;
        let (mut ledger, mut code) = (store.ledger(), exit::DONE);
        let parse = |chunk: &Chunk| {
            let finder = self.log.finder();
            let lines: Vec<_> = chunk.lines().collect();
            let many = lines.len() >= MANY;
            let parsed = each(lines, many, |(number, line)| {
                let origin = format_smolstr!("line {number}");
                let reward = crate::base::read::json(line, &origin).and_then(|raw: RawReward| {
                    raw.check_line(&origin)?;
                    self.reward(raw, &finder, &origin, &origin)
                });
                (number, reward)
            });
            Ok(parsed)
        };
        let learn = |parsed: Vec<(u64, Result<Reward<'_>>)>| {
            let mut rewards = Vec::with_capacity(parsed.len());
            let mut place = |reward| {
                rewards.push(reward);
                rewards.len() - 1
            };
            let lines = parsed.iter().map(|(number, reward)| (*number, reward.as_ref().map(&mut place)));
            let lines: Vec<Line> = lines.collect();
            let many = lines.len() > TOGETHER;
            let answers = ledger.learn_and(&rewards, |outcomes| {
                each(lines.chunks(TOGETHER), many, |lines| {
                    let (mut out, mut refused) = (Vec::with_capacity(128 * lines.len()), false);
                    for (number, place) in lines {
                        match place.and_then(|i| Ok((rewards[i], outcomes[i].as_ref()?))) {
                            Ok((reward, learned)) => answer(reward, *learned, &mut out),
                            Err(error) => {
                                output::bad_line(*number, error, &mut out);
                                refused = true;
                            }
                        }
                    }
                    (out, refused)
                })
            })?;
            let (texts, refused): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
            if refused.contains(&true) {
                code = exit::ERROR;
            }
            output::bytes(&texts.concat())?;
            // Giving back their memory takes all threads, too.
            each(parsed, many, drop);
            ledger.settle(false)
        };
        lines.in_two_steps(&stop, parse, learn)?;
        ledger.settle(true)?;
        if stop.load(Ordering::Relaxed) {
            // Every answer stands for a reward that is on disk; of what has none, nothing was learned.
            return Err(Error::Refused(format!("interrupted after line {}", lines.handed_on())));
        }
        // The process ends: the memory of all the states need not be given back one by one.
        std::mem::forget(ledger);
        Ok(code)
    }

    /// The checked reward of what `stated` says; the decision is looked up, or the request of `origin` is at hand.
    ///
    /// A log of decisions that cannot be read concerns only rewards of decisions.
    fn reward(
        &self,
        mut raw: RawReward<'_>,
        finder: &Result<Finder>,
        origin: &str,
        stated: &str,
    ) -> Result<Reward<'_>> {
        let request = raw.take_request();
        let value = match (&raw.reaction, raw.reward) {
            (Some(name), _) => Reaction::from_name(name)?.reward(),
            (None, value) => value.expect("checked"),
        };
        let source = Source {
            decision_id: raw.decision.as_deref().map(SmolStr::from),
            reaction: raw.reaction.as_deref().map(Reaction::from_name).transpose()?,
            dwell_seconds: raw.dwell_seconds,
        };
        let (user, policy, request, chosen, event) = if let Some(id) = raw.decision {
            let logged = finder
                .as_ref()
                .map_err(|error| Error::Refused(error.to_string()))
                .and_then(|f| f.find(&id))?;
            let place = format!("decision {}", &*id);
            agree("user", raw.user.as_deref().or(self.args.user.as_deref()), Some(&logged.user), &place)?;
            let own = raw.policy.as_deref().or(self.args.policy.as_deref());
            let own = own.map(|name| self.policies.load(name)).transpose()?;
            agree("policy", own.as_ref().map(|p| p.name()), Some(logged.policy.name()), &place)?;
            if let Some(own) = own.filter(|own| !own.has_model_of(&logged.policy)) {
                let message =
                    format!("policy {:?} is defined otherwise than when it made {place}", own.name());
                return Err(Error::Refused(message));
            }
            if let Some(event) = raw.event_id.as_deref().filter(|event| *event != &*id) {
                let allowed = "the decision's id, or none: each decision is learned from once";
                return Err(Fault::new("event_id", format!("{event:?}"), allowed).at(stated));
            }
            (logged.user, self.policies.same(&logged.policy), logged.request, logged.chosen, Some(id))
        } else {
            let request = Request::try_from(request.expect("checked")).map_err(|fault| fault.at(origin))?;
            self.warned.unknown_names(&request);
            let own = raw.user.as_deref().or(self.args.user.as_deref());
            let user = agree("user", own, request.user(), origin)?.into();
            let own = raw.policy.as_deref().or(self.args.policy.as_deref());
            let policy = self.policies.agreed(own, request.policy(), origin)?;
            let chosen = request.position(raw.chosen.as_deref().expect("checked"))?;
            (user, policy, request, chosen, raw.event_id)
        };
        let event = event.map(SmolStr::from);
        let lesson = Lesson::new(request, chosen, value, event, source).map_err(|fault| fault.at(stated))?;
        Ok(Reward::new(user, policy, lesson))
    }
}

impl RawReward<'_> {
    /// Whether it is one of the two forms, before anything is looked up.
    fn check(&self, origin: &str) -> Result<()> {
        let refused = |message: &str| Err(Error::Refused(format!("{origin}: {message}")));
        match (&self.reaction, self.reward) {
            (Some(_), Some(_)) => return refused("a reaction or a reward, not both"),
            (None, None) if origin == COMMAND_LINE => return refused("give --reaction, or --reward"),
            (None, None) => return refused("no reaction and no reward: give one of them"),
            (Some(name), None) => drop(Reaction::from_name(name)?),
            (None, Some(_)) => {}
        }
        match (&self.decision, &self.chosen) {
            (Some(_), Some(_)) => refused("the decision says what was chosen: give one of them"),
            (None, None) if origin == COMMAND_LINE => {
                refused("give --decision; or --policy, --user, --chosen and a request")
            }
            (None, None) => refused("no decision: give one, or policy, user, chosen and a request"),
            _ => Ok(()),
        }
    }

    /// As [`Self::check`], for a line, which has its request in it.
    fn check_line(&self, origin: &str) -> Result<()> {
        self.check(origin)?;
        let beside = self.context.is_some() || self.candidates.is_some() || self.profile_features.is_some();
        let refused = |message: &str| Err(Error::Refused(format!("{origin}: {message}")));
        match (&self.decision, &self.request) {
            (Some(_), Some(_)) => refused("the decision has its request: give one of them"),
            (Some(_), None) if beside => refused("the decision has its request: give one of them"),
            (None, Some(_)) if beside => refused("the request stands in \"request\" or beside it, not both"),
            (None, None) if self.context.is_none() || self.candidates.is_none() => {
                refused("no request: give \"request\", or \"context\" and \"candidates\"")
            }
            _ => Ok(()),
        }
    }

    /// The request in it or beside the other fields.
    fn take_request(&mut self) -> Option<RawRequest> {
        self.request.take().or_else(|| {
            Some(RawRequest {
                user: None,
                policy: None,
                seed: None,
                context: self.context?,
                candidates: self.candidates.take()?,
                profile_features: self.profile_features.take(),
            })
        })
    }
}

fn answer(reward: &Reward, learned: Learned, out: &mut Vec<u8>) {
    let Learned { updates, duplicate } = learned;
    let (user, policy, reward) = (reward.user(), reward.policy().name(), reward.lesson().reward());
    output::line(&Answer { user, policy, reward, updates, duplicate }, out);
}
