//! `rehearsal simulate`: policies meet simulated people.

use super::folder::Folder;
use super::{exit, output, progress};
use crate::error::{Error, Result};
use crate::metrics::{Curve, Summary};
use crate::persona::Persona;
use crate::policy::{Luck, Policy};
use crate::report::{Results, ScenarioResults, UserRows};
use crate::scenario::Scenario;
use crate::simulate::Simulation;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenarios: shipped names or TOML files
    #[arg(value_name = "SCENARIO", default_value = "steady")]
    scenarios: Vec<String>,
    /// A policy: a name, or a TOML file; repeat it to compare with the first
    #[arg(long = "policy", value_name = "POLICY", required = true)]
    policies: Vec<String>,
    /// Users of each persona
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    users: u64,
    /// Decisions of each user, instead of the scenario's
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Seed: the same seed gives the same output
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..Luck::SEEDS))]
    seed: u64,
    /// Take the personas from this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    personas: Option<PathBuf>,
    /// Write summary.json, users.csv and curve.csv into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: super::Threads,
}

const FILES: [&str; 3] = ["summary.json", "curve.csv", "users.csv"];

pub(super) fn run(args: &Args) -> Result<u8> {
    let personas = args.personas.as_deref().map_or_else(Persona::shipped, Persona::load_dir)?;
    let policies = args.policies.iter().map(|name| Policy::load(name)).collect::<Result<Vec<_>>>()?;
    let scenarios = args.scenarios()?;
    refuse_doubles("policy", policies.iter().map(Policy::name))?;
    refuse_doubles("scenario", scenarios.iter().map(Scenario::name))?;
    let simulations = scenarios
        .iter()
        .map(|scenario| Simulation::new(scenario, &personas, &policies, args.seed))
        .collect::<Result<Vec<_>>>()?;
    let mut folder = args.out.as_deref().map(|dir| Folder::open(dir, FILES)).transpose()?;
    args.threads.apply()?;

    let start = Instant::now();
    let bar = progress::decisions(simulations.iter().map(|s| s.decisions_per_user() * args.users).sum());
    let mut rows = folder
        .as_mut()
        .map(|f| UserRows::new(f.file(2)))
        .transpose()
        .map_err(Error::io("write", "users.csv"))?;
    let mut results = Vec::new();
    for simulation in &simulations {
        bar.set_message(simulation.scenario().name().to_owned());
        let tick = |users| bar.inc(users * simulation.decisions_per_user());
        results.push(measure(simulation, args.users, &mut rows, tick)?);
    }
    bar.finish_and_clear();
    rows.map_or(Ok(()), UserRows::finish).map_err(Error::io("write", "users.csv"))?;

    let results = Results {
        seed: args.seed,
        users: args.users,
        policies: policies.iter().map(|p| p.name().to_owned()).collect(),
        scenarios: results,
    };
    if let Some(mut folder) = folder {
        folder.write(0, |out| {
            serde_json::to_writer_pretty(&mut *out, &results.json())?;
            writeln!(out)
        })?;
        folder.write(1, |out| results.write_curve(out))?;
        folder.finish()?;
    }
    if args.json {
        output::pretty_json(&results.json())?
    } else {
        output::text(&results.text())?
    }
    let seconds = start.elapsed().as_secs_f64();
    let decisions = results.decisions();
    output::note(&format!(
        "{decisions} decisions in {seconds:.2} s, {:.2} million per second",
        decisions as f64 / seconds / 1e6
    ));
    Ok(exit::DONE)
}

/// Runs one scenario, summing up users as they pass by.
fn measure<W: Write>(
    simulation: &Simulation,
    users: u64,
    rows: &mut Option<UserRows<W>>,
    tick: impl Fn(u64),
) -> Result<ScenarioResults> {
    let personas: Vec<(String, f64)> =
        simulation.personas().map(|(name, share)| (name.to_owned(), share)).collect();
    let policies = simulation.policies();
    let scenario = simulation.scenario().raw();
    let mut summary = Summary::new(personas.len(), policies.len(), scenario.steps);
    let mut curve = Curve::default((personas.len(), policies.len(), scenario.steps as usize, 4));
    let mut failure = None;
    simulation.run(0..users, |block| {
        tick(block.users.end - block.users.start);
        curve += &block.curve;
        let cells = block.users.flat_map(|user| (0..personas.len()).map(move |p| (user, p)));
        for ((user, p), records) in cells.zip(block.records.chunks_exact(policies.len())) {
            summary.observe(p, records);
            let Some(rows) = rows else { continue };
            for (policy, record) in policies.iter().zip(records) {
                let place = [scenario.name.as_str(), personas[p].0.as_str()];
                if let Err(error) = rows.write(place, user, policy.name(), record) {
                    failure = Some(error);
                    return false;
                }
            }
        }
        true
    });
    match failure {
        Some(error) => Err(Error::io("write", "users.csv")(error)),
        None => Ok(ScenarioResults {
            name: scenario.name.clone(),
            description: scenario.description.clone(),
            steps: scenario.steps,
            personas,
            kinds: simulation.kinds(),
            summary,
            curve,
        }),
    }
}

impl Args {
    fn scenarios(&self) -> Result<Vec<Scenario>> {
        let load = |name: &String| {
            let scenario = Scenario::load(name)?;
            match self.steps {
                Some(steps) => scenario.with_steps(steps).map_err(|fault| fault.at("--steps")),
                None => Ok(scenario),
            }
        };
        self.scenarios.iter().map(load).collect()
    }
}

fn refuse_doubles<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::Refused(format!("{what} {name:?} is given twice")));
        }
    }
    Ok(())
}
