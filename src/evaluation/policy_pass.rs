//! One policy's pass over the rows of a log: how likely it is to choose what was chosen, and what a model expects of it.

use super::diagnostics::{Diagnostics, Support, WeightSums};
use super::estimators::Estimator;
use super::reward_model::{FOLDS, RewardModel};
use super::row::{ListedItem, Row};
use super::sample::Sample;
use super::slope::GridSums;
use super::target::PreparedTarget;
use crate::base::error::Result;

/// What a policy's pass over the log left behind.
pub(super) struct WeighedPolicy {
    pub(super) diagnostics: Diagnostics,
    /// The mean reward under the policy, the weights normalized.
    pub(super) mean_reward: Option<f64>,
    /// For each estimator asked for, the sums over its grid if a hyperparameter is to be selected.
    pub(super) grids: Vec<Option<GridSums>>,
    /// Sum over rows of the mean of x under the policy, with x as the reward model sees a candidate.
    pub(super) basis: Vec<f64>,
    /// Of a frozen policy, users of the log of whom it has no state.
    pub(super) without_state: Option<u64>,
}

/// A policy on its way through the rows.
pub(super) struct PolicyPass {
    prepared: PreparedTarget,
    /// For a distribution that is the same at every decision: its value by the model of each fold, and its
    /// share of items that the log never shows.
    constant: Option<([f64; FOLDS], f64)>,
    distribution: Vec<f64>,
    weights: WeightSums,
    grids: Vec<Option<GridSums>>,
    basis: Vec<f64>,
    rows_in_basis: u64,
    /// What items that were never chosen say where a decision has the propensity of the chosen one alone.
    pub(super) support_of_items: Support,
    own_choices: Option<OwnChoices>,
}

/// A policy that learns of the decisions alone that rejection sampling accepts, as replay wants it (Li et al. 2011).
/// What it accepts depends on what it has learned, so the largest weight is not known in time: one over the smallest
/// propensity stands for it, as the number of items does where they were shown evenly.
struct OwnChoices {
    prepared: PreparedTarget,
    /// The smallest propensity.
    least: f64,
}

impl PolicyPass {
    pub(super) fn new(
        prepared: PreparedTarget,
        model: &RewardModel,
        estimators: &[(Estimator, Option<f64>)],
    ) -> Self {
        let constant = prepared.constant().filter(|_| !model.needs_vectors()).map(|distribution| {
            let expected = std::array::from_fn(|fold| dot(distribution, model.table(fold)));
            (expected, unseen(distribution, model))
        });
        let grid = |estimator: &Estimator, lambda: &Option<f64>| match lambda {
            None => GridSums::new(*estimator),
            Some(_) => None,
        };
        let grids = estimators.iter().map(|(e, lambda)| grid(e, lambda)).collect();
        let (weights, basis) = (WeightSums::default(), vec![0.0; model.basis_len()]);
        Self {
            prepared,
            constant,
            distribution: Vec::new(),
            weights,
            grids,
            basis,
            rows_in_basis: 0,
            support_of_items: Support::ItemsChosen,
            own_choices: None,
        }
    }

    /// Makes a copy of the policy learn of its own choices alone, in a log whose smallest propensity is `least`.
    pub(super) fn follow_own_choices(&mut self, prepared: PreparedTarget, least: f64) {
        self.own_choices = Some(OwnChoices { prepared, least });
    }

    /// Whether a copy of the policy learns of its own choices alone.
    pub(super) fn follows_own_choices(&self) -> bool {
        self.own_choices.is_some()
    }

    /// The largest weight so far.
    pub(super) fn largest_weight(&self) -> f64 {
        self.weights.largest()
    }

    /// What takes the place of the weight in rejection sampling: the weight, or for a policy that learns from what it
    /// accepts, all or nothing.
    pub(super) fn threshold(&mut self, row: &Row, draw: f64, weight: f64) -> Result<f64> {
        let (Some(OwnChoices { prepared, least }), Some(propensity)) =
            (&mut self.own_choices, row.propensity)
        else {
            return Ok(weight);
        };
        prepared.distribution(row, &mut self.distribution)?;
        let accepted = draw < self.distribution[row.chosen as usize] * *least / propensity;
        if accepted {
            prepared.learn(row)?;
        }
        Ok(if accepted { f64::INFINITY } else { 0.0 })
    }

