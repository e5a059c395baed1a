//! `decisions.jsonl`: every decision with its request, so that a reward can be learned later.
//!
//! Lines are appended under a lock of their own, so that an id can say where its line
//! begins. They are not synced: a power cut may lose the latest decisions, whose rewards are then refused
//! as unknown; it cannot lose a reward, which carries what it was learned from.

use super::decision::Decision;
use super::decision_id::{DecisionId, ID_BYTES, MAX_SEGMENT, PLACEHOLDER};
use super::dir::{Dir, MAX_STATE_BYTES as MAX_LINE_BYTES, line_at};
use super::lock::Lock;
use super::manifest::{LogName, Manifest, last_crc};
use super::record::spec_of;
use super::store::Store;
use super::{frame, now_ms};
use crate::base::error::{Error, Result};
use crate::base::threads::each;
use crate::domain::request::{RawRequest, Request};
use crate::policy::{DecisionRng, Policy, RawPolicy};
use rand::{Rng, SeedableRng};
use rand_xoshiro::SplitMix64;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};

pub(super) const DECISIONS: LogName = LogName("decisions");
pub(super) const LOCK: &str = "decisions.lock";

/// The text of a decision's id.
pub type IdText = [u8; ID_BYTES];

/// Decisions on their way into the log, in order: their lines, with room for ids and checksums.
#[derive(Debug, Default)]
pub struct Drafts {
    lines: Vec<u8>,
    /// Where each line ends, and whether it is a shadow's.
    ends: Vec<(usize, bool)>,
}

impl Drafts {
    /// Adds what `policy` decided for `user` with `seed` on a request, whose JSON is `text`. Shadow decisions follow
    /// the one that they shadow.
    pub fn add(
        &mut self,
        (user, policy): (&str, &Policy),
        (request, text): (&Request, &[u8]),
        seed: u64,
        decision: &Decision,
        shadow: bool,
    ) {
        let line = Line {
            decision_id: PLACEHOLDER,
            shadow_of: shadow.then_some(PLACEHOLDER),
            user,
            policy: policy.name(),
            spec: spec_of(policy),
            shadow,
            chosen: &request.candidates()[decision.chosen].id,
            propensity: decision.propensity(),
            explored: decision.explored,
            scores: &decision.scores,
            propensities: decision.propensities.as_deref(),
            seed,
            time_ms: now_ms(),
        };
        serde_json::to_writer(&mut self.lines, &line).expect("plain values always serialize");
        self.lines.pop();
        self.lines.extend_from_slice(b",\"request\":");
        // Between the values of a JSON text a line break is a blank; within them there is none.
        let one_line = |b: &u8| if matches!(b, b'\n' | b'\r') { b' ' } else { *b };
        self.lines.extend(text.trim_ascii().iter().map(one_line));
        frame::seal_later(&mut self.lines);
        self.ends.push((self.lines.len(), shadow));
    }

    /// Number of decisions, those of shadows included.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Fills in ids and checksums, the first line being at `offset` of a segment; returns the ids.
    fn fill_in(&mut self, segment: u32, offset: u64, mut checks: SplitMix64) -> Vec<IdText> {
        let mut ids: Vec<IdText> = Vec::with_capacity(self.ends.len());
        let (mut begin, mut shown) = (0, 0);
        for (i, (end, shadow)) in self.ends.iter().enumerate() {
            let check = checks.next_u64() >> 16;
            ids.push(DecisionId { segment, offset: offset + begin as u64, check }.text());
            let line = &mut self.lines[begin..*end];
            let (own, rest) = line[ID_PREFIX.len()..].split_at_mut(ID_BYTES);
            own.copy_from_slice(&ids[i]);
            if *shadow {
                rest[SHADOW_PREFIX.len()..][..ID_BYTES].copy_from_slice(&ids[shown]);
            } else {
                shown = i;
            }
            frame::fill_in(line);
            begin = *end;
        }
        ids
    }
}

/// What a line holds before the request. The ids come first, so that their places are known.
#[derive(Serialize)]
struct Line<'a> {
    decision_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow_of: Option<&'a str>,
    user: &'a str,
    policy: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    spec: Option<Box<RawPolicy>>,
    shadow: bool,
    chosen: &'a str,
    propensity: Option<f64>,
    explored: bool,
    scores: &'a [f64],
    propensities: Option<&'a [f64]>,
    seed: u64,
    time_ms: u64,
}

