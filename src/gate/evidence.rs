//! What a gate saw besides its criteria, summed up while the simulated users pass by: what charts and
//! model cards are made of. None of it decides anything.

use super::evidence_path::EvidencePath;
use super::log_assessment::{LogAssessment, Simulated};
use super::trial::Trial;
use crate::base::stats::{Moments, NormalMixture};
use crate::simulation::metrics::{Metric, UserRecord};
use crate::simulation::parts::{PartHeader, ScenarioHeader};
use crate::simulation::{Block, Course, LearningCurve, RunSums, courses};
use serde::{Deserialize, Serialize};

/// Most intervals of a path or curve.
pub const MOST_POINTS: u64 = 200;

/// Number of users at which the bounds on figures are tightest.
const TIGHTEST_AT: f64 = 256.0;

/// Everything that was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// Each scenario of the gate, the primary one (that of the first claim of superiority) first.
    pub scenarios: Vec<ScenarioEvidence>,
    /// What was seen on the way in the primary scenario, of baseline and challenger: the population's course, then each
    /// persona's. Empty without users.
    pub courses: Vec<Course>,
    /// Evidence for every criterion along the users, in the order of the gate's file.
    pub paths: Vec<EvidencePath>,
    /// Evidence against the challenger after each batch: log10 of the e-value that rejects at 1/beta.
    pub rejection: Vec<(u64, f64)>,
}

/// What was seen in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioEvidence {
    /// Its name.
    pub scenario: String,
    /// Decisions per user and policy.
    pub steps: u32,
    /// Users of each persona.
    pub users: u64,
    /// The population's figures, one per metric.
    pub figures: Vec<Figure>,
    /// Each persona's.
    pub personas: Vec<PersonaEvidence>,
}

/// What was seen of one persona.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonaEvidence {
    /// Its name.
    pub persona: String,
    /// Its share of the population.
    pub share: f64,
    /// Reactions under baseline and challenger, in the order of `Reaction::ALL`.
    pub reactions: [[u64; 4]; 2],
    /// One per metric.
    pub figures: Vec<Figure>,
}

/// One metric under both policies: means per decision in the metric's own units, and the difference,
/// challenger minus baseline, as a share of the metric's range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Which.
    pub metric: Metric,
    /// Mean over users under the baseline; `None` without users.
    pub baseline: Option<f64>,
    /// Mean over users under the challenger.
    pub challenger: Option<f64>,
    /// Mean of the paired differences.
    pub difference: Option<f64>,
    /// Lower bound on it: an asymptotic confidence sequence at the gate's alpha, which holds however often
    /// one looks once there are enough users for a mean to be normal (Waudby-Smith et al. 2024,
    /// "Time-uniform central limit theory and asymptotic confidence sequences"). `None` before the second
    /// user.
    pub lower: Option<f64>,
    /// Upper bound on it.
    pub upper: Option<f64>,
}

/// Sums over the users of one scenario so far.
#[derive(Debug, Clone)]
pub(crate) struct ScenarioSums {
    users: u64,
    shares: Vec<f64>,
    reactions: Vec<[[u64; 4]; 2]>,
    /// Of each persona, and of the population at the end.
    cells: Vec<[Cell; Metric::ALL.len()]>,
    /// What was counted of their decisions, where that is wanted.
    decisions: Option<RunSums>,
    /// Policies in each record: baseline and challenger come first.
    policies: usize,
}

/// One metric: baseline, challenger, difference as a share of the range.
type Cell = [Moments; 3];

impl ScenarioSums {
    /// No user of one scenario of a run yet; `decisions` is whether what was counted along the decisions is wanted.
    pub(crate) fn new(header: &PartHeader, scenario: usize, decisions: bool) -> Self {
        let shares: Vec<f64> = header.scenarios[scenario].personas.iter().map(|(_, share)| *share).collect();
        Self {
            users: 0,
            reactions: vec![[[0; 4]; 2]; shares.len()],
            cells: vec![<[Cell; Metric::ALL.len()]>::default(); shares.len() + 1],
            decisions: decisions.then(|| header.blank_sums(scenario)),
            policies: header.policies.len(),
            shares,
        }
    }

