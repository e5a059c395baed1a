//! The tables that stand behind the distances.

use super::cells::{HOURS, PREDICTED};
use super::distance;
use super::findings::{Findings, hours_of};
use super::result::{CalibrationResult, DwellResult, GroupResult, ProfilePair};
use crate::domain::profile::{PROFILE_FEATURES, ProfileFeature};
use crate::domain::reaction::Reaction;

fn rates(reactions: &[f64]) -> Option<[f64; 4]> {
    let all = distance::total(reactions);
    (all > 0.0).then(|| std::array::from_fn(|r| reactions[r] / all))
}

fn group(findings: &Findings, name: Option<String>, at: usize, all: [f64; 2]) -> GroupResult {
    let of = |sums| findings.cells.reactions(sums, at);
    let share = |sums, all: f64| distance::total(of(sums)) / all;
    GroupResult {
        name,
        shares: [share(findings.log, all[0]), share(findings.people, all[1])],
        logged: rates(of(findings.log)),
        simulated: rates(of(findings.people)),
    }
}

/// Reactions on both sides: the hours hold each of them once.
fn totals(findings: &Findings) -> [f64; 2] {
    let hours = findings.cells.hour(0, 0)..findings.cells.hour(HOURS, 0);
    [findings.log, findings.people].map(|sums| distance::total(&sums[hours.clone()]))
}

/// Reactions by kind; those of kinds that no persona knows are last, where there are any.
pub(super) fn kinds(findings: &Findings) -> Vec<GroupResult> {
    let names = findings.kinds.iter().cloned().map(Some).chain([None]);
    let all = totals(findings);
    let groups = names.enumerate().map(|(k, name)| group(findings, name, findings.cells.kind(k, 0), all));
    groups.filter(|g| g.name.is_some() || g.shares[0] > 0.0).collect()
}

/// Reactions by hour of the moment.
pub(super) fn hours(findings: &Findings) -> Vec<GroupResult> {
    let all = totals(findings);
    let groups = (0..HOURS).map(|h| group(findings, Some(hours_of(h)), findings.cells.hour(h, 0), all));
    groups.filter(|g| g.logged.is_some() || g.simulated.is_some()).collect()
}

/// Dwell after each reaction.
pub(super) fn dwell(findings: &Findings) -> Vec<DwellResult> {
    let of = |sums: &[f64], r: usize| {
        let (n, sum) = (findings.cells.dwell_sum(r, 0), findings.cells.dwell_sum(r, 1));
        (sums[n] > 0.0).then(|| libm::expm1(sums[sum] / sums[n]))
    };
    let result = |reaction: Reaction| {
        let r = reaction as usize;
        DwellResult { reaction, logged: of(findings.log, r), simulated: of(findings.people, r) }
    };
    Reaction::ALL.map(result).to_vec()
}

/// Means of profile values.
pub(super) fn profile(findings: &Findings) -> Vec<ProfilePair> {
    let of = |sums: &[f64], f: usize| {
        let (n, sum) = (findings.cells.profile_sum(f, 0), findings.cells.profile_sum(f, 1));
        (sums[n] > 0.0).then(|| sums[sum] / sums[n])
    };
    let pair = |(f, feature): (usize, &ProfileFeature)| ProfilePair {
        name: feature.name.to_owned(),
        logged: of(findings.log, f),
        simulated: of(findings.people, f),
    };
    PROFILE_FEATURES.iter().enumerate().map(pair).collect()
}

/// Predicted and seen completions.
pub(super) fn calibration(findings: &Findings) -> Vec<CalibrationResult> {
    let bin = |b: usize| {
        let at = |sums: &[f64], what| {
            let n = sums[findings.cells.predicted(b, 0)];
            (n > 0.0).then(|| sums[findings.cells.predicted(b, what)] / n)
        };
        let width = 1.0 / PREDICTED as f64;
        CalibrationResult {
            bin: [b as f64 * width, (b + 1) as f64 * width],
            tips: findings.log[findings.cells.predicted(b, 0)] as u64,
            predicted: at(findings.log, 1),
            logged: at(findings.log, 2),
            simulated: at(findings.people, 2),
        }
    };
    (0..PREDICTED).map(bin).filter(|c| c.tips > 0).collect()
}
