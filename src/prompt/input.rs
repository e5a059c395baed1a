//! What a prompt may be told of a person.

use serde::{Deserialize, Serialize};

/// One thing that a prompt may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptInput {
    /// Day and time by the person's clock.
    Moment,
    /// When the person wants to be left alone.
    QuietHours,
    /// What the person has to do.
    Tasks,
    /// What is on until the end of tomorrow.
    Calendar,
    /// Earlier tips and what became of them.
    Recent,
    /// Profile features.
    Profile,
}

impl PromptInput {
    /// Every input, in the order in which they stand in a context.
    pub const ALL: [Self; 6] =
        [Self::Moment, Self::QuietHours, Self::Tasks, Self::Calendar, Self::Recent, Self::Profile];

    /// Its name in files and templates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moment => "moment",
            Self::QuietHours => "quiet_hours",
            Self::Tasks => "tasks",
            Self::Calendar => "calendar",
            Self::Recent => "recent",
            Self::Profile => "profile",
        }
    }
}
