//! Criteria on logged decisions: what a gate asks of a log, and what was found there.
//!
//! A log is finished when it is judged, so there is one look and one interval: its lower side is at most
//! alpha, its upper side at most beta / 2 over the number of required logs. A required log is one more
//! member of the intersection that a promotion needs, so it can only make a wrong promotion rarer; where
//! there is one, the simulated people keep the other half of beta (ADR-0010).

use super::claim::Claim;
use crate::base::error::Fault;
use crate::domain::reaction::Reaction;
use crate::domain::{Domain, DomainInput};
use crate::evaluation::log::{Columns, LogFormat};
use crate::evaluation::{Estimator, IntervalMethod};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Whether candidates of one decision may have the same tag there, and are told apart by their places.
    #[serde(default, skip_serializing_if = "is_no")]
    pub same_tags: bool,
    /// Superior, or not inferior by more than a margin.
    pub kind: Claim,
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
    /// Inputs of the domain, as `candidate.priority`, each with its column; others are in columns of their own names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
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
    /// Whether candidates of one decision may have the same tag there.
    pub same_tags: bool,
    /// What is claimed.
    pub kind: Claim,
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
            let domain = Domain::tips();
            for (path, column) in named.inputs {
                let input = domain.find(&path).ok().and_then(|(input, _)| input);
                input.ok_or_else(|| {
                    let paths = domain.raw().inputs.iter().map(DomainInput::path).collect::<Vec<_>>();
                    known("columns.inputs", &path, paths.join(", "))
                })?;
                columns.inputs.push((path, column));
            }
        }
        Ok(Self {
            name: raw.name.clone(),
            files: raw.files.clone(),
            format,
            columns,
            features: raw.features,
            same_tags: raw.same_tags,
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_no(yes: &bool) -> bool {
    !*yes
}

/// Smallest and largest reward of the reaction table, so that logged and simulated shares are of one range.
fn usual_range() -> [f64; 2] {
    [Reaction::Dismissed.reward(), Reaction::Completed.reward()]
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
        assert!(superior("format = \"xml\"\n").starts_with("format is \"xml\"; allowed: auto, "));
        assert!(superior("reward_range = [1, 1]\n").starts_with("reward_range is [1, 1];"));
        let ips = raw("kind = \"superior\"\nestimator = \"ips\"\ninterval = \"bernstein\"\n");
        assert!(LogCriterion::try_from(&ips).is_ok());
    }
}
