//! How far simulated people are from real ones, and in which respect.
//!
//! The people of a log are compared with those of a scenario who live under the log's policy and make as many
//! decisions each. Each respect has a distance, an interval, and a noise level: how large the distance becomes
//! when the log's people are drawn from the simulated ones. Below it nothing can be told apart.

mod cells;
mod distance;
#[cfg(test)]
mod laws;
mod people;
mod resample;
mod result;
mod text;

pub use result::{
    AspectResult, CalibrationResult, Comparison, DwellResult, GroupResult, Pair, SCHEMA_VERSION,
};

use crate::base::error::{Error, Result};
use crate::base::stats::effective_units;
use crate::domain::profile::PROFILE_FEATURES;
use crate::domain::reaction::Reaction;
use crate::evaluation::log::ReactionLog;
use crate::people::digest::of_people;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use cells::{Cells, HOURS, Observed, PREDICTED};
use distance::{ASPECTS, Aspect};
use people::{People, Recent};
use rayon::prelude::*;
use resample::Sides;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Users of a log that are resampled one by one; more are put together into so many groups.
const GROUPS: usize = 1000;
/// Simulated users of each persona from whom the bins are taken.
const PILOTS: u64 = 40;

/// How a log is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Simulated users of each persona, at least 2.
    pub users: u64,
    /// Seed of the simulated people and of resampling.
    pub seed: u64,
    /// Number of times that both sides are resampled.
    pub replicates: u32,
    /// Probability with which any aspect at all exceeds its noise level for a log of the very people that are
    /// simulated, in (0, 0.5).
    pub alpha: f64,
}

/// Compares the log at `paths` with `scenario`. Without a policy it is the one under which most of the log's
/// rewards were learned.
///
/// # Errors
/// A log that cannot be read or has no reaction; a population that names a persona that is not there; a
/// policy of the log that has no name here.
pub fn compare(
    paths: &[PathBuf],
    scenario: &Scenario,
    personas: &[Persona],
    policy: Option<&Policy>,
    settings: &Settings,
) -> Result<Comparison> {
    let Overview { lengths, users, policies } = overview(paths)?;
    let reactions: u64 = lengths.iter().map(|n| u64::from(*n)).sum();
    let policy = match policy {
        Some(policy) if policies.contains_key(policy.name()) => policy.clone(),
        Some(policy) => return Err(Error::unknown("policy of the log", policy.name(), policies.keys())),
        None => most_common(&policies)?,
    };
    let population = scenario.population(personas)?;
    let (simulators, shares) = people::simulators(scenario, &population, settings.seed);
    let people = People::new(&simulators, shares);

    let length = |persona: usize, user: u64| {
        lengths[(user as usize * people.personas() + persona) % lengths.len()] as usize
    };
    let life = |persona: usize, user: u64| {
        people.live(persona, people::COMPARED_FROM + user, length(persona, user), &policy)
    };
    let numbers = |count: u64| (0..count).flat_map(|user| (0..people.personas()).map(move |p| (p, user)));
    let sample: Vec<Observed> =
        numbers(PILOTS.min(settings.users)).flat_map(|(persona, user)| life(persona, user)).collect();
    let cells = Cells::new(people.kinds().len(), &sample);

    let all: Vec<(usize, u64)> = numbers(settings.users).collect();
    let pool: Vec<Vec<f64>> = all
        .par_iter()
        .map(|(persona, user)| {
            let mut sums = vec![0.0; cells.len()];
            life(*persona, *user).iter().for_each(|o| cells.add(o, &mut sums));
            sums
        })
        .collect();
    let Logged { groups: logged, without_reaction, off_the_table } = logged(paths, &users, &people, &cells)?;
    let effective_users = effective_units(lengths.iter().map(|n| f64::from(*n)));
    let users = lengths.len();
    let sides = Sides { cells: &cells, pool, shares: &people.shares, logged, users, effective_users };

    let (log, simulated) = (sides.log(), sides.people());
    let aspects = sides.aspects(settings);
    let farthest = farthest(&aspects);
    let findings = text::Findings { cells: &cells, kinds: people.kinds(), log: &log, people: &simulated };
    let mut digests = of_people(personas, std::slice::from_ref(scenario));
    digests.insert("policy".to_owned(), policy.digest());
    Ok(Comparison {
        schema_version: SCHEMA_VERSION,
        version: env!("CARGO_PKG_VERSION"),
        scenario: scenario.name().to_owned(),
        policy: policy.name().to_owned(),
        seed: settings.seed,
        digests,
        users: users as u64,
        effective_users,
        reactions,
        without_reaction,
        rewards_off_the_table: off_the_table,
        simulated_users: settings.users,
        personas: population.iter().map(|(persona, _)| persona.name().to_owned()).collect(),
        alpha: settings.alpha,
        kinds: kinds(&findings),
        hours: hours(&findings),
        dwell: dwell(&findings),
        profile: profile(&findings),
        calibration: calibration(&findings),
        farthest: farthest.map(Aspect::name),
        next: findings.next(farthest, aspects.iter().all(|aspect| aspect.distance.is_some())),
        aspects,
    })
}

/// A log at first sight.
struct Overview {
    /// Reactions of each user.
    lengths: Vec<u32>,
    /// Numbers of users.
    users: HashMap<String, usize>,
    /// Rewards by policy.
    policies: BTreeMap<String, u64>,
}

