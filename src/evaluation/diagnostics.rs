//! Whether a log can carry an estimate at all.

use super::bounds::{self, Bounds};
use crate::base::stats::{Moments, normal_quantile};
use serde::Serialize;

/// Smallest effective sample size: a mean of fewer is an anecdote. It bounds the largest weight too: a row
/// that carries a share s of all the weight leaves an effective sample of at most 1 / s^2, so here none
/// carries more than a tenth.
pub const MIN_EFFECTIVE_SAMPLE: f64 = 100.0;
/// Largest share of the policy's choices that the logging policy could not make.
pub const MAX_UNSUPPORTED: f64 = 0.01;
/// The mean weight, which is 1 if the propensities are right, must be so within an interval of this alpha.
pub const MEAN_WEIGHT_ALPHA: f64 = 0.001;
/// A mean weight this near to 1 is never objected to: propensities are logged with so many digits.
pub const MEAN_WEIGHT_SLACK: f64 = 0.001;

/// By what it is known which choices the logging policy could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// Each decision has the propensities of all its candidates.
    #[default]
    Propensities,
    /// Items that were never chosen are out of reach; of others nothing says whether each decision could have chosen
    /// them.
    ItemsChosen,
    /// Not even that: most items are met a few times only.
    Unknown,
}

/// What the weights of one policy look like.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Diagnostics {
    /// Mean of w; its expectation is 1 if propensities are right and support is full. `None` when some
    /// propensity is unknown or weights are too large to be added up, as are the two below.
    pub mean_weight: Option<f64>,
    /// Largest w.
    pub max_weight: Option<f64>,
    /// (sum of w)^2 / sum of w^2 (Kong 1992): how many decisions of the policy's own the log is worth.
    pub effective_sample_size: Option<f64>,
    /// That times how evenly rewards are spread under the policy: how many decisions whose rewards fall like a fair coin
    /// the log is worth. See [`MIN_EFFECTIVE_REWARDS`](super::MIN_EFFECTIVE_REWARDS).
    pub effective_rewards: Option<f64>,
    /// Bounds on the mean weight, alpha [`MEAN_WEIGHT_ALPHA`].
    pub mean_weight_bounds: Option<Bounds>,
    /// Share of the policy's choices that the logging policy could not make; `None` where the propensities of all
    /// candidates are not logged, for then it is not known of each decision.
    pub out_of_reach: Option<f64>,
    /// What is known of that share at least: items that were never chosen, and the others where one was certain.
    pub out_of_reach_at_least: f64,
    /// What the mean weight says of that share at most: its lower bound taken from 1, if propensities are right.
    pub out_of_reach_at_most: Option<f64>,
    /// How that is known.
    pub support: Support,
    /// Decisions that rejection sampling kept; `None` where replay was not asked for, or not to be answered.
    pub replay_kept: Option<u64>,
    /// Whether all propensities are known, and the weights are too large to be added up.
    #[serde(skip)]
    pub too_large: bool,
    /// Whether all weights are 1, to the digits that are logged.
    #[serde(skip)]
    all_one: bool,
    /// Mean and standard error of the weights.
    #[serde(skip)]
    mean_and_error: Option<(f64, f64)>,
    /// The largest share of its choices that the one that logged may have for items which the log, that lists none, has not
    /// met, but once in 1 / [`MEAN_WEIGHT_ALPHA`] logs: (1 - share)^rows is that.
    #[serde(skip)]
    unmet: f64,
}