    /// Adds the users of a block of baseline and challenger.
    pub(crate) fn observe(&mut self, block: &Block) {
        if let Some(decisions) = &mut self.decisions {
            *decisions += &block.sums;
        }
        for user in block.records.chunks_exact(self.policies * self.shares.len()) {
            self.users += 1;
            for (m, metric) in Metric::ALL.into_iter().enumerate() {
                let mut population = [0.0; 3];
                for (p, pair) in user.chunks_exact(self.policies).enumerate() {
                    let Some(values) = values(pair, metric) else { continue };
                    for (i, value) in values.into_iter().enumerate() {
                        self.cells[p][m][i].observe(value);
                        population[i] += self.shares[p] * value;
                    }
                }
                let last = self.cells.len() - 1;
                for (moments, value) in self.cells[last][m].iter_mut().zip(population) {
                    moments.observe(value);
                }
            }
            for (pair, reactions) in user.chunks_exact(self.policies).zip(&mut self.reactions) {
                for (record, sums) in pair.iter().take(2).zip(reactions) {
                    record.reactions.iter().zip(sums).for_each(|(n, sum)| *sum += u64::from(*n));
                }
            }
        }
    }

    /// Takes what was counted of the decisions of users who were summed up before.
    pub(crate) fn replace_decisions(&mut self, decisions: &RunSums) {
        self.decisions = Some(decisions.clone());
    }

    fn into_evidence(self, scenario: &ScenarioHeader, alpha: f64) -> ScenarioEvidence {
        let figures = |cells: &[Cell; Metric::ALL.len()]| {
            Metric::ALL.into_iter().zip(cells).map(|(m, cell)| Figure::new(m, cell, alpha)).collect()
        };
        let personas = scenario.personas.iter().zip(&self.cells).zip(&self.reactions);
        ScenarioEvidence {
            scenario: scenario.name.clone(),
            steps: scenario.steps,
            users: self.users,
            figures: figures(&self.cells[self.cells.len() - 1]),
            personas: personas
                .map(|(((name, share), cells), reactions)| PersonaEvidence {
                    persona: name.clone(),
                    share: *share,
                    reactions: *reactions,
                    figures: figures(cells),
                })
                .collect(),
        }
    }
}

/// Both policies' means of a user and their difference; `None` without decisions.
fn values(pair: &[UserRecord], metric: Metric) -> Option<[f64; 3]> {
    let (baseline, challenger) = (pair[0].mean(metric)?, pair[1].mean(metric)?);
    Some([baseline, challenger, (challenger - baseline) / metric.range()])
}

impl Figure {
    fn new(metric: Metric, [baseline, challenger, difference]: &Cell, alpha: f64) -> Self {
        let n = difference.count() as f64;
        let half = difference.variance().map(|variance| {
            // The boundary for increments of variance 1, stretched to those seen.
            variance.sqrt() * NormalMixture::two_sided(TIGHTEST_AT, alpha).bound(n, alpha) / n
        });
        let bound = |sign: f64| Some((difference.mean()? + sign * half?).clamp(-1.0, 1.0));
        Self {
            metric,
            baseline: baseline.mean(),
            challenger: challenger.mean(),
            difference: difference.mean(),
            lower: bound(-1.0),
            upper: bound(1.0),
        }
    }
}

impl Evidence {
    /// What the scenarios' tallies and the trial add up to; `primary` is the primary scenario's position.
    pub(crate) fn new(
        trial: &Trial,
        header: &PartHeader,
        tallies: Vec<ScenarioSums>,
        primary: usize,
        rejection: Thinned,
    ) -> Self {
        let courses_of = |tally: &ScenarioSums| {
            let decisions = tally.decisions.as_ref().filter(|_| tally.users > 0)?;
            let ScenarioHeader { personas, kind_names, .. } = &header.scenarios[primary];
            Some(courses(decisions, &header.policies[..2], personas, kind_names))
        };
        let courses = courses_of(&tallies[primary]).unwrap_or_default();
        let alpha = trial.spec().raw().alpha;
        let mut scenarios: Vec<ScenarioEvidence> = tallies
            .into_iter()
            .zip(&header.scenarios)
            .map(|(tally, s)| tally.into_evidence(s, alpha))
            .collect();
        scenarios[..=primary].rotate_right(1);
        Self { scenarios, courses, paths: trial.paths(MOST_POINTS), rejection: rejection.finish() }
    }

    /// The same logs, each with what simulated people showed of the same difference.
    pub(crate) fn beside(&self, mut logs: Vec<LogAssessment>) -> Vec<LogAssessment> {
        let primary = self.primary();
        let reward = primary.figures.iter().find(|f| f.metric == Metric::Reward);
        for log in &mut logs {
            log.simulated = reward.map(|figure| Simulated {
                scenario: primary.scenario.clone(),
                estimate: figure.difference,
                lower: figure.lower,
                upper: figure.upper,
            });
        }
        logs
    }

