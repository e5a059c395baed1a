//! Writing: results to stdout, everything else to stderr.

use super::display;
use super::patience;
use crate::base::clean::{clean_json, clean_line, clean_text};
use crate::base::error::{Error, Result};
use crate::report::Tint;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Writes `bytes` to stdout.
pub(super) fn bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    patience::write_all(&mut stdout, bytes).map_err(Error::io("write", "stdout"))
}

/// Writes `text`, which people read, to stdout: it may cite what is from outside.
pub(super) fn text(text: &str) -> Result<()> {
    bytes(clean_text(text).as_bytes())
}

/// The same of text with colours, which are all that may speak to a terminal in it.
pub(super) fn painted(text: &str) -> Result<()> {
    bytes(clean_but_for_colours(text).as_bytes())
}

fn clean_but_for_colours(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\u{1b}') {
        let (before, from) = rest.split_at(at);
        out.push_str(&clean_text(before));
        let own = Tint::sequence(from);
        out.push_str(own.unwrap_or(" "));
        rest = &from[own.map_or(1, str::len)..];
    }
    out + &clean_text(rest)
}

/// Writes a table for other programs to stdout, as it is; on a terminal, as text.
pub(super) fn table(table: &[u8]) -> Result<()> {
    if io::stdout().is_terminal() { text(&String::from_utf8_lossy(table)) } else { bytes(table) }
}

/// Writes JSON to stdout.
pub(super) fn json_bytes(mut json: Vec<u8>) -> Result<()> {
    clean_json(&mut json, 0);
    bytes(&json)
}

/// Appends `value` to `out` as one line of JSON.
pub(super) fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    let from = out.len();
    serde_json::to_writer(&mut *out, value).expect("plain values always serialize");
    clean_json(out, from);
    out.push(b'\n');
}

/// Appends what is answered in place of a bad line.
pub(super) fn bad_line(number: u64, error: &Error, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct BadLine {
        line: u64,
        error: String,
    }
    line(&BadLine { line: number, error: error.to_string() }, out);
}

/// Writes `value` to stdout as one line of JSON.
pub(super) fn json(value: &impl Serialize) -> Result<()> {
    let mut out = Vec::new();
    line(value, &mut out);
    bytes(&out)
}

/// Writes `value` to stdout as indented JSON.
pub(super) fn pretty_json(value: &impl Serialize) -> Result<()> {
    let mut out = serde_json::to_vec_pretty(value).expect("plain values always serialize");
    out.push(b'\n');
    json_bytes(out)
}

/// Says on stderr, in one line, what went wrong.
pub(super) fn complain(error: &impl Display) {
    let _ = writeln!(io::stderr(), "{} {}", coloured(RED, "rehearsal:"), one_line(error));
}

/// Codes of terminals.
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const PLAIN: &str = "\u{1b}[0m";

/// A word in a colour, where there are colours.
fn coloured(colour: &str, word: &str) -> String {
    if display::is_coloured() { format!("{colour}{word}{PLAIN}") } else { word.to_owned() }
}

/// The text without what would end the line or speak to the terminal: it may cite what somebody sent.
fn one_line(text: &impl Display) -> String {
    clean_line(&text.to_string())
}

/// Says on stderr what is good to know and no part of the result.
pub(super) fn note(note: &str) {
    if display::is_quiet() {
        return;
    }
    let _ = writeln!(io::stderr(), "{}", clean_text(note));
}

/// Says on stderr what deserves attention but stops nothing.
pub(super) fn warn(warning: &impl Display) {
    if display::is_quiet() {
        return;
    }
    let _ = writeln!(io::stderr(), "rehearsal: {} {}", coloured(YELLOW, "warning:"), one_line(warning));
}

/// Says on stderr what those want to know who asked for more.
pub(super) fn detail(detail: impl FnOnce() -> String) {
    if display::is_verbose() {
        let _ = writeln!(io::stderr(), "rehearsal: {}", one_line(&detail()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_speaks_to_a_terminal_colours_alone_are_left() {
        let own = "\u{1b}[31mREJECT\u{1b}[0m: \u{1b}[2m|\u{1b}[0m\n";
        assert_eq!(clean_but_for_colours(own), own);
        for hostile in ["\u{1b}[2J", "\u{1b}]0;title\u{7}", "\u{1b}[31;1m", "\u{1b}", "\u{9b}2J"] {
            let text = format!("a{hostile}b\u{1b}[32mc\u{1b}[0m");
            let cleaned = clean_but_for_colours(&text);
            assert!(cleaned.ends_with("b\u{1b}[32mc\u{1b}[0m"), "{cleaned:?}");
            assert_eq!(cleaned.matches(['\u{1b}', '\u{9b}', '\u{7}']).count(), 2, "{cleaned:?}");
        }
    }
}
