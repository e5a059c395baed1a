//! Criteria on logged decisions: what a gate asks of a log, and what was found there.
//!
//! A log is finished when it is judged, so there is one look and one interval: its lower side is at most
//! alpha, its upper side at most beta / 2 over the number of required logs. A required log is one more
//! member of the intersection that a promotion needs, so it can only make a wrong promotion rarer; where
//! there is one, the simulated people keep the other half of beta (ADR-0010).

use super::spec::{GateSpec, Kind};
use crate::base::error::Fault;
use crate::domain::reaction::Reaction;
use crate::evaluation::log::{Columns, LogFormat};
use crate::evaluation::{Cluster, Estimator, IntervalMethod};
use serde::{Deserialize, Serialize};

/// A log that a gate names, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLog {
    /// What reports call it.
    pub name: String,
    /// Its files, read as one log: paths relative to the working directory.
    pub files: Vec<String>,
    /// A format as `evaluate` knows it, or `auto` (default).
    #[serde(default = "auto")]
    pub format: String,
    /// Columns of a plain CSV that are not named `action`, `reward`, `propensity`, `timestamp` and `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<RawColumns>,
    /// Whether features of Vowpal Wabbit's logs that have the names of a request's are read as these (default).
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub features: bool,
    /// Superior, or not inferior by more than a margin.
    pub kind: Kind,
    /// For `not-inferior`: the loss that would be tolerated, as a share of the reward's range, in (0, 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Smallest and largest reward there can be; those of the reaction table when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward_range: Option<[f64; 2]>,
    /// Whether a promotion needs it; else it is only shown.
    #[serde(default)]
    pub required: bool,
    /// One whose bounds speak of the policies' values: `doubly_robust` (default), ...
    #[serde(default = "doubly_robust")]
    pub estimator: String,
    /// `normal` (default), `bootstrap`, or `bernstein` for `ips` on logs that name no users.
    #[serde(default = "normal")]
    pub interval: String,
    /// A directory with what both policies have learned, which then learn nothing more; when absent they
    /// begin with nothing and learn from the log, each decision scored before it is learned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub states: Option<String>,
}

/// Names of a plain CSV's columns, by what they hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawColumns {
    /// What was chosen.
    pub action: Option<String>,
    /// What followed.
    pub reward: Option<String>,
    /// Probability with which it was chosen.
    pub propensity: Option<String>,
    /// When; `none` leaves a column of the usual name unread.
    pub timestamp: Option<String>,
    /// Whose decision it was; the same.
    pub user: Option<String>,
}

fn auto() -> String {
    "auto".to_owned()
}

fn doubly_robust() -> String {
    Estimator::DoublyRobust.name().to_owned()
}

fn normal() -> String {
    IntervalMethod::Normal.name().to_owned()
}

/// What a gate asks of one log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogCriterion {
    /// What reports call it.
    pub name: String,
    /// Its files.
    pub files: Vec<String>,
    /// `None` for whatever it looks like.
    pub format: Option<LogFormat>,
    /// Columns of a plain CSV.
    pub columns: Columns,
    /// Whether features of Vowpal Wabbit's logs are read.
    pub features: bool,
    /// What is claimed.
    pub kind: Kind,
    /// The loss that would be tolerated; 0 for superiority.
    pub margin: f64,
    /// Smallest and largest reward.
    pub reward_range: (f64, f64),
    /// Whether a promotion needs it.
    pub required: bool,
    /// How values are estimated.
    pub estimator: Estimator,
    /// How bounds are computed.
    pub interval: IntervalMethod,
    /// Where the policies' states are; `None` lets them learn from the log.
    pub states: Option<String>,
}

impl TryFrom<&RawLog> for LogCriterion {
    type Error = Fault;

