//! States that come from elsewhere: recorded in the log whole, so that it tells all.

use super::ledger::{Ledger, prepare};
use super::record::{Op, Record};
use super::store::Loaded;
use super::user_state::UserState;
use super::{RawState, now_ms};
use crate::error::{Error, Result};

impl Ledger<'_> {
    /// Commits states as they are; a state that is there already is refused by itself, unless they
    /// `replace`.
    ///
    /// # Errors
    /// Input and output, a damaged log: then none of them is committed, unless the message says otherwise.
    pub fn import(&mut self, states: Vec<UserState>, replace: bool) -> Result<Vec<Result<()>>> {
        let _lock = self.lock()?;
        self.forget_states();
        let journal = self.journal.as_mut().expect("locked");
        let (mut outcomes, mut lines, mut taken) = (Vec::new(), Vec::new(), Vec::<UserState>::new());
        let mut seq = journal.last_seq();
        for state in states {
            let (user, name) = (state.user.clone(), state.policy.name().to_owned());
            let records = journal.tail().of_user(&user)?;
            let (prev, there) = match self.store.load_by_name(&user, &name, &records) {
                // One of an older format has no number, but has learned.
                Ok(Loaded { state, .. }) => (state.seq, state.seq > 0 || state.model().updates() > 0),
                Err(Error::Unknown { .. }) => (0, false),
                // Replacing is a way to mend what cannot be read.
                Err(_) if replace => (0, true),
                Err(error) => {
                    outcomes.push(Err(error));
                    continue;
                }
            };
            let twice = taken.iter().any(|other| other.user == user && other.policy.name() == name);
            if twice || (there && !replace) {
                outcomes.push(Err(Error::Refused(format!(
                    "{user:?} has a state under {name} already; --replace puts this one in its place"
                ))));
                continue;
            }
            seq += 1;
            let op = Op::Import { policy: name, prev, state: Box::new(RawState::of(&state)) };
            Record { seq, user, time_ms: now_ms(), op }.write(&mut lines);
            taken.push(UserState { seq, ..state });
            outcomes.push(Ok(()));
        }
        if !taken.is_empty() {
            let prepared = prepare(self.store, &taken.iter().collect::<Vec<_>>())?;
            journal.append(&lines, seq)?;
            prepared.into_iter().try_for_each(super::dir::Prepared::publish)?;
        }
        Ok(outcomes)
    }
}
