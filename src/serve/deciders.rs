//! Deciding: where the request is, if the store is read at once; otherwise by threads, which take the calls that came
//! meanwhile and read one moment of the store for all of them.

use super::metrics::{Metrics, Operation};
use super::problem::Problem;
use super::shadows::{Shadowed, Shadows};
use super::writer::{Replies, Reply, Writer};
use crate::base::error::Result;
use crate::service::{Decided, ScoreCall, ScoreReply, Service};
use crate::store::DecisionRecord;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::mpsc::{self, Receiver, Sender, error::TrySendError};
use tokio::sync::oneshot;

/// So many requests may wait for each thread.
const MAX_WAITING: usize = 1_024;
/// A request with so many candidates in all its calls is no work to speak of: some tens of microseconds.
const MAX_CANDIDATES_HERE: usize = 512;
/// So many requests are decided together, at most.
const MAX_TOGETHER: usize = 128;

/// The calls of a request.
pub(super) struct Job {
    calls: Vec<ScoreCall>,
    reply: Reply<Result<Replies<ScoreReply>, Problem>>,
}

/// What a thread works with.
#[derive(Clone)]
pub(super) struct Lane {
    pub(super) service: Arc<Service>,
    pub(super) writer: Arc<Writer>,
    pub(super) shadows: Arc<Shadows>,
    pub(super) metrics: Arc<Metrics>,
    /// Whether answers wait until their decisions are safe.
    pub(super) durable: bool,
}

/// Who decides: threads, by the queues in front of them, in turn.
pub(super) struct Deciders {
    /// Whoever asks does, for requests that are no work to speak of, if the store is read at once.
    here: Option<Lane>,
    queues: Vec<Sender<Job>>,
    next: AtomicUsize,
}

/// A thread's side of a queue, to run.
pub(super) struct Decider {
    lane: Lane,
    jobs: Receiver<Job>,
}

impl Deciders {
    /// So many threads, which are to be run. Where neither the store nor a program has to be waited for, whoever asks
    /// decides most.
    pub(super) fn new(lane: &Lane, threads: usize) -> (Self, Vec<Decider>) {
        let asks_programs = lane.service.policies().given().iter().any(|policy| policy.program().is_some());
        let here = (lane.service.store().reads_at_once() && !asks_programs).then(|| lane.clone());
        let (queues, deciders) = (0..threads)
            .map(|_| {
                let (queue, jobs) = mpsc::channel(MAX_WAITING);
                (queue, Decider { lane: lane.clone(), jobs })
            })
            .unzip();
        (Self { here, queues, next: AtomicUsize::new(0) }, deciders)
    }

    /// Decides, and answers at once.
    pub(super) async fn decide(&self, calls: Vec<ScoreCall>) -> Result<Replies<ScoreReply>, Problem> {
        // What takes long would hold up all that the same thread answers, and no limit on its time would be looked at.
        let here = self.here.as_ref().filter(|_| {
            let candidates = calls.iter().map(|call| call.request.candidates().len()).sum::<usize>();
            candidates <= MAX_CANDIDATES_HERE
        });
        if let Some(lane) = here.filter(|lane| !lane.durable) {
            return lane.decide_at_once(calls);
        }
        let (reply, answer) = oneshot::channel();
        let job = Job { calls, reply };
        match here {
            Some(lane) => lane.answer(&mut vec![job]),
            None => self.queue(job)?,
        }
        answer.await.unwrap_or_else(|_| Err(Problem::stopping()))
    }

    /// Gives a request to a thread.
    fn queue(&self, job: Job) -> Result<(), Problem> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut waiting = Some(job);
        for i in 0..self.queues.len() {
            let Some(job) = waiting.take() else { break };
            let queue = &self.queues[first.wrapping_add(i) % self.queues.len()];
            if let Err(TrySendError::Full(back) | TrySendError::Closed(back)) = queue.try_send(job) {
                waiting = Some(back);
            }
        }
        match waiting {
            Some(_) => Err(Problem::later("too many requests wait to be decided")),
            None => Ok(()),
        }
    }
}

impl Decider {
    /// The thread: decides until nobody can ask any more.
    pub(super) fn run(mut self) {
        let mut jobs = Vec::with_capacity(MAX_TOGETHER);
        while self.jobs.blocking_recv_many(&mut jobs, MAX_TOGETHER) > 0 {
            // Who has gone away is shown nothing, and so there is no decision.
            jobs.retain(|job| !job.reply.is_closed());
            self.lane.answer(&mut jobs);
        }
    }
}

