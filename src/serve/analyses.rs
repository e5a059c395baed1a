//! What the users of experiments say, for the page: read from the store now and then, while somebody looks, by a thread of
//! its own.

use crate::base::error::Result;
use crate::evaluation::log::LabelledLog;
use crate::experiment::Experiment;
use crate::gate::live::{Analysis, AnalysisRequest, Dimension, analyze, epochs, rollout_history, rules_of};
use crate::service::Service;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between two readings.
const PERIOD: Duration = Duration::from_secs(60);

/// The latest analysis of each experiment, by key.
#[derive(Default)]
pub(super) struct Analyses(Mutex<Reading>);

#[derive(Default)]
struct Reading {
    began: Option<Instant>,
    is_running: bool,
    found: HashMap<String, Analysis>,
}

impl Analyses {
    fn locked(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest of an experiment.
    pub(super) fn of(&self, experiment: &str) -> Option<Analysis> {
        self.locked().found.get(experiment).cloned()
    }

    /// Begins to read, if it is time and nobody does.
    pub(super) fn look(self: &Arc<Self>, service: &Arc<Service>) {
        let mut reading = self.locked();
        let is_time = reading.began.is_none_or(|began| began.elapsed() >= PERIOD);
        if reading.is_running || !is_time || service.experiments().is_none() {
            return;
        }
        (reading.is_running, reading.began) = (true, Some(Instant::now()));
        drop(reading);
        let (own, service) = (Arc::clone(self), Arc::clone(service));
        let read = move || {
            let experiments =
                service.experiments().into_iter().flat_map(|active| active.experiments().iter());
            for experiment in experiments {
                match of_experiment(&service, experiment) {
                    Ok(analysis) => drop(own.locked().found.insert(experiment.key().to_string(), analysis)),
                    Err(error) => tracing::warn!(%error, experiment = %experiment.key(), "no analysis"),
                }
            }
            own.locked().is_running = false;
        };
        if thread::Builder::new().name("analyses".to_owned()).spawn(read).is_err() {
            self.locked().is_running = false;
        }
    }
}

fn of_experiment(service: &Service, experiment: &Experiment) -> Result<Analysis> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    let mut request = AnalysisRequest::new(Dimension::Variant, rules_of(experiment, now)?);
    if experiment.ramp().is_some() {
        request.epochs = epochs(&rollout_history(service.store(), experiment.key())?);
        request.rules.scope_ends = request.epochs.iter().map(|epoch| epoch.until).collect();
    }
    request.experiment = Some(experiment.clone());
    analyze(&LabelledLog::of_store(&service.shared_store()), &request)
}
