//! Where a state began and ended, as the index has it: a file that is gone is not a new state, and one from before a
//! reset is not the state.

use super::about::{is_of_life, life_hash, user_hash};
use super::history::History;
use super::index::{Index, Place};
use super::journal::{REWARDS, Tail, record_in};
use super::manifest::Manifest;
use super::name;
use super::record::{Op, Record};
use super::store::{Loaded, Store, follow};
use crate::base::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const IS_GONE: &str = "it is gone, and the log knows that it was there; `rehearsal rebuild` makes it again";

/// What is said of a state that may have been reset.
pub(super) fn lost_after(seq: u64) -> String {
    format!("its latest record is {seq}, and records after it are lost, one of which may be its reset")
}

/// What is known of a state up to the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// There is no trace of it.
    Unknown,
    /// It began with this record, or was there when it was written.
    Begun(u64),
    /// It was reset by this record.
    Ended(u64),
    /// It began or ended with a record that is damaged or not retained.
    Untold,
}

impl Life {
    /// Whether there may be a state.
    fn may_go_on(self) -> bool {
        matches!(self, Self::Begun(_) | Self::Untold)
    }
}

impl Store {
    /// The record of `rewards.jsonl` at a place that the index names; `None` if its segment is not retained.
    pub(super) fn record_at(&self, manifest: &Manifest, place: Place) -> Result<Option<Record>> {
        let name = manifest.file(REWARDS, place.segment);
        let Some(file) = self.dir.open(&name)? else { return Ok(None) };
        record_in(&file, &self.dir.join(&name), place.offset).map(Some)
    }

    /// The error of a policy that is defined nowhere: a state that was there is gone with its definition.
    pub(super) fn undefined(&self, user: &str, policy: &str, unknown: Error) -> Result<Error> {
        if !self.life_for_reader(user, policy)?.may_go_on() {
            return Ok(unknown);
        }
        Ok(self.gone_file(user, policy))
    }

    /// The error of a state whose file is gone.
    pub(super) fn gone_file(&self, user: &str, policy: &str) -> Error {
        self.misplaced(user, policy, IS_GONE.to_owned())
    }

    /// The error of a state whose file is not as it should be.
    fn misplaced(&self, user: &str, policy: &str, what: String) -> Error {
        let file = name::state_file(user, policy).unwrap_or_default();
        Error::Damaged { path: self.dir.join(&file), what }
    }

    /// What the latest of the places that the index has of a state says of it.
    pub(super) fn life(
        &self,
        manifest: &Manifest,
        user: &str,
        policy: &str,
        mut places: Vec<Place>,
    ) -> Result<Life> {
        let asked = life_hash(user, policy);
        places.sort_unstable();
        for place in places.into_iter().rev() {
            let record = match self.record_at(manifest, place) {
                Ok(Some(record)) => record,
                Ok(None) | Err(Error::Damaged { .. }) => return Ok(Life::Untold),
                Err(error) => return Err(error),
            };
            // Another state may have the same hash; else another record stands there than did.
            if !record.about().states().any(|state| life_hash(&record.user, state) == asked) {
                return Ok(Life::Untold);
            }
            if let Some(prev) = record.prev_of(user, policy) {
                return Ok(match record.op {
                    Op::Reset { .. } => Life::Ended(record.seq),
                    _ if prev == 0 => Life::Begun(record.seq),
                    _ => Life::Begun(prev),
                });
            }
        }
        Ok(Life::Unknown)
    }

    /// The same for a reader: where the index is damaged or is being written, there is no trace.
    fn life_for_reader(&self, user: &str, policy: &str) -> Result<Life> {
        let Some(index) = Index::open_to_read(&self.dir)? else { return Ok(Life::Unknown) };
        let places = index.find(life_hash(user, policy))?.unwrap_or_default();
        if places.is_empty() {
            return Ok(Life::Unknown);
        }
        self.life(&Manifest::read(&self.dir, REWARDS)?, user, policy, places)
    }

