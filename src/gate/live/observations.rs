//! From decisions and rewards to observations: one number for each user, closed once it cannot change any more.
//!
//! A log is read twice. First every user's earliest decisions are found and kept, at most so many as an observation has;
//! then the rewards are read past them. Memory is by users, not by decisions.
//!
//! An observation is closed after so many decisions, or so long after exposure, once each of its decisions has its reward or
//! has waited for it long enough. A reward that comes later than that changes nothing. Users stand in the order of their
//! exposure, and only those before the first open one are evidence: which of them have closed may depend on what they
//! met, and who stands before whom does not (ADR-0024).

use super::metric::LiveMetric;
use super::refusal::LiveRefusal;
use crate::base::error::{Error, Fault, Result};
use crate::domain::reaction::Reaction;
use crate::evaluation::log::LabelledLog;
use crate::store::log_line::{DecisionLine, Op};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::collections::HashMap;

/// Milliseconds of a day.
pub const DAY_MS: u64 = 86_400_000;

/// When an observation is closed, and what it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservationRules {
    /// What is compared.
    pub metric: LiveMetric,
    /// Least and largest value that there can be.
    pub range: (f64, f64),
    /// It is closed after so many decisions.
    pub decisions: u32,
    /// Or so long after exposure, in milliseconds.
    pub window_ms: u64,
    /// A reward is waited for so long, in milliseconds.
    pub wait_ms: u64,
    /// What a decision counts as that has waited in vain; `None` leaves it out.
    pub unrewarded: Option<Reaction>,
    /// The moment at which things are looked at, in milliseconds since 1970: what came later is not seen.
    pub as_of: u64,
    /// Whether nobody will go on: every observation is closed as it is.
    pub is_final: bool,
    /// The first moment after each scope, in milliseconds since 1970: nothing more comes there. Scopes beyond have no end.
    pub scope_ends: Vec<u64>,
}

impl ObservationRules {
    /// The rules where nobody says otherwise: 20 decisions or 14 days; a day for a reward, then `ignored`.
    pub fn new(metric: LiveMetric, as_of: u64) -> Self {
        Self {
            metric,
            range: metric.range(),
            decisions: 20,
            window_ms: 14 * DAY_MS,
            wait_ms: DAY_MS,
            unrewarded: Some(Reaction::Ignored),
            as_of,
            is_final: false,
            scope_ends: Vec::new(),
        }
    }
}

/// Where a decision belongs: a user is observed once in each scope, in the group of the first decision there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The scope.
    pub scope: u32,
    /// The group, by its number.
    pub group: u32,
}

/// One user in one scope.
#[derive(Debug, Clone, PartialEq)]
pub struct UserObservation {
    /// The user.
    pub user: SmolStr,
    /// Where, and in which group first.
    pub membership: Membership,
    /// The first decision, in milliseconds since 1970.
    pub exposed_at: u64,
    /// Decisions that the mean is of.
    pub decisions: u32,
    /// The mean as a share of the metric's range, in [0, 1]; `None` where no decision has a value.
    pub value: Option<f64>,
    /// Whether it cannot change any more.
    pub is_closed: bool,
}

/// Everybody, in the order of exposure.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserObservations {
    /// One for each user and scope.
    pub all: Vec<UserObservation>,
    /// Decisions that had to wait in vain and count as the default outcome, or are left out.
    pub unrewarded: u64,
    /// Rewards that came too late to count.
    pub late_rewards: u64,
    /// Users who met another group after their first.
    pub crossed: u64,
}

/// By so much clocks of the machines that write one log may differ.
const CLOCKS_MS: u64 = 3_600_000;

/// Half of the SHA-256 of a decision's id.
type Key = [u64; 2];

struct Kept {
    at: u64,
    key: Key,
    group: u32,
    value: Option<f64>,
}

struct Tracked {
    user: SmolStr,
    scope: u32,
    /// The earliest decisions, in their order.
    kept: Vec<Kept>,
}

