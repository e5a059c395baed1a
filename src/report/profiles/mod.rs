//! Profile features of users as files: for data frames, registries of features, and who reads line by line.
//!
//! In: profiles of one moment, in the order of users' names. Out: the bytes of a file, the same for the same profiles. A new
//! format: a file with a unit struct that implements [`ProfileFormat`], its `mod` line here, and its place in
//! [`profile_formats`].

mod csv;
mod jsonl;
mod parquet;

use crate::domain::profile::{Profile, ProfileValues};
use jiff::Timestamp;
use std::io::{self, Write};

/// Users with what was known of them, in the order of their names.
pub type NamedProfiles<'a> = dyn Iterator<Item = (&'a str, Profile)> + 'a;

/// A way to write profiles down.
pub trait ProfileFormat {
    /// What the names of its files end in.
    fn extension(&self) -> &'static str;

    /// Writes the profiles of this moment.
    ///
    /// # Errors
    /// Those of `out`.
    fn write(&self, profiles: &mut NamedProfiles, as_of: Timestamp, out: &mut dyn Write) -> io::Result<()>;
}

/// Every format.
///
/// ```
/// let extensions: Vec<&str> = rehearsal::report::profile_formats().iter().map(|f| f.extension()).collect();
/// assert_eq!(extensions, ["jsonl", "csv", "parquet"]);
/// ```
pub fn profile_formats() -> Vec<Box<dyn ProfileFormat>> {
    vec![Box::new(jsonl::Jsonl), Box::new(csv::Csv), Box::new(parquet::Parquet)]
}

/// The rows of a profile in a table: the user's own, with an empty kind, then those of each kind.
fn rows(profile: &Profile) -> impl Iterator<Item = (&str, &ProfileValues)> {
    let by_kind = profile.by_kind.iter().map(|(kind, values)| (kind.as_str(), values));
    [("", &profile.user)].into_iter().chain(by_kind)
}
