//! Rewards of a store or a log, read once, into one set of sums for each user.
//!
//! Every reward counts once, whatever policy chose what was shown and however many learned it: given what is looked at, a
//! reward depends on the person alone. Who was forgotten is forgotten here too: a reset takes away what its policy had learned
//! of them before it, or what all had. States that were imported have no rewards behind them and are passed over.

use super::reward_shard::{RewardRow, RewardShard};
use super::user_sums::UserSums;
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::base::read;
use crate::domain::request::{RawRequest, Shown};
use crate::evaluation::log::{log_file, reward_files};
use crate::policy::{Learns, Policy, Scratch, SimulatedPeople, Structure};
use crate::store::log_line::{Op, RewardLine};
use rayon::prelude::*;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::PathBuf;

/// So many lines are read before they are understood, by all threads.
const LINES_TOGETHER: usize = 8_192;
/// Users are divided among so many maps, which threads add to side by side.
const SHARDS: usize = 16;
/// Longest line.
const MAX_LINE_BYTES: usize = 64 << 20;
/// The file beside a simulated log that says who its people are.
const PEOPLE_FILE: &str = "people.json";

/// Why a log cannot be learned from.
#[derive(Debug, thiserror::Error)]
pub enum TrainingDataError {
    /// A file that is no log of this program.
    #[error(
        "{file}: it is no log of rewards, which has lines of JSON: train learns from a store, from what `rehearsal log rewards` \
         prints, and from a folder that `simulate --log` made; logs that others wrote are for `evaluate`"
    )]
    OtherLog {
        /// The file.
        file: String,
    },
    /// A reward without its user, or without what was shown.
    #[error("{place}: a reward without {what}: a prior is learned from users who are told apart")]
    Missing {
        /// File and line.
        place: String,
        /// What it lacks.
        what: &'static str,
    },
    /// A value of a feature or reward that is too large to add up.
    #[error("{place}: a product of features or reward is {value}; allowed: at most 1e15 in size")]
    TooLarge {
        /// File and line.
        place: String,
        /// The product.
        value: f64,
    },
    /// A line that is too long.
    #[error("{place}: a line of more than {MAX_LINE_BYTES} bytes")]
    LongLine {
        /// File and line.
        place: String,
    },
}

impl Cause for TrainingDataError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// The sums of every user, by kind of candidate where each kind has a model; "" is no kind.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingData {
    dim: usize,
    /// In the order of names.
    pub(super) users: BTreeMap<SmolStr, BTreeMap<SmolStr, UserSums>>,
    rows: u64,
    imports: u64,
    repeats: u64,
    /// Who the people are, where the log says that they were simulated.
    pub(super) simulated: Vec<SimulatedPeople>,
}

/// A line that is understood.
enum Entry {
    Reward { row: RewardRow, number: u64 },
    Reset { user: SmolStr, policy: Option<SmolStr> },
    Import,
}

/// Where lines come from.
struct Source<'a> {
    /// Whose features are looked at.
    policy: &'a Policy,
    origin: &'a str,
    /// Number of the first line.
    first: u64,
    /// What comes before the names of simulated users.
    whose: &'a str,
}

/// Whether a state is that of all users together.
pub(super) fn is_everybody(user: &str) -> bool {
    user == Learns::Everybody.state_user("")
}

impl TrainingData {
    /// Reads the rewards at each of `from`: a store, a folder with a log, or one file of it. Simulated people of one name in
    /// several logs are several people, real ones are one.
    ///
    /// # Errors
    /// Files that cannot be read, or that are named twice; a line that is no reward of a known user.
    pub fn read(policy: &Policy, from: &[PathBuf]) -> Result<Self> {
        let mut shards: Vec<RewardShard> = (0..SHARDS).map(|_| RewardShard::default()).collect();
        let (mut imports, mut simulated) = (0, Vec::new());
        for (i, (from, files)) in from.iter().zip(reward_files(from)?).enumerate() {
            if files.is_empty() {
                continue;
            }
            let beside =
                if from.is_dir() { from.join(PEOPLE_FILE) } else { from.with_file_name(PEOPLE_FILE) };
            let mut whose = String::new();
            if beside.is_file() {
                let text = read::text(&beside)?;
                let people: SimulatedPeople = read::json(text.as_bytes(), &beside.display().to_string())?;
                simulated.push(people);
                whose = format!("{i}:");
            }
            for path in files {
                let origin = path.display().to_string();
                let (mut file, mut first) = (log_file(&path)?, 1);
                loop {
                    let lines = lines(&mut *file, &origin, first)?;
                    if lines.is_empty() {
                        break;
                    }
                    let source = Source { policy, origin: &origin, first, whose: &whose };
                    add(&source, &lines, &mut shards, &mut imports)?;
                    first += lines.len() as u64;
                }
            }
        }
        let repeats = shards.iter().map(RewardShard::repeats).sum();
        let users: BTreeMap<_, _> = shards.into_iter().flat_map(RewardShard::into_sums).collect();
        let rows = users.values().flat_map(BTreeMap::values).map(UserSums::rows).sum();
        Ok(Self { dim: policy.features().dim(), users, rows, imports, repeats, simulated })
    }

    /// Data that is there already, user by user and kind by kind.
    pub fn of(dim: usize, users: BTreeMap<SmolStr, BTreeMap<SmolStr, UserSums>>) -> Self {
        let rows = users.values().flat_map(BTreeMap::values).map(UserSums::rows).sum();
        Self { dim, users, rows, imports: 0, repeats: 0, simulated: Vec::new() }
    }

