//! Every state as the log of rewards alone makes it, one after the other.

use crate::base::error::{Error, Result};
use crate::domain::request::Shown;
use crate::policy::{Model, Policy, Scratch};
use crate::store::{Change, Observation, RewardRecord, Snapshot, State, StateRecord, apply, state_file};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// So many states are read at a time.
const PAGE: usize = 512;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, or the name that the state's file has.
    pub file: String,
    /// What is wrong and what to do about it.
    pub problem: String,
}

impl Problem {
    /// A problem of a state.
    pub(super) fn of(state: &StateRecord, problem: impl Into<String>) -> Self {
        let file = state_file(&state.user, state.policy.name()).unwrap_or_else(|_| state.user.to_string());
        Self { file, problem: problem.into() }
    }
}

/// What the entries of one state make of it.
#[derive(Debug)]
pub(super) struct Replay {
    policy: Arc<Policy>,
    /// What has been learned; `None` if the user is forgotten or was never known.
    pub(super) model: Option<Model>,
    /// Number of the latest entry.
    pub(super) number: u64,
    /// Why the entries do not tell all of it.
    pub(super) broken: Option<String>,
    scratch: Scratch,
}

impl Replay {
    /// The replay of a state under `policy`, before its first entry.
    pub(super) fn new(policy: &Arc<Policy>) -> Self {
        Self { policy: Arc::clone(policy), model: None, number: 0, broken: None, scratch: Scratch::default() }
    }

    /// Goes on with the next entry.
    pub(super) fn follow(&mut self, record: &RewardRecord) {
        if self.broken.is_some() {
            return;
        }
        // What was pruned is in an import or a reset that took its place.
        let begins = self.number == 0 && !matches!(record.change, Change::Reward { .. });
        if record.number != self.number + 1 && !begins {
            self.broken = Some(format!("reward {} follows reward {}", record.number, self.number));
            return;
        }
        self.number = record.number;
        if let Err(what) = self.change(&record.change) {
            self.broken = Some(format!("reward {}: {what}", record.number));
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), String> {
        match change {
            Change::Reset => self.model = None,
            Change::Import(line) => {
                let state = State::from_line(line.as_bytes(), "its import").map_err(|e| e.to_string())?;
                // Before a reset the name may have stood for another policy.
                self.model = state.fits(&self.policy).is_ok().then_some(state.model);
            }
            Change::Reward { reward, shown, .. } => {
                let shown = Shown::parse(self.policy.features().domain(), shown)?;
                let model = self.model.get_or_insert_with(|| self.policy.new_model());
                apply(model, &self.policy, &Observation { shown, reward: *reward }, &mut self.scratch);
            }
        }
        Ok(())
    }
}

/// Replays every state of a store, in the order of their ids, and hands it to `visit` with its record and entries kept
/// by `keep`. Memory does not grow with the store.
///
/// # Errors
/// A store that cannot be read, and those of `visit`.
pub(super) fn replay(
    snapshot: &dyn Snapshot,
    mut each: impl FnMut(&StateRecord, &RewardRecord) -> Result<()>,
    mut visit: impl FnMut(StateRecord, Replay) -> Result<()>,
) -> Result<()> {
    let mut states = States { snapshot, page: Vec::new().into_iter(), next: 0 };
    let mut current: Option<(StateRecord, Replay)> = None;
    let with_replay = |state: StateRecord| {
        let replay = Replay::new(&state.policy);
        (state, replay)
    };
    snapshot.rewards_by_state(&mut |record| {
        while current.as_ref().is_none_or(|(state, _)| state.id < record.state) {
            if let Some((state, replay)) = current.take() {
                visit(state, replay)?;
            }
            let Some(state) = states.advance()? else { return Ok(()) };
            current = Some(with_replay(state));
        }
        // An entry of no state is found by the engine's check.
        if let Some((state, replay)) = current.as_mut().filter(|(state, _)| state.id == record.state) {
            each(state, &record)?;
            replay.follow(&record);
        }
        Ok(())
    })?;
    if let Some((state, replay)) = current.take() {
        visit(state, replay)?;
    }
    while let Some(state) = states.advance()? {
        let (state, replay) = with_replay(state);
        visit(state, replay)?;
    }
    Ok(())
}

struct States<'a> {
    snapshot: &'a dyn Snapshot,
    page: std::vec::IntoIter<StateRecord>,
    next: i64,
}

impl States<'_> {
    fn advance(&mut self) -> Result<Option<StateRecord>> {
        if self.page.len() == 0 {
            self.page = self.snapshot.states_from(self.next, PAGE)?.into_iter();
        }
        let state = self.page.next();
        self.next = state.as_ref().map_or(self.next, |state| state.id + 1);
        Ok(state)
    }
}

/// What differs between a state and what its entries make of it; `None` if they are the same to the bit.
pub(super) fn difference(state: &StateRecord, replay: &Replay, origin: &Path) -> Option<String> {
    if let Some(broken) = &replay.broken {
        return Some(format!("its rewards do not tell all of it: {broken}"));
    }
    if state.number != replay.number {
        return Some(format!("it has got to reward {}, its log to {}", state.number, replay.number));
    }
    let own = match state.state(origin) {
        Ok(own) => own,
        Err(Error::Damaged { what, .. }) => return Some(what),
        Err(error) => return Some(error.to_string()),
    };
    let same = match (&own, &replay.model) {
        (None, None) => true,
        (Some(own), Some(replayed)) => crate::store::encode(&own.model) == crate::store::encode(replayed),
        _ => false,
    };
    (!same).then(|| "it is not what its rewards make of it; `rehearsal rebuild` makes it again".to_owned())
}
