//! A gate's file: what must be established, and how sure one has to be.

use super::claim::Claim;
use super::criterion::{Criterion, RawCriterion, Rival};
use super::log_criterion::{LogCriterion, RawLog};
use super::refusal::GateRefusal;
use super::segment::{Setting, segments};
use crate::base::clean::clean_line;
use crate::base::digest::of_value;
use crate::base::error::{Error, Fault, Result, within};
use crate::base::read;
use crate::base::shipped;
use crate::people::scenario::GATE;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};

/// A gate file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGate {
    /// What this gate is for, in a line.
    pub description: String,
    /// Largest probability of promoting a challenger that fails any criterion, in (0, 0.5].
    pub alpha: f64,
    /// Largest probability of rejecting a challenger that meets every criterion, in (0, 0.5].
    pub beta: f64,
    /// The smallest superiority worth promoting for, as a share of the metric's range, in (0, 1): what a challenger must
    /// be shown to gain more than, and is rejected for gaining less than.
    pub minimum_effect: f64,
    /// The policy below which nobody may fall, whoever is in charge: a name, or a path relative to the gate's file. Every
    /// criterion of kind `not-inferior` must hold against it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Users of each persona after which an undecided gate gives up.
    pub max_users: u64,
    /// Users of each persona drawn at a time.
    #[serde(default = "default_batch")]
    pub batch: u64,
    /// How long one decision may take; not checked when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_time: Option<DecisionTime>,
    /// The least probability with which the challenger should show any candidate; not checked when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propensity: Option<Propensity>,
    /// What must be established; each entry stands for one criterion per scenario and segment.
    pub criteria: Vec<RawCriterion>,
    /// Logs that are asked too, each for the difference in reward.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<RawLog>,
}

fn default_batch() -> u64 {
    64
}

/// The least probability with which the challenger shows any candidate. What is never shown cannot be evaluated from the
/// log afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Propensity {
    /// The least that is wanted, in (0, 1).
    pub least: f64,
    /// Whether a challenger that falls below is not promoted; else the verdict warns.
    #[serde(default)]
    pub required: bool,
}

/// How long one decision of the challenger may take, features included. Machines differ and are busy: what is
/// measured goes to stderr, and counts only where the gate says `required`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionTime {
    /// Largest 99th percentile in milliseconds, in (0, 60000].
    pub p99_ms: f64,
    /// Whether a slower challenger is not promoted.
    #[serde(default)]
    pub required: bool,
}

/// A checked gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateSpec {
    raw: RawGate,
    logs: Vec<LogCriterion>,
    origin: String,
    /// The folder to which the paths of its scenarios are relative.
    dir: PathBuf,
}

impl GateSpec {
    /// The gate that is built in.
    ///
    /// # Errors
    /// None in a released program: a test parses it.
    pub fn shipped() -> Result<Self> {
        Self::from_toml(shipped::text(shipped::SCENARIOS, GATE).unwrap_or_default(), "scenarios/gate.toml")
    }

    /// Digest of the gate, but for how far it goes and in which steps: who raises `max_users` goes on with the same people.
    pub fn digest(&self) -> String {
        let mut raw = self.raw().clone();
        raw.description.clear();
        (raw.max_users, raw.batch) = (0, 0);
        of_value(&raw)
    }

    /// The gate of a file.
    ///
    /// # Errors
    /// A file that cannot be read or is not allowed.
    pub fn load(path: &Path) -> Result<Self> {
        let gate = Self::from_toml(&read::text(path)?, &path.display().to_string())?;
        Ok(Self { dir: path.parent().map(Path::to_path_buf).unwrap_or_default(), ..gate })
    }

    /// Parses and checks a gate, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        let gate = read::checked_toml(text, origin, |raw: RawGate| Self::try_from(raw))?;
        Ok(Self { origin: origin.to_owned(), ..gate })
    }

    /// What errors call it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A scenario or policy that it names, as one finds it from the working directory: a path is relative to the gate's file.
    pub fn resolved(&self, name: &str) -> String {
        if read::is_path(name) { self.dir.join(name).display().to_string() } else { name.to_owned() }
    }

    /// The checked values.
    pub fn raw(&self) -> &RawGate {
        &self.raw
    }

    /// What is asked of logged decisions.
    pub fn logs(&self) -> &[LogCriterion] {
        &self.logs
    }

    /// Names of all scenarios that a criterion is about, each once, in the order of the file.
    pub fn scenarios(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.raw.criteria.iter().flat_map(|c| &c.scenarios) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// What errors call the first place that names this scenario.
    pub fn place_of(&self, scenario: &str) -> String {
        let is_about = |entry: &RawCriterion| entry.scenarios.iter().any(|name| name == scenario);
        let entry = self.raw.criteria.iter().position(is_about).unwrap_or_default();
        format!("{}: criteria[{entry}].scenarios", self.origin)
    }

    /// The criteria, where `settings[s]` is the s-th of [`Self::scenarios`]; those of kind `not-inferior` once more against
    /// the reference, where that is a policy of its own.
    ///
    /// # Errors
    /// Two entries that say the same thing; a segment that a scenario has no user of.
    pub fn criteria(&self, settings: &[Setting], reference: bool) -> Result<Vec<Criterion>> {
        let order = self.scenarios();
        let mut all: Vec<Criterion> = Vec::new();
        for entry in &self.raw.criteria {
            for name in &entry.scenarios {
                let scenario = order.iter().position(|n| n == name).expect("listed from the same entries");
                let segments = segments(entry.by, &settings[scenario]);
                for segment in segments.map_err(Error::named_by(&self.origin))? {
                    let against = |rival: Rival| {
                        let name = &settings[scenario].name;
                        let minimum_effect = self.raw.minimum_effect;
                        Criterion::new(entry, scenario, name, segment.clone(), minimum_effect, rival)
                    };
                    let criterion = against(Rival::Baseline);
                    if all.iter().any(|c| c.id == criterion.id) {
                        let (origin, criterion) = (self.origin.clone(), criterion.id);
                        return Err(Error::because(GateRefusal::StatedTwice { origin, criterion }));
                    }
                    all.push(criterion);
                    if reference && entry.kind == Claim::NotInferior {
                        all.push(against(Rival::Reference));
                    }
                }
            }
        }
        Ok(all)
    }
}

