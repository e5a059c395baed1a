//! How often would this very gate promote what it must not, and how often what it should?
//!
//! From a pool of paired users gate runs are drawn with replacement, thousands per question:
//!
//! - *Nulls.* For each criterion in turn its gains are recentred, so that their mean in the pool lies exactly
//!   on the criterion's boundary, while every other criterion is far inside. Each promotion is false; their
//!   rate must not exceed alpha.
//! - *Power.* All gains are recentred to the observed mean times 0, 1/4, 1/2, 1 and 2.
//!
//! Two tests that people use instead are run on the same draws: a paired t-test at a size fixed beforehand,
//! and one that looks after every batch and stops when it likes what it sees.

use super::criterion::Criterion;
use super::eprocess::{EProcess, Gain, mean};
use super::pool::Pool;
use super::spec::GateSpec;
use crate::base::stats::{Moments, clopper_pearson_upper, normal_quantile, student_t_cdf};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use serde::Serialize;

/// Factors by which the observed effect is scaled for the power table.
pub const SCALES: [f64; 5] = [0.0, 0.25, 0.5, 1.0, 2.0];
/// Confidence of the upper bounds on false-promotion rates.
const CONFIDENCE: f64 = 0.95;
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

/// What one run of a gate came to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Run {
    promoted: bool,
    rejected: bool,
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
    let raw = spec.raw();
    let mut nulls = Vec::new();
    let mut comparisons: [Vec<TestComparison>; 2] = Default::default();
    for (question, pool) in pools.iter().enumerate() {
        let gains = recentred(&pool.gains, pool.criterion.null());
        let fixed =
            planned_users(&pool.gains, pool.criterion.null(), raw.alpha).clamp(2, raw.max_users.max(2));
        let of_run = |run: u64| {
            let rng = || stream(seed, question as u64, run);
            let result = null_run(spec, &pool.criterion, pools.len(), &gains, rng());
            let others = t_tests(spec, pool.criterion.null(), &gains, fixed, rng());
            progress();
            (result, others)
        };
        let results: Vec<(Run, [Run; 2])> = (0..runs).into_par_iter().map(of_run).collect();
        let id = &pool.criterion.id;
        let false_promotions = results.iter().filter(|(r, _)| r.promoted).count() as u64;
        nulls.push(Null { criterion: id.clone(), false_promotions, upper: upper(false_promotions, runs) });
        for (i, method) in ["fixed-size t-test", "peeking t-test"].into_iter().enumerate() {
            let false_promotions = results.iter().filter(|(_, o)| o[i].promoted).count() as u64;
            comparisons[i].push(TestComparison {
                method,
                criterion: id.clone(),
                false_promotions,
                upper: upper(false_promotions, runs),
                mean_users: results.iter().map(|(_, o)| o[i].users as f64).sum::<f64>() / runs as f64,
            });
        }
    }
    let power = SCALES.iter().enumerate().map(|(i, scale)| {
        let scaled = |pool: &Pool| recentred(&pool.gains, scale * mean(&pool.gains).unwrap_or(0.0));
        let gains: Vec<Vec<Gain>> = pools.iter().map(scaled).collect();
        let of_run = |run: u64| {
            let result = full_run(spec, pools, &gains, stream(seed, (pools.len() + i) as u64, run));
            progress();
            result
        };
        let results: Vec<Run> = (0..runs).into_par_iter().map(of_run).collect();
        let share = |of: &dyn Fn(&Run) -> f64| results.iter().map(of).sum::<f64>() / runs as f64;
        Power {
            scale: *scale,
            promote: share(&|r| f64::from(u8::from(r.promoted))),
            reject: share(&|r| f64::from(u8::from(r.rejected))),
            inconclusive: share(&|r| f64::from(u8::from(!r.promoted && !r.rejected))),
            mean_users: share(&|r| r.users as f64),
        }
    });
    Calibration {
        schema_version: 1,
        runs,
        alpha: raw.alpha,
        pool: pools.first().map_or(0, |p| p.gains.len() as u64),
        nulls,
        power: power.collect(),
        comparisons: comparisons.concat(),
    }
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

fn drawn(gains: &[Gain], rng: &mut ChaCha8Rng) -> Gain {
    gains[rng.random_range(0..gains.len() as u32) as usize]
}

