//! A verdict in a terminal: the plain text, with its decision in colour.

use super::format::VerdictFormat;
use super::screen::{Screen, Tint};
use super::text::PlainText;
use super::words;
use crate::gate::Ruling;
use crate::gate::promotion::Judgement;

/// The verdict for a terminal.
pub fn terminal_verdict(judgement: &Judgement, screen: &Screen) -> String {
    let mut text = Vec::new();
    PlainText.write(judgement, &mut text).expect("memory takes everything");
    let text = String::from_utf8_lossy(&text);
    let decision = words::decision(&judgement.verdict);
    let tint = match judgement.verdict.verdict {
        Ruling::Promote => Tint::Good,
        Ruling::Reject => Tint::Bad,
        Ruling::Inconclusive => Tint::Warning,
    };
    text.replacen(decision, &screen.paint(tint, decision), 1)
}
