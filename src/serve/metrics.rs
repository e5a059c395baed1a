//! What is counted, as Prometheus and the page read it. Names of HTTP are OpenTelemetry's; labels take few values, and
//! none that a request makes up.

use crate::prompt::Generated;
use crate::service::ScoreReply;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Upper ends of the buckets for times, in seconds.
const BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0015, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
#[allow(clippy::struct_field_names, reason = "the names are OpenTelemetry's")]
struct HttpLabels {
    http_request_method: &'static str,
    http_route: String,
    http_response_status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PolicyLabels {
    policy: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    policy: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GenerationLabels {
    prompt_version: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    prompt_version: String,
    of: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LookupLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeatureLabels {
    feature: String,
}

/// What the store was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    /// To read states, and what decisions were made with them.
    Read,
    /// To commit decisions and rewards.
    Write,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What one policy did since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct PolicyTally {
    pub(super) decisions: u64,
    pub(super) explored: u64,
    /// The least probability with which anything was chosen, where it is known.
    pub(super) least_propensity: Option<f64>,
    pub(super) shadowed: u64,
    pub(super) agreed: u64,
    pub(super) not_shadowed: u64,
}

/// How long the requests to one route took since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct RouteTally {
    pub(super) count: u64,
    pub(super) failed: u64,
    /// By bucket; the last one is beyond all of them.
    buckets: [u64; BUCKETS.len() + 1],
}

impl RouteTally {
    /// The end of the bucket in which this share of the requests was done, in seconds; `None` beyond all buckets, or
    /// without requests.
    pub(super) fn within(&self, share: f64) -> Option<f64> {
        let wanted = (share * self.count as f64).ceil() as u64;
        let mut done = 0;
        let bucket = self.buckets.iter().position(|count| {
            done += count;
            done >= wanted && done > 0
        });
        BUCKETS.get(bucket?).copied()
    }
}

/// What is counted of one route: its histograms are looked up once, not for each request.
#[derive(Default)]
struct RouteMetrics {
    tally: RouteTally,
    /// By method and status.
    times: Vec<(&'static str, u16, Histogram)>,
}

/// What is counted of one policy, likewise.
#[derive(Default)]
struct PolicyMetrics {
    tally: PolicyTally,
    /// Its decisions and those that chance made, once there are any.
    decisions: Option<(Counter, Counter)>,
}

/// All of it.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<HttpLabels, Histogram>,
    active: Gauge,
    waiting: Gauge,
    decisions: Family<PolicyLabels, Counter>,
    explored: Family<PolicyLabels, Counter>,
    least_propensity: Family<PolicyLabels, Gauge<f64, AtomicU64>>,
    rewards: Family<OutcomeLabels, Counter>,
    refused: Family<RefusalLabels, Counter>,
    shadows: Family<OutcomeLabels, Counter>,
    agreements: Family<PolicyLabels, Counter>,
    store: Family<OperationLabels, Histogram>,
    generations: Family<GenerationLabels, Counter>,
    tokens: Family<TokenLabels, Counter>,
    lookups: Family<LookupLabels, Histogram>,
    refused_features: Family<FeatureLabels, Counter>,
    policies: Mutex<BTreeMap<SmolStr, PolicyMetrics>>,
    routes: Mutex<BTreeMap<String, RouteMetrics>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics with it")
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::new_with_constructor(histogram as fn() -> Histogram);
        let store = Family::new_with_constructor(histogram as fn() -> Histogram);
        let lookups = Family::new_with_constructor(histogram as fn() -> Histogram);
        let metrics = Self {
            requests,
            store,
            lookups,
            refused_features: Family::default(),
            active: Gauge::default(),
            waiting: Gauge::default(),
            decisions: Family::default(),
            explored: Family::default(),
            least_propensity: Family::default(),
            rewards: Family::default(),
            refused: Family::default(),
            shadows: Family::default(),
            agreements: Family::default(),
            generations: Family::default(),
            tokens: Family::default(),
            policies: Mutex::default(),
            routes: Mutex::default(),
            registry: Registry::default(),
        };
        registry.register_with_unit(
            "http_server_request_duration",
            "How long requests took",
            Unit::Seconds,
            metrics.requests.clone(),
        );
        registry.register("http_server_active_requests", "Requests in work", metrics.active.clone());
        registry.register("rehearsal_decisions", "Decisions that were answered", metrics.decisions.clone());
        registry.register(
            "rehearsal_explored_decisions",
            "Decisions that chance made, not the scores",
            metrics.explored.clone(),
        );
        registry.register(
            "rehearsal_least_propensity",
            "Least probability with which anything was chosen since the start",
            metrics.least_propensity.clone(),
        );
        registry.register(
            "rehearsal_rewards",
            "Rewards, learned or known already (duplicate)",
            metrics.rewards.clone(),
        );
        registry.register(
            "rehearsal_refused_rewards",
            "Rewards that were not learned, by the kind of problem",
            metrics.refused.clone(),
        );
        registry.register(
            "rehearsal_shadow_decisions",
            "Decisions of shadows: run, dropped for want of room, or failed",
            metrics.shadows.clone(),
        );
        registry.register(
            "rehearsal_shadow_agreements",
            "Decisions of shadows that chose what was shown",
            metrics.agreements.clone(),
        );
        registry.register_with_unit(
            "rehearsal_store_operation_duration",
            "How long the store took, with what was computed meanwhile",
            Unit::Seconds,
            metrics.store.clone(),
        );
        registry.register(
            "rehearsal_generations",
            "Calls for tips, written by a model or ready ones, by the reason",
            metrics.generations.clone(),
        );
        registry.register(
            "rehearsal_gateway_tokens",
            "Tokens that models took, as far as the gateway says it",
            metrics.tokens.clone(),
        );
        registry.register_with_unit(
            "rehearsal_profile_lookup_duration",
            "How long the feature store took to answer, or why it did not",
            Unit::Seconds,
            metrics.lookups.clone(),
        );
        registry.register(
            "rehearsal_refused_profile_features",
            "Values of the feature store that are of another type, or out of range",
            metrics.refused_features.clone(),
        );
        registry.register(
            "rehearsal_waiting_decisions",
            "Decisions that were answered and are yet to be kept",
            metrics.waiting.clone(),
        );
        Self { registry, ..metrics }
    }

    /// As Prometheus reads it; so many decisions wait to be kept.
    pub(super) fn text(&self, waiting: usize) -> String {
        self.waiting.set(waiting as i64);
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("a text takes whatever is written");
        out
    }

    /// A request came; it is over when what is returned is dropped.
    pub(super) fn begin(&self) -> impl Drop + use<> {
        struct Active(Gauge);
        impl Drop for Active {
            fn drop(&mut self) {
                self.0.dec();
            }
        }
        self.active.inc();
        Active(self.active.clone())
    }

    /// A request was answered.
    pub(super) fn answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let seconds = took.as_secs_f64();
        let mut routes = locked(&self.routes);
        if !routes.contains_key(route) {
            routes.insert(route.to_owned(), RouteMetrics::default());
        }
        let RouteMetrics { tally, times } = routes.get_mut(route).expect("it was just put there");
        let known = times.iter().position(|(of, with, _)| (*of, *with) == (method, status));
        let known = known.unwrap_or_else(|| {
            let labels = HttpLabels {
                http_request_method: method,
                http_route: route.to_owned(),
                http_response_status_code: status,
            };
            times.push((method, status, self.requests.get_or_create(&labels).clone()));
            times.len() - 1
        });
        times[known].2.observe(seconds);
        tally.count += 1;
        tally.failed += u64::from(status >= 500);
        let bucket = BUCKETS.iter().position(|end| seconds <= *end).unwrap_or(BUCKETS.len());
        tally.buckets[bucket] += 1;
    }