impl Diagnostics {
    /// The diagnostics of these weights.
    pub fn new(weights: &WeightSums, rows: u64) -> Self {
        let support = weights.support;
        let at_least = if rows > 0 { weights.unsupported / rows as f64 } else { 0.0 };
        let out_of_reach = (support == Support::Propensities && rows > 0).then_some(at_least);
        let none = Self { out_of_reach, out_of_reach_at_least: at_least, support, ..Self::default() };
        if weights.unknown > 0 || rows == 0 {
            return none;
        }
        let sum = weights.sum;
        if !(sum * sum).is_finite() || !weights.squares.is_finite() {
            return Self { too_large: true, ..none };
        }
        // Weights that are all the same leave no doubt about their mean.
        let bounds = bounds::normal(&weights.moments, MEAN_WEIGHT_ALPHA)
            .or_else(|| weights.moments.mean().map(|mean| Bounds { lower: mean, upper: mean }));
        Self {
            mean_weight: Some(sum / rows as f64),
            all_one: weights.farthest <= MEAN_WEIGHT_SLACK,
            max_weight: Some(weights.largest),
            effective_sample_size: Some(if weights.squares > 0.0 {
                sum * sum / weights.squares
            } else {
                0.0
            }),
            mean_weight_bounds: bounds,
            out_of_reach_at_most: bounds.map(|b| (1.0 - b.lower).clamp(0.0, 1.0)),
            unmet: if support == Support::Propensities {
                0.0
            } else {
                (-libm::log(MEAN_WEIGHT_ALPHA) / rows as f64).min(1.0)
            },
            mean_and_error: weights.moments.mean().zip(weights.moments.standard_error()),
            ..none
        }
    }

    /// Why no estimator can be trusted, with what would help: what the policy does was not there to be seen. `None`
    /// if it was.
    pub fn why_out_of_reach(&self) -> Option<String> {
        let share = Some(self.out_of_reach_at_least).filter(|share| *share > MAX_UNSUPPORTED)?;
        let (least, what) = match self.support {
            Support::Propensities => ("", "were impossible for the one that logged"),
            Support::ItemsChosen => (
                "at least ",
                "fall on items that were never chosen in this log, or on others where one was certain",
            ),
            Support::Unknown => ("at least ", "were impossible for the one that logged"),
        };
        Some(format!(
            "{least}{:.1}% of the policy's choices {what} (allowed: {:.0}%); log with more exploration, or test a policy \
             that stays within what was shown",
            100.0 * share,
            100.0 * MAX_UNSUPPORTED
        ))
    }

    /// Whether the policy chooses as the one that logged did: all weights are 1, to the digits that are logged.
    pub fn is_the_logged(&self) -> bool {
        self.all_one
    }

    /// Whether the mean weight is below 1 by more than chance explains, at `alpha` on this side: where propensities are
    /// right that is the share of the policy's choices that was out of reach. A slack as for an objection is left.
    pub fn is_mean_weight_below(&self, alpha: f64) -> bool {
        self.mean_and_error.is_some_and(|(mean, error)| {
            mean < 1.0 - MEAN_WEIGHT_SLACK && mean + normal_quantile(1.0 - alpha) * error < 1.0
        })
    }

    /// Why estimators that weight cannot be trusted, with what would help; `None` if they can.
    pub fn objection(&self) -> Option<String> {
        if self.too_large {
            return Some(
                "its weights are too large to be added up: propensities that small are none of choices that were \
                 made; check how they were logged"
                    .to_owned(),
            );
        }
        let (Some(mean), Some(largest), Some(effective)) =
            (self.mean_weight, self.max_weight, self.effective_sample_size)
        else {
            return Some(
                "some decisions have no exact propensity; log a policy that has them (not lints), or ask for \
                 direct_method alone"
                    .to_owned(),
            );
        };
        // What is no number is not enough.
        let enough = effective >= MIN_EFFECTIVE_SAMPLE;
        if !enough {
            return Some(format!(
                "its effective sample size is {effective:.1} (needed: {MIN_EFFECTIVE_SAMPLE}), its largest \
                 weight {}; collect more rows, log with more exploration, or test a policy closer to the one that \
                 logged",
                if largest < 1e6 { format!("{largest:.1}") } else { format!("{largest:.1e}") }
            ));
        }
        match self.mean_weight_bounds {
            Some(bounds) if !bounds.is_finite() => {
                Some("nothing bounds its mean weight: its weights are too large to be squared".to_owned())
            }
            Some(Bounds { lower, upper })
                if (mean - 1.0).abs() > MEAN_WEIGHT_SLACK
                    && !(lower * (1.0 - self.unmet)..=upper).contains(&1.0) =>
            {
                let unmet = if mean > 1.0 && self.support != Support::Propensities {
                    ", or that the log, which lists no candidates, has met every item that could be chosen"
                } else {
                    ""
                };
                Some(format!(
                    "the mean weight is {mean:.4}, between {lower:.4} and {upper:.4}, where right propensities \
                 give 1; check that the logged propensities are those of the choices as they were made, and \
                 that every item the policy may choose was in reach{unmet}"
                ))
            }
            _ => None,
        }
    }
}

