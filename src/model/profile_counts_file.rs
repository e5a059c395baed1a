//! What was counted of users up to a moment, as a file: JSON Lines, what it is of first, then a line for each user.

use super::profile_source::SourceMark;
use super::profile_table::{ProfileTable, UserEvent, UserPast};
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::base::read;
use crate::features::profile_history::ProfileCounts;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

/// The version of the format.
const VERSION: u32 = 2;

/// Why a file cannot be gone on from.
#[derive(Debug, thiserror::Error)]
pub enum CountsFileError {
    /// It is of another version of this program, or of none.
    #[error("{path}: counts of format {found}; allowed: {VERSION}. Remove it, and all is counted anew")]
    Version {
        /// The file.
        path: String,
        /// The version that it states.
        found: u32,
    },
    /// It has not all the users that it should have, or one twice.
    #[error("{path}: counts of {found} users where it says {stated}. Remove it, and all is counted anew")]
    Users {
        /// The file.
        path: String,
        /// How many there are.
        found: u64,
        /// How many there should be.
        stated: u64,
    },
}

impl Cause for CountsFileError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    profile_counts: u32,
    counted_to: u64,
    latest: u64,
    passed_over: u64,
    users: u64,
    sources: Cow<'a, [SourceMark]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserLine {
    user: SmolStr,
    counts: ProfileCounts,
    told: BTreeSet<SmolStr>,
    counted: BTreeSet<u64>,
    since: Vec<UserEvent>,
}

impl ProfileTable {
    /// What was counted, from a file that [`Self::write_counts`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, or is none of these.
    pub fn from_counts(path: &Path) -> Result<Self> {
        let (mut file, origin) = (BufReader::new(read::regular(path)?), path.display().to_string());
        let (mut line, mut number) = (Vec::new(), 0_u64);
        let mut next = |line: &mut Vec<u8>| {
            line.clear();
            number += 1;
            let read = file.read_until(b'\n', line).map_err(Error::io("read", path))?;
            Ok::<_, Error>((read > 0).then(|| format!("{origin}: line {number}")))
        };
        let place = next(&mut line)?.unwrap_or_else(|| origin.clone());
        let header: Header = read::json(&line, &place)?;
        if header.profile_counts != VERSION {
            let found = header.profile_counts;
            return Err(Error::because(CountsFileError::Version { path: origin, found }));
        }
        let mut table = Self {
            counted_to: header.counted_to,
            latest: header.latest,
            passed_over: header.passed_over,
            sources: header.sources.into_owned(),
            ..Self::default()
        };
        let stated = header.users;
        let mut found = 0;
        while let Some(place) = next(&mut line)? {
            let UserLine { user, counts, told, counted, since } = read::json(&line, &place)?;
            table.users.insert(user, UserPast { counts, told, counted, events: since });
            found += 1;
        }
        if found != stated || table.users.len() as u64 != stated {
            return Err(Error::because(CountsFileError::Users { path: origin, found, stated }));
        }
        Ok(table)
    }

    /// Writes what counts before this moment, and the events since.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_counts(&self, as_of: u64, out: &mut dyn Write) -> io::Result<()> {
        let header = Header {
            profile_counts: VERSION,
            counted_to: as_of,
            latest: self.latest,
            passed_over: self.passed_over,
            users: self.users.len() as u64,
            sources: Cow::Borrowed(&self.sources),
        };
        serde_json::to_writer(&mut *out, &header)?;
        out.write_all(b"\n")?;
        for (user, past) in &self.users {
            let UserPast { counts, told, counted, events: since } = past.counted_to(as_of);
            let line = UserLine { user: user.clone(), counts, told, counted, since };
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}
