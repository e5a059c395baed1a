//! Profile features computed from events: what a person was shown and how they reacted.
//!
//! Rates are smoothed by a Beta(1, 1) prior: (successes + 1) / (shown + 2). A kind that was never shown has
//! no values of its own, so the user's hold for it; before the first event nothing is known.
//!
//! The same counts give a [`Profile`], as a request carries it, and [`ProfileFeatures`], as the simulator
//! needs them at every step. A test holds the two against each other. [`ProfileCounts`] are the counts alone, for who
//! writes them down and goes on counting another day.

use crate::base::error::Fault;
use crate::domain::profile::{Profile, ProfileValues};
use crate::domain::reaction::Reaction;
use crate::features::values::{Clock, ProfileFeatures, mean_dwell, tip_volume};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::hint::select_unpredictable;
use std::sync::LazyLock;

const HOURS: usize = 24;
/// The index that stands for no hour.
const NO_HOUR: usize = HOURS;

/// One shown tip and what became of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TipEvent {
    /// Index of the tip's kind in the history's kinds.
    pub kind: usize,
    /// The hour that the tip was meant for, else that of the moment, in [0, 24).
    pub hour: f64,
    /// What the person did.
    pub reaction: Reaction,
    /// Seconds spent on it.
    pub dwell_seconds: f64,
}

/// What was counted of one kind, or of all kinds together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawKindCounts", into = "RawKindCounts")]
struct KindCounts {
    shown: u32,
    completed: u32,
    dismissed: u32,
    dwell_sum: f64,
    completed_at: [u32; HOURS],
    /// The hour with the most completions, the earliest of several; [`NO_HOUR`] before the first.
    preferred_hour: usize,
    /// Its rank among the hours.
    rank: u32,
}

/// What an hour with so many completions is ranked by: the earlier of two with as many comes first.
#[inline(always)]
const fn rank(completed: u32, hour: usize) -> u32 {
    HOURS as u32 * completed + (HOURS - hour) as u32
}

impl KindCounts {
    const EMPTY: Self = Self {
        shown: 0,
        completed: 0,
        dismissed: 0,
        dwell_sum: 0.0,
        completed_at: [0; HOURS],
        preferred_hour: NO_HOUR,
        rank: rank(0, 0),
    };

    #[inline(always)]
    fn observe(&mut self, event: &TipEvent) {
        self.shown += 1;
        self.dwell_sum += event.dwell_seconds;
        // Reactions cannot be predicted: they are counted without a branch.
        let completed = u32::from(event.reaction == Reaction::Completed);
        self.completed += completed;
        self.dismissed += u32::from(event.reaction == Reaction::Dismissed);
        let hour = event.hour as usize % HOURS;
        self.completed_at[hour] += completed;
        // No other hour's rank has changed, and none falls: the preferred one is the best of them.
        let rank = rank(self.completed_at[hour], hour);
        let better = rank > self.rank;
        self.preferred_hour = select_unpredictable(better, hour, self.preferred_hour);
        self.rank = select_unpredictable(better, rank, self.rank);
    }

    #[inline(always)]
    fn rate(&self, successes: u32) -> f64 {
        f64::from(successes + 1) / f64::from(self.shown + 2)
    }

    fn values(&self) -> ProfileValues {
        if self.shown == 0 {
            return ProfileValues::default();
        }
        let preferred = (self.preferred_hour != NO_HOUR).then_some(self.preferred_hour as f64);
        ProfileValues([
            Some(self.rate(self.completed)),
            Some(self.rate(self.dismissed)),
            Some(self.dwell_sum / f64::from(self.shown)),
            preferred,
            Some(f64::from(self.shown)),
        ])
    }

    /// What [`ProfileFeatures::of`] gives for [`Self::values`], from tables.
    #[inline(always)]
    fn features(&self, tables: &Tables) -> ProfileFeatures {
        if self.shown == 0 {
            return ProfileFeatures::UNKNOWN;
        }
        ProfileFeatures {
            completion_rate: self.rate(self.completed),
            dismiss_rate: self.rate(self.dismissed),
            mean_dwell: mean_dwell(Some(self.dwell_sum / f64::from(self.shown))),
            preferred: tables.clock[self.preferred_hour],
            tip_volume: tables.volume[(self.shown as usize).min(tables.volume.len() - 1)],
        }
    }
}

/// The same as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKindCounts {
    shown: u32,
    completed: u32,
    dismissed: u32,
    dwell_sum: f64,
    completed_at: [u32; HOURS],
}

/// More of one person were never shown, and so many can be ranked.
const MOST_SHOWN: u32 = 100_000_000;

impl From<KindCounts> for RawKindCounts {
    fn from(counts: KindCounts) -> Self {
        let KindCounts { shown, completed, dismissed, dwell_sum, completed_at, .. } = counts;
        Self { shown, completed, dismissed, dwell_sum, completed_at }
    }
}

impl TryFrom<RawKindCounts> for KindCounts {
    type Error = Fault;

