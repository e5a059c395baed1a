//! `rehearsal reward`: what happened after a decision is learned.

use super::input::{self, Chunk, Lines};
use super::registry_args::RegistryArgs;
use super::store_args::{Global, publish};
use super::warned::Warned;
use super::{exit, output, signals};
use crate::base::error::Result;
use crate::base::threads::{MANY, each};
use crate::service::{Given, RewardCall, Service, StatedReward};
use crate::store::Pace;
use smol_str::format_smolstr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// About so much is parsed at once. The more it is, the more rewards a state learns from when it is at hand.
const CHUNK_BYTES: usize = 16 << 20;
/// A transaction has at least so many rewards, if there are so many.
const FEWEST: usize = 1_024;
/// A transaction takes about so long, so that other writers get their turn.
const PIECE: Duration = Duration::from_millis(400);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    /// The decision that this answers, as `score` named it
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// What the person did: completed, snoozed, ignored or dismissed; in another domain one of its own outcomes
    #[arg(long, value_name = "NAME")]
    reaction: Option<String>,
    /// How long the tip was looked at
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    dwell_seconds: Option<f64>,
    /// The policy that learns: a name, or a TOML file; with --jsonl each policy that a line may name
    #[arg(long = "policy", value_name = "NAME|FILE")]
    pub(super) policies: Vec<String>,
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

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let pace = if args.jsonl { Pace::Bulk } else { Pace::Single };
    let policies = args.registry.policies(&args.policies)?;
    let service = global.service(global.to_write(pace)?, policies, Vec::new())?;
    let learner = Learner { args, service, warned: Warned::default() };
    if args.jsonl { learner.lines() } else { learner.one() }
}

struct Learner<'a> {
    args: &'a Args,
    service: Service,
    warned: Warned,
}

impl Learner<'_> {
    /// What is given beside each request.
    fn given(&self) -> Given {
        // A policy of the command line is that of the decision, too.
        let policies = self.service.policies();
        let policy = (!self.args.jsonl).then(|| policies.default_policy()).flatten();
        Given {
            user: self.args.user.clone(),
            policy: policy.map(|p| p.name().to_owned()),
            ..Given::default()
        }
    }

    fn one(&self) -> Result<u8> {
        let args = self.args;
        let stated = StatedReward {
            decision: args.decision.as_deref(),
            reaction: args.reaction.as_deref(),
            reward: args.reward,
            dwell_seconds: args.dwell_seconds,
            chosen: args.chosen.as_deref(),
            event_id: args.event_id.as_deref(),
        };
        let request = || input::whole(args.request.as_deref());
        let call = RewardCall::of_options(&self.service, &stated, &self.given(), request)?;
        self.warned.say(call.warnings());
        let reply = self.service.learn(&[call])?.remove(0)?;
        output::json(&reply)?;
        publish(&self.service, None)?;
        Ok(exit::DONE)
    }

    fn lines(&self) -> Result<u8> {
        let mut lines = Lines::open(self.args.request.as_deref(), CHUNK_BYTES)?;
        let stop = signals::stop()?;
        let (mut code, mut piece, given) = (exit::DONE, 4 * FEWEST, self.given());
        let parse = |chunk: &Chunk| {
            let lines: Vec<_> = chunk.lines().collect();
            let many = lines.len() >= MANY;
            Ok(each(lines, many, |(number, line)| {
                let origin = format_smolstr!("line {number}");
                let line = line.map_err(|long| long.at(&origin));
                (number, line.and_then(|line| RewardCall::parse(&self.service, line, &origin, &given)))
            }))
        };
        let learn = |parsed: Vec<(u64, Result<RewardCall>)>| {
            let mut parsed = parsed.into_iter();
            loop {
                let lines: Vec<_> = parsed.by_ref().take(piece).collect();
                if lines.is_empty() {
                    return Ok(());
                }
                let (begun, count) = (Instant::now(), lines.len());
                if self.learn_lines(lines)? {
                    code = exit::ERROR;
                }
                // How long a reward takes depends on how many users there are, so it is measured.
                if count == piece {
                    let each = begun.elapsed().as_secs_f64() / count as f64;
                    piece = ((PIECE.as_secs_f64() / each) as usize).clamp(piece / 2, piece * 2).max(FEWEST);
                }
            }
        };
        let run = self.service.begin_run();
        let done = lines.in_two_steps(&stop, parse, learn);
        // Whatever ended it, what was learned gets its files.
        let published = publish(&self.service, run);
        done?;
        published?;
        self.service.store().tidy()?;
        lines.check_end(&stop)?;
        Ok(code)
    }

    /// Learns lines in one transaction and prints their answers; whether one of them was refused.
    fn learn_lines(&self, lines: Vec<(u64, Result<RewardCall>)>) -> Result<bool> {
        let (mut calls, mut outcomes) = (Vec::with_capacity(lines.len()), Vec::with_capacity(lines.len()));
        for (number, call) in lines {
            outcomes.push((number, call.map(|call| calls.push(call))));
        }
        calls.iter().for_each(|call| self.warned.say(call.warnings()));
        let mut replies = self.service.learn(&calls)?.into_iter();
        let answers: Vec<_> = outcomes
            .into_iter()
            .map(|(number, call)| (number, call.and_then(|()| replies.next().expect("one for each"))))
            .collect();
        let many = answers.len() >= MANY;
        let printed = each(answers.chunks(MANY), many, |answers| {
            let (mut out, mut refused) = (Vec::with_capacity(128 * answers.len()), false);
            for (number, answer) in answers {
                match answer {
                    Ok(reply) => output::line(reply, &mut out),
                    Err(error) => {
                        output::bad_line(*number, error, &mut out);
                        refused = true;
                    }
                }
            }
            (out, refused)
        });
        let (texts, refused): (Vec<_>, Vec<_>) = printed.into_iter().unzip();
        output::bytes(&texts.concat())?;
        // Giving back their memory takes all threads, too.
        each(calls, many, drop);
        Ok(refused.contains(&true))
    }
}
