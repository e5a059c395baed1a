//! Tips for who asks: calls to a gateway wait here, so many at once and no more, and hold no thread.

use super::metrics::Metrics;
use super::problem::Problem;
use super::profile_lookups::{ProfileLookups, Profiled};
use crate::base::error::Result;
use crate::domain::profile::Profile;
use crate::domain::{Domain, ProfileCompletion};
use crate::model::feast::ProfileKey;
use crate::policy::DecisionRng;
use crate::prompt::{
    Allowance, Gateway, Generated, Generator, Prepared, Signals, UnusedReason, Usage, recent_tips,
};
use crate::service::Service;
use crate::store::Store;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};

/// The prompts, the gateway, and the room for calls that wait for it.
pub(super) struct Generations {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    lookups: Arc<ProfileLookups>,
}

/// A call that is accepted: its signals, and a place at the gateway, if there is one.
struct Accepted {
    signals: Signals,
    permit: Option<OwnedSemaphorePermit>,
    /// What came of asking a feature store for the profile.
    lookup: Option<&'static str>,
}

impl Profiled for Accepted {
    fn domain(&self) -> &'static Domain {
        Domain::tips()
    }

    fn wanted(&self) -> Option<ProfileKey> {
        let Self { signals, .. } = self;
        let key = || ProfileKey {
            user: signals.user().into(),
            kinds: signals.kinds().iter().map(|kind| kind.as_str().into()).collect(),
        };
        Profile::lacks(signals.profile()).then(key)
    }

    fn complete(&mut self, known: &ProfileCompletion) {
        self.signals.complete_profile(known);
    }

    fn mark(&mut self, lookup: &'static str) {
        self.lookup = Some(lookup);
    }
}

struct Shared {
    generator: Generator,
    service: Arc<Service>,
    metrics: Arc<Metrics>,
}

impl Generations {
    pub(super) fn new(
        generator: Generator,
        service: Arc<Service>,
        metrics: Arc<Metrics>,
        lookups: Arc<ProfileLookups>,
    ) -> Self {
        let room = generator.gateway().map_or(0, Gateway::concurrency);
        Self {
            shared: Arc::new(Shared { generator, service, metrics }),
            room: Arc::new(Semaphore::new(room)),
            lookups,
        }
    }

    /// Longest time that the gateway may take.
    pub(super) fn time_limit(&self) -> Duration {
        self.shared.generator.gateway().map_or(Duration::ZERO, Gateway::time_limit)
    }

    /// Tips for each call, in their order, or the problem with it.
    pub(super) async fn answer(
        &self,
        calls: &[(&[u8], Cow<'static, str>)],
    ) -> Vec<Result<Generated, Problem>> {
        let mut answers: Vec<Option<Result<Generated, Problem>>> = Vec::with_capacity(calls.len());
        let mut accepted: Vec<_> = calls.iter().map(|(text, origin)| self.accept(text, origin)).collect();
        self.lookups.complete(accepted.iter_mut().flatten()).await;
        // Who goes away takes what is still to be answered along.
        let mut waiting = JoinSet::new();
        for (i, (accepted, (_, origin))) in accepted.into_iter().zip(calls).enumerate() {
            answers.push(None);
            match accepted {
                Err(problem) => answers[i] = Some(Err(problem)),
                Ok(Accepted { signals, permit, lookup }) => {
                    let (shared, origin) = (Arc::clone(&self.shared), origin.clone());
                    waiting.spawn(async move {
                        let mut answer = shared.generate(signals, &origin).await;
                        drop(permit);
                        if let (Ok(generated), Some(lookup @ ("unavailable" | "refused"))) =
                            (&mut answer, lookup)
                        {
                            generated
                                .warnings
                                .push(format!("profile features: the feature store's are {lookup}"));
                        }
                        (i, answer)
                    });
                }
            }
        }
        while let Some(done) = waiting.join_next().await {
            if let Ok((i, answer)) = done {
                answers[i] = Some(answer);
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(Problem::stopping()))).collect()
    }

    /// The signals of a call, its version known, and a place at the gateway.
    fn accept(&self, text: &[u8], origin: &str) -> Result<Accepted, Problem> {
        let generator = &self.shared.generator;
        let signals = Signals::from_json(text, origin, None, None, clock_ms()).and_then(|signals| {
            let experiments = self.shared.service.experiments();
            let given = experiments.and_then(|all| all.prompt_version(signals.user(), signals.profile()));
            let signals = signals.or_prompt_version(given);
            generator.prompts().select(signals.prompt_version(), signals.user(), origin)?;
            Ok(signals)
        });
        let signals = signals.map_err(|error| Problem::from(&error))?;
        if generator.gateway().is_none() {
            return Ok(Accepted { signals, permit: None, lookup: None });
        }
        let permit = Arc::clone(&self.room).try_acquire_owned();
        let permit = permit.map_err(|_| Problem::later("too many calls wait for the gateway"))?;
        Ok(Accepted { signals, permit: Some(permit), lookup: None })
    }
}

impl Shared {
    async fn generate(self: Arc<Self>, signals: Signals, origin: &str) -> Result<Generated, Problem> {
        let generated = self.generated(signals, origin).await.map_err(|error| Problem::from(&error))?;
        self.metrics.generated(&generated);
        // Neither what a person wrote nor what a gateway said is in a reason.
        if let Some(reason) = generated.unused.filter(|reason| *reason != UnusedReason::NoGateway) {
            let (prompt, reason) = (generated.prompt_version.as_str(), reason.name());
            tracing::warn!(prompt, reason, "ready tips answered in the place of a model");
        }
        Ok(generated)
    }

    async fn generated(self: &Arc<Self>, signals: Signals, origin: &str) -> Result<Generated> {
        let seed = signals.seed().map_or_else(DecisionRng::fresh_seed, Ok)?;
        let most = self.generator.gateway().and_then(Gateway::tokens_per_day);
        let own = origin.to_owned();
        let (prepared, allowance) = self
            .on_store(move |shared, store| {
                let stored = recent_tips(store, signals.user(), signals.now_ms())?;
                let prepared = shared.generator.prepare(signals, &stored, &own)?;
                let reserve = |most| Allowance::reserve(store, &prepared, clock_ms(), most);
                let allowance = most.map(reserve).transpose()?;
                Ok::<(Prepared, Option<Option<Allowance>>), crate::base::error::Error>((prepared, allowance))
            })
            .await?;
        let allowance = match (allowance, most) {
            (Some(None), Some(tokens)) => {
                let call = prepared.estimate();
                return prepared.ready(UnusedReason::Budget { tokens, call }, Usage::NONE);
            }
            (allowance, _) => allowance.flatten(),
        };
        let generated = self.generator.generate(&prepared, seed).await?;
        if let Some(allowance) = allowance {
            let usage = generated.usage;
            self.on_store(move |_, store| allowance.settle(store, usage)).await?;
        }
        Ok(generated)
    }

    /// Works with the store where that takes microseconds and writes nothing, else on a thread that may wait.
    async fn on_store<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self, &dyn Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let writes = self.generator.gateway().is_some_and(|gateway| gateway.tokens_per_day().is_some());
        if self.service.store().reads_at_once() && !writes {
            return work(self, self.service.store());
        }
        let own = Arc::clone(self);
        spawn_blocking(move || work(&own, own.service.store())).await.expect("nothing panics in it")
    }
}

/// The clock, in milliseconds since 1970.
fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
