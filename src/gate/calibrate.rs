//! How often would this very gate promote what it must not, and how often what it should?
//!
//! From a pool of users gate runs are drawn with replacement, thousands per question:
//!
//! - *Nulls.* For each criterion in turn its gains are recentred, so that their mean in the pool lies exactly
//!   on the criterion's mark, while every other criterion is far inside. Each promotion is false; their
//!   rate must not exceed alpha.
//! - *Worst cases.* People vary little, so that such runs hardly ever cross, whatever the threshold. The null that uses up
//!   alpha has two values: a gain such as was observed, and rarely a loss of everything, with their mean on the mark. What
//!   is staked grows as it does for a good challenger until it is lost, so that a gate crosses in nearly alpha of the runs,
//!   and one whose threshold is too low in more than it may.
//! - *Power.* All gains are recentred to the observed mean times 0, 1/4, 1/2, 1 and 2.
//!
//! Two tests that people use instead are run on the same draws as the first nulls: a paired t-test at a size fixed
//! beforehand, and one that looks after every batch and stops when it likes what it sees.

use super::criterion::Criterion;
use super::criterion_test::{CriterionTest, Levels};
use super::eprocess::{Gain, mean};
use super::outcome::{GateOutcome, Ruling, outcome};
use super::pool::Pool;
use super::spec::GateSpec;
use super::trial::levels;
use crate::base::stats::{Moments, clopper_pearson_upper, normal_quantile, student_t_cdf};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use serde::Serialize;

/// Factors by which the observed effect is scaled for the power table.
pub const SCALES: [f64; 5] = [0.0, 0.25, 0.5, 1.0, 2.0];
/// Confidence of the upper bounds on false-promotion rates.
const CONFIDENCE: f64 = 0.95;
/// Probability with which a criterion that is crossed in exactly alpha of all runs is said to be crossed too often.
const FALSE_ALARM: f64 = 1e-6;
/// Evidence below which a run on a null is given up: it would cross later with probability at most this share of alpha.
const HOPELESS: f64 = 0.02;
/// By how much more than the mark the better of two values lies at least.
const LEAST_STEP: f64 = 0.02;
/// Power for which the fixed-size t-test is planned.
const PLANNED_POWER: f64 = 0.8;

/// What a pool of simulated users says of a gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Version of this object's JSON.
    pub schema_version: u32,
    /// Gate runs per null and per effect size.
    pub runs: u64,
    /// Largest rate of false promotions that the gate claims.
    pub alpha: f64,
    /// Users of each persona in the pool.
    pub pool: u64,
    /// The most false promotions in so many runs that are compatible with alpha: a rate of exactly alpha exceeds it with
    /// probability at most one in a million.
    pub allowed: u64,
    /// Whether no criterion has more.
    pub keeps: bool,
    /// One entry per criterion.
    pub nulls: Vec<Null>,
    /// One entry per effect size.
    pub power: Vec<Power>,
    /// The same nulls under tests that people use instead.
    pub comparisons: Vec<TestComparison>,
}

/// False promotions with one criterion on its boundary.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Null {
    /// The criterion's id.
    pub criterion: String,
    /// Runs that promoted.
    pub false_promotions: u64,
    /// Upper 95% Clopper-Pearson bound on their rate.
    pub upper: f64,
    /// Runs that promoted where gains have the two values that use up alpha.
    pub worst_case: u64,
}

/// Verdicts at one effect size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Power {
    /// What the observed effect was multiplied by.
    pub scale: f64,
    /// Share of runs that promoted.
    pub promote: f64,
    /// Share of runs that rejected.
    pub reject: f64,
    /// Share of runs that rejected a gain for being below the minimum effect.
    pub too_small: f64,
    /// Share of runs that did neither.
    pub inconclusive: f64,
    /// Mean users of each persona until decided.
    pub mean_users: f64,
}

