//! `rehearsal simulate`: policies meet simulated people.

use super::collector::{RUN_FILES, ResultWriter};
use super::destination::{HtmlFile, Taken, said_and_written, write_page};
use super::display::Display;
use super::error::{UsageError, refuse_doubles};
use super::folder::{Folder, Pending};
use super::gate_inputs::{gate_at, is_default};
use super::registry_args::RegistryArgs;
use super::rollout_rehearsal::{self, RehearsalArgs, SimulatedPeople};
use super::{Takes, exit, output, progress, shell, table};
use crate::base::error::{Error, Fault, Result};
use crate::gate::promotion::Inputs;
use crate::people::digest::of_people;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::{DecisionRng, Policy};
use crate::report::{Cast, simulation_page, terminal_results};
use crate::simulation::parts::{MAX_USERS, PartHeader, PartWriter};
use crate::simulation::progressive::Orders;
use crate::simulation::{BLOCK_USERS, Block, Simulation};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The files of `--log`.
const LOG_FILES: [&str; 3] = ["decisions.jsonl", "rewards.jsonl", "people.json"];

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Scenarios: shipped names or TOML files
    #[arg(value_name = "SCENARIO", default_value = "steady")]
    scenarios: Vec<String>,
    /// A policy: a name, or a TOML file; repeat it to compare with the first
    #[arg(long = "policy", value_name = "POLICY")]
    policies: Vec<String>,
    /// Users of each persona
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=MAX_USERS))]
    users: u64,
    /// Decisions of each user, instead of the scenario's
    #[arg(long, value_name = "N")]
    steps: Option<u32>,
    /// Instead of people: a CSV whose label is to be guessed, reward 1 for the right class. Columns are numbers, or words,
    /// each of which is a feature; missing values (an empty cell, ?, NA and the like among numbers) are errors
    #[arg(long, value_name = "FILE", requires = "label", conflicts_with_all = ["scenarios", "users", "steps", "personas", "blocks", "gate"])]
    data: Option<PathBuf>,
    /// With --data: the column with the class
    #[arg(long, value_name = "COLUMN", requires = "data")]
    label: Option<String>,
    /// With --data: a column whose cells are words although they look like numbers; repeatable
    #[arg(long, value_name = "COLUMN", requires = "data")]
    words: Vec<String>,
    /// With --data: how many orders of the rows [default: 10]
    #[arg(long, value_name = "N", requires = "data", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    orders: Option<u64>,
    /// With --data: once, in the order of the file, to compare with other programs on the same rows
    #[arg(long, requires = "data", conflicts_with = "orders")]
    in_order: bool,
    /// Seed: the same seed gives the same output [default: 0, or with --gate the gate's own]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..DecisionRng::SEEDS))]
    seed: Option<u64>,
    /// Simulate for `promote-check --from`: the scenarios and the seed are those of this gate, `default` or a
    /// file, the two policies are baseline and challenger
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenarios", "steps"])]
    gate: Option<PathBuf>,
    /// Take the personas from this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    personas: Option<PathBuf>,
    /// Run only these blocks of 32 users, A..B without B, and write them as a part: see `merge`
    #[arg(long, value_name = "A..B", value_parser = blocks, requires = "out")]
    blocks: Option<Range<u64>>,
    /// Write summary.json, users.csv, curve.csv and records.jsonl into this folder; with --blocks, the part
    /// into this file
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write the lives of `--users` people of the most common persona, and of the others as their shares
    /// say, into this folder as decisions.jsonl and rewards.jsonl, with people.json, by which a gate knows them again: a log for
    /// `evaluate`, `compare-reality` and `train`
    #[arg(long, value_name = "DIR", conflicts_with_all = ["gate", "blocks", "data"])]
    log: Option<PathBuf>,
    #[command(flatten)]
    html: HtmlFile,
    #[command(flatten)]
    rehearsal: RehearsalArgs,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) registry: RegistryArgs,
    #[command(flatten)]
    threads: super::Threads,
}

