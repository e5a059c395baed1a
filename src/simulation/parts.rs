//! Results of some blocks, on disk and put together again.
//!
//! The work of a run is a list of blocks for each scenario. A *part* holds some of them, as JSON Lines:
//!
//! ```text
//! {"schema_version":1, "seed":..., "users":..., "blocks":[first, end], "digests":{...}, ...}   the header
//! {"scenario":0,"block":4,"records":[[...],...]}                                               each block
//! {"scenario":0,"curve":[...],"regret":[...],"shown":[...]}                                    each scenario
//! ```
//!
//! Every number is a whole number, sums of them are exact, and blocks have fixed places: parts of one run,
//! however it was cut, add up to the very bytes of the run in one piece.

use crate::base::clean::clean_line;
use crate::base::error::{Cause, Error, ErrorKind, Fault, Result};
use crate::base::read;
use crate::people::persona::MAX_KINDS;
use crate::people::scenario::MAX_STEPS;
use crate::simulation::blocks::{BLOCK_USERS, Block, Simulation};
use crate::simulation::metrics::UserRecord;
use crate::simulation::run_sums::RunSums;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Version of the format.
const SCHEMA_VERSION: u32 = 1;

/// Longest line of a part: the learning curves of one scenario, at most.
const MAX_LINE_BYTES: u64 = 1 << 30;
/// Most users of each persona.
pub const MAX_USERS: u64 = 100_000_000;
/// Most personas, policies and scenarios of a part.
const MAX_NAMES: u64 = 10_000;
/// How far shares may be from 1 in all, which they add up to but for rounding.
const WHOLE: f64 = 1e-9;
/// Most counts in the learning curves of a run.
const MAX_COUNTS: u64 = 1 << 28;

/// What a part says of the run that it belongs to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartHeader {
    schema_version: u32,
    /// Version of the program that ran it.
    pub version: String,
    /// Seed of all simulated users.
    pub seed: u64,
    /// Users of each persona in the whole run.
    pub users: u64,
    /// The first block of each scenario that the part holds, and the one after the last.
    pub blocks: [u64; 2],
    /// Names of the policies.
    pub policies: Vec<String>,
    /// The scenarios.
    pub scenarios: Vec<ScenarioHeader>,
    /// SHA-256 of every input as it was understood, by name.
    pub digests: BTreeMap<String, String>,
}

fn within_counts(field: &str, value: u64, low: u64, high: u64) -> Result<(), Fault> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let allowed = if low == 0 { format!("at most {high}") } else { format!("{low} to {high}") };
    Err(Fault::new(field, value, allowed))
}

impl ScenarioHeader {
    /// Refuses what no scenario of a run has.
    fn check(&self) -> Result<(), Fault> {
        within_counts("steps", self.steps.into(), 1, MAX_STEPS.into())?;
        within_counts("kinds", self.kinds as u64, 1, MAX_KINDS as u64)?;
        if !self.kind_names.is_empty() && self.kind_names.len() != self.kinds {
            let value = format!("a list of {}", self.kind_names.len());
            return Err(Fault::new("kind_names", value, format!("the names of {} kinds", self.kinds)));
        }
        within_counts("personas", self.personas.len() as u64, 1, MAX_NAMES)?;
        for (i, (_, share)) in self.personas.iter().enumerate() {
            if !(*share > 0.0 && *share <= 1.0) {
                return Err(Fault::new(format!("personas[{i}][1]"), share, "a share in (0, 1]"));
            }
        }
        let sum: f64 = self.personas.iter().map(|(_, share)| share).sum();
        if (sum - 1.0).abs() > WHOLE {
            let value = format!("shares of {sum} in all");
            return Err(Fault::new("personas", value, "shares that add up to 1"));
        }
        Ok(())
    }
}

/// What a part says of one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioHeader {
    /// Its name.
    pub name: String,
    /// What it asks, in a line.
    pub description: String,
    /// Decisions per user and policy.
    pub steps: u32,
    /// Number of kinds of tip.
    pub kinds: usize,
    /// Their names; empty in parts of a version that did not write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kind_names: Vec<String>,
    /// Names of the personas, with their shares of the population.
    pub personas: Vec<(String, f64)>,
}

impl PartHeader {
    /// The header of a whole run of these simulations, which share policies and seed.
    pub fn new(simulations: &[Simulation], users: u64, seed: u64, digests: BTreeMap<String, String>) -> Self {
        let scenario = |s: &Simulation| ScenarioHeader {
            name: s.scenario().name().to_owned(),
            description: s.scenario().raw().description.clone(),
            steps: s.scenario().raw().steps,
            kinds: s.kinds(),
            kind_names: s.kind_names().to_vec(),
            personas: s.personas().map(|(name, share)| (name.to_owned(), share)).collect(),
        };
        let policies = simulations.first().map_or(&[][..], Simulation::policies);
        Self {
            schema_version: SCHEMA_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed,
            users,
            blocks: [0, users.div_ceil(BLOCK_USERS)],
            policies: policies.iter().map(|p| p.name().to_owned()).collect(),
            scenarios: simulations.iter().map(scenario).collect(),
            digests,
        }
    }