/// Another test on the same null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestComparison {
    /// `fixed-size t-test` or `peeking t-test`.
    pub method: &'static str,
    /// The criterion's id.
    pub criterion: String,
    /// Runs that promoted.
    pub false_promotions: u64,
    /// Upper 95% Clopper-Pearson bound on their rate.
    pub upper: f64,
    /// Mean users of each persona that it looked at.
    pub mean_users: f64,
}

/// What one run on a null came to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    promoted: bool,
    users: u64,
}

/// Calibrates a gate on pools of gains, one per criterion that the decision rests on. `progress` is told of
/// every finished run.
///
/// Runs are independent streams of ChaCha8 by (seed, question, run): the same for any number of threads.
pub fn calibrate(
    spec: &GateSpec,
    pools: &[Pool],
    runs: u64,
    seed: u64,
    progress: impl Fn() + Sync,
) -> Calibration {
    calibrate_at(spec, spec.raw().alpha, pools, runs, seed, progress)
}

/// The same of a gate that promotes at the level `alpha`, whatever it says of itself.
fn calibrate_at(
    spec: &GateSpec,
    alpha: f64,
    pools: &[Pool],
    runs: u64,
    seed: u64,
    progress: impl Fn() + Sync,
) -> Calibration {
    let raw = spec.raw();
    let criteria: Vec<Criterion> = pools.iter().map(|p| p.criterion.clone()).collect();
    let levels = levels(spec, alpha, &criteria);
    let mut nulls = Vec::new();
    let mut comparisons: [Vec<TestComparison>; 2] = Default::default();
    for (question, pool) in pools.iter().enumerate() {
        let (criterion, mark) = (&pool.criterion, pool.criterion.mark());
        let test = CriterionTest::new(criterion, levels[question]);
        let at_mark = Pool { gains: recentred(&pool.gains, mark), ..pool.clone() };
        let fixed = planned_users(pool, mark, raw.alpha).clamp(2, raw.max_users.max(2));
        let of_run = |run: u64| {
            let rng = |purpose: u64| stream(seed, 2 * question as u64 + purpose, run);
            let mut at_random = rng(0);
            let result = null_run(spec, test.clone(), |block| block.extend(at_mark.draw(&mut at_random)));
            let (mut at_random, better) = (rng(1), better_value(pool));
            let worst = null_run(spec, test.clone(), |block| {
                block.extend_from_slice(pool.draw(&mut at_random));
                block.iter_mut().for_each(|gain| two_valued(gain, mark, better, &mut at_random));
            });
            let others = t_tests(spec, mark, &at_mark, fixed, rng(0));
            progress();
            (result, worst, others)
        };
        let results: Vec<(Run, Run, [Run; 2])> = (0..runs).into_par_iter().map(of_run).collect();
        let count = |of: &dyn Fn(&(Run, Run, [Run; 2])) -> Run| {
            results.iter().filter(|r| of(r).promoted).count() as u64
        };
        let false_promotions = count(&|r| r.0);
        nulls.push(Null {
            criterion: criterion.id.clone(),
            false_promotions,
            upper: upper(false_promotions, runs),
            worst_case: count(&|r| r.1),
        });
        for (i, method) in ["fixed-size t-test", "peeking t-test"].into_iter().enumerate() {
            let false_promotions = count(&|r| r.2[i]);
            comparisons[i].push(TestComparison {
                method,
                criterion: criterion.id.clone(),
                false_promotions,
                upper: upper(false_promotions, runs),
                mean_users: results.iter().map(|r| r.2[i].users as f64).sum::<f64>() / runs as f64,
            });
        }
    }
    let tests: Vec<CriterionTest> =
        criteria.iter().zip(&levels).map(|(c, l): (&Criterion, &Levels)| CriterionTest::new(c, *l)).collect();
    let power = SCALES.iter().enumerate().map(|(i, scale)| {
        let scaled = |pool: &Pool| Pool {
            gains: recentred(&pool.gains, scale * mean(&pool.gains).unwrap_or(0.0)),
            ..pool.clone()
        };
        let pools: Vec<Pool> = pools.iter().map(scaled).collect();
        let of_run = |run: u64| {
            let result =
                full_run(spec, &pools, tests.clone(), stream(seed, (2 * pools.len() + i) as u64, run));
            progress();
            result
        };
        let results: Vec<(GateOutcome, u64)> = (0..runs).into_par_iter().map(of_run).collect();
        let share = |of: &dyn Fn(GateOutcome) -> bool| {
            results.iter().filter(|(outcome, _)| of(*outcome)).count() as f64 / runs as f64
        };
        Power {
            scale: *scale,
            promote: share(&|o| o == GateOutcome::Promote),
            reject: share(&|o| o.ruling() == Ruling::Reject),
            too_small: share(&|o| matches!(o, GateOutcome::TooSmall | GateOutcome::NoGain)),
            inconclusive: share(&|o| o == GateOutcome::Inconclusive),
            mean_users: results.iter().map(|(_, users)| *users as f64).sum::<f64>() / runs as f64,
        }
    });
    let allowed = allowed(runs, raw.alpha);
    Calibration {
        schema_version: 2,
        runs,
        alpha: raw.alpha,
        pool: pools.first().map_or(0, |p| p.blocks().len() as u64),
        allowed,
        keeps: nulls.iter().all(|n| n.false_promotions.max(n.worst_case) <= allowed),
        power: power.collect(),
        nulls,
        comparisons: comparisons.concat(),
    }
}

