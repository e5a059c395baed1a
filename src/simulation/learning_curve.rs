//! What policies earn, and what they miss, along the decisions of a user.

use super::metrics::REGRET_UNITS;
use super::run_sums::RunSums;
use crate::domain::reaction::Reaction;
use serde::Serialize;
use std::ops::Range;

/// Most windows of steps in a learning curve: fewer than there are steps, so that the mean of a window is steady enough to
/// be read.
const WINDOWS: usize = 40;

/// Pointwise bands of learning curves are this many standard errors wide to each side: 95%.
const BAND: f64 = 1.96;

/// A policy's mean along the decisions of a user.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LearningCurve {
    /// The policy.
    pub policy: String,
    /// One per window of steps.
    pub points: Vec<CurvePoint>,
}

/// A mean per decision over a window of steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CurvePoint {
    /// Middle of the window, counted in decisions from 0.
    pub step: f64,
    /// The mean.
    pub mean: f64,
    /// Lower end of the pointwise 95% band, `None` for a single user and for regret. The band is that of a typical step of
    /// the window: however a user's steps depend on each other, the window's own is no wider.
    pub lower: Option<f64>,
    /// Upper end of the band.
    pub upper: Option<f64>,
}

/// What was seen of one persona, or of the population, on the way: one entry per policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Course {
    /// The persona; `None` is the population.
    pub persona: Option<String>,
    /// Mean reward.
    pub reward: Vec<LearningCurve>,
    /// Mean expected reward that was lost against an oracle who knows the person.
    pub regret: Vec<LearningCurve>,
    /// The kinds of tip that each policy showed; empty where they were not counted.
    pub kinds: Vec<Vec<ShownKind>>,
}

/// The courses of some policies, which are the first of those that were counted: the population's, then each persona's.
/// Personas come with their shares; `kinds` are the names of the kinds of tip.
pub fn courses(
    sums: &RunSums,
    policies: &[String],
    personas: &[(String, f64)],
    kinds: &[String],
) -> Vec<Course> {
    let course = |persona: Option<usize>| {
        let share = |(p, (_, share)): (usize, &(String, f64))| match persona {
            Some(own) => f64::from(u8::from(own == p)),
            None => *share,
        };
        let shares: Vec<f64> = personas.iter().enumerate().map(share).collect();
        let curves = |of: fn(&RunSums, usize, &[f64]) -> Vec<CurvePoint>| {
            let each = policies.iter().enumerate();
            let curve = |(i, policy): (usize, &String)| LearningCurve {
                policy: policy.clone(),
                points: of(sums, i, &shares),
            };
            each.map(curve).filter(|curve| !curve.points.is_empty()).collect()
        };
        let shown = (0..policies.len()).map(|policy| shown_kinds(sums, kinds, policy, &shares));
        Course {
            persona: persona.map(|p| personas[p].0.clone()),
            reward: curves(reward_curve),
            regret: curves(regret_curve),
            kinds: shown.filter(|kinds| !kinds.is_empty()).collect(),
        }
    };
    std::iter::once(None).chain((0..personas.len()).map(Some)).map(course).collect()
}

/// One policy's mean reward along the decisions of people, the persona in each place of `shares` having that share of
/// them; empty without users.
fn reward_curve(sums: &RunSums, policy: usize, shares: &[f64]) -> Vec<CurvePoint> {
    let users = users(sums, policy);
    let n = users as f64;
    let at = |step: usize| {
        let (mut mean, mut variance) = (0.0, 0.0);
        for (p, share) in shares.iter().enumerate() {
            let moment = |of: &dyn Fn(f64) -> f64| {
                let each = Reaction::ALL.iter().enumerate();
                each.map(|(i, r)| of(r.reward()) * sums.curve[[p, policy, step, i]] as f64).sum::<f64>() / n
            };
            let of_persona = moment(&|reward| reward);
            let spread = moment(&|reward| reward * reward) - of_persona * of_persona;
            mean += share * of_persona;
            // Rounding can take a spread of nothing below 0.
            variance += share * share * spread.max(0.0) / (n - 1.0);
        }
        (mean, variance.sqrt())
    };
    let point = |window: Range<usize>| {
        let (step, length) = middle(&window);
        let (means, errors): (Vec<f64>, Vec<f64>) = window.map(at).unzip();
        let mean = means.iter().sum::<f64>() / length;
        let half = BAND * errors.iter().sum::<f64>() / length;
        let band = users > 1;
        CurvePoint { step, mean, lower: band.then_some(mean - half), upper: band.then_some(mean + half) }
    };
    if users > 0 { windows(sums).map(point).collect() } else { Vec::new() }
}

