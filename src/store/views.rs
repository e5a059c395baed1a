//! State files: `DIR/<user>_<policy>.json`, one for each state, for `jq` and shell scripts.
//!
//! They follow the store and nothing reads them back. A file is written anew from the store and renamed into place
//! under a lock of its user, so that no older one replaces a newer one, whoever is killed when; the store notes which
//! revision its file has got to, so that the next command publishes what a killed one did not. The file of a user who
//! was forgotten is removed in the same way.

use super::contract::{Durability, Store, read, write};
use super::records::StateRecord;
use super::view_name::{encode, parse_state_file, state_file};
use crate::base::digest::fnv1a;
use crate::base::error::{Error, Result};
use crate::base::lock::FileLock;
use crate::base::threads::{MANY, each};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Folder of the locks.
const LOCKS: &str = "view-locks";
/// Number of locks: users share them, and as many processes can publish at a time.
const STRIPES: u32 = 64;
/// The lock in that folder which is shared by runs that publish when they end.
const RUNS: &str = "runs";
/// So long a command publishes what is for others to publish.
const MOMENT: Duration = Duration::from_millis(100);
/// So many states are read and published together.
const TOGETHER: usize = 4_096;
/// What the names of files begin with that are being written: state files never begin so.
const UNFINISHED: &str = ".view-";

/// Publishes every state whose file is behind.
///
/// # Errors
/// A store that cannot be read or written, a file that cannot be written. The store has what was committed in any case.
pub fn publish(store: &dyn Store) -> Result<()> {
    let Some(dir) = store.view_dir() else { return Ok(()) };
    publish_rest(store, dir, Rest::All)
}

/// Publishes the states of these users under these policies, and then what others left.
///
/// What a killed process left is published whole. Of what a run that lives has yet to publish, which may be a file for
/// each user that there is, others publish as much as they get done in a moment: nobody waits for another's run.
///
/// # Errors
/// As [`publish`].
pub fn publish_first(store: &dyn Store, own: &[(&str, &str)]) -> Result<()> {
    let Some(dir) = store.view_dir() else { return Ok(()) };
    let mut published = Ok(());
    // Whoever only decides has changed none.
    if !own.is_empty() {
        let states = read(store, |snapshot| snapshot.states(own))?;
        let behind: Vec<StateRecord> = states.into_iter().flatten().filter(StateRecord::is_behind).collect();
        for (stripe, ids) in by_stripe(&behind) {
            published = published.and(publish_together(store, dir, stripe, &ids));
        }
    }
    published.and(publish_rest(store, dir, Rest::OfRunsForAMoment))
}

/// Which of the states that are behind are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    All,
    /// What runs that live have yet to publish for [`MOMENT`], else all.
    OfRunsForAMoment,
}

/// A run that publishes what it changes when it ends: while this is there, others leave that to it.
#[derive(Debug)]
pub struct Run {
    _lock: Option<FileLock>,
}

impl Run {
    /// A run over the store begins.
    pub fn begin(store: &dyn Store) -> Self {
        // Where there are no locks others publish more than they have to, and that is all.
        Self { _lock: store.view_dir().and_then(|dir| FileLock::shared(&locks(dir).ok()?.join(RUNS))) }
    }
}

/// Publishes states whose files are behind, in the order of their ids.
fn publish_rest(store: &dyn Store, dir: &Path, rest: Rest) -> Result<()> {
    let (mut from, mut failed, mut until) = (0, Ok(()), None);
    loop {
        let behind = read(store, |snapshot| snapshot.unpublished(from, TOGETHER))?;
        let Some(last) = behind.last() else { return failed };
        from = last.id + 1;
        if rest == Rest::OfRunsForAMoment && until.is_none() && FileLock::is_held(&dir.join(LOCKS).join(RUNS))
        {
            until = Some(Instant::now() + MOMENT);
        }
        for (stripe, ids) in by_stripe(&behind) {
            if until.is_some_and(|until| Instant::now() > until) {
                return failed;
            }
            // One that cannot be written is in nobody else's way.
            failed = failed.and(publish_together(store, dir, stripe, &ids));
        }
    }
}