    /// The store took so long.
    pub(super) fn store(&self, operation: Operation, took: Duration) {
        self.store
            .get_or_create(&OperationLabels { operation: operation.name() })
            .observe(took.as_secs_f64());
    }

    /// A decision was made.
    pub(super) fn decided(&self, reply: &ScoreReply) {
        let labels = || PolicyLabels { policy: reply.policy.to_string() };
        let mut policies = locked(&self.policies);
        let PolicyMetrics { tally, decisions } = policies.entry(reply.policy.clone()).or_default();
        let (decisions, explored) = decisions.get_or_insert_with(|| {
            let labels = labels();
            (self.decisions.get_or_create(&labels).clone(), self.explored.get_or_create(&labels).clone())
        });
        decisions.inc();
        explored.inc_by(u64::from(reply.explored));
        tally.decisions += 1;
        tally.explored += u64::from(reply.explored);
        if let Some(least) = reply.propensity
            && tally.least_propensity.is_none_or(|known| least < known)
        {
            tally.least_propensity = Some(least);
            self.least_propensity.get_or_create(&labels()).set(least);
        }
    }

    /// The feature store was asked.
    pub(super) fn looked_up(&self, outcome: &'static str, took: Duration) {
        self.lookups.get_or_create(&LookupLabels { outcome }).observe(took.as_secs_f64());
    }