/// What became of the calls of a request.
struct Concluded {
    replies: Replies<ScoreReply>,
    records: Vec<DecisionRecord>,
    shadowed: Vec<Shadowed>,
}

impl Lane {
    /// Decides the calls of one request, for an answer that does not wait for the disk.
    fn decide_at_once(&self, calls: Vec<ScoreCall>) -> Result<Replies<ScoreReply>, Problem> {
        let decided = self.decide(&calls)?;
        let Concluded { replies, records, shadowed } = self.concluded(calls.into_iter(), decided.into_iter());
        if !records.is_empty() {
            self.writer.keep(records)?;
        }
        self.shadows.offer(shadowed);
        Ok(replies)
    }

    fn answer(&self, jobs: &mut Vec<Job>) {
        let mut calls = Vec::with_capacity(jobs.len());
        let replies: Vec<_> = jobs
            .drain(..)
            .map(|mut job| {
                calls.append(&mut job.calls);
                (calls.len(), job.reply)
            })
            .collect();
        let decided = self.decide(&calls);
        let (mut decided, mut calls) = match decided {
            Ok(decided) => (decided.into_iter(), calls.into_iter()),
            Err(problem) => {
                replies.into_iter().for_each(|(_, reply)| drop(reply.send(Err(problem.clone()))));
                return;
            }
        };
        let mut from = 0;
        for (to, reply) in replies {
            let count = to - from;
            from = to;
            self.conclude(calls.by_ref().take(count), decided.by_ref().take(count), reply);
        }
    }

    /// Counts the decisions of a request, and sorts what is for whom.
    fn concluded(
        &self,
        calls: impl Iterator<Item = ScoreCall>,
        decided: impl Iterator<Item = Result<Decided, Problem>>,
    ) -> Concluded {
        let (mut records, mut replies, mut shadowed) = (Vec::new(), Vec::new(), Vec::new());
        for (call, decided) in calls.zip(decided) {
            replies.push(decided.map(|decided| {
                let (reply, mut own) = decided.into_parts();
                records.append(&mut own);
                self.metrics.decided(&reply);
                if self.shadows.watches(&call) {
                    shadowed.push(Shadowed::new(call, &reply));
                }
                reply
            }));
        }
        Concluded { replies, records, shadowed }
    }

    /// Hands the decisions of a request to be kept, lets the shadows see them once they are, and answers.
    fn conclude(
        &self,
        calls: impl Iterator<Item = ScoreCall>,
        decided: impl Iterator<Item = Result<Decided, Problem>>,
        reply: Reply<Result<Replies<ScoreReply>, Problem>>,
    ) {
        let Concluded { replies, records, shadowed } = self.concluded(calls, decided);
        let shadows = Arc::clone(&self.shadows);
        let answer = move |kept: Result<(), Problem>| {
            // Before the answer: who erases a user on it erases what shadows make of it, too.
            if kept.is_ok() {
                shadows.offer(shadowed);
            }
            let _ = reply.send(kept.map(|()| replies));
        };
        if records.is_empty() {
            answer(Ok(()));
        } else if self.durable {
            self.writer.keep_and_tell(records, Box::new(answer));
        } else {
            answer(self.writer.keep(records));
        }
    }

    /// Decides all of them together; one by one if something is wrong with what the store has of one of them.
    fn decide(&self, calls: &[ScoreCall]) -> Result<Vec<Result<Decided, Problem>>, Problem> {
        let started = Instant::now();
        let decided = self.decide_untimed(calls);
        self.metrics.store(Operation::Read, started.elapsed());
        decided
    }

    fn decide_untimed(&self, calls: &[ScoreCall]) -> Result<Vec<Result<Decided, Problem>>, Problem> {
        let each = |decided: Vec<Result<Decided>>| {
            decided.into_iter().map(|decided| decided.map_err(|error| Problem::from(&error))).collect()
        };
        match self.service.decide(calls) {
            Ok(decided) => Ok(each(decided)),
            Err(error) if calls.len() == 1 || error.kind().is_transient() => Err(Problem::from(&error)),
            Err(_) => {
                let alone = calls.iter().map(|call| self.service.decide(std::slice::from_ref(call)));
                Ok(alone.flat_map(|decided| each(decided.unwrap_or_else(|error| vec![Err(error)]))).collect())
            }
        }
    }
}
