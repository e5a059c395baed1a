//! Learning again from the log gives a policy that was not there a state to start from.

use super::journal::REWARDS;
use super::life::lost_after;
use super::manifest::GONE;
use super::name;
use super::reading::{Problem, Reading};
use super::record::Op;
use super::store::Store;
use super::user_state::UserState;
use crate::error::{Error, Result};
use crate::policy::{Policy, Scratch};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Store {
    /// What `policy` would know, had it learned all that the policy named `source` learned, user by user:
    /// how a new policy starts warm. With it, the users of whom the log does not tell all, and segments that are
    /// gone. Writers wait meanwhile.
    ///
    /// # Errors
    /// Files that cannot be read; a `source` that the log knows nothing of.
    pub fn relearn(&self, source: &str, policy: &Arc<Policy>) -> Result<(Vec<UserState>, Vec<Problem>)> {
        let (_lock, manifest) = self.held_manifest()?;
        let mut states: BTreeMap<String, Result<UserState, String>> = BTreeMap::new();
        let mut met = BTreeSet::new();
        let mut scratch = Scratch::default();
        let reading = Reading::of(self, &manifest, |reading, record, _| {
            let seq = record.seq;
            let user = record.user;
            match record.op {
                Op::Reward { policy: own, prev, lesson, .. } => {
                    if own == source {
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
                    }
                }
            }
        })?;
        if !met.contains(source) {
            return Err(Error::unknown("policy of the log", source, met));
        }
        let gone = manifest.missing(&self.dir, REWARDS)?.into_iter();
        let mut untold: Vec<Problem> = gone.map(|file| Problem { file, problem: GONE.to_owned() }).collect();
        let mut learned = Vec::new();
        for (user, state) in states {
            let file = name::state_file(&user, source).map_err(|fault| fault.at("the log"))?;
            let problem = match state {
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
        Ok((learned, untold))
    }
}
