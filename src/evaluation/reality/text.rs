//! A comparison as a person reads it, and what to do next.

use super::cells::{Cells, HOURS};
use super::distance::{Aspect, differences, mean, overall, remainder};
use super::{Comparison, GroupResult};
use crate::base::stats::MIN_RESAMPLED;
use crate::domain::profile::PROFILE_FEATURES;
use crate::domain::reaction::Reaction;
use std::fmt::Write;

/// Both sides, and the names of what was counted.
pub(super) struct Findings<'a> {
    pub(super) cells: &'a Cells,
    pub(super) kinds: &'a [String],
    pub(super) log: &'a [f64],
    pub(super) people: &'a [f64],
}

/// The hours of a group, as `06-09`.
pub(super) fn hours(h: usize) -> String {
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
                    hours(h)
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

impl Comparison {
    /// The report: distances, farthest respect first named, then what stands behind them.
    pub fn text(&self, log: &str) -> String {
        let mut out = format!("{log} beside {} under {}\n", self.scenario, self.policy);
        let personas = match self.personas.len() {
            1 => "1 persona".to_owned(),
            n => format!("each of {n} personas"),
        };
        let _ = writeln!(
            out,
            "  {} users with {} reactions; simulated: {} users of {personas}, as many decisions each",
            self.users, self.reactions, self.simulated_users
        );
        if self.without_reaction > 0 {
            let _ = writeln!(out, "  {} rewards without a reaction were left out", self.without_reaction);
        }
        if self.rewards_off_the_table > 0 {
            let off = self.rewards_off_the_table;
            let _ = writeln!(
                out,
                "  {off} rewards beyond the reaction table's were left out of the distance of rewards"
            );
        }
        let _ =
            writeln!(out, "\n  {:<26} {:>8}   {:<15} {:>6}", "respect", "distance", "95% interval", "noise");
        for a in &self.aspects {
            let interval = a.lower.zip(a.upper);
            let interval = interval.map_or_else(|| "-".to_owned(), |(l, u)| format!("{l:.3} to {u:.3}"));
            let mark = match a.beyond_noise {
                _ if a.distance.is_none() => "  nothing to compare",
                Some(true) => "  beyond noise",
                _ => "",
            };
            let (distance, noise) = (digits(a.distance, 3), digits(a.noise, 3));
            let _ = writeln!(out, "  {:<26} {distance:>8}   {interval:<15} {noise:>6}{mark}", a.aspect);
        }
        out.push_str("\n  Logged / simulated shares of tips, and of what became of them\n");
        groups(&mut out, "kind", &self.kinds);
        groups(&mut out, "hour", &self.hours);
        let _ = writeln!(out, "\n  {:<26} {:>8} {:>10}", "seconds of dwell", "logged", "simulated");
        for d in &self.dwell {
            let _ = writeln!(
                out,
                "  {:<26} {:>8} {:>10}",
                d.reaction.name(),
                digits(d.logged, 1),
                digits(d.simulated, 1)
            );
        }
        let _ = writeln!(out, "\n  {:<26} {:>8} {:>10}", "mean profile value", "logged", "simulated");
        for p in &self.profile {
            let _ =
                writeln!(out, "  {:<26} {:>8} {:>10}", p.name, digits(p.logged, 3), digits(p.simulated, 3));
        }
        let _ = writeln!(
            out,
            "\n  {:<26} {:>8} {:>10} {:>9}  {:>7}",
            "completion as predicted", "logged", "simulated", "predicted", "tips"
        );
        for c in &self.calibration {
            let bin = format!("{:.1} to {:.1}", c.bin[0], c.bin[1]);
            let _ = writeln!(
                out,
                "  {bin:<26} {:>8} {:>10} {:>9}  {:>7}",
                digits(c.logged, 3),
                digits(c.simulated, 3),
                digits(c.predicted, 3),
                c.tips
            );
        }
        let _ = writeln!(
            out,
            "\nDistances run from 0 to 1. Noise is what people drawn from the simulated ones stay below; all together \
             exceed\nit in {}% of logs. {}",
            digits(Some(100.0 * self.alpha), 1).trim_end_matches(".0"),
            self.of_intervals()
        );
        if self.aspects.iter().any(|a| a.distance.is_none()) {
            out.push_str("Where one side has nothing to compare, nothing is said of the distance.\n");
        }
        let _ = writeln!(out, "Farthest: {}", self.farthest.as_deref().unwrap_or("none is beyond noise"));
        let _ = writeln!(out, "Next: {}", self.next);
        out
    }
}

impl Comparison {
    /// What is said of the intervals, or why there are none.
    fn of_intervals(&self) -> String {
        if self.effective_users >= MIN_RESAMPLED {
            return "Intervals are by user.".to_owned();
        }
        let users = digits(Some(self.effective_users), 1);
        format!(
            "Too few users for intervals: by their\nshares of the reactions they count as {}, and it takes \
             {MIN_RESAMPLED}.",
            users.trim_end_matches(".0")
        )
    }
}

fn groups(out: &mut String, what: &str, groups: &[GroupResult]) {
    let heads = ["share", "completed", "snoozed", "ignored", "dismissed"];
    let _ = write!(out, "\n  {what:<10}");
    heads.iter().for_each(|head| _ = write!(out, " {head:>14}"));
    out.push('\n');
    for g in groups {
        let _ = write!(out, "  {:<10}", g.name.as_deref().unwrap_or("(unknown)"));
        let rate = |rates: Option<[f64; 4]>, r: usize| digits(rates.map(|x| x[r]), 3);
        let _ = write!(out, " {:>14}", format!("{:.3} / {:.3}", g.shares[0], g.shares[1]));
        for r in 0..4 {
            let _ = write!(out, " {:>14}", format!("{} / {}", rate(g.logged, r), rate(g.simulated, r)));
        }
        out.push('\n');
    }
}

fn digits(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
}