/// A line as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLine {
    pub(super) decision_id: String,
    #[serde(default)]
    shadow_of: Option<String>,
    user: SmolStr,
    policy: String,
    #[serde(default)]
    spec: Option<RawPolicy>,
    shadow: bool,
    pub(super) chosen: String,
    #[serde(rename = "propensity")]
    _propensity: Option<f64>,
    #[serde(rename = "explored")]
    _explored: bool,
    #[serde(rename = "scores")]
    _scores: IgnoredAny,
    #[serde(rename = "propensities")]
    _propensities: IgnoredAny,
    #[serde(rename = "seed")]
    _seed: u64,
    pub(super) request: RawRequest,
    #[serde(rename = "time_ms")]
    _time_ms: u64,
    #[serde(rename = "crc")]
    _crc: IgnoredAny,
}

/// A decision that was found again.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The user.
    pub user: SmolStr,
    /// The policy that decided.
    pub policy: Arc<Policy>,
    /// What it decided on.
    pub request: Request,
    /// Position of the chosen candidate.
    pub chosen: usize,
}

/// The log of decisions.
#[derive(Debug)]
pub struct DecisionLog {
    dir: Dir,
    segment_bytes: u64,
    checks: SplitMix64,
}

impl DecisionLog {
    /// The log of a state directory, which need not exist yet.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn new(store: &Store) -> Result<Self> {
        let checks = SplitMix64::seed_from_u64(DecisionRng::fresh_seed()?);
        Ok(Self { dir: store.dir.clone(), segment_bytes: store.segment_bytes, checks })
    }

    /// Appends decisions in order and returns their ids, part by part.
    ///
    /// # Errors
    /// A directory or log that cannot be written; then none of them is in the log.
    pub fn append(&mut self, parts: &mut [Drafts]) -> Result<Vec<Vec<IdText>>> {
        if parts.iter().all(|part| part.ends.is_empty()) {
            return Ok(vec![Vec::new(); parts.len()]);
        }
        self.dir.ensure()?;
        let lock = Lock::take(&self.dir, LOCK)?;
        let mut manifest = Manifest::read(&self.dir, DECISIONS)?;
        manifest.finish_sealing(&self.dir, DECISIONS)?;
        let path = self.dir.join(&DECISIONS.active());
        let mut file = self.dir.open_log(&DECISIONS.active(), manifest.latest_sealed())?;
        let mut end = whole_lines(&file, &path)?;
        if end >= self.segment_bytes {
            let crc = last_crc(&file, end).map_err(Error::io("read", &path))?;
            manifest.seal(&self.dir, DECISIONS, end, 0, crc)?;
            file = self.dir.open_log(&DECISIONS.active(), manifest.latest_sealed())?;
            end = 0;
        }
        let segment = manifest.segment();
        if segment > MAX_SEGMENT {
            let message = format!(
                "it has {MAX_SEGMENT} segments, all that a decision's id can name; begin another directory"
            );
            return Err(Error::Refused(format!("{}: {message}", path.display())));
        }
        let mut offset = end;
        let mut place = |part: &Drafts| {
            let begin = offset;
            offset += part.lines.len() as u64;
            (begin, SplitMix64::seed_from_u64(self.checks.next_u64()))
        };
        let places: Vec<(u64, SplitMix64)> = parts.iter().map(&mut place).collect();
        let fill_in = |(part, (begin, checks)): (&mut Drafts, _)| part.fill_in(segment, begin, checks);
        let many = parts.len() > 1;
        let ids = each(parts.iter_mut().zip(places), many, fill_in);
        lock.check()?;
        if let Err(error) = parts.iter().try_for_each(|part| file.write_all(&part.lines)) {
            let _ = file.set_len(end);
            return Err(Error::io("write", path)(error));
        }
        Ok(ids)
    }

    /// The means to find decisions that are in the log by now.
    ///
    /// # Errors
    /// A damaged manifest.
    pub fn finder(&self) -> Result<Finder> {
        let manifest = Manifest::read(&self.dir, DECISIONS)?;
        let files = (0..=manifest.segment()).map(|_| OnceLock::new()).collect();
        Ok(Finder { dir: self.dir.clone(), manifest, files })
    }
}

