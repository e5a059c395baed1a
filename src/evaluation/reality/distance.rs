//! How far simulated people are from those of a log, in each respect.
//!
//! Every distance is in [0, 1] and 0 for equal distributions: total variation (half the sum of differences
//! of probabilities), Kolmogorov-Smirnov (the largest difference of distribution functions), Wasserstein
//! (the area between distribution functions, as a share of the range). On samples none of them is ever
//! quite 0; how large they are by chance is found by resampling.
//!
//! Each is a norm of a difference of estimates, so the distance of two populations and that of their samples
//! are no further apart than the norm of what sampling did to the difference.

use super::cells::{Cells, HOURS, PREDICTED};
use crate::domain::profile::PROFILE_FEATURES;
use crate::domain::reaction::Reaction;

const REACTIONS: usize = Reaction::ALL.len();

/// What an aspect is about, in the order in which to look for a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// The personas' own numbers.
    Person,
    /// What the profile service says of them.
    Profile,
    /// What they are shown, and when.
    Setting,
    /// Follows from the others.
    Consequence,
}

/// One respect in which people can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aspect {
    /// Reactions, all kinds together in the log's proportions.
    Reactions,
    /// What is left of the difference by kind once that of all kinds is taken off.
    ReactionsByKind,
    /// The same by hour of the moment.
    ReactionsByHour,
    /// Dwell after each reaction, in the log's proportions.
    Dwell,
    /// One profile feature.
    Profile(usize),
    /// Kinds of the tips that were shown.
    Kinds,
    /// Hours at which they were shown.
    Hours,
    /// Rewards.
    Rewards,
    /// Completions where the personas predict as many, seen against simulated.
    Calibration,
}

/// All aspects, in the order of reports.
pub(super) const ASPECTS: [Aspect; 8 + PROFILE_FEATURES.len()] = [
    Aspect::Reactions,
    Aspect::ReactionsByKind,
    Aspect::ReactionsByHour,
    Aspect::Dwell,
    Aspect::Profile(0),
    Aspect::Profile(1),
    Aspect::Profile(2),
    Aspect::Profile(3),
    Aspect::Profile(4),
    Aspect::Kinds,
    Aspect::Hours,
    Aspect::Rewards,
    Aspect::Calibration,
];

impl Aspect {
    pub(super) fn name(self) -> String {
        match self {
            Self::Reactions => "reactions".to_owned(),
            Self::ReactionsByKind => "reactions_by_kind".to_owned(),
            Self::ReactionsByHour => "reactions_by_hour".to_owned(),
            Self::Dwell => "dwell".to_owned(),
            Self::Profile(f) => format!("profile.{}", PROFILE_FEATURES[f].name),
            Self::Kinds => "kinds_shown".to_owned(),
            Self::Hours => "hours_shown".to_owned(),
            Self::Rewards => "rewards".to_owned(),
            Self::Calibration => "calibration".to_owned(),
        }
    }

