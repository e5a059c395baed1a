//! Every state as the log of rewards alone makes it, one after the other.

use crate::base::error::{Error, Result};
use crate::domain::request::Shown;
use crate::policy::{Model, Policy, Scratch};
use crate::store::{Change, Observation, RewardRecord, Snapshot, State, StateRecord, apply, state_file};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// What is said of the state of a program that was not given.
pub(super) const UNASKED: &str = "it is a program's, and only a file that is named with --policy starts one";
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
    /// Whether it is the state of a program that was not given: then nothing is said of what it has learned.
    pub(super) unasked: bool,
    scratch: Scratch,
}

impl Replay {
    /// The replay of a state under `policy`, before its first entry.
    pub(super) fn new(policy: &Arc<Policy>) -> Self {
        Self {
            policy: Arc::clone(policy),
            model: None,
            number: 0,
            broken: None,
            unasked: policy.program().is_some_and(|program| program.runs().is_err()),
            scratch: Scratch::default(),
        }
    }

    /// The same, by the one of these programs that the state is of, if it is one's.
    pub(super) fn by(programs: &[Arc<Policy>], policy: &Arc<Policy>) -> Self {
        Self::new(running(programs, policy))
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
                self.model = state.fits(&self.policy).is_ok().then(|| {
                    let same = state.policy.prior() == self.policy.prior();
                    if same { state.model } else { self.policy.take_over(&state.model) }
                });
            }
            Change::Reward { reward, shown, .. } => {
                let shown = Shown::parse(self.policy.features().domain(), shown)?;
                let model = self.model.get_or_insert_with(|| self.policy.new_model());
                if !self.unasked {
                    let observation = Observation { shown, reward: *reward };
                    apply(model, &self.policy, &observation, &mut self.scratch).map_err(|e| e.to_string())?;
                }
            }
        }
        Ok(())
    }
}

/// The policy as it runs: the one of these programs that it is, if it is a program.
pub(super) fn running<'a>(programs: &'a [Arc<Policy>], policy: &'a Arc<Policy>) -> &'a Arc<Policy> {
    let is_it = |own: &&Arc<Policy>| own.name() == policy.name() && own.program().is_some();
    let given = programs.iter().find(is_it).filter(|_| policy.program().is_some());
    given.unwrap_or(policy)
}

/// Replays every state of a store, in the order of their ids, and hands it to `visit` with its record and entries kept
/// by `keep`. Memory does not grow with the store. States of programs are replayed by those of `programs` that have their
/// names.
///
/// # Errors
/// A store that cannot be read, and those of `visit`.
pub(super) fn replay(
    snapshot: &dyn Snapshot,
    programs: &[Arc<Policy>],
    mut each: impl FnMut(&StateRecord, &RewardRecord) -> Result<()>,
    mut visit: impl FnMut(StateRecord, Replay) -> Result<()>,
) -> Result<()> {
    let mut states = States { snapshot, page: Vec::new().into_iter(), next: 0 };
    let mut current: Option<(StateRecord, Replay)> = None;
    let with_replay = |state: StateRecord| {
        let replay = Replay::by(programs, &state.policy);
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

/// What differs between a state and what its entries make of it; `None` if they are the same to the bit, or but for rounding
/// where the state went over to another prior on its way.
pub(super) fn difference(state: &StateRecord, replay: &Replay, origin: &Path) -> Option<String> {
    if let Some(broken) = &replay.broken {
        return Some(format!("its rewards do not tell all of it: {broken}"));
    }
    if state.number != replay.number {
        return Some(format!("it has got to reward {}, its log to {}", state.number, replay.number));
    }
    if replay.unasked {
        return None;
    }
    let own = match state.state(origin) {
        Ok(own) => own,
        Err(Error::Damaged { what, .. }) => return Some(what),
        Err(error) => return Some(error.to_string()),
    };
    let same = match (&own, &replay.model) {
        (None, None) => true,
        (Some(own), Some(replayed)) if own.model.has_moved() => own.model.is_but_for_rounding(replayed),
        (Some(own), Some(replayed)) => crate::store::encode(&own.model) == crate::store::encode(replayed),
        _ => false,
    };
    (!same).then(|| "it is not what its rewards make of it; `rehearsal rebuild` makes it again".to_owned())
}
