//! A trial in progress: every criterion's evidence, fed with paired users until a decision is reached.
//!
//! For each criterion two processes run. The first bets against its null and establishes it; the second,
//! mirrored, bets against the challenger that meets it (superiority by `minimum_effect`, or no harm beyond
//! the margin). Promote when all of the first have reached 1/alpha, each at a time of its own: an
//! intersection-union test, at level alpha without correction. Reject when the mean of the second ones
//! reaches 1/beta: a mean of e-processes is an e-process, whatever their dependence.

use super::criterion::Criterion;
use super::eprocess::{EProcess, Gain};
use super::pool::Pool;
use super::refusal::GateRefusal;
use super::segment::UserSegment;
use super::spec::GateSpec;
use crate::base::error::{Error, Result};
use crate::simulation::metrics::{Direction, Metric, UserRecord};
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
pub enum Ruling {
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
    pub(super) gains: Vec<Gain>,
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
        let track = |criterion: Criterion| Tracked {
            proof: EProcess::new(criterion.null()),
            refutation: EProcess::new(-criterion.aim(spec.raw().minimum_effect)),
            gains: Vec::new(),
            held_after: None,
            criterion,
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

    /// Criteria that the decision rests on: those that have been established, and all of them.
    pub fn established(&self) -> (usize, usize) {
        (self.deciding().filter(|t| t.held_after.is_some()).count(), self.deciding().count())
    }

    /// Draws users until the trial is decided, or until `users` of each persona have been drawn. `draw` is asked for the users of a range in some scenarios
    /// and answers, for each of them, one pair per user and persona, the persona changing fastest.
    /// `progress` is told after each batch.
    ///
    /// # Errors
    /// Those of `draw`, and pairs that cannot be judged.
    pub fn run(
        &mut self,
        users: u64,
        mut draw: impl FnMut(&[usize], Range<u64>) -> Result<Vec<Vec<PairedUser>>>,
        mut progress: impl FnMut(&Self),
    ) -> Result<Ruling> {
        loop {
            let open = self.open_scenarios();
            let to = users.min(self.users + self.spec.raw().batch);
            let pairs = draw(&open, self.users..to)?;
            for (scenario, pairs) in open.into_iter().zip(&pairs) {
                for user in pairs.chunks_exact(self.shares[scenario].len()) {
                    self.observe(scenario, user)?;
                }
            }
            self.users = to;
            progress(self);
            match self.decision() {
                Some(decision) => return Ok(decision),
                None if self.users >= users => return Ok(Ruling::Inconclusive),
                None => {}
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
            let Some(gain) = gain(criterion, user, shares) else {
                let (criterion, user) = (criterion.id.clone(), tracked.gains.len() as u64);
                return Err(Error::because(GateRefusal::NoEvidence { criterion, user }));
            };
            tracked.gains.push(gain);
            tracked.proof.observe(gain);
            tracked.refutation.observe(gain.mirrored());
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

    /// Promote or reject, once the evidence suffices.
    fn decision(&self) -> Option<Ruling> {
        if self.rejection_evidence() >= 1.0 / self.spec.simulated_beta() {
            Some(Ruling::Reject)
        } else if self.deciding().all(|t| t.held_after.is_some()) {
            Some(Ruling::Promote)
        } else {
            None
        }
    }

    /// The mean of the mirrored processes: the e-value against a challenger that meets every criterion, superiority by the
    /// minimum effect.
    pub fn rejection_evidence(&self) -> f64 {
        let (sum, count) =
            self.deciding().fold((0.0, 0.0), |(sum, n), t| (sum + t.refutation.e_value(), n + 1.0));
        sum / count
    }

    /// The gains of all users so far on every criterion that the decision rests on.
    pub fn pools(&self) -> Vec<Pool> {
        self.deciding().map(|t| Pool { criterion: t.criterion.clone(), gains: t.gains.clone() }).collect()
    }

    /// The criteria that the decision rests on: all but the advisory ones.
    fn deciding(&self) -> impl Iterator<Item = &Tracked> {
        self.tracked.iter().filter(|t| !t.criterion.advisory)
    }
}

/// The gain that one user of each persona shows on one criterion; `None` where a user that it is about made
/// no decision or has a figure that is no number.
fn gain(criterion: &Criterion, user: &[PairedUser], shares: &[f64]) -> Option<Gain> {
    if let UserSegment::Persona(persona, _) = criterion.segment {
        return user[persona].gain(criterion.metric, criterion.better).map(Gain::of);
    }
    let mut observation = Gain::default();
    for (p, (pair, share)) in user.iter().zip(shares).enumerate() {
        if criterion.segment.has(p, pair.baseline.traits) {
            observation.sum += share * pair.gain(criterion.metric, criterion.better)?;
            observation.weight += share;
        }
    }
    // Shares sum to 1 only up to rounding.
    observation.weight = observation.weight.min(1.0);
    observation.sum = observation.sum.clamp(-observation.weight, observation.weight);
    Some(observation)
}

impl PairedUser {
    /// The challenger's gain in one metric, in the direction that is better, as a share of the metric's
    /// range: in [-1, 1]. `None` where either made no decision.
    pub fn gain(&self, metric: Metric, better: Direction) -> Option<f64> {
        let difference = (self.challenger.mean(metric)? - self.baseline.mean(metric)?) / metric.range();
        let gain = better.gain(difference);
        gain.is_finite().then(|| gain.clamp(-1.0, 1.0))
    }
}
