//! What is known before a group of rewards is learned: the states that it wants, and what became of its events.

use super::about::life_hash;
use super::group::{Before, ForState, Task};
use super::ledger::{Ledger, Reward};
use super::name;
use super::record::Record;
use super::store::Loaded;
use crate::base::error::{Error, Result};
use crate::base::threads::each;
use std::collections::HashMap;
use std::sync::Arc;

impl Ledger<'_> {
    /// The tasks for these states; and why there is none for some rewards, which `order` names.
    pub(super) fn tasks<'r>(
        &mut self,
        states: Vec<ForState<'r>>,
        order: &[usize],
        rewards: &[&Reward],
        large: bool,
    ) -> Result<(Vec<Task>, HashMap<usize, Error>)> {
        let known = |state: ForState<'r>| (self.cache.take(state.first.life), state);
        let wanted: Vec<(Option<Box<Loaded>>, ForState)> = states.into_iter().map(known).collect();
        let load = |(known, state): (Option<Box<Loaded>>, ForState<'r>)| match self
            .load(&state, order, rewards, known)
        {
            Ok(loaded) if loaded.restarted => Ok(Task::new(state, loaded)),
            loaded => Err((state, loaded)),
        };
        let (mut tasks, mut refusals) = (Vec::with_capacity(wanted.len()), HashMap::new());
        for task in each(wanted, large, load) {
            let (state, loaded) = match task {
                Ok(task) => {
                    tasks.push(task);
                    continue;
                }
                Err(to_ask) => to_ask,
            };
            let there = match loaded.map(|loaded| self.there(loaded)) {
                Ok(Err(error @ Error::Io { .. })) => return Err(error),
                Ok(there) => there,
                Err(error) => Err(error),
            };
            match there {
                Ok(loaded) => tasks.push(Task::new(state, loaded)),
                Err(error) => {
                    // The same refusal for each of its rewards.
                    let text = error.to_string();
                    refusals.extend(order[state.part].iter().map(|i| (*i, Error::Refused(text.clone()))));
                }
            }
        }
        Ok((tasks, refusals))
    }

    /// The state, if it goes with what was known of it when the log was last checkpointed.
    fn there(&mut self, loaded: Box<Loaded>) -> Result<Box<Loaded>> {
        let (user, policy) = (loaded.state.user(), loaded.state.policy().name());
        let hash = life_hash(user, policy);
        let places = self.ask_index(|ledger| ledger.find(hash))?;
        let manifest = self.journal.as_ref().expect("locked").manifest();
        let life = self.store.life(manifest, user, policy, places)?;
        self.store.there(*loaded, life).map(Box::new)
    }

    /// The state, which may be known; where its rewards define the policy in several ways, under the first definition that it
    /// goes with.
    fn load(
        &self,
        ForState { first, part }: &ForState,
        order: &[usize],
        rewards: &[&Reward],
        known: Option<Box<Loaded>>,
    ) -> Result<Box<Loaded>> {
        let loaded = self.load_for(first, known);
        if loaded.is_ok() {
            return loaded;
        }
        let others = order[part.clone()].iter().map(|i| rewards[*i]);
        let mut others = others.filter(|other| !Arc::ptr_eq(other.policy, first.policy));
        others.find_map(|other| self.load_for(other, None).ok()).map_or(loaded, Ok)
    }

    /// The state for this reward.
    fn load_for(&self, reward: &Reward, known: Option<Box<Loaded>>) -> Result<Box<Loaded>> {
        let Reward { user, policy, life, .. } = reward;
        if let Some(known) = known.filter(|known| known.is_of(user, policy.name())) {
            known.state.fits(policy)?;
            return Ok(known);
        }
        let journal = self.journal.as_ref().expect("locked");
        let records = match &self.lookup {
            Some(lookup) => {
                let state = lookup.state(*life, user, policy.name());
                state.map_or(Ok(Vec::new()), |state| lookup.records(journal, state))?
            }
            None => journal.tail().of_user(user)?,
        };
        let loaded = self.store.load(user, policy, &records)?;
        if loaded.state.seq <= journal.last_seq() {
            return Ok(Box::new(loaded));
        }
        Err(Error::Refused(format!(
            "{}: it holds record {}, but the log ends with record {}: the log has lost its end, or the file is of \
             another one; `rehearsal rebuild` takes what goes together, `rehearsal import --replace` the file as it is",
            self.store.dir.join(&name::state_file(user, policy.name()).unwrap_or_default()).display(),
            loaded.state.seq,
            journal.last_seq(),
        )))
    }

    /// What the log says of the event of each reward, as far as it is retained.
    pub(super) fn learned_before(&mut self, rewards: &[&Reward], large: bool) -> Result<Vec<Before>> {
        if rewards.iter().all(|reward| reward.event.is_none()) {
            return Ok(vec![Before::New; rewards.len()]);
        }
        self.ask_index(|ledger| {
            let before = |reward: &&Reward| ledger.learned_one_before(reward);
            // Of several errors the first.
            each(rewards, large, before).into_iter().map(Result::transpose).collect::<Option<_>>().transpose()
        })
    }

    /// The same of one; `None` where [`Self::find`] is.
    fn learned_one_before(&self, reward: &Reward) -> Result<Option<Before>> {
        let (Some(event), Some(hash)) = (&reward.lesson.event, reward.event) else {
            return Ok(Some(Before::New));
        };
        let (user, policy) = (reward.user.as_str(), reward.policy.name());
        let journal = self.journal.as_ref().expect("locked");
        let in_tail = if let Some(lookup) = &self.lookup {
            lookup.learned(journal, hash, user, policy, event)?
        } else {
            let learned =
                |records: Vec<Record>| records.iter().find_map(|r| r.reward_of(user, policy, event));
            match learned(journal.tail().records_with("event", event)?) {
                None => learned(journal.tail().records_with("op", "import")?),
                learned => learned,
            }
        };
        if let Some(reward) = in_tail {
            return Ok(Some(Before::Learned(reward)));
        }
        let Some(places) = self.find(hash)? else { return Ok(None) };
        let mut before = Before::New;
        for place in places {
            match self.store.record_at(journal.manifest(), place) {
                Ok(Some(record)) => match record.reward_of(user, policy, event) {
                    Some(reward) => return Ok(Some(Before::Learned(reward))),
                    // Another event may have the same hash; else another record stands there than did.
                    None if record.about().hashes().any(|own| own == hash) => {}
                    None => before = Before::Untold(format!("record {} stands in its place", record.seq)),
                },
                Ok(None) => {}
                Err(error @ Error::Damaged { .. }) => before = Before::Untold(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(before))
    }
}
