//! `rehearsal compare-reality`: how far simulated people are from those of a log.

use super::destination::{HtmlFile, said_and_written, write_page};
use super::registry_args::RegistryArgs;
use super::{exit, output};
use crate::base::error::{Result, within};
use crate::evaluation::reality::{self, ComparisonSettings};
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::DecisionRng;
use crate::policy::Policy;
use crate::report::{Cast, comparison_page, comparison_text};
use crate::store;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A log of this program: a state directory, or decisions.jsonl with rewards.jsonl beside it; repeatable
    #[arg(long = "log", value_name = "LOG", required = true)]
    logs: Vec<PathBuf>,
    /// The scenario that its people are said to live in: a shipped name or a TOML file
    #[arg(long, value_name = "SCENARIO", default_value = "steady")]
    scenario: String,
    /// The policy that chose: a name, or a TOML file [default: the one of most rewards]
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Take the personas from this folder instead of the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(super) personas: Option<PathBuf>,
    /// Simulated users of each persona
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(2..=1_000_000))]
    users: u64,
    /// Number of times that both sides are resampled
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    replicates: u32,
    /// Probability with which any respect may seem different where nothing is, below 0.5
    #[arg(long, value_name = "P", default_value_t = 0.05)]
    alpha: f64,
    /// Seed of the simulated people and of resampling
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..DecisionRng::SEEDS))]
    seed: u64,
    #[command(flatten)]
    html: HtmlFile,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    threads: super::Threads,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let alpha = within("--alpha", args.alpha, 1e-4, 0.499).map_err(|fault| fault.at("command line"))?;
    let personas = args.personas.as_deref().map_or_else(Persona::shipped, Persona::load_dir)?;
    let scenario = Scenario::load(&args.scenario)?;
    let policy = args.policy.as_deref().map(|name| args.registry.policy(name)).transpose()?;
    let settings =
        ComparisonSettings { users: args.users, seed: args.seed, replicates: args.replicates, alpha };
    let named = [Some(&args.scenario), args.policy.as_ref()].into_iter().flatten().map(PathBuf::from);
    let people = args.personas.as_deref().map_or_else(|| Ok(Vec::new()), Persona::files)?;
    let html = args.html.open(args.logs.iter().cloned().chain(named).chain(people))?;
    args.threads.apply()?;
    let comparison = reality::compare(&args.logs, &scenario, &personas, policy.as_ref(), &settings)?;
    let log = args.logs.iter().map(|p| store::shown(p).display().to_string()).collect::<Vec<_>>().join(", ");
    let written = write_page(html, |command| {
        // One that was found in the log may be no policy of today's.
        let found = policy.or_else(|| Policy::named(&comparison.policy).ok());
        let policies = found.iter().map(|policy| ("under which both live", policy)).collect();
        let cast = Cast::new(policies, vec![&scenario], &personas, None);
        comparison_page(&comparison, &log, &cast, command)
    });
    let said = if args.json {
        output::pretty_json(&comparison)
    } else {
        output::text(&comparison_text(&comparison, &log))
    };
    said_and_written(said, written)?;
    Ok(exit::DONE)
}
