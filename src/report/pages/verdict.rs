//! A verdict as an HTML page.

use super::cast::Cast;
use super::courses;
use crate::gate::evidence::{Evidence, Figure, PersonaEvidence};
use crate::gate::promotion::Judgement;
use crate::gate::{Assessment, Claim, Standing, Verdict};
use crate::report::charts::{self, Highlights};
use crate::report::format::VerdictFormat;
use crate::report::logged;
use crate::report::pieces::{Cell, Page, Tile, word_class};
use crate::report::words;
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
        out.write_all(page(judgement).as_bytes())
    }
}

fn page(judgement: &Judgement) -> String {
    let Judgement { verdict: v, evidence, inputs } = judgement;
    let decision = words::decision(v);
    let mut page = Page::new(&format!("{decision}: {}", words::headline(v)));
    page.head((&decision.to_lowercase(), decision), &words::headline(v), &words::subject_line(v));
    if v.users > 0 {
        summary(v, evidence, &mut page);
    }
    answers(v, &mut page);
    page.contents();
    criteria(v, &mut page);
    logged_decisions(v, &mut page);
    segments(v, &mut page);
    if v.users > 0 {
        seen(judgement, &mut page);
    }
    let mut policies = vec![("in charge", &inputs.baseline), ("challenger", &inputs.challenger)];
    policies.extend(inputs.reference.as_ref().map(|reference| ("reference", reference)));
    // The primary scenario first: shares of personas are those of it.
    let primary = &evidence.primary().scenario;
    let (first, others): (Vec<_>, Vec<_>) = inputs.scenarios.iter().partition(|s| s.name() == primary);
    let scenarios = first.into_iter().chain(others).collect();
    Cast::new(policies, scenarios, &inputs.personas, Some(&inputs.gate)).write(&mut page);
    provenance(v, &mut page);
    page.finish()
}

/// What it comes to for those who are shown tips, in numbers that need no range.
fn summary(v: &Verdict, evidence: &Evidence, page: &mut Page) {
    let primary = evidence.primary();
    page.note(&format!(
        "Per 100 tips in {}, under {} \u{2192} under {}:",
        primary.scenario, v.baseline, v.challenger
    ));
    let tile = |f: &Figure| {
        let (before, after) = (f.baseline?, f.challenger?);
        Some(Tile {
            name: words::capitalized(words::counted(f.metric)),
            value: change(Some(before), Some(after)),
            note: (
                words::in_brief(f.metric, after - before),
                words::is_better(f.metric, None, after - before),
            ),
        })
    };
    let tiles: Vec<Tile> =
        primary.figures.iter().filter(|f| f.metric.is_in_table()).filter_map(tile).collect();
    page.tiles(&tiles);
}

/// Two means per hundred.
fn change(before: Option<f64>, after: Option<f64>) -> String {
    let of = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), |x| format!("{:.1}", 100.0 * x + 0.0));
    format!("{} \u{2192} {}", of(before), of(after))
}

/// Why, how sure, what next.
fn answers(v: &Verdict, page: &mut Page) {
    let users = format!("{} of each persona, each under both policies", v.users);
    let mut answers =
        vec![("Why", v.reason.clone()), ("How sure", words::certainty(v)), ("Next", words::next(v))];
    answers.extend(v.warnings.iter().map(|warning| ("Warning", warning.clone())));
    answers.push(("Simulated people", users));
    page.answers(&answers);
}

/// What a criterion's difference comes to.
fn comes_to(c: &Assessment) -> Cell {
    let Some(difference) = c.estimate else { return "-".into() };
    let own = difference * c.metric.range();
    Cell::of_change(words::per_100(c.metric, own), words::is_better(c.metric, c.better, own)).wrapping()
}

/// A gain and its bounds.
fn gain_cells(c: &Assessment) -> [String; 2] {
    let gain = words::gain(c);
    [words::signed(gain.map(|g| g.estimate)), words::interval(gain.map(|g| g.lower), gain.map(|g| g.upper))]
}

fn standing(word: &'static str) -> Cell {
    Cell::of_class(word, word_class(word))
}