    /// The same, if it can be that of a run in a file of so many bytes: what it announces is made room for before it is
    /// read, and no more than there can be in the file.
    ///
    /// # Errors
    /// What no run has.
    fn checked(mut self, bytes: u64) -> Result<Self, Fault> {
        within_counts("users", self.users, 1, MAX_USERS)?;
        within_counts("blocks", self.blocks[1], 0, self.all_blocks())?;
        within_counts("blocks", self.blocks[0], 0, self.blocks[1])?;
        let policies = self.policies.len() as u64;
        within_counts("policies", policies, 1, MAX_NAMES)?;
        within_counts("scenarios", self.scenarios.len() as u64, 1, MAX_NAMES)?;
        let (mut counts, mut of_kinds) = (0_u64, 0_u64);
        for (i, scenario) in self.scenarios.iter_mut().enumerate() {
            scenario.description = clean_line(&scenario.description);
            scenario.check().map_err(|fault| fault.within(&format!("scenarios[{i}]")))?;
            let each = 4 * scenario.personas.len() as u64 * policies;
            counts = counts.saturating_add(each * u64::from(scenario.steps));
            of_kinds = of_kinds.saturating_add(each * scenario.kinds as u64);
        }
        // Each count that is there takes a digit and a comma.
        let most = MAX_COUNTS.min(bytes / 2);
        within_counts("steps of all personas and policies, four counts each,", counts, 0, most)?;
        within_counts("kinds of all personas and policies, four counts each,", of_kinds, 0, MAX_COUNTS)?;
        Ok(self)
    }

    /// The header of the part that holds `blocks`.
    #[must_use]
    pub fn with_blocks(self, blocks: Range<u64>) -> Self {
        Self { blocks: [blocks.start, blocks.end], ..self }
    }

    /// Number of blocks of each scenario in the whole run.
    pub fn all_blocks(&self) -> u64 {
        self.users.div_ceil(BLOCK_USERS)
    }

    /// Users in one block.
    pub fn block_users(&self, block: u64) -> Range<u64> {
        block * BLOCK_USERS..self.users.min((block + 1) * BLOCK_USERS)
    }

    /// What is counted of the decisions of one scenario, all zero.
    pub fn blank_sums(&self, scenario: usize) -> RunSums {
        let ScenarioHeader { personas, steps, kinds, .. } = &self.scenarios[scenario];
        RunSums::blank(personas.len(), self.policies.len(), *steps as usize, *kinds)
    }

    /// Records in one block of one scenario.
    fn records(&self, scenario: usize, block: u64) -> usize {
        let users = self.block_users(block);
        (users.end - users.start) as usize * self.scenarios[scenario].personas.len() * self.policies.len()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockLine {
    scenario: usize,
    block: u64,
    records: Vec<UserRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SumsLine {
    scenario: usize,
    /// Reactions by persona, policy, step and reaction.
    curve: Vec<u64>,
    /// Regret by persona, policy and step; absent in parts of a version that did not count it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    regret: Vec<u64>,
    /// Reactions by persona, policy, kind and reaction; absent likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shown: Vec<u64>,
}

/// Writes a part while its blocks pass by, in the order of scenarios and blocks.
#[derive(Debug)]
pub struct PartWriter<W: Write> {
    out: W,
}

impl<W: Write> PartWriter<W> {
    /// A part with its header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W, header: &PartHeader) -> io::Result<Self> {
        let mut writer = Self { out };
        writer.line(header)?;
        Ok(writer)
    }

    /// Writes one block of one scenario.
    ///
    /// # Errors
    /// Those of the file.
    pub fn block(&mut self, scenario: usize, users: &Range<u64>, records: Vec<UserRecord>) -> io::Result<()> {
        self.line(&BlockLine { scenario, block: users.start / BLOCK_USERS, records })
    }

    /// Writes what was counted, one line per scenario.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish<'a>(mut self, sums: impl Iterator<Item = &'a RunSums>) -> io::Result<()> {
        for (scenario, RunSums { curve, regret, kinds }) in sums.enumerate() {
            self.line(&SumsLine {
                scenario,
                curve: curve.iter().copied().collect(),
                regret: regret.iter().copied().collect(),
                shown: kinds.iter().copied().collect(),
            })?;
        }
        self.out.flush()
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }
}

/// Why parts cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// No part was named.
    #[error("no part to merge")]
    None,
    /// A file does not begin as parts do.
    #[error("{error}; `simulate --blocks A..B --out FILE` writes parts, and `--out DIR` records")]
    NotAPart {
        /// What is wrong with its first line.
        error: Box<Error>,
    },
    /// Two parts belong to different runs.
    #[error("{} and {} are not parts of one run: {difference}", one.display(), other.display())]
    OtherRun {
        /// The first part.
        one: PathBuf,
        /// The part that differs from it.
        other: PathBuf,
        /// What sets their headers apart.
        difference: String,
    },
    /// Blocks are missing or there twice.
    #[error("blocks {faults}")]
    Blocks {
        /// All of them, by scenario.
        faults: String,
    },
}

