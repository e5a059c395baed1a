//! How results are shown where stdout is a terminal: `--color`, `NO_COLOR`, and how wide it is; and how much is said on
//! stderr. What is piped stays plain text.

use crate::report::Screen;
use clap::ValueEnum;
use rustix::termios::tcgetwinsize;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::OnceLock;

/// Options of every command; they stand before or after it.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Display")]
pub(super) struct Display {
    /// Say nothing on stderr but what went wrong: no notes, no warnings, no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more on stderr: which store is used, what is read, how long it took
    #[arg(short, long, global = true)]
    verbose: bool,
    /// Colours and charts: where stdout is a terminal and NO_COLOR does not ask for none, always, or never colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
}

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal that shows them, unless `NO_COLOR` is set.
    Auto,
    /// Also in a file or a pipe.
    Always,
    /// Nowhere.
    Never,
}

static DISPLAY: OnceLock<Display> = OnceLock::new();

/// Whether nothing is to be said on stderr but what went wrong.
pub(super) fn is_quiet() -> bool {
    DISPLAY.get().is_some_and(|display| display.quiet)
}

/// Whether more is to be said there.
pub(super) fn is_verbose() -> bool {
    DISPLAY.get().is_some_and(|display| display.verbose)
}

/// Whether what is said there has colours.
pub(super) fn is_coloured() -> bool {
    let color = DISPLAY.get().map_or(ColorChoice::Auto, |display| display.color);
    color.shows(io::stderr().is_terminal())
}

/// The colours of what the parser of the command line says, by the arguments as they are before they are parsed.
pub(super) fn for_arguments(arguments: impl Iterator<Item = OsString>) -> clap::ColorChoice {
    let (mut color, mut is_next) = (ColorChoice::Auto, false);
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let value = if is_next { Some(&*argument) } else { argument.strip_prefix("--color=") };
        color = value.and_then(|value| ColorChoice::from_str(value, false).ok()).unwrap_or(color);
        is_next = argument == "--color";
    }
    match color {
        ColorChoice::Always => clap::ColorChoice::Always,
        ColorChoice::Auto if color.shows(true) => clap::ColorChoice::Auto,
        ColorChoice::Auto | ColorChoice::Never => clap::ColorChoice::Never,
    }
}

impl Display {
    /// From now on stderr is spoken to so.
    pub(super) fn set(self) {
        let _ = DISPLAY.set(self);
    }

    /// The screen that results are shown on; `None` where they are plain text: in a file or a pipe, unless `--color
    /// always` asks for what a terminal would show.
    pub(super) fn screen(self) -> Option<Screen> {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        if !is_terminal && self.color != ColorChoice::Always {
            return None;
        }
        Some(Screen::new(columns(&stdout), self.color.shows(is_terminal)))
    }
}

impl ColorChoice {
    /// Whether a stream has colours. `NO_COLOR` counts where it is set to anything (no-color.org); an option is more than a
    /// variable.
    pub(super) fn shows(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                is_terminal && accepts_color(variable("NO_COLOR").as_deref(), variable("TERM").as_deref())
            }
        }
    }
}

/// A variable that is set and not empty.
fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn accepts_color(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none() && term.is_none_or(|term| term != "dumb")
}

/// Columns where neither the environment nor the terminal says.
const COLUMNS: usize = 80;

/// How wide a terminal is: `COLUMNS` if that says so, else what the terminal says of itself.
fn columns(terminal: &impl AsFd) -> usize {
    let said = variable("COLUMNS").and_then(|value| value.to_str()?.parse().ok()).filter(|n| *n > 0);
    let own = || tcgetwinsize(terminal).ok().map(|size| usize::from(size.ws_col)).filter(|n| *n > 0);
    said.or_else(own).unwrap_or(COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_colour_that_is_asked_for_counts() {
        let of = |text: &str| for_arguments(text.split(' ').map(OsString::from));
        assert_eq!(of("rehearsal --color never score --color=always"), clap::ColorChoice::Always);
        assert_eq!(of("rehearsal --color=always score --color never"), clap::ColorChoice::Never);
    }

    #[test]
    fn colours_follow_the_option_then_the_variables_then_the_terminal() {
        assert!(ColorChoice::Always.shows(false) && !ColorChoice::Never.shows(true));
        assert!(!ColorChoice::Auto.shows(false));
        let of = |no_color: Option<&str>, term: Option<&str>| {
            accepts_color(no_color.map(OsStr::new), term.map(OsStr::new))
        };
        assert!(of(None, Some("xterm")) && of(None, None));
        assert!(!of(Some("1"), Some("xterm")) && !of(None, Some("dumb")));
    }
}