    /// Learning curves of the population in the primary scenario: baseline, challenger. Empty without users.
    pub fn curves(&self) -> &[LearningCurve] {
        self.courses.first().map_or(&[], |course| &course.reward)
    }

    /// The primary scenario.
    pub fn primary(&self) -> &ScenarioEvidence {
        &self.scenarios[0]
    }
}

/// A path of which no more points are kept than a chart can show, however long it grows: when there are
/// too many every other one goes, and from then on twice as many are passed over.
#[derive(Debug, Clone)]
pub(crate) struct Thinned {
    points: Vec<(u64, f64)>,
    stride: u64,
    skipped: u64,
    latest: (u64, f64),
}

impl Thinned {
    /// A path that begins at no users and an e-value of 1.
    pub(crate) fn new() -> Self {
        Self { points: vec![(0, 0.0)], stride: 1, skipped: 0, latest: (0, 0.0) }
    }

    /// Adds the e-value after `users`.
    pub(crate) fn push(&mut self, users: u64, e_value: f64) {
        self.latest = (users, libm::log10(e_value));
        self.skipped += 1;
        if self.skipped < self.stride {
            return;
        }
        self.skipped = 0;
        self.points.push(self.latest);
        if self.points.len() as u64 > MOST_POINTS {
            self.points = self.points.iter().step_by(2).copied().collect();
            self.stride *= 2;
        }
    }

    fn finish(mut self) -> Vec<(u64, f64)> {
        if self.points.last() != Some(&self.latest) {
            self.points.push(self.latest);
        }
        self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_path_is_short_even_and_ends_at_the_latest_point() {
        for n in [0_u64, 1, 199, 200, 201, 5_000, 12_345] {
            let mut path = Thinned::new();
            (1..=n).for_each(|i| path.push(i, 10.0));
            let points = path.finish();
            assert!(points.len() as u64 <= MOST_POINTS + 2, "{n}: {}", points.len());
            assert_eq!(points.last().unwrap().0, n);
            let steps: Vec<u64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            let even = &steps[..steps.len().saturating_sub(1)];
            assert!(even.iter().all(|step| *step == even[0]), "{n}: {steps:?}");
        }
    }

    #[test]
    fn a_figure_knows_what_it_does_not_know() {
        let mut cell = Cell::default();
        let figure = |cell: &Cell| Figure::new(Metric::Reward, cell, 0.05);
        let seen = |mut moments: Moments, x: f64| {
            moments.observe(x);
            moments
        };
        assert_eq!((figure(&cell).difference, figure(&cell).lower), (None, None));
        cell = cell.map(|m| seen(m, 0.25));
        assert_eq!((figure(&cell).difference, figure(&cell).lower), (Some(0.25), None));
        cell = cell.map(|m| seen(m, 0.35));
        let Figure { difference, lower, upper, .. } = figure(&cell);
        assert!(lower < difference && difference < upper);
    }

    #[test]
    fn bounds_on_figures_are_missed_no_oftener_than_stated() {
        // 1,000 walks of 1,000 users, alpha = 0.1, looked at after every user from the 30th on: a valid
        // bound is missed by more than 0.13 of them with probability below 0.002. The bound of the last
        // look alone, 1.645 standard errors, is missed by far more.
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_xoshiro::SplitMix64::seed_from_u64(3);
        let (mut missed, mut missed_by_fixed) = (0, 0);
        for _ in 0..1_000 {
            let mut moments = Moments::default();
            let (mut miss, mut miss_by_fixed) = (false, false);
            for i in 1..=1_000 {
                moments.observe(0.1 * (rng.random::<f64>() - 0.5));
                if i >= 30 {
                    let figure = Figure::new(Metric::Reward, &[moments; 3], 0.1);
                    miss |= figure.lower.unwrap() > 0.0 || figure.upper.unwrap() < 0.0;
                    let error = moments.standard_error().unwrap();
                    miss_by_fixed |= moments.mean().unwrap().abs() > 1.645 * error;
                }
            }
            missed += i32::from(miss);
            missed_by_fixed += i32::from(miss_by_fixed);
        }
        assert!(missed < 130, "{missed}");
        assert!(missed_by_fixed > 300, "{missed_by_fixed}");
    }
}