/// Finds decisions by their ids, from several threads at once.
#[derive(Debug)]
pub struct Finder {
    dir: Dir,
    manifest: Manifest,
    /// By number of the segment; the file that is written to also stands at 0.
    files: Vec<OnceLock<Option<File>>>,
}

impl Finder {
    /// The file of a segment, opened once.
    fn file(&self, place: usize, name: &str) -> Result<Option<&File>> {
        if self.files[place].get().is_none() {
            // Another thread may have opened it meanwhile; then this one is closed again.
            let _ = self.files[place].set(self.dir.open(name)?);
        }
        Ok(self.files[place].get().expect("just set").as_ref())
    }

    /// The decision with this id, read from where the id says that it stands.
    ///
    /// # Errors
    /// An id that `score` never gave, or whose decision is not in the log; the decision of a shadow, which
    /// was shown to nobody; a damaged line.
    pub fn find(&self, id: &str) -> Result<Logged> {
        let place = DecisionId::parse(id)?;
        // A segment is in the manifest a moment before its file has its number.
        let sealed = (place.segment as usize, self.manifest.file(DECISIONS, place.segment));
        let mut found = None;
        for (number, name) in
            [sealed, (0, DECISIONS.active())].iter().filter(|_| place.segment <= self.manifest.segment())
        {
            let path = self.dir.join(name);
            let Some(file) = self.file(*number, name)? else { continue };
            let line = line_at(file, place.offset).map_err(Error::io("read", &path))?.unwrap_or_default();
            if line.strip_prefix(ID_PREFIX).is_some_and(|rest| rest.starts_with(id.as_bytes())) {
                found = Some((path, line));
                break;
            }
        }
        let (path, line) = found.ok_or_else(|| {
            let log = self.dir.join(&DECISIONS.active());
            Error::Refused(format!("decision {id:?}: not in {}", log.display()))
        })?;
        let damaged = |what: String| Error::Damaged {
            path: path.clone(),
            what: format!("the line at byte {}: {what}", place.offset),
        };
        frame::check(&line).map_err(damaged)?;
        let raw: RawLine = serde_json::from_slice(&line).map_err(|e| damaged(e.to_string()))?;
        if let Some(shown) = raw.shadow_of.filter(|_| raw.shadow) {
            return Err(Error::Refused(format!(
                "decision {id:?} is a shadow's, which nobody was shown; the reward belongs to {shown:?}"
            )));
        }
        let policy = match raw.spec {
            Some(spec) => Policy::try_from(spec).map_err(|fault| damaged(fault.to_string()))?,
            None => Policy::named(&raw.policy)?,
        };
        let request = Request::try_from(raw.request).map_err(|fault| damaged(fault.to_string()))?;
        let chosen = request.position(&raw.chosen)?;
        debug_assert_eq!(raw.decision_id, id);
        Ok(Logged { user: raw.user, policy: Arc::new(policy), request, chosen })
    }
}

const ID_PREFIX: &[u8] = b"{\"decision_id\":\"";
const SHADOW_PREFIX: &[u8] = b"\",\"shadow_of\":\"";

/// Cuts off a line that was never finished, whose id nobody was told; where the file ends then.
fn whole_lines(file: &File, path: &Path) -> Result<u64> {
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut end = length;
    let mut buffer = [0; 4096];
    while end > 0 {
        if length - end > MAX_LINE_BYTES {
            let what = format!("its last {MAX_LINE_BYTES} bytes are no line");
            return Err(Error::Damaged { path: path.to_owned(), what });
        }
        // The first look is at one byte: nearly always it is the newline.
        let size = if end == length { 1 } else { end.min(buffer.len() as u64) as usize };
        let chunk = &mut buffer[..size];
        file.read_exact_at(chunk, end - size as u64).map_err(Error::io("read", path))?;
        if let Some(i) = memchr::memrchr(b'\n', chunk) {
            end = end - size as u64 + i as u64 + 1;
            break;
        }
        end -= size as u64;
    }
    if end < length {
        file.set_len(end).map_err(Error::io("repair", path))?;
    }
    Ok(end)
}
