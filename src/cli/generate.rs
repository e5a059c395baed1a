//! `rehearsal generate`: tips in words for a person.

use super::context::SignalArgs;
use super::error::UsageError;
use super::experiment_args::active;
use super::input::{CHUNK_BYTES, Chunk, LineText, Lines};
use super::prompt_args::{GatewayArgs, PromptArgs, clock_ms, earlier_tips};
use super::registry_args::RegistryArgs;
use super::store_args::Global;
use super::{exit, output, signals};
use crate::base::error::{Fault, Result};
use crate::policy::DecisionRng;
use crate::prompt::{Allowance, Gateway, Generated, Generator, Prepared, Signals, UnusedReason, Usage};
use crate::service::{ActiveExperiments, Given, ScoreCall, ScoreReply, Service};
use crate::store::{Pace, Store};
use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    signals: SignalArgs,
    /// Seed of the pauses before a call is repeated, and of the decision, below 2^53; drawn from the system when absent
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// One person per line, a JSON object with its user; one answer per line
    #[arg(long)]
    jsonl: bool,
    /// Also decide between the tips, and keep the decision
    #[arg(long, requires = "policy")]
    score: bool,
    /// With --score, the policy that decides: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE", requires = "score")]
    policy: Option<String>,
    /// Experiments that users are in: a folder of TOML files; who asks for no prompt version has the variant's
    #[arg(long, value_name = "DIR", env = "REHEARSAL_EXPERIMENTS")]
    experiments: Option<PathBuf>,
    #[command(flatten)]
    prompts: PromptArgs,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// What is printed: the tips, and the decision between them if one was asked for.
#[derive(Serialize)]
struct GenerateReply {
    #[serde(flatten)]
    generated: Generated,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<ScoreReply>,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    if let Some(seed) = args.seed.filter(|seed| *seed >= DecisionRng::SEEDS) {
        return Err(Fault::new("--seed", seed, "a whole number below 2^53").at("command line"));
    }
    let prompts = args.prompts.load()?;
    let mut policies = args.registry.policies(args.policy.as_slice())?;
    let mut experiments = active(args.experiments.as_deref(), &mut policies)?;
    if let Some(experiments) = &experiments {
        prompts.check_experiments(experiments.experiments())?;
    }
    let generator = Arc::new(args.gateway.generator(prompts)?);
    // Who only asks needs no store, and leaves none behind.
    let (store, service) = if args.score {
        let pace = if args.jsonl { Pace::Bulk } else { Pace::Single };
        let store = global.to_write(pace)?;
        let mut service = global.service(Arc::clone(&store), policies, Vec::new())?;
        if let Some(experiments) = experiments.take() {
            service = service.with_experiments(experiments)?;
        }
        (Some(store), Some(service))
    } else if args.gateway.counts_tokens() {
        (Some(global.to_write(Pace::Single)?), None)
    } else {
        (global.to_read_if_there()?, None)
    };
    if service.is_some()
        && let Some(store) = &store
    {
        store.find_rewards_by_state()?;
    }
    if let (Some(experiments), Some(store)) = (&experiments, &store) {
        experiments.read_rollouts(&**store)?;
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(UsageError::system("start a runtime"))?;
    let run = Run { args, generator, store, service, experiments, runtime };
    if args.jsonl { run.lines() } else { run.one() }
}

struct Run<'a> {
    args: &'a Args,
    generator: Arc<Generator>,
    store: Option<Arc<dyn Store>>,
    service: Option<Service>,
    /// Those of who only asks: others are the service's.
    experiments: Option<ActiveExperiments>,
    runtime: Runtime,
}

/// A call that may be made.
struct Ready {
    prepared: Arc<Prepared>,
    seed: u64,
    /// What was set aside for it, where that is counted.
    allowance: Option<Allowance>,
    /// Whether the user has taken all that they may.
    is_spent: bool,
}