    pub(super) fn measure(self) -> &'static str {
        match self {
            Self::Reactions | Self::ReactionsByKind | Self::ReactionsByHour | Self::Kinds | Self::Hours => {
                "total variation"
            }
            Self::Dwell | Self::Profile(_) => "Kolmogorov-Smirnov",
            Self::Rewards => "Wasserstein",
            Self::Calibration => "mean absolute difference",
        }
    }

    pub(super) fn role(self) -> Role {
        match self {
            Self::Reactions | Self::ReactionsByKind | Self::ReactionsByHour | Self::Dwell => Role::Person,
            Self::Profile(_) => Role::Profile,
            Self::Kinds | Self::Hours => Role::Setting,
            Self::Rewards | Self::Calibration => Role::Consequence,
        }
    }

    /// In what two vectors of sums differ: numbers that are all 0 for equal distributions. `None` where one side has
    /// nothing to compare: a distance of 0 is said of what was seen on both.
    pub(super) fn difference(self, cells: &Cells, log: &[f64], people: &[f64]) -> Option<Vec<f64>> {
        match self {
            Self::Reactions => overall(cells, log, people).map(|difference| difference.to_vec()),
            Self::ReactionsByKind => {
                let kinds = (0..cells.kinds()).map(|k| cells.kind(k, 0));
                apart(&differences(log, people, kinds, cells), cells.kinds())
            }
            Self::ReactionsByHour => {
                let hours = (0..HOURS).map(|h| cells.hour(h, 0));
                apart(&differences(log, people, hours, cells), HOURS)
            }
            Self::Dwell => {
                let bins = |sums, r| cells.dwell_bins(sums, r);
                let parts: [Option<Vec<f64>>; REACTIONS] =
                    std::array::from_fn(|r| gaps(bins(log, r), bins(people, r)));
                let count = |r: usize| parts[r].as_ref().map_or(0.0, |_| total(bins(log, r)));
                let all: f64 = (0..REACTIONS).map(count).sum();
                let part = |r: usize| {
                    let width = bins(log, r).len();
                    let gaps = parts[r].clone().unwrap_or_else(|| vec![0.0; width]);
                    let share = count(r) / all;
                    gaps.into_iter().map(move |gap| share * gap)
                };
                (all > 0.0).then(|| (0..REACTIONS).flat_map(part).collect())
            }
            Self::Profile(f) => {
                let [a, b] = [log, people].map(|sums| cells.profile_bins(sums, f));
                // The first bin is of those without a value: where only one side has any, that is a difference.
                let known = |bins: &[f64]| total(&bins[1..]) > 0.0;
                gaps(a, b).filter(|_| known(a) || known(b))
            }
            Self::Kinds => {
                let shown = |sums| -> Vec<f64> {
                    (0..=cells.kinds()).map(|k| total(cells.reactions(sums, cells.kind(k, 0)))).collect()
                };
                shares_apart(&shown(log), &shown(people))
            }
            Self::Hours => {
                let shown = |sums| -> Vec<f64> {
                    (0..HOURS).map(|h| total(cells.reactions(sums, cells.hour(h, 0)))).collect()
                };
                shares_apart(&shown(log), &shown(people))
            }
            Self::Rewards => gaps(cells.reward_steps(log), cells.reward_steps(people)),
            Self::Calibration => {
                let seen = |sums: &[f64], bin| (sums[cells.predicted(bin, 0)], sums[cells.predicted(bin, 2)]);
                let bins = (0..PREDICTED).map(|bin| (seen(log, bin), seen(people, bin)));
                let weighted = bins.map(|((n, completed), (m, simulated))| {
                    if n > 0.0 && m > 0.0 { (n, completed / n - simulated / m) } else { (0.0, 0.0) }
                });
                let weighted: Vec<(f64, f64)> = weighted.collect();
                let all: f64 = weighted.iter().map(|(n, _)| n).sum();
                (all > 0.0).then(|| weighted.iter().map(|(n, gap)| n / all * gap).collect())
            }
        }
    }

    /// The size of a difference, by a norm: that of a sum is at most the sum of both.
    pub(super) fn norm(self, difference: &[f64]) -> f64 {
        let sum = |numbers: &[f64]| numbers.iter().map(|x| x.abs()).sum::<f64>();
        let largest = |numbers: &[f64]| numbers.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        match self {
            Self::Reactions | Self::ReactionsByKind | Self::ReactionsByHour | Self::Kinds | Self::Hours => {
                0.5 * sum(difference)
            }
            Self::Dwell => difference.chunks(difference.len() / REACTIONS).map(largest).sum(),
            Self::Profile(_) => largest(difference),
            Self::Rewards => sum(difference) / (difference.len() - 1) as f64,
            Self::Calibration => sum(difference),
        }
    }

    /// The distance of two vectors of sums; `None` where one side has nothing to compare.
    pub(super) fn distance(self, cells: &Cells, log: &[f64], people: &[f64]) -> Option<f64> {
        self.difference(cells, log, people).map(|difference| self.norm(&difference))
    }
}

