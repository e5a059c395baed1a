//! A trial in progress: every criterion's evidence, fed with the users of one block after another until a decision is
//! reached.
//!
//! For each criterion two processes run, one against its null and one, mirrored, against the challenger that meets it.
//! Promote when all of the first have reached 1/alpha, each at a time of its own: an intersection-union test, at level
//! alpha without correction. A criterion is refuted when the second one reaches 1/beta over its part of beta: half of it
//! for the claims of superiority, half for all others, in equal parts. So a challenger that meets every criterion is
//! rejected with probability at most beta, and one criterion has decided.

use super::criterion::{Criterion, Rival};
use super::criterion_test::{CriterionTest, Levels};
use super::eprocess::Gain;
use super::outcome::{GateOutcome, outcome};
use super::pool::Pool;
use super::refusal::GateRefusal;
use super::segment::UserSegment;
use super::spec::GateSpec;
use crate::base::error::{Error, Result};
use crate::simulation::metrics::UserRecord;
use std::ops::Range;

/// Users of each persona in every scenario after whom a challenger that has done nothing of its own is the baseline.
const SAME_USERS: u64 = 64;

/// One simulated user of one persona under the policies of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TriedUser {
    /// Under the policy in charge.
    pub baseline: UserRecord,
    /// Under the policy that wants its place.
    pub challenger: UserRecord,
    /// Under the policy below which nobody may fall, where that is another one than the baseline.
    pub reference: Option<UserRecord>,
}

/// The evidence on one criterion.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tracked {
    pub(super) criterion: Criterion,
    pub(super) test: CriterionTest,
    /// Gains of all users so far, block by block, as they are bet on: differences in the direction that is better, as shares
    /// of the range.
    pub(super) gains: Vec<Gain>,
    /// The same without what a relative margin adds; empty where there is none, for then they are the same.
    plain: Vec<Gain>,
    /// Gains in a block.
    pub(super) per_block: usize,
    /// Sum of the losses that are tolerated, weighted as the gains.
    tolerated: f64,
}

impl Tracked {
    /// Gains of all users so far, whatever is tolerated of them: estimate and bounds are of these. What is tolerated on
    /// average is an estimate itself, so bounds on what is bet on, less that, would be no bounds.
    pub(super) fn plain(&self) -> &[Gain] {
        if self.criterion.relative_margin.is_some() { &self.plain } else { &self.gains }
    }

    /// Mean loss that is tolerated.
    pub(super) fn tolerated(&self) -> f64 {
        if self.criterion.relative_margin.is_none() {
            return self.criterion.margin;
        }
        let weight: f64 = self.gains.iter().map(|gain| gain.weight).sum();
        if weight > 0.0 { self.tolerated / weight } else { self.criterion.margin }
    }

    fn observe(&mut self, user: &[TriedUser], shares: &[f64]) -> Result<()> {
        let from = self.gains.len();
        let largest = shares.iter().copied().fold(0.0, f64::max);
        let of = |p: usize| if self.per_block == 1 { 1.0 } else { shares[p] / largest };
        for (p, tried) in user.iter().enumerate().filter(|(p, _)| self.criterion.segment.is_about(*p)) {
            let (mut gain, mut plain) = (Gain::default(), Gain::default());
            if self.criterion.segment.has(p, tried.baseline.traits) {
                let Some((value, tolerated)) = tried.gain(&self.criterion) else {
                    let criterion = self.criterion.id.clone();
                    return Err(Error::because(GateRefusal::NoEvidence { criterion, user: self.test.users }));
                };
                gain = Gain { sum: of(p) * self.criterion.staked(value, tolerated), weight: of(p) };
                plain = Gain { sum: of(p) * value, weight: of(p) };
                self.tolerated += of(p) * tolerated;
            }
            self.gains.push(gain);
            if self.criterion.relative_margin.is_some() {
                self.plain.push(plain);
            }
        }
        self.test.observe(&self.gains[from..]);
        Ok(())
    }
}

