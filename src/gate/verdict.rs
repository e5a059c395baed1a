//! What was decided, and everything that it rests on.

use super::claim::Claim;
use super::criterion::Rival;
use super::eprocess::{lower_bound, mean, projected_count, upper_bound};
use super::log_assessment::LogAssessment;
use super::outcome::{GateOutcome, Ruling, refuted_superiority};
use super::segment::UserSegment;
use super::trial::{Tracked, Trial};
use crate::simulation::metrics::{Direction, Metric};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the verdict's JSON.
pub const SCHEMA_VERSION: u32 = 2;

/// Where the seed came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeedSource {
    /// From what personas and scenarios mean, and from the number of the attempt.
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
    /// Why, in a word.
    pub outcome: GateOutcome,
    /// Why, in a sentence.
    pub reason: String,
    /// The criterion or log that decided, where one did.
    pub decided_by: Option<String>,
    /// The gate, as whoever asked named it.
    pub gate: String,
    /// The people, as whoever asked named them.
    pub people: String,
    /// Which attempt of a series this is; `None` where nobody counts.
    pub attempt: Option<u64>,
    /// Largest probability of a wrong promotion: of this attempt, where attempts are counted.
    pub alpha: f64,
    /// Largest probability of any wrong promotion in a series of attempts: the gate's own alpha.
    #[serde(skip)]
    pub series_alpha: f64,
    /// Largest probability of a wrong rejection.
    pub beta: f64,
    /// The part of it that simulated people may use: [`GateSpec::simulated_beta`](super::GateSpec::simulated_beta).
    #[serde(skip)]
    pub simulated_beta: f64,
    /// Largest probability of finding a gain below the minimum effect that is not.
    #[serde(skip)]
    pub superiority_beta: f64,
    /// The smallest superiority worth promoting for.
    pub minimum_effect: f64,
    /// Users of each persona that were drawn.
    pub users: u64,
    /// The policy in charge.
    pub baseline: String,
    /// The policy that wants its place.
    pub challenger: String,
    /// The policy below which nobody may fall, where it is another one than the baseline.
    pub reference: Option<String>,
    /// E-value against a challenger that meets every criterion; 1/beta rejects.
    pub rejection_evidence: f64,
    /// Every criterion: those that do not hold first, weakest evidence first.
    pub criteria: Vec<Assessment>,
    /// What logged decisions showed, in the order of the gate's file.
    pub logs: Vec<LogAssessment>,
    /// What deserves attention and decides nothing.
    pub warnings: Vec<String>,
    /// The command that shows what decided a rejection.
    pub look: Option<String>,
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
    /// Refuted: the evidence that it is not met has reached 1/beta over its part of beta.
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
    /// The loss that would be tolerated; with a relative margin its mean over the users so far.
    pub margin: f64,
    /// Whether the margin is relative to what a user has.
    #[serde(skip)]
    pub is_relative: bool,
    /// With whom the challenger is compared.
    pub against: Rival,
    /// The gain, in the direction that is better, that must be exceeded: the minimum effect, or minus the margin.
    pub mark: f64,
    /// Of superiority: whether there is a gain at all, once that is established either way.
    pub gains: Option<bool>,
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

/// Who is judged, by whom, on whom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parties {
    /// The gate, as whoever asked named it.
    pub(super) gate: String,
    /// The people, as whoever asked named them.
    pub(super) people: String,
    /// The policy in charge.
    pub(super) baseline: String,
    /// The policy that wants its place.
    pub(super) challenger: String,
    /// The policy below which nobody may fall, where it is another one.
    pub(super) reference: Option<String>,
    /// Which attempt of a series this is.
    pub(super) attempt: Option<u64>,
}

impl Verdict {
    /// The verdict of a trial that has come to `outcome`.
    pub(super) fn new(trial: &Trial, outcome: GateOutcome, parties: Parties, provenance: Provenance) -> Self {
        let (raw, simulated_beta) = (trial.spec().raw(), trial.spec().simulated_beta());
        let mut criteria: Vec<Assessment> =
            trial.tracked.iter().map(|t| Assessment::new(t, trial.alpha())).collect();
        let decided_by = decided_by(trial, outcome);
        // Stable: criteria alike in evidence keep the order of the gate's file.
        criteria.sort_by(|a, b| {
            let refuted = |c: &Assessment| outcome.ruling() == Ruling::Reject && c.refutation > 1.0;
            let weight = |c: &Assessment| if refuted(c) { -c.refutation } else { c.e_value };
            let decided = |c: &Assessment| decided_by.as_ref() != Some(&c.id);
            (decided(a), a.holds).cmp(&(decided(b), b.holds)).then(weight(a).total_cmp(&weight(b)))
        });
        let reason = reason(outcome, &criteria, &parties, raw.minimum_effect, trial.users());
        let deciding = || trial.deciding().filter(|t| t.criterion.is_superior());
        Self {
            schema_version: SCHEMA_VERSION,
            verdict: outcome.ruling(),
            outcome,
            reason,
            decided_by,
            gate: parties.gate,
            people: parties.people,
            attempt: parties.attempt,
            alpha: trial.alpha(),
            series_alpha: raw.alpha,
            beta: raw.beta,
            simulated_beta,
            superiority_beta: deciding().map(|t| t.test.levels().beta).sum(),
            minimum_effect: raw.minimum_effect,
            users: trial.users(),
            baseline: parties.baseline,
            challenger: parties.challenger,
            reference: parties.reference,
            rejection_evidence: trial.rejection_evidence(),
            criteria,
            logs: Vec::new(),
            warnings: Vec::new(),
            look: None,
            provenance,
            caveat: CAVEAT,
        }
    }