impl Cause for PartsError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotAPart { error } => error.kind(),
            Self::None | Self::OtherRun { .. } | Self::Blocks { .. } => ErrorKind::Invalid,
        }
    }
}

/// Parts of one run, each block of which is there exactly once.
#[derive(Debug)]
pub struct RunParts {
    header: PartHeader,
    files: Vec<(PathBuf, BufReader<File>)>,
    /// Where each block stands: file, offset and length of its line.
    places: BTreeMap<(usize, u64), (usize, u64, usize)>,
    sums: Vec<RunSums>,
}

impl RunParts {
    /// Opens parts and makes sure that they are parts of one run and that nothing is missing.
    ///
    /// # Errors
    /// Files that cannot be read or are damaged, parts of different runs, blocks that are missing or there
    /// twice: all of them are named.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut parts: Option<Self> = None;
        let mut twice = Vec::new();
        for path in paths {
            let file = read::regular(path)?;
            let bytes = file.metadata().map_err(Error::io("read", path))?.len();
            let mut reader = BufReader::new(file);
            let mut line = Vec::new();
            read_line(&mut reader, &mut line, path)?;
            let origin = format!("{}, line 1", path.display());
            let header = read::json(&line, &origin)
                .and_then(|header: PartHeader| header.checked(bytes).map_err(|fault| fault.at(&origin)))
                .map_err(|error| Error::because(PartsError::NotAPart { error: Box::new(error) }))?;
            let whole = header.clone().with_blocks(0..header.all_blocks());
            let parts = parts.get_or_insert_with(|| Self {
                sums: (0..whole.scenarios.len()).map(|s| whole.blank_sums(s)).collect(),
                header: whole.clone(),
                files: Vec::new(),
                places: BTreeMap::new(),
            });
            if parts.header != whole {
                let (one, other) = (paths[0].clone(), path.clone());
                let difference = difference(&parts.header, &whole);
                return Err(Error::because(PartsError::OtherRun { one, other, difference }));
            }
            parts.index(&header, reader, path, &mut twice)?;
        }
        let parts = parts.ok_or_else(|| Error::because(PartsError::None))?;
        let all = (0..parts.header.scenarios.len())
            .flat_map(|s| (0..parts.header.all_blocks()).map(move |block| (s, block)));
        let missing = all.filter(|place| !parts.places.contains_key(place));
        let announced = parts.header.scenarios.len() as u64 * parts.header.all_blocks();
        let lacking = announced - parts.places.len() as u64;
        let mut faults = Vec::new();
        if lacking > 0 {
            faults.push(format!("missing: {}", parts.named(missing, lacking)));
        }
        if !twice.is_empty() {
            faults.push(format!("there twice: {}", parts.named(twice.iter().copied(), twice.len() as u64)));
        }
        if faults.is_empty() {
            Ok(parts)
        } else {
            Err(Error::because(PartsError::Blocks { faults: faults.join("; ") }))
        }
    }

    /// Notes where each block of one file stands and adds its learning curves.
    fn index(
        &mut self,
        header: &PartHeader,
        mut reader: BufReader<File>,
        path: &Path,
        twice: &mut Vec<(usize, u64)>,
    ) -> Result<()> {
        let file = self.files.len();
        let mut line = Vec::new();
        let (mut number, mut curves) = (1, 0);
        loop {
            let offset = reader.stream_position().map_err(Error::io("read", path))?;
            if read_line(&mut reader, &mut line, path)? == 0 {
                break;
            }
            number += 1;
            let origin = format!("{}, line {number}", path.display());
            let damaged =
                |message: &str| Error::Malformed { origin: origin.clone(), message: message.to_owned() };
            if let Some((scenario, block)) = block_of(&line) {
                if scenario >= self.sums.len() || !(header.blocks[0]..header.blocks[1]).contains(&block) {
                    return Err(damaged("a block that the header does not announce"));
                }
                if self.places.insert((scenario, block), (file, offset, line.len())).is_some() {
                    twice.push((scenario, block));
                }
            } else {
                let SumsLine { scenario, curve, regret, shown } = read::json(&line, &origin)?;
                let fits = |mine: &&mut RunSums| {
                    let others = [(&regret, mine.regret.len()), (&shown, mine.kinds.len())];
                    mine.curve.len() == curve.len()
                        && others.iter().all(|(theirs, own)| theirs.is_empty() || theirs.len() == *own)
                };
                let mine = self.sums.get_mut(scenario).filter(fits);
                let mine = mine.ok_or_else(|| damaged("a learning curve of another shape"))?;
                mine.curve.iter_mut().zip(curve).for_each(|(sum, count)| *sum += count);
                mine.regret.iter_mut().zip(regret).for_each(|(sum, count)| *sum += count);
                mine.kinds.iter_mut().zip(shown).for_each(|(sum, count)| *sum += count);
                curves += 1;
            }
        }
        if curves != header.scenarios.len() {
            let message = "it ends before its learning curves: it was not written to the end".to_owned();
            return Err(Error::Malformed { origin: path.display().to_string(), message });
        }
        self.files.push((path.to_path_buf(), reader));
        Ok(())
    }

    /// The run.
    pub fn header(&self) -> &PartHeader {
        &self.header
    }

    /// What was counted of the decisions of one scenario.
    pub fn sums(&self, scenario: usize) -> &RunSums {
        &self.sums[scenario]
    }

    /// The records of one block of one scenario.
    ///
    /// # Errors
    /// A line that is damaged.
    pub fn block(&mut self, scenario: usize, block: u64) -> Result<Block> {
        let (file, offset, length) = self.places[&(scenario, block)];
        let (path, reader) = &mut self.files[file];
        let mut line = vec![0; length];
        reader.seek(SeekFrom::Start(offset)).map_err(Error::io("read", &path))?;
        reader.read_exact(&mut line).map_err(Error::io("read", &path))?;
        let origin = format!("{}, block {block} of {}", path.display(), self.header.scenarios[scenario].name);
        let BlockLine { records, .. } = read::json(&line, &origin)?;
        let expected = self.header.records(scenario, block);
        if records.len() != expected {
            let message = format!("{} records; {expected} belong to it", records.len());
            return Err(Error::Malformed { origin, message });
        }
        let ScenarioHeader { steps, kinds, .. } = &self.header.scenarios[scenario];
        if let Some(record) =
            records.iter().find(|r| r.decisions() != *steps || usize::from(r.kinds) != *kinds)
        {
            let (decisions, own) = (record.decisions(), record.kinds);
            let message = format!(
                "a record of {decisions} decisions and {own} kinds of tip; each has {steps} and {kinds}"
            );
            return Err(Error::Malformed { origin, message });
        }
        Ok(Block { users: self.header.block_users(block), records, sums: self.header.blank_sums(scenario) })
    }

    /// The first of `count` blocks by name.
    fn named(&self, blocks: impl Iterator<Item = (usize, u64)>, count: u64) -> String {
        const SHOWN: u64 = 20;
        let names = blocks.map(|(s, block)| format!("{block} of {}", self.header.scenarios[s].name));
        let shown = names.take(count.min(SHOWN) as usize).collect::<Vec<_>>().join(", ");
        if count > SHOWN { format!("{shown} and {} more", count - SHOWN) } else { shown }
    }
}

