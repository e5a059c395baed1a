//! What the binary scores, learns and keeps equals an independent dense solve, written here from the
//! design's tables with the system's own functions and Gaussian elimination.

use super::random_request;
use crate::util::{Dialogue, Dir};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::SplitMix64;
use serde_json::{Value, json};
use std::f64::consts::TAU;

const STEPS: u64 = 300;

fn close(actual: f64, expected: f64, what: &str) {
    let tolerance = 1e-9 * expected.abs().max(1.0);
    assert!((actual - expected).abs() <= tolerance, "{what}: {actual} is not {expected}");
}

/// The feature vector of candidate `k`, dimension by dimension.
fn features(request: &Value, k: usize, dim: usize) -> Vec<f64> {
    let candidate = &request["candidates"][k];
    let context = &request["context"];
    let hour = candidate["hour"].as_f64().or(context["hour"].as_f64()).unwrap();
    let angle = TAU * hour / 24.0;
    let profile = &request["profile_features"];
    let of_kind = candidate["kind"].as_str().map_or(&Value::Null, |kind| &profile["by_kind"][kind]);
    let value = |name: &str| of_kind[name].as_f64().or(profile[name].as_f64());
    let x = vec![
        1.0,
        angle.sin(),
        angle.cos(),
        if context["weekday"].as_u64().unwrap() >= 5 { 1.0 } else { 0.0 },
        candidate["priority"].as_f64().unwrap_or(0.5),
        candidate["due_in_days"].as_f64().map_or(0.0, |d| 1.0 / (1.0 + (d / 3.0).exp())),
        candidate["effort_minutes"].as_f64().map_or(0.25, |m| m.min(60.0) / 60.0),
        value("completion_rate").unwrap_or(0.0),
        value("dismiss_rate").unwrap_or(0.0),
        value("mean_dwell_seconds").map_or(0.0, |s| s.min(600.0) / 600.0),
        value("preferred_hour").map_or(0.0, |p| (TAU * (hour - p) / 24.0).cos()),
        value("tip_volume").map_or(0.0, |n| ((1.0 + n).ln() / 1001.0_f64.ln()).min(1.0)),
    ];
    x[..dim].to_vec()
}

/// The inverse by Gauss-Jordan elimination with pivoting.
fn inverse(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut inv: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| if i == j { 1.0 } else { 0.0 }).collect()).collect();
    for c in 0..n {
        let pivot = (c..n).max_by(|i, j| a[*i][c].abs().total_cmp(&a[*j][c].abs())).unwrap();
        a.swap(c, pivot);
        inv.swap(c, pivot);
        let p = a[c][c];
        a[c].iter_mut().for_each(|v| *v /= p);
        inv[c].iter_mut().for_each(|v| *v /= p);
        for i in (0..n).filter(|i| *i != c) {
            let f = a[i][c];
            for j in 0..n {
                a[i][j] -= f * a[c][j];
                inv[i][j] -= f * inv[c][j];
            }
        }
    }
    inv
}

/// A = L L^T.
fn cholesky(a: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut l = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            l[i][j] = if i == j { (a[i][i] - sum).sqrt() } else { (a[i][j] - sum) / l[j][j] };
        }
    }
    l
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

struct Dense {
    dim: usize,
    a: Vec<Vec<f64>>,
    b: Vec<f64>,
}

impl Dense {
    fn new(dim: usize) -> Self {
        let identity = |i| (0..dim).map(|j| if i == j { 1.0 } else { 0.0 }).collect();
        Self { dim, a: (0..dim).map(identity).collect(), b: vec![0.0; dim] }
    }

    fn theta(&self) -> Vec<f64> {
        inverse(self.a.clone()).iter().map(|row| dot(row, &self.b)).collect()
    }

    fn learn(&mut self, x: &[f64], reward: f64) {
        for i in 0..self.dim {
            self.b[i] += reward * x[i];
            for j in 0..self.dim {
                self.a[i][j] += x[i] * x[j];
            }
        }
    }

    fn scores(&self, policy: &str, xs: &[Vec<f64>], seed: u64) -> Vec<f64> {
        let theta = self.theta();
        match policy {
            "uniform" => vec![0.0; xs.len()],
            "linucb" | "linucb-v2" => {
                let inverse = inverse(self.a.clone());
                let width =
                    |x: &[f64]| x.iter().zip(&inverse).map(|(xi, row)| xi * dot(row, x)).sum::<f64>().sqrt();
                xs.iter().map(|x| dot(&theta, x) + width(x)).collect()
            }
            "lints-v2" => {
                // theta + v L z with A^-1 = L L^T, the draws being the first of the decision's generator.
                let mut rng = SplitMix64::seed_from_u64(seed);
                let normals: Vec<f64> = (0..self.dim).map(|_| rng.sample(StandardNormal)).collect();
                let l = cholesky(&inverse(self.a.clone()));
                let z: Vec<f64> = l.iter().map(|row| dot(row, &normals)).collect();
                let drawn: Vec<f64> = theta.iter().zip(&z).map(|(t, z)| t + 0.5 * z).collect();
                xs.iter().map(|x| dot(&drawn, x)).collect()
            }
            _ => xs.iter().map(|x| dot(&theta, x)).collect(),
        }
    }
}

