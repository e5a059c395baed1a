//! What a card says, and how it follows from a judgement.

use crate::domain::profile::PROFILE_FEATURES;
use crate::gate::evidence::{Evidence, Figure, PersonaEvidence, ScenarioEvidence};
use crate::gate::promotion::{Inputs, Judgement};
use crate::gate::{Claim, LogAssessment, Ruling, SeedSource, Verdict};
use crate::policy::TrainingRecord;
use crate::policy::program::RawDefinition;
use crate::simulation::metrics::Metric;
use serde::{Deserialize, Serialize};

/// Version of a card's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// What a card says, as its JSON states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The policy that the card is of.
    pub challenger: String,
    /// SHA-256 of what it does, whatever it is called.
    pub digest: String,
    /// Its parameters, every default spelled out.
    pub policy: RawDefinition,
    /// Its version in a model registry, `NAME@7`, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_version: Option<String>,
    /// The prior that its models start from, if that was learned, and from what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<CardPrior>,
    /// What it looks at, one entry per dimension; none of a program, which sees the whole request.
    pub inputs: Vec<CardInput>,
    /// The policy that it was compared with.
    pub baseline: String,
    /// What the latest verdict found, worst first.
    pub criteria: Vec<CardCriterion>,
    /// What logged decisions showed beside the simulated people, in the order of the gate's file.
    #[serde(default)]
    pub logs: Vec<CardLog>,
    /// The primary scenario's figures first, then those of the others.
    pub scenarios: Vec<CardScenario>,
    /// Each persona's figures in the primary scenario, smallest gain in reward first.
    pub segments: Vec<CardSegment>,
    /// What must not be concluded, one sentence each.
    pub limits: Vec<String>,
    /// Every verdict, oldest first.
    pub history: Vec<CardEntry>,
}

/// The prior of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardPrior {
    /// SHA-256 of its numbers.
    pub digest: String,
    /// How it was learned, without the hashes of users.
    pub training: Option<TrainingRecord>,
}

/// One dimension of the policy's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardInput {
    /// The dimension.
    pub name: String,
    /// The field that it is made from; `None` for the constant.
    pub source: Option<String>,
    /// The field's type.
    pub dtype: String,
    /// How it is made.
    pub normalization: String,
    /// Its value when the field is unknown; `None` where the field is required.
    pub unknown: Option<f64>,
}

/// One criterion in the latest verdict. Differences are challenger minus baseline, as shares of the range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardCriterion {
    /// The id.
    pub id: String,
    /// What it claims.
    pub kind: Claim,
    /// The persona, or other segment of users, that it is about; `None` is everybody.
    pub segment: Option<String>,
    /// Mean difference; `None` without users.
    pub estimate: Option<f64>,
    /// Lower bound, valid at all times together.
    pub lower: Option<f64>,
    /// Upper bound, valid at all times together.
    pub upper: Option<f64>,
    /// The loss that would be tolerated.
    pub margin: f64,
    /// Whether it was established.
    pub holds: bool,
    /// Whether it is reported only.
    pub advisory: bool,
}

/// One log in the latest verdict. Differences are challenger minus baseline, as shares of the reward's range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardLog {
    /// `logged/NAME`.
    pub id: String,
    /// What is claimed.
    pub kind: Claim,
    /// The loss that would be tolerated.
    pub margin: f64,
    /// Whether a promotion needs it.
    pub required: bool,
    /// Logged decisions with a reward; `None` where the log was not even tried.
    pub rows: Option<u64>,
    /// How many decisions of the policies' own they are worth.
    pub effective_sample_size: Option<f64>,
    /// The difference on logged decisions; `None` where the log cannot say.
    pub estimate: Option<f64>,
    /// Lower bound, for one look at a finished log.
    pub lower: Option<f64>,
    /// Upper bound, for one look at a finished log.
    pub upper: Option<f64>,
    /// The same difference among simulated people; `None` without users.
    pub simulated: Option<f64>,
    /// Whether it was established.
    pub holds: bool,
    /// The reason why the log cannot say.
    pub refused: Option<String>,
}

/// The population's figures in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardScenario {
    /// The name.
    pub scenario: String,
    /// Decisions per user.
    pub steps: u32,
    /// Users of each persona.
    pub users: u64,
    /// One per metric.
    pub figures: Vec<Figure>,
}

/// One persona's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardSegment {
    /// The name.
    pub persona: String,
    /// Its share of the population.
    pub share: f64,
    /// One per metric.
    pub figures: Vec<Figure>,
}

/// One verdict in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardEntry {
    /// The date of the verdict, in UTC.
    pub date: String,
    /// What was decided.
    pub verdict: Ruling,
    /// The reason.
    pub reason: String,
    /// The policy that it was compared with.
    pub baseline: String,
    /// SHA-256 of the gate.
    pub gate: String,
    /// Seed of all simulated users.
    pub seed: u64,
    /// Where the seed came from.
    pub seed_source: SeedSource,
    /// Users of each persona.
    pub users: u64,
    /// Version of the program.
    pub version: String,
}

