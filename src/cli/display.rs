//! How results are shown where stdout is a terminal: `--color`, `NO_COLOR`, and how wide it is. What is piped stays
//! plain text.

use crate::report::Screen;
use rustix::termios::tcgetwinsize;
use std::env;
use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

/// Options of every command; they stand before or after it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Display")]
pub(super) struct Display {
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

impl Display {
    /// The screen that results are shown on; `None` where they are plain text: in a file or a pipe, unless `--color
    /// always` asks for what a terminal would show.
    pub(super) fn screen(&self) -> Option<Screen> {
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
fn variable(name: &str) -> Option<std::ffi::OsString> {
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
    fn colours_follow_the_option_then_the_variables_then_the_terminal() {
        assert!(ColorChoice::Always.shows(false) && !ColorChoice::Never.shows(true));
        assert!(!ColorChoice::Auto.shows(false));
        let with = |no_color: Option<&str>, term: Option<&str>| {
            accepts_color(no_color.map(OsStr::new), term.map(OsStr::new))
        };
        assert!(with(None, Some("xterm")) && with(None, None));
        assert!(!with(Some("1"), Some("xterm")) && !with(None, Some("dumb")));
    }
}
