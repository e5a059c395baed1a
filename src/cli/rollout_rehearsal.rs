//! `rehearsal simulate --rollout`: a rollout lived with simulated people.

use super::simulate::Args;
use super::{exit, output, progress};
use crate::base::error::{Error, Fault, Result};
use crate::experiment::{Experiment, Variant};
use crate::gate::live::{LiveRefusal, RolloutPool, RolloutRehearsal, rehearse_rollout, rules_of};
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use crate::report::rehearsal_text;
use crate::simulation::Simulation;
use std::path::Path;

/// Lives the rollout of the experiment in a file.
pub(super) fn run(args: &Args, path: &Path, personas: &[Persona]) -> Result<u8> {
    let origin = path.display().to_string();
    let experiment = Experiment::from_toml(&crate::base::read::text(path)?, &origin)?;
    let Some(ramp) = experiment.ramp() else {
        return Err(Error::because(LiveRefusal::NoRamp { experiment: experiment.key().to_string() }));
    };
    let policy = |variant: &Variant| {
        let name = variant.policy().or(args.policies.first().map(String::as_str));
        let missing = || Fault::new("policy", "missing", "the policy that decides, or --policy").at(&origin);
        Policy::load(name.ok_or_else(missing)?)
    };
    let policies = experiment.variants().iter().map(policy).collect::<Result<Vec<_>>>()?;
    let [name] = args.scenarios.as_slice() else {
        let fault = Fault::new("--rollout", format!("in {} scenarios", args.scenarios.len()), "one scenario");
        return Err(fault.at("command line"));
    };
    let decisions = experiment.guardrails().decisions();
    let scenario =
        Scenario::load(name)?.with_steps(decisions).map_err(|fault| fault.at("guardrails.decisions"))?;
    let seed = args.seed.unwrap_or(0);
    args.threads.apply()?;
    let simulation = Simulation::new(&scenario, personas, &policies, seed)?;
    let metric = rules_of(&experiment, 0)?.metric;
    let pool = RolloutPool::simulate(&simulation, args.users, metric)?;
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
    if args.json {
        output::pretty_json(&rehearsal)?;
    } else {
        output::text(&rehearsal_text(&rehearsal))?;
    }
    Ok(exit::DONE)
}
