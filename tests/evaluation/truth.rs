//! A world whose truth is known: two moments of unlike taste, four items, a logging policy that looks at the
//! moment, so that what it shows and what follows hang together.

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rehearsal::base::error::Result;
use rehearsal::evaluation::log::{LogReader, LogVocabulary};
use rehearsal::evaluation::{
    Estimator, Evaluation, EvaluationSettings, IntervalMethod, ModelKind, Row, Target, ValueEstimate,
    evaluate,
};

const LOGGED: [[f64; 4]; 2] = [[0.55, 0.25, 0.12, 0.08], [0.1, 0.2, 0.3, 0.4]];
const REWARD: [[f64; 4]; 2] = [[0.7, 0.4, 0.2, 0.3], [0.2, 0.5, 0.6, 0.8]];
const TARGET: [f64; 4] = [0.1, 0.3, 0.4, 0.2];
const UNIFORM: [f64; 4] = [0.25; 4];
const ROWS: u32 = 400;
const LOGS: u64 = 2000;

/// Every estimator, with a hyperparameter that makes a difference here.
const ESTIMATORS: [(Estimator, Option<f64>); 11] = [
    (Estimator::Replay, None),
    (Estimator::Ips, None),
    (Estimator::ClippedIps, Some(1.5)),
    (Estimator::Snips, None),
    (Estimator::DirectMethod, None),
    (Estimator::DoublyRobust, None),
    (Estimator::SelfNormalizedDoublyRobust, None),
    (Estimator::SwitchDoublyRobust, Some(2.0)),
    (Estimator::DoublyRobustOptimisticShrinkage, Some(2.0)),
    (Estimator::SubGaussianIps, Some(0.5)),
    (Estimator::SubGaussianDoublyRobust, Some(0.5)),
];

/// What the log says of its propensities.
#[derive(Clone, Copy, PartialEq)]
enum Logging {
    Honest,
    /// The probability of the item over all moments, not at this one.
    MomentForgotten,
}

struct World {
    rng: ChaCha8Rng,
    left: u32,
    logging: Logging,
}

impl World {
    fn new(seed: u64, logging: Logging) -> Self {
        Self { rng: ChaCha8Rng::seed_from_u64(seed), left: ROWS, logging }
    }
}

fn marginal(item: usize) -> f64 {
    f64::midpoint(LOGGED[0][item], LOGGED[1][item])
}

impl LogReader for World {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        for item in ["a", "b", "c", "d"] {
            names.items.number(item.as_bytes());
        }
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        let moment = usize::from(self.rng.random::<bool>());
        let mut draw: f64 = self.rng.random();
        let item = LOGGED[moment].iter().position(|p| {
            draw -= p;
            draw < 0.0
        });
        let item = item.unwrap_or(3);
        row.chosen = item as u32;
        row.reward = f64::from(u8::from(self.rng.random::<f64>() < REWARD[moment][item]));
        row.propensity = Some(match self.logging {
            Logging::Honest => LOGGED[moment][item],
            Logging::MomentForgotten => marginal(item),
        });
        Ok(true)
    }

    fn origin(&self) -> &'static str {
        "world"
    }
}

/// Sum over moments and items of probability times `f`.
fn expectation(probability: impl Fn(usize, usize) -> f64, f: impl Fn(usize, usize) -> f64) -> f64 {
    let pairs = (0..2).flat_map(|x| (0..4).map(move |a| (x, a)));
    pairs.map(|(x, a)| 0.5 * probability(x, a) * f(x, a)).sum()
}

/// What an estimator of the policy's value has as its expectation, bias and all.
fn expected(policy: [f64; 4], estimator: Estimator, lambda: Option<f64>) -> f64 {
    // Cross-fitted item means see four fifths of the rows and are drawn to the mean by one row.
    let mean = expectation(|x, a| LOGGED[x][a], |x, a| REWARD[x][a]);
    let model = |a: usize| {
        let reward = (0..2).map(|x| 0.5 * LOGGED[x][a] * REWARD[x][a]).sum::<f64>() / marginal(a);
        let rows = 0.8 * f64::from(ROWS) * marginal(a);
        (rows * reward + mean) / (rows + 1.0)
    };
    let by_model = expectation(|_, a| policy[a], |_, a| model(a));
    let shrunk =
        |x: usize, a: usize| LOGGED[x][a] * estimator.shrunk(policy[a] / LOGGED[x][a], lambda.unwrap_or(0.0));
    match estimator {
        Estimator::DirectMethod => by_model,
        _ if estimator.uses_model() => by_model + expectation(shrunk, |x, a| REWARD[x][a] - model(a)),
        _ => expectation(shrunk, |x, a| REWARD[x][a]),
    }
}

