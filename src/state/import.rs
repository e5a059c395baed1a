//! States that come from elsewhere: recorded in the log whole, so that it tells all.

use super::files::publish;
use super::ledger::{Ledger, committed};
use super::record::{Op, Record};
use super::user_state::UserState;
use super::{RawState, name, now_ms};
use crate::base::error::{Error, Result};
use std::collections::HashSet;

impl Ledger<'_> {
    /// Commits states as they are; a state that is there already is refused by itself, unless they
    /// `replace`: a file that cannot be read is then set aside. For each the new name of such a file.
    ///
    /// # Errors
    /// Input and output, a damaged log: then none of them is committed, unless the message says otherwise.
    pub fn import(&mut self, states: Vec<UserState>, replace: bool) -> Result<Vec<Result<Option<String>>>> {
        let lock = self.lock()?;
        self.forget_states()?;
        let journal = self.journal.as_mut().expect("locked");
        let (mut outcomes, mut lines) = (Vec::new(), Vec::new());
        let (mut taken, mut keys) = (Vec::<UserState>::new(), HashSet::new());
        let mut seq = journal.last_seq();
        for state in states {
            let (user, policy) = (state.user.clone(), state.policy.name().to_owned());
            let records = journal.tail().of_user(&user)?;
            let (prev, there, readable) = match self.store.load_to_read(&user, &state.policy, &records) {
                // One of an older format has no number, but has learned.
                Ok(loaded) => {
                    let known = loaded.state;
                    (known.seq, known.seq > 0 || known.model().updates() > 0, true)
                }
                // Replacing is a way to mend what cannot be read.
                Err(_) if replace => (0, true, false),
                Err(error) => {
                    outcomes.push(Err(error));
                    continue;
                }
            };
            if !keys.insert((user.clone(), policy.clone())) || (there && !replace) {
                outcomes.push(Err(Error::Refused(format!(
                    "{user:?} has a state under {policy} already; --replace puts this one in its place"
                ))));
                continue;
            }
            let aside = if readable {
                None
            } else {
                let file = name::state_file(&user, &policy).map_err(|fault| fault.at("state directory"))?;
                self.store.dir.set_aside(&file)?
            };
            seq += 1;
            let op = Op::Import { policy, prev, state: Box::new(RawState::of(&state)) };
            Record { seq, user, time_ms: now_ms(), op }.write(&mut lines);
            taken.push(UserState { seq, ..state });
            outcomes.push(Ok(aside));
        }
        if !taken.is_empty() {
            let prepared = self.store.prepare(&taken.iter().collect::<Vec<_>>())?;
            journal.append(&lock, &[lines], seq)?;
            publish(prepared).map_err(|e| committed(&e))?;
        }
        Ok(outcomes)
    }
}
