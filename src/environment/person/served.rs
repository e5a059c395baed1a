//! The profile as a scenario serves it: to policies that look at a block, and in a request.

use super::super::stage::{DUE_DAYS, EFFORT_MINUTES, priority};
use super::Person;
use crate::features::{FeatureBlock, ProfileFeatures};
use crate::history::History;
use crate::profile::Profile;
use crate::request::{Candidate, Context, RawRequest};
use crate::scenario::ProfileServing;
use smol_str::format_smolstr;

impl Person<'_> {
    /// How the profile reaches the policies for this user.
    #[inline(always)]
    fn serving(&self) -> ProfileServing {
        if self.traits.no_profile { ProfileServing::Missing } else { self.scenario().profile.serving }
    }

    /// Writes the profile's dimensions of every candidate into `block`, as the scenario serves the profile
    /// that follows from `history`.
    #[inline(always)]
    pub fn serve_profile(&self, history: &History, block: &mut FeatureBlock) {
        let (by_kind, emergent) =
            if self.declared.is_empty() { (history.features(), true) } else { (&self.declared[..], false) };
        match (self.serving(), emergent) {
            (ProfileServing::Missing, _) => self.fill_profile(block, |_| &ProfileFeatures::UNKNOWN),
            (ProfileServing::WrongKind, _) => {
                self.fill_profile(block, |k| &by_kind[next_kind(k, by_kind.len())]);
            }
            (ProfileServing::UserLevel, true) => {
                let user = history.user_features();
                self.fill_profile(block, |_| &user);
            }
            // A declared profile was cut down to the user's own values when it was drawn.
            (ProfileServing::UserLevel | ProfileServing::Full, _) => {
                self.fill_profile(block, |k| &by_kind[k])
            }
        }
    }

    /// Writes the profile's dimensions that hold for each candidate's kind.
    #[inline(always)]
    fn fill_profile<'p>(&self, block: &mut FeatureBlock, of_kind: impl Fn(usize) -> &'p ProfileFeatures) {
        // What fills up the last tile has a kind too; nobody looks at it.
        for (mut tile, kinds) in block.tiles_mut().zip(&self.kinds) {
            let [a, b, c, d] = *kinds;
            let of = |kind: u8| of_kind(kind as usize);
            tile.set_profiles([of(a), of(b), of(c), of(d)]);
        }
    }

    /// This step as a request would put it: what [`Self::advance`] and [`Self::serve_profile`] put into the
    /// block. Candidates are named `c0`, `c1`, ...
    pub fn request(&self, history: &History) -> RawRequest {
        let candidate = |k: usize| {
            let drawn = self.drawn(k);
            Candidate {
                id: format_smolstr!("c{k}"),
                kind: Some(self.stage.kinds[drawn.kind].as_str().into()),
                priority: Some(priority(drawn.priority)),
                due_in_days: DUE_DAYS.clone().nth(drawn.due).map(f64::from),
                effort_minutes: Some(f64::from(EFFORT_MINUTES[drawn.effort])),
                hour: drawn.meant_for.own_hour(),
            }
        };
        RawRequest {
            user: None,
            policy: None,
            seed: Some(self.seed),
            context: Context { hour: f64::from(self.moment.now) / 4.0, weekday: self.weekday() },
            candidates: (0..self.count).map(candidate).collect(),
            profile_features: self.served_profile(history),
        }
    }

    /// The profile as a request would carry it.
    fn served_profile(&self, history: &History) -> Option<Profile> {
        match (self.serving(), &self.character.profile) {
            (ProfileServing::Missing, _) => None,
            (serving, Some(profile)) => Some(serve(profile.clone(), serving, &self.stage.kinds)),
            (serving, None) => Some(serve(history.profile(&self.stage.kinds), serving, &self.stage.kinds)),
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

/// The kind whose values a misleading profile serves for `kind`, and towards which tastes change.
#[inline(always)]
pub(super) fn next_kind(kind: usize, kinds: usize) -> usize {
    if kind + 1 == kinds { 0 } else { kind + 1 }
}
