//! Why the people of a log cannot be compared.

use crate::base::error::{Cause, ErrorKind};

/// Why the people of a log cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonRefusal {
    /// The log holds reactions of too few users.
    #[error(
        "{logs}: reactions of {users} users; people can be compared from two on, and rewards that were given as \
         numbers say nothing of reactions"
    )]
    FewUsers {
        /// The paths, as the user gave them.
        logs: String,
        /// The number of users.
        users: usize,
    },
    /// The policy of most rewards is not built in.
    #[error(
        "most rewards of this log were learned by {policy}, which is not built in; name its file with --policy"
    )]
    PolicyNotBuiltIn {
        /// The policy.
        policy: String,
    },
}

impl Cause for ComparisonRefusal {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::FewUsers { .. } => ErrorKind::Invalid,
            Self::PolicyNotBuiltIn { .. } => ErrorKind::NotFound,
        }
    }
}
