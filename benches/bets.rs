//! Which bets decide the shipped gate with the fewest users? `cargo bench --bench bets` prints the tables
//! of ADR-0006: mean users until a criterion is established, over runs drawn from a pool of simulated
//! users under the policies that the gate compares by default. Every method keeps the finite-sample guarantee, but for the last, which shows what a control
//! variate would bring if its mean were known.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use rehearsal::base::vector::LANES;
use rehearsal::gate::promotion::Inputs;
use rehearsal::gate::{Gain, GateSpec, Pool, mean};
use rehearsal::people::PersonaSimulator;
use rehearsal::people::persona::Persona;
use rehearsal::policy::Policy;
use rehearsal::simulation::{Rollout, run_batch};

const POOL: u64 = 500;
const RUNS: u64 = 400;

/// A way to bet on gains against a null mean.
#[derive(Clone)]
enum Bets {
    /// Fractions of the largest safe stake with their weights.
    Grid(Vec<(f64, f64)>),
    /// The same on the mean over a block's users, not on each of them.
    BlockMean(Vec<(f64, f64)>),
    /// As the grid, with a range of gains known to be [-range, range].
    Ranged(Vec<(f64, f64)>, f64),
    /// The approximate growth-rate adaptive stake of Waudby-Smith & Ramdas 2024 (aGRAPA).
    Adaptive,
}

impl Bets {
    /// Users until the evidence reaches 1/alpha, at most `max`.
    fn users(&self, pool: &Pool, m0: f64, alpha: f64, max: u64, rng: &mut ChaCha8Rng) -> u64 {
        let blocks = pool.gains.len() / pool.per_block;
        let mut draw = || &pool.gains[rng.random_range(0..blocks) * pool.per_block..][..pool.per_block];
        match self {
            Self::Grid(grid) => race(grid, 1.0 / (1.0 + m0), m0, alpha, max, &mut draw),
            Self::BlockMean(grid) => {
                let means: Vec<Gain> =
                    pool.gains.chunks_exact(pool.per_block).filter_map(block_mean).collect();
                let mut draw = || std::slice::from_ref(&means[rng.random_range(0..means.len())]);
                race(grid, 1.0 / (1.0 + m0), m0, alpha, max, &mut draw)
            }
            Self::Ranged(grid, range) => race(grid, 1.0 / (range + m0), m0, alpha, max, &mut draw),
            Self::Adaptive => {
                let (mut wealth, mut n, mut sum, mut squares) = (1.0, 1.0, 0.0, 0.25);
                for users in 1..=max {
                    let edge = sum / n - m0;
                    let variance = squares / n;
                    let stake = (edge / (variance + edge * edge)).clamp(0.0, 0.99 / (1.0 + m0));
                    for x in draw() {
                        wealth *= 1.0 + stake * (x.sum - x.weight * m0);
                        n += 1.0;
                        sum += x.sum;
                        squares += (x.sum - sum / n).powi(2);
                    }
                    if wealth >= 1.0 / alpha {
                        return users;
                    }
                }
                max
            }
        }
    }
}

/// The mean gain of a block; `None` where nobody in it is meant.
fn block_mean(block: &[Gain]) -> Option<Gain> {
    let weight: f64 = block.iter().map(|gain| gain.weight).sum();
    let sum: f64 = block.iter().map(|gain| gain.sum).sum();
    (weight > 0.0).then(|| Gain { sum: sum / weight, weight: 1.0 })
}

fn race<'p>(
    grid: &[(f64, f64)],
    cap: f64,
    m0: f64,
    alpha: f64,
    max: u64,
    draw: &mut impl FnMut() -> &'p [Gain],
) -> u64 {
    let mut wealth: Vec<f64> = grid.iter().map(|(_, weight)| *weight).collect();
    for users in 1..=max {
        for x in draw() {
            let edge = (x.sum - x.weight * m0) * cap;
            for (w, (fraction, _)) in wealth.iter_mut().zip(grid) {
                *w *= 1.0 + fraction * edge;
            }
        }
        if wealth.iter().sum::<f64>() >= 1.0 / alpha {
            return users;
        }
    }
    max
}

fn even(fractions: &[f64]) -> Vec<(f64, f64)> {
    fractions.iter().map(|f| (*f, 1.0 / fractions.len() as f64)).collect()
}

