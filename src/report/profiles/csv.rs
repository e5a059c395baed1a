//! Profiles as CSV: a row for each user and kind; what is not known is empty.

use super::format::{NamedProfiles, ProfileFormat, rows};
use crate::domain::profile::PROFILE_FEATURES;
use jiff::Timestamp;
use std::io::{self, Write};

/// The format of CSV.
pub(super) struct Csv;

impl ProfileFormat for Csv {
    fn extension(&self) -> &'static str {
        "csv"
    }

    fn write(&self, profiles: &mut NamedProfiles, as_of: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        let as_of = as_of.to_string();
        let mut table = ::csv::Writer::from_writer(out);
        let header = ["user", "kind", "event_timestamp"].into_iter().chain(PROFILE_FEATURES.map(|f| f.name));
        table.write_record(header)?;
        for (user, profile) in profiles {
            for (kind, values) in rows(&profile) {
                let values = values.0.map(|value| value.map_or_else(String::new, |value| value.to_string()));
                let lead = [user, kind, &as_of].map(str::to_owned);
                table.write_record(lead.into_iter().chain(values))?;
            }
        }
        table.flush()
    }
}
