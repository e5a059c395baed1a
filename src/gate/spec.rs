//! A gate's file: what must be established, and how sure one has to be.

use super::logged::{LogCriterion, RawLog};
use crate::base::digest::of_value;
use crate::base::error::{Error, Fault, Result, within};
use crate::base::read;
use crate::base::shipped;
use crate::people::Traits;
use crate::people::scenario::{GATE, TraitShares};
use crate::simulation::metrics::{Direction, Metric};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A gate file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGate {
    /// What this gate is for, in a line.
    pub description: String,
    /// Largest probability of promoting a challenger that fails any criterion, in (0, 0.5].
    pub alpha: f64,
    /// Largest probability of rejecting a challenger that meets every criterion by `minimum_effect`, in
    /// (0, 0.5].
    pub beta: f64,
    /// The smallest superiority worth promoting for, as a share of the metric's range, in (0, 1).
    pub minimum_effect: f64,
    /// Users of each persona after which an undecided gate gives up.
    pub max_users: u64,
    /// Users of each persona drawn at a time.
    #[serde(default = "default_batch")]
    pub batch: u64,
    /// How long one decision may take; not checked when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_time: Option<DecisionTime>,
    /// What must be established; each entry stands for one criterion per scenario and segment.
    pub criteria: Vec<RawCriterion>,
    /// Logs that are asked too, each for the difference in reward.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<RawLog>,
}

fn default_batch() -> u64 {
    64
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

/// One entry of a gate file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCriterion {
    /// Superior, or not inferior by more than a margin.
    pub kind: Kind,
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

/// What a criterion claims of the challenger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Better than the baseline.
    Superior,
    /// Not worse than the baseline by the margin or more.
    NotInferior,
}

/// Whose mean a criterion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The population's.
    #[default]
    Population,
    /// Each persona's.
    Persona,
    /// That of new users and that of established ones.
    Newness,
    /// That of users with a profile and that of users without.
    Profile,
    /// That of users who decide on weekends and that of those who decide on working days.
    Weekend,
}

impl By {
    /// Its name in a gate file.
    fn name(self) -> &'static str {
        match self {
            Self::Population => "population",
            Self::Persona => "persona",
            Self::Newness => "newness",
            Self::Profile => "profile",
            Self::Weekend => "weekend",
        }
    }
}

/// Whose mean one criterion is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Everybody's.
    Population,
    /// One persona's, by its position in the scenario and its name.
    Persona(usize, String),
    /// That of the users of all personas who have a trait, or of those who do not.
    Trait(By, bool),
}

impl Segment {
    /// The segments of users, of all personas together, of which `by` speaks; none for the others.
    fn of_trait(by: By) -> [Self; 2] {
        [Self::Trait(by, true), Self::Trait(by, false)]
    }

    /// Its name in ids and reports; `None` for the population.
    pub fn name(&self) -> Option<&str> {
        Some(match self {
            Self::Population | Self::Trait(By::Population | By::Persona, _) => return None,
            Self::Persona(_, name) => name,
            Self::Trait(By::Newness, true) => "new-users",
            Self::Trait(By::Newness, false) => "established-users",
            Self::Trait(By::Profile, true) => "users-without-profile",
            Self::Trait(By::Profile, false) => "users-with-profile",
            Self::Trait(By::Weekend, true) => "weekend-users",
            Self::Trait(By::Weekend, false) => "weekday-users",
        })
    }

    /// Whether a user with these traits, of the persona at this position, belongs to it.
    pub fn has(&self, persona: usize, traits: Traits) -> bool {
        match *self {
            Self::Population => true,
            Self::Persona(p, _) => p == persona,
            Self::Trait(by, wanted) => {
                let value = match by {
                    By::Newness => traits.new,
                    By::Profile => traits.no_profile,
                    By::Weekend => traits.weekend,
                    By::Population | By::Persona => return true,
                };
                value == wanted
            }
        }
    }
}

/// A scenario as a gate needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its own name.
    pub name: String,
    /// Names of its personas, with their shares of the population, which sum to 1.
    pub personas: Vec<(String, f64)>,
    /// Shares of users with each trait.
    pub traits: TraitShares,
}

/// A checked gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateSpec {
    raw: RawGate,
    logs: Vec<LogCriterion>,
    origin: String,
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
        Self::from_toml(&read::text(path)?, &path.display().to_string())
    }

    /// Parses and checks a gate, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        let raw: RawGate = read::toml(text, origin)?;
        let gate = Self::try_from(raw).map_err(|fault| fault.at(origin))?;
        Ok(Self { origin: origin.to_owned(), ..gate })
    }

    /// What errors call it.
    pub fn origin(&self) -> &str {
        &self.origin
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

    /// The criteria, where `settings[s]` is the s-th of [`Self::scenarios`].
    ///
    /// # Errors
    /// Two entries that say the same thing; a segment that a scenario has no user of.
    pub fn criteria(&self, settings: &[Setting]) -> Result<Vec<Criterion>> {
        let order = self.scenarios();
        let mut all: Vec<Criterion> = Vec::new();
        for entry in &self.raw.criteria {
            for name in &entry.scenarios {
                let scenario = order.iter().position(|n| n == name).expect("listed from the same entries");
                let segments = segments(entry.by, &settings[scenario]);
                for segment in segments.map_err(Error::named_by(&self.origin))? {
                    let criterion = Criterion::new(entry, scenario, &settings[scenario].name, segment);
                    if all.iter().any(|c| c.id == criterion.id) {
                        let (origin, id) = (&self.origin, &criterion.id);
                        return Err(Error::Refused(format!("{origin}: criterion {id} is stated twice")));
                    }
                    all.push(criterion);
                }
            }
        }
        Ok(all)
    }
}

