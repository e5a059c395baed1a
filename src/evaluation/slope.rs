//! Choosing a hyperparameter from the log itself.
//!
//! SLOPE (Su, Srinath & Krishnamurthy 2020), with the sharper constant of Tucker & Lee (2021): go from the
//! widest interval (little bias, much variance) to the narrowest, and stop before the first one whose
//! estimate disagrees with an earlier one by more than their intervals explain: from there on, the
//! difference is bias. The error is within a constant of the best candidate's.

use super::estimators::{Estimator, GRID};
use super::sample::Sample;
use crate::base::stats::student_t_quantile;

/// Probability with which a single one-sided interval may fail.
const DELTA: f64 = 0.1;

/// Estimates for every hyperparameter of an estimator's grid, summed up in one pass.
#[derive(Debug, Clone)]
pub struct GridSums {
    estimator: Estimator,
    lambdas: [f64; GRID],
    rows: f64,
    sums: [f64; GRID],
    squares: [f64; GRID],
}

impl GridSums {
    /// Sums of no samples yet; `None` for an estimator without a hyperparameter.
    pub fn new(estimator: Estimator) -> Option<Self> {
        let lambdas = estimator.grid()?;
        Some(Self { estimator, lambdas, rows: 0.0, sums: [0.0; GRID], squares: [0.0; GRID] })
    }

    /// Adds one sample, so many times.
    #[inline]
    pub fn add(&mut self, sample: &Sample, times: f64) {
        self.rows += times;
        let terms = self.estimator.plain_terms(sample, &self.lambdas);
        for (i, z) in terms.into_iter().enumerate() {
            self.sums[i] += times * z;
            self.squares[i] += times * z * z;
        }
    }

    /// The chosen hyperparameter.
    pub fn choose(&self) -> f64 {
        let quantile = student_t_quantile(1.0 - DELTA, (self.rows - 1.0).max(1.0));
        let mut candidates: Vec<Candidate> = (0..GRID)
            .map(|i| {
                let mean = self.sums[i] / self.rows;
                let variance = (self.squares[i] / self.rows - mean * mean).max(0.0);
                let width = quantile * (variance / (self.rows - 1.0).max(1.0)).sqrt();
                Candidate { lambda: self.lambdas[i], estimate: mean, width }
            })
            .collect();
        // The grid runs from most bias to most variance: of equal widths the least biased comes last.
        candidates.sort_by(|a, b| b.width.total_cmp(&a.width));
        slope(&candidates).lambda
    }
}

/// One hyperparameter's estimate and the half-width of its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    lambda: f64,
    estimate: f64,
    width: f64,
}

/// The last candidate, from the widest on, that agrees with all before it.
fn slope(candidates: &[Candidate]) -> Candidate {
    let constant = 6.0_f64.sqrt() - 1.0;
    let agree =
        |a: &Candidate, b: &Candidate| (a.estimate - b.estimate).abs() <= a.width + constant * b.width;
    let disagreeing = |i: &usize| !candidates[..*i].iter().all(|b| agree(&candidates[*i], b));
    let end = (1..candidates.len()).find(disagreeing).unwrap_or(candidates.len());
    candidates[end - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(lambda: f64, estimate: f64, width: f64) -> Candidate {
        Candidate { lambda, estimate, width }
    }

    #[test]
    fn it_stops_before_the_first_that_disagrees() {
        let all = [
            candidate(3.0, 1.0, 0.5),
            candidate(2.0, 0.8, 0.1),
            // Agrees with its neighbour, |0.6 - 0.8| <= 0.06 + 1.45 * 0.1, and with the first.
            candidate(1.0, 0.6, 0.06),
            // Disagrees with both: 0.4 from 0.8 is more than 0.01 + 0.145.
            candidate(0.5, 0.4, 0.01),
            // Never reached, though it would agree.
            candidate(0.2, 0.6, 0.001),
        ];
        assert_eq!(slope(&all).lambda, 1.0);
        assert_eq!(slope(&all[..1]).lambda, 3.0);
    }

    #[test]
    fn weights_that_are_all_small_need_no_cap() {
        let mut sums = GridSums::new(Estimator::ClippedIps).unwrap();
        for i in 0..1000 {
            let sample = Sample {
                weight: 0.5 + f64::from(i % 2),
                reward: f64::from(i % 3),
                predicted: 0.0,
                expected: 0.0,
                accepted: false,
            };
            sums.add(&sample, 1.0);
        }
        // A cap of 1 would lose a quarter of the value; 2 and more change nothing.
        assert!(sums.choose() >= 2.0);
    }
}