/// The ids of states by the locks of their users.
fn by_stripe(states: &[StateRecord]) -> BTreeMap<u32, Vec<i64>> {
    let mut stripes: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for state in states {
        stripes.entry(stripe(&state.user)).or_default().push(state.id);
    }
    stripes
}

/// The folder of the locks, which is made if it is not there.
fn locks(dir: &Path) -> Result<PathBuf> {
    let locks = dir.join(LOCKS);
    match fs::create_dir(&locks) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::io("create", &locks)(error)),
        _ => Ok(locks),
    }
}

/// Publishes states whose users share a lock.
fn publish_together(store: &dyn Store, dir: &Path, stripe: u32, ids: &[i64]) -> Result<()> {
    let _lock = FileLock::of_file(&locks(dir)?.join(format!("{stripe:02}")))?;
    // Under the lock what is read is never older than what anybody has put in place.
    let states = read(store, |snapshot| snapshot.states_by_id(ids))?;
    let states: Vec<StateRecord> = states.into_iter().filter(StateRecord::is_behind).collect();
    let many = states.len() >= MANY;
    let written = each(states.iter().enumerate(), many, |(i, state)| place(store, dir, (stripe, i), state));
    let (mut published, mut failed) = (Vec::with_capacity(states.len()), Ok(()));
    for (state, written) in states.iter().zip(written) {
        match written {
            Ok(()) => published.push((state.id, state.revision)),
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    if !published.is_empty() {
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("sync", dir))?;
        write(store, Durability::Process, |transaction| transaction.mark_published(&published))?;
    }
    failed
}

/// Puts the file of a state in its place, or removes it if its user was forgotten.
fn place(store: &dyn Store, dir: &Path, (stripe, i): (u32, usize), state: &StateRecord) -> Result<()> {
    let name =
        state_file(&state.user, state.policy.name()).map_err(|fault| fault.at(store.origin().display()))?;
    let path = dir.join(name);
    let Some(state) = state.state(store.origin())? else { return remove(&path) };
    let unfinished = dir.join(format!("{UNFINISHED}{stripe:02}-{i}"));
    let mut file = begin(&unfinished).map_err(Error::io("write", &unfinished))?;
    // Who may read the file is for its owner to say.
    if let Ok(there) = fs::symlink_metadata(&path)
        && there.is_file()
    {
        #[cfg(unix)]
        keep_owner(&file, &there);
        file.set_permissions(there.permissions()).map_err(Error::io("write", &unfinished))?;
    }
    file.write_all(&state.to_line())
        .and_then(|()| file.sync_data())
        .map_err(Error::io("write", &unfinished))?;
    fs::rename(&unfinished, &path).map_err(Error::io("replace", &path))
}

/// A new file under a name that the lock makes ours: what a killed process left there goes, and a link that somebody laid
/// there leads nowhere.
fn begin(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            options.open(path)
        }
        made => made,
    }
}

/// Makes the owner of a file that is there that of the one that takes its place, where we may.
#[cfg(unix)]
fn keep_owner(file: &File, there: &fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(there.uid()), Some(there.gid()));
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes the files of states that were erased from the store.
///
/// # Errors
/// A file that cannot be removed.
pub fn erase(store: &dyn Store, user: &str, policies: &[String]) -> Result<()> {
    let Some(dir) = store.view_dir() else { return Ok(()) };
    let locks = dir.join(LOCKS);
    if !locks.is_dir() {
        return Ok(());
    }
    let _lock = FileLock::of_file(&locks.join(format!("{:02}", stripe(user))))?;
    for policy in policies {
        // Somebody may have begun it anew meanwhile.
        let there = read(store, |snapshot| snapshot.states(&[(user, policy)]))?;
        if there.into_iter().flatten().next().is_none() {
            remove(&dir.join(state_file(user, policy).map_err(|fault| fault.at("reset"))?))?;
        }
    }
    Ok(())
}