    fn try_from(raw: RawKindCounts) -> Result<Self, Fault> {
        let RawKindCounts { shown, completed, dismissed, dwell_sum, completed_at } = raw;
        let sum = |counts: &[u32]| counts.iter().map(|count| u64::from(*count)).sum::<u64>();
        if shown > MOST_SHOWN {
            return Err(Fault::new("shown", shown, format!("at most {MOST_SHOWN}")));
        }
        if sum(&[completed, dismissed]) > u64::from(shown) {
            let both = sum(&[completed, dismissed]);
            return Err(Fault::new("completed and dismissed", both, format!("at most shown, {shown}")));
        }
        if sum(&completed_at) != u64::from(completed) {
            return Err(Fault::new("completed_at", sum(&completed_at), format!("completed, {completed}")));
        }
        if !dwell_sum.is_finite() || dwell_sum < 0.0 {
            return Err(Fault::new("dwell_sum", dwell_sum, "a finite number from 0 on"));
        }
        let best = (0..HOURS).filter(|hour| completed_at[*hour] > 0);
        let best = best.max_by_key(|hour| rank(completed_at[*hour], *hour));
        Ok(Self {
            shown,
            completed,
            dismissed,
            dwell_sum,
            completed_at,
            preferred_hour: best.unwrap_or(NO_HOUR),
            rank: best.map_or(Self::EMPTY.rank, |hour| rank(completed_at[hour], hour)),
        })
    }
}

/// What was counted of one person, kind by kind: what a [`ProfileHistory`] counts, and nothing that follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileCounts {
    user: KindCounts,
    by_kind: BTreeMap<SmolStr, KindCounts>,
}

impl Default for ProfileCounts {
    fn default() -> Self {
        Self { user: KindCounts::EMPTY, by_kind: BTreeMap::new() }
    }
}

impl ProfileCounts {
    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.user.shown == 0
    }

    /// Adds one event of a kind, if it has one; [`TipEvent::kind`] says nothing here.
    pub fn observe(&mut self, kind: Option<&SmolStr>, event: &TipEvent) {
        self.user.observe(event);
        if let Some(kind) = kind {
            self.by_kind.entry(kind.clone()).or_insert(KindCounts::EMPTY).observe(event);
        }
    }

    /// The profile that follows.
    pub fn profile(&self) -> Profile {
        let by_kind = self.by_kind.iter().map(|(kind, counts)| (kind.to_string(), counts.values()));
        Profile::new(self.user.values(), by_kind.collect())
    }
}

/// Values of the feature functions at every whole hour and every volume up to where it is clipped.
#[derive(Debug, PartialEq)]
struct Tables {
    /// The point of each hour; the last is that of no hour.
    clock: [Clock; HOURS + 1],
    volume: [f64; 1001],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    clock: std::array::from_fn(|h| {
        if h == NO_HOUR { ProfileFeatures::UNKNOWN.preferred } else { Clock::at(h as f64) }
    }),
    volume: std::array::from_fn(|n| tip_volume(Some(n as f64))),
});

/// The past of one person, and the profile features that follow from it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileHistory {
    user: KindCounts,
    by_kind: Vec<KindCounts>,
    /// How many kinds were never completed: for what they lack the user's values stand in.
    lacking: usize,
    features: Vec<ProfileFeatures>,
    tables: &'static Tables,
}

impl ProfileHistory {
    /// No past, with tips of `kinds` kinds to come.
    pub fn new(kinds: usize) -> Self {
        Self {
            user: KindCounts::EMPTY,
            by_kind: vec![KindCounts::EMPTY; kinds],
            lacking: kinds,
            features: vec![ProfileFeatures::UNKNOWN; kinds],
            tables: &TABLES,
        }
    }

    /// Back to no past, without a new allocation.
    pub fn clear(&mut self) {
        self.user = KindCounts::EMPTY;
        self.by_kind.fill(KindCounts::EMPTY);
        self.lacking = self.by_kind.len();
        self.features.fill(ProfileFeatures::UNKNOWN);
    }

    /// Adds one event.
    #[inline(always)]
    pub fn observe(&mut self, event: &TipEvent) {
        self.user.observe(event);
        let counts = &mut self.by_kind[event.kind];
        let lacked = counts.completed == 0;
        counts.observe(event);
        self.features[event.kind] = counts.features(self.tables);
        self.lacking -= usize::from(lacked && counts.completed > 0);
        if self.lacking > 0 {
            self.stand_in();
        }
    }

    /// Gives kinds that lack something the user's own values.
    #[inline(always)]
    fn stand_in(&mut self) {
        let user = self.user_features();
        for (counts, features) in self.by_kind.iter().zip(&mut self.features) {
            if counts.shown == 0 {
                *features = user;
            } else {
                let lacks = counts.preferred_hour == NO_HOUR;
                let hour = select_unpredictable(lacks, self.user.preferred_hour, counts.preferred_hour);
                features.preferred = self.tables.clock[hour];
            }
        }
    }