/// One group of reactions, log and simulated people.
pub(super) struct Group {
    /// Its position among the groups.
    pub(super) index: usize,
    /// Its share of the log.
    pub(super) share: f64,
    /// Rate of each reaction in the log minus that among simulated people.
    pub(super) difference: [f64; REACTIONS],
}

/// Rate of each reaction in the log minus that among simulated people, kind by kind in the log's proportions. Tips
/// of a kind that simulated people never meet are compared with all of theirs: none of the log's is left out.
/// `None` where one side has no tips.
pub(super) fn overall(cells: &Cells, log: &[f64], people: &[f64]) -> Option<[f64; REACTIONS]> {
    let kinds = || (0..=cells.kinds()).map(|k| cells.kind(k, 0));
    let together = |sums| -> [f64; REACTIONS] {
        std::array::from_fn(|r| kinds().map(|at| cells.reactions(sums, at)[r]).sum())
    };
    let (logged, simulated) = (together(log), together(people));
    let n = total(&logged);
    if n == 0.0 || total(&simulated) == 0.0 {
        return None;
    }
    let mut difference = logged.map(|count| count / n);
    for at in kinds() {
        let share = total(cells.reactions(log, at)) / n;
        let own = cells.reactions(people, at);
        let beside = if total(own) > 0.0 { own } else { &simulated };
        let m = total(beside);
        difference.iter_mut().zip(beside).for_each(|(d, count)| *d -= share * count / m);
    }
    Some(difference)
}

/// The groups that both have met.
pub(super) fn differences(
    log: &[f64],
    people: &[f64],
    at: impl Iterator<Item = usize>,
    cells: &Cells,
) -> Vec<Group> {
    let mut groups = Vec::new();
    for (index, at) in at.enumerate() {
        let (a, b) = (cells.reactions(log, at), cells.reactions(people, at));
        let (n, m) = (total(a), total(b));
        if n > 0.0 && m > 0.0 {
            let difference = std::array::from_fn(|r| a[r] / n - b[r] / m);
            groups.push(Group { index, share: n, difference });
        }
    }
    let all: f64 = groups.iter().map(|g| g.share).sum();
    groups.iter_mut().for_each(|g| g.share /= all);
    groups
}

/// The groups' mean difference, in the log's proportions.
pub(super) fn mean(groups: &[Group]) -> [f64; REACTIONS] {
    std::array::from_fn(|r| groups.iter().map(|g| g.share * g.difference[r]).sum())
}

/// What is left of the differences of `all` groups once the mean difference is taken off, by their shares; `None`
/// below two groups that both have met.
fn apart(groups: &[Group], all: usize) -> Option<Vec<f64>> {
    if groups.len() < 2 {
        return None;
    }
    let mean = mean(groups);
    let mut apart = vec![0.0; all * REACTIONS];
    for Group { index, share, difference } in groups {
        let own = &mut apart[index * REACTIONS..][..REACTIONS];
        own.iter_mut().zip(difference).zip(&mean).for_each(|((a, d), m)| *a = share * (d - m));
    }
    Some(apart)
}

/// What each group adds to the distance once the mean difference is taken off; nothing below two groups.
pub(super) fn remainder(groups: &[Group]) -> Vec<f64> {
    let all = groups.last().map_or(0, |g| g.index + 1);
    let Some(apart) = apart(groups, all) else { return vec![0.0; groups.len()] };
    let of = |g: &Group| 0.5 * apart[g.index * REACTIONS..][..REACTIONS].iter().map(|x| x.abs()).sum::<f64>();
    groups.iter().map(of).collect()
}

pub(super) fn total(counts: &[f64]) -> f64 {
    counts.iter().sum()
}