    /// The feature store has a value that cannot be.
    pub(super) fn refused_feature(&self, feature: &str) {
        self.refused_features.get_or_create(&FeatureLabels { feature: feature.to_owned() }).inc();
    }

    /// Tips were answered.
    pub(super) fn generated(&self, generated: &Generated) {
        let prompt_version = generated.prompt_version.to_string();
        let outcome = generated.unused.map_or("model", |reason| reason.name());
        let labels = GenerationLabels { prompt_version: prompt_version.clone(), outcome };
        self.generations.get_or_create(&labels).inc();
        let usage = generated.usage;
        for (of, tokens) in [("prompt", usage.prompt_tokens), ("completion", usage.completion_tokens)] {
            if let Some(tokens) = tokens.filter(|tokens| *tokens > 0) {
                let labels = TokenLabels { prompt_version: prompt_version.clone(), of };
                self.tokens.get_or_create(&labels).inc_by(tokens);
            }
        }
    }

    /// A reward was learned, or was known already.
    pub(super) fn rewarded(&self, policy: &str, is_duplicate: bool) {
        let outcome = if is_duplicate { "duplicate" } else { "learned" };
        self.rewards.get_or_create(&OutcomeLabels { policy: policy.to_owned(), outcome }).inc();
    }

    /// A reward was refused for a problem of this kind.
    pub(super) fn refused(&self, kind: &'static str) {
        self.refused.get_or_create(&RefusalLabels { kind }).inc();
    }

    /// A shadow decided, and chose what was shown or something else.
    pub(super) fn shadow_ran(&self, policy: &str, agreed: bool) {
        self.shadow(policy, "run");
        self.tally(policy, |tally| {
            tally.shadowed += 1;
            tally.agreed += u64::from(agreed);
        });
        if agreed {
            self.agreements.get_or_create(&PolicyLabels { policy: policy.to_owned() }).inc();
        }
    }

    /// A shadow did not decide, since there was no room.
    pub(super) fn shadow_dropped(&self, policy: &str) {
        self.shadow(policy, "dropped");
        self.tally(policy, |tally| tally.not_shadowed += 1);
    }

    /// A shadow could not decide.
    pub(super) fn shadow_failed(&self, policy: &str) {
        self.shadow(policy, "failed");
        self.tally(policy, |tally| tally.not_shadowed += 1);
    }

    fn shadow(&self, policy: &str, outcome: &'static str) {
        self.shadows.get_or_create(&OutcomeLabels { policy: policy.to_owned(), outcome }).inc();
    }

    fn tally(&self, policy: &str, change: impl FnOnce(&mut PolicyTally)) {
        change(&mut locked(&self.policies).entry(policy.into()).or_default().tally)
    }

    /// What a policy did since the start.
    pub(super) fn of_policy(&self, policy: &str) -> PolicyTally {
        locked(&self.policies).get(policy).map_or_else(PolicyTally::default, |own| own.tally)
    }

    /// How long the requests to each route took since the start.
    pub(super) fn by_route(&self) -> BTreeMap<String, RouteTally> {
        locked(&self.routes).iter().map(|(route, own)| (route.clone(), own.tally)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_done_within_the_bucket_that_reaches_it() {
        let metrics = Metrics::new();
        for millis in [0, 0, 0, 2] {
            metrics.answered("POST", "/score", 200, Duration::from_millis(millis));
        }
        metrics.answered("POST", "/reward", 503, Duration::from_secs(60));
        let routes = metrics.by_route();
        assert_eq!(routes["/score"].within(0.75), Some(0.0005));
        assert_eq!(routes["/score"].within(0.76), Some(0.0025));
        assert_eq!((routes["/reward"].within(0.5), routes["/reward"].failed), (None, 1));
        assert_eq!(RouteTally::default().within(0.5), None);
        let text = metrics.text(3);
        assert!(text.contains("rehearsal_waiting_decisions 3"), "{text}");
        let bucket = "http_server_request_duration_seconds_bucket{le=\"0.0005\",http_request_method=\"POST\"";
        assert!(text.contains(bucket), "{text}");
    }
}
