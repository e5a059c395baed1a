//! One statement that a gate must establish before it promotes.

use super::claim::Claim;
use super::segment::{By, UserSegment};
use crate::base::error::Fault;
use crate::simulation::metrics::Metric;
use serde::{Deserialize, Serialize};

/// One entry of a gate file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCriterion {
    /// Superior, or not inferior by more than a margin.
    pub kind: Claim,
    /// The figure it is about.
    pub metric: Metric,
    /// Scenarios in which it must hold: shipped names or paths, relative to the working directory.
    pub scenarios: Vec<String>,
    /// Whose means it is about, each by itself: `population` (default), `persona`, or a trait that the
    /// scenarios declare: `newness`, `profile`, `weekend`.
    #[serde(default)]
    pub by: By,
    /// Reported, but not needed for a promotion and never a reason to reject.
    #[serde(default)]
    pub advisory: bool,
    /// For `not-inferior`: the loss that would be tolerated, as a share of the metric's range, in (0, 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
}

/// One statement that the gate must establish before it promotes.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// `metric/scenario` or `metric/scenario/segment`; `/superior` at the end of a claim of superiority.
    pub id: String,
    /// What it claims.
    pub kind: Claim,
    /// The figure it is about.
    pub metric: Metric,
    /// Position of the scenario.
    pub scenario: usize,
    /// Its name.
    pub scenario_name: String,
    /// For whom.
    pub segment: UserSegment,
    /// The loss that would be tolerated; 0 for superiority.
    pub margin: f64,
    /// Whether it is reported only.
    pub advisory: bool,
}

impl Criterion {
    pub(super) fn new(
        entry: &RawCriterion,
        scenario: usize,
        scenario_name: &str,
        segment: UserSegment,
    ) -> Self {
        let mut id = format!("{}/{scenario_name}", entry.metric.name());
        if let Some(name) = segment.name() {
            id = format!("{id}/{name}");
        }
        if entry.kind == Claim::Superior {
            id += "/superior";
        }
        Self {
            id,
            kind: entry.kind,
            metric: entry.metric,
            scenario,
            scenario_name: scenario_name.to_owned(),
            segment,
            margin: entry.margin.unwrap_or(0.0),
            advisory: entry.advisory,
        }
    }

    /// The gain that a challenger worth promoting has at least: `minimum_effect` for superiority, minus the
    /// margin else. The mirrored process tests it.
    pub fn aim(&self, minimum_effect: f64) -> f64 {
        match self.kind {
            Claim::Superior => minimum_effect,
            Claim::NotInferior => -self.margin,
        }
    }

    /// The null mean m0 of gains (differences in the direction that is better): 0, or minus the margin.
    pub fn null(&self) -> f64 {
        -self.margin
    }
}

impl RawCriterion {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.scenarios.is_empty() {
            return Err(Fault::new("scenarios", "an empty list", "at least one scenario"));
        }
        self.kind.checked_margin(self.margin).map(drop)
    }
}
