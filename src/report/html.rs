//! A verdict as an HTML page.

use super::charts::{self, Highlights, Hue, Width};
use super::format::VerdictFormat;
use super::logged;
use super::page;
use super::words;
use super::xml::escape;
use crate::domain::reaction::Reaction;
use crate::gate::evidence::{Figure, PersonaEvidence};
use crate::gate::promotion::Judgement;
use crate::gate::{Standing, Verdict};
use crate::simulation::metrics::Metric;
use std::io::{self, Write};

/// What was decided and why, with charts.
#[derive(Debug, Clone, Copy)]
pub struct Html;

impl VerdictFormat for Html {
    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn write(&self, judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
        let v = &judgement.verdict;
        let title = format!("{}: {}", words::decision(v), words::headline(v));
        out.write_all(page::begin(&title).as_bytes())?;
        head(v, out)?;
        criteria(v, out)?;
        logged_decisions(v, out)?;
        segments(v, out)?;
        if v.users > 0 {
            seen(judgement, out)?;
        }
        provenance(v, out)?;
        out.write_all(page::END.as_bytes())
    }
}

/// Decision, why, how sure, what next.
fn head(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let decision = words::decision(v);
    writeln!(out, "<div class=\"badge {}\">{decision}</div>", decision.to_lowercase())?;
    writeln!(out, "<h1>{}</h1>", escape(&words::headline(v)))?;
    writeln!(out, "<p class=\"note\">{}</p>", escape(&words::subject_line(v)))?;
    let users = format!("{} of each persona, each under both policies", v.users);
    let mut answers =
        vec![("Why", v.reason.clone()), ("How sure", words::certainty(v)), ("Next", words::next(v))];
    answers.extend(v.warnings.iter().map(|warning| ("Warning", warning.clone())));
    answers.push(("Simulated people", users));
    definitions("answers", &answers, out)
}

fn criteria(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<h2>Criteria</h2>")?;
    writeln!(
        out,
        "<p>The gate promotes when all of them hold. Each interval must clear the upright mark: the minimum \
         effect for a claim of superiority, else the tolerated loss. The line through all of them is no difference.</p>"
    )?;
    let mut standings: Vec<Standing> = v.criteria.iter().map(|c| c.standing).collect();
    standings.sort_unstable();
    standings.dedup();
    legend(standings.iter().map(|s| (charts::hue_of(*s), s.name())), out)?;
    chart(|width| charts::forest(v, width), out)?;
    writeln!(out, "<details><summary>The figures</summary>")?;
    table(&["", "criterion", "difference", "bounds", "needs", "evidence", "users"], 2, out, |out| {
        for c in &v.criteria {
            let word = c.standing.name();
            let users = c.held_after.unwrap_or(c.users).to_string();
            writeln!(
                out,
                "<tr><td class=\"name word-{word}\">{word}</td><td class=\"name\">{}</td>",
                escape(&words::label(c))
            )?;
            cells(
                &[
                    words::signed(c.estimate),
                    words::interval(c.lower, c.upper),
                    words::claim(c),
                    words::e_value(c.e_value),
                    users,
                ],
                out,
            )?;
            writeln!(out, "</tr>")?;
        }
        Ok(())
    })?;
    writeln!(out, "<p class=\"note\">{}</p></details>", escape(&words::reading(v)))
}

/// What logged decisions say, beside what simulated people showed.
fn logged_decisions(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let Some(reading) = logged::reading(v) else { return Ok(()) };
    writeln!(out, "<h2>Logged decisions</h2>")?;
    table(&logged::COLUMNS, 2, out, |out| {
        for log in &v.logs {
            let [standing, label, rest @ ..] = logged::row(log);
            writeln!(
                out,
                "<tr><td class=\"name word-{standing}\">{standing}</td><td class=\"name\">{}</td>",
                escape(&label)
            )?;
            cells(&rest, out)?;
            writeln!(out, "</tr>")?;
        }
        Ok(())
    })?;
    for remark in logged::remarks(v) {
        writeln!(out, "<p>{}</p>", escape(&remark))?;
    }
    writeln!(out, "<p class=\"note\">{}</p>", escape(&reading))
}

/// The fairness check: every criterion about some of the users, worst first.
fn segments(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let segments = words::segments(v);
    if segments.is_empty() || v.users == 0 {
        return Ok(());
    }
    writeln!(out, "<h2>Segments, worst first</h2>")?;
    writeln!(out, "<p>The criteria about a persona or another part of the users, smallest gain first.</p>")?;
    table(&["segment", "scenario", "metric", "difference", "bounds", "needs", ""], 3, out, |out| {
        for c in segments {
            let name = c.persona.as_deref().or(c.segment.as_deref()).unwrap_or_default();
            writeln!(out, "<tr>")?;
            for text in [name, &c.scenario, c.metric.name()] {
                writeln!(out, "<td class=\"name\">{}</td>", escape(text))?;
            }
            cells(&[words::signed(c.estimate), words::interval(c.lower, c.upper), words::claim(c)], out)?;
            let word = c.standing.name();
            writeln!(out, "<td class=\"word-{word}\">{word}</td></tr>")?;
        }
        Ok(())
    })
}

