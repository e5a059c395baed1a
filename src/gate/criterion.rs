//! One statement that a gate must establish before it promotes.

use super::claim::Claim;
use super::segment::{By, UserSegment};
use crate::base::error::{Fault, within};
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
    /// Scenarios in which it must hold: shipped names, or paths relative to the gate's file.
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
    /// For `not-inferior`: the share of what a user has that may be lost, in (0, 1), where that is less than `margin`;
    /// at least a quarter of `margin` may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_margin: Option<f64>,
}

/// Whom the challenger is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rival {
    /// The policy in charge.
    Baseline,
    /// The policy below which nobody may fall, however many challengers took over before.
    Reference,
}

/// The least part of a margin that is tolerated where a relative one is smaller.
const LEAST_PART: f64 = 0.25;

/// The largest margin that may be relative: up to it every tolerated gain lies within the range of the bets.
const LARGEST_RELATIVE: f64 = 0.25;

/// One statement that the gate must establish before it promotes.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// `metric/scenario` or `metric/scenario/segment`; then the direction of a metric that has none of its own; `/superior`
    /// at the end of a claim of superiority, `/reference` at that of a comparison with the reference.
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
    /// With whom the challenger is compared.
    pub against: Rival,
    /// The gain that must be exceeded, for superiority; 0 else.
    pub minimum_effect: f64,
    /// The loss that would be tolerated; 0 for superiority.
    pub margin: f64,
    /// The share of what a user has that may be lost, where that is less.
    pub relative_margin: Option<f64>,
    /// Whether it is reported only.
    pub advisory: bool,
}

impl Criterion {
    pub(super) fn new(
        entry: &RawCriterion,
        scenario: usize,
        scenario_name: &str,
        segment: UserSegment,
        minimum_effect: f64,
        against: Rival,
    ) -> Self {
        let mut id = format!("{}/{scenario_name}", entry.metric.name());
        if let Some(name) = segment.name() {
            id = format!("{id}/{name}");
        }
        if let (None, Some(better)) = (entry.metric.better(), entry.better) {
            id = format!("{id}/{}", better.name());
        }
        if entry.kind == Claim::Superior {
            id += "/superior";
        }
        if against == Rival::Reference {
            id += "/reference";
        }
        Self {
            id,
            kind: entry.kind,
            metric: entry.metric,
            better: entry.direction().expect("checked with the gate"),
            scenario,
            scenario_name: scenario_name.to_owned(),
            segment,
            against,
            minimum_effect: if entry.kind == Claim::Superior { minimum_effect } else { 0.0 },
            margin: entry.margin.unwrap_or(0.0),
            relative_margin: entry.relative_margin,
            advisory: entry.advisory,
        }
    }

    /// Whether it claims a gain.
    pub fn is_superior(&self) -> bool {
        self.kind == Claim::Superior
    }

    /// The mean m0 of gains as they are bet on that separates a challenger who meets the criterion from one who does not:
    /// the minimum effect for superiority, minus the margin else. What a relative margin tolerates is part of the gain.
    pub fn mark(&self) -> f64 {
        if self.relative_margin.is_some() { 0.0 } else { self.minimum_effect - self.margin }
    }

    /// The loss that is tolerated of a user whose figure under the rival is `has`, as a share of the metric's range.
    ///
    /// It is a function of one user's figure, so that its mean is the tolerated mean loss: no estimate decides how much may
    /// be lost.
    pub(super) fn tolerated(&self, has: f64) -> f64 {
        match self.relative_margin {
            Some(share) => (share * has).clamp(LEAST_PART * self.margin, self.margin),
            None => self.margin,
        }
    }

    /// A user's gain as it is bet on, in [-1, 1]: with a relative margin what is tolerated is added, and all of it made to fit.
    pub(super) fn staked(&self, gain: f64, tolerated: f64) -> f64 {
        if self.relative_margin.is_some() {
            ((gain + tolerated) / (1.0 + self.margin)).clamp(-1.0, 1.0)
        } else {
            gain
        }
    }

    /// The mean gain that a mean of gains as they are bet on stands for, where so much loss is tolerated on average.
    pub(super) fn shown(&self, staked: f64, tolerated: f64) -> f64 {
        if self.relative_margin.is_some() { staked * (1.0 + self.margin) - tolerated } else { staked }
    }
}

impl RawCriterion {
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.scenarios.is_empty() {
            return Err(Fault::new("scenarios", "an empty list", "at least one scenario"));
        }
        self.direction()?;
        if let Some(share) = self.relative_margin {
            within("relative_margin", share, 1e-6, 0.999)?;
            if self.direction()? == Direction::Less || self.kind == Claim::Superior {
                let allowed = "absent, but for kind \"not-inferior\" and a metric of which more is better";
                return Err(Fault::new("relative_margin", share, allowed));
            }
            within("margin", self.margin.unwrap_or(0.0), 0.0, LARGEST_RELATIVE)?;
        }
        self.kind.checked_margin(self.margin).map(drop)
    }

    /// The least gain, as a share of the metric's range, with which it holds, where superiority asks for `minimum_effect`.
    pub(super) fn least_gain(&self, minimum_effect: f64) -> f64 {
        if self.kind == Claim::Superior { minimum_effect } else { -self.margin.unwrap_or(0.0) }
    }

    /// Which way is better: the metric's own, or the one that is stated where it has none.
    pub(super) fn direction(&self) -> Result<Direction, Fault> {
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