/// The lock of a user.
fn stripe(user: &str) -> u32 {
    fnv1a(encode(user).bytes()) % STRIPES
}

/// What is wrong with the file of a state; `None` if it is as the store has it, or nobody wants one.
///
/// # Errors
/// A file or a store that cannot be read.
pub fn problem(store: &dyn Store, state: &StateRecord) -> Result<Option<String>> {
    let Some(dir) = store.view_dir() else { return Ok(None) };
    if state.published != Some(state.revision) {
        return Ok(None);
    }
    let Ok(name) = state_file(&state.user, state.policy.name()) else { return Ok(None) };
    let path = dir.join(name);
    let expected =
        |state: &StateRecord| Ok::<_, Error>(state.state(store.origin())?.map(|state| state.to_line()));
    // A damaged state is a problem of its own.
    let Ok(expected_now) = expected(state) else { return Ok(None) };
    let found = compare(&path, expected_now.as_deref()).map_err(Error::io("read", &path))?;
    if found == Found::AsExpected {
        return Ok(None);
    }
    // Somebody may have learned since.
    let latest = read(store, |snapshot| snapshot.states_by_id(&[state.id]))?.pop();
    if latest.is_none_or(|latest| latest.revision != state.revision) {
        return Ok(None);
    }
    Ok(Some(match found {
        Found::Nothing => "it is gone; `rehearsal rebuild` writes it again".to_owned(),
        _ => "somebody changed it; `rehearsal import --replace` takes it in, `rehearsal rebuild` writes it anew"
            .to_owned(),
    }))
}

/// What stands where the file of a state should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    AsExpected,
    SomethingElse,
}

/// Holds a file against what should be in it, without reading more than that: anybody may have put anything there.
fn compare(path: &Path, expected: Option<&[u8]>) -> io::Result<Found> {
    let nothing = if expected.is_none() { Found::AsExpected } else { Found::Nothing };
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok(nothing),
        _ => Err(error),
    };
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(error) => return missing(error),
    };
    let Some(expected) = expected else { return Ok(Found::SomethingElse) };
    if !about.is_file() || about.len() != expected.len() as u64 {
        return Ok(Found::SomethingElse);
    }
    let mut found = Vec::with_capacity(expected.len() + 1);
    match File::open(path).and_then(|file| file.take(expected.len() as u64 + 1).read_to_end(&mut found)) {
        Err(error) => missing(error),
        Ok(_) => Ok(if found == expected { Found::AsExpected } else { Found::SomethingElse }),
    }
}

/// Names of state files whose states the store does not have, sorted.
///
/// # Errors
/// A directory or a store that cannot be read.
pub fn strays(store: &dyn Store) -> Result<Vec<String>> {
    let Some(dir) = store.view_dir() else { return Ok(Vec::new()) };
    let mut strays = Vec::new();
    let mut names = fs::read_dir(dir).map_err(Error::io("list", dir))?;
    loop {
        let mut keys = Vec::with_capacity(TOGETHER);
        for entry in names.by_ref() {
            let name = entry.map_err(Error::io("list", dir))?.file_name();
            keys.extend(name.to_str().and_then(parse_state_file));
            if keys.len() == TOGETHER {
                break;
            }
        }
        if keys.is_empty() {
            strays.sort();
            return Ok(strays);
        }
        let asked: Vec<(&str, &str)> =
            keys.iter().map(|(user, policy)| (user.as_str(), policy.as_str())).collect();
        let found = read(store, |snapshot| snapshot.states(&asked))?;
        let lost = asked.iter().zip(found).filter(|(_, state)| {
            state
                .as_ref()
                .is_none_or(|state| state.model.is_none() && state.published == Some(state.revision))
        });
        let names = lost.filter_map(|((user, policy), _)| state_file(user, policy).ok());
        // A reset may have removed it since it was listed.
        strays.extend(names.filter(|name| dir.join(name).exists()));
    }
}
