//! Upkeep: what is done now and then beside answering. State files are published, the store folds in its log,
//! and steps of rollouts are followed.

use super::writer::Writer;
use crate::service::Service;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Between two rounds.
const PERIOD: Duration = Duration::from_millis(250);
/// How far rollouts are is looked up this often: replicas follow a step within twice the time.
const ROLLOUT_PERIOD: Duration = Duration::from_secs(1);
/// A failure that lasts is said this often.
const REMINDER: Duration = Duration::from_secs(60);

/// The thread: one round after another until the other end of `stopped` is dropped, and then a last one.
pub(super) fn run(service: &Arc<Service>, writer: &Writer, stopped: &Receiver<()>) {
    let mut said: Option<Instant> = None;
    let mut looked = Instant::now();
    loop {
        let last = matches!(stopped.recv_timeout(PERIOD), Err(RecvTimeoutError::Disconnected));
        let published = if writer.has_learned() { service.publish() } else { Ok(()) };
        let followed = match service.experiments() {
            Some(experiments) if looked.elapsed() >= ROLLOUT_PERIOD => {
                looked = Instant::now();
                experiments.refresh(service.store())
            }
            _ => Ok(()),
        };
        for done in [published, service.store().upkeep(), followed] {
            if let Err(error) = done
                && said.is_none_or(|said| said.elapsed() >= REMINDER)
            {
                tracing::warn!(%error, "what was learned is in the store; its upkeep failed");
                said = Some(Instant::now());
            }
        }
        if last {
            return;
        }
    }
}