pub(super) fn run(args: &Args, display: Display) -> Result<u8> {
    if args.policies.is_empty() && args.rehearsal.rollout.is_none() {
        return Err(UsageError::no_policy());
    }
    if let (Some(data), Some(label)) = (&args.data, &args.label) {
        if args.html.path().is_some() {
            return Err(options("--html", "is of simulated people: leave out --data"));
        }
        return args.table(data, label);
    }
    let personas = args.personas.as_deref().map_or_else(Persona::shipped, Persona::load_dir)?;
    if let Some(path) = &args.rehearsal.rollout {
        args.threads.apply()?;
        let people = SimulatedPeople {
            personas: &personas,
            scenarios: &args.scenarios,
            policies: &args.policies,
            registry: &args.registry,
            users: args.users,
            seed: args.seed.unwrap_or(0),
        };
        return rollout_rehearsal::run(&args.rehearsal, path, &people, args.json);
    }
    let policies = args.policies.iter().map(|name| args.registry.policy(name)).collect::<Result<Vec<_>>>()?;
    let gate = args.gate.as_deref().map(|path| gate(path, &personas, &policies)).transpose()?;
    let scenarios = gate.as_ref().map_or_else(|| args.scenarios(), |gate| Ok(gate.scenarios.clone()))?;
    let seed = args.seed.map_or_else(|| gate.as_ref().map_or(Ok(0), Inputs::seed), Ok)?;
    let policies = gate.as_ref().map_or(policies, Inputs::policies);
    refuse_doubles("policy", policies.iter().map(Policy::name))?;
    refuse_doubles("scenario", scenarios.iter().map(Scenario::name))?;
    let simulations = scenarios
        .iter()
        .map(|scenario| Simulation::new(scenario, &personas, &policies, seed))
        .collect::<Result<Vec<_>>>()?;
    let log = args.log.as_deref().map(|dir| args.open_log(dir, &simulations)).transpose()?;
    let digests = gate.as_ref().map_or_else(
        || {
            let mut digests = of_people(&personas, &scenarios);
            let numbered = policies.iter().zip(1..);
            digests.extend(numbered.map(|(policy, i)| (format!("policy/{i}"), policy.digest())));
            digests
        },
        Inputs::digests,
    );
    let header = PartHeader::new(&simulations, args.users, seed, digests);
    let html = args.open_page(gate.as_ref())?;
    let cast = Cast::new(
        policies.iter().map(|policy| ("", policy)).collect(),
        scenarios.iter().collect(),
        &personas,
        gate.as_ref().map(|gate| &gate.gate),
    );
    args.threads.apply()?;
    let users = args.blocks.as_ref().map_or(args.users, |blocks| {
        header.block_users(blocks.end.clamp(1, header.all_blocks()) - 1).end - blocks.start * BLOCK_USERS
    });
    say_expected_times(&simulations, users)?;
    let start = Instant::now();
    let decisions = match &args.blocks {
        Some(blocks) => args.part(&simulations, header, blocks.clone())?,
        None => args.whole(&simulations, &header, (&cast, html), display)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    if let Some(mut log) = log {
        simulations[0].write_log(args.users, &mut log.file(0), &mut log.file(1))?;
        let people = simulations[0].people(args.users);
        log.write(2, |out| Ok(serde_json::to_writer_pretty(out, &people)?))?;
        log.finish()?;
    }
    let rate = decisions as f64 / seconds / 1e6;
    output::note(&format!("{decisions} decisions in {seconds:.2} s, {rate:.2} million per second"));
    Ok(exit::DONE)
}

/// Says how long each program will take, by what the checks of it took.
fn say_expected_times(simulations: &[Simulation], users: u64) -> Result<()> {
    // A block of users is one at a time for a program.
    let at_once = users.div_ceil(BLOCK_USERS).min(rayon::current_num_threads() as u64) as f64;
    let Some(first) = simulations.first() else { return Ok(()) };
    let policies = first.policies().len() as u64;
    let decisions = users * simulations.iter().map(|s| s.decisions_per_user() / policies).sum::<u64>();
    for program in first.policies().iter().filter_map(Policy::program) {
        let checks = program.conformance()?;
        let each = checks.seconds_per_decision.unwrap_or(0.0) + checks.seconds_per_reward.unwrap_or(0.0);
        let (name, seconds) = (program.name(), decisions as f64 * each / at_once);
        output::note(&format!(
            "{name} is a program: {decisions} decisions and rewards, {:.0} microseconds each, take about {seconds:.0} s",
            1e6 * each
        ));
    }
    Ok(())
}

/// What a gate, `default` or a file, would judge of two policies.
fn gate(path: &Path, personas: &[Persona], policies: &[Policy]) -> Result<Inputs> {
    let [baseline, challenger] = policies else {
        return Err(options("--gate", "needs two policies: the baseline and the challenger"));
    };
    Inputs::new(gate_at(path)?, personas.to_vec(), baseline.clone(), challenger.clone())
}

/// Runs some users of every scenario and hands their blocks, in order, to `sink`.
fn run_blocks(
    simulations: &[Simulation],
    users: &Range<u64>,
    mut sink: impl FnMut(usize, Block) -> Result<()>,
) -> Result<()> {
    let count = users.end - users.start;
    let bar = progress::decisions(simulations.iter().map(|s| s.decisions_per_user() * count).sum());
    for (i, simulation) in simulations.iter().enumerate() {
        bar.set_message(simulation.scenario().name().to_owned());
        let mut failure = None;
        simulation.run(users.clone(), |block| {
            bar.inc((block.users.end - block.users.start) * simulation.decisions_per_user());
            failure = sink(i, block).err();
            failure.is_none()
        })?;
        failure.map_or(Ok(()), Err)?;
    }
    bar.finish_and_clear();
    Ok(())
}

impl Args {
    /// What a project's file may give: a table has no people.
    pub(super) fn takes(&mut self) -> Takes<'_> {
        let personas = Some(&mut self.personas).filter(|_| self.data.is_none());
        let is_rollout = self.rehearsal.rollout.is_some();
        let policies = if is_rollout { &mut self.rehearsal.of_project } else { &mut self.policies };
        Takes { personas, policies: Some(policies), ..Takes::default() }
    }

    /// Policies on a labelled table instead of people.
    fn table(&self, data: &Path, label: &str) -> Result<u8> {
        let policies =
            self.policies.iter().map(|name| self.registry.policy(name)).collect::<Result<Vec<_>>>()?;
        refuse_doubles("policy", policies.iter().map(Policy::name))?;
        let orders = if self.in_order { Orders::AsWritten } else { Orders::Drawn(self.orders.unwrap_or(10)) };
        self.threads.apply()?;
        table::run(
            (data, label, &self.words),
            &policies,
            (orders, self.seed.unwrap_or(0)),
            (self.json, self.out.as_deref()),
        )?;
        Ok(exit::DONE)
    }

    /// The files of a log, which replace nothing: a log of real people may be there.
    fn open_log(&self, dir: &Path, simulations: &[Simulation]) -> Result<Folder> {
        if simulations.len() != 1 || self.policies.len() != 1 {
            return Err(options("--log", "is of one policy in one scenario: name no others"));
        }
        if let Some(there) = LOG_FILES.map(|name| dir.join(name)).iter().find(|path| path.exists()) {
            let problem = "is there already; name another folder for --log";
            return Err(Error::because(UsageError::Target { path: there.clone(), problem }));
        }
        Folder::open(dir, LOG_FILES)
    }

    /// The file of a page, which replaces nothing that is read; neither does a part of a run.
    fn open_page(&self, gate: Option<&Inputs>) -> Result<Option<Pending>> {
        if self.html.path().is_some() && self.blocks.is_some() {
            return Err(options("--html", "is of a whole run: leave out --blocks"));
        }
        let named = self.scenarios.iter().chain(&self.policies).map(PathBuf::from);
        let people = self.personas.as_deref().map_or_else(|| Ok(Vec::new()), Persona::files)?;
        let of_gate = gate.map_or_else(|| Ok(Vec::new()), Inputs::files)?;
        let mut taken = Taken::by(named.chain(self.gate.clone()).chain(people).chain(of_gate));
        match &self.out {
            Some(part) if self.blocks.is_some() => taken.claim(part)?,
            Some(dir) => taken.claim_in(dir, RUN_FILES)?,
            None => {}
        }
        self.log.iter().try_for_each(|dir| taken.claim_in(dir, LOG_FILES))?;
        self.html.open_beside(&mut taken)
    }

    /// Runs everything; returns the number of decisions.
    fn whole(
        &self,
        simulations: &[Simulation],
        header: &PartHeader,
        (cast, html): (&Cast, Option<Pending>),
        display: Display,
    ) -> Result<u64> {
        let mut collector = ResultWriter::new(header, self.out.as_deref())?;
        run_blocks(simulations, &(0..self.users), |s, block| {
            collector.add_sums(s, &block.sums);
            collector.block(s, block)
        })?;
        let (results, written) = collector.finish(self.next());
        let written = written.and(write_page(html, |command| simulation_page(&results, cast, command)));
        let said = if self.json {
            output::pretty_json(&results.json())
        } else if let Some(screen) = display.screen() {
            output::painted(&terminal_results(&results, &screen))
        } else {
            output::text(&results.text())
        };
        said_and_written(said, written)?;
        Ok(results.decisions())
    }

    /// Runs some blocks and writes them as a part; returns the number of decisions.
    fn part(&self, simulations: &[Simulation], header: PartHeader, blocks: Range<u64>) -> Result<u64> {
        let Some(path) = &self.out else {
            return Err(options("--blocks", "needs --out FILE for the part"));
        };
        if blocks.end > header.all_blocks() {
            let fault = Fault::new(
                "--blocks",
                format!("{}..{}", blocks.start, blocks.end),
                format!("blocks of 0..{}", header.all_blocks()),
            );
            return Err(fault.at("command line"));
        }
        let users = header.block_users(blocks.start).start..header.block_users(blocks.end - 1).end;
        let header = header.with_blocks(blocks.clone());
        let (dir, name) = split(path)?;
        let mut folder = Folder::open(dir, [name])?;
        let mut sums: Vec<_> = (0..simulations.len()).map(|s| header.blank_sums(s)).collect();
        let mut part = PartWriter::new(folder.file(0), &header).map_err(Error::io("write", path))?;
        run_blocks(simulations, &users, |s, block| {
            sums[s] += &block.sums;
            part.block(s, &block.users, block.records).map_err(Error::io("write", path))
        })?;
        part.finish(sums.iter()).map_err(Error::io("write", path))?;
        folder.finish()?;
        let (start, end, all) = (blocks.start, blocks.end, header.all_blocks());
        if self.json {
            let part = path.display().to_string();
            output::pretty_json(
                &serde_json::json!({"part": part, "begin": start, "end": end, "all_blocks": all}),
            )?;
        } else {
            output::text(&format!("{}: blocks {start}..{end} of 0..{all}\n", path.display()))?;
        }
        let count = users.end - users.start;
        Ok(simulations.iter().map(|s| s.decisions_per_user() * count).sum())
    }

    /// The gate on the first two policies, as they were given here.
    fn next(&self) -> Option<String> {
        let [first, second, ..] = self.policies.as_slice() else { return None };
        let mut words = vec!["rehearsal promote-check".to_owned()];
        words.extend([shell::option("--baseline", first), shell::option("--challenger", second)]);
        words.extend(
            self.gate.iter().filter(|gate| !is_default(gate)).map(|gate| shell::option("--gate", gate)),
        );
        words.extend(self.personas.as_ref().map(|dir| shell::option("--personas", dir)));
        let records = self.out.as_ref().filter(|_| self.gate.is_some());
        words.extend(records.map(|dir| shell::option("--from", dir)));
        Some(words.join(" "))
    }

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

/// `A..B`, of which A is in and B is not.
fn blocks(text: &str) -> Result<Range<u64>, String> {
    let range = text.split_once("..").and_then(|(a, b)| Some(a.parse().ok()?..b.parse().ok()?));
    range
        .filter(|r: &Range<u64>| r.start < r.end)
        .ok_or_else(|| "two whole numbers A..B with A below B".to_owned())
}

/// The folder and the name of a file.
fn split(path: &Path) -> Result<(&Path, &str)> {
    let name = path.file_name().and_then(|n| n.to_str());
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let problem = "names no file";
    name.map(|name| (dir, name))
        .ok_or_else(|| Error::because(UsageError::Target { path: path.to_owned(), problem }))
}

fn options(options: &'static str, remedy: &'static str) -> Error {
    Error::because(UsageError::Options { options, remedy })
}
