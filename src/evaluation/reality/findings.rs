//! What a comparison finds first, and what to do next.

use super::cells::{Cells, HOURS};
use super::distance::{Aspect, differences, mean, overall, remainder};
use crate::domain::profile::PROFILE_FEATURES;
use crate::domain::reaction::Reaction;

/// Both sides, and the names of what was counted.
pub(super) struct Findings<'a> {
    pub(super) cells: &'a Cells,
    pub(super) kinds: &'a [String],
    pub(super) log: &'a [f64],
    pub(super) people: &'a [f64],
}

/// The hours of a group, as `06-09`.
pub(super) fn hours_of(h: usize) -> String {
    let width = 24 / HOURS;
    format!("{:02}-{:02}", h * width, (h + 1) * width)
}

impl Findings<'_> {
    /// What to change first; `all` is whether every aspect could be compared.
    pub(super) fn next(&self, farthest: Option<Aspect>, all: bool) -> String {
        let Some(aspect) = farthest else {
            let so_far = if all { "nothing" } else { "nothing, as far as they can be compared" };
            return format!("{so_far}: with so many users the personas cannot be told from these people");
        };
        match aspect {
            Aspect::Reactions => {
                let by = overall(self.cells, self.log, self.people).unwrap_or_default();
                let largest = (0..4).max_by(|a, b| by[*a].abs().total_cmp(&by[*b].abs())).unwrap_or(0);
                let reaction = Reaction::ALL[largest];
                let (field, inverse) = match reaction {
                    Reaction::Completed => ("base in [response]", false),
                    Reaction::Dismissed => ("base in [refusal]", false),
                    Reaction::Snoozed => ("snooze in [refusal]", false),
                    Reaction::Ignored => ("snooze and base in [refusal]", true),
                };
                let direction = if (by[largest] > 0.0) == inverse { "lower" } else { "raise" };
                format!("people {} {} of tips: {direction} {field}", verb(reaction), more(by[largest]))
            }
            Aspect::ReactionsByKind => {
                let (k, difference) = self.worst((0..self.cells.kinds()).map(|k| self.cells.kind(k, 0)));
                let direction = if difference > 0.0 { "raise" } else { "lower" };
                let name = &self.kinds[k];
                format!(
                    "people complete {} of {name} than of other kinds, compared with personas: {direction} its \
                     taste in [kinds]",
                    more(difference)
                )
            }
            Aspect::ReactionsByHour => {
                let (h, difference) = self.worst((0..HOURS).map(|h| self.cells.hour(h, 0)));
                let direction = if difference > 0.0 { "raise" } else { "lower" };
                format!(
                    "people complete {} at {} than at other hours, compared with personas: {direction} strength in \
                     [[receptive]] there",
                    more(difference),
                    hours_of(h)
                )
            }
            Aspect::Dwell => "adapt the medians and spread in [dwell]: see dwell below".to_owned(),
            Aspect::Profile(f) => format!(
                "{} is served otherwise than in the log: adapt [profile] of the personas, or of the scenario",
                PROFILE_FEATURES[f].name
            ),
            Aspect::Kinds => {
                "other kinds are shown: look at the scenario's [candidates], and at --policy".to_owned()
            }
            Aspect::Hours => "tips are shown at other hours: look at the scenario's [moments]".to_owned(),
            Aspect::Rewards => "rewards are not those of the reaction table".to_owned(),
            Aspect::Calibration => {
                "completions differ where the same are predicted: see calibration below".to_owned()
            }
        }
    }

    /// The group that adds most to what differs by group, and how many more completions it has.
    fn worst(&self, at: impl Iterator<Item = usize>) -> (usize, f64) {
        let groups = differences(self.log, self.people, at, self.cells);
        let (mean, parts) = (mean(&groups), remainder(&groups));
        let worst = (0..groups.len()).max_by(|a, b| parts[*a].total_cmp(&parts[*b])).unwrap_or(0);
        let completed = Reaction::Completed as usize;
        groups.get(worst).map_or((0, 0.0), |g| (g.index, g.difference[completed] - mean[completed]))
    }
}

fn verb(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Completed => "complete",
        Reaction::Snoozed => "snooze",
        Reaction::Ignored => "ignore",
        Reaction::Dismissed => "dismiss",
    }
}

fn more(difference: f64) -> String {
    format!("{:.3} {}", difference.abs(), if difference > 0.0 { "more" } else { "less" })
}
