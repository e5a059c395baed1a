//! Options that say nothing without another one. A variable of the environment is of every command, and may be set for another
//! one; who types an option means it, so it is refused where nothing looks at it.

use super::error::UsageError;
use crate::base::error::{Error, Result};
use clap::ArgMatches;
use clap::parser::ValueSource;

/// An option, and what it needs, by the names of their fields.
struct Need {
    option: &'static str,
    needs: &'static str,
    shown: &'static str,
    remedy: &'static str,
}

/// What the options of a gateway lack without one.
const NO_GATEWAY: &str =
    "is of a gateway, and there is none: name it with --gateway, or leave the option out";

/// Those of which one has a variable, so that the parser's own `requires` would also ask about the environment.
const NEEDS: [Need; 7] = [
    of_gateway("gateway_key_file", "--gateway-key-file"),
    of_gateway("gateway_model", "--gateway-model"),
    of_gateway("gateway_time_limit_ms", "--gateway-time-limit-ms"),
    of_gateway("gateway_concurrency", "--gateway-concurrency"),
    of_gateway("gateway_tokens_per_day", "--gateway-tokens-per-day"),
    Need {
        option: "features_timeout",
        needs: "features",
        shown: "--features-timeout",
        remedy: "is of a feature server, and there is none: name it with --features, or leave the option out",
    },
    Need {
        option: "experiments",
        needs: "experiment",
        shown: "--experiments",
        remedy: "is where experiments are looked up, and none is: name one with --experiment, or leave the option out",
    },
];

const fn of_gateway(option: &'static str, shown: &'static str) -> Need {
    Need { option, needs: "gateway", shown, remedy: NO_GATEWAY }
}

/// The field of options that name policies.
const POLICIES: &str = "policies";

/// Refuses options of the command line that nothing would look at.
///
/// # Errors
/// One that needs another; several policies where one decides.
pub(super) fn check(matches: &ArgMatches) -> Result<()> {
    let mut matches = matches;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    let refused = |options, remedy| Err(Error::because(UsageError::Options { options, remedy }));
    for need in &NEEDS {
        let needed_is_there = matches.try_contains_id(need.needs).unwrap_or(true);
        if is_typed(matches, need.option) && !needed_is_there {
            return refused(need.shown, need.remedy);
        }
    }
    let several = is_typed(matches, POLICIES)
        && matches.get_many::<String>(POLICIES).is_some_and(|policies| policies.len() > 1);
    let one_decides = matches.try_get_one::<bool>("jsonl").ok().flatten() == Some(&false);
    if several && one_decides {
        return refused(
            "--policy",
            "is given more than once, and one decides; lines of --jsonl may name others",
        );
    }
    Ok(())
}

/// Whether an option stands on the command line.
fn is_typed(matches: &ArgMatches, option: &str) -> bool {
    matches.try_contains_id(option).is_ok_and(|is_there| is_there)
        && matches.value_source(option) == Some(ValueSource::CommandLine)
}
