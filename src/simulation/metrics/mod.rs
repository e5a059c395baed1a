//! What is measured of a simulated user under a policy.
//!
//! In: one [`UserRecord`] of whole numbers for each user and policy. Out: figures. A new metric is a file with a struct that
//! implements `Measure`, and a line in the table below: the file's name, which is the metric's in files, and the struct's.
//! JSON and CSV then have it, and a gate may ask for it; tests fail until `schemas/verdict.schema.json` and
//! `docs/files.md` name it too. What is not counted yet is counted in [`UserTally`].

mod dispatch;
mod measure;
mod record;

pub use measure::Direction;
pub use record::{EARLY_STEPS, Reactions, RecordError, UserRecord, UserTally};
pub(super) use record::{REGRET_UNITS, REWARD_UNITS};

use dispatch::metric_enum;
use measure::Measure;
use serde::{Deserialize, Serialize};

/// The table of metrics. Files have them in its order: a new line is the last.
macro_rules! metrics {
    ($make:ident) => {
        $make! {
            reward Reward,
            completion_rate CompletionRate,
            dismiss_rate DismissRate,
            regret Regret,
            early_reward EarlyReward,
            starvation Starvation,
            snooze_rate SnoozeRate,
            late_reward LateReward,
            middle_reward MiddleReward,
        }
    };
}

metrics!(metric_enum);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_follow_from_the_counts() {
        let (kinds_unseen, kinds) = (1, 5);
        let (reactions, early) = ([1, 1, 1, 1], [1, 1, 0, 0]);
        let record =
            UserRecord { reactions, early, kinds_unseen, kinds, regret: 2048, ..UserRecord::default() };
        assert_eq!(record.mean(Metric::Reward), Some((1.0 + 0.25 - 0.5) / 4.0));
        assert_eq!(record.mean(Metric::EarlyReward), Some(1.25 / 2.0));
        assert_eq!(record.mean(Metric::DismissRate), Some(0.25));
        assert_eq!(record.mean(Metric::Regret), Some(0.125));
        assert_eq!(record.mean(Metric::Starvation), Some(0.2));
        assert_eq!(record.mean(Metric::SnoozeRate), Some(0.25));
        assert_eq!(record.mean(Metric::CompletionRate), Some(0.25));
        assert_eq!(UserRecord::default().mean(Metric::Reward), None);
    }

    #[test]
    fn a_metric_has_one_name() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_string(&metric).unwrap(), format!("\"{}\"", metric.name()));
        }
    }

    #[test]
    fn figures_lie_within_their_range_and_scales_agree_with_means() {
        // The best and the worst that a user of four decisions among five kinds of tip can be.
        let all = |reaction: usize| std::array::from_fn(|r| if r == reaction { 4 } else { 0 });
        for metric in Metric::ALL {
            let means = (0..4).map(|reaction| {
                let (reactions, early) = (all(reaction), all(reaction));
                let half = early.map(|n| n / 2);
                let (late, middle) = (half, half);
                let phases = UserRecord { late, middle, ..UserRecord::default() };
                let record = UserRecord { reactions, early, kinds_unseen: 4, kinds: 5, ..phases };
                let (sum, _) = record.sum(metric);
                let mean = record.mean(metric).unwrap();
                assert!((sum as f64 * metric.scale(4, 5) - mean).abs() < 1e-12, "{}", metric.name());
                mean
            });
            let means: Vec<f64> = means.collect();
            let spread = means.iter().copied().fold(f64::MIN, f64::max)
                - means.iter().copied().fold(f64::MAX, f64::min);
            assert!(spread <= metric.range(), "{}: {means:?}", metric.name());
        }
    }
}
