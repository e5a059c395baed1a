//! Where a verdict turns, as text.

use super::paragraph::{COLUMNS, wrapped};
use super::words;
use crate::gate::Moved;
use std::fmt::Write;

/// A table of verdicts on people who are a little different.
pub fn sensitivity_text(moved: &[Moved]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "  {:10}  {:>6}  {:12}  {:>10}  why", "moved", "times", "verdict", "difference");
    for m in moved {
        let _ = writeln!(
            out,
            "  {:10}  {:>6}  {:12}  {:>10}  {}",
            m.knob.map_or("nothing", |knob| knob.name()),
            m.factor,
            m.outcome.name().replace('_', " "),
            words::signed(m.gain),
            m.reason
        );
    }
    if moved.is_empty() {
        return out;
    }
    out.push('\n');
    out.push_str(&wrapped(COLUMNS, "  ", &words::turning(moved)));
    let _ = writeln!(
        out,
        "  Each line is one draw of people at the gate's own level: it says where to look, and decides nothing."
    );
    out
}
