//! `rehearsal simulate --rollout`: a rollout lived with simulated people.

use super::registry_args::RegistryArgs;
use super::{exit, output, progress};
use crate::base::error::{Error, Fault, Result};
use crate::experiment::{Experiment, Variant};
use crate::gate::live::{LiveRefusal, RolloutPool, RolloutRehearsal, rehearse_rollout, rules_of};
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::report::rehearsal_text;
use crate::simulation::Simulation;
use std::path::{Path, PathBuf};

// Options of a rehearsed rollout. As documentation it would become that of the command that has them.
#[derive(Debug, clap::Args)]
pub(super) struct RehearsalArgs {
    /// Live a rollout many times instead: an experiment with a ramp, a TOML file; with a policy for variants that set none
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "gate", "blocks", "out", "log", "steps", "html"])]
    pub(super) rollout: Option<PathBuf>,
    /// With --rollout: how many times
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "rollout", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rollouts: u64,
    /// With --rollout: the guardrails are asked after every so many people
    #[arg(long, value_name = "N", default_value_t = 100, requires = "rollout", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    look_every: u64,
    /// With --rollout: after so many people a rollout is given up
    #[arg(long, value_name = "N", default_value_t = 50_000, requires = "rollout", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    max_users: u64,
    /// The policies of a project's file, the first of which decides where nobody says who does.
    #[arg(skip)]
    pub(super) of_project: Vec<String>,
}

/// Who comes.
pub(super) struct SimulatedPeople<'a> {
    pub(super) personas: &'a [Persona],
    /// Names of scenarios, of which there must be one.
    pub(super) scenarios: &'a [String],
    /// Who decides where a variant does not say it, as options say.
    pub(super) policies: &'a [String],
    /// Where `registry:NAME@ALIAS` is looked up.
    pub(super) registry: &'a RegistryArgs,
    /// People of each persona who are drawn from.
    pub(super) users: u64,
    pub(super) seed: u64,
}

/// Lives the rollout of the experiment in a file.
pub(super) fn run(args: &RehearsalArgs, path: &Path, people: &SimulatedPeople, json: bool) -> Result<u8> {
    let SimulatedPeople { personas, scenarios, policies, registry, users, seed } = *people;
    let origin = path.display().to_string();
    let experiment = Experiment::from_toml(&crate::base::read::text(path)?, &origin)?;
    let Some(ramp) = experiment.ramp() else {
        return Err(Error::because(LiveRefusal::NoRamp { experiment: experiment.key().to_string() }));
    };
    let needs_one = experiment.variants().iter().any(|variant| variant.policy().is_none());
    if policies.len() > usize::from(needs_one) {
        let allowed = if needs_one {
            "one, that of variants which set none"
        } else {
            "none: every variant of the experiment sets its own"
        };
        return Err(Fault::new("--policy", policies.join(", "), allowed).at("command line"));
    }
    let default_policy = policies.first().or(args.of_project.first());
    let policy = |variant: &Variant| {
        let name = variant.policy().or(default_policy.map(String::as_str));
        let missing = || Fault::new("policy", "missing", "the policy that decides, or --policy").at(&origin);
        registry.policy(name.ok_or_else(missing)?)
    };
    let policies = experiment.variants().iter().map(policy).collect::<Result<Vec<_>>>()?;
    let [name] = scenarios else {
        let fault = Fault::new("--rollout", format!("in {} scenarios", scenarios.len()), "one scenario");
        return Err(fault.at("command line"));
    };
    let decisions = experiment.guardrails().decisions();
    let scenario =
        Scenario::load(name)?.with_steps(decisions).map_err(|fault| fault.at("guardrails.decisions"))?;
    let simulation = Simulation::new(&scenario, personas, &policies, seed)?;
    let metric = rules_of(&experiment, 0)?.metric;
    let pool = RolloutPool::simulate(&simulation, users, metric)?;
    let margin = experiment.guardrails().margin();
    let mut pools =
        vec![("as simulated".to_owned(), pool.clone()), ("no difference".to_owned(), pool.with_gain(0.0))];
    if margin > 0.0 {
        pools.push(("loses the margin".to_owned(), pool.with_gain(-margin)));
    }
    let bar = progress::runs(args.rollouts * pools.len() as u64);
    let size = (args.rollouts, args.look_every, args.max_users);
    let rehearsal: RolloutRehearsal = rehearse_rollout(&experiment, ramp, &pools, size, seed, || bar.inc(1))?;
    bar.finish_and_clear();
    if json {
        output::pretty_json(&rehearsal)?;
    } else {
        output::text(&rehearsal_text(&rehearsal))?;
    }
    Ok(exit::DONE)
}