fn criteria(v: &Verdict, page: &mut Page) {
    page.section("Criteria");
    page.text(
        "The gate promotes when all of them hold. Everything is a gain: to the right the challenger is better, whatever is \
         measured. Each interval must clear its upright mark: the minimum effect where a gain is claimed, else the loss that is \
         tolerated.",
    );
    let mut standings: Vec<Standing> = v.criteria.iter().map(|c| c.standing).collect();
    standings.sort_unstable();
    standings.dedup();
    page.legend(standings.iter().map(|s| (charts::hue_of(*s), s.name())));
    page.chart(|width| charts::forest(v, width));
    page.details("The figures", |page| {
        let columns = ["", "criterion", "comes to", "gain", "bounds", "needs", "evidence", "users"];
        let rows = v.criteria.iter().map(|c| {
            let [gain, bounds] = gain_cells(c);
            vec![
                standing(c.standing.name()),
                words::label(c).into(),
                comes_to(c),
                gain.into(),
                bounds.into(),
                words::needs(c).into(),
                words::e_value(c.e_value).into(),
                c.held_after.unwrap_or(c.users).to_string().into(),
            ]
        });
        page.table(&columns, 2, rows);
        page.note(&reading(v));
    });
}

/// How to read the table of criteria.
fn reading(v: &Verdict) -> String {
    let difference = "Differences are ";
    let said = words::reading(v);
    let (_, rest) = said.split_once(';').unwrap_or_default();
    debug_assert!(said.starts_with(difference));
    format!(
        "Gains are what {} does better than {}, as shares of the metric's range;{rest} A gain of a rate of dismissals is a \
         lower rate.",
        v.challenger, v.baseline
    )
}

/// What logged decisions say, beside what simulated people showed.
fn logged_decisions(v: &Verdict, page: &mut Page) {
    let Some(reading) = logged::reading(v) else { return };
    page.section("Logged decisions");
    let rows = v.logs.iter().map(|log| {
        let [word, label, rest @ ..] = logged::row(log);
        let word = Cell::of_class(word.clone(), word_class(&word));
        [word, label.into()].into_iter().chain(rest.map(Cell::from)).collect()
    });
    page.table(&logged::COLUMNS, 2, rows);
    for remark in logged::remarks(v) {
        page.text(&remark);
    }
    page.note(&reading);
}

/// Segments that are shown at once; the others open on demand.
const FIRST_SEGMENTS: usize = 8;

/// The fairness check: every criterion about some of the users, worst first.
fn segments(v: &Verdict, page: &mut Page) {
    let segments = words::segments(v);
    if segments.is_empty() || v.users == 0 {
        return;
    }
    page.section("Who gains least");
    page.text("The criteria about a persona or another part of the users, the smallest gain first.");
    let table = |some: &[&Assessment], page: &mut Page| {
        let columns = ["", "whom", "scenario", "comes to", "gain", "bounds", "needs"];
        let rows = some.iter().map(|c| {
            let name = c.persona.as_deref().or(c.segment.as_deref()).unwrap_or_default();
            let [gain, bounds] = gain_cells(c);
            vec![
                standing(c.standing.name()),
                name.into(),
                c.scenario.clone().into(),
                comes_to(c),
                gain.into(),
                bounds.into(),
                words::needs(c).into(),
            ]
        });
        page.table(&columns, 3, rows);
    };
    let (first, others) = segments.split_at(segments.len().min(FIRST_SEGMENTS));
    table(first, page);
    if !others.is_empty() {
        page.details(&format!("The other {}", others.len()), |page| table(others, page));
    }
}

/// The charts and figures of what was seen besides the criteria.
fn seen(judgement: &Judgement, page: &mut Page) {
    let Judgement { verdict: v, evidence, .. } = judgement;
    let primary = evidence.primary();
    let both = [v.baseline.as_str(), v.challenger.as_str()];
    courses::learning(&evidence.courses, (&primary.scenario, primary.steps), page);
    courses::regret(&evidence.courses, page);
    courses::kinds(&evidence.courses, &both, page);
    let personas: Vec<(&str, Vec<[u64; 4]>)> =
        primary.personas.iter().map(|p| (p.persona.as_str(), p.reactions.to_vec())).collect();
    courses::reactions(&primary.scenario, &both, &personas, page);
    personas_in_full(v, &primary.scenario, &primary.personas, page);
    evidence_paths(judgement, page);
}

