//! A log as each policy sees it: the first two passes.

use super::Settings;
use super::chance::{Digest, Draws, Folds};
use super::estimator::{Estimator, Sample};
use super::log::{LogReader, LogVocabulary};
use super::model::{FOLDS, ModelBuilder, ModelKind, RewardModel};
use super::row::{Listed, Row, Spool};
use super::select::GridSums;
use super::target::{Prepared, Reach, Target};
use super::unit::Clusters;
use super::verdict::{Diagnostics, Support, WeightSums};
use crate::base::error::{Error, Result};

/// Decisions for each item, on average, from which on an item that was never chosen tells something of the policy that
/// logged. With fewer, as where each text of an action is new, it does not.
const ROWS_PER_ITEM: u64 = 10;

/// A log after the first pass: its rows wait in a temporary file.
pub(super) struct Log {
    names: LogVocabulary,
    spool: Spool,
    rows: u64,
    /// `None` where the log names no users.
    units: Option<Clusters>,
    reward_sum: f64,
    model: RewardModel,
    folds: Folds,
    /// Number of items that the log names; those after them only some target knows.
    items: usize,
    digest: Digest,
    /// Smallest propensity: no weight is above one over it.
    least: f64,
}

/// What a policy's pass over the log left behind.
pub(super) struct Seen {
    pub(super) diagnostics: Diagnostics,
    /// For each estimator asked for, the sums over its grid if a hyperparameter is to be selected.
    pub(super) grids: Vec<Option<GridSums>>,
    /// Sum over rows of the mean of x under the policy, with x as the reward model sees a candidate.
    pub(super) basis: Vec<f64>,
    /// Of a frozen policy, users of the log of whom it has no state.
    pub(super) without_state: Option<u64>,
}

/// One logged decision as every policy sees it.
pub(super) struct Decision<'a> {
    /// One for each policy, and a last one for the policy that logged, whose weights are 1.
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
    /// Largest weight of each policy, the one that logged last: rejection sampling accepts in proportion to it.
    largest: Vec<f64>,
    seed: u64,
    digest: Digest,
    stored_len: usize,
    with_units: bool,
}

impl Log {
    /// Reads and checks every row, and fits the reward model.
    pub(super) fn read(reader: &mut dyn LogReader, targets: &[Target], settings: &Settings) -> Result<Self> {
        let learning = targets.iter().any(Target::learns_of_users);
        let (mut spool, mut builder) = (Spool::new(), None);
        let mut names = LogVocabulary::default();
        names.forgets_users = !learning;
        let mut tables: Vec<Reach> = targets.iter().filter_map(Reach::new).collect();
        let (mut rows, mut units, mut reward_sum, mut row) = (0, None, 0.0, Row::default());
        let (mut digest, mut least) = (Digest::default(), 1.0_f64);
        let mut folds = Folds::new(settings.seed);
        while reader.next(&mut row, &mut names)? {
            if rows == 0 {
                units = row.unit.map(|_| Clusters::new());
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
                ModelBuilder::new(settings.model.unwrap_or(with_vectors))
            });
            for table in &mut tables {
                table.check(&row, &names.items, || reader.place())?;
            }
            builder.observe(folds.of(rows, &row), &row)?;
            digest.add(&row);
            least = least.min(row.propensity.unwrap_or(1.0));
            row.moment = row.moment.filter(|_| learning);
            spool.put_row(&row)?;
            reward_sum += row.reward;
            rows += 1;
        }
        let Some(builder) = builder else {
            return Err(Error::Refused(format!("{}: no decision with a reward", reader.origin())));
        };
        let items = names.items.len();
        for target in targets {
            target.extend(&mut names.items);
        }
        let model = builder.fit(names.items.len());
        Ok(Self { names, spool, rows, units, reward_sum, model, folds, items, digest, least })
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn units(&self) -> Option<&Clusters> {
        self.units.as_ref()
    }

    /// Smallest propensity.
    pub(super) fn least(&self) -> f64 {
        self.least
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
        let Self { names, spool, rows, units, model, folds, items, digest, least, .. } = self;
        let seldom = *rows < ROWS_PER_ITEM * *items as u64;
        let replays = settings.estimators.iter().any(|(e, _)| *e == Estimator::Replay);
        let viewer = |target: &Target| {
            let mut viewer = Viewer::new(target.prepare(names, *items)?, model, settings);
            viewer.support_of_items = if seldom { Support::Unknown } else { Support::ItemsChosen };
            if target.learns() && replays {
                viewer.replay = Some(Replay { prepared: target.prepare(names, *items)?, least: *least });
            }
            Ok(viewer)
        };
        let mut viewers: Vec<Viewer> = targets.iter().map(viewer).collect::<Result<_>>()?;
        let mut samples = Spool::new();
        let stored_len = model.stored_len();
        let with_units = units.is_some();
        let mut numbers = vec![0.0; 1 + stored_len + PER_SAMPLE * targets.len() + usize::from(with_units)];
        let (mut reader, mut row) = (spool.read()?, Row::default());
        let mut draws =
            viewers.iter().any(|v| v.replay.is_some()).then(|| Draws::new(settings.seed, *digest));
        for i in 0..*rows {
            reader.get_row(&mut row)?;
            numbers[0] = row.reward;
            model.chosen_basis(&row, &mut numbers[1..=stored_len]);
            let fold = folds.of(i, &row);
            let draw = draws.as_mut().map_or(0.0, Draws::next);
            if let Some(unit) = row.unit {
                *numbers.last_mut().expect("it has the reward") = f64::from(unit);
            }
            let own = numbers[1 + stored_len..].chunks_exact_mut(PER_SAMPLE);
            for (viewer, numbers) in viewers.iter_mut().zip(own) {
                let sample = viewer.see(&row, fold, model)?;
                let threshold = viewer.threshold(&row, draw, sample.weight)?;
                numbers.copy_from_slice(&[sample.weight, sample.predicted, sample.expected, threshold]);
            }
            samples.put(&numbers)?;
        }
        let largest = viewers.iter().map(|v| v.weights.largest()).chain([1.0]).collect();
        let (rows, seed, digest) = (*rows, settings.seed, *digest);
        let samples = Samples { spool: samples, rows, largest, seed, digest, stored_len, with_units };
        let seen = viewers.into_iter().map(|v| v.finish(rows));
        Ok((samples, seen.collect()))
    }
}

