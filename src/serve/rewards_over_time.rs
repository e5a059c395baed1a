//! Mean rewards by policy over the last day, as this replica learned them, with bounds.
//!
//! The bounds are a theorem under stated conditions. Let r_1, r_2, ... be the rewards in a period, all in the range [l, h] of
//! the outcomes of the policy's domain ([-0.5, 1] for tips), and m_i the expectation of r_i given all that came before it. The
//! sums of r_i - m_i are a martingale whose increments are sub-Gaussian with variance proxy ((h - l) / 2)^2, whoever the users
//! are and however often each comes (Hoeffding's lemma). So the mean of the m_i stays within u(n) / n of the mean of the r_i,
//! for all n at once, with probability 95%, for the two-sided normal mixture boundary u of Howard et al. 2021. It bounds a
//! period, not the difference of two policies: their users are not the same.

use crate::base::stats::NormalMixture;
use crate::policy::Policy;
use smol_str::SmolStr;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Length of a period.
pub(super) const PERIOD: Duration = Duration::from_secs(600);
/// So many periods are kept: a day.
pub(super) const PERIODS: usize = 144;
/// The chance that some bound of a period fails.
const ALPHA: f64 = 0.05;
/// Number of rewards at which the bounds are tightest.
const TIGHTEST: f64 = 500.0;

/// Rewards that were learned, by policy.
#[derive(Debug)]
pub(super) struct RewardsOverTime {
    began: Instant,
    /// Least and largest reward that an outcome has, by policy.
    ranges: BTreeMap<SmolStr, (f64, f64)>,
    periods: Mutex<BTreeMap<SmolStr, VecDeque<Period>>>,
}

/// The rewards of a period.
#[derive(Debug, Clone, Copy, Default)]
struct Period {
    number: u64,
    count: u64,
    sum: f64,
    /// Whether each could be that of an outcome.
    in_range: bool,
}

/// A mean with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BoundedMean {
    /// The period, counted back from now: 0 is the one that is not over.
    pub(super) ago: u64,
    /// Number of rewards.
    pub(super) count: u64,
    /// Their mean.
    pub(super) mean: f64,
    /// Bounds, where all rewards are in the range of outcomes.
    pub(super) bounds: Option<(f64, f64)>,
}

impl RewardsOverTime {
    /// None yet; those of these policies will have bounds.
    pub(super) fn new(policies: &[Arc<Policy>]) -> Self {
        let range =
            |policy: &Arc<Policy>| (SmolStr::from(policy.name()), policy.features().domain().reward_range());
        let ranges = policies.iter().map(range).filter(|(_, (low, high))| low < high).collect();
        Self { began: Instant::now(), ranges, periods: Mutex::default() }
    }

    /// Counts a reward.
    pub(super) fn add(&self, policy: &SmolStr, reward: f64) {
        self.add_in(self.period(), policy, reward);
    }

    fn period(&self) -> u64 {
        self.began.elapsed().as_secs() / PERIOD.as_secs()
    }

    fn add_in(&self, number: u64, policy: &SmolStr, reward: f64) {
        let mut periods = self.periods.lock().expect("nothing panics with it");
        let own = periods.entry(policy.clone()).or_default();
        if own.back().is_none_or(|last| last.number != number) {
            own.push_back(Period { number, in_range: true, ..Period::default() });
            while own.front().is_some_and(|first| first.number + PERIODS as u64 <= number) {
                own.pop_front();
            }
        }
        let last = own.back_mut().expect("it was just added");
        last.count += 1;
        last.sum += reward;
        let range = self.ranges.get(policy);
        last.in_range &= range.is_some_and(|(low, high)| (*low..=*high).contains(&reward));
    }

    /// The periods of the last day in which there were rewards, by policy, the oldest first.
    pub(super) fn means(&self) -> Vec<(SmolStr, Vec<BoundedMean>)> {
        self.means_at(self.period())
    }

    fn means_at(&self, now: u64) -> Vec<(SmolStr, Vec<BoundedMean>)> {
        let periods = self.periods.lock().expect("nothing panics with it");
        let recent = |policy: &SmolStr, own: &VecDeque<Period>| {
            let recent = own.iter().filter(|period| period.number + PERIODS as u64 > now);
            recent.map(|period| period.bounded(now, self.ranges.get(policy).copied())).collect()
        };
        periods.iter().map(|(policy, own)| (policy.clone(), recent(policy, own))).collect()
    }
}

