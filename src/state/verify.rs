//! Whether everything in a state directory is what was written there, and follows from the logs.

use super::decision_check;
use super::format;
use super::history::History;
use super::index::{INDEX, Index};
use super::journal::{REWARDS, Tail};
use super::ledger::{Key, LOCK};
use super::lock::Lock;
use super::manifest::Manifest;
use super::name;
use super::reading::{Problem, digest};
use super::store::Store;
use crate::base::error::Result;
use std::collections::BTreeSet;

/// What was looked at, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Verified {
    /// Number of state files.
    pub states: usize,
    /// Number of the latest record of `rewards.jsonl`.
    pub records: u64,
    /// Number of decisions in the log.
    pub decisions: u64,
    /// Empty if all is well.
    pub problems: Vec<Problem>,
}

impl Store {
    /// Checks every file of the directory: checksums, sequence numbers, dimensions, positive definiteness,
    /// states against the rewards that they were learned from, the index against the events. Changes
    /// nothing; writers wait meanwhile.
    ///
    /// # Errors
    /// Files that cannot be read at all. What is wrong in them is a [`Problem`].
    pub fn verify(&self) -> Result<Verified> {
        let _lock = self.dir.has(LOCK).then(|| Lock::take(&self.dir, LOCK)).transpose()?;
        let mut report = Verified::default();
        let manifest = match Manifest::read(&self.dir, REWARDS) {
            Ok(manifest) => manifest,
            Err(error) => {
                report.note(&REWARDS.manifest(), error.to_string());
                Manifest::guess(&self.dir, REWARDS)?
            }
        };
        let history = History::read(self, &manifest)?;
        for (i, problems) in history.log.segments.iter().enumerate() {
            let known = manifest.sealed.get(i).map_or("", |sealed| &sealed.damaged);
            if digest(problems) != known {
                report.problems.extend_from_slice(problems);
            }
        }
        report.records = history.log.last_seq;
        self.verify_states(&history, manifest.checkpoint.seq, &mut report)?;
        self.verify_index(&history, &manifest, &mut report)?;
        let checked = decision_check::check(&self.dir)?;
        report.decisions = checked.decisions;
        report.problems.extend(checked.news());
        report.problems.sort();
        Ok(report)
    }

    fn verify_states(&self, history: &History, checkpoint: u64, report: &mut Verified) -> Result<()> {
        let mut seen = BTreeSet::new();
        let tail = Tail::read(&self.dir).ok();
        for file in self.dir.names()? {
            let Some((user, policy)) = name::parse_state_file(&file) else { continue };
            report.states += 1;
            let state = match self.state_in(&file, &user, &policy) {
                Ok(state) => state,
                Err(error) => {
                    report.note(&file, error.to_string());
                    seen.insert((user, policy));
                    continue;
                }
            };
            let Some(state) = state else { continue };
            let key = (user, policy);
            let (found, remembered) = (state.seq, history.states.get(&key));
            // What the log has got to for this state, and what its file shows at least.
            let (expected, settled) = remembered.map_or_else(
                || {
                    let reset = history.forgotten.get(&key).copied().unwrap_or_default();
                    (reset, if reset <= checkpoint { reset } else { 0 })
                },
                |remembered| (remembered.latest, remembered.settled),
            );
            if found > expected || remembered.is_none() && found > 0 && expected == 0 {
                report.note(
                    &file,
                    format!("it holds record {found}, the log knows none of it after {expected}"),
                );
            } else if found < settled {
                report.note(&file, format!("it holds record {found}, the log has got to {expected}"));
            } else if let Some(error) =
                tail.as_ref().filter(|_| found < expected).and_then(|tail| self.misfit(tail, &key))
            {
                report.note(&file, error);
            } else if let Some(remembered) = remembered.filter(|r| found == expected && r.broken.is_none())
                && format::to_line(&remembered.state) != format::to_line(&state)
            {
                report.note(&file, "it is not what the log makes of it".to_owned());
            }
            seen.insert(key);
        }
        for (key, remembered) in history.states.iter().filter(|(key, _)| !seen.contains(*key)) {
            let seq = remembered.latest;
            if remembered.settled > 0 {
                let file = name::state_file(&key.0, &key.1).map_err(|fault| fault.at("the log"))?;
                report.note(&file, format!("it is not there; the log has got to record {seq}"));
            }
        }
        Ok(())
    }

    /// Why a file that lags behind does not go together with the end of the log, if it does not.
    fn misfit(&self, tail: &Tail, (user, policy): &Key) -> Option<String> {
        let records = tail.of_user(user).ok()?;
        self.load_by_name(user, policy, &records).err().map(|error| error.to_string())
    }

    fn verify_index(&self, history: &History, manifest: &Manifest, report: &mut Verified) -> Result<()> {
        if manifest.checkpoint.seq == 0 {
            return Ok(());
        }
        let Some(index) = Index::open(&self.dir)? else {
            report.note(INDEX, "it is not there or damaged; the next reward makes it anew".to_owned());
            return Ok(());
        };
        let end = (manifest.segment(), manifest.checkpoint.offset);
        let missing = history.told.slots.iter().filter(|(_, place)| (place.segment, place.offset) < end);
        let mut absent = 0;
        for (hash, place) in missing {
            match index.find(*hash)? {
                None => {
                    report.note(
                        INDEX,
                        "a page is damaged; the next reward that needs it makes it anew".to_owned(),
                    );
                    return Ok(());
                }
                Some(places) => absent += usize::from(!places.contains(place)),
            }
        }
        let untraced = self.untraced(history, &self.whole_index()?)?;
        if untraced > 0 {
            report.note(
                INDEX,
                format!("{untraced} states that it names are in no file, and the log does not tell them"),
            );
        }
        if absent > 0 {
            report.note(INDEX, format!("{absent} places in the log are not in it"));
        }
        Ok(())
    }
}

impl Verified {
    fn note(&mut self, file: &str, problem: String) {
        self.problems.push(Problem { file: file.to_owned(), problem });
    }
}