    /// Policies that had a state of the user when the log was last checkpointed, as far as the index can tell.
    pub(super) fn indexed(&self, user: &str) -> Result<BTreeSet<String>> {
        let mut policies = BTreeSet::new();
        let Some(index) = Index::open_to_read(&self.dir)? else { return Ok(policies) };
        let mut places = index.find(user_hash(user))?.unwrap_or_default();
        if places.is_empty() {
            return Ok(policies);
        }
        let manifest = Manifest::read(&self.dir, REWARDS)?;
        places.sort_unstable();
        for place in places {
            match self.record_at(&manifest, place) {
                Ok(Some(record)) if record.user == user => follow(&mut policies, record.op),
                // What cannot be read is for `verify` to name.
                Ok(_) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(policies)
    }

    /// A state for a reader, who finds a file or does not.
    pub(super) fn there_for_reader(&self, loaded: Loaded) -> Result<Loaded> {
        if loaded.file > 0 || loaded.restarted || (loaded.found && !loaded.foreign()) {
            return Ok(loaded);
        }
        let life = self.life_for_reader(loaded.state.user(), loaded.state.policy().name())?;
        self.there(loaded, life)
    }

    /// The state, if what was found goes with what is known of it.
    ///
    /// # Errors
    /// A file that is gone: to begin anew would be to forget what was learned. One from before the latest beginning
    /// or end, or without a number though the log has records of it: to go on would be to forget these, or to take a
    /// reset back.
    pub(super) fn there(&self, loaded: Loaded, life: Life) -> Result<Loaded> {
        if loaded.restarted {
            return Ok(loaded);
        }
        let damaged = |what| Err(self.misplaced(loaded.state.user(), loaded.state.policy().name(), what));
        let mend = "`rehearsal rebuild`";
        match life {
            life if life.may_go_on() && !loaded.found => damaged(IS_GONE.to_owned()),
            life if life != Life::Unknown && loaded.foreign() => damaged(format!(
                "it has no record number, though the log has records of it; {mend} puts the log's in its place"
            )),
            Life::Begun(seq) | Life::Ended(seq) if loaded.file > 0 && loaded.file < seq => damaged(format!(
                "it holds record {}, but began anew or ended with record {seq}; {mend} sets it aside",
                loaded.file
            )),
            _ => Ok(loaded),
        }
    }

    /// Whether a state whose latest record in the log is `seq` may have been reset by one that the log has lost, the
    /// last of which stood before `whole_from`. Not if its file is there, or the index knows better.
    pub(super) fn may_have_ended(&self, user: &str, policy: &str, seq: u64, whole_from: u64) -> Result<bool> {
        if seq >= whole_from {
            return Ok(false);
        }
        let file = name::state_file(user, policy).map_err(|fault| fault.at("the log"))?;
        let in_file = self.state_in(&file, user, policy).ok().flatten().map(|state| state.seq);
        Ok(in_file != Some(seq) && !matches!(self.life_for_reader(user, policy)?, Life::Begun(_)))
    }

    /// Everything in the index; nothing if it is not there or damaged.
    pub(super) fn whole_index(&self) -> Result<Vec<(u64, Place)>> {
        let index = Index::open_to_read(&self.dir)?;
        Ok(index.map_or(Ok(None), |index| index.all())?.unwrap_or_default())
    }

    /// Number of states that the index names and that are in no file, where the log does not tell what became of them.
    pub(super) fn untraced(&self, history: &History, index: &[(u64, Place)]) -> Result<usize> {
        let mut lives: HashSet<u64> =
            index.iter().map(|(hash, _)| *hash).filter(|h| is_of_life(*h)).collect();
        for (user, policy) in history.states.keys().chain(history.forgotten.keys()) {
            lives.remove(&life_hash(user, policy));
        }
        if !lives.is_empty() {
            for (user, policy) in self.dir.names()?.iter().filter_map(|file| name::parse_state_file(file)) {
                lives.remove(&life_hash(&user, &policy));
            }
        }
        Ok(lives.len())
    }

    /// The first state of which the index knows and that is not among these, if there is one.
    pub(super) fn gone(&self, users: &BTreeMap<String, BTreeSet<String>>) -> Result<Option<Error>> {
        let all = self.whole_index()?;
        let keys = users.iter().flat_map(|(user, policies)| policies.iter().map(move |p| (user, p)));
        let known: HashSet<u64> = keys.map(|(user, policy)| life_hash(user, policy)).collect();
        let mut latest: BTreeMap<u64, Place> = BTreeMap::new();
        for (hash, place) in all.into_iter().filter(|(hash, _)| is_of_life(*hash) && !known.contains(hash)) {
            let at = latest.entry(hash).or_insert(place);
            *at = place.max(*at);
        }
        if latest.is_empty() {
            return Ok(None);
        }
        let manifest = Manifest::read(&self.dir, REWARDS)?;
        for (hash, place) in latest {
            let record = match self.record_at(&manifest, place) {
                Ok(Some(record)) => record,
                Ok(None) | Err(Error::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            let about = record.about();
            let (user, is_end) = (about.user, matches!(record.op, Op::Reset { .. }));
            let Some(policy) = about.states().find(|policy| life_hash(user, policy) == hash && !is_end)
            else {
                continue;
            };
            // Unless it was written or reset since it was looked for.
            match self.load_by_name(user, policy, &Tail::read(&self.dir)?.of_user(user)?) {
                Ok(_) | Err(Error::Unknown { .. }) => {}
                Err(error) => return Ok(Some(error)),
            }
        }
        Ok(None)
    }
}