fn settings(method: IntervalMethod) -> EvaluationSettings {
    EvaluationSettings {
        named: true,
        estimators: ESTIMATORS.to_vec(),
        model: Some(ModelKind::CrossItemMean),
        method,
        alpha: 0.1,
        seed: 1,
        replicates: 200,
        reward_range: Some((0.0, 1.0)),
        force: true,
    }
}

fn targets() -> [Target; 2] {
    let items = ["a", "b", "c", "d"].iter().zip(TARGET).map(|(i, p)| (i.as_bytes().to_vec(), p));
    [Target::Table { name: "table".to_owned(), items: items.collect() }, Target::Uniform]
}

/// Means, and shares of intervals that hold the expectation, over many logs.
struct Study {
    /// For each estimator of the table: sum, sum of squares, intervals that hold, intervals.
    own: Vec<[f64; 4]>,
    difference: Vec<[f64; 4]>,
    logs: f64,
}

fn study(method: IntervalMethod, logs: u64, logging: Logging) -> Study {
    let (targets, mut settings) = (targets(), settings(method));
    let mut study = Study { own: vec![[0.0; 4]; 11], difference: vec![[0.0; 4]; 11], logs: logs as f64 };
    for seed in 0..logs {
        // With the same luck in every log, rejection sampling would err alike in all of them.
        settings.seed = seed;
        let result: Evaluation = evaluate(&mut World::new(seed, logging), &targets, &settings).unwrap();
        let take = |sums: &mut [f64; 4], estimate: &ValueEstimate, truth: f64| {
            let value = estimate.value.unwrap();
            sums[0] += value;
            sums[1] += value * value;
            if let (Some(lower), Some(upper)) = (estimate.lower, estimate.upper) {
                sums[2] += f64::from(u8::from((lower..=upper).contains(&truth)));
                sums[3] += 1.0;
            }
        };
        for (i, (estimator, lambda)) in ESTIMATORS.into_iter().enumerate() {
            let (own, other) = (expected(TARGET, estimator, lambda), expected(UNIFORM, estimator, lambda));
            take(&mut study.own[i], &result.policies[0].estimates[i], own);
            take(&mut study.difference[i], &result.differences[0].estimates[i], other - own);
        }
    }
    study
}

impl Study {
    /// Estimators whose mean is further from the theory than 5 standard errors and `slack`, the ratios'
    /// bias of order 1/n: a right one is listed with probability below 1e-6.
    fn off_centre(&self) -> Vec<Estimator> {
        let slack = 1.0 / f64::from(ROWS);
        let off = |(i, (estimator, lambda)): &(usize, (Estimator, Option<f64>))| {
            let [sum, squares, ..] = self.own[*i];
            let mean = sum / self.logs;
            let error = ((squares / self.logs - mean * mean) / self.logs).sqrt();
            let slack = if estimator.is_ratio() { slack } else { 0.0 };
            // The model's mean is known to a thousandth of a standard deviation of the estimate.
            let theory = if estimator.uses_model() { 2e-4 } else { 0.0 };
            (mean - expected(TARGET, *estimator, *lambda)).abs() > 5.0 * error + slack + theory
        };
        ESTIMATORS.into_iter().enumerate().filter(off).map(|(_, (e, _))| e).collect()
    }

    /// Shares of intervals that held, where there are any, of the estimates and the differences.
    fn coverage(&self) -> Vec<(Estimator, f64)> {
        let of = |sums: &[[f64; 4]]| -> Vec<(Estimator, f64)> {
            let shares = sums.iter().zip(ESTIMATORS).filter(|(s, _)| s[3] > 0.0);
            shares.map(|(s, (e, _))| (e, s[2] / s[3])).collect()
        };
        [of(&self.own), of(&self.difference)].concat()
    }
}

#[test]
fn every_estimator_has_the_mean_that_theory_gives_and_normal_bounds_hold_as_often_as_they_say() {
    let study = study(IntervalMethod::Normal, LOGS, Logging::Honest);
    assert_eq!(study.off_centre(), []);
    // 0.9 of 2,000: four standard deviations are 0.027. Asymptotics may take one percent more.
    let coverage = study.coverage();
    assert_eq!(coverage.len(), 22);
    for (estimator, share) in coverage {
        assert!((0.863..0.927).contains(&share), "{estimator:?}: {share}");
    }
}

