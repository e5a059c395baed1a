//! Plain text: what a person reads in a terminal.

use super::VerdictFormat;
use crate::gate::{Assessment, Decision, Kind, SeedSource, Verdict};
use std::io::{self, Write};

/// A table of criteria with the decision above and what to do next below.
#[derive(Debug, Clone, Copy)]
pub struct Text;

impl VerdictFormat for Text {
    fn file_name(&self) -> &'static str {
        "verdict.txt"
    }

    fn write(&self, v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
        let word = match v.verdict {
            Decision::Promote => "PROMOTE",
            Decision::Reject => "REJECT",
            Decision::Inconclusive => "INCONCLUSIVE",
        };
        writeln!(out, "{word}  {} over {}", v.challenger, v.baseline)?;
        writeln!(out, "  {}", v.reason)?;
        writeln!(out)?;
        let width = v.criteria.iter().map(|c| c.id.len()).max().unwrap_or(0).max("criterion".len());
        writeln!(
            out,
            "  {:width$}  {:>8}  {:>18}  {:>7}  {:>8}  {:>6}",
            "criterion", "estimate", "bounds", "claim", "e-value", "users"
        )?;
        for c in &v.criteria {
            writeln!(
                out,
                "{} {:width$}  {:>8}  {:>18}  {:>7}  {:>8}  {:>6}",
                if c.holds { " " } else { "!" },
                c.id,
                number(c.estimate),
                format!("[{}, {}]", number(c.lower), number(c.upper)),
                claim(c),
                e_value(c.e_value),
                c.held_after.unwrap_or(c.users)
            )?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "  Differences are {} minus {}, as shares of the metric's range; a criterion holds once its",
            v.challenger, v.baseline
        )?;
        writeln!(
            out,
            "  e-value has reached {:.0}. Bounds hold at {:.0}% each, however often one looks.",
            1.0 / v.alpha,
            100.0 * (1.0 - v.alpha)
        )?;
        let p = &v.provenance;
        let source = match p.seed_source {
            SeedSource::Inputs => "from the inputs",
            SeedSource::Given => "given with --seed, not from the inputs",
        };
        writeln!(out, "  Seed {} ({source}), rehearsal {}.", p.seed, p.version)?;
        writeln!(out, "  Again: {}", p.command)?;
        writeln!(out, "  {}", v.caveat)?;
        writeln!(out)?;
        writeln!(out, "Next: {}", next(v))
    }
}

fn number(value: Option<f64>) -> String {
    // Adding 0.0 makes -0.0 a plain 0.
    value.map_or_else(|| "-".to_owned(), |v| format!("{:+.3}", v + 0.0))
}

fn claim(c: &Assessment) -> String {
    match (c.kind, c.metric.more_is_better()) {
        (Kind::Superior, true) => "> 0".to_owned(),
        (Kind::Superior, false) => "< 0".to_owned(),
        (Kind::NotInferior, true) => format!("> -{}", c.margin),
        (Kind::NotInferior, false) => format!("< {}", c.margin),
    }
}

fn e_value(e: f64) -> String {
    if e >= 1e5 {
        format!("{e:.0e}")
    } else if e >= 100.0 {
        format!("{e:.0}")
    } else {
        format!("{e:.2}")
    }
}

fn next(v: &Verdict) -> String {
    let open = v.criteria.iter().find(|c| !c.holds);
    match (v.verdict, open) {
        (Decision::Promote, _) => {
            format!(
                "let {} take over from {}, and keep the old policy as its shadow.",
                v.challenger, v.baseline
            )
        }
        (Decision::Reject, Some(c)) => {
            let who = c.persona.as_ref().map_or_else(String::new, |p| format!(" for {p}"));
            format!("keep {}; see what {} does in {}{who}.", v.baseline, v.challenger, c.scenario)
        }
        (Decision::Inconclusive, Some(c)) if v.users > 0 => match c.users_needed {
            Some(n) => format!("keep {}; raise max_users to about {n} to settle {}.", v.baseline, c.id),
            None => format!("keep {}; {} shows no sign of holding.", v.baseline, c.id),
        },
        _ => format!("keep {}.", v.baseline),
    }
}