/// Each persona's figures, the one that gains least first.
fn personas_in_full(v: &Verdict, scenario: &str, personas: &[PersonaEvidence], page: &mut Page) {
    page.section("Personas, in full");
    page.text(&format!(
        "Per 100 tips in {scenario}, under {} \u{2192} under {}; the smallest gain of reward first.",
        v.baseline, v.challenger
    ));
    let mut personas: Vec<&PersonaEvidence> = personas.iter().collect();
    let difference = |p: &PersonaEvidence| figure(p, Metric::Reward).difference.unwrap_or(f64::INFINITY);
    personas.sort_by(|a, b| difference(a).total_cmp(&difference(b)));
    let shown: Vec<Metric> = Metric::ALL.into_iter().filter(|m| m.is_in_table()).collect();
    let name = |m: &Metric| words::counted(*m).to_owned();
    let heads: Vec<String> =
        ["persona", "share"].map(str::to_owned).into_iter().chain(shown.iter().map(name)).collect();
    let columns: Vec<&str> =
        heads.iter().map(String::as_str).chain(["bounds of the gain of reward"]).collect();
    let rows = personas.iter().map(|p| {
        let mut row: Vec<Cell> = vec![p.persona.clone().into(), words::share(p.share, 1).into()];
        row.extend(shown.iter().map(|m| {
            let f = figure(p, *m);
            let by = f.challenger.zip(f.baseline).map(|(after, before)| after - before);
            Cell::of_change(
                change(f.baseline, f.challenger),
                by.and_then(|by| words::is_better(*m, None, by)),
            )
        }));
        let reward = figure(p, Metric::Reward);
        row.push(words::interval(reward.lower, reward.upper).into());
        row
    });
    page.table(&columns, 1, rows);
    page.note(
        "These bounds, unlike those of the criteria, need enough users for a mean to be normal; nothing is decided by them. \
         They are shares of the reward's range.",
    );
}

/// What was staked on each criterion, along the users.
fn evidence_paths(judgement: &Judgement, page: &mut Page) {
    let v = &judgement.verdict;
    page.section("Evidence");
    page.text(&format!(
        "What 1 staked on each criterion has become. From {:.0} on the criterion holds; of one that is not met, the stake \
         gets that far with at most {} chance, however long one plays. The bet against the challenger rejects it from {:.0} \
         on.",
        (1.0 / v.alpha).ceil(),
        words::percent(v.alpha),
        (1.0 / v.simulated_beta).ceil()
    ));
    let highlights = Highlights::of(judgement);
    let others = (charts::FAINT, "the other criteria");
    page.legend(highlights.paths.iter().map(|h| (h.hue, h.name.as_str())).chain([others]));
    page.chart(|width| charts::evidence(judgement, &highlights, width));
}

fn figure(persona: &PersonaEvidence, metric: Metric) -> &Figure {
    persona.figures.iter().find(|f| f.metric == metric).expect("a figure for every metric")
}

fn provenance(v: &Verdict, page: &mut Page) {
    let p = &v.provenance;
    page.section("What it rests on");
    page.text(v.caveat);
    let claims = v.criteria.iter().filter(|c| c.kind == Claim::Superior).count();
    page.definitions(&[
        ("Criteria", format!("{}, {claims} of them a claim of superiority", v.criteria.len())),
        ("Seed", format!("{} ({})", p.seed, words::seed_source(v))),
        ("Version", format!("rehearsal {}", p.version)),
    ]);
    page.text("To get this verdict again:");
    page.code(&p.command);
    page.details("SHA-256 of every input", |page| {
        let rows = p
            .digests
            .iter()
            .map(|(name, digest)| vec![name.clone().into(), Cell::of_class(digest.clone(), "digest")]);
        page.table(&["input", "digest"], 2, rows);
    });
}