impl GateSpec {
    /// The probability with which the interval of a log's difference may fail, both sides together: each
    /// side at most `alpha`, and at most half of beta over all required logs.
    pub fn log_alpha(&self, alpha: f64) -> f64 {
        let required = self.logs().iter().filter(|log| log.required).count().max(1);
        (2.0 * alpha).min(self.raw().beta / required as f64)
    }

    /// Largest probability with which simulated people may wrongly reject: half of beta where a log may
    /// reject as well.
    pub fn simulated_beta(&self) -> f64 {
        let share = if self.logs().iter().any(|log| log.required) { 2.0 } else { 1.0 };
        self.raw().beta / share
    }
}

/// A path without what leads nowhere: `./mine//push.toml` is `mine/push.toml`.
fn plain(name: &str) -> String {
    let parts = Path::new(name).components().filter(|part| *part != Component::CurDir);
    let path = parts.collect::<PathBuf>().display().to_string();
    if read::is_path(name) && read::is_path(&path) { path } else { name.to_owned() }
}

/// Refuses two entries that are needed for a promotion and of which one mean cannot meet both: what is more of a metric by so
/// much is not less of it. Whatever users are split by, the parts make up everybody.
fn refuse_opposites(raw: &RawGate) -> Result<(), Fault> {
    let needed = || raw.criteria.iter().enumerate().filter(|(_, entry)| !entry.advisory);
    for (i, entry) in needed() {
        for (k, other) in needed().take_while(|(k, _)| *k < i) {
            let common = entry.scenarios.iter().find(|name| other.scenarios.contains(name));
            let Some(scenario) = common.filter(|_| entry.metric == other.metric) else { continue };
            let (own, opposite) = (entry.direction()?, other.direction()?);
            let least: f64 = [entry, other].iter().map(|entry| entry.least_gain(raw.minimum_effect)).sum();
            if own != opposite && least >= 0.0 {
                let value = format!("{:?} of {} in {scenario:?}", own.name(), entry.metric.name());
                let allowed = format!("{:?}, as criteria[{k}] has it: no mean meets both", opposite.name());
                return Err(Fault::new(format!("criteria[{i}].better"), value, allowed));
            }
        }
    }
    Ok(())
}

impl TryFrom<RawGate> for GateSpec {
    type Error = Fault;

    fn try_from(mut raw: RawGate) -> Result<Self, Fault> {
        raw.description = clean_line(&raw.description);
        raw.criteria.iter_mut().flat_map(|c| &mut c.scenarios).for_each(|name| *name = plain(name));
        within("alpha", raw.alpha, 1e-9, 0.5)?;
        within("beta", raw.beta, 1e-9, 0.5)?;
        within("minimum_effect", raw.minimum_effect, 1e-6, 0.999)?;
        let count = |field: &str, value: u64, high: u64| {
            if (1..=high).contains(&value) {
                Ok(())
            } else {
                Err(Fault::new(field, value, format!("a whole number from 1 to {high}")))
            }
        };
        count("max_users", raw.max_users, 10_000_000)?;
        count("batch", raw.batch, 1_000_000)?;
        if let Some(time) = raw.decision_time {
            within("decision_time.p99_ms", time.p99_ms, 1e-6, 60_000.0)?;
        }
        if let Some(propensity) = raw.propensity {
            within("propensity.least", propensity.least, 1e-12, 0.999)?;
        }
        if raw.criteria.is_empty() {
            return Err(Fault::new("criteria", "an empty list", "at least one criterion"));
        }
        for (i, criterion) in raw.criteria.iter().enumerate() {
            criterion.check().map_err(|fault| fault.within(&format!("criteria[{i}]")))?;
        }
        if !raw.criteria.iter().any(|c| c.kind == Claim::Superior && !c.advisory) {
            return Err(Fault::new(
                "criteria",
                "without a claim of superiority",
                "at least one criterion of kind \"superior\" that is not advisory: a challenger that gains nothing is not promoted",
            ));
        }
        refuse_opposites(&raw)?;
        let mut logs: Vec<LogCriterion> = Vec::new();
        for (i, log) in raw.logs.iter().enumerate() {
            let within_log = |fault: Fault| fault.within(&format!("logs[{i}]"));
            if logs.iter().any(|other| other.name == log.name) {
                let again = Fault::new("name", format!("{:?} again", log.name), "each name once");
                return Err(within_log(again));
            }
            logs.push(LogCriterion::try_from(log).map_err(within_log)?);
        }
        Ok(Self { raw, logs, origin: "the gate".to_owned(), dir: PathBuf::new() })
    }
}
