//! A card as Markdown.

use super::model_card::Card;
use crate::gate::evidence::Figure;
use crate::gate::{SeedSource, Verdict};
use crate::report::logged;
use crate::report::markdown::inline;
use crate::report::words::{self, interval, plain, signed};
use crate::simulation::metrics::Metric;
use std::fmt::Write;

/// Begins and ends the JSON within a card; no line of JSON looks like either.
pub(super) const FENCE: &str = "```";
pub(super) const JSON_FENCE: &str = "```json\n";

/// The whole card, its JSON at the end.
pub(super) fn page(card: &Card, verdict: &Verdict) -> String {
    let mut text = format!("# Model card: {}\n\n", inline(&card.challenger));
    let _ = writeln!(
        text,
        "A contextual-bandit policy that chooses among tips. Latest verdict: **{}**, {}: {}.",
        words::decision(verdict),
        inline(&words::headline(verdict)),
        inline(&verdict.reason)
    );
    policy(card, &mut text);
    training(card, &mut text);
    inputs(card, &mut text);
    metrics(card, &mut text);
    criteria(verdict, &mut text);
    segments(card, verdict, &mut text);
    section("Limits of validity", &mut text);
    for limit in &card.limits {
        let _ = writeln!(text, "- {}", inline(limit));
    }
    history(card, &mut text);
    section("For programs", &mut text);
    let json = serde_json::to_string_pretty(card).expect("plain values always serialize");
    text + JSON_FENCE + &json + "\n" + FENCE
}

fn section(title: &str, text: &mut String) {
    let _ = writeln!(text, "\n## {title}\n");
}

fn row<S: AsRef<str>>(cells: impl IntoIterator<Item = S>, text: &mut String) {
    let cells: Vec<String> = cells.into_iter().map(|cell| inline(cell.as_ref())).collect();
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn table(columns: &[&str], text: &mut String) {
    row(columns, text);
    let _ = writeln!(text, "|{}", " --- |".repeat(columns.len()));
}

fn policy(card: &Card, text: &mut String) {
    section("Policy", text);
    table(&["parameter", "value"], text);
    let policy = serde_json::to_value(&card.policy).expect("plain values always serialize");
    for (name, value) in policy.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        row([name, &value], text);
    }
    let _ = writeln!(text, "\nSHA-256 of these without the name: `{}`", card.digest);
}

/// Where it came from and what it was taught beforehand.
fn training(card: &Card, text: &mut String) {
    if let Some(version) = &card.registry_version {
        let _ = writeln!(text, "\nVersion in the registry: {}", inline(version));
    }
    let Some(prior) = &card.prior else { return };
    section("Training data", text);
    let _ = writeln!(text, "Its models start from a learned prior, SHA-256 `{}`.", prior.digest);
    let Some(training) = &prior.training else {
        let _ = writeln!(text, "Nothing says from what it was learned.");
        return;
    };
    let people = match training.simulated.len() {
        0 => "of a store or a log".to_owned(),
        logs => format!("of simulated people, in {logs} logs"),
    };
    let _ = writeln!(text);
    table(&["training", "value"], text);
    row(["rewards", &training.rows.to_string()], text);
    row(["users", &format!("{}, {people}", training.users)], text);
    row(["data, SHA-256", &training.data_digest], text);
    if let Some(held) = &training.held_out {
        let users = format!("of {} users who were held out", held.users);
        let loss = format!("{:.4}, {:.4} under the plain ridge, {users}", held.log_loss, held.log_loss_plain);
        row(["log loss of a reward", &loss], text);
        let error = format!("{:.4}, {:.4} of who expects 0", held.squared_error, held.squared_error_plain);
        row(["squared error before anything is known of a user", &error], text);
        let slope = held.slope.map_or_else(|| "unknown".to_owned(), |slope| format!("{slope:.3}"));
        row(["calibration", &format!("slope {slope}, dispersion {:.3}; 1 is right", held.dispersion)], text);
    }
}

fn inputs(card: &Card, text: &mut String) {
    section("Inputs", text);
    table(&["dimension", "made from", "dtype", "normalization", "when unknown"], text);
    for input in &card.inputs {
        let source = input.source.as_deref().unwrap_or("nothing");
        let unknown = input.unknown.map_or_else(|| "required".to_owned(), |u| u.to_string());
        let unknown = if input.source.is_none() { "" } else { &unknown };
        row([&input.name, source, &input.dtype, &input.normalization, unknown], text);
    }
    let _ = writeln!(text, "\nh is the hour of the candidate, else of the context.");
}