    /// What this row is to the policy, which then learns it if it learns; one that is there several times is weighed once for
    /// all, by who learns nothing.
    ///
    /// # Errors
    /// A policy that cannot be applied to this log.
    pub(super) fn weigh(
        &mut self,
        row: &Row,
        fold: usize,
        model: &RewardModel,
        times: u64,
    ) -> Result<Sample> {
        let constant = self.constant.filter(|_| row.listed.is_empty());
        let chosen = row.chosen as usize;
        let of_chosen = self.prepared.probability_of_the_chosen(row);
        let (probability, expected, unsupported, support) = if let Some(probability) = of_chosen {
            let certain = row.propensity.is_some_and(|p| p >= 1.0);
            (probability, f64::NAN, if certain { 1.0 - probability } else { 0.0 }, Support::Unknown)
        } else if let Some((expected, unsupported)) = constant {
            let distribution = self.prepared.constant().expect("it was when this was set up");
            let unsupported = unsupported.max(ruled_out(row, distribution));
            (distribution[chosen], expected[fold], unsupported, Support::ItemsChosen)
        } else {
            debug_assert_eq!(times, 1, "rows are alike to who does not look at them alone");
            self.prepared.distribution(row, &mut self.distribution)?;
            let distribution = &self.distribution[..];
            let value = |(k, p): (usize, &f64)| if *p > 0.0 { p * model.predict(fold, row, k) } else { 0.0 };
            model.add_expected_basis(row, distribution, &mut self.basis);
            self.rows_in_basis += 1;
            let (unsupported, support) = unsupported(row, distribution, model, self.support_of_items);
            let expected = distribution.iter().enumerate().map(value).sum();
            let probability = distribution[chosen];
            self.prepared.learn(row)?;
            (probability, expected, unsupported, support)
        };
        let sample = Sample {
            weight: probability / row.propensity.unwrap_or(f64::NAN),
            reward: row.reward,
            predicted: model.predict(fold, row, chosen),
            expected,
            accepted: false,
        };
        self.weights.add(sample.weight, row.reward, (unsupported, support), times);
        self.grids.iter_mut().flatten().for_each(|grid| grid.add(&sample, times as f64));
        Ok(sample)
    }

    /// What the pass over all rows has found.
    pub(super) fn finish(mut self, rows: u64) -> WeighedPolicy {
        if let Some(distribution) = self.prepared.constant() {
            // Rows that did not need the distribution had the same one.
            let others = (rows - self.rows_in_basis) as f64;
            if others > 0.0 {
                self.basis.iter_mut().zip(distribution).for_each(|(b, p)| *b += others * p);
            }
        }
        let without_state = self.prepared.without_state();
        let diagnostics = Diagnostics::new(&self.weights, rows);
        let mean_reward = self.weights.mean_reward();
        WeighedPolicy { diagnostics, mean_reward, grids: self.grids, basis: self.basis, without_state }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Probability of choices that the logging policy could not make, as far as that is known, and how: `of_items` where the
/// decision has the propensity of the chosen one alone.
fn unsupported(row: &Row, distribution: &[f64], model: &RewardModel, of_items: Support) -> (f64, Support) {
    let all_known = row.listed.iter().all(|listed| !listed.propensity.is_nan());
    if row.listed.is_empty() {
        (unseen(distribution, model).max(ruled_out(row, distribution)), Support::ItemsChosen)
    } else if all_known {
        let impossible = row.listed.iter().zip(distribution).filter(|(listed, _)| listed.propensity == 0.0);
        (impossible.map(|(_, p)| p).sum(), Support::Propensities)
    } else if of_items == Support::ItemsChosen {
        let never = |(listed, _): &(&ListedItem, &f64)| !model.has_seen(listed.item as usize);
        let never = row.listed.iter().zip(distribution).filter(never).map(|(_, p)| p).sum::<f64>();
        (never.max(ruled_out(row, distribution)), of_items)
    } else {
        (ruled_out(row, distribution), of_items)
    }
}

/// Probability of the choices that the logged propensity of the chosen one rules out: all others, where it was certain.
fn ruled_out(row: &Row, distribution: &[f64]) -> f64 {
    let certain = row.propensity.is_some_and(|p| p >= 1.0);
    if certain { (1.0 - distribution[row.chosen as usize]).max(0.0) } else { 0.0 }
}

/// Probability of items that the log never shows.
fn unseen(distribution: &[f64], model: &RewardModel) -> f64 {
    distribution.iter().enumerate().filter(|(item, _)| !model.has_seen(*item)).map(|(_, p)| p).sum()
}