impl Period {
    fn bounded(&self, now: u64, range: Option<(f64, f64)>) -> BoundedMean {
        let n = self.count as f64;
        let mean = self.sum / n;
        let bounds = range.filter(|_| self.in_range).map(|(worst, best)| {
            let proxy = ((best - worst) / 2.0).powi(2);
            let far = NormalMixture::two_sided(TIGHTEST * proxy, ALPHA).bound(n * proxy, ALPHA) / n;
            ((mean - far).max(worst), (mean + far).min(best))
        });
        BoundedMean { ago: now - self.number, count: self.count, mean, bounds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// Rewards of a policy of tips, called `p`.
    fn of_tips() -> RewardsOverTime {
        RewardsOverTime { ranges: [("p".into(), (-0.5, 1.0))].into(), ..RewardsOverTime::new(&[]) }
    }

    #[test]
    fn a_day_is_kept_and_no_more() {
        let rewards = of_tips();
        let policy = SmolStr::from("p");
        for period in [0, 1, 143, 144] {
            rewards.add_in(period, &policy, 1.0);
        }
        let ago: Vec<u64> = rewards.means_at(144)[0].1.iter().map(|mean| mean.ago).collect();
        assert_eq!(ago, [143, 1, 0]);
        assert!(rewards.means_at(1_000)[0].1.is_empty());
    }

    #[test]
    fn there_are_no_bounds_where_the_range_is_unknown() {
        let rewards = of_tips();
        rewards.add_in(0, &"p".into(), 1.0);
        assert!(rewards.means_at(0)[0].1[0].bounds.is_some());
        rewards.add_in(0, &"p".into(), 7.0);
        assert_eq!(rewards.means_at(0)[0].1[0].bounds, None);
        rewards.add_in(0, &"another".into(), 0.0);
        assert_eq!(rewards.means_at(0)[0].1[0].bounds, None);
        // A domain of its own has a range of its own.
        let ranges = [("shop".into(), (0.0, 100.0))].into();
        let rewards = RewardsOverTime { ranges, ..RewardsOverTime::new(&[]) };
        rewards.add_in(0, &"shop".into(), 50.0);
        assert_eq!(rewards.means_at(0)[0].1[0].bounds, Some((0.0, 100.0)));
        for _ in 0..1_000 {
            rewards.add_in(0, &"shop".into(), 50.0);
        }
        let (low, high) = rewards.means_at(0)[0].1[0].bounds.expect("they are in the range");
        assert!(low > 40.0 && high < 60.0, "{low} {high}");
    }

    /// Of 400 periods in which somebody looks after every reward, and the reward's chance depends on the last one, at most
    /// 5% may ever be outside; more than 35 would be there with probability below 0.1% at exactly 5%. The bound at one
    /// time, 1.96 standard errors, fails in far more of them.
    #[test]
    fn bounds_hold_however_often_one_looks() {
        let (mut outside, mut outside_naive) = (0, 0);
        for seed in 0..400 {
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (rewards, mut expected, mut last) = (of_tips(), 0.0, 0.0);
            let (mut failed, mut failed_naive) = (false, false);
            for n in 1..=600 {
                let chance = if last > 0.0 { 0.6 } else { 0.4 };
                expected += 1.5 * chance - 0.5;
                last = if rng.random::<f64>() < chance { 1.0 } else { -0.5 };
                rewards.add_in(0, &"p".into(), last);
                let found = rewards.means_at(0)[0].1[0];
                let truth = expected / f64::from(n);
                let (low, high) = found.bounds.unwrap();
                failed |= truth < low || truth > high;
                failed_naive |= n > 30 && (found.mean - truth).abs() > 1.96 * 0.75 / f64::from(n).sqrt();
            }
            outside += u32::from(failed);
            outside_naive += u32::from(failed_naive);
        }
        assert!(outside <= 35, "{outside}");
        assert!(outside_naive > 35, "{outside_naive}");
    }
}
