//! What a rollout asks of the evidence before each step.

use crate::base::error::{Fault, within};
use serde::{Deserialize, Serialize};

/// The longest time that a user's observation may be waited for, in days.
const MAX_WINDOW_DAYS: f64 = 365.0;

/// The guardrails of an experiment, unchecked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGuardrails {
    /// What is compared; `reward` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// How much worse than the first variant the second may be, as a share of the metric's range, in [0, 0.5]; default 0.02.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Probability with which a challenger that loses the margin or more may get through, in (0, 0.5); default 0.05.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// A user's observation is closed after so many decisions, in [1, 1000]; default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<u32>,
    /// Or after so many days from exposure, in (0, 365]; default 14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_days: Option<f64>,
    /// A reward is waited for so many hours, in (0, 8760]; default 24. Then the decision counts as ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_hours: Option<f64>,
    /// Closed users that a step is given at least, up to 1000000; default 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_users: Option<u64>,
}

/// Checked guardrails.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Guardrails {
    metric: Option<String>,
    margin: f64,
    alpha: f64,
    decisions: u32,
    window_days: f64,
    wait_hours: f64,
    least_users: u64,
}

impl TryFrom<RawGuardrails> for Guardrails {
    type Error = Fault;

    fn try_from(raw: RawGuardrails) -> Result<Self, Fault> {
        let alpha = raw.alpha.unwrap_or(0.05);
        if !(alpha > 0.0 && alpha < 0.5) {
            return Err(Fault::new("alpha", alpha, "a number in (0, 0.5)"));
        }
        let window_days = raw.window_days.unwrap_or(14.0);
        if !(window_days > 0.0 && window_days <= MAX_WINDOW_DAYS) {
            return Err(Fault::new(
                "window_days",
                window_days,
                format!("a number in (0, {MAX_WINDOW_DAYS}]"),
            ));
        }
        let wait_hours = raw.wait_hours.unwrap_or(24.0);
        if !(wait_hours > 0.0 && wait_hours <= 24.0 * MAX_WINDOW_DAYS) {
            let allowed = format!("a number in (0, {}]", 24.0 * MAX_WINDOW_DAYS);
            return Err(Fault::new("wait_hours", wait_hours, allowed));
        }
        let decisions = raw.decisions.unwrap_or(20);
        within("decisions", f64::from(decisions), 1.0, 1000.0)?;
        let least_users = raw.least_users.unwrap_or(200);
        within("least_users", least_users as f64, 0.0, 1e6)?;
        Ok(Self {
            metric: raw.metric,
            margin: within("margin", raw.margin.unwrap_or(0.02), 0.0, 0.5)?,
            alpha,
            decisions,
            window_days,
            wait_hours,
            least_users,
        })
    }
}

impl Guardrails {
    /// The name of what is compared, if the file states one.
    pub fn metric(&self) -> Option<&str> {
        self.metric.as_deref()
    }

    /// How much worse the challenger may be, as a share of the metric's range.
    pub fn margin(&self) -> f64 {
        self.margin
    }

    /// Probability with which what must not get through does.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Decisions after which an observation is closed.
    pub fn decisions(&self) -> u32 {
        self.decisions
    }

    /// Days from exposure after which it is closed.
    pub fn window_days(&self) -> f64 {
        self.window_days
    }

    /// Hours that a reward is waited for.
    pub fn wait_hours(&self) -> f64 {
        self.wait_hours
    }

    /// Closed users that a step is given at least.
    pub fn least_users(&self) -> u64 {
        self.least_users
    }
}
