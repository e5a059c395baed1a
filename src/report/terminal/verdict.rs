//! A verdict in a terminal.

use super::forest::forest;
use crate::gate::promotion::Judgement;
use crate::gate::{Ruling, Verdict};
use crate::report::paragraph::wrapped;
use crate::report::screen::{Screen, Tint};
use crate::report::text;
use crate::report::words;

/// The verdict, with a chart in place of the table of criteria where it has room.
pub fn terminal_verdict(judgement: &Judgement, screen: &Screen) -> String {
    let v = &judgement.verdict;
    let columns = screen.columns();
    let decision = words::decision(v);
    let head = text::head(v, columns);
    let mut out = head.replacen(decision, &screen.paint(tint_of(v), decision), 1);
    out.push('\n');
    if screen.has_room() {
        out.push_str(&forest(v, screen));
        out.push('\n');
        out.push_str(&wrapped(columns, "  ", &reading(v)));
    } else {
        out.push_str(&text::table(v));
        out.push('\n');
        out.push_str(&wrapped(columns, "  ", &words::reading(v)));
    }
    out.push_str(&text::logged_decisions(v, columns));
    out.push_str(&text::tail(v, columns));
    out
}

fn tint_of(v: &Verdict) -> Tint {
    match v.verdict {
        Ruling::Promote => Tint::Good,
        Ruling::Reject => Tint::Bad,
        Ruling::Inconclusive => Tint::Warning,
    }
}

/// How to read the chart.
fn reading(v: &Verdict) -> String {
    format!(
        "Gains are what {} does better than {}, as shares of the metric's range: to the right the challenger is better, \
         whatever is measured. Lines are bounds, each by itself at {}, however often one looks; a criterion holds (\u{25cf}) \
         once it is shown that the gain is beyond the mark (|): {} where a gain is claimed, else the loss that is tolerated. x \
         fails, o is open. Evidence and users of each: --json, --html, or this command in a pipe.",
        v.challenger,
        v.baseline,
        words::percent(1.0 - v.alpha),
        v.minimum_effect
    )
}
