//! States made of the log for elsewhere: for another directory, or for a policy that was not there.

use super::history::{History, Remembered};
use super::journal::REWARDS;
use super::life::lost_after;
use super::manifest::GONE;
use super::name;
use super::reading::{Problem, Reading};
use super::record::Op;
use super::store::Store;
use super::user_state::UserState;
use crate::base::error::{Error, Result};
use crate::policy::{Policy, Scratch};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Store {
    /// Every state as the log makes it, and what is wrong with the log. Writers wait meanwhile.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub fn replayed(&self) -> Result<(Vec<UserState>, Vec<Problem>)> {
        let (_lock, manifest) = self.held_manifest()?;
        let history = History::read(self, &manifest)?;
        let beyond = self.beyond(|user, policy| {
            let key = (user.into(), policy.to_owned());
            let latest = history.states.get(&key).map(|remembered| remembered.latest);
            Some(latest.or_else(|| history.forgotten.get(&key).copied()).unwrap_or(0))
        })?;
        let mut problems: Vec<Problem> = history.log.segments.into_iter().flatten().collect();
        let mut whole = Vec::new();
        for ((user, policy), Remembered { state, broken, .. }) in history.states {
            let file = name::state_file(&user, &policy).map_err(|fault| fault.at("the log"))?;
            if broken.is_some() || beyond.contains_key(&file) {
                continue;
            }
            if self.may_have_ended(&user, &policy, state.seq, history.log.whole_from)? {
                problems.push(Problem { file, problem: lost_after(state.seq) });
            } else {
                whole.push(state);
            }
        }
        problems.extend(beyond.into_values());
        Ok((whole, problems))
    }

    /// Files of states that hold more than the log tells of them: than record `told`, where it is about them.
    fn beyond(&self, told: impl Fn(&str, &str) -> Option<u64>) -> Result<BTreeMap<String, Problem>> {
        let mut beyond = BTreeMap::new();
        for file in self.dir.names()? {
            let Some((user, policy)) = name::parse_state_file(&file) else { continue };
            let Some(told) = told(&user, &policy) else { continue };
            let state = match self.state_in(&file, &user, &policy) {
                Err(error @ Error::Io { .. }) => return Err(error),
                // What is damaged is of no interest: the log tells it.
                read => read.ok().flatten(),
            };
            let Some(state) = state else { continue };
            let unnumbered = state.seq == 0 && state.model().updates() > 0;
            if state.seq > told || told == 0 && unnumbered {
                let holds = if unnumbered {
                    "a state of elsewhere".to_owned()
                } else {
                    format!("record {}", state.seq)
                };
                let upto = if told > 0 { format!("only up to record {told}") } else { "nothing".to_owned() };
                let problem = format!(
                    "it holds {holds}, and the log tells {upto} of it; `rehearsal rebuild` takes it into the log"
                );
                beyond.insert(file.clone(), Problem { file, problem });
            }
        }
        Ok(beyond)
    }

    /// What `policy` would know, had it learned all that the policy named `source` learned, user by user:
    /// how a new policy starts warm. With it, the users of whom the log does not tell all, and segments that are
    /// gone. Writers wait meanwhile.
    ///
    /// # Errors
    /// Files that cannot be read; a `source` that the log knows nothing of.
    pub fn relearn(&self, source: &str, policy: &Arc<Policy>) -> Result<(Vec<UserState>, Vec<Problem>)> {
        let (_lock, manifest) = self.held_manifest()?;
        let mut states: BTreeMap<SmolStr, Result<UserState, String>> = BTreeMap::new();
        // What the log tells of each user under `source`, and policies that it knows.
        let (mut told, mut met) = (BTreeMap::new(), BTreeSet::new());
        let mut scratch = Scratch::default();
        let reading = Reading::of(self, &manifest, |reading, record, _| {
            let seq = record.seq;
            let user = record.user;
            match record.op {
                Op::Reward { policy: own, prev, lesson, .. } => {
                    if own == source {
                        told.insert(user.clone(), seq);
                        let new = Ok(UserState::new(&user, policy));
                        let state = states.entry(user).or_insert(new);
                        if let Ok(known) = state {
                            if prev == known.seq || prev < known.seq && known.seq >= reading.whole_from {
                                known.learn(&lesson, seq, &mut scratch);
                            } else {
                                let what = "which is not there";
                                *state =
                                    Err(format!("record {seq} follows record {prev} under {source}, {what}"));
                            }
                        }
                    }
                    met.insert(own);
                }
                Op::Import { policy: own, .. } => {
                    if own == source {
                        told.insert(user.clone(), seq);
                        let what = "imports its state";
                        states.insert(
                            user,
                            Err(format!("record {seq} {what} under {source}, without the rewards")),
                        );
                    }
                    met.insert(own);
                }
                Op::Reset { policies } => {
                    if policies.contains_key(source) {
                        states.remove(&user);
                        told.insert(user, seq);
                    }
                }
            }
        })?;
        if !met.contains(source) {
            return Err(Error::unknown("policy of the log", source, met));
        }
        let gone = manifest.missing(&self.dir, REWARDS)?.into_iter();
        let mut untold: Vec<Problem> = gone.map(|file| Problem { file, problem: GONE.to_owned() }).collect();
        let beyond =
            self.beyond(|user, policy| (policy == source).then(|| told.get(user).copied().unwrap_or(0)))?;
        let mut learned = Vec::new();
        for (user, state) in states {
            let file = name::state_file(&user, source).map_err(|fault| fault.at("the log"))?;
            let problem = match state {
                _ if beyond.contains_key(&file) => continue,
                Err(problem) => problem,
                Ok(state) if self.may_have_ended(&user, source, state.seq, reading.whole_from)? => {
                    lost_after(state.seq)
                }
                Ok(state) => {
                    learned.push(state);
                    continue;
                }
            };
            untold.push(Problem { file, problem });
        }
        untold.extend(beyond.into_values());
        Ok((learned, untold))
    }
}