/// A scenario in which more users are wanted, and the personas of whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Position of the scenario.
    pub scenario: usize,
    /// Whether users of each persona are wanted. All are while a criterion is open that is about several.
    pub personas: Vec<bool>,
}

impl Wanted {
    /// Whether users of every persona are wanted.
    pub fn is_whole(&self) -> bool {
        self.personas.iter().all(|wanted| *wanted)
    }
}

/// Evidence on all criteria of a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial<'a> {
    spec: &'a GateSpec,
    alpha: f64,
    pub(super) tracked: Vec<Tracked>,
    /// Share of each persona in each scenario's population.
    shares: Vec<Vec<f64>>,
    users: u64,
    /// Whether the challenger has done anything that the baseline has not.
    differs: bool,
}

/// The part of beta that each criterion may use: half for the claims of superiority, half for the others; all of it for
/// one that is only shown.
pub(super) fn levels(spec: &GateSpec, alpha: f64, criteria: &[Criterion]) -> Vec<Levels> {
    let count = |superior: bool| {
        criteria.iter().filter(|c| !c.advisory && c.is_superior() == superior).count() as f64
    };
    let halves = if count(true) > 0.0 && count(false) > 0.0 { 2.0 } else { 1.0 };
    let of = |criterion: &Criterion| {
        let parts = if criterion.advisory { 1.0 } else { halves * count(criterion.is_superior()) };
        Levels { alpha, beta: spec.simulated_beta() / parts }
    };
    criteria.iter().map(of).collect()
}

impl<'a> Trial<'a> {
    /// A trial at level `alpha` without users yet; `shares[s]` are the personas' shares in scenario s, summing to 1.
    pub fn new(spec: &'a GateSpec, alpha: f64, criteria: Vec<Criterion>, shares: Vec<Vec<f64>>) -> Self {
        let levels = levels(spec, alpha, &criteria);
        let track = |(criterion, levels): (Criterion, Levels)| Tracked {
            test: CriterionTest::new(&criterion, levels),
            gains: Vec::new(),
            plain: Vec::new(),
            per_block: match criterion.segment {
                UserSegment::Persona(..) => 1,
                _ => shares[criterion.scenario].len(),
            },
            tolerated: 0.0,
            criterion,
        };
        let tracked = criteria.into_iter().zip(levels).map(track).collect();
        Self { spec, alpha, tracked, shares, users: 0, differs: false }
    }

    /// The gate.
    pub fn spec(&self) -> &GateSpec {
        self.spec
    }

    /// Largest probability of a wrong promotion.
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// Users of each persona drawn so far, in the scenarios that are still open.
    pub fn users(&self) -> u64 {
        self.users
    }

    /// Whether the challenger has done anything so far that the baseline has not.
    pub fn differs(&self) -> bool {
        self.differs
    }

    /// Criteria that the decision rests on: those that have been established, and all of them.
    pub fn established(&self) -> (usize, usize) {
        (self.deciding().filter(|t| t.test.held_after.is_some()).count(), self.deciding().count())
    }

    /// Draws users until the trial is decided, or until `users` of each persona have been drawn. `draw` is asked for the
    /// users of a range in some scenarios and answers, for each of them, one record per user and persona, the persona
    /// changing fastest; those of personas who are not wanted are not looked at. `progress` is told after each batch.
    ///
    /// # Errors
    /// Those of `draw`, and users that cannot be judged.
    pub fn run(
        &mut self,
        users: u64,
        mut draw: impl FnMut(&[Wanted], Range<u64>) -> Result<Vec<Vec<TriedUser>>>,
        mut progress: impl FnMut(&Self),
    ) -> Result<GateOutcome> {
        loop {
            let open = self.wanted();
            let to = users.min(self.users + self.spec.raw().batch);
            let tried = draw(&open, self.users..to)?;
            for (wanted, tried) in open.iter().zip(&tried) {
                for user in tried.chunks_exact(self.shares[wanted.scenario].len()) {
                    self.observe(wanted, user)?;
                }
            }
            self.users = to;
            progress(self);
            if !self.differs {
                // A challenger that does what the baseline does, whatever it is called or made of, gives no evidence.
                if self.users >= users.min(SAME_USERS) {
                    return Ok(GateOutcome::Inconclusive);
                }
                continue;
            }
            let deciding = self.deciding().map(|t| (t.criterion.is_superior(), &t.test));
            if let Some(outcome) = outcome(deciding, self.users >= users) {
                return Ok(outcome);
            }
        }
    }

