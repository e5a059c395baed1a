//! What reward to expect of an item: the model that the direct method and the doubly robust estimators
//! lean on.
//!
//! A model that has seen the very reward it predicts makes residuals too small. Cross-fitted models
//! (Chernozhukov et al. 2018) therefore come in [`FOLDS`]: whole users, or rows by a hash of their number where the log
//! names none, are predicted by the model of all other folds.

use super::refusal::LogRefusal;
use super::row::Row;
use crate::base::error::{Error, Result};
use crate::policy::Ridge;

/// The number of folds that cross-fitting cuts a log into.
pub const FOLDS: usize = 5;

/// Weight of the ridge prior.
const RIDGE_LAMBDA: f64 = 1.0;

/// How rewards are predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// (rewards of the item + mean reward) / (rows of the item + 1), from all rows, not cross-fitted: what
    /// published reference numbers use.
    ItemMean,
    /// The same, cross-fitted.
    CrossItemMean,
    /// Ridge regression on the candidate's feature vector, lambda 1, cross-fitted.
    Ridge,
}

impl ModelKind {
    /// All of them, in the order in which help lists them.
    pub const ALL: [Self; 3] = [Self::ItemMean, Self::CrossItemMean, Self::Ridge];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::ItemMean => "item-mean",
            Self::CrossItemMean => "cross-item-mean",
            Self::Ridge => "ridge",
        }
    }

    /// The model of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|k| k.name() == name)
            .ok_or_else(|| Error::unknown("reward model", name, Self::ALL.map(Self::name)))
    }
}

/// The sums of rows and rewards.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    rows: f64,
    rewards: f64,
}

impl Sum {
    fn add(&mut self, reward: f64) {
        self.rows += 1.0;
        self.rewards += reward;
    }

    fn without(self, other: Self) -> Self {
        Self { rows: self.rows - other.rows, rewards: self.rewards - other.rewards }
    }

    fn plus(self, other: Self) -> Self {
        Self { rows: self.rows + other.rows, rewards: self.rewards + other.rewards }
    }
}

/// A reward model that has yet to see the log's rows, each once, in order.
#[derive(Debug, Clone)]
pub struct ModelBuilder {
    items: Vec<[Sum; FOLDS]>,
    /// For ridge: the model of fold f has learned from every row but those of f, the last one from all.
    ridges: Vec<Ridge>,
    kind: ModelKind,
    low: f64,
    high: f64,
}

impl ModelBuilder {
    /// A model of no rows yet.
    pub fn new(kind: ModelKind) -> Self {
        Self { items: Vec::new(), ridges: Vec::new(), kind, low: f64::INFINITY, high: f64::NEG_INFINITY }
    }

    /// Adds the row, which is of this fold.
    ///
    /// # Errors
    /// A ridge model of a log whose candidates have no feature vectors.
    pub fn observe(&mut self, fold: usize, row: &Row) -> Result<()> {
        let item = row.item() as usize;
        if item >= self.items.len() {
            self.items.resize(item + 1, [Sum::default(); FOLDS]);
        }
        self.items[item][fold].add(row.reward);
        self.low = self.low.min(row.reward);
        self.high = self.high.max(row.reward);
        if self.kind == ModelKind::Ridge {
            self.observe_vector(fold, row)?;
        }
        Ok(())
    }

    fn observe_vector(&mut self, fold: usize, row: &Row) -> Result<()> {
        let dim = row.vector_dim();
        if dim == 0 {
            return Err(Error::because(LogRefusal::NoVectors));
        }
        if self.ridges.is_empty() {
            self.ridges = vec![Ridge::new(dim, RIDGE_LAMBDA, 1.0); FOLDS + 1];
        }
        let x = row.vector(row.chosen as usize);
        for (f, ridge) in self.ridges.iter_mut().enumerate() {
            if f != fold {
                ridge.learn(x, row.reward);
            }
        }
        Ok(())
    }

