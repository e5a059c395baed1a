//! What a program is asked, in batches, and what is answered for each call.

use super::error::{Failure, ProgramError};
use super::program::Program;
use super::protocol::{self, MAX_BATCH, MAX_STATE_BYTES};
use super::sampling::distribution;
use crate::base::error::Result;
use crate::base::threads::each;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

/// About so many bytes are asked in one line, however few calls that is.
const BATCH_BYTES: usize = 8 << 20;
/// A program that has failed for so many times its time limit is asked no more.
const PATIENCE: f64 = 3.0;

/// A call, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhichCall<'a> {
    /// Whose it is.
    pub user: &'a str,
    /// Its number among those that were asked together, or of the user's decision: from 1.
    pub number: u64,
}

impl fmt::Display for WhichCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of user {:?}", self.number, self.user)
    }
}

/// A decision to be made.
#[derive(Debug, Clone, Copy)]
pub struct DecideCall<'a> {
    /// What errors call it.
    pub which: WhichCall<'a>,
    /// What is known of the user, as JSON; nothing yet if there is none.
    pub state: Option<&'a str>,
    /// The request, as JSON.
    pub request: &'a str,
    /// The number of its candidates.
    pub candidates: usize,
}

/// A reward to be learned.
#[derive(Debug, Clone, Copy)]
pub struct LearnCall<'a> {
    /// What errors call it.
    pub which: WhichCall<'a>,
    /// What is known of the user, as JSON; nothing yet if there is none.
    pub state: Option<&'a str>,
    /// What was shown, as a request that offers nothing else, as JSON.
    pub request: &'a str,
    /// Id of the candidate that was shown.
    pub chosen: &'a str,
    /// What it earned.
    pub reward: f64,
}

/// What calls of both kinds have.
trait Call {
    fn which(&self) -> WhichCall<'_>;
    fn bytes(&self) -> usize;
}

impl Call for DecideCall<'_> {
    fn which(&self) -> WhichCall<'_> {
        self.which
    }

    fn bytes(&self) -> usize {
        self.state.map_or(4, str::len) + self.request.len()
    }
}

impl Call for LearnCall<'_> {
    fn which(&self) -> WhichCall<'_> {
        self.which
    }

    fn bytes(&self) -> usize {
        self.state.map_or(4, str::len) + self.request.len()
    }
}

impl Program {
    /// The probability of each candidate of each call: they add up to 1.
    pub fn decide(&self, calls: &[DecideCall]) -> Vec<Result<Vec<f64>>> {
        self.ask_all("decide", calls, |calls| {
            let answered = self.exchange(
                |id| protocol::decide(id, calls),
                |line, id| protocol::read_decisions(line, id, calls.len()),
            )?;
            let checked = answered
                .into_iter()
                .zip(calls)
                .map(|(stated, call)| distribution(stated, call.candidates).map_err(Failure::NotAllowed));
            Ok(checked.collect())
        })
    }

    /// What is known of each user after they have learned, as JSON. The calls are of different users: none of them knows of
    /// another.
    pub fn learn(&self, calls: &[LearnCall]) -> Vec<Result<Box<str>>> {
        self.ask_all("learn", calls, |calls| {
            let answered = self.exchange(
                |id| protocol::learn(id, calls),
                |line, id| protocol::read_states(line, id, calls.len()),
            )?;
            let checked = answered.into_iter().map(|state| match state.len() {
                ..=MAX_STATE_BYTES => Ok(state),
                bytes => {
                    let said = format!("its state has {bytes} bytes; allowed: at most {MAX_STATE_BYTES}");
                    Err(Failure::NotAllowed(said))
                }
            });
            Ok(checked.collect())
        })
    }

    /// Asks all calls, in batches, several at a time where there are several.
    fn ask_all<C: Call + Sync, T: Send>(
        &self,
        what: &'static str,
        calls: &[C],
        ask: impl Fn(&[C]) -> Result<Vec<Result<T, Failure>>, Failure> + Sync,
    ) -> Vec<Result<T>> {
        let batches = batches(calls);
        let several = batches.len() > 1;
        let answered = each(batches, several, |batch| self.ask_batch(&calls[batch], &ask));
        let named = answered.into_iter().flatten().zip(calls);
        named
            .map(|(answer, call)| {
                answer.map_err(|failure| ProgramError::of_call(self.name(), what, call.which(), failure))
            })
            .collect()
    }

    /// Asks a batch; and each call by itself if the batch as a whole has no answer, so that one that it cannot answer costs
    /// the others nothing.
    fn ask_batch<C, T>(
        &self,
        calls: &[C],
        ask: &(impl Fn(&[C]) -> Result<Vec<Result<T, Failure>>, Failure> + Sync),
    ) -> Vec<Result<T, Failure>> {
        let first = match ask(calls) {
            Ok(answers) => return answers,
            Err(failure) if calls.len() == 1 || matches!(failure, Failure::NotStarted { .. }) => failure,
            Err(_) => {
                let patience = Duration::from_secs_f64(PATIENCE * self.time_limit().seconds);
                let (mut wasted, mut last) = (Duration::ZERO, None);
                let alone = calls.chunks(1).map(|call| {
                    if let Some(failure) = last.as_ref().filter(|_| wasted >= patience) {
                        return Err(Failure::NotAsked(Box::new(Failure::clone(failure))));
                    }
                    let since = Instant::now();
                    match ask(call) {
                        Ok(mut answers) => answers.pop().expect("one call has one answer"),
                        Err(failure) => {
                            wasted += since.elapsed();
                            last = Some(failure.clone());
                            Err(failure)
                        }
                    }
                });
                return alone.collect();
            }
        };
        calls.iter().map(|_| Err(first.clone())).collect()
    }
}

/// The calls cut into batches that are neither too many nor too long.
fn batches<C: Call>(calls: &[C]) -> Vec<Range<usize>> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (i, call) in calls.iter().enumerate() {
        if i > start && (i - start == MAX_BATCH || bytes + call.bytes() > BATCH_BYTES) {
            batches.push(start..i);
            (start, bytes) = (i, 0);
        }
        bytes += call.bytes();
    }
    if start < calls.len() {
        batches.push(start..calls.len());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_in_number_and_in_bytes() {
        let which = WhichCall { user: "u", number: 1 };
        let of = |request| DecideCall { which, state: None, request, candidates: 1 };
        assert_eq!(batches(&vec![of("{}"); 600]), [0..256, 256..512, 512..600]);
        assert!(batches::<DecideCall>(&[]).is_empty());
        let long = "x".repeat(BATCH_BYTES / 2);
        assert_eq!(batches(&[of(&long), of(&long), of(&long)]), [0..1, 1..2, 2..3]);
        assert_eq!(batches(&[of("{}"), of(&long), of(&long)]), [0..2, 2..3]);
    }
}
