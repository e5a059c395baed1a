//! `rehearsal assign`: which variant a user has. It needs no store.

use super::experiment_args::ExperimentsFolder;
use super::input::{self, Lines};
use super::{exit, output, signals};
use crate::base::error::{Fault, Result, within};
use crate::base::read;
use crate::experiment::Experiment;
use crate::store::user_name;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The experiment: a name, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    experiment: String,
    #[command(flatten)]
    folder: ExperimentsFolder,
    /// The person
    #[arg(long, required_unless_present = "jsonl")]
    user: Option<String>,
    /// What else is known of the person, for experiments that ask for it; repeatable
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,
    /// Of a rollout: the share of the second variant, as `rollout status` says it
    #[arg(long, value_name = "SHARE")]
    share: Option<f64>,
    /// One person per line, {"user": NAME, "attributes": {...}}; one answer per line
    #[arg(long, conflicts_with_all = ["user", "attributes"])]
    jsonl: bool,
}

/// About so much is answered at once.
const CHUNK_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPerson {
    user: String,
    #[serde(default, deserialize_with = "read::unique_keys")]
    attributes: Map<String, Value>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let experiment = args.folder.find(&args.experiment)?;
    let at_command_line = |fault: Fault| fault.at("command line");
    let share =
        args.share.map(|share| within("--share", share, 0.0, 1.0)).transpose().map_err(at_command_line)?;
    if experiment.ramp().is_some() && share.is_none() {
        let allowed = "the share that `rehearsal rollout status` says: the experiment is rolled out in steps";
        return Err(at_command_line(Fault::new("--share", "missing", allowed)));
    }
    if let (Some(share), None) = (share, experiment.ramp()) {
        let allowed = "nothing: the experiment has no ramp, and its own weights are its shares";
        return Err(at_command_line(Fault::new("--share", share, allowed)));
    }
    if args.jsonl {
        return lines(&experiment, share);
    }
    let mut attributes = BTreeMap::new();
    for pair in &args.attributes {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| at_command_line(Fault::new("--attribute", format!("{pair:?}"), "NAME=VALUE")))?;
        if attributes.insert(name, value).is_some() {
            return Err(at_command_line(Fault::new(
                "--attribute",
                format!("{name:?} again"),
                "each name once",
            )));
        }
    }
    let user = user_name(args.user.as_deref().unwrap_or_default()).map_err(at_command_line)?;
    output::json(&experiment.assign_texts(user, share, &attributes))?;
    Ok(exit::DONE)
}

fn lines(experiment: &Experiment, share: Option<f64>) -> Result<u8> {
    let mut lines = Lines::open(None::<PathBuf>.as_deref(), CHUNK_BYTES)?;
    let stop = signals::stop()?;
    let mut code = exit::DONE;
    let prepare = |chunk: &input::Chunk| {
        let (mut out, mut failed) = (Vec::new(), false);
        for (number, line) in chunk.lines() {
            let origin = format!("line {number}");
            let person = line.map_err(|long| long.at(&origin)).and_then(|line| {
                let person: RawPerson = read::json(line, &origin)?;
                user_name(&person.user).map_err(|fault| fault.at(&origin))?;
                Ok(person)
            });
            match person {
                Ok(RawPerson { user, attributes }) => {
                    let assignment = experiment.assign(&user, share, &|name| attributes.get(name).cloned());
                    output::line(&assignment, &mut out);
                }
                Err(error) => {
                    output::bad_line(number, &error, &mut out);
                    failed = true;
                }
            }
        }
        Ok((out, failed))
    };
    let finish = |(out, failed): (Vec<u8>, bool)| {
        if failed {
            code = exit::ERROR;
        }
        output::bytes(&out)
    };
    lines.in_two_steps(&stop, prepare, finish)?;
    lines.check_end(&stop)?;
    Ok(code)
}