    /// The first claim of superiority that the decision rests on.
    pub fn superiority(&self) -> Option<&Assessment> {
        self.criteria.iter().find(|c| c.kind == Claim::Superior && !c.advisory)
    }

    /// The verdict of simulated people and of logged decisions together: harm on a required log rejects, and
    /// a required log that does not hold withholds a promotion.
    #[must_use]
    pub fn with_logs(self, logs: Vec<LogAssessment>) -> Self {
        let required = logs.iter().filter(|log| log.required).count();
        let find = |of: fn(&LogAssessment) -> bool| {
            logs.iter().find(|log| of(log)).map(|log| (log.id.clone(), log.finding()))
        };
        let (harm, missing) = (find(|log| log.required && log.harms), find(LogAssessment::is_missing));
        let together = Self { logs, ..self };
        match (together.verdict, harm, missing) {
            (Ruling::Promote | Ruling::Inconclusive, Some((id, reason)), _) => Self {
                verdict: Ruling::Reject,
                outcome: GateOutcome::Harm,
                reason,
                decided_by: Some(id),
                ..together
            },
            (Ruling::Promote, None, Some((id, reason))) => {
                Self { decided_by: Some(id), ..together.withheld(reason) }
            }
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
            Ruling::Promote => {
                Self { verdict: Ruling::Inconclusive, outcome: GateOutcome::Inconclusive, reason, ..self }
            }
            Ruling::Reject | Ruling::Inconclusive => self,
        }
    }
}

/// The id of the criterion that decided a rejection.
fn decided_by(trial: &Trial, outcome: GateOutcome) -> Option<String> {
    match outcome {
        GateOutcome::Promote | GateOutcome::Inconclusive => None,
        GateOutcome::Harm => {
            let refuted = trial
                .deciding()
                .filter(|t| !t.criterion.is_superior() && t.test.refuted_after.is_some())
                .max_by(|a, b| a.test.refuted_share().total_cmp(&b.test.refuted_share()));
            refuted.map(|t| t.criterion.id.clone())
        }
        GateOutcome::TooSmall | GateOutcome::NoGain => {
            let test = refuted_superiority(trial.deciding().map(|t| (t.criterion.is_superior(), &t.test)))?;
            let decided = trial.deciding().find(|t| std::ptr::eq(&raw const t.test, test));
            decided.map(|t| t.criterion.id.clone())
        }
    }
}

impl Assessment {
    /// Whether a larger figure is the better one.
    pub fn more_is_better(&self) -> bool {
        self.better.or(self.metric.better()) == Some(Direction::More)
    }

    fn new(tracked: &Tracked, alpha: f64) -> Self {
        let Tracked { criterion, test, gains, per_block, .. } = tracked;
        // Gains run in the direction that is better; differences are the challenger's minus the other's.
        let better = criterion.better == Direction::More;
        let tolerated = tracked.tolerated();
        let plain = tracked.plain();
        let mean = mean(plain);
        let (persona, segment) = match &criterion.segment {
            UserSegment::Persona(_, name) => (Some(name.clone()), None),
            other => (None, other.name().map(str::to_owned)),
        };
        let (low, high) = (lower_bound(plain, alpha), upper_bound(plain, alpha));
        let (lower, upper) = if better { (low, high) } else { (-high, -low) };
        let holds = test.held_after.is_some();
        let standing = if gains.is_empty() {
            Standing::Unseen
        } else if holds {
            Standing::Holds
        } else if test.refuted_after.is_some() {
            Standing::Fails
        } else {
            Standing::Open
        };
        let needed =
            || projected_count(gains, criterion.mark(), alpha).map(|n| n.div_ceil(*per_block as u64));
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
            margin: if criterion.is_superior() { 0.0 } else { tolerated },
            is_relative: criterion.relative_margin.is_some(),
            against: criterion.against,
            mark: if criterion.is_superior() { criterion.minimum_effect } else { -tolerated },
            gains: test.gains,
            e_value: test.proof.e_value(),
            refutation: test.refutation.e_value(),
            users: test.users,
            held_after: test.held_after,
            holds,
            standing,
            users_needed: if standing == Standing::Open { needed() } else { None },
        }
    }
}

