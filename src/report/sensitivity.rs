//! Where a verdict turns, as text.

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
    let Some(first) = moved.first() else { return out };
    let turned: Vec<String> = moved
        .iter()
        .filter(|m| m.verdict != first.verdict)
        .map(|m| format!("{} x {}", m.knob.map_or("nothing", |knob| knob.name()), m.factor))
        .collect();
    let said = if turned.is_empty() {
        "The verdict is the same for all of these people.".to_owned()
    } else {
        format!("The verdict turns with {}.", turned.join(", "))
    };
    let _ = writeln!(
        out,
        "\n  {said}\n  Each line is one draw of people at the gate's own level: it says where to look, and decides nothing."
    );
    out
}
