//! A trial in progress: every criterion's evidence, fed with paired users until a decision is reached.
//!
//! For each criterion two processes run. The first bets against its null and establishes it; the second,
//! mirrored, bets against the challenger that meets it (superiority by `minimum_effect`, or no harm beyond
//! the margin). Promote when all of the first have reached 1/alpha, each at a time of its own: an
//! intersection-union test, at level alpha without correction. Reject when the mean of the second ones
//! reaches 1/beta: a mean of e-processes is an e-process, whatever their dependence.

use super::eprocess::EProcess;
use super::spec::{Criterion, GateSpec, Kind};
use crate::error::{Error, Result};
use crate::metrics::{Metric, UserRecord};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// One simulated user of one persona under both policies.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PairedUser {
    /// Under the policy in charge.
    pub baseline: UserRecord,
    /// Under the policy that wants its place.
    pub challenger: UserRecord,
}

/// What a trial decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Every criterion has been established.
    Promote,
    /// The challenger harms beyond a margin, or gains too little to be worth it.
    Reject,
    /// Neither, with the users there were.
    Inconclusive,
}

/// The evidence on one criterion.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tracked {
    pub(super) criterion: Criterion,
    /// Bets against the null.
    pub(super) proof: EProcess,
    /// Bets against a challenger that meets the criterion.
    pub(super) refutation: EProcess,
    /// Gains of all users so far: differences in the direction that is better, as shares of the range.
    pub(super) gains: Vec<f64>,
    /// Users after which the criterion was established.
    pub(super) held_after: Option<u64>,
}

/// Evidence on all criteria of a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial<'a> {
    spec: &'a GateSpec,
    pub(super) tracked: Vec<Tracked>,
    /// Share of each persona in each scenario's population.
    shares: Vec<Vec<f64>>,
    users: u64,
}

impl<'a> Trial<'a> {
    /// A trial without users yet; `shares[s]` are the personas' shares in scenario s, summing to 1.
    pub fn new(spec: &'a GateSpec, criteria: Vec<Criterion>, shares: Vec<Vec<f64>>) -> Self {
        let track = |criterion: Criterion| {
            // The mirrored null: a gain of at least minimum_effect, or of at least minus the margin.
            let met = match criterion.kind {
                Kind::Superior => spec.raw().minimum_effect,
                Kind::NotInferior => -criterion.margin,
            };
            Tracked {
                proof: EProcess::new(criterion.null()),
                refutation: EProcess::new(-met),
                gains: Vec::new(),
                held_after: None,
                criterion,
            }
        };
        Self { spec, tracked: criteria.into_iter().map(track).collect(), shares, users: 0 }
    }

    /// The gate.
    pub fn spec(&self) -> &GateSpec {
        self.spec
    }

    /// Users of each persona drawn so far, in the scenarios that are still open.
    pub fn users(&self) -> u64 {
        self.users
    }

    /// Criteria that have been established, and all of them.
    pub fn established(&self) -> (usize, usize) {
        (self.tracked.iter().filter(|t| t.held_after.is_some()).count(), self.tracked.len())
    }

    /// Draws users until the trial is decided. `draw` is asked for the users of a range in some scenarios
    /// and answers, for each of them, one pair per user and persona, the persona changing fastest.
    /// `progress` is told after each batch.
    ///
    /// # Errors
    /// Those of `draw`, and pairs that cannot be judged.
    pub fn run(
        &mut self,
        mut draw: impl FnMut(&[usize], Range<u64>) -> Result<Vec<Vec<PairedUser>>>,
        mut progress: impl FnMut(&Self),
    ) -> Result<Decision> {
        loop {
            let open = self.open_scenarios();
            let to = self.spec.raw().max_users.min(self.users + self.spec.raw().batch);
            let pairs = draw(&open, self.users..to)?;
            for (scenario, pairs) in open.into_iter().zip(&pairs) {
                for user in pairs.chunks_exact(self.shares[scenario].len()) {
                    self.observe(scenario, user)?;
                }
            }
            self.users = to;
            progress(self);
            if let Some(decision) = self.decision() {
                return Ok(decision);
            }
        }
    }

    /// Adds one user of each persona in one scenario.
    ///
    /// # Errors
    /// A user without decisions or with a figure that is no number: evidence that is missing is neither for
    /// nor against anybody.
    pub fn observe(&mut self, scenario: usize, user: &[PairedUser]) -> Result<()> {
        let shares = &self.shares[scenario];
        let alpha = self.spec.raw().alpha;
        for tracked in self.tracked.iter_mut().filter(|t| t.criterion.scenario == scenario) {
            let criterion = &tracked.criterion;
            let gain = match criterion.persona {
                Some(persona) => user[persona].gain(criterion.metric),
                None => {
                    user.iter().zip(shares).map(|(u, share)| Some(share * u.gain(criterion.metric)?)).sum()
                }
            };
            let Some(gain) = gain.filter(|g| g.is_finite()) else {
                let id = &criterion.id;
                return Err(Error::Refused(format!(
                    "criterion {id}: user {} has no decision or a figure that is not a number; \
                     such evidence is not judged",
                    tracked.gains.len()
                )));
            };
            // Shares sum to 1 only up to rounding.
            let gain = gain.clamp(-1.0, 1.0);
            tracked.gains.push(gain);
            tracked.proof.observe(gain);
            tracked.refutation.observe(-gain);
            if tracked.held_after.is_none() && tracked.proof.reaches(alpha) {
                tracked.held_after = Some(tracked.gains.len() as u64);
            }
        }
        Ok(())
    }

    /// Scenarios in which some criterion has not been established yet.
    fn open_scenarios(&self) -> Vec<usize> {
        let open =
            |s: &usize| self.tracked.iter().any(|t| t.criterion.scenario == *s && t.held_after.is_none());
        (0..self.shares.len()).filter(open).collect()
    }

    /// The decision, once there is one.
    pub fn decision(&self) -> Option<Decision> {
        if self.rejection_evidence() >= 1.0 / self.spec.raw().beta {
            Some(Decision::Reject)
        } else if self.tracked.iter().all(|t| t.held_after.is_some()) {
            Some(Decision::Promote)
        } else {
            (self.users >= self.spec.raw().max_users).then_some(Decision::Inconclusive)
        }
    }

    /// The mean of the mirrored processes: the e-value against a challenger that meets every criterion.
    pub fn rejection_evidence(&self) -> f64 {
        let sum: f64 = self.tracked.iter().map(|t| t.refutation.e_value()).sum();
        sum / self.tracked.len() as f64
    }
}

impl PairedUser {
    /// The challenger's gain in one metric, in the direction that is better, as a share of the metric's
    /// range: in [-1, 1]. `None` where either made no decision.
    pub fn gain(&self, metric: Metric) -> Option<f64> {
        let difference = (self.challenger.mean(metric)? - self.baseline.mean(metric)?) / metric.range();
        Some(if metric.more_is_better() { difference } else { -difference })
    }
}
