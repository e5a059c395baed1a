//! The comparison: the log is read twice, and as many simulated people live beside its own.

use super::cells::{self, Cells, Observed};
use super::distance::{ASPECTS, Aspect};
use super::findings::Findings;
use super::people::{self, People, Recent};
use super::refusal::ComparisonRefusal;
use super::resample::Sides;
use super::result::{AspectResult, RealityComparison, SCHEMA_VERSION};
use super::settings::ComparisonSettings;
use super::tables;
use crate::base::error::{Error, Result};
use crate::base::stats::effective_units;
use crate::evaluation::log::ReactionLog;
use crate::people::digest::of_people;
use crate::people::persona::Persona;
use crate::people::scenario::Scenario;
use crate::policy::Policy;
use crate::policy::program::ProgramError;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

/// Users of a log that are resampled one by one; more are put together into so many groups.
const GROUPS: usize = 1000;
/// Simulated users of each persona from whom the bins are taken.
const PILOTS: u64 = 40;

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
    settings: &ComparisonSettings,
) -> Result<RealityComparison> {
    let Overview { lengths, users, policies } = overview(paths)?;
    let reactions: u64 = lengths.iter().map(|n| u64::from(*n)).sum();
    let policy = match policy {
        Some(policy) if policy.program().is_some() => {
            let (policy, why) =
                (policy.name().to_owned(), "and people are compared with a log under built-in policies");
            return Err(Error::because(ProgramError::NotFor { policy, why }));
        }
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
    let LoggedPeople { groups: logged, without_reaction, off_the_table } =
        logged(paths, &users, &people, &cells)?;
    let effective_users = effective_units(lengths.iter().map(|n| f64::from(*n)));
    let users = lengths.len();
    let sides = Sides { cells: &cells, pool, shares: &people.shares, logged, users, effective_users };

    let (log, simulated) = (sides.log(), sides.people());
    let aspects = sides.aspects(settings);
    let farthest = farthest(&aspects);
    let findings = Findings { cells: &cells, kinds: people.kinds(), log: &log, people: &simulated };
    let mut digests = of_people(personas, std::slice::from_ref(scenario));
    digests.insert("policy".to_owned(), policy.digest());
    Ok(RealityComparison {
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
        kinds: tables::kinds(&findings),
        hours: tables::hours(&findings),
        dwell: tables::dwell(&findings),
        profile: tables::profile(&findings),
        calibration: tables::calibration(&findings),
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
        let logs = paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ");
        return Err(Error::because(ComparisonRefusal::FewUsers { logs, users: lengths.len() }));
    }
    Ok(overview)
}

fn most_common(policies: &BTreeMap<String, u64>) -> Result<Policy> {
    let most = policies.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name);
    let name = most.expect("there are reactions");
    let not_built_in = || ComparisonRefusal::PolicyNotBuiltIn { policy: name.clone() };
    Policy::named(name).map_err(|_| Error::because(not_built_in()))
}

/// What the log's people did.
struct LoggedPeople {
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
) -> Result<LoggedPeople> {
    let mut groups = vec![vec![0.0; cells.len()]; users.len().min(GROUPS)];
    let (mut log, mut recent, mut off_the_table) = (ReactionLog::new(paths)?, Recent::default(), 0);
    while let Some(reacted) = log.read()? {
        let Some(&user) = users.get(&reacted.user) else { continue };
        let observed = people.logged(&reacted, recent.before(user, reacted.time_ms));
        off_the_table += u64::from(cells::reward_step(observed.reward).is_none());
        cells.add(&observed, &mut groups[user % GROUPS]);
    }
    Ok(LoggedPeople { groups, without_reaction: log.without_reaction(), off_the_table })
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
