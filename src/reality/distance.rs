//! How far simulated people are from those of a log, in each respect.
//!
//! Every distance is in [0, 1] and 0 for equal distributions: total variation (half the sum of differences
//! of probabilities), Kolmogorov-Smirnov (the largest difference of distribution functions), Wasserstein
//! (the area between distribution functions, as a share of the range). On samples none of them is ever
//! quite 0; how large they are by chance is found by resampling.

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

    /// The distance of two vectors of sums.
    pub(super) fn distance(self, cells: &Cells, log: &[f64], people: &[f64]) -> f64 {
        let by_kind = || differences(log, people, (0..cells.kinds()).map(|k| cells.kind(k, 0)), cells);
        let by_hour = || differences(log, people, (0..HOURS).map(|h| cells.hour(h, 0)), cells);
        match self {
            Self::Reactions => 0.5 * mean(&by_kind()).iter().map(|d| d.abs()).sum::<f64>(),
            Self::ReactionsByKind => remainder(&by_kind()).iter().sum(),
            Self::ReactionsByHour => remainder(&by_hour()).iter().sum(),
            Self::Dwell => {
                let bins = |sums, r| cells.dwell_bins(sums, r);
                let all: f64 = (0..REACTIONS).map(|r| total(bins(log, r))).sum();
                let part =
                    |r| total(bins(log, r)) / all.max(1.0) * largest_gap(bins(log, r), bins(people, r));
                (0..REACTIONS).map(part).sum()
            }
            Self::Profile(f) => largest_gap(cells.profile_bins(log, f), cells.profile_bins(people, f)),
            Self::Kinds => {
                let shown = |sums| -> Vec<f64> {
                    (0..=cells.kinds()).map(|k| total(cells.reactions(sums, cells.kind(k, 0)))).collect()
                };
                variation(&shown(log), &shown(people))
            }
            Self::Hours => {
                let shown = |sums| -> Vec<f64> {
                    (0..HOURS).map(|h| total(cells.reactions(sums, cells.hour(h, 0)))).collect()
                };
                variation(&shown(log), &shown(people))
            }
            Self::Rewards => area(cells.reward_steps(log), cells.reward_steps(people)),
            Self::Calibration => {
                let seen = |sums: &[f64], bin| (sums[cells.predicted(bin, 0)], sums[cells.predicted(bin, 2)]);
                let bins = (0..PREDICTED).map(|bin| (seen(log, bin), seen(people, bin)));
                let both = bins.filter(|((n, _), (m, _))| *n > 0.0 && *m > 0.0);
                let (mut sum, mut weight) = (0.0, 0.0);
                for ((n, completed), (m, simulated)) in both {
                    sum += n * (completed / n - simulated / m).abs();
                    weight += n;
                }
                if weight > 0.0 { sum / weight } else { 0.0 }
            }
        }
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

/// What each group adds to the distance once the mean difference is taken off.
pub(super) fn remainder(groups: &[Group]) -> Vec<f64> {
    let mean = mean(groups);
    let of = |g: &Group| {
        let apart = g.difference.iter().zip(&mean).map(|(d, m)| (d - m).abs());
        0.5 * g.share * apart.sum::<f64>()
    };
    groups.iter().map(of).collect()
}

pub(super) fn total(counts: &[f64]) -> f64 {
    counts.iter().sum()
}

fn variation(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (total(a), total(b));
    if n == 0.0 || m == 0.0 {
        return 0.0;
    }
    0.5 * a.iter().zip(b).map(|(x, y)| (x / n - y / m).abs()).sum::<f64>()
}

/// Differences of distribution functions at the end of each bin; none where either has no value.
fn gaps<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    let (n, m) = (total(a), total(b));
    let both = n > 0.0 && m > 0.0;
    a.iter().zip(b).take(if both { a.len() } else { 0 }).scan((0.0, 0.0), move |(x, y), (p, q)| {
        *x += p / n;
        *y += q / m;
        Some((*x - *y).abs())
    })
}

fn largest_gap(a: &[f64], b: &[f64]) -> f64 {
    gaps(a, b).fold(0.0, f64::max)
}

fn area(a: &[f64], b: &[f64]) -> f64 {
    gaps(a, b).sum::<f64>() / (a.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_books() {
        let (a, b) = (vec![1.0, 1.0, 2.0], vec![2.0, 0.0, 0.0]);
        assert_eq!(variation(&a, &b), 0.75);
        assert_eq!(largest_gap(&a, &b), 0.75);
        // |1/4 - 1| + |1/2 - 1|, over two steps.
        assert_eq!(area(&a, &b), 0.625);
        assert_eq!((variation(&a, &a), largest_gap(&a, &[0.0; 3])), (0.0, 0.0));
    }

    #[test]
    fn a_difference_that_all_groups_share_is_none_by_group() {
        let group = |index, share, d: f64| Group { index, share, difference: [d, -d, 0.0, 0.0] };
        assert_eq!(remainder(&[group(0, 0.5, 0.2), group(1, 0.5, 0.2)]), [0.0, 0.0]);
        let apart = remainder(&[group(0, 0.5, 0.2), group(1, 0.5, 0.0)]);
        assert!(apart.iter().all(|x| (x - 0.05).abs() < 1e-15), "{apart:?}");
    }
}
