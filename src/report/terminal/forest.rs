//! A forest plot of characters: every criterion's estimate and bounds, with the mark that they must clear.

use super::canvas::{Canvas, cell};
use crate::gate::{Standing, Verdict};
use crate::report::charts;
use crate::report::screen::{Screen, Tint};
use crate::report::words;
use std::fmt::Write;

/// Fewer columns than these show no interval: then a name has a line of its own.
const LEAST: usize = 24;

/// The colour of a standing.
pub(super) fn tint_of(standing: Standing) -> Tint {
    match standing {
        Standing::Holds => Tint::Good,
        Standing::Fails => Tint::Bad,
        Standing::Open => Tint::Warning,
        Standing::Unseen => Tint::Faint,
    }
}

fn shape_of(standing: Standing) -> char {
    match standing {
        Standing::Holds => '\u{25cf}',
        Standing::Fails => 'x',
        Standing::Open | Standing::Unseen => 'o',
    }
}

/// One or two lines for each criterion, and the axis.
pub(super) fn forest(v: &Verdict, screen: &Screen) -> String {
    let names: Vec<String> = v.criteria.iter().map(words::label).collect();
    let longest = names.iter().map(String::len).max().unwrap_or(0);
    // Standing, name, gain, each with its gap.
    let before = 2 + 6 + 2 + longest + 2 + 7 + 2;
    let is_beside = before + LEAST <= screen.columns();
    let indent = if is_beside { before } else { 10 };
    let cells = screen.columns() - indent;
    let range = charts::forest_range(v);
    let ends = (range.start, range.end);
    let mut out = String::new();
    for (c, name) in v.criteria.iter().zip(&names) {
        let gain = words::gain(c);
        let mut canvas = Canvas::new(cells, 1);
        canvas.put(cell(0.0, ends, cells), 0, '\u{2502}', Some(Tint::Faint));
        if let Some(gain) = gain {
            let tint = Some(tint_of(c.standing));
            let (from, to) = (cell(gain.lower, ends, cells), cell(gain.upper, ends, cells));
            (from..=to).for_each(|x| canvas.put(x, 0, '\u{2500}', tint));
            if gain.lower < range.start {
                canvas.put(from, 0, '<', tint);
            }
            if gain.upper > range.end {
                canvas.put(to, 0, '>', tint);
            }
            canvas.put(cell(gain.estimate, ends, cells), 0, shape_of(c.standing), tint);
        }
        let mark = cell(c.mark, ends, cells);
        if gain.is_none_or(|gain| cell(gain.estimate, ends, cells) != mark) {
            canvas.put(mark, 0, '|', Some(Tint::Strong));
        }
        let standing = screen.paint(tint_of(c.standing), &format!("{:<6}", c.standing.name()));
        let estimate = words::signed(gain.map(|gain| gain.estimate));
        let bar = canvas.line(0, screen);
        let _ = if is_beside {
            writeln!(out, "  {standing}  {name:longest$}  {estimate:>7}  {bar}")
        } else {
            writeln!(out, "  {standing}  {name}  {estimate}\n{}{bar}", " ".repeat(indent))
        };
    }
    axis(&mut out, indent, cells, ends);
    out
}

/// The ends of the axis and its zero, as far as these have room.
fn axis(out: &mut String, indent: usize, cells: usize, (low, high): (f64, f64)) {
    let (left, right) = (format!("{low:+.2}"), format!("{high:+.2}"));
    let mut line = vec![' '; cells];
    let mut write = |at: usize, text: &str| {
        let end = (at + text.len()).min(cells);
        let at = end - text.len().min(end);
        let is_free = line[at.saturating_sub(1)..(end + 1).min(cells)].iter().all(|c| *c == ' ');
        if is_free {
            text.chars().zip(&mut line[at..end]).for_each(|(c, cell)| *cell = c);
        }
    };
    write(0, &left);
    write(cells, &right);
    write(cell(0.0, (low, high), cells), "0");
    let line: String = line.into_iter().collect();
    let _ = writeln!(out, "{}{}", " ".repeat(indent), line.trim_end());
}
