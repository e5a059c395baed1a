//! Markdown: the summary of a CI step.

use super::format::VerdictFormat;
use super::logged;
use super::words;
use crate::gate::promotion::Judgement;
use crate::gate::{Assessment, Ruling, Standing, Verdict};
use std::fmt::Write as _;
use std::io::{self, Write};

/// GitHub drops a step's summary that is larger than this many bytes.
pub const SUMMARY_LIMIT: usize = 1 << 20;

/// The same as the text, with what a page can fold away; below [`SUMMARY_LIMIT`] however many criteria
/// there are.
#[derive(Debug, Clone, Copy)]
pub struct Markdown;

impl VerdictFormat for Markdown {
    fn file_name(&self) -> &'static str {
        "verdict.md"
    }

    fn write(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
        let v = &judgement.verdict;
        let (head, tail) = (head(v), tail(v));
        out.write_all(head.as_bytes())?;
        let mut room = (SUMMARY_LIMIT / 2).saturating_sub(head.len() + tail.len());
        for (i, c) in v.criteria.iter().enumerate() {
            let row = row(c);
            if row.len() > room {
                let rest = v.criteria.len() - i;
                writeln!(out, "\n{rest} more criteria stand in `verdict.json`.")?;
                break;
            }
            room -= row.len();
            out.write_all(row.as_bytes())?;
        }
        out.write_all(tail.as_bytes())
    }
}

fn head(v: &Verdict) -> String {
    let icon = match v.verdict {
        Ruling::Promote => "\u{2705}",
        Ruling::Reject => "\u{274c}",
        Ruling::Inconclusive => "\u{26a0}\u{fe0f}",
    };
    let mut text = format!("## {icon} {}: {}\n\n", words::decision(v), inline(&words::headline(v)));
    let _ = writeln!(text, "{}\n", inline(&words::subject_line(v)));
    let answers = [("Why", v.reason.clone()), ("How sure", words::certainty(v)), ("Next", words::next(v))];
    let warnings = v.warnings.iter().map(|warning| ("Warning", warning.clone()));
    for (label, line) in answers.into_iter().chain(warnings) {
        let _ = writeln!(text, "- **{label}:** {}", inline(&line));
    }
    text + "\n|  | criterion | difference | bounds | needs | evidence | users |\n\
            | --- | --- | ---: | ---: | ---: | ---: | ---: |\n"
}

fn row(c: &Assessment) -> String {
    let standing = c.standing;
    let word =
        if standing == Standing::Holds { "holds".to_owned() } else { format!("**{}**", standing.name()) };
    format!(
        "| {word} | {} | {} | {} | {} | {} | {} |\n",
        inline(&words::label(c)),
        words::signed(c.estimate),
        inline(&words::interval(c.lower, c.upper)),
        inline(&words::claim(c)),
        inline(&words::e_value(c.e_value)),
        c.held_after.unwrap_or(c.users)
    )
}

fn tail(v: &Verdict) -> String {
    let p = &v.provenance;
    let mut text = format!("\n{}\n\n", inline(&words::reading(v)));
    if let Some(reading) = logged::reading(v) {
        text += &line(&logged::COLUMNS.map(str::to_owned));
        text += "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        v.logs.iter().for_each(|log| text += &line(&logged::row(log).map(|cell| inline(&cell))));
        text += "\n";
        for remark in logged::remarks(v) {
            let _ = writeln!(text, "- {}", inline(&remark));
        }
        let _ = writeln!(text, "\n{}\n", inline(&reading));
    }
    let _ = writeln!(text, "<details><summary>What it rests on</summary>\n");
    let _ = writeln!(text, "- {} users of each persona", v.users);
    let _ = writeln!(text, "- seed {} ({})", p.seed, inline(words::seed_source(v)));
    let _ = writeln!(text, "- rehearsal {}", inline(p.version));
    for (name, digest) in &p.digests {
        let _ = writeln!(text, "- SHA-256 of {}: `{digest}`", inline(name));
    }
    let _ = writeln!(text, "\nAgain:\n\n{}\n</details>\n\n{}", fenced("sh", &p.command), inline(v.caveat));
    text
}

fn line(cells: &[String; 8]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// `text` as running text or a table's cell in which nothing is markup. What cannot be markup where it
/// stands is left as it is, so that the file can be read without a renderer too.
pub(crate) fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        let escaped = match c {
            '\\' | '`' | '*' | '|' | '~' => true,
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            ']' => matches!(after, '(' | '[' | ':'),
            '>' | '#' | '-' | '+' => out.is_empty() && after == ' ',
            _ => false,
        };
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\n' | '\r' => out.push(' '),
            c if escaped => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// `text` in a fence that is longer than any run of backticks in it.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}{language}\n{text}\n{fence}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_a_cell_or_a_fence() {
        assert_eq!(inline("a|b <img> `x` _y_\nz"), "a\\|b &lt;img> \\`x\\` \\_y\\_ z");
        assert_eq!(inline("[x](y) ![x][y] &lt;"), "[x\\](y) ![x\\][y] &amp;lt;");
        assert_eq!([inline("> 0"), inline("# x"), inline("- x")], ["\\> 0", "\\# x", "\\- x"]);
        assert_eq!(inline("dismiss_rate in [-0.1, +0.2]"), "dismiss_rate in [-0.1, +0.2]");
        assert_eq!(fenced("sh", "a ```` b"), "`````sh\na ```` b\n`````\n");
        assert_eq!(fenced("sh", "a"), "```sh\na\n```\n");
    }
}
