//! Writing: results to stdout, everything else to stderr.

use super::patience;
use crate::base::clean::{clean_line, clean_text};
use crate::base::error::{Error, Result};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};

/// Writes `bytes` to stdout.
pub(super) fn bytes(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    patience::write_all(&mut stdout, bytes).map_err(Error::io("write", "stdout"))
}

/// Writes `text`, which people read, to stdout: it may cite what is from outside.
pub(super) fn text(text: &str) -> Result<()> {
    bytes(clean_text(text).as_bytes())
}

/// Appends `value` to `out` as one line of JSON.
pub(super) fn line(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value).expect("plain values always serialize");
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
    bytes((serde_json::to_string(value).expect("plain values always serialize") + "\n").as_bytes())
}

/// Writes `value` to stdout as indented JSON.
pub(super) fn pretty_json(value: &impl Serialize) -> Result<()> {
    bytes((serde_json::to_string_pretty(value).expect("plain values always serialize") + "\n").as_bytes())
}

/// Says on stderr, in one line, what went wrong.
pub(super) fn complain(error: &impl Display) {
    let _ = writeln!(io::stderr(), "rehearsal: {}", one_line(error));
}

/// The text without what would end the line or speak to the terminal: it may cite what somebody sent.
fn one_line(text: &impl Display) -> String {
    clean_line(&text.to_string())
}

/// Says on stderr what is good to know and no part of the result.
pub(super) fn note(note: &str) {
    let _ = writeln!(io::stderr(), "{}", clean_text(note));
}

/// Says on stderr what deserves attention but stops nothing.
pub(super) fn warn(warning: &impl Display) {
    let _ = writeln!(io::stderr(), "rehearsal: warning: {}", one_line(warning));
}
