//! What a log says of policies, as a page.

use crate::evaluation::{
    Evaluation, EvaluationSettings, LogVerdict, PolicyEvaluation, PolicyVerdict, ValueEstimate,
};
use crate::report::charts::{CHALLENGER, Estimate, IntervalRow, MUTED, Scale, Shape, intervals, range_of};
use crate::report::evaluation::{next, number, of_whom, together, weights};
use crate::report::pieces::{Cell, Page, Tile};
use crate::report::words;

/// The page of an evaluation of `log`; `command` is the one that makes it again.
pub fn evaluation_page(
    evaluation: &Evaluation,
    log: &str,
    settings: &EvaluationSettings,
    command: &str,
) -> String {
    let names: Vec<&str> = evaluation.policies.iter().map(|p| p.policy.as_str()).collect();
    let title = format!("What {} would have earned", list(&names));
    let mut page = Page::new(&title);
    let badge = match evaluation.verdict {
        LogVerdict::Evaluated => ("plain", "EVALUATED"),
        LogVerdict::Refused => ("inconclusive", "REFUSED"),
    };
    let note =
        format!("{log}: {} decisions, mean reward {}", evaluation.rows, number(evaluation.on_policy_mean));
    page.head(badge, &title, &note);
    tiles(evaluation, &mut page);
    let mut answers: Vec<(&str, String)> = Vec::new();
    answers.extend(evaluation.reason.iter().map(|reason| ("Refused", format!("{reason}."))));
    answers.extend(evaluation.policies.iter().filter_map(|p| Some(("Found", flat(&next(evaluation, p)?)))));
    let sure = flat(&together(evaluation));
    answers.extend((!sure.is_empty()).then_some(("How sure", sure)));
    answers.push(("Of whom", flat(&of_whom(evaluation, settings.method))));
    page.answers(&answers);
    page.contents();
    for policy in &evaluation.policies {
        write_policy(evaluation, policy, settings, &mut page);
    }
    for difference in evaluation.differences.iter().filter(|d| !d.estimates.is_empty()) {
        page.section(&format!("{} minus {}", difference.policy, difference.minus));
        page.text("On the same decisions: to the right the first is worth more.");
        let line = (0.0, "no difference".to_owned());
        estimates(&difference.estimates, ("difference of mean reward", line), settings, &mut page);
    }
    page.section("How to read it");
    page.text(
        "Each row is one way to say what a policy would have earned from decisions that another one took: an estimator. \
         Decisions that the policy would have taken more often count more (their weight), others less. Rings are biased, by a \
         model or by shrunk weights: their bounds leave out what no log shows.",
    );
    page.definitions(&[
        ("Reward", words::REWARD.to_owned()),
        ("Propensity", "the probability with which the policy that logged chose what it showed".to_owned()),
        (
            "Replay",
            "keeps decisions as often as the policy would have made them, and lets it learn from these alone"
                .to_owned(),
        ),
        ("Effective sample", "how many of the policy's own decisions the log is worth for it".to_owned()),
        (
            "Even rewards",
            "as how many decisions, rewarded like a fair coin, those of the log count: bounds need many"
                .to_owned(),
        ),
        ("Mean weight", "1 where the log's propensities are right and all choices were in reach".to_owned()),
        ("Out of reach", "choices that the policy that logged could not have made".to_owned()),
    ]);
    let (low, high) = settings.reward_range.unzip();
    let mut entries = vec![
        (
            "Intervals",
            format!("{} {}, one at a time", words::percent(1.0 - settings.alpha), settings.method.name()),
        ),
        ("Seed", settings.seed.to_string()),
        ("Version", format!("rehearsal {}", env!("CARGO_PKG_VERSION"))),
    ];
    entries.extend(low.zip(high).map(|(low, high)| ("Rewards", format!("from {low} to {high}"))));
    page.origin(command, &entries);
    page.finish()
}

