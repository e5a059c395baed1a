//! One statement that a gate must establish before it promotes.

use super::claim::Claim;
use super::segment::{By, UserSegment};
use crate::base::error::Fault;
use crate::simulation::metrics::{Direction, Metric};
use serde::{Deserialize, Serialize};

/// One entry of a gate file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCriterion {
    /// Superior, or not inferior by more than a margin.
    pub kind: Claim,
    /// The figure it is about.
    pub metric: Metric,
    /// Which way is better; required where neither is of itself, and else not to be turned round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Direction>,
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
    /// Which way is better.
    pub better: Direction,
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
        if let (None, Some(better)) = (entry.metric.better(), entry.better) {
            id = format!("{id}/{}", better.name());
        }
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
            better: entry.direction().expect("checked with the gate"),
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
        self.direction()?;
        self.kind.checked_margin(self.margin).map(drop)
    }

    /// Which way is better: the metric's own, or the one that is stated where it has none.
    fn direction(&self) -> Result<Direction, Fault> {
        let name = self.metric.name();
        match (self.metric.better(), self.better) {
            (None, None) => {
                let allowed = format!("\"more\" or \"less\": neither is better of itself for {name}");
                Err(Fault::new("better", "missing", allowed))
            }
            (Some(own), Some(stated)) if own != stated => {
                let (own, stated) = (own.name(), stated.name());
                let allowed = format!("{own:?} or nothing: {own} of {name} is better");
                Err(Fault::new("better", format!("{stated:?}"), allowed))
            }
            (Some(own), _) => Ok(own),
            (None, Some(stated)) => Ok(stated),
        }
    }
}