    /// The profile that follows; `kinds` are the names of the kinds, in the order of their indices.
    pub fn profile(&self, kinds: &[String]) -> Profile {
        let shown = kinds.iter().zip(&self.by_kind).filter(|(_, counts)| counts.shown > 0);
        Profile::new(
            self.user.values(),
            shown.map(|(kind, counts)| (kind.clone(), counts.values())).collect(),
        )
    }

    /// The values that hold for candidates of a kind: the kind's, and the user's where the kind has none.
    pub fn values_of(&self, kind: usize) -> ProfileValues {
        let counts = &self.by_kind[kind];
        if counts.completed > 0 {
            return counts.values();
        }
        let (own, user) = (counts.values(), self.user.values());
        ProfileValues(std::array::from_fn(|i| own.0[i].or(user.0[i])))
    }

    /// A number that is another one whenever [`Self::values_of`] the kind are, until the history is cleared.
    pub fn version_of(&self, kind: usize) -> u64 {
        let counts = &self.by_kind[kind];
        // Once a kind was completed it lacks nothing.
        let user = if counts.completed > 0 { 0 } else { self.user.shown };
        u64::from(counts.shown) << 32 | u64::from(user)
    }

    /// The same for [`Self::user_values`].
    pub fn version_of_user(&self) -> u64 {
        self.user.shown.into()
    }

    /// The user's own values.
    pub fn user_values(&self) -> ProfileValues {
        self.user.values()
    }

    /// The user's own profile features.
    #[inline(always)]
    pub fn user_features(&self) -> ProfileFeatures {
        self.user.features(self.tables)
    }

    /// The profile features that hold for candidates of each kind.
    #[inline(always)]
    pub fn features(&self) -> &[ProfileFeatures] {
        &self.features
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event() -> impl Strategy<Value = TipEvent> {
        (0..3usize, 0..96u8, 0..4usize, 0.0..900.0f64).prop_map(|(kind, quarter, reaction, dwell_seconds)| {
            TipEvent {
                kind,
                hour: f64::from(quarter) / 4.0,
                reaction: Reaction::ALL[reaction],
                dwell_seconds,
            }
        })
    }

    proptest! {
        #[test]
        fn tables_and_profile_give_the_same_features(events in prop::collection::vec(event(), 0..60)) {
            let kinds = ["a", "b", "c"].map(String::from);
            let mut history = ProfileHistory::new(3);
            events.iter().for_each(|e| history.observe(e));
            let profile = history.profile(&kinds);
            let mut counts = ProfileCounts::default();
            for e in &events {
                counts.observe(Some(&kinds[e.kind].as_str().into()), e);
                // Written down and read again after each event, they go on as if they had not been.
                counts = serde_json::from_str(&serde_json::to_string(&counts).unwrap()).unwrap();
            }
            prop_assert_eq!(&counts.profile(), &profile);
            for (k, kind) in kinds.iter().enumerate() {
                let by_request = ProfileFeatures::of(&profile.values_for(Some(kind)));
                prop_assert_eq!(history.features()[k], by_request);
            }
        }

        #[test]
        fn values_that_change_have_another_version(events in prop::collection::vec(event(), 0..60)) {
            let mut history = ProfileHistory::new(3);
            for e in &events {
                let before: Vec<_> = (0..3).map(|k| (history.values_of(k), history.version_of(k))).collect();
                history.observe(e);
                for (k, (values, version)) in before.into_iter().enumerate() {
                    prop_assert!(history.values_of(k) == values || history.version_of(k) != version);
                }
            }
        }
    }

    #[test]
    fn counts_that_cannot_be_are_refused() {
        let at = |hour: usize, count: u32| std::array::from_fn(|h| if h == hour { count } else { 0 });
        let raw =
            || RawKindCounts { shown: 5, completed: 2, dismissed: 3, dwell_sum: 1.5, completed_at: at(9, 2) };
        let counts = KindCounts::try_from(raw()).unwrap();
        assert_eq!(counts.preferred_hour, 9);
        for (wrong, field) in [
            (RawKindCounts { shown: 4, ..raw() }, "completed and dismissed"),
            (RawKindCounts { shown: MOST_SHOWN + 1, ..raw() }, "shown"),
            (RawKindCounts { completed_at: at(9, 1), ..raw() }, "completed_at"),
            (RawKindCounts { dwell_sum: f64::NAN, ..raw() }, "dwell_sum"),
            (RawKindCounts { dwell_sum: -1.0, ..raw() }, "dwell_sum"),
        ] {
            assert_eq!(KindCounts::try_from(wrong).unwrap_err().field, field);
        }
    }

    #[test]
    fn rates_are_smoothed_and_the_earliest_of_the_best_hours_is_preferred() {
        let mut history = ProfileHistory::new(1);
        for hour in [20.5, 9.25, 20.0, 9.0] {
            history.observe(&TipEvent { kind: 0, hour, reaction: Reaction::Completed, dwell_seconds: 10.0 });
        }
        let values = history.profile(&["a".to_owned()]).user;
        assert_eq!(values.0, [Some(5.0 / 6.0), Some(1.0 / 6.0), Some(10.0), Some(9.0), Some(4.0)]);
    }
}
