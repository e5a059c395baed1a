//! Plain text: what a person reads in a terminal, and in a file.

use super::format::VerdictFormat;
use super::logged;
use super::paragraph::{COLUMNS, wrapped};
use super::words;
use crate::base::clean::clean_text;
use crate::gate::Verdict;
use crate::gate::promotion::Judgement;
use std::fmt::Write as _;
use std::io::{self, Write};

/// What was decided, why, how sure and what to do next; then the criteria, failing ones first; then what it
/// rests on.
#[derive(Debug, Clone, Copy)]
pub struct PlainText;

impl VerdictFormat for PlainText {
    fn file_name(&self) -> &'static str {
        "verdict.txt"
    }

    fn write(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
        let v = &judgement.verdict;
        let reading = wrapped(COLUMNS, "  ", &words::reading(v));
        let parts = [
            head(v, COLUMNS),
            "\n".to_owned(),
            table(v),
            "\n".to_owned(),
            reading,
            logged_decisions(v, COLUMNS),
            tail(v, COLUMNS),
        ];
        parts.iter().try_for_each(|part| out.write_all(clean_text(part).as_bytes()))
    }
}

/// What was decided, why, how sure and what to do next, within so many columns.
pub(super) fn head(v: &Verdict, columns: usize) -> String {
    let mut out = format!("{}: {}\n", words::decision(v), words::headline(v));
    let subject = words::subject_line(v);
    // A file has it on one line, for whoever looks for it there.
    out.push_str(&if columns < COLUMNS {
        wrapped(columns, "  ", &subject)
    } else {
        format!("  {subject}\n")
    });
    for (label, text) in
        [("why", v.reason.clone()), ("how sure", words::certainty(v)), ("next", words::next(v))]
    {
        out.push_str(&wrapped(columns, &format!("  {label:<10}"), &text));
    }
    for warning in &v.warnings {
        out.push_str(&wrapped(columns, "  warning   ", warning));
    }
    out
}

/// What it rests on.
pub(super) fn tail(v: &Verdict, columns: usize) -> String {
    let p = &v.provenance;
    let seed = format!(
        "Simulated: {} users of each persona; seed {} ({}); rehearsal {}.",
        v.users,
        p.seed,
        words::seed_source(v),
        p.version
    );
    // The command is not wrapped: it is to be copied.
    format!("{}{}\n  Again: {}\n", wrapped(columns, "  ", &seed), wrapped(columns, "  ", v.caveat), p.command)
}

/// The criteria.
pub(super) fn table(v: &Verdict) -> String {
    let width = v.criteria.iter().map(|c| words::label(c).len()).max().unwrap_or(0).max("criterion".len());
    let mut out = format!(
        "         {:width$}  {:>10}  {:>16}  {:>7}  {:>8}  {:>6}\n",
        "criterion", "difference", "bounds", "needs", "evidence", "users"
    );
    for c in &v.criteria {
        let _ = writeln!(
            out,
            "  {:<6} {:width$}  {:>10}  {:>16}  {:>7}  {:>8}  {:>6}",
            c.standing.name(),
            words::label(c),
            words::signed(c.estimate),
            words::interval(c.lower, c.upper),
            words::claim(c),
            words::e_value(c.e_value),
            c.held_after.unwrap_or(c.users)
        );
    }
    out
}

/// What logged decisions say, beside what simulated people showed.
pub(super) fn logged_decisions(v: &Verdict, columns: usize) -> String {
    let Some(reading) = logged::reading(v) else { return String::new() };
    let rows: Vec<[String; 8]> =
        [logged::COLUMNS.map(str::to_owned)].into_iter().chain(v.logs.iter().map(logged::row)).collect();
    let width = rows.iter().map(|row| row[1].len()).max().unwrap_or(0);
    let mut out = "\n".to_owned();
    for [standing, label, difference, bounds, needs, rows, effective, simulated] in &rows {
        let _ = writeln!(
            out,
            "  {standing:<6} {label:width$}  {difference:>10}  {bounds:>16}  {needs:>7}  {rows:>8}  {effective:>9}  {simulated:>9}"
        );
    }
    out.push('\n');
    for remark in logged::remarks(v) {
        out.push_str(&wrapped(columns, "  ", &remark));
    }
    out + &wrapped(columns, "  ", &reading)
}
