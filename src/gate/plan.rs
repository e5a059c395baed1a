//! What a gate can show with the users it may draw, before it draws them.

use super::claim::Claim;
use super::eprocess::{GRID, Gain};
use super::pool::Pool;
use super::spec::GateSpec;
use crate::base::stats::{Moments, normal_quantile};
use serde::Serialize;

/// Probabilities with which an effect is to be established.
pub const POWERS: [f64; 2] = [0.8, 0.95];

/// What one criterion can show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The criterion's id.
    pub criterion: String,
    /// Standard deviation of one user's gain, from the pilot users; `None` below two.
    pub standard_deviation: Option<f64>,
    /// Fewest users of each persona with which an exactly equal challenger can be established, if everything is staked:
    /// ln(1/alpha) over what a block then adds to the logarithm of the evidence, the sum over its personas of
    /// ln(1 + r margin / (1 - margin)), r being their shares relative to the largest; -ln(1 - margin) for one persona by
    /// itself. `None` for superiority, which an equal challenger never shows.
    pub floor: Option<u64>,
    /// The smallest gain, as a share of the metric's range, that is established within `max_users` with
    /// each of [`POWERS`]; `None` if none is. Negative gains within the margin can be established too.
    pub detectable: [Option<f64>; POWERS.len()],
}

/// Plans a gate at level `alpha` from the gains of some pilot users.
///
/// With edges e = (r X - r m0) / (1 + m0) of single users a stake c lets the logarithm of the wealth grow by about
/// ln(1 + c m) - c^2 s^2 / (2 (1 + c m)^2) with each, m and s^2 being their mean and variance; after
/// T of them it is about normal with standard deviation c s sqrt(T) / (1 + c m). The smallest m for which it
/// reaches ln(1 / (alpha weight)) with the wanted probability is found by halving, for the best stake of
/// the grid. Since the process may reach 1/alpha earlier, the real power is a little larger.
pub fn plan(spec: &GateSpec, alpha: f64, pools: &[Pool]) -> Vec<Plan> {
    let raw = spec.raw();
    pools
        .iter()
        .map(|pool| {
            let (criterion, m0) = (&pool.criterion, pool.criterion.mark());
            let edges: Moments = pool.gains.iter().map(|x| (x.sum - x.weight * m0) / (1.0 + m0)).collect();
            let weight: Moments = pool.gains.iter().map(|x: &Gain| x.weight).collect();
            let spread = edges.variance().map(f64::sqrt);
            let users = (raw.max_users * pool.per_block as u64) as f64;
            let needed = |power: f64| {
                let mean = smallest_edge(spread?, alpha, users, normal_quantile(power))?;
                let staked = m0 + mean * (1.0 + m0) / weight.mean().filter(|w| *w > 0.0)?;
                let gain = criterion.shown(staked, pool.tolerated);
                (gain <= 1.0).then_some(gain)
            };
            // What an equal challenger gains as it is bet on: nothing, or what is tolerated.
            let equal = criterion.staked(0.0, pool.tolerated) - m0;
            let growth = |x: &Gain| libm::log1p(x.weight * equal / (1.0 + m0));
            let per_block = pool.gains.iter().map(growth).sum::<f64>() / pool.blocks().len() as f64;
            Plan {
                criterion: criterion.id.clone(),
                standard_deviation: spread.map(|s| s * (1.0 + m0)),
                floor: (criterion.kind == Claim::NotInferior && per_block > 0.0)
                    .then(|| (-libm::log(alpha) / per_block).ceil() as u64),
                detectable: POWERS.map(needed),
            }
        })
        .collect()
}

/// The smallest mean edge that reaches 1/alpha within `users`, where `z` is the normal quantile of the power.
fn smallest_edge(spread: f64, alpha: f64, users: f64, z: f64) -> Option<f64> {
    let reached = |mean: f64| {
        GRID.iter().any(|(stake, weight)| {
            let scale = stake / (1.0 + stake * mean);
            let growth = libm::log1p(stake * mean) - (scale * spread) * (scale * spread) / 2.0;
            users * growth - z * users.sqrt() * scale * spread >= -libm::log(alpha * weight)
        })
    };
    let (mut low, mut high) = (0.0, 1.0);
    if !reached(high) {
        return None;
    }
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if reached(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::EProcess;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn an_effect_that_is_planned_for_is_found_as_often_as_planned() {
        // Gains of two values, standard deviation 0.3, in 2,000 runs of 500 users. The power may exceed the
        // plan, for the process may cross before the end; below it by 0.04 has probability below 1e-4.
        let (spread, users, alpha) = (0.3, 500, 0.05);
        for power in POWERS {
            let mean = smallest_edge(spread, alpha, f64::from(users), normal_quantile(power)).unwrap();
            let finds = |run: u64| {
                let mut rng = ChaCha8Rng::seed_from_u64(4);
                rng.set_stream(run);
                let mut process = EProcess::new(0.0);
                (0..users).any(|_| {
                    let x = if rng.random() { mean + spread } else { mean - spread };
                    process.observe(Gain::of(x));
                    process.reaches(alpha)
                })
            };
            let found = (0..2_000).filter(|run| finds(*run)).count() as f64 / 2_000.0;
            assert!(found > power - 0.04 && found < power + 0.1, "{found} for {power}");
        }
    }

    #[test]
    fn more_noise_or_fewer_users_need_more() {
        let needed = |spread, users| smallest_edge(spread, 0.05, users, normal_quantile(0.8)).unwrap();
        assert!(needed(0.1, 500.0) > needed(0.05, 500.0));
        assert!(needed(0.1, 300.0) > needed(0.1, 500.0));
        assert_eq!(smallest_edge(0.1, 0.05, 3.0, 1.0), None);
    }
}
