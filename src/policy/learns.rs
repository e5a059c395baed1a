//! Whose rewards a policy learns from.

use serde::{Deserialize, Serialize};

/// The name under which what was learned of everybody is kept.
const EVERYBODY: &str = "*";

/// Whose rewards a policy learns from. Its file says so, and nothing else does: that a log names its users changes how
/// sure one is of an estimate, never whose model decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Learns {
    /// Each user has a model of their own.
    #[default]
    User,
    /// All users have one model.
    Everybody,
    /// Nobody teaches it: the prior decides.
    Nothing,
}

impl Learns {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::User, Self::Everybody, Self::Nothing];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Everybody => "everybody",
            Self::Nothing => "nothing",
        }
    }

    /// Whether it is the default, which files need not state.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn is_user(&self) -> bool {
        *self == Self::User
    }

    /// The name under which the state is kept that a reward of `user` teaches.
    pub fn state_user(self, user: &str) -> &str {
        if self == Self::Everybody { EVERYBODY } else { user }
    }
}
