//! What a format of profiles has to state of itself.

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

/// The rows of a profile in a table: the user's own, with an empty kind, then those of each kind.
pub(super) fn rows(profile: &Profile) -> impl Iterator<Item = (&str, &ProfileValues)> {
    let by_kind = profile.by_kind.iter().map(|(kind, values)| (kind.as_str(), values));
    [("", &profile.user)].into_iter().chain(by_kind)
}
