//! Whose features are asked for: a user, and kinds of candidates.

use smol_str::SmolStr;
use std::iter;

/// Whose features are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileKey {
    /// The user.
    pub user: SmolStr,
    /// Kinds of candidates, each once, besides the user's own values.
    pub kinds: Vec<SmolStr>,
}

impl ProfileKey {
    /// How many rows it takes.
    pub(super) fn rows(&self) -> usize {
        1 + self.kinds.len()
    }

    /// The kind of each row; none for the user's own values.
    pub(super) fn each_row(&self) -> impl Iterator<Item = &str> {
        iter::once("").chain(self.kinds.iter().map(SmolStr::as_str))
    }
}