/// The charts and figures of what was seen besides the criteria.
fn seen(judgement: &Judgement, out: &mut dyn Write) -> io::Result<()> {
    let Judgement { verdict: v, evidence, .. } = judgement;
    let primary = evidence.primary();
    let scenario = escape(&primary.scenario);
    let both = [(charts::BASELINE, v.baseline.as_str()), (charts::CHALLENGER, v.challenger.as_str())];

    writeln!(out, "<h2>Evidence</h2>")?;
    writeln!(
        out,
        "<p>What 1 staked on each criterion has become. From {:.0} on the criterion holds; of one that is not \
         met, the stake gets that far with at most {} chance, however long one plays. The bet against the \
         challenger rejects it from {:.0} on.</p>",
        (1.0 / v.alpha).ceil(),
        words::percent(v.alpha),
        (1.0 / v.simulated_beta).ceil()
    )?;
    let highlights = Highlights::of(judgement);
    let others = (charts::FAINT, "the other criteria");
    legend(highlights.paths.iter().map(|h| (h.hue, h.name.as_str())).chain([others]), out)?;
    chart(|width| charts::evidence(judgement, &highlights, width), out)?;

    writeln!(out, "<h2>Learning curves</h2>")?;
    writeln!(
        out,
        "<p>Mean reward along the {} decisions of a user in <em>{scenario}</em>, with 95% bands.</p>",
        primary.steps
    )?;
    legend(both, out)?;
    chart(|width| charts::curves(evidence, width), out)?;

    writeln!(out, "<h2>Reactions</h2>")?;
    writeln!(
        out,
        "<p>What each persona did with the tips in <em>{scenario}</em>: {} above, {} below; at the right, \
         the share completed.</p>",
        escape(&v.baseline),
        escape(&v.challenger)
    )?;
    legend(charts::REACTIONS.into_iter().zip(Reaction::ALL.map(Reaction::name)), out)?;
    chart(|width| charts::reactions(primary, width), out)?;

    writeln!(out, "<h2>Personas, in full</h2>")?;
    writeln!(out, "<p>Mean reward and dismiss rate per decision in <em>{scenario}</em>, worst first.</p>")?;
    let mut personas: Vec<&PersonaEvidence> = primary.personas.iter().collect();
    let difference = |p: &PersonaEvidence| figure(p, Metric::Reward).difference.unwrap_or(f64::INFINITY);
    personas.sort_by(|a, b| difference(a).total_cmp(&difference(b)));
    let columns = ["persona", "share", "reward", "difference", "bounds", "dismissed", "difference"];
    table(&columns, 1, out, |out| {
        for p in personas {
            let (reward, dismissed) = (figure(p, Metric::Reward), figure(p, Metric::DismissRate));
            let change =
                |f: &Figure| format!("{} \u{2192} {}", words::plain(f.baseline), words::plain(f.challenger));
            writeln!(out, "<tr><td class=\"name\">{}</td>", escape(&p.persona))?;
            cells(
                &[
                    words::percent((1000.0 * p.share).round() / 1000.0),
                    change(reward),
                    words::signed(reward.difference),
                    words::interval(reward.lower, reward.upper),
                    change(dismissed),
                    words::signed(dismissed.difference),
                ],
                out,
            )?;
            writeln!(out, "</tr>")?;
        }
        Ok(())
    })?;
    writeln!(
        out,
        "<p class=\"note\">Differences are shares of the metric's range. These bounds, unlike those of the \
         criteria, need enough users for a mean to be normal; nothing is decided by them.</p>"
    )
}

fn figure(persona: &PersonaEvidence, metric: Metric) -> &Figure {
    persona.figures.iter().find(|f| f.metric == metric).expect("a figure for every metric")
}

fn provenance(v: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let p = &v.provenance;
    writeln!(out, "<h2>What it rests on</h2>\n<p>{}</p>", escape(v.caveat))?;
    let seed = format!("{} ({})", p.seed, words::seed_source(v));
    definitions("", &[("Seed", seed), ("Version", format!("rehearsal {}", p.version))], out)?;
    writeln!(out, "<p>To get this verdict again:</p>\n<pre>{}</pre>", escape(&p.command))?;
    writeln!(out, "<details><summary>SHA-256 of every input</summary>")?;
    table(&["input", "digest"], 2, out, |out| {
        for (name, digest) in &p.digests {
            writeln!(
                out,
                "<tr><td class=\"name\">{}</td><td class=\"name\"><code>{digest}</code></td></tr>",
                escape(name)
            )?;
        }
        Ok(())
    })?;
    writeln!(out, "</details>")
}

/// One chart, drawn for a screen and for a phone; the style sheet shows one of both.
fn chart(draw: impl Fn(Width) -> String, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<div class=\"wide\">{}</div>", draw(Width::Wide))?;
    writeln!(out, "<div class=\"narrow\">{}</div>", draw(Width::Narrow))
}

fn legend<'a>(entries: impl IntoIterator<Item = (Hue, &'a str)>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<ul class=\"legend\">")?;
    for (hue, name) in entries {
        writeln!(out, "<li style=\"--hue:var(--{})\">{}</li>", hue.name, escape(name))?;
    }
    writeln!(out, "</ul>")
}

fn definitions(class: &str, entries: &[(&str, String)], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<dl class=\"{class}\">")?;
    for (term, text) in entries {
        writeln!(out, "<dt>{term}</dt><dd>{}</dd>", escape(text))?;
    }
    writeln!(out, "</dl>")
}

/// A table that scrolls where it is too wide; its first `names` columns are text.
fn table(
    columns: &[&str],
    names: usize,
    out: &mut dyn Write,
    rows: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    writeln!(out, "<div class=\"scroll\"><table><thead><tr>")?;
    for (i, column) in columns.iter().enumerate() {
        let class = if i < names { " class=\"name\"" } else { "" };
        writeln!(out, "<th scope=\"col\"{class}>{column}</th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    rows(out)?;
    writeln!(out, "</tbody></table></div>")
}

fn cells(values: &[String], out: &mut dyn Write) -> io::Result<()> {
    values.iter().try_for_each(|value| writeln!(out, "<td>{}</td>", escape(value)))
}