    /// The model of what was seen, for a catalogue of `items` items. Rows of a fold beside which there is no other, as
    /// those of a single user, are predicted by the model that has seen them: there is nobody else to learn from.
    pub fn fit(mut self, items: usize) -> RewardModel {
        self.items.resize(items, [Sum::default(); FOLDS]);
        let all = |folds: &[Sum; FOLDS]| folds.iter().fold(Sum::default(), |sum, s| sum.plus(*s));
        let table = |left_out: Option<usize>| -> Vec<f64> {
            let seen = |folds: &[Sum; FOLDS]| match left_out {
                None => all(folds),
                Some(fold) => all(folds).without(folds[fold]),
            };
            let total = self.items.iter().fold(Sum::default(), |sum, folds| sum.plus(seen(folds)));
            let mean = if total.rows > 0.0 { total.rewards / total.rows } else { 0.0 };
            let shrunk = |s: Sum| (s.rewards + mean) / (s.rows + 1.0);
            self.items.iter().map(|folds| shrunk(seen(folds))).collect()
        };
        let rows = |f: usize| self.items.iter().map(|folds| folds[f].rows).sum::<f64>();
        let others = |f: usize| (0..FOLDS).any(|other| other != f && rows(other) > 0.0);
        let cross = self.kind != ModelKind::ItemMean;
        let tables = (0..FOLDS).map(|f| table(Some(f).filter(|f| cross && others(*f)))).collect();
        let ridge = |f: usize| &self.ridges[if others(f) { f } else { FOLDS }];
        let folds = if self.ridges.is_empty() { 0 } else { FOLDS };
        let weights = (0..folds).map(|f| ridge(f).theta().to_vec()).collect();
        let counts = self.items.iter().map(|folds| all(folds).rows).collect();
        let inverse = self.ridges.last().map(|r| r.numbers().a_inverse).unwrap_or_default();
        RewardModel { tables, weights, counts, inverse, low: self.low, high: self.high }
    }
}

/// A fitted reward model.
#[derive(Debug, Clone)]
pub struct RewardModel {
    /// Predictions by fold and item.
    tables: Vec<Vec<f64>>,
    /// Ridge weights by fold; empty for item means.
    weights: Vec<Vec<f64>>,
    /// Rows of each item.
    counts: Vec<f64>,
    /// For ridge: the inverse of lambda I + sum x x^T over all rows, its lower triangle row by row.
    inverse: Vec<f64>,
    low: f64,
    high: f64,
}

impl RewardModel {
    /// Smallest and largest reward of the log.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Whether it looks at feature vectors.
    pub fn needs_vectors(&self) -> bool {
        !self.weights.is_empty()
    }

    /// Whether the log ever chose this item.
    pub fn has_seen(&self, item: usize) -> bool {
        self.counts[item] > 0.0
    }

    /// Predictions for every item of the catalogue, for a row of this fold.
    pub fn table(&self, fold: usize) -> &[f64] {
        &self.tables[fold]
    }

    /// Prediction for the candidate at `position`, for a row of this fold; within the log's range of rewards.
    pub fn predict(&self, fold: usize, row: &Row, position: usize) -> f64 {
        if let Some(weights) = self.weights.get(fold) {
            let x = row.vector(position);
            let dot: f64 = weights.iter().zip(x).map(|(w, x)| w * x).sum();
            return dot.clamp(self.low, self.high);
        }
        let item = row.listed.get(position).map_or(position, |l| l.item as usize);
        self.tables[fold][item]
    }
}

/// The model as a linear one, theta . x, where for item means x is 1 at the item and 0 elsewhere: how an
/// estimate depends on what the model has learned is then one vector.
impl RewardModel {
    /// Length of x.
    pub fn basis_len(&self) -> usize {
        self.weights.first().map_or(self.counts.len(), Vec::len)
    }

    /// How many numbers [`Self::chosen_basis`] writes.
    pub fn stored_len(&self) -> usize {
        self.weights.first().map_or(1, Vec::len)
    }

    /// Writes x of the chosen candidate: the vector, or the item's number.
    pub fn chosen_basis(&self, row: &Row, out: &mut [f64]) {
        if self.needs_vectors() {
            out.copy_from_slice(row.vector(row.chosen as usize));
        } else {
            out[0] = f64::from(row.item());
        }
    }

    /// sum += times x, with x as stored.
    #[inline]
    pub fn add_basis(&self, stored: &[f64], times: f64, sum: &mut [f64]) {
        if self.needs_vectors() {
            sum.iter_mut().zip(stored).for_each(|(s, x)| *s += times * x);
        } else {
            sum[stored[0] as usize] += times;
        }
    }

