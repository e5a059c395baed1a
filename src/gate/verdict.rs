//! What was decided, and everything that it rests on.

use super::claim::Claim;
use super::eprocess::{lower_bound, mean, projected_count, upper_bound};
use super::log_assessment::LogAssessment;
use super::segment::UserSegment;
use super::trial::{Ruling, Tracked, Trial};
use crate::simulation::metrics::{Direction, Metric};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the verdict's JSON.
pub const SCHEMA_VERSION: u32 = 1;

/// Where the seed came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedSource {
    /// From a digest of the gate, the personas, the scenarios and both policies.
    Inputs,
    /// Given by whoever ran the gate.
    Given,
}

/// What a verdict was made from: enough to make it again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// Seed of all simulated users.
    pub seed: u64,
    /// Where it came from.
    pub seed_source: SeedSource,
    /// SHA-256 of every input as it was understood, by name.
    pub digests: BTreeMap<String, String>,
    /// Version of this program.
    pub version: &'static str,
    /// Users of each persona in the records that were judged, if there were too few for a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_users: Option<u64>,
    /// The command that gives this verdict again.
    pub command: String,
}

/// The verdict of a gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was decided.
    pub verdict: Ruling,
    /// Why, in a sentence.
    pub reason: String,
    /// Largest probability of a wrong promotion.
    pub alpha: f64,
    /// Largest probability of a wrong rejection.
    pub beta: f64,
    /// The part of it that simulated people may use: [`GateSpec::simulated_beta`](super::GateSpec::simulated_beta).
    #[serde(skip)]
    pub simulated_beta: f64,
    /// The smallest superiority worth promoting for.
    pub minimum_effect: f64,
    /// Users of each persona that were drawn.
    pub users: u64,
    /// The policy in charge.
    pub baseline: String,
    /// The policy that wants its place.
    pub challenger: String,
    /// E-value against a challenger that meets every criterion, superiority by the minimum effect; 1/beta rejects.
    pub rejection_evidence: f64,
    /// Every criterion: those that do not hold first, weakest evidence first.
    pub criteria: Vec<Assessment>,
    /// What logged decisions showed, in the order of the gate's file.
    pub logs: Vec<LogAssessment>,
    /// What it was made from.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// What the verdict does not say.
    pub caveat: &'static str,
}

/// Where a criterion stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The evidence that it is not met has reached 1/beta, with the beta that simulated people may use.
    Fails,
    /// Neither established nor refuted.
    Open,
    /// Established.
    Holds,
    /// No user was looked at.
    Unseen,
}

impl Standing {
    /// Its name, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Open => "open",
            Self::Holds => "holds",
            Self::Unseen => "unseen",
        }
    }
}

/// What was found on one criterion. Estimate and bounds are challenger minus baseline as shares of the
/// metric's range.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assessment {
    /// The criterion's id.
    pub id: String,
    /// What it claims.
    pub kind: Claim,
    /// The figure it is about.
    pub metric: Metric,
    /// Which way is better, as the gate states it; `None` where the metric has a way of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub better: Option<Direction>,
    /// Where.
    pub scenario: String,
    /// For which persona; `None` is the population, or a segment of it.
    pub persona: Option<String>,
    /// For which segment of users, by a trait; `None` is everybody.
    pub segment: Option<String>,
    /// Whether it is reported only: no promotion needs it.
    pub advisory: bool,
    /// Mean difference; `None` without users.
    pub estimate: Option<f64>,
    /// Lower confidence bound at level alpha, valid at all times together.
    pub lower: Option<f64>,
    /// Upper confidence bound at level alpha, valid at all times together.
    pub upper: Option<f64>,
    /// The loss that would be tolerated.
    pub margin: f64,
    /// Evidence for the claim at the end; it held when this first reached 1/alpha.
    pub e_value: f64,
    /// Evidence against a challenger that meets it.
    pub refutation: f64,
    /// Users of each persona that were looked at.
    pub users: u64,
    /// Users after which it was established.
    pub held_after: Option<u64>,
    /// Whether it was established.
    pub holds: bool,
    /// Where it stands.
    pub standing: Standing,
    /// While open: users it would take in all, at the rate so far; `None` where no number would do.
    pub users_needed: Option<u64>,
}

/// Said under every verdict.
const CAVEAT: &str = "This is a verdict on simulated people. It is as good as the personas are; it says nothing \
                      about people whom they do not describe.";

impl Verdict {
    /// The verdict of a trial that has come to `decision`.
    pub fn new(
        trial: &Trial,
        decision: Ruling,
        baseline: &str,
        challenger: &str,
        provenance: Provenance,
    ) -> Self {
        let (raw, simulated_beta) = (trial.spec().raw(), trial.spec().simulated_beta());
        let mut criteria: Vec<Assessment> =
            trial.tracked.iter().map(|t| Assessment::new(t, raw.alpha, simulated_beta)).collect();
        let refuted = |a: &Assessment| decision == Ruling::Reject && a.refutation > 1.0 && !a.holds;
        // Stable: criteria alike in evidence keep the order of the gate's file.
        criteria.sort_by(|a, b| {
            let weight = |c: &Assessment| if refuted(c) { -c.refutation } else { c.e_value };
            a.holds.cmp(&b.holds).then(weight(a).total_cmp(&weight(b)))
        });
        let reason = reason(decision, &criteria, raw.minimum_effect, trial.users());
        Self {
            schema_version: SCHEMA_VERSION,
            verdict: decision,
            reason,
            alpha: raw.alpha,
            beta: raw.beta,
            simulated_beta,
            minimum_effect: raw.minimum_effect,
            users: trial.users(),
            baseline: baseline.to_owned(),
            challenger: challenger.to_owned(),
            rejection_evidence: trial.rejection_evidence(),
            criteria,
            logs: Vec::new(),
            provenance,
            caveat: CAVEAT,
        }
    }
}

