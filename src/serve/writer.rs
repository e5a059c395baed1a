//! Writing: one thread keeps decisions that were answered, and learns rewards before they are.
//!
//! Whatever has come since its last transaction goes into the next one, decisions first: a reward whose decision is still
//! in this queue finds it, and rewards of one moment share a sync of the disk. The queue is bounded. What is in it
//! stays in it while the store cannot be written, and what does not fit is refused before it is answered.

use super::metrics::{Metrics, Operation};
use super::problem::Problem;
use super::rewards_over_time::RewardsOverTime;
use crate::base::error::Result;
use crate::service::{Reset, RewardCall, RewardReply, Service};
use crate::store::{DecisionRecord, Durability};
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Decisions that wait to be kept take at most so much memory, in bytes.
const MAX_DECISION_BYTES: usize = 64 << 20;
/// What a decision takes beside its texts, in bytes.
const DECISION_BYTES: usize = 384;
/// So many rewards and resets may wait.
const MAX_WORK: usize = 4_096;
/// So many rewards are learned in one transaction, at most.
const MAX_TOGETHER: usize = 1_024;
/// Decisions alone wait so long for others to share a transaction. Each transaction writes the same few pages again and has
/// all readers forget theirs, so that fewer ones cost less; what is answered meanwhile is lost if the process is killed.
const LINGER: Duration = Duration::from_millis(10);
/// So many decisions wait for no others.
const ENOUGH: usize = 512;
/// Between two attempts at a store that cannot be written.
const PAUSE: Duration = Duration::from_millis(200);

/// What a caller waits for.
pub(super) type Reply<T> = oneshot::Sender<T>;
/// Replies to several calls.
pub(super) type Replies<T> = Vec<Result<T, Problem>>;
/// It is told whether decisions are kept.
pub(super) type Acknowledge = Box<dyn FnOnce(Result<(), Problem>) + Send>;

/// What somebody waits for.
enum Work {
    Rewards { calls: Vec<RewardCall>, reply: Reply<Result<Replies<RewardReply>, Problem>> },
    Forget { user: SmolStr, policy: Option<SmolStr>, erase: bool, reply: Reply<Result<Reset, Problem>> },
}

#[derive(Default)]
struct Pending {
    decisions: Vec<DecisionRecord>,
    /// Memory of the decisions here and of those that the thread has in hand.
    bytes: usize,
    acknowledge: Vec<Acknowledge>,
    work: VecDeque<Work>,
    closed: bool,
    /// Whether the thread sleeps until it is woken; otherwise it looks here again by itself.
    is_asleep: bool,
}

impl Pending {
    fn add(&mut self, decisions: Vec<DecisionRecord>) -> Result<(), Problem> {
        let bytes: usize = decisions.iter().map(size).sum();
        // However large it is, one always fits into an empty queue.
        if self.bytes > 0 && self.bytes + bytes > MAX_DECISION_BYTES {
            return Err(Problem::later("too many decisions wait to be kept"));
        }
        self.bytes += bytes;
        self.decisions.extend(decisions);
        Ok(())
    }
}

/// What is taken from the queue for one transaction.
struct Round {
    decisions: Vec<DecisionRecord>,
    acknowledge: Vec<Acknowledge>,
    work: Vec<Work>,
}

/// The queue in front of the store, and the thread's side of it.
pub(super) struct Writer {
    service: Arc<Service>,
    metrics: Arc<Metrics>,
    rewards: Arc<RewardsOverTime>,
    pending: Mutex<Pending>,
    arrived: Condvar,
    /// Whether the last attempt to write failed.
    failing: AtomicBool,
    /// Whether states have changed since their files were published.
    learned: AtomicBool,
}

