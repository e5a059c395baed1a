//! `rehearsal completions` and `rehearsal man`: what shells and manuals want to know of the command line.

use super::{Cli, exit, output};
use crate::base::error::{Error, Result};
use clap::CommandFactory;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints a completion script.
pub(super) fn completions(args: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rehearsal", &mut script);
    output::bytes(&script)?;
    Ok(exit::DONE)
}

/// Commands that are worth a look, and what they do.
const EXAMPLES: [(&str, &str); 14] = [
    (
        "promote-check --baseline egreedy-v1 --challenger linucb-v2-by-kind",
        "Decide on simulated people whether a policy may replace the one in charge.",
    ),
    (
        "promote-check --gate gate.toml --out report --card card.md",
        "The same by a gate of your own, with reports and a model card.",
    ),
    (
        "simulate steady --policy egreedy-v1 --policy linucb --users 500",
        "Two policies among the same people.",
    ),
    ("simulate --data table.csv --label class --policy mine.toml", "A policy on a labelled table."),
    ("score --policy egreedy-v2 --user ann --request request.json", "Choose a tip."),
    ("reward --decision ID --reaction completed", "Learn from what happened."),
    ("serve --policy egreedy-v2 --listen 127.0.0.1:8080", "Answer over HTTP."),
    (
        "evaluate log.csv --policy uniform --columns action=shown,reward=clicked",
        "Judge a policy on a log of your own, whose columns have other names.",
    ),
    ("evaluate ./state --policy egreedy-v2 --csv", "Judge a policy on what was decided here, as a table."),
    ("log decisions --user ann", "What was decided for somebody."),
    ("verify --store ./state", "Check everything in a store."),
    ("list estimators", "What evaluate can estimate with."),
    ("check gate.toml personas/ann.toml", "Say all that is wrong with some files."),
    ("completions bash", "A completion script."),
];

/// Prints the manual page, every command in it.
pub(super) fn man() -> Result<u8> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut page = Vec::new();
    let failed = Error::io("write", "the manual page");
    let render = |page: &mut Vec<u8>| {
        let man = clap_mangen::Man::new(command.clone());
        man.render_title(page)?;
        man.render_name_section(page)?;
        page.extend(b".SH SYNOPSIS\n\\fBrehearsal\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n");
        man.render_description_section(page)?;
        man.render_options_section(page)?;
        for sub in command.get_subcommands() {
            let man = clap_mangen::Man::new(sub.clone());
            page.extend(format!(".SH \"COMMAND {}\"\n", sub.get_name().to_uppercase()).bytes());
            man.render_description_section(page)?;
            man.render_options_section(page)?;
        }
        page.extend(b".SH EXAMPLES\n");
        for (command, what) in EXAMPLES {
            let command = command.replace('-', "\\-");
            page.extend(format!(".TP\n.B rehearsal {command}\n{what}\n").bytes());
        }
        man.render_extra_section(page)
    };
    render(&mut page).map_err(failed)?;
    output::bytes(&page)?;
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_command() {
        for (command, _) in EXAMPLES {
            let words = std::iter::once("rehearsal").chain(command.split(' '));
            assert!(Cli::command().try_get_matches_from(words).is_ok(), "{command}");
        }
    }

    /// And whoever completes a value is told all that it may be.
    #[test]
    fn every_command_and_option_is_explained() {
        let mut command = Cli::command();
        command.build();
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            assert!(sub.get_about().is_some(), "{}", sub.get_name());
            for argument in sub.get_arguments() {
                let name = format!("{} {}", sub.get_name(), argument.get_id());
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.len() > 4, "{name} is not explained");
                for value in argument.get_possible_values() {
                    assert!(!value.get_name().is_empty(), "{name}");
                }
            }
        }
        let choices = |of: &str, id: &str| {
            let sub = command.find_subcommand(of).unwrap();
            let argument = sub.get_arguments().find(|argument| argument.get_id() == id);
            argument.unwrap_or_else(|| panic!("{of} {id}")).get_possible_values().len()
        };
        for (of, id, least) in [
            ("evaluate", "format", 6),
            ("evaluate", "estimators", 11),
            ("evaluate", "interval", 4),
            ("evaluate", "reward_model", 3),
            ("evaluate", "color", 3),
            ("promote-check", "inconclusive", 2),
            ("list", "what", 4),
            ("check", "kind", 5),
            ("schema", "of", 4),
            ("serve", "log", 4),
            ("completions", "shell", 5),
        ] {
            assert!(choices(of, id) >= least, "{of} {id}: {}", choices(of, id));
        }
    }
}