impl CardEntry {
    pub(super) fn new(v: &Verdict, date: &str) -> Self {
        Self {
            date: date.to_owned(),
            verdict: v.verdict,
            reason: v.reason.clone(),
            baseline: v.baseline.clone(),
            gate: v.provenance.digests["gate"].clone(),
            seed: v.provenance.seed,
            seed_source: v.provenance.seed_source,
            users: v.users,
            version: v.provenance.version.to_owned(),
        }
    }
}

impl CardLog {
    fn new(log: &LogAssessment) -> Self {
        Self {
            id: log.id.clone(),
            kind: log.kind,
            margin: log.margin,
            required: log.required,
            rows: log.rows,
            effective_sample_size: log.effective_sample_size,
            estimate: log.estimate,
            lower: log.lower,
            upper: log.upper,
            simulated: log.simulated.as_ref().and_then(|simulated| simulated.estimate),
            holds: log.holds,
            refused: log.refused.clone(),
        }
    }
}

impl Card {
    pub(super) fn new(inputs: &Inputs, judgement: &Judgement, history: Vec<CardEntry>) -> Self {
        let Judgement { verdict: v, evidence, .. } = judgement;
        let is_program = inputs.challenger.program().is_some();
        let dimensions = inputs.challenger.features().dimensions().iter().filter(|_| !is_program);
        let segment = |p: &PersonaEvidence| CardSegment {
            persona: p.persona.clone(),
            share: p.share,
            figures: p.figures.clone(),
        };
        let mut segments: Vec<CardSegment> = evidence.primary().personas.iter().map(segment).collect();
        let gain = |s: &CardSegment| difference(&s.figures, Metric::Reward).unwrap_or(f64::INFINITY);
        segments.sort_by(|a, b| gain(a).total_cmp(&gain(b)));
        let scenario = |s: &ScenarioEvidence| CardScenario {
            scenario: s.scenario.clone(),
            steps: s.steps,
            users: s.users,
            figures: s.figures.clone(),
        };
        Self {
            schema_version: SCHEMA_VERSION,
            challenger: v.challenger.clone(),
            digest: v.provenance.digests["challenger"].clone(),
            policy: inputs.challenger.definition(),
            registry_version: inputs.challenger.version().map(ToString::to_string),
            prior: inputs.challenger.prior().map(|prior| CardPrior {
                digest: prior.digest().to_owned(),
                training: prior
                    .training()
                    .map(|training| TrainingRecord { user_hashes: Vec::new(), ..training.clone() }),
            }),
            inputs: dimensions
                .map(|d| CardInput {
                    name: d.name.to_owned(),
                    source: d.source(),
                    dtype: d.dtype().to_owned(),
                    normalization: d.normalization.to_owned(),
                    unknown: d.unknown,
                })
                .collect(),
            baseline: v.baseline.clone(),
            criteria: v
                .criteria
                .iter()
                .map(|c| CardCriterion {
                    id: c.id.clone(),
                    kind: c.kind,
                    segment: c.persona.clone().or_else(|| c.segment.clone()),
                    estimate: c.estimate,
                    lower: c.lower,
                    upper: c.upper,
                    margin: c.margin,
                    holds: c.holds,
                    advisory: c.advisory,
                })
                .collect(),
            logs: v.logs.iter().map(CardLog::new).collect(),
            scenarios: evidence.scenarios.iter().map(scenario).collect(),
            segments,
            limits: limits(inputs, v, evidence),
            history,
        }
    }
}

fn difference(figures: &[Figure], metric: Metric) -> Option<f64> {
    figures.iter().find(|f| f.metric == metric).and_then(|f| f.difference)
}

/// What follows from how the figures were made.
fn limits(inputs: &Inputs, v: &Verdict, evidence: &Evidence) -> Vec<String> {
    let list = |names: Vec<&str>| names.join(", ");
    let personas = list(evidence.primary().personas.iter().map(|p| p.persona.as_str()).collect());
    let scenarios = list(evidence.scenarios.iter().map(|s| s.scenario.as_str()).collect());
    let steps = evidence.scenarios.iter().map(|s| s.steps).max().unwrap_or(0);
    let margin = v.criteria.iter().map(|c| c.margin).fold(0.0, f64::max);
    let mut limits = vec![
        v.caveat.to_owned(),
        format!("The people were simulated after these personas: {personas}."),
        format!("They lived under these conditions: {scenarios}; others were not tried."),
        format!("No user made more than {steps} decisions: what a policy does after more was not seen."),
        "Fairness was checked for the segments listed here. Other groups of people may cut across them."
            .to_owned(),
    ];
    if margin > 0.0 {
        limits.push(format!(
            "Losses smaller than a criterion's margin (up to {margin} of a metric's range) are tolerated by \
             the gate, also where every criterion holds."
        ));
    }
    if inputs.challenger.features().uses_profile() {
        let names = list(PROFILE_FEATURES.iter().map(|f| f.name).collect());
        limits.push(format!(
            "It needs profile features ({names}) that mean in production what they mean here; `rehearsal schema \
             --check` compares their names and types, nothing compares their values."
        ));
    }
    if v.provenance.seed_source == SeedSource::Given {
        limits.push(
            "The latest seed was given by hand: the verdict may have been picked among several.".to_owned(),
        );
    }
    limits
}