/// The smallest count that a binomial of `runs` trials at `rate` exceeds with probability at most [`FALSE_ALARM`].
fn allowed(runs: u64, rate: f64) -> u64 {
    let n = runs as f64;
    let log_probability = |k: f64| {
        libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0)
            + k * libm::log(rate)
            + (n - k) * libm::log1p(-rate)
    };
    let mut tail = 0.0;
    for k in (0..=runs).rev() {
        tail += libm::exp(log_probability(k as f64));
        if tail > FALSE_ALARM {
            return k;
        }
    }
    0
}

impl Pool {
    /// One block at random.
    fn draw(&self, rng: &mut ChaCha8Rng) -> &[Gain] {
        let block = rng.random_range(0..(self.gains.len() / self.per_block) as u32) as usize;
        &self.gains[block * self.per_block..][..self.per_block]
    }
}

/// The better of the two values that use up alpha: the observed gain, where it is above the mark.
fn better_value(pool: &Pool) -> f64 {
    let mark = pool.criterion.mark();
    mean(&pool.gains).unwrap_or(mark).clamp(mark + LEAST_STEP, 1.0)
}

/// Replaces a gain by one of two values, a loss of everything being as rare as their mean on the mark demands.
fn two_valued(gain: &mut Gain, mark: f64, better: f64, rng: &mut ChaCha8Rng) {
    let share = (1.0 + mark) / (1.0 + better);
    let value = if rng.random::<f64>() < share { better } else { -1.0 };
    gain.sum = gain.weight * value;
}

fn upper(count: u64, runs: u64) -> f64 {
    clopper_pearson_upper(count, runs, 1.0 - CONFIDENCE)
}

fn stream(seed: u64, question: u64, run: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (question << 53));
    rng.set_stream(run);
    rng
}

/// The gains moved, and if need be drawn together, so that their mean is `target` and all stay in range.
fn recentred(gains: &[Gain], target: f64) -> Vec<Gain> {
    let center = mean(gains).unwrap_or(0.0);
    // The largest factor on deviations that keeps every value within [-1, 1].
    let room = |x: &Gain| {
        let deviation = x.sum / x.weight - center;
        let space = if deviation > 0.0 { 1.0 - target } else { 1.0 + target };
        space / deviation.abs()
    };
    let weighty = gains.iter().filter(|x| x.weight > 0.0);
    let factor = weighty.map(room).fold(1.0_f64, |f, r| if r < f { r } else { f });
    let moved = |x: &Gain| {
        let sum = x.weight * target + factor * (x.sum - x.weight * center);
        Gain { sum: sum.clamp(-x.weight, x.weight), weight: x.weight }
    };
    gains.iter().map(moved).collect()
}