/// Reads a log. `member` says where a shown decision belongs; `None` is a decision that nobody asks about.
///
/// # Errors
/// A log that cannot be read or has a bad line, a value out of the metric's range, rewards without the reactions that a
/// metric needs.
pub fn observe(
    log: &LabelledLog,
    rules: &ObservationRules,
    mut member: impl FnMut(&DecisionLine<&RawValue>) -> Result<Option<Membership>, Fault>,
) -> Result<UserObservations> {
    let mut tracked: Vec<Tracked> = Vec::new();
    let mut positions: HashMap<(SmolStr, u32), usize> = HashMap::new();
    let most = rules.decisions as usize;
    log.each_decision(&mut |line| {
        if line.shadow || line.time_ms > rules.as_of {
            return Ok(());
        }
        let Some(Membership { scope, group }) = member(line)? else { return Ok(()) };
        let place = *positions.entry((line.user.as_ref().into(), scope)).or_insert_with(|| {
            tracked.push(Tracked { user: line.user.as_ref().into(), scope, kept: Vec::new() });
            tracked.len() - 1
        });
        let kept = &mut tracked[place].kept;
        let own = Kept { at: line.time_ms, key: key(&line.decision_id), group, value: None };
        let at = kept.partition_point(|other| (other.at, other.key) < (own.at, own.key));
        if kept.get(at).is_some_and(|other| (other.at, other.key) == (own.at, own.key)) {
            // Exports that overlap would make of one decision two.
            return Err(Fault::new(
                "decision_id",
                format!("{:?} again", line.decision_id),
                "each decision once",
            ));
        }
        if at < most {
            kept.truncate(most - 1);
            kept.insert(at, own);
        }
        Ok(())
    })?;
    drop(positions);
    let mut found = UserObservations::default();
    read_rewards(log, rules, &mut tracked, &mut found)?;
    found.all = tracked.into_iter().map(|user| closed(user, rules, &mut counts(&mut found))).collect();
    found.all.sort_by(|a, b| (a.exposed_at, &a.user).cmp(&(b.exposed_at, &b.user)));
    Ok(found)
}

/// The counters that closing an observation adds to.
fn counts(found: &mut UserObservations) -> (&mut u64, &mut u64) {
    (&mut found.unrewarded, &mut found.crossed)
}

fn read_rewards(
    log: &LabelledLog,
    rules: &ObservationRules,
    tracked: &mut [Tracked],
    found: &mut UserObservations,
) -> Result<()> {
    let mut index: Vec<(Key, u32, u32)> = Vec::new();
    for (i, user) in tracked.iter().enumerate() {
        index.extend(user.kept.iter().enumerate().map(|(j, kept)| (kept.key, i as u32, j as u32)));
    }
    index.sort_unstable();
    let (low, high) = rules.range;
    let mut without_reaction = 0_u64;
    log.each_reward(&mut |line| {
        let (Op::Reward, Some(decision)) = (line.op, &line.decision_id) else { return Ok(()) };
        if line.time_ms > rules.as_of {
            return Ok(());
        }
        let key = key(decision);
        let first = index.partition_point(|(other, ..)| *other < key);
        // One decision may be in several scopes.
        for (_, i, j) in index[first..].iter().take_while(|(other, ..)| *other == key) {
            let kept = &mut tracked[*i as usize].kept[*j as usize];
            if line.time_ms > kept.at.saturating_add(rules.wait_ms) {
                found.late_rewards += 1;
                continue;
            }
            let reward = line.reward.ok_or_else(|| Fault::new("reward", "missing", "a finite number"))?;
            // Outcomes of other domains are none of these.
            let reaction = line.reaction.as_deref().and_then(|name| Reaction::from_name(name).ok());
            let Some(value) = rules.metric.value(reward, reaction) else {
                without_reaction += 1;
                continue;
            };
            if !(low..=high).contains(&value) {
                let allowed =
                    format!("a number in [{low}, {high}]; another range is stated with --reward-range");
                return Err(Fault::new("reward", value, allowed));
            }
            if line.time_ms.saturating_add(CLOCKS_MS) < kept.at {
                let allowed = format!("a time after that of the decision, {}, give or take an hour", kept.at);
                return Err(Fault::new("time_ms", line.time_ms, allowed));
            }
            // A decision that several policies learned from has the same reward with each.
            if let Some(first) = kept.value.replace(value).filter(|first| *first != value) {
                let allowed = format!("{first}, which another line says of decision {decision:?}");
                return Err(Fault::new(rules.metric.name(), value, allowed));
            }
        }
        Ok(())
    })?;
    if without_reaction > 0 {
        let metric = rules.metric.name();
        return Err(Error::because(LiveRefusal::NoReactions { metric, rewards: without_reaction }));
    }
    Ok(())
}