impl Verdict {
    /// The verdict of simulated people and of logged decisions together: harm on a required log rejects, and
    /// a required log that does not hold withholds a promotion.
    #[must_use]
    pub fn with_logs(self, logs: Vec<LogAssessment>) -> Self {
        let required = logs.iter().filter(|log| log.required).count();
        let harm = logs.iter().find(|log| log.required && log.harms).map(LogAssessment::finding);
        let missing = logs.iter().find(|log| log.is_missing()).map(LogAssessment::finding);
        let together = Self { logs, ..self };
        match (together.verdict, harm, missing) {
            (Ruling::Promote | Ruling::Inconclusive, Some(reason), _) => {
                Self { verdict: Ruling::Reject, reason, ..together }
            }
            (Ruling::Promote, None, Some(reason)) => together.withheld(reason),
            (Ruling::Promote, None, None) if required > 0 => {
                let reason = format!("{}, and on logged decisions {required} of {required}", together.reason);
                Self { reason, ..together }
            }
            _ => together,
        }
    }

    /// The same verdict, but inconclusive for `reason` where it would have been a promotion.
    #[must_use]
    pub fn withheld(self, reason: String) -> Self {
        match self.verdict {
            Ruling::Promote => Self { verdict: Ruling::Inconclusive, reason, ..self },
            Ruling::Reject | Ruling::Inconclusive => self,
        }
    }
}

impl Assessment {
    /// Whether a larger figure is the better one.
    pub fn more_is_better(&self) -> bool {
        self.better.or(self.metric.better()) == Some(Direction::More)
    }

    fn new(tracked: &Tracked, alpha: f64, simulated_beta: f64) -> Self {
        let Tracked { criterion, proof, refutation, gains, held_after } = tracked;
        // Gains run in the direction that is better; differences are challenger minus baseline.
        let better = criterion.better == Direction::More;
        let mean = mean(gains);
        let (persona, segment) = match &criterion.segment {
            UserSegment::Persona(_, name) => (Some(name.clone()), None),
            other => (None, other.name().map(str::to_owned)),
        };
        let (low, high) = (lower_bound(gains, alpha), upper_bound(gains, alpha));
        let (lower, upper) = if better { (low, high) } else { (-high, -low) };
        let open = held_after.is_none();
        let standing = if gains.is_empty() {
            Standing::Unseen
        } else if !open {
            Standing::Holds
        } else if refutation.e_value() >= 1.0 / simulated_beta {
            Standing::Fails
        } else {
            Standing::Open
        };
        Self {
            id: criterion.id.clone(),
            kind: criterion.kind,
            metric: criterion.metric,
            better: Some(criterion.better).filter(|_| criterion.metric.better().is_none()),
            scenario: criterion.scenario_name.clone(),
            persona,
            segment,
            advisory: criterion.advisory,
            estimate: mean.map(|m| if better { m } else { 0.0 - m }),
            lower: mean.map(|_| lower),
            upper: mean.map(|_| upper),
            margin: criterion.margin,
            e_value: proof.e_value(),
            refutation: refutation.e_value(),
            users: gains.len() as u64,
            held_after: *held_after,
            holds: !open,
            standing,
            users_needed: open.then(|| projected_count(gains, criterion.null(), alpha)).flatten(),
        }
    }
}

fn reason(decision: Ruling, criteria: &[Assessment], minimum_effect: f64, users: u64) -> String {
    let open: Vec<&Assessment> = criteria.iter().filter(|c| !c.holds && !c.advisory).collect();
    let count = criteria.iter().filter(|c| !c.advisory).count();
    match (decision, open.first()) {
        (Ruling::Promote, _) if count == 1 => "the criterion is established".to_owned(),
        (Ruling::Promote, _) => format!("all {count} criteria are established"),
        (Ruling::Reject, Some(worst)) if worst.kind == Claim::Superior => {
            format!("{}: the gain, if any, is below the minimum effect of {minimum_effect}", worst.id)
        }
        (Ruling::Reject, Some(worst)) => {
            format!("{}: the challenger is worse by more than the margin of {}", worst.id, worst.margin)
        }
        (Ruling::Inconclusive, Some(weakest)) => {
            let needed = weakest.users_needed.map_or_else(
                || "and no number of users would establish it at this rate".to_owned(),
                |n| format!("which would take about {n} users"),
            );
            let open = match open.len() {
                1 => format!("1 of {count} criteria is open"),
                open => format!("{open} of {count} criteria are open"),
            };
            format!("{open} after {users} users, first {}, {needed}", weakest.id)
        }
        (Ruling::Reject | Ruling::Inconclusive, None) => "no criterion is open".to_owned(),
    }
}