/// Means and difference of one figure, as cells.
fn cells(f: &Figure) -> [String; 4] {
    [plain(f.baseline), plain(f.challenger), signed(f.difference), interval(f.lower, f.upper)]
}

fn metrics(card: &Card, text: &mut String) {
    section("Offline metrics", text);
    let _ = writeln!(
        text,
        "Means per decision under {} and {}; differences as shares of the metric's range. These bounds need \
         enough users for a mean to be normal; those of the criteria, further down, need nothing.\n",
        inline(&card.baseline),
        inline(&card.challenger)
    );
    let columns = [
        "scenario",
        "users of each persona",
        "metric",
        &card.baseline,
        &card.challenger,
        "difference",
        "bounds",
    ];
    table(&columns, text);
    for (i, s) in card.scenarios.iter().enumerate() {
        // All metrics of the primary scenario; of the others the one that it is all about.
        for figure in s.figures.iter().filter(|f| i == 0 || f.metric == Metric::Reward) {
            let lead = [s.scenario.clone(), s.users.to_string(), figure.metric.name().to_owned()];
            row(lead.into_iter().chain(cells(figure)), text);
        }
    }
}

fn criteria(verdict: &Verdict, text: &mut String) {
    section("Criteria of the gate", text);
    table(&["criterion", "difference", "bounds", "needs", ""], text);
    for c in &verdict.criteria {
        let standing = c.standing.name().to_owned();
        let bounds = interval(c.lower, c.upper);
        row([words::label(c), signed(c.estimate), bounds, words::claim(c), standing], text);
    }
    let _ = writeln!(text, "\n{}", inline(&words::reading(verdict)));
    if let Some(reading) = logged::reading(verdict) {
        section("Logged decisions", text);
        table(&logged::COLUMNS, text);
        verdict.logs.iter().for_each(|log| row(logged::row(log), text));
        let remarks = logged::remarks(verdict);
        let _ = writeln!(text, "\n{}", inline(&reading));
        remarks.iter().for_each(|remark| text.push_str(&format!("\n{}\n", inline(remark))));
    }
}

fn segments(card: &Card, verdict: &Verdict, text: &mut String) {
    section("Fairness: segments, worst first", text);
    let segments = words::segments(verdict);
    if segments.is_empty() {
        let _ = writeln!(text, "The gate has no criterion about a segment of users.");
    } else {
        table(&["segment", "scenario", "metric", "difference", "bounds", "needs", ""], text);
    }
    for c in segments {
        let name = c.persona.as_deref().or(c.segment.as_deref()).unwrap_or_default();
        let standing = c.standing.name();
        let (difference, bounds) = (signed(c.estimate), interval(c.lower, c.upper));
        row([name, &c.scenario, c.metric.name(), &difference, &bounds, &words::claim(c), standing], text);
    }
    let _ = writeln!(text, "\nEach persona's figures in {}:\n", inline(&card.scenarios[0].scenario));
    table(&["persona", "share", "metric", &card.baseline, &card.challenger, "difference", "bounds"], text);
    for s in &card.segments {
        let share = words::share(s.share, 1);
        let told = |f: &&Figure| matches!(f.metric, Metric::Reward | Metric::DismissRate);
        for figure in s.figures.iter().filter(told) {
            let lead = [s.persona.clone(), share.clone(), figure.metric.name().to_owned()];
            row(lead.into_iter().chain(cells(figure)), text);
        }
    }
}

fn history(card: &Card, text: &mut String) {
    section("Rollout history", text);
    table(&["date", "verdict", "over", "why", "users", "seed", "gate", "version"], text);
    for e in &card.history {
        let verdict = serde_json::to_value(e.verdict).expect("plain values always serialize");
        let given = if e.seed_source == SeedSource::Given { " (given)" } else { "" };
        row(
            [
                &e.date,
                verdict.as_str().unwrap_or_default(),
                &e.baseline,
                &e.reason,
                &e.users.to_string(),
                &format!("{}{given}", e.seed),
                e.gate.get(..12).unwrap_or(&e.gate),
                &e.version,
            ],
            text,
        );
    }
}
