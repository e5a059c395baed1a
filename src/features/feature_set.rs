//! Which dimensions a policy looks at, by name.

use super::dimension::{CANDIDATE_DIMS, DIMENSIONS, Dimension};
use crate::base::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names of all dimensions; feature set `v1` is the first seven.
const NAMES: [&str; DIMENSIONS.len()] = {
    let mut names = [""; DIMENSIONS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = DIMENSIONS[i].name;
        i += 1;
    }
    names
};

/// Which features a policy sees of a request.
///
/// ```
/// use rehearsal::features::FeatureSet;
///
/// let set = FeatureSet::from_name("v1")?;
/// assert_eq!((set.dim(), set.names()[1], set.uses_profile()), (7, "hour_sin", false));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureSet {
    /// D = 7: candidate and moment.
    V1,
    /// D = 12: `v1` and five dimensions of the profile.
    V2,
}

impl FeatureSet {
    /// Every feature set, each a beginning of the next.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];
    /// The one with all dimensions; the others are its beginnings.
    pub const WIDEST: Self = Self::V2;

    /// Number of dimensions, D.
    pub const fn dim(self) -> usize {
        match self {
            Self::V1 => CANDIDATE_DIMS,
            Self::V2 => NAMES.len(),
        }
    }

    /// Names of the dimensions, in order.
    pub fn names(self) -> &'static [&'static str] {
        &NAMES[..self.dim()]
    }

    /// The dimensions, in order.
    pub fn dimensions(self) -> &'static [Dimension] {
        &DIMENSIONS[..self.dim()]
    }

    /// Whether the profile is looked at.
    pub const fn uses_profile(self) -> bool {
        self.dim() > CANDIDATE_DIMS
    }

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// The feature set of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| Error::unknown("feature set", name, Self::ALL.map(Self::name)))
    }
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}
