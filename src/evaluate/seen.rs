//! A log as each policy sees it: the first two passes.

use super::Settings;
use super::estimator::Sample;
use super::log::{LogReader, Names};
use super::model::{FOLDS, ModelBuilder, ModelKind, RewardModel};
use super::row::{Row, Spool};
use super::select::GridSums;
use super::target::{Prepared, Target};
use super::unit::Units;
use super::verdict::{Diagnostics, WeightSums};
use crate::error::{Error, Result};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// A log after the first pass: its rows wait in a temporary file.
pub(super) struct Log {
    names: Names,
    spool: Spool,
    rows: u64,
    /// `None` where the log names no users.
    units: Option<Units>,
    reward_sum: f64,
    model: RewardModel,
}

/// What a policy's pass over the log left behind.
pub(super) struct Seen {
    pub(super) diagnostics: Diagnostics,
    /// For each estimator asked for, the sums over its grid if a hyperparameter is to be selected.
    pub(super) grids: Vec<Option<GridSums>>,
    /// Sum over rows of the mean of x under the policy, with x as the reward model sees a candidate.
    pub(super) basis: Vec<f64>,
}

/// One logged decision as every policy sees it.
pub(super) struct Decision<'a> {
    /// One for each policy.
    pub(super) samples: &'a [Sample],
    /// x of the chosen candidate, as the reward model stores it.
    pub(super) basis: &'a [f64],
    /// The group of users that it belongs to; 0 where the log names none.
    pub(super) unit: usize,
}

/// The samples of every policy, row by row, in a temporary file.
pub(super) struct Samples {
    spool: Spool,
    rows: u64,
    /// Largest weight of each policy: rejection sampling accepts in proportion to it.
    largest: Vec<f64>,
    seed: u64,
    stored_len: usize,
    with_units: bool,
}

impl Log {
    /// Reads and checks every row, and fits the reward model.
    pub(super) fn read(
        reader: &mut dyn LogReader,
        targets: &[Target],
        kind: Option<ModelKind>,
    ) -> Result<Self> {
        let learning = targets.iter().any(Target::learns_of_users);
        let (mut spool, mut builder) = (Spool::new(), None);
        let mut names = Names::default();
        names.forgets_users = !learning;
        let (mut rows, mut units, mut reward_sum, mut row) = (0, None, 0.0, Row::default());
        while reader.next(&mut row, &mut names)? {
            if rows == 0 {
                units = row.unit.map(|_| Units::new());
            }
            match (&mut units, row.unit) {
                (Some(units), Some(unit)) => units.add(unit),
                (None, None) => {}
                _ => {
                    let why = "some of its decisions name a user and others none; evaluate them apart";
                    return Err(Error::Refused(format!("{}: {why}", reader.origin())));
                }
            }
            let builder = builder.get_or_insert_with(|| {
                let with_vectors =
                    if row.features.is_empty() { ModelKind::CrossItemMean } else { ModelKind::Ridge };
                ModelBuilder::new(kind.unwrap_or(with_vectors))
            });
            builder.observe(fold(rows, &row), &row)?;
            row.moment = row.moment.filter(|_| learning);
            spool.put_row(&row)?;
            reward_sum += row.reward;
            rows += 1;
        }
        let Some(builder) = builder else {
            return Err(Error::Refused(format!("{}: no decision with a reward", reader.origin())));
        };
        for target in targets {
            target.extend(&mut names.items);
        }
        let model = builder.fit(names.items.len());
        Ok(Self { names, spool, rows, units, reward_sum, model })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn units(&self) -> Option<&Units> {
        self.units.as_ref()
    }

    pub(super) fn mean_reward(&self) -> f64 {
        self.reward_sum / self.rows as f64
    }

    pub(super) fn model(&self) -> &RewardModel {
        &self.model
    }

    /// Smallest and largest reward.
    pub(super) fn reward_range(&self) -> (f64, f64) {
        self.model.range()
    }

    /// Sees every row as each policy does.
    pub(super) fn see(&mut self, targets: &[Target], settings: &Settings) -> Result<(Samples, Vec<Seen>)> {
        let Self { names, spool, rows, units, model, .. } = self;
        let mut viewers: Vec<Viewer> = targets
            .iter()
            .map(|t| Ok(Viewer::new(t.prepare(names)?, model, settings)))
            .collect::<Result<_>>()?;
        let mut samples = Spool::new();
        let stored_len = model.stored_len();
        let with_units = units.is_some();
        let mut numbers = vec![0.0; 1 + stored_len + 3 * targets.len() + usize::from(with_units)];
        let (mut reader, mut row) = (spool.read()?, Row::default());
        for i in 0..*rows {
            reader.get_row(&mut row)?;
            numbers[0] = row.reward;
            model.chosen_basis(&row, &mut numbers[1..=stored_len]);
            let fold = fold(i, &row);
            if let Some(unit) = row.unit {
                *numbers.last_mut().expect("it has the reward") = f64::from(unit);
            }
            let own = numbers[1 + stored_len..].chunks_exact_mut(3);
            for (viewer, numbers) in viewers.iter_mut().zip(own) {
                let sample = viewer.see(&row, fold, model, names.items.len())?;
                numbers.copy_from_slice(&[sample.weight, sample.predicted, sample.expected]);
            }
            samples.put(&numbers)?;
        }
        let largest = viewers.iter().map(|v| v.weights.largest()).collect();
        let (rows, seed) = (*rows, settings.seed);
        let samples = Samples { spool: samples, rows, largest, seed, stored_len, with_units };
        let seen = viewers.into_iter().map(|v| v.finish(rows));
        Ok((samples, seen.collect()))
    }
}

/// The part of cross-fitting that a row belongs to: all decisions of a user to the same one.
fn fold(number: u64, row: &Row) -> usize {
    (row.unit.map_or(number, u64::from) % FOLDS as u64) as usize
}

/// A policy on its way through the rows.
struct Viewer {
    prepared: Prepared,
    /// For a distribution that is the same at every decision: its value by the model of each fold, and its
    /// share of items that the log never shows.
    constant: Option<([f64; FOLDS], f64)>,
    distribution: Vec<f64>,
    weights: WeightSums,
    grids: Vec<Option<GridSums>>,
    basis: Vec<f64>,
    rows_in_basis: u64,
}

impl Viewer {
    fn new(prepared: Prepared, model: &RewardModel, settings: &Settings) -> Self {
        let constant = prepared.constant().filter(|_| !model.needs_vectors()).map(|distribution| {
            let expected = std::array::from_fn(|fold| dot(distribution, model.table(fold)));
            (expected, unseen(distribution, model))
        });
        let grid = |estimator: &super::Estimator, lambda: &Option<f64>| match lambda {
            None => GridSums::new(*estimator),
            Some(_) => None,
        };
        let grids = settings.estimators.iter().map(|(e, lambda)| grid(e, lambda)).collect();
        let (weights, basis) = (WeightSums::default(), vec![0.0; model.basis_len()]);
        Self { prepared, constant, distribution: Vec::new(), weights, grids, basis, rows_in_basis: 0 }
    }