fn main() {
    let inputs = Inputs::new(
        GateSpec::shipped().expect("the shipped gate"),
        Persona::shipped().expect("the shipped personas"),
        Policy::named("egreedy-v1").expect("built in"),
        Policy::named("linucb-v2-by-kind").expect("built in"),
    )
    .expect("shipped inputs");
    let raw = inputs.gate.raw();
    let pools = inputs.pools(None, POOL).expect("a pool");
    let fine: Vec<f64> = (0..32).map(|j| 0.99 * 0.87_f64.powi(j)).collect();
    let steps = f64::from(inputs.scenarios[0].raw().steps);
    let methods = [
        ("even grid of 8", Bets::Grid(even(&[0.95, 0.7, 0.5, 0.35, 0.25, 0.125, 0.06, 0.03]))),
        ("even grid of 32", Bets::Grid(even(&fine))),
        ("shipped grid", Bets::Grid(rehearsal::gate::GRID.to_vec())),
        ("shipped grid, on a block's mean", Bets::BlockMean(rehearsal::gate::GRID.to_vec())),
        ("largest stake only", Bets::Grid(vec![(0.99, 1.0)])),
        (
            "shipped grid, first step known equal",
            Bets::Ranged(rehearsal::gate::GRID.to_vec(), 1.0 - 1.0 / steps),
        ),
        ("adaptive stake", Bets::Adaptive),
    ];
    println!("Mean users of each persona until established, {RUNS} runs from a pool of {POOL}\n");
    println!("{:38} {:>10} {:>10} {:>10} {:>10}", "bets", "superior", "median", "slowest", "whole gate");
    for (name, bets) in &methods {
        let runs = |pool: &Pool, salt: u64| -> Vec<u64> {
            let one = |run: u64| {
                let mut rng = ChaCha8Rng::seed_from_u64(salt);
                rng.set_stream(run);
                bets.users(pool, pool.criterion.mark(), raw.alpha, raw.max_users, &mut rng)
            };
            (0..RUNS).into_par_iter().map(one).collect()
        };
        let all: Vec<Vec<u64>> = pools.iter().enumerate().map(|(i, p)| runs(p, i as u64)).collect();
        let average = |xs: &[u64]| xs.iter().sum::<u64>() as f64 / xs.len() as f64;
        let mut means: Vec<f64> = all.iter().map(|xs| average(xs)).collect();
        let superior = means[0];
        means.sort_by(f64::total_cmp);
        let whole: Vec<u64> =
            (0..RUNS as usize).map(|r| all.iter().map(|xs| xs[r]).max().unwrap_or(0)).collect();
        println!(
            "{name:38} {superior:>10.0} {:>10.0} {:>10.0} {:>10.0}",
            means[means.len() / 2],
            means[means.len() - 1],
            average(&whole)
        );
    }
    criteria(&pools, &methods[2..4], raw.alpha, raw.max_users);
    references(&pools[0], raw.alpha);
    control_variate(&inputs);
}

/// Mean users until each criterion is established.
fn criteria(pools: &[Pool], methods: &[(&str, Bets)], alpha: f64, max: u64) {
    println!("\n{:58} {:>8}  users: {}, {}", "criterion", "mark", methods[0].0, methods[1].0);
    for (i, pool) in pools.iter().enumerate() {
        let users = methods.iter().map(|(_, bets)| {
            let one = |run: u64| {
                let mut rng = ChaCha8Rng::seed_from_u64(i as u64);
                rng.set_stream(run);
                bets.users(pool, pool.criterion.mark(), alpha, max, &mut rng)
            };
            let sum: u64 = (0..RUNS).into_par_iter().map(one).sum();
            format!("{:>8.0}", sum as f64 / RUNS as f64)
        });
        let users = users.collect::<String>();
        println!("{:58} {:>8.3} {users}", pool.criterion.id, pool.criterion.mark());
    }
}

/// What the bets are held against: the oracle bet without a bound on stakes, and a t-test of fixed size.
fn references(pool: &Pool, alpha: f64) {
    let center = mean(&pool.gains).expect("a pool");
    let n = pool.gains.len() as f64;
    let variance = pool.gains.iter().map(|x| (x.sum - center).powi(2)).sum::<f64>() / (n - 1.0);
    let oracle = 2.0 * (1.0 / alpha).ln() * variance / (center * center);
    let z =
        rehearsal::base::stats::normal_quantile(1.0 - alpha) + rehearsal::base::stats::normal_quantile(0.8);
    println!(
        "\nSuperiority on the primary scenario: effect {center:.4}, standard deviation {:.4}",
        variance.sqrt()
    );
    println!("  oracle bet 2 ln(1/alpha) s^2 / d^2   {oracle:.1} users");
    println!(
        "  stakes bounded by the range          {:.1} users at least",
        (1.0 / alpha).ln() / (1.0 + center).ln()
    );
    println!("  t-test of fixed size, 80% power      {:.1} users", z * z * variance / (center * center));
}

/// How much a control variate, the person's mean oracle reward, would lower the variance of the gains.
fn control_variate(inputs: &Inputs) {
    let (scenario, policies) = (&inputs.scenarios[0], [inputs.baseline.clone(), inputs.challenger.clone()]);
    println!("\nShare of a persona's variance of gains that its oracle reward explains (R^2)");
    for persona in &inputs.personas {
        let simulator = PersonaSimulator::new(scenario, persona, 0);
        let mut rollouts: Vec<Rollout> = policies.iter().map(|p| Rollout::new(p, &simulator)).collect();
        let mut block = simulator.block();
        let (mut gains, mut oracle) = (Vec::new(), Vec::new());
        for first in (0..POOL).step_by(LANES) {
            let mut batch = simulator.batch(first..POOL.min(first + LANES as u64));
            let mut sums = vec![(0.0, 0.0); batch.len()];
            run_batch(&mut batch, &mut rollouts, &mut block, |d| {
                let (gain, best) = &mut sums[d.lane];
                *gain += if d.policy == 1 { d.outcome.reward } else { -d.outcome.reward };
                *best += d.regret + d.outcome.expected;
            });
            gains.extend(sums.iter().map(|(gain, _)| gain));
            oracle.extend(sums.iter().map(|(_, best)| best));
        }
        let center = |xs: &[f64]| xs.iter().sum::<f64>() / xs.len() as f64;
        let (mg, mo) = (center(&gains), center(&oracle));
        let moment = |f: &dyn Fn(f64, f64) -> f64| {
            gains.iter().zip(&oracle).map(|(g, o)| f(g - mg, o - mo)).sum::<f64>()
        };
        let (sgg, soo, sgo) = (moment(&|g, _| g * g), moment(&|_, o| o * o), moment(&|g, o| g * o));
        println!("  {:16} {:.3}", persona.name(), sgo * sgo / (sgg * soo));
    }
}
