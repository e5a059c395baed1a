//! The checkpoint: everything that the tail of the log says goes to the state files and to the index, so
//! that the tail can begin anew.
//!
//! In this order, each durable before the next begins: the log, the states and the index, the manifest that moves
//! the checkpoint. All of it can be done twice, so it matters to nobody where it is cut short: as long as the manifest
//! is the old one, everybody lays the tail over files and index.

use super::about::Told;
use super::dir::Lines;
use super::index::{INDEX, Index, Place};
use super::journal::REWARDS;
use super::ledger::{Ledger, SMALL};
use super::lookup::{Lookup, OfState};
use super::name;
use super::record::Header;
use super::store::Loaded;
use crate::base::error::{Error, Result};
use crate::base::threads::{both, each};

/// So many states that are not in memory are read at a time.
const READ_TOGETHER: usize = 16_384;

impl Ledger<'_> {
    /// Writes a checkpoint; the lock is held.
    pub(super) fn checkpoint(&mut self) -> Result<()> {
        let journal = self.journal.as_ref().expect("locked");
        if journal.tail().is_empty() {
            return Ok(());
        }
        // What follows says that the log has got to here; whoever wrote its end may have died before syncing.
        journal.sync()?;
        if self.lookup.is_none() {
            self.lookup = Some(Lookup::of(journal.tail())?);
        }
        let lookup = self.lookup.as_ref().expect("just made");
        let (ended, changed): (Vec<_>, Vec<_>) = lookup.states().partition(|state| state.ends);
        for OfState { user, policy, .. } in ended {
            let file = name::state_file(user, policy).map_err(|fault| fault.at("the log"))?;
            self.store.dir.remove(&file)?;
        }
        let index = self.index.take();
        let slots = || lookup.slots(journal.manifest().segment());
        let many = changed.len() > SMALL;
        let (states, index) = both(many, || self.write_states(&changed), || self.extended(index, &slots()));
        states?;
        self.index = index?;
        self.cache.settled();
        let journal = self.journal.as_mut().expect("locked");
        journal.checkpoint(&self.store.dir, self.store.segment_bytes)?;
        self.lookup = None;
        Ok(())
    }

    /// Brings the files of these states up to date.
    fn write_states(&self, states: &[&OfState]) -> Result<()> {
        let (store, journal) = (self.store, self.journal.as_ref().expect("locked"));
        let (cache, lookup) = (&self.cache, self.lookup.as_ref().expect("of this tail"));
        let load = |state: &OfState| {
            let records = lookup.records(journal, state)?;
            match store.load_by_name(&state.user, &state.policy, &records) {
                // Whoever wants it is told; the log has what it lacks, for a rebuild.
                Err(error @ Error::Io { .. }) => Err(error),
                loaded => Ok(loaded.ok()),
            }
        };
        for states in states.chunks(READ_TOGETHER) {
            let (mut known, mut missing) = (Vec::new(), Vec::new());
            for state in states {
                let OfState { user, policy, .. } = state;
                cache.get(user, policy).map_or_else(|| missing.push(*state), |loaded| known.push(loaded));
            }
            let many = missing.len() > SMALL;
            let loaded: Vec<Option<Loaded>> = each(missing, many, load).into_iter().collect::<Result<_>>()?;
            let behind = loaded.iter().flatten().chain(known).filter(|loaded| loaded.behind);
            store.replace(&behind.map(|loaded| &loaded.state).collect::<Vec<_>>())?;
        }
        store.dir.sync()
    }

    /// The index, which may be open, with these places in it; none if another one took its place.
    fn extended(&self, index: Option<Index>, slots: &[(u64, Place)]) -> Result<Option<Index>> {
        let seq = self.journal.as_ref().expect("locked").last_seq();
        let mut index = index.map_or_else(|| self.open_index(), Ok)?;
        if index.extend(slots, seq)? {
            return Ok(Some(index));
        }
        let all = match index.all()? {
            Some(mut all) => {
                all.extend_from_slice(slots);
                all.sort_unstable();
                all.dedup();
                all
            }
            None => self.all_slots(true)?,
        };
        Index::create(&self.store.dir, &all, seq)?;
        Ok(None)
    }

    /// The answer to what takes [`Self::find`], and is `None` where that is: the index is opened then, and made anew
    /// if that is not enough.
    pub(super) fn ask_index<T>(&mut self, ask: impl Fn(&Self) -> Result<Option<T>>) -> Result<T> {
        if let Some(answer) = ask(self)? {
            return Ok(answer);
        }
        if self.index.is_none() {
            self.index = Some(self.open_index()?);
            if let Some(answer) = ask(self)? {
                return Ok(answer);
            }
        }
        // A damaged page: what it held is in the log.
        self.index = Some(self.made_index()?);
        let damaged = || Error::Damaged {
            path: self.store.dir.join(INDEX),
            what: "made anew, and damaged again".to_owned(),
        };
        ask(self)?.ok_or_else(damaged)
    }

    /// The places of this hash before the checkpoint, none before the first one; `None` if the index is not open, or a
    /// page of it is damaged.
    pub(super) fn find(&self, hash: u64) -> Result<Option<Vec<Place>>> {
        if self.journal.as_ref().expect("locked").manifest().checkpoint.seq == 0 {
            return Ok(Some(Vec::new()));
        }
        self.index.as_ref().map_or(Ok(None), |index| index.find(hash))
    }

    /// The index, made anew if it is not there, is damaged, or does not reach the checkpoint.
    pub(super) fn open_index(&self) -> Result<Index> {
        let reached = self.journal.as_ref().expect("locked").manifest().checkpoint.seq;
        let index = Index::open(&self.store.dir)?.filter(|index| index.covered() >= reached);
        index.map_or_else(|| self.made_index(), Ok)
    }

    fn made_index(&self) -> Result<Index> {
        let slots = self.all_slots(false)?;
        let reached = self.journal.as_ref().expect("locked").manifest().checkpoint.seq;
        Index::create(&self.store.dir, &slots, reached)?;
        Index::open(&self.store.dir)?.ok_or_else(|| Error::Damaged {
            path: self.store.dir.join(INDEX),
            what: "just made, and not readable".to_owned(),
        })
    }

    /// What the index is told of the retained log up to the checkpoint, or with the tail.
    fn all_slots(&self, with_tail: bool) -> Result<Vec<(u64, Place)>> {
        let manifest = self.journal.as_ref().expect("locked").manifest();
        let mut told = Told::default();
        for segment in 1..=manifest.segment() {
            let limit = if segment == manifest.segment() && !with_tail {
                manifest.checkpoint.offset
            } else {
                u64::MAX
            };
            let mut lines = Lines::of(&self.store.dir, &manifest.file(REWARDS, segment), limit)?;
            while let Some((offset, line)) = lines.next()? {
                // A damaged line is for `verify` to name; its event cannot be known.
                let Ok(header) = line.and_then(Header::parse) else { continue };
                told.add(&header.about(), Place { segment, offset });
            }
        }
        Ok(told.all())
    }
}