/// The segments that `by` means in one scenario.
fn segments(by: By, setting: &Setting) -> Result<Vec<Segment>> {
    let share = match by {
        By::Population => return Ok(vec![Segment::Population]),
        By::Persona => {
            let names = setting.personas.iter().enumerate();
            return Ok(names.map(|(p, (name, _))| Segment::Persona(p, name.clone())).collect());
        }
        By::Newness => setting.traits.new,
        By::Profile => setting.traits.no_profile,
        By::Weekend => setting.traits.weekend,
    };
    if share > 0.0 && share < 1.0 {
        return Ok(Segment::of_trait(by).into());
    }
    let name = &setting.name;
    Err(Error::Refused(format!(
        "a criterion by {} in scenario {name:?}, which has no users on one side of it: set a share between 0 and 1 \
         in its [traits]",
        by.name()
    )))
}

/// One statement that the gate must establish before it promotes.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// `metric/scenario` or `metric/scenario/segment`; then the direction of a metric that has none of its own; `/superior`
    /// at the end of a claim of superiority.
    pub id: String,
    /// What it claims.
    pub kind: Kind,
    /// The figure it is about.
    pub metric: Metric,
    /// Which way is better.
    pub better: Direction,
    /// Position of the scenario.
    pub scenario: usize,
    /// Its name.
    pub scenario_name: String,
    /// For whom.
    pub segment: Segment,
    /// The loss that would be tolerated; 0 for superiority.
    pub margin: f64,
    /// Whether it is reported only.
    pub advisory: bool,
}

impl Criterion {
    fn new(entry: &RawCriterion, scenario: usize, scenario_name: &str, segment: Segment) -> Self {
        let mut id = format!("{}/{scenario_name}", entry.metric.name());
        if let Some(name) = segment.name() {
            id = format!("{id}/{name}");
        }
        if let (None, Some(better)) = (entry.metric.better(), entry.better) {
            id = format!("{id}/{}", better.name());
        }
        if entry.kind == Kind::Superior {
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
            Kind::Superior => minimum_effect,
            Kind::NotInferior => -self.margin,
        }
    }

    /// The null mean m0 of gains (differences in the direction that is better): 0, or minus the margin.
    pub fn null(&self) -> f64 {
        -self.margin
    }
}

impl TryFrom<RawGate> for GateSpec {
    type Error = Fault;

    fn try_from(raw: RawGate) -> Result<Self, Fault> {
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
        if raw.criteria.is_empty() {
            return Err(Fault::new("criteria", "an empty list", "at least one criterion"));
        }
        for (i, criterion) in raw.criteria.iter().enumerate() {
            criterion.check().map_err(|fault| fault.within(&format!("criteria[{i}]")))?;
        }
        if !raw.criteria.iter().any(|c| c.kind == Kind::Superior && !c.advisory) {
            return Err(Fault::new(
                "criteria",
                "without a claim of superiority",
                "at least one criterion of kind \"superior\" that is not advisory: a challenger that gains nothing is not promoted",
            ));
        }
        let mut logs: Vec<LogCriterion> = Vec::new();
        for (i, log) in raw.logs.iter().enumerate() {
            let within_log = |fault: Fault| fault.within(&format!("logs[{i}]"));
            if logs.iter().any(|other| other.name == log.name) {
                let again = Fault::new("name", format!("{:?} again", log.name), "each name once");
                return Err(within_log(again));
            }
            logs.push(LogCriterion::try_from(log).map_err(within_log)?);
        }
        Ok(Self { raw, logs, origin: "the gate".to_owned() })
    }
}

impl Kind {
    /// The tolerated loss of a claim of this kind: 0 for superiority.
    pub(super) fn checked_margin(self, margin: Option<f64>) -> Result<f64, Fault> {
        match (self, margin) {
            (Self::Superior, None) => Ok(0.0),
            (Self::Superior, Some(m)) => Err(Fault::new("margin", m, "no margin for kind \"superior\"")),
            (Self::NotInferior, None) => Err(Fault::new("margin", "missing", "a number in (0, 1)")),
            (Self::NotInferior, Some(m)) => within("margin", m, 1e-6, 0.999),
        }
    }
}

impl RawCriterion {
    fn check(&self) -> Result<(), Fault> {
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
