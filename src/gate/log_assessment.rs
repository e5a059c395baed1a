//! What was found on one log, beside what simulated people showed of the same difference.

use super::claim::Claim;
use super::log_criterion::LogCriterion;
use crate::evaluation::{Cluster, DetectableDifference};
use serde::Serialize;

/// What was found on one log. Differences are challenger minus baseline as shares of the reward's range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogAssessment {
    /// `logged/NAME`.
    pub id: String,
    /// Its files.
    pub files: Vec<String>,
    /// What is claimed of the difference in reward.
    pub kind: Claim,
    /// Whether a promotion needs it.
    pub required: bool,
    /// How values were estimated.
    pub estimator: &'static str,
    /// How bounds were computed.
    pub interval: &'static str,
    /// Probability with which both bounds hold together, for one look at a finished log.
    pub confidence: f64,
    /// Where the policies' states came from; `None`: they learned from the log as it went.
    pub states: Option<String>,
    /// LogFindings decisions with a reward; `None` where the log was not even tried.
    pub rows: Option<u64>,
    /// What the bounds take as independent; `None` where there are none.
    pub unit: Option<Cluster>,
    /// The smaller effective sample size of both policies.
    pub effective_sample_size: Option<f64>,
    /// Mean reward of the log, in its own units, as are the next two.
    pub on_policy_mean: Option<f64>,
    /// Value of the baseline.
    pub baseline_value: Option<f64>,
    /// Value of the challenger.
    pub challenger_value: Option<f64>,
    /// The difference.
    pub estimate: Option<f64>,
    /// Lower bound on it.
    pub lower: Option<f64>,
    /// Upper bound on it.
    pub upper: Option<f64>,
    /// The loss that would be tolerated; 0 for superiority.
    pub margin: f64,
    /// Whether the claim was established: the lower bound is above minus the margin.
    pub holds: bool,
    /// Whether harm was established: the upper bound is below minus the margin.
    pub harms: bool,
    /// While open: decisions like these that it would take in all to establish the claim in 80 of 100 logs, were the
    /// difference what it seems; `None` where no number would do.
    pub rows_needed: Option<u64>,
    /// Why the log cannot say.
    pub refused: Option<String>,
    /// As how many its users count, where they are too few for bounds.
    #[serde(skip)]
    pub few_users: Option<f64>,
    /// What deserves attention, such as decisions without a reward.
    pub remarks: Vec<String>,
    /// What simulated people showed of the same difference.
    pub simulated: Option<Simulated>,
}

/// The population's difference in reward in the primary scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Simulated {
    /// The scenario.
    pub scenario: String,
    /// Mean difference; `None` without users.
    pub estimate: Option<f64>,
    /// Lower bound, at all times together once there are enough users for a mean to be normal.
    pub lower: Option<f64>,
    /// Upper bound.
    pub upper: Option<f64>,
}

impl LogAssessment {
    /// Nothing found yet, at this confidence.
    pub fn blank(criterion: &LogCriterion, confidence: f64) -> Self {
        Self {
            id: format!("logged/{}", criterion.name),
            files: criterion.files.clone(),
            kind: criterion.kind,
            required: criterion.required,
            estimator: criterion.estimator.name(),
            interval: criterion.interval.name(),
            confidence,
            states: criterion.states.clone(),
            rows: None,
            unit: None,
            effective_sample_size: None,
            on_policy_mean: None,
            baseline_value: None,
            challenger_value: None,
            estimate: None,
            lower: None,
            upper: None,
            margin: criterion.margin,
            holds: false,
            harms: false,
            rows_needed: None,
            refused: None,
            few_users: None,
            remarks: Vec::new(),
            simulated: None,
        }
    }

    /// Takes the difference and its bounds, as shares of the range, and judges them.
    #[must_use]
    pub fn judged(mut self, estimate: f64, lower: f64, upper: f64) -> Self {
        let null = -self.margin;
        (self.estimate, self.lower, self.upper) = (Some(estimate), Some(lower), Some(upper));
        self.holds = lower > null;
        self.harms = upper < null;
        let open = !self.holds && !self.harms && estimate > null;
        let times = DetectableDifference::new(estimate - null, estimate - lower, 1.0 - self.confidence).times;
        let needed = times.filter(|_| open).map(|times| times * self.rows.unwrap_or(0) as f64);
        self.rows_needed = needed.filter(|rows| *rows < 1e15).map(|rows| rows.ceil() as u64);
        self
    }

    /// Whether it stands against a promotion.
    pub fn is_missing(&self) -> bool {
        self.required && !self.holds
    }

    /// What it is that the log shows, or why it does not.
    pub(super) fn finding(&self) -> String {
        let Self { id, margin, .. } = self;
        if let Some(why) = &self.refused {
            return format!("{id}: {why}");
        }
        match (self.harms, self.kind, self.rows_needed) {
            (true, Claim::Superior, _) => {
                format!("{id}: on logged decisions the challenger earns less than the baseline")
            }
            (true, Claim::NotInferior, _) => format!(
                "{id}: on logged decisions the challenger earns less by more than the margin of {margin}"
            ),
            (false, _, Some(rows)) => {
                format!(
                    "{id} is open; about {rows} logged decisions like these would settle it in 80 of 100 cases"
                )
            }
            (false, _, None) => {
                format!("{id} is open, and no number of decisions like these would establish it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::log_criterion::RawLog;

    #[test]
    fn a_bound_must_clear_the_margin_on_its_own_side() {
        let raw = "name = \"may\"\nfiles = [\"may.csv\"]\nkind = \"not-inferior\"\nmargin = 0.02\nrequired = true\n";
        let criterion = LogCriterion::try_from(&toml::from_str::<RawLog>(raw).unwrap()).unwrap();
        let judged = |estimate: f64, half: f64| {
            let mut blank = LogAssessment::blank(&criterion, 0.95);
            blank.rows = Some(1000);
            blank.judged(estimate, estimate - half, estimate + half)
        };
        let found = |a: &LogAssessment| (a.holds, a.harms, a.is_missing());
        assert_eq!(found(&judged(0.0, 0.019)), (true, false, false));
        assert_eq!(found(&judged(0.0, 0.02)), (false, false, true));
        assert_eq!(found(&judged(-0.05, 0.031)), (false, false, true));
        assert_eq!(found(&judged(-0.05, 0.029)), (false, true, true));
        // Twice as wide an interval as fits takes four times the rows to hold in half of all logs, and
        // (1 + 0.84162 / 1.95996)^2 times that to hold in 80 of 100.
        assert_eq!(judged(0.0, 0.04).rows_needed, Some(8173));
        assert_eq!(judged(-0.03, 0.04).rows_needed, None);
    }
}
