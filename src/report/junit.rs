//! XML in the manner of `JUnit`: what CI servers read.

use super::format::VerdictFormat;
use super::logged;
use super::words;
use super::xml::{attribute, escape};
use crate::gate::promotion::Judgement;
use crate::gate::{Assessment, Ruling, Standing, Verdict};
use std::io::{self, Write};

/// One suite with a test case per criterion, one for the verdict before them. What is open counts as a
/// failure, what was not evaluated and what is only advisory as skipped; an inconclusive verdict is therefore
/// never green.
#[derive(Debug, Clone, Copy)]
pub struct Junit;

/// What each case took, in seconds: programs that add such times up want a number, and a verdict that is the same has the
/// same bytes, however long it took.
const TIME: &str = "0";

impl VerdictFormat for Junit {
    fn file_name(&self) -> &'static str {
        "junit.xml"
    }

    fn write(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
        let v = &judgement.verdict;
        let unseen = |c: &Assessment| c.standing == Standing::Unseen;
        let promoted = v.verdict == Ruling::Promote;
        let tests = 1 + v.criteria.len() + v.logs.len();
        let failed = v.criteria.iter().filter(|c| words::is_missing(c) && !unseen(c)).count();
        let logs_missing = v.logs.iter().filter(|log| log.is_missing()).count();
        let logs_skipped = v.logs.iter().filter(|log| !log.holds).count() - logs_missing;
        let failures = usize::from(!promoted) + failed + logs_missing;
        let skipped = v.criteria.iter().filter(|c| !c.holds).count() - failed + logs_skipped;
        let suite = format!("rehearsal: {} over {}, {}", v.challenger, v.baseline, words::subject_line(v));
        writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        writeln!(
            out,
            r#"<testsuites name="rehearsal" tests="{tests}" failures="{failures}" errors="0" time="{TIME}">"#
        )?;
        writeln!(
            out,
            r#"  <testsuite name="{}" tests="{tests}" failures="{failures}" errors="0" skipped="{skipped}" time="{TIME}">"#,
            attribute(&suite)
        )?;
        properties(v, out)?;
        let failure = (!promoted).then(|| {
            let details = format!("{}\nnext: {}\n{}", v.reason, words::next(v), v.caveat);
            Problem::Failure(words::decision(v).to_lowercase(), v.reason.clone(), details)
        });
        test_case(out, "rehearsal.verdict", "verdict", failure)?;
        for c in &v.criteria {
            let class = format!("rehearsal.{}", c.scenario);
            let problem = match c.standing {
                Standing::Holds => None,
                Standing::Unseen => Some(Problem::Skipped(v.reason.clone())),
                s if c.advisory => Some(Problem::Skipped(format!("advisory, {}: {}", s.name(), summary(c)))),
                s => Some(Problem::Failure(s.name().to_owned(), summary(c), details(c, v))),
            };
            test_case(out, &class, &c.id, problem)?;
        }
        for log in &v.logs {
            let standing = logged::standing(log);
            let problem = if log.holds {
                None
            } else if log.required {
                let details = logged::reading(v).unwrap_or_default();
                Some(Problem::Failure(standing.to_owned(), logged::summary(log), details))
            } else {
                Some(Problem::Skipped(format!("advisory, {standing}: {}", logged::summary(log))))
            };
            test_case(out, "rehearsal.logged", &log.id, problem)?;
        }
        if !v.warnings.is_empty() {
            let warnings = v.warnings.iter().map(|warning| format!("warning: {warning}"));
            let text = warnings.collect::<Vec<_>>().join("\n");
            writeln!(out, "    <system-out>{}</system-out>", escape(&text))?;
        }
        writeln!(out, "  </testsuite>\n</testsuites>")
    }
}

/// Why a test case is not green.
enum Problem {
    /// Type, message and text.
    Failure(String, String, String),
    /// Message.
    Skipped(String),
}

fn properties(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let p = &v.provenance;
    let fixed = [
        ("verdict".to_owned(), words::decision(v).to_lowercase()),
        ("gate".to_owned(), v.gate.clone()),
        ("people".to_owned(), v.people.clone()),
        ("attempt".to_owned(), v.attempt.map_or_else(|| "not counted".to_owned(), |n| n.to_string())),
        ("seed".to_owned(), p.seed.to_string()),
        ("version".to_owned(), p.version.to_owned()),
        ("command".to_owned(), p.command.clone()),
    ];
    let digests = p.digests.iter().map(|(name, digest)| (format!("sha256/{name}"), digest.clone()));
    writeln!(out, "    <properties>")?;
    for (name, value) in fixed.into_iter().chain(digests) {
        writeln!(out, r#"      <property name="{}" value="{}"/>"#, attribute(&name), attribute(&value))?;
    }
    writeln!(out, "    </properties>")
}

fn test_case(out: &mut dyn Write, class: &str, name: &str, problem: Option<Problem>) -> io::Result<()> {
    let case =
        format!(r#"    <testcase classname="{}" name="{}" time="{TIME}""#, attribute(class), attribute(name));
    match problem {
        None => writeln!(out, "{case}/>"),
        Some(Problem::Skipped(message)) => {
            writeln!(out, "{case}>\n      <skipped message=\"{}\"/>\n    </testcase>", attribute(&message))
        }
        Some(Problem::Failure(kind, message, text)) => writeln!(
            out,
            "{case}>\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>",
            attribute(&kind),
            attribute(&message),
            escape(&text)
        ),
    }
}

fn summary(c: &Assessment) -> String {
    format!(
        "difference {} in {}, needs {}",
        words::signed(c.estimate),
        words::interval(c.lower, c.upper),
        words::claim(c)
    )
}

fn details(c: &Assessment, v: &Verdict) -> String {
    let needed = match c.users_needed {
        Some(n) => format!("about {n} users at this rate"),
        None => "no number of users would do at this rate".to_owned(),
    };
    format!(
        "{}\nevidence {} of {} after {} users; to establish it: {needed}\nevidence against it {} of {}",
        summary(c),
        words::e_value(c.e_value),
        (1.0 / v.alpha).ceil(),
        c.users,
        words::e_value(c.refutation),
        (1.0 / v.simulated_beta).ceil()
    )
}
