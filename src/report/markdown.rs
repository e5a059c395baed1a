//! Markdown: the summary of a CI step.

use super::format::VerdictFormat;
use super::logged;
use super::words;
use crate::base::clean::{clean_text, is_format};
use crate::gate::promotion::Judgement;
use crate::gate::{Assessment, Ruling, Standing, Verdict};
use std::fmt::Write as _;
use std::io::{self, Write};

/// GitHub drops a step's summary that is larger than this many bytes.
pub const SUMMARY_LIMIT: usize = 1 << 20;

/// A comment of GitHub has at most so many characters.
const COMMENT_LIMIT: usize = 65_536;
/// Room for what an action adds around it.
const MARGIN: usize = 4096;
/// Most bytes of one sentence, which may name as much as there is.
const SENTENCE: usize = 4096;
/// Most bytes of what the verdict says of logs and inputs.
const TAIL: usize = 24 << 10;

/// The same as the text, with what a page can fold away; short enough for a comment however many criteria there are: where
/// they are too many, those that stand against a promotion come first.
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
        let mut room = (COMMENT_LIMIT - MARGIN).saturating_sub(head.len() + tail.len());
        let mut rows: Vec<(u8, String)> = v.criteria.iter().map(|c| (rank(c), row(c))).collect();
        if rows.iter().map(|(_, row)| row.len()).sum::<usize>() > room {
            rows.sort_by_key(|(rank, _)| *rank);
        }
        for (i, (_, row)) in rows.iter().enumerate() {
            if row.len() > room {
                writeln!(out, "\n{} more criteria stand in `verdict.json`.", rows.len() - i)?;
                break;
            }
            room -= row.len();
            out.write_all(row.as_bytes())?;
        }
        out.write_all(tail.as_bytes())
    }
}

/// How much a criterion matters to who has little room: what stands against a promotion first.
fn rank(c: &Assessment) -> u8 {
    let standing = match c.standing {
        Standing::Fails => 0,
        Standing::Open => 1,
        Standing::Unseen => 2,
        Standing::Holds => 3,
    };
    2 * standing + u8::from(c.advisory)
}

/// A sentence as running text, cut where it is longer than anybody reads.
fn sentence(text: &str) -> String {
    if text.len() <= SENTENCE {
        return inline(text);
    }
    let end = (0..=SENTENCE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{} ... (whole in `verdict.json`)", inline(&text[..end]))
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
        if text.len() > TAIL {
            text += "- more warnings stand in `verdict.json`\n";
            break;
        }
        let _ = writeln!(text, "- **{label}:** {}", sentence(&line));
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
        for (i, log) in v.logs.iter().enumerate() {
            let row = line(&logged::row(log).map(|cell| inline(&cell)));
            if text.len() + row.len() > TAIL / 2 {
                let _ = writeln!(text, "\n{} more logs stand in `verdict.json`.", v.logs.len() - i);
                break;
            }
            text += &row;
        }
        text += "\n";
        for remark in logged::remarks(v) {
            if text.len() > TAIL / 2 {
                text += "- more remarks stand in `verdict.json`\n";
                break;
            }
            let _ = writeln!(text, "- {}", sentence(&remark));
        }
        let _ = writeln!(text, "\n{}\n", inline(&reading));
    }
    let _ = writeln!(text, "<details><summary>What it rests on</summary>\n");
    let _ = writeln!(text, "- {} users of each persona", v.users);
    let _ = writeln!(text, "- seed {} ({})", p.seed, inline(words::seed_source(v)));
    let _ = writeln!(text, "- rehearsal {}", inline(p.version));
    for (i, (name, digest)) in p.digests.iter().enumerate() {
        if text.len() > TAIL {
            let _ = writeln!(text, "- {} more digests stand in `verdict.json`", p.digests.len() - i);
            break;
        }
        let _ = writeln!(text, "- SHA-256 of {}: `{digest}`", sentence(name));
    }
    let again = if p.command.len() <= SENTENCE {
        fenced("sh", &p.command)
    } else {
        "the command stands in `verdict.json`\n".to_owned()
    };
    let _ = writeln!(text, "\nAgain:\n\n{again}\n</details>\n\n{}", inline(v.caveat));
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
            c if c.is_control() || is_format(c) => out.push(' '),
            c if escaped => out.extend(['\\', c]),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// `text` in a fence that is longer than any run of backticks in it.
pub(crate) fn fenced(language: &str, text: &str) -> String {
    let text = clean_text(text);
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
        assert_eq!(inline("a\u{202e}b\u{1b}[1m\u{9b}c"), "a b [1m c");
        assert_eq!(fenced("sh", "a\n::error::\u{1b}"), "```sh\na\n: :error:: \n```\n");
        assert_eq!(fenced("sh", "a"), "```sh\na\n```\n");
    }
}
