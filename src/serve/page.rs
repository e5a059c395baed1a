//! What the page at `/` says.

use super::app::App;
use super::observe::NOWHERE;
use super::rewards_over_time::PERIOD;
use crate::report::{
    ExperimentStatus, PolicyStatus, RewardPeriod, RouteStatus, ServerStatus, ShadowStatus, server_page,
};
use jiff::Timestamp;

/// The page.
pub(super) fn html(app: &App) -> String {
    let all = app.service.policies();
    let policies = all.given().iter().map(|policy| {
        let tally = app.metrics.of_policy(policy.name());
        PolicyStatus {
            name: policy.name().to_owned(),
            decisions: tally.decisions,
            explored: tally.explored,
            least_propensity: tally.least_propensity,
        }
    });
    let shadows = app.shadows.policies().iter().map(|policy| {
        let tally = app.metrics.of_policy(policy.name());
        ShadowStatus {
            name: policy.name().to_owned(),
            decisions: tally.shadowed,
            agreed: tally.agreed,
            left_out: tally.not_shadowed,
        }
    });
    let routes = app.metrics.by_route().into_iter().map(|(route, tally)| RouteStatus {
        route: if route == NOWHERE { "no such route".to_owned() } else { route },
        requests: tally.count,
        failed: tally.failed,
        median: tally.within(0.5),
        p99: tally.within(0.99),
    });
    let hours = PERIOD.as_secs_f64() / 3_600.0;
    let rewards = app.rewards.means().into_iter().map(|(policy, means)| {
        let periods = means.into_iter().map(|mean| RewardPeriod {
            hours_ago: mean.ago as f64 * hours,
            count: mean.count,
            mean: mean.mean,
            bounds: mean.bounds,
        });
        (policy.to_string(), periods.collect())
    });
    app.analyses.look(&app.service);
    let experiments = app.service.experiments().into_iter().flat_map(|active| {
        active.experiments().iter().map(|experiment| ExperimentStatus {
            name: experiment.key().to_string(),
            description: experiment.description().to_owned(),
            share: experiment.ramp().map(|_| active.share(experiment.key()).unwrap_or(0.0)),
            analysis: app.analyses.of(experiment.key()),
        })
    });
    server_page(&ServerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        uptime: app.began.elapsed(),
        is_writing: app.writer.is_writing(),
        waiting: app.writer.waiting(),
        policies: policies.collect(),
        shadows: shadows.collect(),
        routes: routes.collect(),
        rewards: rewards.collect(),
        experiments: experiments.collect(),
        prompt_versions: app.analyses.by_prompt_version(),
    })
}