/// The observation of a user whose rewards were read.
fn closed(
    tracked: Tracked,
    rules: &ObservationRules,
    (unrewarded, crossed): &mut (&mut u64, &mut u64),
) -> UserObservation {
    let Tracked { user, scope, kept } = tracked;
    let (exposed_at, group) = (kept[0].at, kept[0].group);
    let scope_end = rules.scope_ends.get(scope as usize).copied().unwrap_or(u64::MAX);
    let end = exposed_at.saturating_add(rules.window_ms).min(scope_end);
    let (mut sum, mut count, mut waits) = (0.0, 0_u32, false);
    **crossed += u64::from(kept.iter().any(|decision| decision.group != group));
    let default = rules.unrewarded.and_then(|reaction| rules.metric.value(reaction.reward(), Some(reaction)));
    for decision in kept.iter().filter(|decision| decision.at < end && decision.group == group) {
        let waited = rules.is_final || rules.as_of >= decision.at.saturating_add(rules.wait_ms);
        let value = match decision.value {
            Some(value) => Some(value),
            None if waited => {
                **unrewarded += 1;
                default
            }
            None => {
                waits = true;
                None
            }
        };
        if let Some(value) = value {
            sum += value;
            count += 1;
        }
    }
    let is_whole = kept.len() == rules.decisions as usize || rules.as_of >= end || rules.is_final;
    let (low, high) = rules.range;
    let value = (count > 0).then(|| ((sum / f64::from(count) - low) / (high - low)).clamp(0.0, 1.0));
    let membership = Membership { scope, group };
    UserObservation { user, membership, exposed_at, decisions: count, value, is_closed: is_whole && !waits }
}

impl UserObservations {
    /// Those before the first open one: what is evidence.
    pub fn closed(&self) -> &[UserObservation] {
        let open = self.all.iter().position(|observation| !observation.is_closed);
        &self.all[..open.unwrap_or(self.all.len())]
    }
}

