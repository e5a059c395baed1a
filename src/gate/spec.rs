//! A gate's file: what must be established, and how sure one has to be.

use crate::error::{Error, Fault, Result, within};
use crate::metrics::Metric;
use crate::read;
use crate::scenario::GATE;
use crate::shipped;
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
    /// What must be established; each entry stands for one criterion per scenario and segment.
    pub criteria: Vec<RawCriterion>,
}

fn default_batch() -> u64 {
    64
}

/// One entry of a gate file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCriterion {
    /// Superior, or not inferior by more than a margin.
    pub kind: Kind,
    /// The figure it is about.
    pub metric: Metric,
    /// Scenarios in which it must hold: shipped names or paths, relative to the working directory.
    pub scenarios: Vec<String>,
    /// `population` (default), or `persona`: for each persona by itself.
    #[serde(default)]
    pub by: By,
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
}

/// A checked gate.
#[derive(Debug, Clone, PartialEq)]
pub struct GateSpec {
    raw: RawGate,
}

impl GateSpec {
    /// The gate that is built in.
    ///
    /// # Errors
    /// None in a released program: a test parses it.
    pub fn shipped() -> Result<Self> {
        Self::from_toml(shipped::text(shipped::SCENARIOS, GATE).unwrap_or_default(), "scenarios/gate.toml")
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
        Self::try_from(raw).map_err(|fault| fault.at(origin))
    }

    /// The checked values.
    pub fn raw(&self) -> &RawGate {
        &self.raw
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

    /// The criteria, where `personas[s]` are the names of the personas in the s-th of [`Self::scenarios`],
    /// whose own name is `names[s]`.
    ///
    /// # Errors
    /// Two entries that say the same thing.
    pub fn criteria(&self, names: &[String], personas: &[Vec<String>]) -> Result<Vec<Criterion>> {
        let order = self.scenarios();
        let mut all: Vec<Criterion> = Vec::new();
        for entry in &self.raw.criteria {
            for name in &entry.scenarios {
                let s = order.iter().position(|n| n == name).expect("listed from the same entries");
                let segments: Vec<Option<usize>> = match entry.by {
                    By::Population => vec![None],
                    By::Persona => (0..personas[s].len()).map(Some).collect(),
                };
                for persona in segments {
                    let segment = persona.map(|p| personas[s][p].clone());
                    let id = std::iter::once(entry.metric.name())
                        .chain([names[s].as_str()])
                        .chain(segment.as_deref())
                        .collect::<Vec<_>>()
                        .join("/");
                    let id = if entry.kind == Kind::Superior { format!("{id}/superior") } else { id };
                    if all.iter().any(|c| c.id == id) {
                        return Err(Error::Refused(format!("the gate states criterion {id} twice")));
                    }
                    all.push(Criterion {
                        id,
                        kind: entry.kind,
                        metric: entry.metric,
                        scenario: s,
                        scenario_name: names[s].clone(),
                        persona,
                        persona_name: segment,
                        margin: entry.margin.unwrap_or(0.0),
                    });
                }
            }
        }
        Ok(all)
    }
}

/// One statement that the gate must establish before it promotes.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    /// `metric/scenario` or `metric/scenario/persona`; `/superior` at the end of a claim of superiority.
    pub id: String,
    /// What it claims.
    pub kind: Kind,
    /// The figure it is about.
    pub metric: Metric,
    /// Position of the scenario.
    pub scenario: usize,
    /// Its name.
    pub scenario_name: String,
    /// Position of the persona; `None` for the population.
    pub persona: Option<usize>,
    /// Its name.
    pub persona_name: Option<String>,
    /// The loss that would be tolerated; 0 for superiority.
    pub margin: f64,
}

impl Criterion {
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
        if raw.criteria.is_empty() {
            return Err(Fault::new("criteria", "an empty list", "at least one criterion"));
        }
        for (i, criterion) in raw.criteria.iter().enumerate() {
            criterion.check().map_err(|fault| fault.within(&format!("criteria[{i}]")))?;
        }
        if !raw.criteria.iter().any(|c| c.kind == Kind::Superior) {
            return Err(Fault::new(
                "criteria",
                "without a claim of superiority",
                "at least one criterion of kind \"superior\": a challenger that gains nothing is not promoted",
            ));
        }
        Ok(Self { raw })
    }
}

impl RawCriterion {
    fn check(&self) -> Result<(), Fault> {
        if self.scenarios.is_empty() {
            return Err(Fault::new("scenarios", "an empty list", "at least one scenario"));
        }
        match (self.kind, self.margin) {
            (Kind::Superior, None) => Ok(()),
            (Kind::Superior, Some(m)) => Err(Fault::new("margin", m, "no margin for kind \"superior\"")),
            (Kind::NotInferior, None) => Err(Fault::new("margin", "missing", "a number in (0, 1)")),
            (Kind::NotInferior, Some(m)) => within("margin", m, 1e-6, 0.999).map(drop),
        }
    }
}
