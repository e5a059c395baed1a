//! What users say of experiments and prompt versions, for the page: read from the store now and then, while somebody looks,
//! by a thread of its own.

use crate::base::error::Result;
use crate::evaluation::log::LabelledLog;
use crate::experiment::Experiment;
use crate::gate::live::{
    Analysis, AnalysisRequest, Grouping, LiveMetric, ObservationRules, analyze, epochs, rollout_history,
    rules_of,
};
use crate::service::Service;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between two readings, at least.
const PERIOD: Duration = Duration::from_secs(60);
/// And so many times as long as one takes: a store of any size is read in a twentieth of the time.
const REST: u32 = 20;

/// The latest analyses.
#[derive(Default)]
pub(super) struct Analyses(Mutex<Reading>);

#[derive(Default)]
struct Reading {
    /// The next one is not before; `None` before the first.
    next: Option<Instant>,
    is_running: bool,
    by_experiment: HashMap<String, Analysis>,
    by_prompt_version: Option<Analysis>,
}

impl Analyses {
    fn locked(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest of an experiment.
    pub(super) fn of(&self, experiment: &str) -> Option<Analysis> {
        self.locked().by_experiment.get(experiment).cloned()
    }

    /// The latest by prompt version, if decisions have any.
    pub(super) fn by_prompt_version(&self) -> Option<Analysis> {
        self.locked().by_prompt_version.clone()
    }

    /// Begins to read, if it is time and nobody does.
    pub(super) fn look(self: &Arc<Self>, service: &Arc<Service>) {
        let mut reading = self.locked();
        if reading.is_running || reading.next.is_some_and(|next| Instant::now() < next) {
            return;
        }
        reading.is_running = true;
        drop(reading);
        let (own, service) = (Arc::clone(self), Arc::clone(service));
        let read = move || {
            let began = Instant::now();
            let experiments =
                service.experiments().into_iter().flat_map(|active| active.experiments().iter());
            for experiment in experiments {
                match of_experiment(&service, experiment) {
                    Ok(analysis) => {
                        own.locked().by_experiment.insert(experiment.key().to_string(), analysis);
                    }
                    Err(error) => tracing::warn!(%error, experiment = %experiment.key(), "no analysis"),
                }
            }
            match of_prompt_versions(&service) {
                Ok(analysis) => own.locked().by_prompt_version = analysis,
                Err(error) => tracing::warn!(%error, "no analysis by prompt version"),
            }
            let mut reading = own.locked();
            reading.next = Some(Instant::now() + PERIOD.max(began.elapsed() * REST));
            reading.is_running = false;
        };
        if thread::Builder::new().name("analyses".to_owned()).spawn(read).is_err() {
            self.locked().is_running = false;
        }
    }
}

/// Now, in milliseconds since 1970.
fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

/// As `rehearsal analyze --by prompt_version` has them; `None` where no decision has one.
fn of_prompt_versions(service: &Service) -> Result<Option<Analysis>> {
    let rules = ObservationRules::new(LiveMetric::Reward, now_ms());
    let request = AnalysisRequest::new(Grouping::PromptVersion, rules);
    let analysis = analyze(&LabelledLog::of_store(&service.shared_store()), &request)?;
    Ok(Some(analysis).filter(|analysis| !analysis.groups.is_empty()))
}

fn of_experiment(service: &Service, experiment: &Experiment) -> Result<Analysis> {
    let mut request = AnalysisRequest::new(Grouping::Variant, rules_of(experiment, now_ms())?);
    if experiment.ramp().is_some() {
        request.epochs = epochs(&rollout_history(service.store(), experiment.key())?);
        request.rules.scope_ends = request.epochs.iter().map(|epoch| epoch.until).collect();
    }
    request.experiment = Some(experiment.clone());
    analyze(&LabelledLog::of_store(&service.shared_store()), &request)
}
