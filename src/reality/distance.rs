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
use crate::profile::PROFILE_FEATURES;
use crate::reaction::Reaction;

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

    /// In what two vectors of sums differ: numbers that are all 0 for equal distributions. Where one side has
    /// nothing to compare, 0.
    pub(super) fn difference(self, cells: &Cells, log: &[f64], people: &[f64]) -> Vec<f64> {
        let by_kind = || differences(log, people, (0..cells.kinds()).map(|k| cells.kind(k, 0)), cells);
        let by_hour = || differences(log, people, (0..HOURS).map(|h| cells.hour(h, 0)), cells);
        match self {
            Self::Reactions => mean(&by_kind()).to_vec(),
            Self::ReactionsByKind => apart(&by_kind(), cells.kinds()),
            Self::ReactionsByHour => apart(&by_hour(), HOURS),
            Self::Dwell => {
                let bins = |sums, r| cells.dwell_bins(sums, r);
                let all: f64 = (0..REACTIONS).map(|r| total(bins(log, r))).sum();
                let part = |r| {
                    let share = total(bins(log, r)) / all.max(1.0);
                    gaps(bins(log, r), bins(people, r)).map(move |gap| share * gap)
                };
                (0..REACTIONS).flat_map(part).collect()
            }
            Self::Profile(f) => gaps(cells.profile_bins(log, f), cells.profile_bins(people, f)).collect(),
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
            Self::Rewards => gaps(cells.reward_steps(log), cells.reward_steps(people)).collect(),
            Self::Calibration => {
                let seen = |sums: &[f64], bin| (sums[cells.predicted(bin, 0)], sums[cells.predicted(bin, 2)]);
                let bins = (0..PREDICTED).map(|bin| (seen(log, bin), seen(people, bin)));
                let weighted = bins.map(|((n, completed), (m, simulated))| {
                    if n > 0.0 && m > 0.0 { (n, completed / n - simulated / m) } else { (0.0, 0.0) }
                });
                let weighted: Vec<(f64, f64)> = weighted.collect();
                let all: f64 = weighted.iter().map(|(n, _)| n).sum();
                weighted.iter().map(|(n, gap)| if all > 0.0 { n / all * gap } else { 0.0 }).collect()
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

    /// The distance of two vectors of sums.
    pub(super) fn distance(self, cells: &Cells, log: &[f64], people: &[f64]) -> f64 {
        self.norm(&self.difference(cells, log, people))
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

/// What is left of the differences of `all` groups once the mean difference is taken off, by their shares.
fn apart(groups: &[Group], all: usize) -> Vec<f64> {
    let mean = mean(groups);
    let mut apart = vec![0.0; all * REACTIONS];
    for Group { index, share, difference } in groups {
        let own = &mut apart[index * REACTIONS..][..REACTIONS];
        own.iter_mut().zip(difference).zip(&mean).for_each(|((a, d), m)| *a = share * (d - m));
    }
    apart
}

/// What each group adds to the distance once the mean difference is taken off.
pub(super) fn remainder(groups: &[Group]) -> Vec<f64> {
    let all = groups.last().map_or(0, |g| g.index + 1);
    let apart = apart(groups, all);
    let of = |g: &Group| 0.5 * apart[g.index * REACTIONS..][..REACTIONS].iter().map(|x| x.abs()).sum::<f64>();
    groups.iter().map(of).collect()
}

pub(super) fn total(counts: &[f64]) -> f64 {
    counts.iter().sum()
}

fn shares_apart(a: &[f64], b: &[f64]) -> Vec<f64> {
    let (n, m) = (total(a), total(b));
    let both = n > 0.0 && m > 0.0;
    a.iter().zip(b).map(|(x, y)| if both { x / n - y / m } else { 0.0 }).collect()
}

/// Differences of distribution functions at the end of each bin; 0 where either has no value.
fn gaps<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let (n, m) = (total(a), total(b));
    let both = n > 0.0 && m > 0.0;
    a.iter().zip(b).scan((0.0, 0.0), move |(x, y), (p, q)| {
        *x += p / n;
        *y += q / m;
        Some(if both { *x - *y } else { 0.0 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_books() {
        let (a, b) = (vec![1.0, 1.0, 2.0], vec![2.0, 0.0, 0.0]);
        let gaps = |a: &[f64], b: &[f64]| gaps(a, b).collect::<Vec<_>>();
        assert_eq!(Aspect::Kinds.norm(&shares_apart(&a, &b)), 0.75);
        assert_eq!(Aspect::Profile(0).norm(&gaps(&a, &b)), 0.75);
        // |1/4 - 1| + |1/2 - 1|, over two steps.
        assert_eq!(Aspect::Rewards.norm(&gaps(&a, &b)), 0.625);
        // The largest of each reaction.
        assert_eq!(Aspect::Dwell.norm(&[0.125, -0.25, 0.0, 0.125, 0.0, 0.0, -0.5, 0.5]), 0.875);
        assert_eq!((shares_apart(&a, &a), gaps(&a, &[0.0; 3])), (vec![0.0; 3], vec![0.0; 3]));
    }

    #[test]
    fn a_difference_that_all_groups_share_is_none_by_group() {
        let group = |index, share, d: f64| Group { index, share, difference: [d, -d, 0.0, 0.0] };
        assert_eq!(remainder(&[group(0, 0.5, 0.2), group(1, 0.5, 0.2)]), [0.0, 0.0]);
        let apart = remainder(&[group(0, 0.5, 0.2), group(1, 0.5, 0.0)]);
        assert!(apart.iter().all(|x| (x - 0.05).abs() < 1e-15), "{apart:?}");
    }
}
