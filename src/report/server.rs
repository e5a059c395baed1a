//! The server's page: what runs, how much, how fast, and what it earns.

use super::analysis;
use super::charts::{self, RewardPoint, policy_hue};
use super::pieces::{Cell, Page};
use super::words;
use crate::gate::live::Analysis;
use std::time::Duration;

/// What a server is doing, as it counts since its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerStatus {
    /// Version of the program.
    pub version: String,
    /// The moment of the page, in words.
    pub now: String,
    /// Since the start.
    pub uptime: Duration,
    /// Whether states and decisions can be written.
    pub is_writing: bool,
    /// Decisions that were answered and are yet to be kept.
    pub waiting: usize,
    /// Policies that answer, the default one first.
    pub policies: Vec<PolicyStatus>,
    /// Policies that decide unseen.
    pub shadows: Vec<ShadowStatus>,
    /// Routes that were asked for.
    pub routes: Vec<RouteStatus>,
    /// Rewards by policy, as far as there were any in the last day.
    pub rewards: Vec<(String, Vec<RewardPeriod>)>,
    /// Experiments that users are in.
    pub experiments: Vec<ExperimentStatus>,
    /// What users say of prompt versions, where decisions have any.
    pub prompt_versions: Option<Analysis>,
}

/// How an experiment stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExperimentStatus {
    /// Its key.
    pub name: String,
    /// What it asks.
    pub description: String,
    /// The share of the second variant, where it is rolled out.
    pub share: Option<f64>,
    /// What its users say, once that was read.
    pub analysis: Option<Analysis>,
}

/// What one policy does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PolicyStatus {
    /// Its name.
    pub name: String,
    /// Decisions that were answered.
    pub decisions: u64,
    /// Those of them that chance made.
    pub explored: u64,
    /// The least probability with which anything was chosen.
    pub least_propensity: Option<f64>,
}

/// What one shadow does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShadowStatus {
    /// Its name.
    pub name: String,
    /// Decisions that it made.
    pub decisions: u64,
    /// Those of them that chose what was shown.
    pub agreed: u64,
    /// Decisions that it did not make: for want of room, or for a failure.
    pub left_out: u64,
}

/// How a route is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RouteStatus {
    /// The route.
    pub route: String,
    /// Number of requests.
    pub requests: u64,
    /// Those that failed here: status 500 and above.
    pub failed: u64,
    /// Half of them took at most so long, in seconds; `None` beyond 5 seconds.
    pub median: Option<f64>,
    /// 99 of 100 took at most so long.
    pub p99: Option<f64>,
}

/// The rewards of one policy in ten minutes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RewardPeriod {
    /// Hours before now at which it began.
    pub hours_ago: f64,
    /// Number of rewards.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Bounds of their expectation, where there are any.
    pub bounds: Option<(f64, f64)>,
}

/// The page.
pub fn server_page(status: &ServerStatus) -> String {
    let mut page = Page::new("rehearsal serve");
    head(status, &mut page);
    policies(status, &mut page);
    if !status.shadows.is_empty() {
        shadows(status, &mut page);
    }
    rewards(status, &mut page);
    experiments(status, &mut page);
    prompt_versions(status, &mut page);
    routes(status, &mut page);
    page.finish()
}

fn head(status: &ServerStatus, page: &mut Page) {
    let ServerStatus { version, now, uptime, is_writing, waiting, policies, .. } = status;
    let badge = if *is_writing { ("promote", "SERVING") } else { ("reject", "CANNOT WRITE") };
    let default = policies.first().map_or("nobody", |policy| &policy.name);
    let note = format!(
        "rehearsal {version}, {now}, up for {}. All counts are this replica's since it started; reload the page for those \
         of now.",
        words(*uptime)
    );
    page.head(badge, &format!("{default} answers"), &note);
    if !is_writing {
        page.text(&format!(
            "The store could not be written when that was last tried. {waiting} decisions wait to be kept; rewards are refused \
             until it can be (503). The log on stderr says why."
        ));
    }
}

/// A length of time in its two largest units.
fn words(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>, page: &mut Page) {
    page.table(columns, 1, rows.map(|row| row.into_iter().map(Cell::from).collect()));
}

fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { words::share(part as f64 / whole as f64, 1) }
}

fn per_second(count: u64, uptime: Duration) -> String {
    format!("{:.1}", count as f64 / uptime.as_secs_f64().max(1.0))
}

fn policies(status: &ServerStatus, page: &mut Page) {
    page.section("Policies");
    let rows = status.policies.iter().enumerate().map(|(i, policy)| {
        let default = if i == 0 { " (default)" } else { "" };
        vec![
            format!("{}{default}", policy.name),
            policy.decisions.to_string(),
            per_second(policy.decisions, status.uptime),
            share(policy.explored, policy.decisions),
            policy.least_propensity.map_or_else(|| "-".to_owned(), |least| format!("{least:.4}")),
        ]
    });
    table(&["policy", "decisions", "per second", "explored", "least propensity"], rows, page);
}