    fn see(&mut self, row: &Row, fold: usize, model: &RewardModel, items: usize) -> Result<Sample> {
        let constant = self.constant.filter(|_| row.listed.is_empty());
        let chosen = row.chosen as usize;
        let (probability, expected, unsupported) = if let Some((expected, unsupported)) = constant {
            let distribution = self.prepared.constant().expect("it was when this was set up");
            (distribution[chosen], expected[fold], unsupported)
        } else {
            self.prepared.distribution(row, items, &mut self.distribution)?;
            let distribution = &self.distribution[..];
            let value = |(k, p): (usize, &f64)| if *p > 0.0 { p * model.predict(fold, row, k) } else { 0.0 };
            let impossible = |(k, p): (usize, &f64)| match row.listed.get(k) {
                Some(listed) if listed.propensity == 0.0 => *p,
                _ => 0.0,
            };
            model.add_expected_basis(row, distribution, &mut self.basis);
            self.rows_in_basis += 1;
            let unsupported = if row.listed.is_empty() {
                unseen(distribution, model)
            } else {
                distribution.iter().enumerate().map(impossible).sum()
            };
            (distribution[chosen], distribution.iter().enumerate().map(value).sum(), unsupported)
        };
        let sample = Sample {
            weight: probability / row.propensity.unwrap_or(f64::NAN),
            reward: row.reward,
            predicted: model.predict(fold, row, chosen),
            expected,
            accepted: false,
        };
        self.weights.add(sample.weight, unsupported);
        self.grids.iter_mut().flatten().for_each(|grid| grid.add(&sample));
        Ok(sample)
    }

    fn finish(mut self, rows: u64) -> Seen {
        if let Some(distribution) = self.prepared.constant() {
            // Rows that did not need the distribution had the same one.
            let others = (rows - self.rows_in_basis) as f64;
            if others > 0.0 {
                self.basis.iter_mut().zip(distribution).for_each(|(b, p)| *b += others * p);
            }
        }
        Seen { diagnostics: Diagnostics::new(&self.weights, rows), grids: self.grids, basis: self.basis }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Probability of items that the log never shows.
fn unseen(distribution: &[f64], model: &RewardModel) -> f64 {
    distribution.iter().enumerate().filter(|(item, _)| !model.has_seen(*item)).map(|(_, p)| p).sum()
}

impl Samples {
    /// Calls `each` with every decision, in order.
    pub(super) fn each(&mut self, mut each: impl FnMut(&Decision)) -> Result<()> {
        let blank = Sample { weight: 0.0, reward: 0.0, predicted: 0.0, expected: 0.0, accepted: false };
        let mut samples = vec![blank; self.largest.len()];
        let (stored_len, with_units) = (self.stored_len, self.with_units);
        let mut numbers = vec![0.0; 1 + stored_len + 3 * samples.len() + usize::from(with_units)];
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..28].copy_from_slice(b"evaluation rejection");
        let mut luck = ChaCha8Rng::from_seed(key);
        let mut reader = self.spool.read()?;
        for _ in 0..self.rows {
            reader.get(&mut numbers)?;
            // One draw for all policies: they are compared under the same luck.
            let draw: f64 = luck.random();
            let own = numbers[1 + stored_len..].chunks_exact(3).zip(&self.largest);
            for (sample, (own, largest)) in samples.iter_mut().zip(own) {
                let [weight, predicted, expected] = [own[0], own[1], own[2]];
                let accepted = draw * largest < weight;
                *sample = Sample { weight, reward: numbers[0], predicted, expected, accepted };
            }
            let unit = if with_units { numbers[numbers.len() - 1] as usize } else { 0 };
            each(&Decision { samples: &samples, basis: &numbers[1..=stored_len], unit });
        }
        Ok(())
    }

    /// Largest weight of each policy.
    pub(super) fn largest(&self) -> &[f64] {
        &self.largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_decisions_of_a_user_are_in_one_fold_and_others_go_round() {
        let of_user = |unit| (0..20).map(|i| fold(i, &Row { unit, ..Row::default() })).collect::<Vec<_>>();
        assert_eq!(of_user(Some(7)), [2; 20]);
        assert_eq!(of_user(None)[..7], [0, 1, 2, 3, 4, 0, 1]);
    }
}