/// Numbers that are kept of each sample: weight, predicted, expected, and what stands in for the weight in rejection
/// sampling.
const PER_SAMPLE: usize = 4;

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
    /// What items that were never chosen say where a decision has the propensity of the chosen one alone.
    support_of_items: Support,
    replay: Option<Replay>,
}

/// A policy that learns of the decisions alone that rejection sampling accepts, as replay wants it (Li et al. 2011).
/// What it accepts depends on what it has learned, so the largest weight is not known in time: one over the smallest
/// propensity stands for it, as the number of items does where they were shown evenly.
struct Replay {
    prepared: Prepared,
    /// The smallest propensity.
    least: f64,
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
        Self {
            prepared,
            constant,
            distribution: Vec::new(),
            weights,
            grids,
            basis,
            rows_in_basis: 0,
            support_of_items: Support::ItemsChosen,
            replay: None,
        }
    }

    /// What takes the place of the weight in rejection sampling: the weight, or for a policy that learns from what it
    /// accepts, all or nothing.
    fn threshold(&mut self, row: &Row, draw: f64, weight: f64) -> Result<f64> {
        let (Some(Replay { prepared, least }), Some(propensity)) = (&mut self.replay, row.propensity) else {
            return Ok(weight);
        };
        prepared.distribution(row, &mut self.distribution)?;
        let accepted = draw < self.distribution[row.chosen as usize] * *least / propensity;
        if accepted {
            prepared.learn(row);
        }
        Ok(if accepted { f64::INFINITY } else { 0.0 })
    }

    fn see(&mut self, row: &Row, fold: usize, model: &RewardModel) -> Result<Sample> {
        let constant = self.constant.filter(|_| row.listed.is_empty());
        let chosen = row.chosen as usize;
        let (probability, expected, unsupported, support) = if let Some((expected, unsupported)) = constant {
            let distribution = self.prepared.constant().expect("it was when this was set up");
            (distribution[chosen], expected[fold], unsupported, Support::ItemsChosen)
        } else {
            self.prepared.distribution(row, &mut self.distribution)?;
            let distribution = &self.distribution[..];
            let value = |(k, p): (usize, &f64)| if *p > 0.0 { p * model.predict(fold, row, k) } else { 0.0 };
            model.add_expected_basis(row, distribution, &mut self.basis);
            self.rows_in_basis += 1;
            let (unsupported, support) = unsupported(row, distribution, model, self.support_of_items);
            let expected = distribution.iter().enumerate().map(value).sum();
            let probability = distribution[chosen];
            self.prepared.learn(row);
            (probability, expected, unsupported, support)
        };
        let sample = Sample {
            weight: probability / row.propensity.unwrap_or(f64::NAN),
            reward: row.reward,
            predicted: model.predict(fold, row, chosen),
            expected,
            accepted: false,
        };
        self.weights.add(sample.weight, unsupported, support);
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
        let without_state = self.prepared.without_state();
        let diagnostics = Diagnostics::new(&self.weights, rows);
        Seen { diagnostics, grids: self.grids, basis: self.basis, without_state }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Probability of choices that the logging policy could not make, and how that is known: `of_items` where the decision
/// has the propensity of the chosen one alone.
fn unsupported(row: &Row, distribution: &[f64], model: &RewardModel, of_items: Support) -> (f64, Support) {
    let all_known = row.listed.iter().all(|listed| !listed.propensity.is_nan());
    if row.listed.is_empty() {
        (unseen(distribution, model), Support::ItemsChosen)
    } else if all_known {
        let impossible = row.listed.iter().zip(distribution).filter(|(listed, _)| listed.propensity == 0.0);
        (impossible.map(|(_, p)| p).sum(), Support::Propensities)
    } else if of_items == Support::ItemsChosen {
        let never = |(listed, _): &(&Listed, &f64)| !model.has_seen(listed.item as usize);
        (row.listed.iter().zip(distribution).filter(never).map(|(_, p)| p).sum(), of_items)
    } else {
        (0.0, of_items)
    }
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
        let policies = samples.len() - 1;
        let (stored_len, with_units) = (self.stored_len, self.with_units);
        let mut numbers = vec![0.0; 1 + stored_len + PER_SAMPLE * policies + usize::from(with_units)];
        let mut draws = Draws::new(self.seed, self.digest);
        let mut reader = self.spool.read()?;
        for _ in 0..self.rows {
            reader.get(&mut numbers)?;
            let (draw, reward) = (draws.next(), numbers[0]);
            let own = numbers[1 + stored_len..].chunks_exact(PER_SAMPLE).zip(&self.largest);
            for (sample, (own, largest)) in samples.iter_mut().zip(own) {
                let &[weight, predicted, expected, threshold] = own else { unreachable!("so many are kept") };
                let accepted = draw * largest < threshold;
                *sample = Sample { weight, reward, predicted, expected, accepted };
            }
            samples[policies] = Sample { weight: 1.0, reward, accepted: true, ..blank };
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
