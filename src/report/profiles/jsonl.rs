//! Profiles as JSON Lines: one for each user, as a request carries it.

use super::format::{NamedProfiles, ProfileFormat};
use crate::domain::profile::Profile;
use jiff::Timestamp;
use serde::Serialize;
use std::io::{self, Write};

/// The format of JSON Lines.
pub(super) struct Jsonl;

#[derive(Serialize)]
struct Line<'a> {
    user: &'a str,
    as_of: &'a str,
    profile_features: &'a Profile,
}

impl ProfileFormat for Jsonl {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    fn write(&self, profiles: &mut NamedProfiles, as_of: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        let as_of = as_of.to_string();
        for (user, profile) in profiles {
            serde_json::to_writer(&mut *out, &Line { user, as_of: &as_of, profile_features: &profile })?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}