/// Differences of shares; `None` where either has nothing.
fn shares_apart(a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    let (n, m) = (total(a), total(b));
    (n > 0.0 && m > 0.0).then(|| a.iter().zip(b).map(|(x, y)| x / n - y / m).collect())
}

/// Differences of distribution functions at the end of each bin; `None` where either has no value.
fn gaps(a: &[f64], b: &[f64]) -> Option<Vec<f64>> {
    let (n, m) = (total(a), total(b));
    let gap = |(x, y): &mut (f64, f64), (p, q): (&f64, &f64)| {
        *x += p / n;
        *y += q / m;
        Some(*x - *y)
    };
    (n > 0.0 && m > 0.0).then(|| a.iter().zip(b).scan((0.0, 0.0), gap).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_books() {
        let (a, b) = (vec![1.0, 1.0, 2.0], vec![2.0, 0.0, 0.0]);
        assert_eq!(Aspect::Kinds.norm(&shares_apart(&a, &b).unwrap()), 0.75);
        assert_eq!(Aspect::Profile(0).norm(&gaps(&a, &b).unwrap()), 0.75);
        // |1/4 - 1| + |1/2 - 1|, over two steps.
        assert_eq!(Aspect::Rewards.norm(&gaps(&a, &b).unwrap()), 0.625);
        // The largest of each reaction.
        assert_eq!(Aspect::Dwell.norm(&[0.125, -0.25, 0.0, 0.125, 0.0, 0.0, -0.5, 0.5]), 0.875);
        assert_eq!((shares_apart(&a, &a), gaps(&a, &a)), (Some(vec![0.0; 3]), Some(vec![0.0; 3])));
    }

    #[test]
    fn nothing_is_not_the_same_as_no_difference() {
        let (some, none) = ([1.0, 2.0], [0.0; 2]);
        for (a, b) in [(&some, &none), (&none, &some), (&none, &none)] {
            assert_eq!((shares_apart(a, b), gaps(a, b)), (None, None));
        }
        let group = |index| Group { index, share: 0.5, difference: [0.2, -0.2, 0.0, 0.0] };
        assert_eq!((apart(&[], 2), apart(&[group(1)], 2)), (None, None));
        assert!(apart(&[group(0), group(1)], 2).is_some());
    }

    #[test]
    fn every_tip_of_the_log_counts_whatever_its_kind() {
        let cells = Cells::new(2, &[]);
        let (mut log, mut people) = (vec![0.0; cells.len()], vec![0.0; cells.len()]);
        let (completed, dismissed) = (Reaction::Completed as usize, Reaction::Dismissed as usize);
        assert_eq!(overall(&cells, &log, &people), None);
        // A kind that nobody knows, always dismissed, beside people who complete and dismiss as often.
        log[cells.kind(2, dismissed)] = 8.0;
        assert_eq!(overall(&cells, &log, &people), None);
        people[cells.kind(0, completed)] = 4.0;
        people[cells.kind(1, dismissed)] = 4.0;
        assert_eq!(overall(&cells, &log, &people), Some([-0.5, 0.0, 0.0, 0.5]));
        // Beside known kinds it is a part, and those are compared kind by kind.
        log[cells.kind(0, completed)] = 8.0;
        assert_eq!(overall(&cells, &log, &people), Some([-0.25, 0.0, 0.0, 0.25]));
    }

    #[test]
    fn a_difference_that_all_groups_share_is_none_by_group() {
        let group = |index, share, d: f64| Group { index, share, difference: [d, -d, 0.0, 0.0] };
        assert_eq!(remainder(&[group(0, 0.5, 0.2), group(1, 0.5, 0.2)]), [0.0, 0.0]);
        let apart = remainder(&[group(0, 0.5, 0.2), group(1, 0.5, 0.0)]);
        assert!(apart.iter().all(|x| (x - 0.05).abs() < 1e-15), "{apart:?}");
    }
}
