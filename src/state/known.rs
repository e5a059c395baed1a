//! What is known before a group of rewards is learned: the states that it wants, and what became of its events.

use super::about::life_hash;
use super::group::{Before, Task, Wanted};
use super::ledger::{Ledger, Reward};
use super::record::Record;
use super::store::Loaded;
use super::{RawState, name};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::collections::HashMap;

impl Ledger<'_> {
    /// What there is for each state, in the order of the first reward, with the state; and why there is
    /// nothing for some rewards.
    pub(super) fn tasks(
        &mut self,
        rewards: &[Reward],
        large: bool,
    ) -> Result<(Vec<Task>, HashMap<usize, Error>)> {
        let mut places: HashMap<(&str, &str), usize> = HashMap::new();
        let mut wanted: Vec<Wanted> = Vec::new();
        for (i, reward) in rewards.iter().enumerate() {
            let Reward { user, policy, .. } = reward;
            let place = *places.entry((user, policy.name())).or_insert_with(|| {
                let key = (user.clone(), policy.name().to_owned());
                let known = self.states.remove(&key);
                wanted.push(Wanted { key, policy, rewards: Vec::new(), known });
                wanted.len() - 1
            });
            wanted[place].rewards.push(i);
        }
        let loaded: Vec<Result<Task, _>> = if large {
            wanted.into_par_iter().map(|wanted| self.load(wanted)).collect()
        } else {
            wanted.into_iter().map(|wanted| self.load(wanted)).collect()
        };
        let (mut tasks, mut refusals) = (Vec::with_capacity(loaded.len()), HashMap::new());
        for loaded in loaded {
            let (rewards, error) = match loaded {
                Ok(task) => {
                    let Task { rewards, loaded, .. } = task;
                    match self.there(loaded) {
                        Ok(loaded) => {
                            tasks.push(Task { rewards, loaded, ..task });
                            continue;
                        }
                        Err(error @ Error::Io { .. }) => return Err(error),
                        Err(error) => (rewards, error),
                    }
                }
                Err(refused) => refused,
            };
            // The same refusal for each of its rewards.
            let text = error.to_string();
            refusals.extend(rewards.into_iter().map(|i| (i, Error::Refused(text.clone()))));
        }
        Ok((tasks, refusals))
    }

    /// The state, if it goes with what was known of it when the log was last checkpointed.
    fn there(&mut self, loaded: Loaded) -> Result<Loaded> {
        if loaded.restarted {
            return Ok(loaded);
        }
        let (user, policy) = (loaded.state.user(), loaded.state.policy().name());
        let places = self.places_of(life_hash(user, policy))?;
        let manifest = self.journal.as_ref().expect("locked").manifest();
        let life = self.store.life(manifest, user, policy, places)?;
        self.store.there(loaded, life)
    }

    /// The task with its state, or its rewards and why they cannot be learned.
    fn load(&self, wanted: Wanted) -> Result<Task, (Vec<usize>, Error)> {
        let Wanted { key, policy, rewards, known } = wanted;
        let user = &key.0;
        let journal = self.journal.as_ref().expect("locked");
        let load = || {
            if let Some(known) = known {
                known.state.fits(policy)?;
                return Ok(known);
            }
            let tail = journal.tail();
            let records = self
                .lookup
                .as_ref()
                .map_or_else(|| tail.of_user(user), |lookup| lookup.of_user(tail, user))?;
            let loaded = self.store.load(user, policy, &records)?;
            if loaded.state.seq <= journal.last_seq() {
                return Ok(loaded);
            }
            Err(Error::Refused(format!(
                "{}: it holds record {}, but the log ends with record {}: the log has lost its end, or the file is of \
                 another one; `rehearsal rebuild` takes what goes together, `rehearsal import --replace` the file as it is",
                self.store.dir.join(&name::state_file(user, policy.name()).unwrap_or_default()).display(),
                loaded.state.seq,
                journal.last_seq(),
            )))
        };
        match load() {
            Ok(loaded) => {
                let state = &loaded.state;
                let unknown =
                    (state.seq == 0 && state.model.updates() > 0).then(|| Box::new(RawState::of(state)));
                Ok(Task { key, latest: state.seq, unknown, rewards, loaded })
            }
            Err(error) => Err((rewards, error)),
        }
    }

    /// What the log says of the event of this reward, as far as it is retained.
    pub(super) fn learned_before(&mut self, reward: &Reward, hash: Option<u64>) -> Result<Before> {
        let (Some(event), Some(hash)) = (&reward.lesson.event, hash) else { return Ok(Before::New) };
        let (user, policy) = (reward.user.as_str(), reward.policy.name());
        let journal = self.journal.as_ref().expect("locked");
        let in_tail = if let Some(lookup) = &self.lookup {
            lookup.learned(journal.tail(), hash, user, policy, event)?
        } else {
            let learned =
                |records: Vec<Record>| records.iter().find_map(|r| r.reward_of(user, policy, event));
            match learned(journal.tail().records_with("event", event)?) {
                None => learned(journal.tail().records_with("op", "import")?),
                learned => learned,
            }
        };
        if let Some(reward) = in_tail {
            return Ok(Before::Learned(reward));
        }
        let mut before = Before::New;
        for place in self.places_of(hash)? {
            let manifest = self.journal.as_ref().expect("locked").manifest();
            match self.store.record_at(manifest, place) {
                Ok(Some(record)) => match record.reward_of(user, policy, event) {
                    Some(reward) => return Ok(Before::Learned(reward)),
                    // Another event may have the same hash; else another record stands there than did.
                    None if record.about().hashes().any(|own| own == hash) => {}
                    None => before = Before::Untold(format!("record {} stands in its place", record.seq)),
                },
                Ok(None) => {}
                Err(error @ Error::Damaged { .. }) => before = Before::Untold(error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(before)
    }
}
