//! The profile as a scenario serves it: to policies that look at a block, and in a request.

use super::character::next_kind;
use super::steps::Person;
use crate::domain::profile::{Profile, ProfileValues};
use crate::domain::request::{Candidate, Context, RawRequest};
use crate::features::ProfileFeatures;
use crate::features::profile_history::ProfileHistory;
use crate::people::persona_simulator::{DUE_DAYS, EFFORT_MINUTES, priority};
use crate::people::scenario::ProfileServing;
use smol_str::format_smolstr;

/// Whose values are served for candidates of a kind: those of a kind are given by its index.
#[derive(Debug, Clone, Copy)]
enum ProfileSource {
    Nothing,
    User,
    Kind(usize),
    Declared(usize),
}

impl Person<'_> {
    /// How the profile reaches the policies for this user.
    #[inline(always)]
    fn serving(&self) -> ProfileServing {
        if self.traits.no_profile { ProfileServing::Missing } else { self.scenario().profile.serving }
    }

    /// The features of the profile for candidates of each kind, as the scenario serves the profile that follows from
    /// `history`; made in `room` where they are neither the history's nor those that were declared.
    #[inline(always)]
    pub(in crate::people) fn profile_features<'p>(
        &'p self,
        history: &'p ProfileHistory,
        room: &'p mut Vec<ProfileFeatures>,
    ) -> &'p [ProfileFeatures] {
        let (by_kind, emergent) =
            if self.declared.is_empty() { (history.features(), true) } else { (&self.declared[..], false) };
        let kinds = by_kind.len();
        room.clear();
        match (self.serving(), emergent) {
            (ProfileServing::Missing, _) => room.resize(kinds, ProfileFeatures::UNKNOWN),
            (ProfileServing::WrongKind, _) => {
                room.extend((0..kinds).map(|kind| by_kind[next_kind(kind, kinds)]));
            }
            (ProfileServing::UserLevel, true) => room.resize(kinds, history.user_features()),
            // A declared profile was cut down to the user's own values when it was drawn.
            (ProfileServing::UserLevel | ProfileServing::Full, _) => return by_kind,
        }
        room
    }

    /// Whose values the scenario serves for candidates of a kind: what those features are of.
    fn source(&self, kind: usize) -> ProfileSource {
        let emergent = self.declared.is_empty();
        let of = if emergent { ProfileSource::Kind } else { ProfileSource::Declared };
        match self.serving() {
            ProfileServing::Missing => ProfileSource::Nothing,
            ProfileServing::WrongKind => of(next_kind(kind, self.simulator.kinds.len())),
            ProfileServing::UserLevel if emergent => ProfileSource::User,
            ProfileServing::UserLevel | ProfileServing::Full => of(kind),
        }
    }

    /// The values of the profile for candidates of a kind, as the scenario serves the profile that follows from `history`.
    pub(in crate::people) fn profile_values(&self, history: &ProfileHistory, kind: usize) -> ProfileValues {
        match self.source(kind) {
            ProfileSource::Nothing => ProfileValues::default(),
            ProfileSource::User => history.user_values(),
            ProfileSource::Kind(kind) => history.values_of(kind),
            ProfileSource::Declared(kind) => self.declared_values[kind],
        }
    }

    /// A number that is another one whenever these values are, as long as the history goes on; `None` where nobody counts.
    pub(in crate::people) fn profile_version(&self, history: &ProfileHistory, kind: usize) -> Option<u64> {
        match self.source(kind) {
            ProfileSource::Nothing => Some(0),
            ProfileSource::User => Some(history.version_of_user()),
            ProfileSource::Kind(kind) => Some(history.version_of(kind)),
            ProfileSource::Declared(_) => None,
        }
    }

    /// This step as a request would put it: what a batch puts into its block. Candidates are named `c0`, `c1`, ...
    pub fn request(&self, history: &ProfileHistory) -> RawRequest {
        let candidate = |k: usize| {
            let drawn = self.drawn(k);
            Candidate {
                id: format_smolstr!("c{k}"),
                kind: Some(self.simulator.kinds[usize::from(drawn.kind)].as_str().into()),
                priority: Some(priority(drawn.priority)),
                due_in_days: DUE_DAYS.clone().nth(drawn.due).map(f64::from),
                effort_minutes: Some(f64::from(EFFORT_MINUTES[drawn.effort])),
                hour: drawn.meant_for.own_hour(),
                text: None,
            }
        };
        let context =
            Context { hour: self.simulator.hour.at(self.moment.now.into()), weekday: self.weekday() };
        let candidates = (0..self.count).map(candidate).collect();
        RawRequest {
            seed: Some(self.seed),
            ..RawRequest::new(context, candidates, self.served_profile(history))
        }
    }

    /// The profile as a request would carry it.
    fn served_profile(&self, history: &ProfileHistory) -> Option<Profile> {
        match (self.serving(), &self.character.profile) {
            (ProfileServing::Missing, _) => None,
            (serving, Some(profile)) => Some(serve(profile.clone(), serving, &self.simulator.kinds)),
            (serving, None) => {
                Some(serve(history.profile(&self.simulator.kinds), serving, &self.simulator.kinds))
            }
        }
    }
}

/// A profile as a scenario serves it, where it serves one.
fn serve(mut profile: Profile, serving: ProfileServing, kinds: &[String]) -> Profile {
    match serving {
        ProfileServing::Full | ProfileServing::Missing => {}
        ProfileServing::UserLevel => profile.by_kind.clear(),
        ProfileServing::WrongKind => {
            let values = |kind: &String| profile.by_kind.iter().find(|(k, _)| k == kind).map(|(_, v)| *v);
            let of_next = |(i, kind): (usize, &String)| {
                Some((kind.clone(), values(&kinds[next_kind(i, kinds.len())])?))
            };
            profile.by_kind = kinds.iter().enumerate().filter_map(of_next).collect();
        }
    }
    profile
}