/// Propensities from the scores that were printed: which of them tie is a matter of bits.
fn propensities(policy: &str, scores: &[f64]) -> Option<Vec<f64>> {
    let k = scores.len() as f64;
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let ties = scores.iter().filter(|s| **s == best).count() as f64;
    let rest = |s: f64| 1.0 / (k + 50.0 * (best - s));
    let of_rest: f64 = scores.iter().filter(|s| **s < best).map(|s| rest(*s)).sum();
    let of = |s: f64| match policy {
        "uniform" => 1.0 / k,
        "linucb" | "linucb-v2" => {
            if s == best {
                1.0 / ties
            } else {
                0.0
            }
        }
        "squarecb-v2" => {
            if s == best {
                (1.0 - of_rest) / ties
            } else {
                rest(s)
            }
        }
        _ => 0.1 / k + if s == best { 0.9 / ties } else { 0.0 },
    };
    (policy != "lints-v2").then(|| scores.iter().map(|s| of(*s)).collect())
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|v| v.as_f64().expect("a number")).collect()
}

fn equals_a_dense_solve(policy: &str, dim: usize) {
    let dir = Dir::new();
    let mut dense = Dense::new(dim);
    let mut rng = ChaCha8Rng::seed_from_u64(300);
    let mut scorer = Dialogue::new(&dir, &["score", "--jsonl", "--policy", policy, "--user", "u"]);
    let mut learner = Dialogue::new(&dir, &["reward", "--jsonl"]);
    for step in 0..STEPS {
        let mut request = random_request(&mut rng);
        request["seed"] = json!(step);
        let answer = scorer.ask(&request);
        let candidates = answer["candidates"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let xs: Vec<Vec<f64>> = (0..candidates.len()).map(|k| features(&request, k, dim)).collect();
        let scores: Vec<f64> = candidates.iter().map(|c| c["score"].as_f64().unwrap()).collect();
        for (k, expected) in dense.scores(policy, &xs, step).iter().enumerate() {
            close(scores[k], *expected, &format!("{policy}, step {step}, score {k}"));
        }
        match propensities(policy, &scores) {
            None => assert!(candidates.iter().all(|c| c["propensity"].is_null())),
            Some(expected) => {
                for (candidate, p) in candidates.iter().zip(&expected) {
                    close(candidate["propensity"].as_f64().unwrap(), *p, policy);
                }
            }
        }
        let chosen = candidates.iter().position(|c| c["id"] == answer["chosen"]).unwrap();
        assert_eq!(answer["propensity"], candidates[chosen]["propensity"]);
        let (reaction, reward) =
            [("completed", 1.0), ("snoozed", 0.25), ("ignored", 0.0), ("dismissed", -0.5)]
                [rng.random_range(0..4)];
        let learned = learner.ask(&json!({"decision": answer["decision_id"], "reaction": reaction}));
        assert_eq!((&learned["updates"], &learned["reward"]), (&json!(step + 1), &json!(reward)));
        dense.learn(&xs[chosen], reward);
    }
    drop(scorer);
    learner.end();
    let state = dir.json(&format!("state/u_{}.json", policy.replace('-', "_")));
    let lower: Vec<f64> = (0..dim).flat_map(|i| dense.a[i][..=i].to_vec()).collect();
    for (name, expected) in [("A", lower), ("b", dense.b.clone()), ("theta", dense.theta())] {
        let kept = numbers(&state[name]);
        assert_eq!(kept.len(), expected.len());
        for (i, (k, e)) in kept.iter().zip(&expected).enumerate() {
            close(*k, *e, &format!("{policy}, {name}[{i}]"));
        }
    }
}

macro_rules! dense {
    ($($test:ident: $policy:literal, $dim:literal;)*) => {
        $(#[test]
        fn $test() {
            equals_a_dense_solve($policy, $dim);
        })*
    };
}

dense! {
    uniform: "uniform", 7;
    egreedy_v1: "egreedy-v1", 7;
    egreedy_v2: "egreedy-v2", 12;
    linucb: "linucb", 7;
    linucb_v2: "linucb-v2", 12;
    lints_v2: "lints-v2", 12;
    squarecb_v2: "squarecb-v2", 12;
}
