//! `rehearsal score`: a request becomes a decision.

use super::experiment_args::active;
use super::input::{self, Chunk, LineText, Lines};
use super::registry_args::RegistryArgs;
use super::store_args::Global;
use super::warned::Warned;
use super::{exit, output, signals};
use crate::base::error::{Fault, Result};
use crate::base::threads::{self, MANY, each};
use crate::policy::DecisionRng;
use crate::service::{Decided, Given, ScoreCall, Service};
use crate::store::Pace;
use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;
use smol_str::format_smolstr;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    /// The policy that decides: a name, or a TOML file; with --jsonl each policy that a line may name, the first one by
    /// default
    #[arg(long = "policy", value_name = "NAME|FILE")]
    pub(super) policies: Vec<String>,
    /// The person
    #[arg(long)]
    user: Option<String>,
    /// A policy that decides too, unseen and without learning
    #[arg(long = "shadow", value_name = "NAME|FILE")]
    shadows: Vec<String>,
    /// Experiments that users are in: a folder of TOML files; who is in one is decided by the variant's policy
    #[arg(long, value_name = "DIR", env = "REHEARSAL_EXPERIMENTS")]
    experiments: Option<PathBuf>,
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

/// About so much is decided at once, and is one transaction: enough for all threads, little for the caches.
const CHUNK_BYTES: usize = 1 << 20;

/// A line: its number, its text, and its seed if it states none.
type Line<'a> = (u64, LineText<'a>, u64);

/// Lines that are decided.
struct DecidedLines {
    /// What was decided, or what is wrong with them.
    decided: Vec<Result<Decided>>,
    /// What is answered once that is kept.
    answers: Vec<Vec<u8>>,
    /// Whether something is wrong with one of them.
    failed: bool,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    if let Some(seed) = args.seed.filter(|s| *s >= DecisionRng::SEEDS) {
        return Err(Fault::new("--seed", seed, "a whole number below 2^53").at("command line"));
    }
    let mut policies = args.registry.policies(&args.policies)?;
    let experiments = active(args.experiments.as_deref(), &mut policies)?;
    let shadows =
        args.shadows.iter().map(|name| args.registry.shared(&policies, name)).collect::<Result<_>>()?;
    let pace = if args.jsonl { Pace::Bulk } else { Pace::Single };
    let mut service = global.service(global.to_write(pace)?, policies, shadows)?;
    if let Some(experiments) = experiments {
        service = service.with_experiments(experiments)?;
    }
    if let Err(error) = service.publish() {
        // What others have left to do is in the way of no decision.
        output::warn(&format!("a state file is not written: {error}"));
    }
    let scorer = Scorer { args, service, warned: Warned::default() };
    if args.jsonl { scorer.lines() } else { scorer.one() }
}

struct Scorer<'a> {
    args: &'a Args,
    service: Service,
    warned: Warned,
}

impl Scorer<'_> {
    fn one(&self) -> Result<u8> {
        let Args { user, seed, request, .. } = self.args;
        let policy = self.service.policies().default_policy().map(|policy| policy.name().to_owned());
        let given = Given { user: user.clone(), policy, seed: *seed, ..Given::default() };
        let (text, origin) = input::whole(request.as_deref())?;
        let seed = seed.map_or_else(DecisionRng::fresh_seed, Ok)?;
        let call = ScoreCall::parse(&self.service, &text, &origin, &given, seed)?;
        let reply = self.service.score(&[call])?.remove(0)?;
        self.warned.say(&reply.warnings);
        output::json(&reply)?;
        Ok(exit::DONE)
    }

    fn lines(&self) -> Result<u8> {
        let mut lines = Lines::open(self.args.request.as_deref(), CHUNK_BYTES)?;
        let stop = signals::stop()?;
        // The i-th line's seed is the i-th output of a generator with the run's seed.
        let mut seeds = SplitMix64::seed_from_u64(self.args.seed.map_or_else(DecisionRng::fresh_seed, Ok)?);
        let (mut seeded, mut code) = (0, exit::DONE);
        let given = Given { user: self.args.user.clone(), ..Given::default() };
        let prepare = |chunk: &Chunk| {
            let mut seed_of = |number| {
                let mut seed = 0;
                while seeded < number {
                    seed = seeds.next_u64() % DecisionRng::SEEDS;
                    seeded += 1;
                }
                seed
            };
            let lines: Vec<Line> =
                chunk.lines().map(|(number, line)| (number, line, seed_of(number))).collect();
            self.decide(lines, &given)
        };
        let finish = |DecidedLines { decided, answers, failed }| {
            self.service.keep(&decided)?;
            for decided in decided.iter().flatten() {
                self.warned.say(&decided.reply.warnings);
            }
            answers.iter().try_for_each(|answers| output::bytes(answers))?;
            if failed {
                code = exit::ERROR;
            }
            if decided.len() >= MANY && threads::ready().is_ok() {
                // Giving back their memory is for whoever has time.
                rayon::spawn(move || drop(decided));
            }
            Ok(())
        };
        lines.in_two_steps(&stop, prepare, finish)?;
        self.service.store().tidy()?;
        lines.check_end(&stop)?;
        Ok(code)
    }

    fn decide(&self, lines: Vec<Line>, given: &Given) -> Result<DecidedLines> {
        let numbers: Vec<u64> = lines.iter().map(|(number, ..)| *number).collect();
        let many = lines.len() >= MANY;
        let parsed = each(lines, many, |(number, line, seed)| {
            let origin = format_smolstr!("line {number}");
            let line = line.map_err(|long| long.at(&origin));
            line.and_then(|line| ScoreCall::parse(&self.service, line, &origin, given, seed))
        });
        let (mut calls, mut outcomes) = (Vec::with_capacity(parsed.len()), Vec::with_capacity(parsed.len()));
        for call in parsed {
            outcomes.push(call.map(|call| calls.push(call)));
        }
        let mut decided = self.service.decide(&calls)?.into_iter();
        let outcomes =
            outcomes.into_iter().map(|call| call.and_then(|()| decided.next().expect("one for each")));
        let decided: Vec<_> = outcomes.collect();
        let written = each(numbers.chunks(MANY).zip(decided.chunks(MANY)), many, |(numbers, decided)| {
            let (mut out, mut failed) = (Vec::with_capacity(512 * decided.len()), false);
            for (number, decided) in numbers.iter().zip(decided) {
                match decided {
                    Ok(decided) => output::line(&decided.reply, &mut out),
                    Err(error) => {
                        output::bad_line(*number, error, &mut out);
                        failed = true;
                    }
                }
            }
            (out, failed)
        });
        let (answers, failed): (Vec<_>, Vec<_>) = written.into_iter().unzip();
        Ok(DecidedLines { decided, answers, failed: failed.contains(&true) })
    }
}