    /// sum += the mean of x under a distribution over the row's candidates.
    pub fn add_expected_basis(&self, row: &Row, distribution: &[f64], sum: &mut [f64]) {
        for (k, p) in distribution.iter().enumerate() {
            if self.needs_vectors() {
                self.add_basis(row.vector(k), *p, sum);
            } else {
                sum[row.listed.get(k).map_or(k, |l| l.item as usize)] += p;
            }
        }
    }

    /// What each unit of residual at x moves an estimate by is direction . x, for an estimate that changes
    /// by gap . d when theta changes by d: n A^-1 gap.
    pub fn direction(&self, gap: &[f64]) -> Vec<f64> {
        let rows: f64 = self.counts.iter().sum();
        if !self.needs_vectors() {
            return gap.iter().zip(&self.counts).map(|(g, count)| rows * g / (count + 1.0)).collect();
        }
        let inverse = |i: usize, j: usize| self.inverse[i.max(j) * (i.max(j) + 1) / 2 + i.min(j)];
        (0..gap.len()).map(|i| rows * (0..gap.len()).map(|j| inverse(i, j) * gap[j]).sum::<f64>()).collect()
    }

    /// direction . x, with x as stored.
    #[inline]
    pub fn along(&self, stored: &[f64], direction: &[f64]) -> f64 {
        if self.needs_vectors() {
            direction.iter().zip(stored).map(|(d, x)| d * x).sum()
        } else {
            direction[stored[0] as usize]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::ListedItem;
    use super::*;

    fn model(kind: ModelKind, rows: &[Row]) -> RewardModel {
        let mut builder = ModelBuilder::new(kind);
        rows.iter().enumerate().for_each(|(i, row)| builder.observe(i % FOLDS, row).unwrap());
        builder.fit(3)
    }

    fn rows() -> Vec<Row> {
        (0..20u32).map(|i| Row { chosen: i % 2, reward: f64::from(i % 4), ..Row::default() }).collect()
    }

    #[test]
    fn item_means_shrink_towards_the_mean_and_fall_back_on_it() {
        let model = model(ModelKind::ItemMean, &rows());
        // Item 0 saw 0 and 2 in turn, item 1 saw 1 and 3; the mean is 1.5; item 2 was never seen.
        let expected = [(10.0 + 1.5) / 11.0, (20.0 + 1.5) / 11.0, 1.5];
        for fold in 0..FOLDS {
            assert_eq!(model.table(fold), expected);
        }
        assert!(model.has_seen(1) && !model.has_seen(2));
        assert_eq!(model.range(), (0.0, 3.0));
    }

    #[test]
    fn a_cross_fitted_model_does_not_know_the_row_that_it_predicts() {
        let mut other = rows();
        let before = model(ModelKind::CrossItemMean, &other);
        other[7].reward = 1e6;
        let after = model(ModelKind::CrossItemMean, &other);
        for fold in 0..FOLDS {
            assert_eq!(before.table(fold) == after.table(fold), fold == 7 % FOLDS, "fold {fold}");
        }
    }

    #[test]
    fn ridge_finds_the_line_and_stays_in_range() {
        let rows: Vec<Row> = (0..500u32)
            .map(|i| {
                let x = f64::from(i % 10) / 10.0;
                let listed = vec![ListedItem { item: 0, kind: 0, propensity: 1.0 }];
                Row { reward: 0.2 + 0.5 * x, listed, features: vec![1.0, x], ..Row::default() }
            })
            .collect();
        let model = model(ModelKind::Ridge, &rows);
        assert!((model.predict(0, &rows[5], 0) - 0.45).abs() < 0.01);
        let far = Row { features: vec![1.0, 1e3], ..rows[0].clone() };
        assert_eq!(model.predict(0, &far, 0), model.range().1);
    }

    #[test]
    fn ridge_without_vectors_is_refused() {
        let refused = ModelBuilder::new(ModelKind::Ridge).observe(0, &rows()[0]).unwrap_err();
        assert!(refused.to_string().contains("cross-item-mean"));
    }

    #[test]
    fn a_single_user_is_predicted_by_what_that_user_did() {
        for kind in [ModelKind::CrossItemMean, ModelKind::Ridge] {
            let mut builder = ModelBuilder::new(kind);
            let row = Row { features: vec![1.0], reward: 1.0, ..Row::default() };
            (0..1000).for_each(|_| builder.observe(3, &row).unwrap());
            let model = builder.fit(1);
            assert!(model.predict(3, &row, 0) > 0.99, "{kind:?}");
        }
    }
}
