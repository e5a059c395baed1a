//! Some of the users whose rewards are read: a reward counts once, however many policies learned it and files tell it.
//!
//! Of each reward is kept by which policies it was learned. When one of them forgets its user, the reward stays while it stands
//! under another; what was forgotten does not come back because an older export tells it again.

use super::user_sums::UserSums;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Half of the SHA-256 of what tells a reward from others: no two that will ever be met share it.
pub(super) type RewardKey = [u64; 2];

/// The policies by which a reward was learned, in order, each with how often it had forgotten the user before.
type Learners = Vec<(SmolStr, u32)>;

/// A reward and what its candidate looked like.
pub(super) struct RewardRow {
    pub(super) user: SmolStr,
    pub(super) policy: SmolStr,
    pub(super) kind: SmolStr,
    pub(super) x: Vec<f64>,
    pub(super) reward: f64,
    /// `None` where nothing tells it from others.
    pub(super) key: Option<RewardKey>,
}

/// A reward that was met: the number of who learned it, and what tells its values from others.
#[derive(Clone, Copy)]
struct MetReward {
    learners: u32,
    values: u32,
}

impl RewardRow {
    /// The key of a reward that has this name among those of its user.
    pub(super) fn keyed(mut self, name: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in [self.user.as_bytes()].iter().chain(name) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let half = |i: usize| u64::from_le_bytes(digest[i..i + 8].try_into().expect("a digest has 32 bytes"));
        self.key = Some([half(0), half(8)]);
        self
    }

    /// What tells its kind, features and reward from those of another telling of it.
    fn values(&self) -> u32 {
        let mut hash = Sha256::new_with_prefix(self.kind.as_bytes());
        self.x.iter().chain([&self.reward]).for_each(|value| hash.update(value.to_le_bytes()));
        let digest = hash.finalize();
        u32::from_le_bytes(digest[..4].try_into().expect("a digest has 32 bytes"))
    }
}

#[derive(Default)]
struct UserRewards {
    /// By the number of who learned them, and by kind.
    sums: BTreeMap<(u32, SmolStr), UserSums>,
    /// How often each policy forgot the user.
    resets: BTreeMap<SmolStr, u32>,
    /// How often all did.
    whole_resets: u32,
}

impl UserRewards {
    /// How often this policy forgot the user so far. A reward whose policy nobody knows may have been any one's.
    fn forgotten_by(&self, policy: &str) -> u32 {
        let own = if policy.is_empty() {
            self.resets.values().sum()
        } else {
            self.resets.get(policy).copied().unwrap_or(0)
        };
        self.whole_resets + own
    }

    fn is_kept(&self, learners: &Learners) -> bool {
        learners.iter().any(|(policy, before)| *before == self.forgotten_by(policy))
    }
}

/// Some of the users, and which of their rewards were met.
#[derive(Default)]
pub(super) struct RewardShard {
    users: HashMap<SmolStr, UserRewards>,
    learners: Vec<Learners>,
    numbers: HashMap<Learners, u32>,
    met: HashMap<RewardKey, MetReward>,
    repeats: u64,
}

impl RewardShard {
    /// Adds a reward, unless it was met before. Of one that is told with two values the first counts, as it does for who
    /// learns; it stands as long as who learned that one keeps it.
    ///
    /// # Errors
    /// A product that is too large to add up.
    pub(super) fn add(&mut self, row: &RewardRow) -> Result<(), f64> {
        let user = self.users.entry(row.user.clone()).or_default();
        let before = row.key.and_then(|key| self.met.get(&key).copied());
        let mut learners =
            before.map_or_else(Learners::new, |met| self.learners[met.learners as usize].clone());
        if learners.iter().any(|(policy, _)| *policy == row.policy) {
            self.repeats += 1;
            return Ok(());
        }
        let values = if row.key.is_some() { row.values() } else { 0 };
        if let Some(met) = before.filter(|_| user.is_kept(&learners)) {
            self.repeats += 1;
            if met.values != values {
                return Ok(());
            }
            let place = (met.learners, row.kind.clone());
            let sums = user.sums.get_mut(&place).expect("what is kept was added");
            sums.remove(&row.x, row.reward)?;
            if sums.rows() == 0 {
                user.sums.remove(&place);
            }
        }
        learners.push((row.policy.clone(), user.forgotten_by(&row.policy)));
        learners.sort_unstable();
        let number = self.numbers.get(&learners).copied().unwrap_or_else(|| {
            let number = self.learners.len() as u32;
            self.learners.push(learners.clone());
            self.numbers.insert(learners, number);
            number
        });
        if let Some(key) = row.key {
            self.met.insert(key, MetReward { learners: number, values });
        }
        let sums = user.sums.entry((number, row.kind.clone()));
        sums.or_insert_with(|| UserSums::new(row.x.len())).add(&row.x, row.reward)
    }

    /// Forgets what this policy learned of a user, or what all did.
    pub(super) fn reset(&mut self, user: &str, policy: Option<&str>) {
        let Some(user) = self.users.get_mut(user) else { return };
        match policy {
            Some(policy) => *user.resets.entry(policy.into()).or_default() += 1,
            None => user.whole_resets += 1,
        }
        let numbers: HashSet<u32> = user.sums.keys().map(|(number, _)| *number).collect();
        let kept = |number: &u32| user.is_kept(&self.learners[*number as usize]);
        let kept: HashSet<u32> = numbers.into_iter().filter(kept).collect();
        user.sums.retain(|(number, _), _| kept.contains(number));
    }

    /// Rewards that were told again.
    pub(super) fn repeats(&self) -> u64 {
        self.repeats
    }

    /// The sums of each user by kind.
    pub(super) fn into_sums(self) -> impl Iterator<Item = (SmolStr, BTreeMap<SmolStr, UserSums>)> {
        // Keys take more than everything else where users have many rewards.
        drop(self.met);
        self.users.into_iter().filter(|(_, user)| !user.sums.is_empty()).map(|(name, user)| {
            let mut kinds: BTreeMap<SmolStr, UserSums> = BTreeMap::new();
            for ((_, kind), sums) in user.sums {
                match kinds.get_mut(&kind) {
                    Some(known) => known.absorb(&sums),
                    None => drop(kinds.insert(kind, sums)),
                }
            }
            (name, kinds)
        })
    }
}
