//! One estimator of one policy, with its hyperparameter and its sums.

use super::diagnostics::MIN_EFFECTIVE_SAMPLE;
use super::effective_rewards::MIN_EFFECTIVE_REWARDS;
use super::estimators::{Estimator, WeightBound};
use super::no_estimate::{Extreme, NoEstimateReason};
use super::reward_model::RewardModel;
use super::sample::Sample;
use super::samples::WeighedDecision;
use super::totals::{RatioTerms, Totals};

/// What is asked of a log: the value of one policy by one estimator.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The position of the policy; the one that logged comes last.
    pub(crate) policy: usize,
    /// The place among the estimators asked for, which pairs it with that of another policy.
    pub(crate) position: usize,
    /// The estimator.
    pub(crate) estimator: Estimator,
    /// Its hyperparameter; 0 where there is none.
    pub(crate) lambda: f64,
    /// Whether the hyperparameter was known before the log was looked at.
    pub(crate) given: bool,
    /// Whether what the policy does depends on earlier decisions of the log.
    pub(crate) learns: bool,
    /// Whether all its terms are of one path of choices, each made of what the ones before taught: replay of a policy
    /// that learns, where the log names no users, of whom each would have a path of their own. Nothing tells how far
    /// another path would have led.
    pub(crate) one_path: bool,
    /// Why its estimate is withheld, unless that is forced.
    pub(crate) withheld: Option<NoEstimateReason>,
    /// As how many rewards that fall like a fair coin those that it uses count; `None` where that is not known.
    pub(crate) effective_rewards: Option<f64>,
    /// The sums of its terms.
    pub(crate) totals: Totals,
    /// What a unit of residual at x moves the estimate by, through the model, is this times x; empty without
    /// a model. See [`RewardModel::direction`].
    pub(crate) direction: Vec<f64>,
}

impl Question {
    /// One without a hyperparameter, paired with none of another policy.
    pub(crate) fn of(policy: usize, estimator: Estimator) -> Self {
        Self {
            policy,
            position: usize::MAX,
            estimator,
            lambda: 0.0,
            given: false,
            learns: false,
            one_path: false,
            withheld: None,
            effective_rewards: None,
            totals: Totals::default(),
            direction: Vec::new(),
        }
    }

    /// What is known of the weights in its terms, as far as that was known before the log was looked at.
    pub(crate) fn weight_bound(&self) -> WeightBound {
        match self.estimator.weight_bound(self.lambda) {
            WeightBound::AtMost(bound) if !(self.given && bound.is_finite() && bound > 0.0) => {
                WeightBound::None
            }
            bound => bound,
        }
    }

    /// Whether its hyperparameter was selected from the log.
    pub(crate) fn is_selected(&self) -> bool {
        self.estimator.hyperparameter().is_some() && !self.given
    }

    /// Why its rewards are too few for bounds that rest on many.
    pub(crate) fn why_few_rewards(&self) -> Option<NoEstimateReason> {
        let effective = self.effective_rewards.filter(|effective| *effective < MIN_EFFECTIVE_REWARDS)?;
        Some(NoEstimateReason::FewRewards { effective })
    }

    /// Whether its terms are of weights and rewards alone, all in a range that is known.
    pub(crate) fn has_known_range(&self) -> bool {
        self.weight_bound() != WeightBound::None
    }

    /// What its estimator makes of a decision.
    #[inline]
    pub(crate) fn terms(&self, decision: &WeighedDecision) -> RatioTerms {
        self.estimator.terms(&decision.samples[self.policy], self.lambda)
    }

    /// What a row's reward adds to the estimate through the model: the first order of its influence.
    #[inline]
    pub(crate) fn influence(&self, decision: &WeighedDecision, model: &RewardModel) -> f64 {
        if self.direction.is_empty() {
            return 0.0;
        }
        let Sample { reward, predicted, .. } = decision.samples[self.policy];
        model.along(decision.basis, &self.direction) * (reward - predicted)
    }

    /// A decision's term in the estimate written as a mean, and its influence through the model.
    #[inline]
    pub(crate) fn term_and_influence(&self, decision: &WeighedDecision, model: &RewardModel) -> (f64, f64) {
        (self.totals.term(&self.terms(decision)), self.influence(decision, model))
    }

    /// Why the decisions that rejection sampling kept are no evidence, for a log whose largest weight of the policy and
    /// smallest propensity are these.
    pub(crate) fn why_few_kept(&self, largest: f64, least: f64) -> Option<NoEstimateReason> {
        let (rows, kept) = self.totals.rows_and_weights(true);
        let few = self.estimator.rejects() && kept < MIN_EFFECTIVE_SAMPLE;
        let by =
            if self.learns { Extreme::SmallestPropensity(least) } else { Extreme::LargestWeight(largest) };
        few.then_some(NoEstimateReason::FewKept { kept: kept as u64, rows: rows as u64, by })
    }
}