    fn try_from(raw: &RawLog) -> Result<Self, Fault> {
        let word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if raw.name.is_empty() || !raw.name.chars().all(word) {
            let allowed = "letters, digits, '-', '_' and '.'";
            return Err(Fault::new("name", format!("{:?}", raw.name), allowed));
        }
        if raw.files.is_empty() {
            return Err(Fault::new("files", "an empty list", "at least one file"));
        }
        let known =
            |field: &str, value: &str, allowed: String| Fault::new(field, format!("{value:?}"), allowed);
        let format = match raw.format.as_str() {
            "auto" => None,
            name => Some(LogFormat::from_name(name).map_err(|_| {
                known("format", name, format!("auto, {}", LogFormat::ALL.map(LogFormat::name).join(", ")))
            })?),
        };
        let estimator =
            Estimator::OF_THE_VALUE.into_iter().find(|e| e.name() == raw.estimator).ok_or_else(|| {
                let names = Estimator::OF_THE_VALUE.map(Estimator::name).join(", ");
                known(
                    "estimator",
                    &raw.estimator,
                    format!("{names}: those whose bounds cover the value itself"),
                )
            })?;
        let interval = match IntervalMethod::from_name(&raw.interval) {
            Ok(method @ (IntervalMethod::Normal | IntervalMethod::Bootstrap)) => method,
            Ok(IntervalMethod::Bernstein) if estimator == Estimator::Ips => IntervalMethod::Bernstein,
            _ => {
                let allowed =
                    "normal, bootstrap, or with estimator \"ips\" bernstein: those that bound a difference";
                return Err(known("interval", &raw.interval, allowed.to_owned()));
            }
        };
        let [low, high] = raw.reward_range.unwrap_or_else(usual_range);
        if !(low.is_finite() && high.is_finite() && low < high) {
            let allowed = "two numbers, the first the smaller";
            return Err(Fault::new("reward_range", format!("[{low}, {high}]"), allowed));
        }
        let margin = raw.kind.checked_margin(raw.margin)?;
        let mut columns = Columns::plain();
        if let Some(named) = raw.columns.clone() {
            for (slot, name) in [
                (&mut columns.item, named.action),
                (&mut columns.reward, named.reward),
                (&mut columns.propensity, named.propensity),
                (&mut columns.timestamp, named.timestamp),
                (&mut columns.user, named.user),
            ] {
                if let Some(name) = name {
                    *slot = name;
                }
            }
        }
        Ok(Self {
            name: raw.name.clone(),
            files: raw.files.clone(),
            format,
            columns,
            features: raw.features,
            kind: raw.kind,
            margin,
            reward_range: (low, high),
            required: raw.required,
            estimator,
            interval,
            states: raw.states.clone(),
        })
    }
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_yes(yes: &bool) -> bool {
    *yes
}

/// Smallest and largest reward of the reaction table, so that logged and simulated shares are of one range.
fn usual_range() -> [f64; 2] {
    [Reaction::Dismissed.reward(), Reaction::Completed.reward()]
}

impl GateSpec {
    /// The probability with which the interval of a log's difference may fail, both sides together: each
    /// side at most alpha, and at most half of beta over all required logs.
    pub fn log_alpha(&self) -> f64 {
        let required = self.logs().iter().filter(|log| log.required).count().max(1);
        (2.0 * self.raw().alpha).min(self.raw().beta / required as f64)
    }

    /// Largest probability with which simulated people may wrongly reject: half of beta where a log may
    /// reject as well.
    pub fn simulated_beta(&self) -> f64 {
        let share = if self.logs().iter().any(|log| log.required) { 2.0 } else { 1.0 };
        self.raw().beta / share
    }
}

/// What was found on one log. Differences are challenger minus baseline as shares of the reward's range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogAssessment {
    /// `logged/NAME`.
    pub id: String,
    /// Its files.
    pub files: Vec<String>,
    /// What is claimed of the difference in reward.
    pub kind: Kind,
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
    /// Logged decisions with a reward; `None` where the log was not even tried.
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
    /// While open: decisions like these that it would take in all; `None` where no number would do.
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
        let needed = self.rows.unwrap_or(0) as f64 * ((estimate - lower) / (estimate - null)).powi(2);
        let open = !self.holds && !self.harms && estimate > null && needed < 1e15;
        self.rows_needed = open.then(|| needed.ceil() as u64);
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
            (true, Kind::Superior, _) => {
                format!("{id}: on logged decisions the challenger earns less than the baseline")
            }
            (true, Kind::NotInferior, _) => format!(
                "{id}: on logged decisions the challenger earns less by more than the margin of {margin}"
            ),
            (false, _, Some(rows)) => {
                format!("{id} is open, which would take about {rows} logged decisions like these")
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

    fn raw(rest: &str) -> RawLog {
        toml::from_str(&format!("name = \"may\"\nfiles = [\"may.csv\"]\n{rest}")).unwrap()
    }

    fn fault(rest: &str) -> String {
        LogCriterion::try_from(&raw(rest)).unwrap_err().to_string()
    }

    #[test]
    fn what_a_log_cannot_be_asked_is_named() {
        let checked = LogCriterion::try_from(&raw("kind = \"superior\"\n")).unwrap();
        assert_eq!(checked.reward_range, (-0.5, 1.0));
        assert_eq!((checked.margin, checked.required), (0.0, false));
        assert!(fault("kind = \"superior\"\nmargin = 0.1\n").starts_with("margin is 0.1;"));
        assert!(fault("kind = \"not-inferior\"\n").starts_with("margin is missing;"));
        let superior = |rest: &str| fault(&format!("kind = \"superior\"\n{rest}"));
        assert!(superior("estimator = \"direct_method\"\n").starts_with("estimator is \"direct_method\";"));
        assert!(superior("interval = \"anytime\"\n").starts_with("interval is \"anytime\";"));
        assert!(superior("interval = \"bernstein\"\n").starts_with("interval is \"bernstein\";"));
        assert!(superior("format = \"xml\"\n").starts_with("format is \"xml\"; allowed: auto, rehearsal"));
        assert!(superior("reward_range = [1, 1]\n").starts_with("reward_range is [1, 1];"));
        let ips = raw("kind = \"superior\"\nestimator = \"ips\"\ninterval = \"bernstein\"\n");
        assert!(LogCriterion::try_from(&ips).is_ok());
    }

    #[test]
    fn a_bound_must_clear_the_margin_on_its_own_side() {
        let criterion =
            LogCriterion::try_from(&raw("kind = \"not-inferior\"\nmargin = 0.02\nrequired = true\n"))
                .unwrap();
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
        // Twice as wide an interval as fits takes four times the rows.
        assert_eq!(judged(0.0, 0.04).rows_needed, Some(4000));
        assert_eq!(judged(-0.03, 0.04).rows_needed, None);
    }
}