impl Run<'_> {
    fn one(&self) -> Result<u8> {
        let (signals, origin) = self.args.signals.read()?;
        if let (Some(given), Some(own)) = (self.args.seed, signals.seed())
            && given != own
        {
            let allowed = format!("{given}, which is given beside the signals, or nothing");
            return Err(Fault::new("seed", own, allowed).at(&origin));
        }
        let ready = self.ready(signals, &origin, self.args.seed)?;
        let Ready { prepared, seed, is_spent, .. } = &ready;
        let generated = self.runtime.block_on(generate(&self.generator, prepared, *seed, *is_spent))?;
        let reply = self.reply(ready, generated)?;
        for warning in &reply.generated.warnings {
            output::warn(warning);
        }
        output::json(&reply)?;
        Ok(exit::DONE)
    }

    fn lines(&self) -> Result<u8> {
        let mut lines = Lines::open(self.args.signals.signals.as_deref(), CHUNK_BYTES)?;
        let stop = signals::stop()?;
        let mut code = exit::DONE;
        let prepare = |chunk: &Chunk| {
            let mut out = Vec::new();
            let lines: Vec<(u64, LineText)> = chunk.lines().collect();
            // An answer may take long, and those before it are not kept waiting for it much.
            let together = self.generator.gateway().map_or(usize::MAX, |gateway| 4 * gateway.concurrency());
            for lines in lines.chunks(together.min(1_024)) {
                self.answer(lines, &mut out)?;
            }
            Ok(out)
        };
        let finish = |answers: Vec<(Vec<u8>, bool)>| {
            for (answer, is_bad) in answers {
                output::bytes(&answer)?;
                if is_bad {
                    code = exit::ERROR;
                }
            }
            Ok(())
        };
        lines.in_two_steps(&stop, prepare, finish)?;
        if let Some(service) = &self.service {
            service.store().tidy()?;
        }
        lines.check_end(&stop)?;
        Ok(code)
    }

    /// Answers lines together, in their order; with each answer whether it is one of a bad line.
    fn answer(&self, lines: &[(u64, LineText)], out: &mut Vec<(Vec<u8>, bool)>) -> Result<()> {
        let limit = Arc::new(Semaphore::new(self.generator.gateway().map_or(1, Gateway::concurrency)));
        let mut tasks = Vec::with_capacity(lines.len());
        for (number, line) in lines {
            let origin = format!("line {number}");
            let seed = self.args.seed.map(|seed| line_seed(seed, *number));
            let line = line.clone().map_err(|long| long.at(&origin));
            let signals = line.and_then(|line| self.args.signals.parse(line, &origin));
            let ready = signals.and_then(|signals| self.ready(signals, &origin, seed));
            let task = ready.map(|ready| {
                let (prepared, seed, is_spent) = (Arc::clone(&ready.prepared), ready.seed, ready.is_spent);
                let (generator, limit) = (Arc::clone(&self.generator), Arc::clone(&limit));
                let task = self.runtime.spawn(async move {
                    let _permit = limit.acquire_owned().await;
                    generate(&generator, &prepared, seed, is_spent).await
                });
                (task, ready)
            });
            tasks.push((*number, task));
        }
        for (number, task) in tasks {
            let answered = task.and_then(|(task, ready)| {
                let generated = self.runtime.block_on(task).expect("nothing panics in it")?;
                self.reply(ready, generated)
            });
            let mut line = Vec::new();
            match &answered {
                Ok(reply) => output::line(reply, &mut line),
                Err(error) if error.kind().is_transient() => return Err(answered.err().expect("it is one")),
                Err(error) => output::bad_line(number, error, &mut line),
            }
            out.push((line, answered.is_err()));
        }
        Ok(())
    }

    /// What a person is to be asked for.
    fn ready(&self, signals: Signals, origin: &str, seed: Option<u64>) -> Result<Ready> {
        let seed = match signals.seed().or(seed) {
            Some(seed) => seed,
            None => DecisionRng::fresh_seed()?,
        };
        let of_service = self.service.as_ref().and_then(Service::experiments);
        let experiments = of_service.or(self.experiments.as_ref());
        let given = experiments.and_then(|all| all.prompt_version(signals.user(), signals.profile()));
        let signals = signals.or_prompt_version(given);
        let stored = earlier_tips(self.store.as_ref(), signals.user(), signals.now_ms())?;
        let prepared = Arc::new(self.generator.prepare(signals, &stored, origin)?);
        let most = self.generator.gateway().and_then(Gateway::tokens_per_day);
        let allowance = match (most, &self.store) {
            (Some(most), Some(store)) => Allowance::reserve(&**store, &prepared, clock_ms(), most)?,
            _ => None,
        };
        let is_spent = most.is_some() && allowance.is_none();
        Ok(Ready { prepared, seed, allowance, is_spent })
    }

    /// The tips, with the decision between them if one is asked for; what they took is counted where that is counted.
    fn reply(&self, ready: Ready, generated: Generated) -> Result<GenerateReply> {
        let Ready { prepared, seed, allowance, .. } = ready;
        if let (Some(allowance), Some(store)) = (allowance, &self.store) {
            allowance.settle(&**store, generated.usage)?;
        }
        let Some(service) = &self.service else { return Ok(GenerateReply { generated, decision: None }) };
        let request =
            serde_json::to_vec(&prepared.request(&generated)).expect("plain values always serialize");
        let policy = service.policies().default_policy().map(|policy| policy.name().to_owned());
        let given = Given { policy, ..Given::default() };
        let call = ScoreCall::parse(service, &request, "the tips", &given, seed)?;
        let decision = service.score(&[call])?.remove(0)?;
        Ok(GenerateReply { generated, decision: Some(decision) })
    }
}

/// Seed of a line: that of `score`, the i-th output of a generator with the run's seed.
fn line_seed(seed: u64, number: u64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let before = seed.wrapping_add(STEP.wrapping_mul(number.wrapping_sub(1)));
    SplitMix64::seed_from_u64(before).next_u64() % DecisionRng::SEEDS
}

/// Tips for a person; of who has taken all that they may, the ready ones.
async fn generate(
    generator: &Generator,
    prepared: &Prepared,
    seed: u64,
    is_spent: bool,
) -> Result<Generated> {
    if is_spent {
        let tokens = generator.gateway().and_then(Gateway::tokens_per_day).unwrap_or(0);
        let call = prepared.estimate();
        return prepared.ready(UnusedReason::Budget { tokens, call }, Usage::NONE);
    }
    generator.generate(prepared, seed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_the_seed_that_it_would_have_in_turn() {
        let mut seeds = SplitMix64::seed_from_u64(7);
        for number in 1..100 {
            assert_eq!(line_seed(7, number), seeds.next_u64() % DecisionRng::SEEDS);
        }
    }
}