impl Writer {
    pub(super) fn new(service: Arc<Service>, metrics: Arc<Metrics>, rewards: Arc<RewardsOverTime>) -> Self {
        Self {
            service,
            metrics,
            rewards,
            pending: Mutex::default(),
            arrived: Condvar::new(),
            failing: AtomicBool::new(false),
            learned: AtomicBool::new(true),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().expect("nothing panics with it")
    }

    /// Whether the store could be written when that was last tried.
    pub(super) fn is_writing(&self) -> bool {
        !self.failing.load(Ordering::Relaxed)
    }

    /// How many decisions wait to be kept.
    pub(super) fn waiting(&self) -> usize {
        self.pending().decisions.len()
    }

    /// Whether states have changed since this was asked last.
    pub(super) fn has_learned(&self) -> bool {
        self.learned.swap(false, Ordering::Relaxed)
    }

    /// Has decisions kept soon.
    ///
    /// # Errors
    /// A full queue; then they are not kept, and must not be answered.
    pub(super) fn keep(&self, decisions: Vec<DecisionRecord>) -> Result<(), Problem> {
        let mut pending = self.pending();
        let waited = pending.decisions.len();
        pending.add(decisions)?;
        // To wake somebody takes longer than to decide: it is done for the first decision after a pause, and for the one with
        // which there are enough.
        let has_enough = waited < ENOUGH && pending.decisions.len() >= ENOUGH;
        let wakes = mem::take(&mut pending.is_asleep) || has_enough;
        drop(pending);
        if wakes {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Has decisions kept, and tells when they are safe from a power cut; or that they are not kept.
    pub(super) fn keep_and_tell(&self, decisions: Vec<DecisionRecord>, acknowledge: Acknowledge) {
        let mut pending = self.pending();
        match pending.add(decisions) {
            Ok(()) => pending.acknowledge.push(acknowledge),
            Err(problem) => {
                drop(pending);
                return acknowledge(Err(problem));
            }
        }
        drop(pending);
        self.arrived.notify_one();
    }

    /// Learns, and answers once that is committed.
    pub(super) async fn learn(&self, calls: Vec<RewardCall>) -> Result<Replies<RewardReply>, Problem> {
        let (reply, answer) = oneshot::channel();
        self.push(Work::Rewards { calls, reply })?;
        answer.await.unwrap_or_else(|_| Err(Problem::stopping()))
    }

    /// Forgets a user.
    pub(super) async fn forget(
        &self,
        user: SmolStr,
        policy: Option<SmolStr>,
        erase: bool,
    ) -> Result<Reset, Problem> {
        let (reply, answer) = oneshot::channel();
        self.push(Work::Forget { user, policy, erase, reply })?;
        answer.await.unwrap_or_else(|_| Err(Problem::stopping()))
    }

    fn push(&self, work: Work) -> Result<(), Problem> {
        let mut pending = self.pending();
        if pending.closed {
            return Err(Problem::stopping());
        }
        if pending.work.len() >= MAX_WORK {
            return Err(Problem::later("too many rewards wait to be learned"));
        }
        pending.work.push_back(work);
        drop(pending);
        self.arrived.notify_one();
        Ok(())
    }

    /// Has the thread end once nothing waits.
    pub(super) fn close(&self) {
        self.pending().closed = true;
        self.arrived.notify_one();
    }

    /// The thread: writes until the queue is closed and empty. How many decisions could not be kept.
    pub(super) fn run(&self) -> usize {
        let mut unkept: Vec<DecisionRecord> = Vec::new();
        while let Some(mut round) = self.next(!unkept.is_empty()) {
            round.decisions.splice(0..0, mem::take(&mut unkept));
            unkept = self.write(round);
            if !unkept.is_empty() {
                let pending = self.pending();
                if pending.closed && pending.work.is_empty() {
                    break;
                }
            }
        }
        unkept.len()
    }

    /// What there is to write, once there is something; `None` when there will be nothing more. With `again` it is worth
    /// another attempt after a pause.
    fn next(&self, again: bool) -> Option<Round> {
        let mut pending = self.pending();
        let patience = if again { PAUSE } else { LINGER };
        let mut since = Instant::now();
        loop {
            let urgent = !pending.work.is_empty() || !pending.acknowledge.is_empty() || pending.closed;
            if urgent || pending.decisions.len() >= ENOUGH && !again {
                break;
            }
            let left = patience.saturating_sub(since.elapsed());
            if !left.is_zero() {
                pending = self.arrived.wait_timeout(pending, left).expect("nothing panics with it").0;
            } else if again || !pending.decisions.is_empty() {
                break;
            } else {
                pending.is_asleep = true;
                pending = self.arrived.wait(pending).expect("nothing panics with it");
                pending.is_asleep = false;
                since = Instant::now();
            }
        }
        if pending.closed && pending.work.is_empty() && pending.decisions.is_empty() && !again {
            return None;
        }
        let (mut work, mut calls) = (Vec::new(), 0);
        while let Some(next) = pending.work.front() {
            match next {
                Work::Rewards { calls: more, .. } if calls == 0 || calls + more.len() <= MAX_TOGETHER => {
                    calls += more.len();
                    work.extend(pending.work.pop_front());
                }
                // A reset has a turn of its own, after what came before it.
                Work::Forget { .. } if work.is_empty() => {
                    work.extend(pending.work.pop_front());
                    break;
                }
                _ => break,
            }
        }
        // The next ones will be about as many.
        let room = Vec::with_capacity(pending.decisions.len());
        let decisions = mem::replace(&mut pending.decisions, room);
        Some(Round { decisions, acknowledge: mem::take(&mut pending.acknowledge), work })
    }

    /// Writes and answers; what is to be tried again.
    fn write(&self, round: Round) -> Vec<DecisionRecord> {
        let Round { decisions, acknowledge, work } = round;
        let (mut calls, mut replies, mut forget) = (Vec::new(), Vec::new(), None);
        for work in work {
            match work {
                // Nobody waits for it any more: whoever sent it sends it again.
                Work::Rewards { reply, .. } if reply.is_closed() => {}
                Work::Rewards { calls: more, reply } => {
                    replies.push((more.len(), reply));
                    calls.extend(more);
                }
                Work::Forget { user, policy, erase, reply } => forget = Some((user, policy, erase, reply)),
            }
        }
        let durability = if acknowledge.is_empty() { Durability::Process } else { Durability::Power };
        let mut unkept = Vec::new();
        let learned = if decisions.is_empty() && calls.is_empty() {
            Ok(Vec::new())
        } else {
            let bytes: usize = decisions.iter().map(size).sum();
            let started = Instant::now();
            let written = self.commit(durability, &decisions, &calls);
            self.metrics.store(Operation::Write, started.elapsed());
            self.failing.store(written.is_err(), Ordering::Relaxed);
            // A decision that was acknowledged as refused must not be in the log.
            if written.is_ok() || !acknowledge.is_empty() {
                self.pending().bytes -= bytes;
            } else {
                unkept = decisions;
            }
            written
        };
        let learned = learned.map_err(|error| Problem::from(&error));
        for acknowledge in acknowledge {
            acknowledge(learned.as_ref().map(drop).map_err(Problem::clone));
        }
        match learned {
            Err(problem) => {
                for (_, reply) in replies {
                    let _ = reply.send(Err(problem.clone()));
                }
                if let Some((.., reply)) = forget {
                    let _ = reply.send(Err(problem));
                }
            }
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                for (count, reply) in replies {
                    let outcomes = outcomes.by_ref().take(count);
                    let outcomes = outcomes.map(|outcome| self.learned(outcome)).collect();
                    let _ = reply.send(Ok(outcomes));
                }
                if let Some((user, policy, erase, reply)) = forget {
                    let policy = policy.as_deref();
                    let reset = if erase {
                        self.service.erase(&user, policy)
                    } else {
                        self.service.reset(&user, policy)
                    };
                    let _ = reply.send(reset.map_err(|error| Problem::from(&error)));
                }
            }
        }
        unkept
    }

    /// Commits all of it together; or what is sound of it, if something in it is not.
    fn commit(
        &self,
        durability: Durability,
        decisions: &[DecisionRecord],
        calls: &[RewardCall],
    ) -> Result<Vec<Result<RewardReply>>> {
        let together: Vec<&DecisionRecord> = decisions.iter().collect();
        let written = self.service.commit(durability, &together, calls);
        if !written
            .as_ref()
            .is_err_and(|error| !error.kind().is_transient() && calls.len() + decisions.len() > 1)
        {
            return written;
        }
        // What is wrong with one state or decision is no reason to refuse those of others.
        for decision in together {
            match self.service.commit(durability, &[decision], &[]) {
                Err(error) if !error.kind().is_transient() => {
                    tracing::error!(%error, decision = %decision.id, "a decision cannot be kept");
                }
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        calls
            .iter()
            .map(|call| match self.service.commit(durability, &[], std::slice::from_ref(call)) {
                Ok(mut replies) => Ok(replies.remove(0)),
                Err(error) if !error.kind().is_transient() => Ok(Err(error)),
                Err(error) => Err(error),
            })
            .collect()
    }

    fn learned(&self, outcome: Result<RewardReply>) -> Result<RewardReply, Problem> {
        let reply = outcome.map_err(|error| {
            let problem = Problem::from(&error);
            self.metrics.refused(problem.kind());
            problem
        })?;
        self.metrics.rewarded(&reply.policy, reply.duplicate);
        if !reply.duplicate {
            self.rewards.add(&reply.policy, reply.reward);
            self.learned.store(true, Ordering::Relaxed);
        }
        Ok(reply)
    }
}

/// Memory that a decision takes while it waits, in bytes.
fn size(decision: &DecisionRecord) -> usize {
    let texts = [decision.request.len(), decision.scores.len(), decision.user.len(), decision.chosen.len()];
    DECISION_BYTES + texts.iter().sum::<usize>() + decision.propensities.as_ref().map_or(0, String::len)
}