    /// Users of every persona of a scenario.
    pub fn whole(&self, scenario: usize) -> Wanted {
        Wanted { scenario, personas: vec![true; self.shares[scenario].len()] }
    }

    /// Adds one user of each persona that is wanted in one scenario.
    ///
    /// # Errors
    /// A user without decisions or with a figure that is no number: evidence that is missing is neither for
    /// nor against anybody.
    pub fn observe(&mut self, wanted: &Wanted, user: &[TriedUser]) -> Result<()> {
        let scenario = wanted.scenario;
        let those = user.iter().zip(&wanted.personas).filter(|(_, wanted)| **wanted);
        self.differs |= those.into_iter().any(|(tried, _)| tried.baseline != tried.challenger);
        let shares = &self.shares[scenario];
        let is_there =
            |t: &Tracked| (0..shares.len()).all(|p| wanted.personas[p] || !t.criterion.segment.is_about(p));
        let mut here = self.tracked.iter_mut().filter(|t| t.criterion.scenario == scenario && is_there(t));
        here.try_for_each(|tracked| tracked.observe(user, shares))
    }

    /// Whose users could change what is said of some criterion.
    fn wanted(&self) -> Vec<Wanted> {
        let of = |scenario: usize| {
            let open = |t: &&Tracked| t.criterion.scenario == scenario && t.test.is_open();
            let about = |p: usize| self.tracked.iter().filter(open).any(|t| t.criterion.segment.is_about(p));
            Wanted { scenario, personas: (0..self.shares[scenario].len()).map(about).collect() }
        };
        (0..self.shares.len()).map(of).filter(|wanted| wanted.personas.contains(&true)).collect()
    }

    /// The largest evidence against a criterion, each weighted by its part of beta: 1/beta rejects. It is at most the
    /// weighted mean of all e-processes, so it is the e-value against a challenger that meets every criterion.
    pub fn rejection_evidence(&self) -> f64 {
        let largest = self.deciding().map(|t| t.test.refuted_share()).fold(0.0, f64::max);
        largest / self.spec.simulated_beta()
    }

    /// The gains of all users so far on every criterion that the decision rests on.
    pub fn pools(&self) -> Vec<Pool> {
        let pool = |t: &Tracked| Pool {
            criterion: t.criterion.clone(),
            gains: t.gains.clone(),
            per_block: t.per_block,
            tolerated: t.tolerated(),
        };
        self.deciding().map(pool).collect()
    }

    /// The criteria that the decision rests on: all but the advisory ones.
    pub(super) fn deciding(&self) -> impl Iterator<Item = &Tracked> + Clone {
        self.tracked.iter().filter(|t| !t.criterion.advisory)
    }
}

impl TriedUser {
    /// The challenger's gain on a criterion, in [-1, 1], and the loss that is tolerated of this user. `None` where either
    /// policy made no decision.
    fn gain(&self, criterion: &Criterion) -> Option<(f64, f64)> {
        let rival = match criterion.against {
            Rival::Baseline => &self.baseline,
            Rival::Reference => self.reference.as_ref().unwrap_or(&self.baseline),
        };
        let range = criterion.metric.range();
        let has = rival.mean(criterion.metric)?;
        let gain = criterion.better.gain((self.challenger.mean(criterion.metric)? - has) / range);
        let tolerated = criterion.tolerated(has / range);
        gain.is_finite().then(|| (gain.clamp(-1.0, 1.0), tolerated))
    }
}