fn shadows(status: &ServerStatus, page: &mut Page) {
    page.section("Shadows");
    page.text("They decide after the answer. Nobody is shown what they choose.");
    let rows = status.shadows.iter().map(|shadow| {
        vec![
            shadow.name.clone(),
            shadow.decisions.to_string(),
            share(shadow.agreed, shadow.decisions),
            shadow.left_out.to_string(),
        ]
    });
    table(&["shadow", "decisions", "chose the same", "left out"], rows, page);
}

fn rewards(status: &ServerStatus, page: &mut Page) {
    page.section("Rewards");
    let learned: Vec<&(String, Vec<RewardPeriod>)> =
        status.rewards.iter().filter(|(_, periods)| !periods.is_empty()).collect();
    if learned.is_empty() {
        page.text("None was learned here in the last day.");
        return;
    }
    page.text(
        "Mean reward in periods of ten minutes. The bars hold, with probability 95% a period and however often one looks, the \
         mean of what was to be expected of its rewards. They do not compare policies, whose users are not the same: the \
         command evaluate does.",
    );
    page.legend(learned.iter().enumerate().map(|(i, (policy, _))| (policy_hue(i), policy.as_str())));
    let points: Vec<Vec<RewardPoint>> = learned
        .iter()
        .map(|(_, periods)| periods.iter().map(|p| (p.hours_ago, p.mean, p.bounds)).collect())
        .collect();
    page.chart(|width| charts::rewards(&points, width));
    let rows = learned.iter().flat_map(|(policy, periods)| {
        periods.iter().rev().map(move |period| {
            vec![
                policy.clone(),
                format!("{:.1}", period.hours_ago),
                period.count.to_string(),
                format!("{:.3}", period.mean),
                period.bounds.map_or_else(
                    || "none: rewards beyond those of outcomes".to_owned(),
                    |(lower, upper)| format!("{lower:.3} to {upper:.3}"),
                ),
            ]
        })
    });
    page.details("The figures", |page| {
        table(&["policy", "hours ago", "rewards", "mean", "bounds"], rows, page);
    });
}

fn experiments(status: &ServerStatus, page: &mut Page) {
    if status.experiments.is_empty() {
        return;
    }
    page.section("Experiments");
    page.text(
        "Of all users in the store, as the command analyze has them; read again about once a minute while somebody looks.",
    );
    for experiment in &status.experiments {
        page.part(&experiment.name);
        if !experiment.description.is_empty() {
            page.text(&experiment.description);
        }
        if let Some(share) = experiment.share {
            page.text(&format!("Rolled out to {} of users.", words::percent(share)));
        }
        match &experiment.analysis {
            Some(analysis) => analysed(analysis, page),
            None => page.text("It was not read yet: reload the page."),
        }
    }
}

/// An analysis, and before it what it comes to.
fn analysed(analysis: &Analysis, page: &mut Page) {
    page.text(&analysis::finding(analysis));
    analysis::section(analysis, page);
}

fn prompt_versions(status: &ServerStatus, page: &mut Page) {
    let Some(analysis) = &status.prompt_versions else { return };
    page.section("Prompt versions");
    page.text(
        "Of all users in the store, as the command analyze has them by prompt_version; read again about once a minute while \
         somebody looks.",
    );
    analysed(analysis, page);
}

fn routes(status: &ServerStatus, page: &mut Page) {
    page.section("Requests");
    let within = |seconds: Option<f64>| {
        seconds.map_or_else(|| "over 5000 ms".to_owned(), |seconds| format!("≤ {} ms", seconds * 1e3))
    };
    let rows = status.routes.iter().map(|route| {
        vec![
            route.route.clone(),
            route.requests.to_string(),
            per_second(route.requests, status.uptime),
            within(route.median),
            within(route.p99),
            route.failed.to_string(),
        ]
    });
    table(&["route", "requests", "per second", "median", "99th percentile", "failed"], rows, page);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(name: &str, mean: f64) -> ServerStatus {
        let period = RewardPeriod { hours_ago: 0.1, count: 3, mean, bounds: Some((mean - 0.2, mean + 0.2)) };
        ServerStatus {
            is_writing: true,
            policies: vec![PolicyStatus { name: name.to_owned(), ..PolicyStatus::default() }],
            shadows: vec![ShadowStatus { name: name.to_owned(), ..ShadowStatus::default() }],
            routes: vec![RouteStatus { route: "/score".to_owned(), ..RouteStatus::default() }],
            rewards: vec![(name.to_owned(), vec![period])],
            experiments: vec![ExperimentStatus { name: name.to_owned(), ..ExperimentStatus::default() }],
            ..ServerStatus::default()
        }
    }

    proptest! {
        #[test]
        fn the_page_is_well_formed_whatever_policies_are_called(name in "\\PC*[<>&\"']*", mean in -0.5..1.0) {
            let page = server_page(&status(&name, mean));
            let xml = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
            prop_assert!(roxmltree::Document::parse(xml).is_ok());
        }
    }

    #[test]
    fn lengths_of_time_have_two_units() {
        let of = |seconds| words(Duration::from_secs(seconds));
        assert_eq!([of(59), of(60), of(3_600), of(90_000)], ["59 s", "1 min", "1 h 0 min", "1 d 1 h"]);
    }
}