/// One run with one criterion on its mark. The others are established from the start and their mirrored
/// processes have nothing left: nothing but this criterion stands in the way of a promotion.
fn null_run(spec: &GateSpec, mut test: CriterionTest, mut draw: impl FnMut(&mut Vec<Gain>)) -> Run {
    let mut block = Vec::new();
    loop {
        block.clear();
        draw(&mut block);
        test.observe(&block);
        let decided = test.held_after.is_some() || test.refuted_after.is_some();
        if decided || test.users >= spec.raw().max_users || test.proof.e_value() < HOPELESS {
            return Run { promoted: test.held_after.is_some(), users: test.users };
        }
    }
}

/// One run of the whole gate: one block is drawn per scenario, the same for all of its criteria.
fn full_run(
    spec: &GateSpec,
    pools: &[Pool],
    mut tests: Vec<CriterionTest>,
    mut rng: ChaCha8Rng,
) -> (GateOutcome, u64) {
    let raw = spec.raw();
    let scenarios = 1 + pools.iter().map(|p| p.criterion.scenario).max().unwrap_or(0);
    let size = pools.first().map_or(1, |p| p.blocks().len() as u32);
    let mut users = 0;
    loop {
        let of = |s: usize| pools.iter().enumerate().filter(move |(_, p)| p.criterion.scenario == s);
        let open: Vec<bool> = (0..scenarios).map(|s| of(s).any(|(i, _)| tests[i].is_open())).collect();
        for _ in 0..raw.batch.min(raw.max_users - users) {
            users += 1;
            for s in (0..scenarios).filter(|s| open[*s]) {
                let block = rng.random_range(0..size) as usize;
                for (i, pool) in of(s) {
                    tests[i].observe(&pool.gains[block * pool.per_block..][..pool.per_block]);
                }
            }
        }
        let deciding = pools.iter().zip(&tests).map(|(p, test)| (p.criterion.is_superior(), test));
        if let Some(outcome) = outcome(deciding, users >= raw.max_users) {
            return (outcome, users);
        }
    }
}

/// What a block gains beyond a mean of m0.
fn edge(block: &[Gain], m0: f64) -> f64 {
    block.iter().map(|x| x.sum - x.weight * m0).sum()
}

/// Users at which a one-sided paired t-test has the planned power for the effect that the pool shows.
fn planned_users(pool: &Pool, m0: f64, alpha: f64) -> u64 {
    let edges: Moments = pool.blocks().map(|block| edge(block, m0)).collect();
    let (mean, variance) = (edges.mean().unwrap_or(0.0), edges.variance().unwrap_or(0.0));
    let z = normal_quantile(1.0 - alpha) + normal_quantile(PLANNED_POWER);
    if mean > 0.0 { (z * z * variance / (mean * mean)).ceil() as u64 } else { u64::MAX }
}

