//! How many models a policy has of a user.

use serde::{Deserialize, Serialize};

/// One model for all candidates, or one for each kind of candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Structure {
    /// One model shared by all candidates.
    #[default]
    Shared,
    /// One model per candidate kind; candidates without a kind share one.
    Disjoint,
}

impl Structure {
    /// Every structure.
    pub const ALL: [Self; 2] = [Self::Shared, Self::Disjoint];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Disjoint => "disjoint",
        }
    }
}
