//! What programs write to stderr is passed on, cleaned, to whoever shows it.

use super::error::cleaned;
use std::sync::OnceLock;

/// Most lines of one process that are passed on.
const MAX_LINES: u64 = 1000;
/// Longest line; what is beyond begins another one.
const MAX_LINE_BYTES: usize = 4096;

/// Whoever shows it.
static SINK: OnceLock<fn(&str, &str)> = OnceLock::new();

/// Has what programs write to stderr shown by `sink`, which is given the policy's name and a line without control
/// characters. The first who asks is heard; until somebody does, it is dropped.
pub fn pass_stderr_to(sink: fn(policy: &str, line: &str)) {
    let _ = SINK.set(sink);
}

/// The stderr of one process on its way.
#[derive(Debug)]
pub(super) struct StderrLines {
    policy: String,
    begun: Vec<u8>,
    passed: u64,
    /// The last line that was not blank.
    pub(super) last: String,
}

impl StderrLines {
    pub(super) fn new(policy: &str) -> Self {
        Self { policy: policy.to_owned(), begun: Vec::new(), passed: 0, last: String::new() }
    }

    /// Takes what was read.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' || self.begun.len() >= MAX_LINE_BYTES {
                self.end_line();
            }
            if *byte != b'\n' {
                self.begun.push(*byte);
            }
        }
    }

    /// Passes on what there is of a line.
    pub(super) fn end_line(&mut self) {
        let line = cleaned(&String::from_utf8_lossy(&self.begun));
        self.begun.clear();
        if line.is_empty() {
            return;
        }
        self.passed += 1;
        if let Some(sink) = SINK.get() {
            match self.passed {
                ..=MAX_LINES => sink(&self.policy, &line),
                n if n == MAX_LINES + 1 => sink(&self.policy, "(it writes on; no more of it is shown)"),
                _ => {}
            }
        }
        self.last = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_in_pieces_and_are_cleaned() {
        let mut lines = StderrLines::new("mine");
        lines.take(b"one\ntw");
        assert_eq!(lines.last, "one");
        lines.take(b"o\x1b[31m!\n\n");
        assert_eq!((lines.last.as_str(), lines.passed), ("two [31m!", 2));
        lines.take(&[b'x'; 3 * MAX_LINE_BYTES]);
        assert!(lines.begun.len() <= MAX_LINE_BYTES && lines.last.len() < 500);
    }
}