/// A t-test at a fixed size, and one that looks after every batch, on one null.
fn t_tests(spec: &GateSpec, m0: f64, pool: &Pool, fixed: u64, mut rng: ChaCha8Rng) -> [Run; 2] {
    let raw = spec.raw();
    let mut edges = Moments::default();
    let z = normal_quantile(1.0 - raw.alpha);
    let significant = |edges: &Moments| {
        let (Some(mean), Some(error)) = (edges.mean(), edges.standard_error()) else { return false };
        // Student's t has heavier tails than the normal: what is within the normal quantile, nearly every look,
        // needs no tail of t.
        mean > error * z && student_t_cdf(-mean / error, (edges.count() - 1) as f64) < raw.alpha
    };
    let (mut at_fixed, mut peeking) = (None, None);
    let mut users = 0;
    while at_fixed.is_none() || peeking.is_none() {
        edges.observe(edge(pool.draw(&mut rng), m0));
        users += 1;
        if users == fixed {
            at_fixed = Some(Run { promoted: significant(&edges), users });
        }
        if peeking.is_none() && (users % raw.batch == 0 || users == raw.max_users) {
            let promoted = significant(&edges);
            if promoted || users == raw.max_users {
                peeking = Some(Run { promoted, users });
            }
        }
    }
    [at_fixed, peeking].map(|run| run.expect("the loop ends when both are there"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::claim::Claim;
    use crate::gate::criterion::Rival;
    use crate::gate::segment::UserSegment;
    use crate::simulation::metrics::{Direction, Metric};
    use statrs::distribution::{Binomial, DiscreteCDF};

    fn gate() -> GateSpec {
        let text = "description = \"small\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nmax_users = 1000\n\
                    [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"steady\"]\n";
        GateSpec::from_toml(text, "gate").unwrap()
    }

    /// Eight personas with unequal shares who gain about 0.04, and one of them alone who gains nothing, under a margin.
    fn pools() -> [Pool; 2] {
        let criterion = |kind: Claim, margin: f64| Criterion {
            id: kind_id(kind).to_owned(),
            kind,
            metric: Metric::Reward,
            better: Direction::More,
            scenario: 0,
            scenario_name: "steady".to_owned(),
            segment: UserSegment::Population,
            against: Rival::Baseline,
            minimum_effect: if margin > 0.0 { 0.0 } else { 0.01 },
            margin,
            relative_margin: None,
            advisory: false,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut gains = |per_block: usize, mean: f64| -> Vec<Gain> {
            let weight = |i: usize| 1.0 - 0.1 * (i % per_block) as f64;
            let value = |i: usize| weight(i) * (mean + 0.02 * (rng.random::<f64>() - 0.5));
            (0..50 * per_block)
                .map(value)
                .enumerate()
                .map(|(i, sum)| Gain { sum, weight: weight(i) })
                .collect()
        };
        [
            Pool {
                gains: gains(8, 0.04),
                per_block: 8,
                tolerated: 0.0,
                criterion: criterion(Claim::Superior, 0.0),
            },
            Pool {
                gains: gains(1, 0.0),
                per_block: 1,
                tolerated: 0.02,
                criterion: criterion(Claim::NotInferior, 0.02),
            },
        ]
    }

    fn kind_id(kind: Claim) -> &'static str {
        if kind == Claim::Superior { "superior" } else { "not inferior" }
    }

    #[test]
    fn the_allowance_passes_five_percent_and_fails_seven() {
        // scipy.stats.binom.isf(1e-6, 10000, 0.05) = 607.
        assert_eq!(allowed(10_000, 0.05), 607);
        // How often a criterion that is crossed in exactly so many of all runs is said to be crossed too often.
        let fails = |rate: f64, runs: u64| Binomial::new(rate, runs).unwrap().sf(allowed(runs, 0.05));
        assert!(fails(0.05, 10_000) <= FALSE_ALARM && fails(0.05, 2_000) <= FALSE_ALARM);
        // scipy.stats.binom.cdf(607, 10000, 0.07) = 1e-4: all but one of ten thousand calibrations notice it.
        assert!(fails(0.07, 10_000) > 0.9998, "{}", fails(0.07, 10_000));
    }

    #[test]
    fn the_worst_case_uses_up_alpha_and_a_loosened_threshold_fails() {
        // 2,000 runs: a rate of exactly 5% has less than 60 or more than the allowed number with probability below 1e-5.
        let (spec, pools) = (gate(), pools());
        let sound = calibrate(&spec, &pools, 2_000, 1, || ());
        assert!(sound.keeps, "{:?}", sound.nulls);
        for null in &sound.nulls {
            assert!((60..=sound.allowed).contains(&null.worst_case), "{null:?}");
        }
        // What was measured before, recentred people, does not notice a threshold of 5 instead of 20.
        let loosened = calibrate_at(&spec, 0.2, &pools, 2_000, 1, || ());
        assert!(!loosened.keeps);
        for null in &loosened.nulls {
            assert!(null.worst_case > loosened.allowed, "{null:?}");
            assert!(null.false_promotions <= loosened.allowed, "{null:?}");
        }
    }
}