fn overview(paths: &[PathBuf]) -> Result<Overview> {
    let mut log = ReactionLog::new(paths)?;
    let mut overview = Overview { lengths: Vec::new(), users: HashMap::new(), policies: BTreeMap::new() };
    let Overview { lengths, users, policies } = &mut overview;
    while let Some(reacted) = log.read()? {
        let user = *users.entry(reacted.user).or_insert(lengths.len());
        if user == lengths.len() {
            lengths.push(0);
        }
        lengths[user] += 1;
        *policies.entry(reacted.policy).or_default() += 1;
    }
    if lengths.len() < 2 {
        let shown = paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Error::Refused(format!(
            "{shown}: reactions of {} users; people can be compared from two on, and rewards that were given as \
             numbers say nothing of reactions",
            lengths.len()
        )));
    }
    Ok(overview)
}

fn most_common(policies: &BTreeMap<String, u64>) -> Result<Policy> {
    let most = policies.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name);
    let name = most.expect("there are reactions");
    Policy::named(name).map_err(|_| {
        Error::Refused(format!(
            "most rewards of this log were learned by {name}, which is not built in; name its file with --policy"
        ))
    })
}

/// What the log's people did.
struct Logged {
    /// Sums of the users, the n-th in group n mod [`GROUPS`].
    groups: Vec<Vec<f64>>,
    /// Rewards without a reaction.
    without_reaction: u64,
    /// Rewards that no reaction has in the reaction table.
    off_the_table: u64,
}

fn logged(
    paths: &[PathBuf],
    users: &HashMap<String, usize>,
    people: &People,
    cells: &Cells,
) -> Result<Logged> {
    let mut groups = vec![vec![0.0; cells.len()]; users.len().min(GROUPS)];
    let (mut log, mut recent, mut off_the_table) = (ReactionLog::new(paths)?, Recent::default(), 0);
    while let Some(reacted) = log.read()? {
        let Some(&user) = users.get(&reacted.user) else { continue };
        let observed = people.logged(&reacted, recent.before(user, reacted.time_ms));
        off_the_table += u64::from(cells::reward_step(observed.reward).is_none());
        cells.add(&observed, &mut groups[user % GROUPS]);
    }
    Ok(Logged { groups, without_reaction: log.without_reaction(), off_the_table })
}

/// The aspect beyond its noise level to look at first: causes before consequences, then the one that is
/// farthest even at its lower bound.
fn farthest(aspects: &[AspectResult]) -> Option<Aspect> {
    let beyond = ASPECTS.into_iter().zip(aspects).filter(|(_, result)| result.beyond_noise == Some(true));
    let rank = |(aspect, result): &(Aspect, &AspectResult)| {
        (aspect.role(), -result.lower.unwrap_or(0.0), -result.distance.unwrap_or(0.0))
    };
    let first = |a: &(Aspect, &AspectResult), b: &(Aspect, &AspectResult)| {
        let ((role, lower, distance), other) = (rank(a), rank(b));
        role.cmp(&other.0).then(lower.total_cmp(&other.1)).then(distance.total_cmp(&other.2))
    };
    beyond.min_by(first).map(|(aspect, _)| aspect)
}

fn rates(reactions: &[f64]) -> Option<[f64; 4]> {
    let all = distance::total(reactions);
    (all > 0.0).then(|| std::array::from_fn(|r| reactions[r] / all))
}

fn group(findings: &text::Findings, name: Option<String>, at: usize, all: [f64; 2]) -> GroupResult {
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
fn totals(findings: &text::Findings) -> [f64; 2] {
    let hours = findings.cells.hour(0, 0)..findings.cells.hour(HOURS, 0);
    [findings.log, findings.people].map(|sums| distance::total(&sums[hours.clone()]))
}

fn kinds(findings: &text::Findings) -> Vec<GroupResult> {
    let names = findings.kinds.iter().cloned().map(Some).chain([None]);
    let all = totals(findings);
    let groups = names.enumerate().map(|(k, name)| group(findings, name, findings.cells.kind(k, 0), all));
    groups.filter(|g| g.name.is_some() || g.shares[0] > 0.0).collect()
}

fn hours(findings: &text::Findings) -> Vec<GroupResult> {
    let all = totals(findings);
    let groups = (0..HOURS).map(|h| group(findings, Some(text::hours(h)), findings.cells.hour(h, 0), all));
    groups.filter(|g| g.logged.is_some() || g.simulated.is_some()).collect()
}

fn dwell(findings: &text::Findings) -> Vec<DwellResult> {
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

fn profile(findings: &text::Findings) -> Vec<Pair> {
    let of = |sums: &[f64], f: usize| {
        let (n, sum) = (findings.cells.profile_sum(f, 0), findings.cells.profile_sum(f, 1));
        (sums[n] > 0.0).then(|| sums[sum] / sums[n])
    };
    let pair = |(f, feature): (usize, &crate::domain::profile::ProfileFeature)| Pair {
        name: feature.name.to_owned(),
        logged: of(findings.log, f),
        simulated: of(findings.people, f),
    };
    PROFILE_FEATURES.iter().enumerate().map(pair).collect()
}

fn calibration(findings: &text::Findings) -> Vec<CalibrationResult> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_comes_before_what_follows_from_it() {
        let result = |aspect: &Aspect, lower: f64, beyond_noise: bool| AspectResult {
            aspect: aspect.name(),
            measure: aspect.measure(),
            distance: Some(lower + 0.1),
            lower: Some(lower),
            upper: Some(lower + 0.2),
            noise: Some(0.05),
            beyond_noise: Some(beyond_noise),
        };
        let mut all: Vec<AspectResult> = ASPECTS.iter().map(|a| result(a, 0.1, false)).collect();
        assert_eq!(farthest(&all), None);
        all[12] = result(&Aspect::Calibration, 0.9, true);
        assert_eq!(farthest(&all), Some(Aspect::Calibration));
        all[1] = result(&Aspect::ReactionsByKind, 0.1, true);
        all[3] = result(&Aspect::Dwell, 0.2, true);
        assert_eq!(farthest(&all), Some(Aspect::Dwell));
    }
}
