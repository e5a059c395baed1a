//! What `dsjson` has observed of decisions beside the labels that were made of it: rewards in `o`, and on lines of their own.
//! A label is what is used, and what says otherwise is counted.

use super::checks::SAME;
use super::dsjson_line::DsjsonLine;
use super::rewards::key;
use super::so_far::SoFar;
use std::collections::HashMap;

/// Rewards that one log has observed.
#[derive(Default)]
pub(super) struct Observations {
    /// Lines with a reward and no decision, by the event of which they are.
    apart: HashMap<[u64; 2], RewardLines>,
    /// Such lines whose event has no name.
    nameless: u64,
    /// Decisions of which `o` has another reward than their label.
    contradicted: u64,
}

/// Lines of one event that have a reward and no decision.
#[derive(Default)]
struct RewardLines {
    count: u64,
    rewards: Vec<f64>,
}

impl Observations {
    /// Takes a line that is a reward alone.
    pub(super) fn take_alone(&mut self, line: &DsjsonLine) {
        let Some(id) = line.event_id() else {
            self.nameless += 1;
            return;
        };
        let lines = self.apart.entry(key(id)).or_default();
        lines.count += 1;
        lines.rewards.extend(line.reward_value());
    }

    /// Takes a decision that counts, with the reward by its label.
    pub(super) fn take(&mut self, line: &DsjsonLine, reward: f64) {
        self.contradicted += u64::from(contradict(&line.observed_rewards(), reward));
    }

    /// What deserves attention once the log is read; `so_far` knows its decisions and those of the files before.
    pub(super) fn remarks(&self, origin: &str, so_far: &SoFar) -> Vec<String> {
        let (mut without, mut beside, mut others) = (self.nameless, 0, 0);
        for (event, lines) in &self.apart {
            match so_far.reward_of(event) {
                None => without += lines.count,
                Some(reward) => {
                    beside += lines.count;
                    others += u64::from(contradict(&lines.rewards, reward));
                }
            }
        }
        let mut remarks = Vec::new();
        if without > 0 {
            remarks.push(format!("{origin}: {without} lines without a decision were passed over"));
        }
        if beside > 0 {
            remarks.push(format!(
                "{origin}: {beside} lines with the reward of a decision that stands elsewhere in the log were passed over: its \
                 _label_cost is what was used, and of {others} decisions it says another reward"
            ));
        }
        if self.contradicted > 0 {
            remarks.push(format!(
                "{origin}: {} decisions have a _label_cost that says another reward than what was observed in their o; \
                 _label_cost is what was used",
                self.contradicted
            ));
        }
        remarks
    }
}

/// Whether there are rewards, of which neither one nor all together are that of the label.
fn contradict(rewards: &[f64], label: f64) -> bool {
    let is_label = |reward: f64| (reward - label).abs() <= SAME;
    !rewards.is_empty() && !rewards.iter().copied().any(is_label) && !is_label(rewards.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reward_and_the_sum_of_all_are_what_labels_are_made_of() {
        for (rewards, label, is_contradicted) in [
            (&[][..], 0.0, false),
            (&[1.0], 1.0, false),
            (&[1.0], 0.0, true),
            (&[0.25, 1.0], 0.25, false),
            (&[0.25, 1.0], 1.25, false),
            (&[0.25, 1.0], 0.5, true),
            (&[0.1], 0.100_000_001, false),
        ] {
            assert_eq!(contradict(rewards, label), is_contradicted, "{rewards:?} {label}");
        }
    }
}
