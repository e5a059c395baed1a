//! Checking the log of decisions as a whole. What is damaged there nobody can make again: a rebuild says so once, and
//! remembers it.

use super::decision_id::DecisionId;
use super::decision_log::{DECISIONS, LOCK, RawLine};
use super::dir::{Dir, Lines};
use super::frame;
use super::lock::Lock;
use super::manifest::{GONE, Manifest, last_crc};
use super::reading::{Problem, digest};
use crate::base::error::{Error, Result};
use crate::domain::request::Request;
use std::fs::File;

/// What was found in the log of decisions.
#[derive(Debug)]
pub(super) struct Checked {
    /// How many are retained.
    pub(super) decisions: u64,
    /// What is wrong with the manifest.
    manifest: Option<Problem>,
    /// What is wrong with each segment, the one that is written to last, and what a rebuild knows of it.
    segments: Vec<(Vec<Problem>, String)>,
}

impl Checked {
    /// What no rebuild has said yet.
    pub(super) fn news(self) -> Vec<Problem> {
        let new = |(problems, known): &(Vec<Problem>, String)| digest(problems) != *known;
        let segments = self.segments.into_iter().filter(new).flat_map(|(problems, _)| problems);
        self.manifest.into_iter().chain(segments).collect()
    }
}

/// Checks every decision that is retained. Decisions that are made meanwhile are left out, and wait for nothing.
pub(super) fn check(dir: &Dir) -> Result<Checked> {
    // Who seals a segment is waited for.
    let lock = dir.has(LOCK).then(|| Lock::take(dir, LOCK)).transpose()?;
    let (manifest, problem) = match Manifest::read(dir, DECISIONS) {
        Ok(manifest) => (manifest, None),
        Err(error) => {
            let problem = Problem { file: DECISIONS.manifest(), problem: error.to_string() };
            (Manifest::guess(dir, DECISIONS)?, Some(problem))
        }
    };
    let segments = Segments::of(dir, &manifest)?;
    drop(lock);
    let (decisions, segments) = segments.read(dir, &manifest)?;
    Ok(Checked { decisions, manifest: problem, segments })
}

/// Begins a new segment if the one that is written to is damaged, and remembers what is wrong with each. What was not
/// known before is returned.
pub(super) fn mend(dir: &Dir) -> Result<Vec<Problem>> {
    let found = check(dir)?;
    let is_damaged = found.segments.last().is_some_and(|(problems, _)| !problems.is_empty());
    let news = found.news();
    if news.is_empty() {
        return Ok(news);
    }
    let lock = Lock::take(dir, LOCK)?;
    let mut manifest = Manifest::read(dir, DECISIONS)?;
    manifest.finish_sealing(dir, DECISIONS)?;
    if let Some((active, length)) = with_length(dir, &DECISIONS.active())?
        && is_damaged
    {
        let crc = last_crc(&active, length).map_err(Error::io("read", dir.join(&DECISIONS.active())))?;
        lock.check()?;
        manifest.seal(dir, DECISIONS, length, 0, crc)?;
    }
    // As whoever looks from now on finds it.
    let (_, segments) = Segments::of(dir, &manifest)?.read(dir, &manifest)?;
    for (sealed, (problems, _)) in manifest.sealed.iter_mut().zip(segments) {
        sealed.damaged = digest(&problems);
    }
    manifest.write(dir, DECISIONS)?;
    Ok(news)
}

/// The files of the log at one moment.
struct Segments {
    files: Vec<Option<String>>,
    /// The file that is written to, which may get another name, and its length.
    active: Option<(File, u64)>,
}

impl Segments {
    /// Of what the manifest lists, while the lock is held.
    fn of(dir: &Dir, manifest: &Manifest) -> Result<Self> {
        let files = manifest.files(dir, DECISIONS)?;
        Ok(Self { files, active: with_length(dir, &DECISIONS.active())? })
    }

    /// Number of decisions, and by segment what is wrong, with what is known of that.
    fn read(mut self, dir: &Dir, manifest: &Manifest) -> Result<(u64, Vec<(Vec<Problem>, String)>)> {
        let (mut decisions, mut segments) = (0, Vec::new());
        for (segment, name) in (1..).zip(self.files) {
            let sealed = manifest.sealed.get(segment as usize - 1);
            let mut problems = Vec::new();
            let mut note = |file: &str, problem| problems.push(Problem { file: file.to_owned(), problem });
            let there = match name.as_deref() {
                Some(name) if name == DECISIONS.active() => self.active.take(),
                Some(name) => with_length(dir, name)?,
                None => None,
            };
            match (there, sealed, name) {
                (Some((file, length)), sealed, Some(name)) => {
                    if let Some(sealed) = sealed.filter(|sealed| sealed.bytes != length) {
                        note(&name, format!("{length} bytes; the manifest knows {}", sealed.bytes));
                    }
                    let mut lines = Lines::in_file(Some(file), dir.join(&name), length);
                    while let Some((offset, line)) = lines.next()? {
                        match line.and_then(|line| check_line(line, segment, offset)) {
                            Ok(()) => decisions += 1,
                            Err(what) => note(&name, format!("the line at byte {offset}: {what}")),
                        }
                    }
                }
                (None, Some(sealed), Some(_)) => note(&sealed.file, GONE.to_owned()),
                _ => {}
            }
            segments.push((problems, sealed.map_or_else(String::new, |sealed| sealed.damaged.clone())));
        }
        Ok((decisions, segments))
    }
}

/// A file and how long it is now; `None` if it is not there.
fn with_length(dir: &Dir, name: &str) -> Result<Option<(File, u64)>> {
    let Some(file) = dir.open(name)? else { return Ok(None) };
    let length = file.metadata().map_err(Error::io("read", dir.join(name)))?.len();
    Ok(Some((file, length)))
}

/// Whether a line is a decision and stands where its id says.
fn check_line(line: &[u8], segment: u32, offset: u64) -> Result<(), String> {
    frame::check(line)?;
    let raw: RawLine = serde_json::from_slice(line).map_err(|e| e.to_string())?;
    let id = DecisionId::parse(&raw.decision_id).map_err(|e| e.to_string())?;
    if (id.segment, id.offset) != (segment, offset) {
        return Err(format!("its id {} names another place", raw.decision_id));
    }
    let request = Request::try_from(raw.request).map_err(|fault| fault.to_string())?;
    request.position(&raw.chosen).map(drop).map_err(|e| e.to_string())
}