    /// Number of dimensions, D.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Rewards that were read, those of forgotten users left out.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Users whom they came from.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// Imported states, which were passed over.
    pub fn imports(&self) -> u64 {
        self.imports
    }

    /// Rewards that stand there again, under another policy or in another export, and count once.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// SHA-256, in hexadecimal, of all sums: the same in whatever order rows come.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new_with_prefix(b"rehearsal training data 1");
        for (user, kinds) in &self.users {
            for (kind, sums) in kinds {
                for name in [user, kind] {
                    hash.update((name.len() as u64).to_le_bytes());
                    hash.update(name.as_bytes());
                }
                sums.digest(&mut hash);
            }
        }
        hash.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// The next lines of a file; none at its end.
fn lines(file: &mut dyn BufRead, origin: &str, first: u64) -> Result<Vec<Vec<u8>>> {
    let mut lines = Vec::with_capacity(LINES_TOGETHER);
    while lines.len() < LINES_TOGETHER {
        let mut line = Vec::new();
        let place = || format!("{origin}: line {}", first + lines.len() as u64);
        let read = std::io::Read::take(&mut *file, MAX_LINE_BYTES as u64 + 1).read_until(b'\n', &mut line);
        if read.map_err(Error::io("read", origin))? == 0 {
            break;
        }
        if line.len() > MAX_LINE_BYTES {
            return Err(Error::because(TrainingDataError::LongLine { place: place() }));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Understands lines and adds them, whatever thread does which.
fn add(source: &Source, lines: &[Vec<u8>], shards: &mut [RewardShard], imports: &mut u64) -> Result<()> {
    let Source { origin, first, .. } = *source;
    let understand = |(scratch, (i, line)): (&mut Scratch, (usize, &Vec<u8>))| {
        let number = first + i as u64;
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        source.entry(line, number, scratch).map(Some)
    };
    let entries: Vec<Option<Entry>> = lines
        .par_iter()
        .enumerate()
        .map_init(Scratch::default, |scratch, line| understand((scratch, line)))
        .collect::<Result<_>>()?;
    let mut of_shards: Vec<Vec<&Entry>> = vec![Vec::new(); SHARDS];
    for entry in entries.iter().flatten() {
        match entry {
            Entry::Import => *imports += 1,
            Entry::Reward { row: RewardRow { user, .. }, .. } | Entry::Reset { user, .. } => {
                let sum = user.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + byte as usize);
                of_shards[sum % SHARDS].push(entry);
            }
        }
    }
    shards.par_iter_mut().zip(of_shards).try_for_each(|(shard, entries)| {
        for entry in entries {
            match entry {
                Entry::Import => {}
                Entry::Reset { user, policy } => shard.reset(user, policy.as_deref()),
                Entry::Reward { row, number } => shard.add(row).map_err(|value| {
                    let place = format!("{origin}: line {number}");
                    Error::because(TrainingDataError::TooLarge { place, value })
                })?,
            }
        }
        Ok(())
    })
}

impl Source<'_> {
    fn entry(&self, line: &[u8], number: u64, scratch: &mut Scratch) -> Result<Entry> {
        let Self { policy, origin, whose, .. } = *self;
        let place = || format!("{origin}: line {number}");
        if number == 1 && !read::without_mark(line).trim_ascii_start().starts_with(b"{") {
            return Err(Error::because(TrainingDataError::OtherLog { file: origin.to_owned() }));
        }
        let line: RewardLine<RawRequest, IgnoredAny> = read::json(line, &place())?;
        let missing = |what| Error::because(TrainingDataError::Missing { place: place(), what });
        let user = line.user.filter(|user| !user.is_empty());
        match line.op {
            Op::Import => return Ok(Entry::Import),
            Op::Reset => {
                let user = user.ok_or_else(|| missing("its user"))?;
                let policy = line.policy.map(SmolStr::from);
                return Ok(Entry::Reset { user: format!("{whose}{user}").into(), policy });
            }
            Op::Reward => {}
        }
        let request = line.request.ok_or_else(|| missing("what was shown"))?;
        // Where all users have one state, the request says whose reward it was.
        let user: SmolStr = match user {
            Some(user) if !is_everybody(&user) => user.as_ref().into(),
            _ => request.user.clone().ok_or_else(|| missing("its user"))?,
        };
        let reward = line.reward.ok_or_else(|| missing("its reward"))?;
        let shown = Shown::try_from(request).map_err(|fault| fault.within("request").at(place()))?;
        let kind = match policy.structure() {
            Structure::Shared => SmolStr::default(),
            Structure::Disjoint => shown.candidate().kind.clone().unwrap_or_default(),
        };
        let x = scratch.with_block(policy.features(), shown.offered(), |block, _| block.row(0).to_vec());
        let user = if whose.is_empty() { user } else { format!("{whose}{user}").into() };
        let learned_by = line.policy.map(SmolStr::from).unwrap_or_default();
        let row = RewardRow { user, policy: learned_by, kind, x, reward, key: None };
        let event = line.event.or(line.decision_id);
        let row = match (event, line.number) {
            (Some(event), _) => row.keyed(&[event.as_bytes()]),
            // Two of one state have two numbers.
            (None, Some(n)) => row.keyed(&[b"", &n.to_le_bytes(), &line.time_ms.to_le_bytes()]),
            (None, None) => row,
        };
        Ok(Entry::Reward { row, number })
    }
}
