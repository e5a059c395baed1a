//! Shadows: policies that decide after the answer, seen by nobody and learning nothing.
//!
//! Their queue is bounded: what does not fit is left out and counted. What they choose goes into the store as decisions that
//! were not shown.

use super::metrics::Metrics;
use super::writer::Writer;
use crate::policy::Policy;
use crate::service::{ScoreCall, ScoreReply, Service};
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::oneshot;

/// So many decisions may wait to be shadowed.
const MAX_WAITING: usize = 4_096;
/// So many are shadowed together, at most.
const MAX_TOGETHER: usize = 128;

/// A decision that was answered, for shadows to make theirs.
pub(super) struct Shadowed {
    call: ScoreCall,
    decision: SmolStr,
    chosen: SmolStr,
}

impl Shadowed {
    pub(super) fn new(call: ScoreCall, reply: &ScoreReply) -> Self {
        Self { call, decision: reply.decision_id.clone(), chosen: reply.chosen.clone() }
    }
}

/// What waits for the shadows.
enum Work {
    Decision(Box<Shadowed>),
    /// Somebody waits until all that came before is done.
    Tell(oneshot::Sender<()>),
}

/// The shadows and the queue in front of them.
pub(super) struct Shadows {
    policies: Vec<Arc<Policy>>,
    queue: Sender<Work>,
    metrics: Arc<Metrics>,
}

/// The thread's side of the queue, to run.
pub(super) struct ShadowThread {
    policies: Vec<Arc<Policy>>,
    queue: Receiver<Work>,
    service: Arc<Service>,
    writer: Arc<Writer>,
    metrics: Arc<Metrics>,
}

impl Shadows {
    /// A queue in front of these policies.
    pub(super) fn new(
        policies: Vec<Arc<Policy>>,
        service: Arc<Service>,
        writer: Arc<Writer>,
        metrics: Arc<Metrics>,
    ) -> (Self, ShadowThread) {
        let (sender, queue) = mpsc::channel(MAX_WAITING);
        let thread = ShadowThread {
            policies: policies.clone(),
            queue,
            service,
            writer,
            metrics: Arc::clone(&metrics),
        };
        (Self { policies, queue: sender, metrics }, thread)
    }

    /// The policies.
    pub(super) fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// Whether they make a decision of their own for this call: not for one that is itself shown to nobody.
    pub(super) fn watches(&self, call: &ScoreCall) -> bool {
        !self.policies.is_empty() && call.request.shadow_of().is_none()
    }

    /// Waits until they have made their decisions of all that they were offered before.
    pub(super) async fn settled(&self) {
        let (told, done) = oneshot::channel();
        if !self.policies.is_empty() && self.queue.send(Work::Tell(told)).await.is_ok() {
            // A thread that has ended makes none any more.
            let _ = done.await;
        }
    }

    /// Lets them see decisions that were answered, as far as there is room.
    pub(super) fn offer(&self, decisions: Vec<Shadowed>) {
        for decision in decisions {
            if self.queue.try_send(Work::Decision(Box::new(decision))).is_err() {
                for policy in &self.policies {
                    self.metrics.shadow_dropped(policy.name());
                }
            }
        }
    }
}

impl ShadowThread {
    /// The thread: decides until nothing more can come.
    pub(super) fn run(mut self) {
        let mut batch = Vec::with_capacity(MAX_TOGETHER);
        while self.queue.blocking_recv_many(&mut batch, MAX_TOGETHER) > 0 {
            let (mut shown, mut waiting) = (Vec::with_capacity(batch.len()), Vec::new());
            for work in batch.drain(..) {
                match work {
                    Work::Decision(decision) => shown.push(*decision),
                    Work::Tell(told) => waiting.push(told),
                }
            }
            for policy in &self.policies {
                self.decide(policy, &shown);
            }
            for told in waiting {
                let _ = told.send(());
            }
        }
    }

    fn decide(&self, policy: &Arc<Policy>, shown: &[Shadowed]) {
        let calls: Vec<ScoreCall> =
            shown.iter().map(|shown| shown.call.shadowed(policy, &shown.decision)).collect();
        let decided = match self.service.decide(&calls) {
            Ok(decided) => decided,
            Err(error) => {
                tracing::warn!(%error, shadow = policy.name(), "a shadow cannot decide");
                shown.iter().for_each(|_| self.metrics.shadow_failed(policy.name()));
                return;
            }
        };
        for (decided, shown) in decided.into_iter().zip(shown) {
            match decided {
                Ok(decided) => {
                    let (reply, records) = decided.into_parts();
                    match self.writer.keep(records) {
                        Ok(()) => self.metrics.shadow_ran(policy.name(), reply.chosen == shown.chosen),
                        Err(_) => self.metrics.shadow_dropped(policy.name()),
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, shadow = policy.name(), "a shadow cannot decide");
                    self.metrics.shadow_failed(policy.name());
                }
            }
        }
    }
}
