//! What requests do not say of the profile, from a feature store: one call for all of a body, and never a failure.

use super::metrics::Metrics;
use crate::domain::{Domain, ProfileCompletion};
use crate::model::feast::{Feast, FeastFailure, FetchedProfile, ProfileKey};
use crate::service::UserRequest;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A failure that lasts is said this often.
const REMINDER: Duration = Duration::from_secs(60);

/// Something that a profile belongs to, which may lack a part of it.
pub(super) trait Profiled {
    /// By which inputs the profile is said.
    fn domain(&self) -> &'static Domain;

    /// Whose features are wanted; `None` where nothing is missing.
    fn wanted(&self) -> Option<ProfileKey>;

    /// Fills in what is missing.
    fn complete(&mut self, known: &ProfileCompletion);

    /// Says what came of it.
    fn mark(&mut self, lookup: &'static str);
}

impl Profiled for UserRequest {
    fn domain(&self) -> &'static Domain {
        self.request.domain()
    }

    fn wanted(&self) -> Option<ProfileKey> {
        let key = || ProfileKey {
            user: self.user.clone(),
            kinds: self.request.kinds().into_iter().cloned().collect(),
        };
        self.request.lacks_profile().then(key)
    }

    fn complete(&mut self, known: &ProfileCompletion) {
        self.request.complete(known);
    }

    fn mark(&mut self, lookup: &'static str) {
        self.profile_lookup = Some(lookup.into());
    }
}

/// A feature store, if there is one, and how it fares.
pub(super) struct ProfileLookups {
    feast: Option<Feast>,
    metrics: Arc<Metrics>,
    /// When it was last said that it fails; `None` while it answers.
    said: Mutex<Option<Instant>>,
}

impl ProfileLookups {
    pub(super) fn new(feast: Option<Feast>, metrics: Arc<Metrics>) -> Self {
        Self { feast, metrics, said: Mutex::default() }
    }

    /// Fills in what these lack, as far as the feature store answers within its time limit.
    pub(super) async fn complete<'a, P: Profiled + 'a>(&self, all: impl Iterator<Item = &'a mut P>) {
        let Some(feast) = &self.feast else { return };
        let mut lacking: Vec<_> = all.filter_map(|one| Some((one.wanted()?, one))).collect();
        // In practice they are all of one domain.
        while let Some((_, first)) = lacking.first() {
            let domain = first.domain();
            let (own, others): (Vec<_>, Vec<_>) =
                lacking.into_iter().partition(|(_, one)| one.domain() == domain);
            lacking = others;
            let (keys, own): (Vec<ProfileKey>, Vec<_>) = own.into_iter().unzip();
            let started = Instant::now();
            let fetched = feast.fetch(domain, &keys).await;
            let outcome = fetched.as_ref().map_or_else(|failure| failure.name(), |_| "answered");
            self.metrics.looked_up(outcome, started.elapsed());
            match fetched {
                Ok(profiles) => {
                    self.answered();
                    for (one, profile) in own.into_iter().zip(profiles) {
                        one.complete(&profile.known);
                        one.mark(self.outcome(&profile));
                    }
                }
                Err(failure) => {
                    self.failed(failure);
                    own.into_iter().for_each(|one| one.mark("unavailable"));
                }
            }
        }
    }

    /// What a profile that was fetched is called in a decision.
    fn outcome(&self, profile: &FetchedProfile) -> &'static str {
        profile.refused.iter().for_each(|name| self.metrics.refused_feature(name));
        match (profile.refused.is_empty(), profile.known.is_empty()) {
            (false, _) => "refused",
            (true, true) => "unknown",
            (true, false) => "completed",
        }
    }

    fn answered(&self) {
        if self.said.lock().expect("nothing panics with it").take().is_some() {
            tracing::info!("the feature store answers again");
        }
    }

    fn failed(&self, failure: FeastFailure) {
        let mut said = self.said.lock().expect("nothing panics with it");
        if said.is_none_or(|said| said.elapsed() >= REMINDER) {
            let reason = failure.name();
            tracing::warn!(reason, "the feature store does not answer: decisions are made without it");
            *said = Some(Instant::now());
        }
    }
}