/// One run with one criterion on its boundary. The others are established from the start and their mirrored
/// processes have nothing left: nothing but this criterion stands in the way of a promotion.
fn null_run(
    spec: &GateSpec,
    criterion: &Criterion,
    criteria: usize,
    gains: &[Gain],
    mut rng: ChaCha8Rng,
) -> Run {
    let raw = spec.raw();
    let mut proof = EProcess::new(criterion.null());
    let mut refutation = EProcess::new(-criterion.aim(raw.minimum_effect));
    let mut users = 0;
    while users < raw.max_users {
        let mut holds = false;
        for _ in 0..raw.batch.min(raw.max_users - users) {
            let gain = drawn(gains, &mut rng);
            proof.observe(gain);
            refutation.observe(gain.mirrored());
            users += 1;
            holds |= proof.reaches(raw.alpha);
        }
        let rejected = refutation.e_value() / criteria as f64 >= 1.0 / spec.simulated_beta();
        if rejected || holds {
            return Run { promoted: holds && !rejected, rejected, users };
        }
    }
    Run { promoted: false, rejected: false, users }
}

/// One run of the whole gate: one user is drawn per scenario, the same for all of its criteria.
fn full_run(spec: &GateSpec, pools: &[Pool], gains: &[Vec<Gain>], mut rng: ChaCha8Rng) -> Run {
    let raw = spec.raw();
    let scenarios = 1 + pools.iter().map(|p| p.criterion.scenario).max().unwrap_or(0);
    let mut proofs: Vec<EProcess> = pools.iter().map(|p| EProcess::new(p.criterion.null())).collect();
    let mut refutations: Vec<EProcess> =
        pools.iter().map(|p| EProcess::new(-p.criterion.aim(raw.minimum_effect))).collect();
    let mut holds = vec![false; pools.len()];
    let mut users = 0;
    while users < raw.max_users {
        let open: Vec<bool> = (0..scenarios)
            .map(|s| pools.iter().zip(&holds).any(|(p, h)| p.criterion.scenario == s && !h))
            .collect();
        for _ in 0..raw.batch.min(raw.max_users - users) {
            users += 1;
            for s in (0..scenarios).filter(|s| open[*s]) {
                let index = rng.random_range(0..gains[0].len() as u32) as usize;
                for (i, _) in pools.iter().enumerate().filter(|(_, p)| p.criterion.scenario == s) {
                    proofs[i].observe(gains[i][index]);
                    refutations[i].observe(gains[i][index].mirrored());
                    holds[i] |= proofs[i].reaches(raw.alpha);
                }
            }
        }
        let evidence: f64 = refutations.iter().map(EProcess::e_value).sum();
        let rejected = evidence / pools.len() as f64 >= 1.0 / spec.simulated_beta();
        let promoted = !rejected && holds.iter().all(|h| *h);
        if rejected || promoted {
            return Run { promoted, rejected, users };
        }
    }
    Run { promoted: false, rejected: false, users }
}

/// Users at which a one-sided paired t-test has the planned power for the effect that the pool shows.
fn planned_users(gains: &[Gain], m0: f64, alpha: f64) -> u64 {
    let edges: Moments = gains.iter().map(|x| x.sum - x.weight * m0).collect();
    let (mean, variance) = (edges.mean().unwrap_or(0.0), edges.variance().unwrap_or(0.0));
    let z = normal_quantile(1.0 - alpha) + normal_quantile(PLANNED_POWER);
    if mean > 0.0 { (z * z * variance / (mean * mean)).ceil() as u64 } else { u64::MAX }
}

/// A t-test at a fixed size, and one that looks after every batch, on one null.
fn t_tests(spec: &GateSpec, m0: f64, gains: &[Gain], fixed: u64, mut rng: ChaCha8Rng) -> [Run; 2] {
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
        let gain = drawn(gains, &mut rng);
        edges.observe(gain.sum - gain.weight * m0);
        users += 1;
        if users == fixed {
            at_fixed = Some(Run { promoted: significant(&edges), rejected: false, users });
        }
        if peeking.is_none() && (users % raw.batch == 0 || users == raw.max_users) {
            let promoted = significant(&edges);
            if promoted || users == raw.max_users {
                peeking = Some(Run { promoted, rejected: false, users });
            }
        }
    }
    [at_fixed, peeking].map(|run| run.expect("the loop ends when both are there"))
}
