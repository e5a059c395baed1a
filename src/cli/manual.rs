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
        man.render_extra_section(page)
    };
    render(&mut page).map_err(failed)?;
    output::bytes(&page)?;
    Ok(exit::DONE)
}