/// Sums over the weights of one policy.
#[derive(Debug, Clone, Default)]
pub struct WeightSums {
    sum: f64,
    squares: f64,
    largest: f64,
    /// Of w times the reward.
    rewards: f64,
    /// The largest distance from 1.
    farthest: f64,
    unsupported: f64,
    support: Support,
    unknown: u64,
    moments: Moments,
}

impl WeightSums {
    /// The largest weight.
    pub fn largest(&self) -> f64 {
        self.largest
    }

    /// The mean reward under the policy, the weights normalized; `None` where a weight is unknown or none is left.
    pub fn mean_reward(&self) -> Option<f64> {
        let mean = self.rewards / self.sum;
        (self.unknown == 0 && mean.is_finite()).then_some(mean)
    }

    /// Adds one row, so many times: its weight, NaN if unknown, its reward, and the policy's probability of a choice that the
    /// logging policy could not make, as far as that is known, with how. The log is known as far as its least known row.
    #[inline]
    pub fn add(&mut self, weight: f64, reward: f64, (unsupported, support): (f64, Support), times: u64) {
        let n = times as f64;
        self.unsupported += n * unsupported;
        self.support = match (self.support, support) {
            (Support::Unknown, _) | (_, Support::Unknown) => Support::Unknown,
            (Support::ItemsChosen, _) | (_, Support::ItemsChosen) => Support::ItemsChosen,
            _ => Support::Propensities,
        };
        if weight.is_nan() {
            self.unknown += times;
            return;
        }
        self.sum += n * weight;
        self.rewards += n * weight * reward;
        self.squares += n * weight * weight;
        self.largest = self.largest.max(weight);
        self.farthest = self.farthest.max((weight - 1.0).abs());
        self.moments.observe_times(weight, times);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostics(weights: impl IntoIterator<Item = f64>, unsupported: f64) -> Diagnostics {
        let mut sums = WeightSums::default();
        let mut rows = 0;
        for weight in weights {
            sums.add(weight, 0.0, (unsupported, Support::Propensities), 1);
            rows += 1;
        }
        Diagnostics::new(&sums, rows)
    }

    fn even(rows: usize) -> impl Iterator<Item = f64> {
        (0..rows).map(|i| if i % 2 == 0 { 0.5 } else { 1.5 })
    }

    #[test]
    fn each_threshold_is_kept_on_both_sides() {
        // Equal weights: the effective sample is the number of rows.
        assert_eq!(diagnostics([1.0; 100], 0.0).objection(), None);
        let small = diagnostics([1.0; 99], 0.0).objection().unwrap();
        assert!(small.contains("effective sample size is 99.0"), "{small}");
        assert_eq!(diagnostics(even(1000), 0.01).why_out_of_reach(), None);
        let unsupported = diagnostics(even(1000), 0.011).why_out_of_reach().unwrap();
        assert!(unsupported.contains("1.1%"), "{unsupported}");
    }

    #[test]
    fn wrong_propensities_show_in_the_mean_weight() {
        let doubled = diagnostics(even(1000).map(|w| 2.0 * w), 0.0).objection().unwrap();
        assert!(doubled.contains("the mean weight is 2.0000"), "{doubled}");
        assert!(diagnostics([0.9; 1000], 0.0).objection().is_some());
    }

    /// Of 100 items that are chosen evenly one may be missing from 600 decisions: those that were met have 99 in 100 of
    /// the choices, and a uniform policy over them a weight of 100 / 99 in each decision.
    #[test]
    fn items_that_a_short_log_has_not_met_are_no_wrong_propensities() {
        let of = |weight: f64, rows: u64, support: Support| {
            let mut sums = WeightSums::default();
            (0..rows).for_each(|_| sums.add(weight, 0.0, (0.0, support), 1));
            Diagnostics::new(&sums, rows).objection()
        };
        assert_eq!(of(100.0 / 99.0, 600, Support::ItemsChosen), None);
        // 20,000 decisions without it happen in none of so many logs.
        let said = of(100.0 / 99.0, 20_000, Support::ItemsChosen).unwrap();
        assert!(said.contains("has met every item"), "{said}");
        assert!(of(100.0 / 99.0, 600, Support::Propensities).is_some());
        assert!(of(99.0 / 100.0, 600, Support::ItemsChosen).is_some());
    }

    #[test]
    fn digits_lost_in_printing_are_no_objection() {
        assert_eq!(diagnostics([1.000_000_1; 1000], 0.0).objection(), None);
    }

    #[test]
    fn a_row_that_carries_more_than_a_tenth_leaves_too_small_a_sample() {
        let heavy = diagnostics((0..4000).map(|_| 1.0).chain([460.0]), 0.0).objection().unwrap();
        assert!(heavy.contains("largest weight 460.0"), "{heavy}");
        assert_eq!(diagnostics((0..4000).map(|_| 1.0).chain([400.0]), 0.0).objection(), None);
    }

    #[test]
    fn weights_that_overflow_are_refused() {
        for largest in [1e154, 1e200, f64::MAX, f64::INFINITY] {
            let weights = diagnostics((0..4000).map(|_| 1.0).chain([largest; 200]), 0.0);
            assert!(weights.objection().unwrap().contains("too large to be added up"), "{largest}");
            assert_eq!((weights.mean_weight, weights.effective_sample_size), (None, None));
        }
        assert!(diagnostics([f64::NAN; 9], 0.0).objection().is_some());
    }

    #[test]
    fn a_log_is_known_as_far_as_its_least_known_row() {
        use Support::{ItemsChosen, Propensities, Unknown};
        let of = |rows: [(Support, f64); 2]| {
            let mut sums = WeightSums::default();
            rows.into_iter().for_each(|(support, share)| sums.add(1.0, 0.0, (share, support), 1));
            Diagnostics::new(&sums, 2)
        };
        assert_eq!(of([(Propensities, 0.5), (ItemsChosen, 0.5)]).support, ItemsChosen);
        let chosen = of([(ItemsChosen, 0.5), (ItemsChosen, 0.5)]);
        assert!(chosen.why_out_of_reach().unwrap().contains("never chosen in this log"));
        // What was chosen somewhere may be out of reach elsewhere: the share is not known, and not 0.
        let within = of([(ItemsChosen, 0.0), (ItemsChosen, 0.0)]);
        assert_eq!((within.out_of_reach, within.out_of_reach_at_least), (None, 0.0));
        assert_eq!(of([(Propensities, 0.0), (Propensities, 0.0)]).out_of_reach, Some(0.0));
        let unknown = of([(Unknown, 0.0), (Unknown, 0.0)]);
        assert_eq!((unknown.out_of_reach, unknown.why_out_of_reach()), (None, None));
        // What some rows know is not undone by others.
        let in_part = of([(Unknown, 0.0), (Propensities, 0.5)]);
        assert_eq!(in_part.out_of_reach, None);
        assert!(in_part.why_out_of_reach().unwrap().starts_with("at least 25.0%"));
    }

    #[test]
    fn a_mean_weight_below_1_is_told_from_chance_on_both_sides() {
        let of = |low: f64| diagnostics((0..1000).map(|i| if i % 2 == 0 { low } else { 1.5 }), 0.0);
        // The standard error is about 0.016: 1.645 of them are 0.026.
        assert!(!of(0.46).is_mean_weight_below(0.05) && of(0.44).is_mean_weight_below(0.05));
        assert!(!of(0.6).is_mean_weight_below(0.05));
        assert_eq!(of(0.44).objection(), None);
        let most = of(0.44).out_of_reach_at_most.unwrap();
        assert!((0.08..0.09).contains(&most), "{most}");
        assert_eq!(diagnostics([1.0; 100], 0.0).out_of_reach_at_most, Some(0.0));
    }

    #[test]
    fn an_unknown_propensity_leaves_the_weights_unknown() {
        let unknown = diagnostics([1.0, f64::NAN, 1.0], 0.0);
        assert_eq!((unknown.mean_weight, unknown.effective_sample_size), (None, None));
        assert!(unknown.objection().unwrap().contains("direct_method alone"));
    }
}