/// Names in a sentence.
fn list(names: &[&str]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A paragraph of a terminal as one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What each policy is worth beside the log, in large.
fn tiles(evaluation: &Evaluation, page: &mut Page) {
    let mean = evaluation.on_policy_mean;
    let logged = Tile {
        name: "The policy that logged".to_owned(),
        value: number(mean),
        note: ("mean reward of a decision".to_owned(), None),
    };
    let tile = |p: &PolicyEvaluation| {
        let against = p.against_log.as_ref()?;
        let difference = against.value?;
        let bounds = against.lower.zip(against.upper);
        let said = bounds.map_or_else(String::new, |(l, u)| format!(", {} to {}", number(l), number(u)));
        let is_better = match p.verdict {
            Some(PolicyVerdict::More) => Some(true),
            Some(PolicyVerdict::Less) => Some(false),
            _ => None,
        };
        Some(Tile {
            name: p.policy.clone(),
            value: number(mean + difference),
            note: (format!("{} beside the log{said}", signed(difference)), is_better),
        })
    };
    let policies: Vec<Tile> = evaluation.policies.iter().filter_map(tile).collect();
    if !policies.is_empty() {
        page.tiles(&std::iter::once(logged).chain(policies).collect::<Vec<_>>());
    }
}

fn signed(x: f64) -> String {
    let text = number(x);
    if x > 0.0 { format!("+{text}") } else { text }
}

fn write_policy(
    evaluation: &Evaluation,
    policy: &PolicyEvaluation,
    settings: &EvaluationSettings,
    page: &mut Page,
) {
    page.section(&policy.policy);
    let said: Vec<String> = weights(&policy.diagnostics, evaluation.rows)
        .lines()
        .map(|line| format!("{}.", words::capitalized(line.trim())))
        .collect();
    page.text(&said.join(" "));
    if let Some(kept) = policy.diagnostics.replay_kept {
        page.text(&format!("Replay keeps {kept} of {} decisions.", evaluation.rows));
    }
    if policy.learns {
        page.text("It learns: judged as taught every logged decision so far, not as deployed; that is what replay estimates.");
    }
    if let Some(users @ 1..) = policy.users_without_state {
        page.text(&format!("{users} of the log's users have no state of it: to them it is new."));
    }
    if let Some(whose) = policy.whose_decisions(evaluation.cluster) {
        page.text(&format!("{}.", words::capitalized(&whose)));
    }
    let line = (evaluation.on_policy_mean, "mean of the log".to_owned());
    estimates(&policy.estimates, ("mean reward of a decision", line), settings, page);
}

/// The chart and the table of some estimates.
fn estimates(
    estimates: &[ValueEstimate],
    (axis, line): (&str, (f64, String)),
    settings: &EvaluationSettings,
    page: &mut Page,
) {
    if estimates.is_empty() {
        page.text("There is no estimate.");
        return;
    }
    let row = |e: &ValueEstimate| {
        let (hue, shape) = if e.biased { (MUTED, Shape::Ring) } else { (CHALLENGER, Shape::Disc) };
        Some(IntervalRow {
            name: e.estimator.replace('_', " "),
            estimates: vec![Estimate { hue, shape, at: e.value?, bounds: e.lower.zip(e.upper) }],
            mark: None,
        })
    };
    let rows: Vec<IntervalRow> = estimates.iter().filter_map(row).collect();
    if !rows.is_empty() {
        let scale = Scale {
            label: "What each estimator says, with bounds",
            axis,
            range: range_of(&rows, &[line.0]),
            line: None,
            named_line: Some(line),
            format: number,
        };
        let has = |biased: bool| estimates.iter().any(|e| e.biased == biased && e.value.is_some());
        let legend =
            [(false, CHALLENGER, "bounds on the value"), (true, MUTED, "biased: bounds leave the bias out")];
        page.legend(legend.into_iter().filter(|(biased, ..)| has(*biased)).map(|(_, hue, name)| (hue, name)));
        page.chart(|width| intervals(&rows, &scale, width));
    }
    let bounds = format!("{} {}", words::percent(1.0 - settings.alpha), settings.method.name());
    page.details("The figures", |page| {
        let known = |x: Option<f64>| x.map_or_else(|| "-".to_owned(), number);
        let rows = estimates.iter().map(|e| {
            let between = e.lower.zip(e.upper);
            let between =
                between.map_or_else(|| "-".to_owned(), |(l, u)| format!("{} to {}", number(l), number(u)));
            let why = e.reason.map_or_else(String::new, |reason| reason.to_string());
            vec![
                e.estimator.into(),
                known(e.lambda).into(),
                known(e.value).into(),
                between.into(),
                Cell::of_class(why, "text"),
            ]
        });
        page.table(&["estimator", "lambda", "estimate", &bounds, "why not"], 1, rows);
    });
}