fn reason(
    outcome: GateOutcome,
    criteria: &[Assessment],
    parties: &Parties,
    minimum_effect: f64,
    users: u64,
) -> String {
    let open: Vec<&Assessment> = criteria.iter().filter(|c| !c.holds && !c.advisory).collect();
    let count = criteria.iter().filter(|c| !c.advisory).count();
    let Some(first) = criteria.first() else { return "there is no criterion".to_owned() };
    let id = &first.id;
    match outcome {
        GateOutcome::Promote if count == 1 => "the criterion is established".to_owned(),
        GateOutcome::Promote => format!("all {count} criteria are established"),
        GateOutcome::TooSmall => {
            format!(
                "{id}: a real gain, too small to matter: above 0 and below the minimum effect of {minimum_effect}"
            )
        }
        GateOutcome::NoGain if first.gains == Some(false) => {
            format!("{id}: there is no gain, but a loss")
        }
        GateOutcome::NoGain => {
            format!("{id}: the gain, if any, is below the minimum effect of {minimum_effect}")
        }
        GateOutcome::Harm => {
            let rival = match first.against {
                Rival::Baseline => &parties.baseline,
                Rival::Reference => parties.reference.as_ref().unwrap_or(&parties.baseline),
            };
            format!(
                "{id}: worse than {rival} by more than the margin of {}",
                (first.margin * 1e4).round() / 1e4
            )
        }
        GateOutcome::Inconclusive => {
            let Some(weakest) = open.first() else { return "no criterion is open".to_owned() };
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::segment::{Setting, UserSegment};
    use crate::gate::spec::GateSpec;
    use crate::gate::trial::TriedUser;
    use crate::people::scenario::TraitShares;
    use crate::simulation::metrics::UserRecord;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    /// What is tolerated of a user varies much, and what is gained beyond that not at all: bounds on the latter, less the mean
    /// of the former so far, would miss the gain in half of these runs.
    #[test]
    fn bounds_beside_a_relative_margin_hold_as_often_as_they_say() {
        let text = "description = \"d\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nmax_users = 9999\n\
                    [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"steady\"]\n\
                    [[criteria]]\nkind = \"not-inferior\"\nmetric = \"reward\"\nscenarios = [\"steady\"]\nmargin = 0.25\n\
                    relative_margin = 0.9\n";
        let spec = GateSpec::from_toml(text, "gate").unwrap();
        let setting = Setting {
            name: "steady".to_owned(),
            personas: vec![("somebody".to_owned(), 1.0)],
            traits: TraitShares::default(),
            without_effect: Vec::new(),
        };
        let record = |completed: u32| UserRecord {
            reactions: [completed, 0, 32 - completed, 0],
            ..UserRecord::default()
        };
        let user = |baseline: u32, challenger: u32| TriedUser {
            baseline: record(baseline),
            challenger: record(challenger),
            reference: None,
        };
        // Of the range 0.667 in all decisions, of which 0.25 may be lost and nothing is; or nothing, of which 0.0625 may be
        // lost, and 0.1875 is gained.
        let (mut missed, gain) = (0, 0.1875 / 2.0);
        for run in 0..100 {
            let mut rng = ChaCha8Rng::seed_from_u64(11);
            rng.set_stream(run);
            let criteria = spec.criteria(std::slice::from_ref(&setting), false).unwrap();
            let mut trial = Trial::new(&spec, 0.05, criteria, vec![vec![1.0]]);
            let wanted = trial.whole(0);
            for _ in 0..4000 {
                let drawn = if rng.random() { user(32, 32) } else { user(0, 9) };
                trial.observe(&wanted, &[drawn]).unwrap();
            }
            let assessment = Assessment::new(&trial.tracked[1], 0.05);
            assert!(matches!(trial.tracked[1].criterion.segment, UserSegment::Population));
            assert!(assessment.holds && assessment.is_relative && (assessment.margin - 0.156).abs() < 0.02);
            let (lower, upper) = (assessment.lower.unwrap(), assessment.upper.unwrap());
            missed += u32::from(!(lower..=upper).contains(&gain));
        }
        // Each side misses in at most 5%: more than 22 of 100 runs have probability below 2e-4.
        assert!(missed <= 22, "{missed}");
    }
}