/// The same of the mean expected reward that is lost against an oracle; empty where it was not counted.
fn regret_curve(sums: &RunSums, policy: usize, shares: &[f64]) -> Vec<CurvePoint> {
    let n = users(sums, policy) as f64;
    let at = |step: usize| {
        let of_persona = |p: usize| sums.regret[[p, policy, step]] as f64 / REGRET_UNITS / n;
        shares.iter().enumerate().map(|(p, share)| share * of_persona(p)).sum::<f64>()
    };
    let point = |window: Range<usize>| {
        let (step, length) = middle(&window);
        CurvePoint { step, mean: window.map(at).sum::<f64>() / length, lower: None, upper: None }
    };
    if n > 0.0 && sums.has_regret() { windows(sums).map(point).collect() } else { Vec::new() }
}

/// Users of each persona who were counted.
fn users(sums: &RunSums, policy: usize) -> u64 {
    if sums.curve.is_empty() { 0 } else { (0..4).map(|r| sums.curve[[0, policy, 0, r]]).sum() }
}

/// The steps, cut into windows.
fn windows(sums: &RunSums) -> impl Iterator<Item = Range<usize>> {
    let steps = sums.curve.dim().2;
    let width = steps.div_ceil(WINDOWS).max(1);
    (0..steps).step_by(width).map(move |from| from..steps.min(from + width))
}

/// The middle of a window, and its length.
fn middle(window: &Range<usize>) -> (f64, f64) {
    let length = window.len() as f64;
    (window.start as f64 + (length - 1.0) / 2.0, length)
}

/// One kind of tip.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownKind {
    /// Its name.
    pub kind: String,
    /// Share of all tips that were shown.
    pub shown: f64,
    /// Share of those that were completed; `None` where none was shown.
    pub completed: Option<f64>,
}

/// Kinds of tip that one policy showed to people, the persona in each place of `shares` having that share of them; empty
/// where they were not counted.
fn shown_kinds(sums: &RunSums, names: &[String], policy: usize, shares: &[f64]) -> Vec<ShownKind> {
    // Every user makes as many decisions: a persona's counts need no other weight than its share.
    let count = |kind: usize, completed: bool| {
        let of_persona = |(p, share): (usize, &f64)| {
            let reactions = if completed { 0..1 } else { 0..4 };
            share * reactions.map(|r| sums.kinds[[p, policy, kind, r]]).sum::<u64>() as f64
        };
        shares.iter().enumerate().map(of_persona).sum::<f64>()
    };
    let all: f64 = (0..sums.kinds.dim().2).map(|kind| count(kind, false)).sum();
    let of = |(kind, name): (usize, &String)| {
        let shown = count(kind, false);
        ShownKind {
            kind: name.clone(),
            shown: shown / all,
            completed: (shown > 0.0).then(|| count(kind, true) / shown),
        }
    };
    // Parts of an earlier version name no kinds and count none.
    if all > 0.0 { names.iter().take(sums.kinds.dim().2).enumerate().map(of).collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two personas, one policy, two steps, two kinds; of the first persona one user, who completes what he is shown, of the
    /// second one, who dismisses it.
    fn sums() -> RunSums {
        let mut sums = RunSums::blank(2, 1, 2, 2);
        for (p, mut persona) in sums.personas_mut().into_iter().enumerate() {
            for step in 0..2 {
                let reaction = if p == 0 { Reaction::Completed } else { Reaction::Dismissed };
                persona.observe(0, step, if p == 0 { 0 } else { step }, reaction, 0.25 * step as f64);
            }
        }
        sums
    }

    #[test]
    fn curves_and_kinds_weigh_personas_by_their_shares() {
        let (sums, shares) = (sums(), [0.75, 0.25]);
        let rewards: Vec<f64> = reward_curve(&sums, 0, &shares).iter().map(|p| p.mean).collect();
        assert_eq!(rewards, [0.75 - 0.125, 0.75 - 0.125]);
        let regret: Vec<f64> = regret_curve(&sums, 0, &shares).iter().map(|p| p.mean).collect();
        assert_eq!(regret, [0.0, 0.25]);
        let names = ["focus".to_owned(), "move".to_owned()];
        let kinds = shown_kinds(&sums, &names, 0, &shares);
        assert_eq!([kinds[0].shown, kinds[1].shown], [0.875, 0.125]);
        assert_eq!([kinds[0].completed, kinds[1].completed], [Some(0.75 / 0.875), Some(0.0)]);
        let alone = shown_kinds(&sums, &names, 0, &[1.0, 0.0]);
        assert_eq!((alone[1].shown, alone[1].completed), (0.0, None));
    }

    #[test]
    fn what_was_not_counted_is_not_shown() {
        let sums = RunSums::blank(2, 1, 2, 2);
        assert!(reward_curve(&sums, 0, &[0.5, 0.5]).is_empty());
        assert!(regret_curve(&sums, 0, &[0.5, 0.5]).is_empty());
        assert!(shown_kinds(&sums, &["a".to_owned(), "b".to_owned()], 0, &[0.5, 0.5]).is_empty());
    }
}
