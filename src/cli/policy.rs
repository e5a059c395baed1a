//! `rehearsal policy check`: is a policy's file right, and does its program keep to the protocol?

use super::{exit, output};
use crate::base::error::Result;
use crate::policy::Policy;
use crate::policy::program::Conformance;
use serde::Serialize;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check a policy's file; and its program, if it is one: the same calls in batches of 1 and 256 and in two processes must
    /// have the same answers, to the bit, and odd requests must have one. A program that does not pass is refused by `simulate`
    /// and by gates
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// A policy: a name, or a TOML file
    #[arg(value_name = "POLICY")]
    policy: String,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct Checked<'a> {
    policy: &'a str,
    /// SHA-256 of what it does.
    digest: String,
    /// Whether all is well.
    passed: bool,
    /// What was checked of its program; `None` if it is none.
    #[serde(flatten)]
    program: Option<&'a Conformance>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let Action::Check(CheckArgs { policy, json }) = &args.action;
    let policy = Policy::load(policy)?;
    let program = policy.program().map(|program| program.conformance()).transpose()?;
    let passed = program.is_none_or(|found| found.problem().is_none());
    if *json {
        let (name, digest) = (policy.name(), policy.digest());
        output::pretty_json(&Checked { policy: name, digest, passed, program })?;
    } else {
        output::text(&text(&policy, program))?;
    }
    if !passed {
        output::complain(&format!("{} does not keep to the protocol", policy.name()));
    }
    Ok(if passed { exit::DONE } else { exit::REJECT })
}

fn text(policy: &Policy, program: Option<&Conformance>) -> String {
    let Some(found) = program else {
        return format!("{}: its file is right, and it is no program\n", policy.name());
    };
    let mut text = String::new();
    for check in &found.checks {
        let line = check.problem.as_ref().map_or_else(
            || format!("ok    {}\n", check.check),
            |problem| format!("FAIL  {}\n", problem.replace(char::is_control, " ")),
        );
        text.push_str(&line);
    }
    let micros = |seconds: Option<f64>| {
        seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{:.0}", 1e6 * seconds))
    };
    text.push_str(&format!(
        "{} microseconds for a decision, {} for a reward, in batches of 256\n",
        micros(found.seconds_per_decision),
        micros(found.seconds_per_reward)
    ));
    text
}