#[test]
fn every_estimator_is_held_against_theory() {
    for estimator in Estimator::ALL {
        let is_there = ESTIMATORS.iter().any(|(own, _)| *own == estimator);
        assert!(is_there, "{} has no line in ESTIMATORS", estimator.name());
    }
}

#[test]
fn the_biased_estimators_are_biased_by_more_than_the_test_could_miss() {
    let value = expected(TARGET, Estimator::Ips, None);
    for (estimator, lambda) in ESTIMATORS {
        let bias = (expected(TARGET, estimator, lambda) - value).abs();
        let shrunk = lambda.is_some() || estimator == Estimator::DirectMethod;
        assert_eq!(bias > 0.004, shrunk, "{estimator:?}: {bias}");
        assert_eq!(bias > 1e-12, shrunk, "{estimator:?}: {bias}");
    }
}

#[test]
fn a_log_that_forgets_what_it_looked_at_is_caught() {
    let study = study(IntervalMethod::Normal, 500, Logging::MomentForgotten);
    let off = study.off_centre();
    for estimator in [Estimator::Ips, Estimator::Snips, Estimator::DoublyRobust, Estimator::Replay] {
        assert!(off.contains(&estimator), "{estimator:?} passed with wrong propensities: {off:?}");
    }
    assert!(study.coverage().iter().any(|(_, share)| *share < 0.8));
}

#[test]
fn bootstrap_bounds_hold_as_often_as_they_say() {
    // 0.9 of 2,000: four standard deviations are 0.027, asymptotics and 200 replicates one percent more.
    let coverage = study(IntervalMethod::Bootstrap, LOGS, Logging::Honest).coverage();
    assert_eq!(coverage.len(), 22);
    for (estimator, share) in coverage {
        assert!((0.863..0.937).contains(&share), "{estimator:?}: {share}");
    }
}

#[test]
fn bernstein_and_anytime_bounds_hold_at_least_as_often_as_they_say() {
    for (method, intervals) in [(IntervalMethod::Bernstein, 6), (IntervalMethod::Anytime, 3)] {
        let coverage = study(method, LOGS, Logging::Honest).coverage();
        assert_eq!(coverage.len(), intervals, "{method:?}: {coverage:?}");
        for (estimator, share) in coverage {
            // Below 0.873 with probability under 1e-4 if it truly holds with 0.9.
            assert!(share > 0.873, "{method:?}, {estimator:?}: {share}");
        }
    }
}

#[test]
fn a_selected_hyperparameter_is_as_good_as_the_theorem_says() {
    // A table that leans on what is rarely shown: weights up to 10.
    let items = ["a", "b", "c", "d"].iter().zip([0.01, 0.01, 0.18, 0.8]);
    let target = Target::Table {
        name: "lean".to_owned(),
        items: items.map(|(i, p)| (i.as_bytes().to_vec(), p)).collect(),
    };
    let truth = expectation(|_, a| [0.01, 0.01, 0.18, 0.8][a], |x, a| REWARD[x][a]);
    let grid = Estimator::ClippedIps.grid().unwrap();
    let mut settings = settings(IntervalMethod::Normal);
    settings.estimators = vec![(Estimator::ClippedIps, None)];
    settings.estimators.extend(grid.map(|lambda| (Estimator::ClippedIps, Some(lambda))));
    let mut errors = vec![0.0; settings.estimators.len()];
    for seed in 0..200 {
        let mut world = World::new(seed, Logging::Honest);
        let result = evaluate(&mut world, std::slice::from_ref(&target), &settings).unwrap();
        for (error, estimate) in errors.iter_mut().zip(&result.policies[0].estimates) {
            *error += (estimate.value.unwrap() - truth).powi(2) / 200.0;
        }
    }
    let least = |errors: &[f64]| errors.iter().fold(f64::INFINITY, |m, e| m.min(*e));
    let worst = errors[1..].iter().fold(0.0_f64, |m, e| m.max(*e));
    // The theorem of Tucker & Lee: its error is at most sqrt(6) + 3 times the best candidate's.
    let factor = (6.0_f64.sqrt() + 3.0).powi(2);
    assert!(errors[0] < factor * least(&errors[1..]), "{errors:?}");
    assert!(errors[0] < worst / 4.0, "a cap that costs this much was kept: {errors:?}");
}
