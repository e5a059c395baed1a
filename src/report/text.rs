//! Plain text: what a person reads in a terminal.

use super::format::VerdictFormat;
use super::logged;
use super::paragraph::paragraph;
use super::words;
use crate::gate::Verdict;
use crate::gate::promotion::Judgement;
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
        writeln!(out, "{}: {}", words::decision(v), words::headline(v))?;
        writeln!(out, "  {}", words::subject_line(v))?;
        for (label, text) in
            [("why", v.reason.clone()), ("how sure", words::certainty(v)), ("next", words::next(v))]
        {
            write!(out, "{}", paragraph(&format!("  {label:<10}"), &text))?;
        }
        for warning in &v.warnings {
            write!(out, "{}", paragraph("  warning   ", warning))?;
        }
        writeln!(out)?;
        table(v, out)?;
        writeln!(out)?;
        write!(out, "{}", paragraph("  ", &words::reading(v)))?;
        logged_decisions(v, out)?;
        let p = &v.provenance;
        let seed = format!(
            "Simulated: {} users of each persona; seed {} ({}); rehearsal {}.",
            v.users,
            p.seed,
            words::seed_source(v),
            p.version
        );
        write!(out, "{}", paragraph("  ", &seed))?;
        write!(out, "{}", paragraph("  ", v.caveat))?;
        writeln!(out)?;
        // Not wrapped: it is to be copied.
        writeln!(out, "  Again: {}", p.command)
    }
}

fn table(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let width = v.criteria.iter().map(|c| words::label(c).len()).max().unwrap_or(0).max("criterion".len());
    writeln!(
        out,
        "         {:width$}  {:>10}  {:>16}  {:>7}  {:>8}  {:>6}",
        "criterion", "difference", "bounds", "needs", "evidence", "users"
    )?;
    for c in &v.criteria {
        writeln!(
            out,
            "  {:<6} {:width$}  {:>10}  {:>16}  {:>7}  {:>8}  {:>6}",
            c.standing.name(),
            words::label(c),
            words::signed(c.estimate),
            words::interval(c.lower, c.upper),
            words::claim(c),
            words::e_value(c.e_value),
            c.held_after.unwrap_or(c.users)
        )?;
    }
    Ok(())
}

/// What logged decisions say, beside what simulated people showed.
fn logged_decisions(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let Some(reading) = logged::reading(v) else { return Ok(()) };
    let rows: Vec<[String; 8]> =
        [logged::COLUMNS.map(str::to_owned)].into_iter().chain(v.logs.iter().map(logged::row)).collect();
    let width = rows.iter().map(|row| row[1].len()).max().unwrap_or(0);
    writeln!(out)?;
    for [standing, label, difference, bounds, needs, rows, effective, simulated] in &rows {
        writeln!(
            out,
            "  {standing:<6} {label:width$}  {difference:>10}  {bounds:>16}  {needs:>7}  {rows:>8}  {effective:>9}  {simulated:>9}"
        )?;
    }
    writeln!(out)?;
    for remark in logged::remarks(v) {
        write!(out, "{}", paragraph("  ", &remark))?;
    }
    write!(out, "{}", paragraph("  ", &reading))
}