/// Reads a line with its end; 0 at the end of the file.
fn read_line(reader: &mut BufReader<File>, line: &mut Vec<u8>, path: &Path) -> Result<usize> {
    line.clear();
    let read = reader.take(MAX_LINE_BYTES + 1).read_until(b'\n', line).map_err(Error::io("read", path))?;
    if read as u64 > MAX_LINE_BYTES {
        let message = format!("a line of more than {MAX_LINE_BYTES} bytes");
        return Err(Error::Malformed { origin: path.display().to_string(), message });
    }
    Ok(read)
}

/// Scenario and block at the beginning of a block's line, without reading all of it.
fn block_of(line: &[u8]) -> Option<(usize, u64)> {
    let start = std::str::from_utf8(&line[..line.len().min(80)]).ok()?;
    let rest = start.strip_prefix("{\"scenario\":")?;
    let (scenario, rest) = rest.split_once(",\"block\":")?;
    Some((scenario.parse().ok()?, rest.split_once(',')?.0.parse().ok()?))
}

/// What sets two headers apart.
fn difference(a: &PartHeader, b: &PartHeader) -> String {
    if a.version != b.version {
        return format!("versions {} and {}", a.version, b.version);
    }
    if a.seed != b.seed {
        return format!("seeds {} and {}", a.seed, b.seed);
    }
    if a.users != b.users {
        return format!("{} and {} users", a.users, b.users);
    }
    let names = a.digests.iter().filter(|(name, digest)| b.digests.get(*name) != Some(digest));
    let name = names.map(|(name, _)| name.as_str()).next().unwrap_or("policies or scenarios");
    format!("they differ in {name}")
}
