//! How the program speaks: how much it says on stderr, and whether in colours.

use super::choice::choice;
use clap::ColorChoice;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::sync::OnceLock;

/// Options of every command.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Manner")]
pub(super) struct Manner {
    /// Say nothing on stderr but what went wrong: no notes, no warnings, no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more on stderr: which store is used, what is read, how long it took
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = Color::Auto.name(),
          value_parser = choice(Color::ALL, Color::name))]
    color: Color,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    const ALL: [Self; 3] = [Self::Auto, Self::Always, Self::Never];

    const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }

    /// The same for the parser of the command line.
    pub(super) fn for_clap(self) -> ColorChoice {
        match self {
            Self::Auto if is_unwanted() => ColorChoice::Never,
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
    }
}

/// Whether the environment asks for no colours (no-color.org).
fn is_unwanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value: OsString| !value.is_empty());
    is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// What the arguments say of colours, before they are parsed: what the parser says has them too.
pub(super) fn color_of_arguments(arguments: impl Iterator<Item = OsString>) -> Color {
    let (mut color, mut is_next) = (Color::Auto, false);
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let value = if is_next { Some(&*argument) } else { argument.strip_prefix("--color=") };
        if let Some(said) = value.and_then(|value| Color::ALL.into_iter().find(|color| color.name() == value))
        {
            color = said;
        }
        is_next = argument == "--color";
    }
    color
}

static MANNER: OnceLock<Manner> = OnceLock::new();

impl Manner {
    /// From now on the program speaks so.
    pub(super) fn set(self) {
        let _ = MANNER.set(self);
    }
}

/// Whether nothing is to be said but what went wrong.
pub(super) fn is_quiet() -> bool {
    MANNER.get().is_some_and(|manner| manner.quiet)
}

/// Whether more is to be said.
pub(super) fn is_verbose() -> bool {
    MANNER.get().is_some_and(|manner| manner.verbose)
}

/// Whether what is said on stderr has colours.
pub(super) fn is_coloured() -> bool {
    match MANNER.get().map_or(Color::Auto, |manner| manner.color) {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => io::stderr().is_terminal() && !is_unwanted(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_colour_that_is_asked_for_counts() {
        let of = |text: &str| color_of_arguments(text.split(' ').map(OsString::from));
        assert_eq!(of("rehearsal score"), Color::Auto);
        assert_eq!(of("rehearsal --color never score --color=always"), Color::Always);
        assert_eq!(of("rehearsal --color=no"), Color::Auto);
    }
}
