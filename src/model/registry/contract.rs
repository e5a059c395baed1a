//! What a registry does, in the words of models.

use crate::base::error::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The alias of what is in charge.
pub const CHAMPION: &str = "champion";
/// The file of a version that is its model card.
pub const CARD_FILE: &str = "card.md";
/// Begins the keys of tags that tell of promotions; the number of the promotion follows.
const PROMOTION: &str = "rehearsal.promotion.";

/// Files by name.
pub type Artifacts = BTreeMap<String, Vec<u8>>;

/// A version of a model, as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelVersion {
    /// 1 for the first.
    pub version: u64,
    /// When it was registered, in milliseconds since 1970.
    pub at: u64,
    /// What is said of it.
    pub tags: BTreeMap<String, String>,
    /// Its files.
    pub files: Vec<String>,
}

/// One move of an alias to a version, as the version's tag tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    /// 1 for the first move of the alias, then one more for each.
    pub number: u64,
    /// The version that it came to.
    pub version: u64,
    /// The version that had it before; `None` for the first.
    pub from: Option<u64>,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// SHA-256 of the verdict that moved it; `None` where it was moved by hand.
    pub verdict: Option<String>,
}

impl Promotion {
    /// The key of its tag.
    pub fn key(alias: &str, number: u64) -> String {
        format!("{PROMOTION}{alias}.{number}")
    }
}

impl ModelVersion {
    /// The moves of an alias to this version that its tags tell of, latest first.
    pub fn promotions(&self, alias: &str) -> Vec<Promotion> {
        let prefix = format!("{PROMOTION}{alias}.");
        let tags = self.tags.iter().filter(|(key, _)| key.starts_with(&prefix));
        let mut all: Vec<Promotion> = tags.filter_map(|(_, text)| serde_json::from_str(text).ok()).collect();
        all.sort_by_key(|promotion| std::cmp::Reverse(promotion.number));
        all
    }
}

/// Where versions of models are kept.
pub trait ModelRegistry: Send + Sync {
    /// What errors call it.
    fn place(&self) -> String;

    /// Every name, in order.
    ///
    /// # Errors
    /// A registry that cannot be read.
    fn names(&self) -> Result<Vec<String>>;

    /// Every version of a name, the first one first; none if there is no such name.
    ///
    /// # Errors
    /// A registry that cannot be read.
    fn versions(&self, name: &str) -> Result<Vec<ModelVersion>>;

    /// The version of every alias of a name.
    ///
    /// # Errors
    /// A registry that cannot be read.
    fn aliases(&self, name: &str) -> Result<BTreeMap<String, u64>>;

    /// A file of a version.
    ///
    /// # Errors
    /// A version that has no such file.
    fn read(&self, name: &str, version: u64, file: &str) -> Result<Vec<u8>>;

    /// A new version with the files that are made of its number: whole or not at all.
    ///
    /// # Errors
    /// A registry that cannot be written, and those of `files`.
    fn register(&self, name: &str, files: &dyn Fn(u64) -> Result<Artifacts>) -> Result<u64>;

    /// Adds files to a version, or replaces them.
    ///
    /// # Errors
    /// A version that is not there; a registry that cannot be written.
    fn attach(&self, name: &str, version: u64, files: &Artifacts) -> Result<()>;

    /// Moves an alias to the version of `promotion`, whose tag is written before, if it is still where that comes from.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::base::error::ErrorKind::Conflict) if it is elsewhere; a registry that cannot be written.
    fn move_alias(&self, name: &str, alias: &str, promotion: &Promotion) -> Result<()>;
}