fn key(decision: &str) -> Key {
    let digest = Sha256::digest(decision.as_bytes());
    [0, 8].map(|i| u64::from_le_bytes(digest[i..i + 8].try_into().expect("a digest has 32 bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::live::effect::{ArmUser, e_two_sided};
    use std::fs;
    use std::path::Path;

    const REQUEST: &str = r#"{"context":{"hour":8,"weekday":0},"candidates":[{"id":"a"}]}"#;

    fn decision(id: &str, user: &str, variant: &str, at: u64) -> String {
        format!(
            "{{\"decision_id\":\"{id}\",\"user\":\"{user}\",\"policy\":\"p\",\"variant\":\"{variant}\",\"shadow\":false,\
             \"chosen\":\"a\",\"propensity\":1,\"propensities\":[1],\"time_ms\":{at},\"request\":{REQUEST}}}\n"
        )
    }

    fn reward(id: &str, reaction: Reaction, at: u64) -> String {
        let worth = reaction.reward();
        format!(
            "{{\"op\":\"reward\",\"decision_id\":\"{id}\",\"reward\":{worth},\"reaction\":\"{reaction}\",\"time_ms\":{at}}}\n"
        )
    }

    fn read(
        dir: &Path,
        decisions: &str,
        rewards: &str,
        rules: &ObservationRules,
    ) -> Result<UserObservations> {
        fs::write(dir.join("decisions.jsonl"), decisions).unwrap();
        fs::write(dir.join("rewards.jsonl"), rewards).unwrap();
        let log = LabelledLog::open(&[dir.to_owned()])?;
        observe(&log, rules, |line| {
            let group = u32::from(line.variant.as_deref() == Some("b"));
            Ok(Some(Membership { scope: 0, group }))
        })
    }

    #[test]
    fn observations_close_and_open_ones_hold_back_who_came_later() {
        let dir = tempfile::tempdir().unwrap();
        let rules =
            ObservationRules { decisions: 2, ..ObservationRules::new(LiveMetric::Reward, 10 * DAY_MS) };
        // Ann has two decisions and a third that does not count; Bob has one, Cid met another variant after the first.
        let decisions = [
            decision("a2", "ann", "a", 2_000),
            decision("a1", "ann", "a", 1_000),
            decision("a3", "ann", "a", 3_000),
            decision("b1", "bob", "b", 1_500),
            decision("c1", "cid", "b", 4_000),
            decision("c2", "cid", "a", 5_000),
        ]
        .concat();
        let rewards = [
            reward("a1", Reaction::Completed, 1_100),
            reward("a3", Reaction::Dismissed, 3_100),
            // A day is over.
            reward("a2", Reaction::Completed, 2_001 + DAY_MS),
            reward("b1", Reaction::Dismissed, 1_600),
            reward("c1", Reaction::Snoozed, 4_100),
            reward("c2", Reaction::Completed, 5_100),
        ]
        .concat();
        let found = read(dir.path(), &decisions, &rewards, &rules).unwrap();
        assert_eq!((found.unrewarded, found.late_rewards, found.crossed), (1, 1, 1));
        let users: Vec<_> =
            found.all.iter().map(|o| (o.user.as_str(), o.decisions, o.value, o.is_closed)).collect();
        // (1 + 0) / 2 in [-0.5, 1]; -0.5; 0.25.
        let share = |value: f64| Some((value + 0.5) / 1.5);
        let expected =
            [("ann", 2, share(0.5), true), ("bob", 1, Some(0.0), false), ("cid", 1, share(0.25), true)];
        assert_eq!(users, expected);
        assert_eq!(found.closed().len(), 1);
        // Fourteen days after exposure everybody is closed; as they are, at once.
        let later = ObservationRules { as_of: 15 * DAY_MS, ..rules.clone() };
        assert_eq!(read(dir.path(), &decisions, &rewards, &later).unwrap().closed().len(), 3);
        let now = ObservationRules { is_final: true, ..rules.clone() };
        assert_eq!(read(dir.path(), &decisions, &rewards, &now).unwrap().closed().len(), 3);
        // What came after the look is not seen.
        let early = ObservationRules { as_of: 2_000, ..rules.clone() };
        let found = read(dir.path(), &decisions, &rewards, &early).unwrap();
        assert_eq!((found.all.len(), found.closed().len()), (2, 0));
        // A decision that is left out is no zero.
        let left_out = ObservationRules { unrewarded: None, ..rules };
        assert_eq!(read(dir.path(), &decisions, &rewards, &left_out).unwrap().all[0].value, Some(1.0));
    }

    /// People who come sooner and oftener do better under either arm, and under one everybody comes twice as often: whether an
    /// order of users ever calls that a difference at 5%, looked at ten times while they come.
    fn is_alarmed(run: u64, evidence: impl Fn(&UserObservations) -> Vec<UserObservation>) -> bool {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand::rngs::ChaCha8Rng::seed_from_u64(7);
        rng.set_stream(run);
        let people: Vec<(u32, f64, f64)> = (0..1_000)
            .map(|_| {
                let (treated, eager) = (rng.random::<bool>(), rng.random::<f64>());
                let y = (0.1 + 0.7 * eager + 0.1 * rng.random::<f64>()).clamp(0.0, 1.0);
                (u32::from(treated), 900.0 * (1.0 - eager) / if treated { 2.0 } else { 1.0 }, y)
            })
            .collect();
        (1..=10).any(|look| {
            let now = 100 * look;
            let seen = people[..now].iter().enumerate().map(|(at, (group, takes, y))| UserObservation {
                user: at.to_string().into(),
                membership: Membership { scope: 0, group: *group },
                exposed_at: at as u64,
                decisions: 20,
                value: Some(*y),
                is_closed: at as f64 + takes <= now as f64,
            });
            let all = UserObservations { all: seen.collect(), ..UserObservations::default() };
            let users: Vec<ArmUser> = evidence(&all)
                .into_iter()
                .map(|o| ArmUser { treated: o.membership.group == 1, weight: 0.5, y: o.value.unwrap_or(0.0) })
                .collect();
            e_two_sided(&users) >= 20.0
        })
    }

    #[test]
    fn who_closes_early_is_no_evidence_before_who_came_first() {
        // 100 runs at 5%: more than 15 have probability 4e-5, scipy.stats.binom.sf(15, 100, 0.05).
        let ours = (0..100).filter(|run| is_alarmed(*run, |all| all.closed().to_vec())).count();
        assert!(ours <= 15, "{ours}");
        // Whoever is closed by now, in whatever order they came: it must be caught.
        let closed =
            |all: &UserObservations| all.all.iter().filter(|o| o.is_closed).cloned().collect::<Vec<_>>();
        let others = (0..100).filter(|run| is_alarmed(*run, closed)).count();
        assert!(others > 50, "{others}");
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let rules = ObservationRules::new(LiveMetric::Reward, DAY_MS);
        let one = decision("a1", "ann", "a", 1_000);
        let much = reward("a1", Reaction::Completed, 1_100).replace("\"reward\":1,", "\"reward\":7,");
        let message = read(dir.path(), &one, &much, &rules).unwrap_err().to_string();
        assert!(message.contains("rewards.jsonl, line 1") && message.contains("reward is 7"), "{message}");
        let rates = ObservationRules::new(LiveMetric::CompletionRate, DAY_MS);
        let plain = reward("a1", Reaction::Completed, 1_100).replace("\"reaction\":\"completed\",", "");
        let message = read(dir.path(), &one, &plain, &rates).unwrap_err().to_string();
        assert!(message.contains("completion_rate needs reactions"), "{message}");
    }
}
