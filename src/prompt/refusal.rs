//! Why a prompt, a rotation or signals are refused.

use crate::base::error::{Cause, ErrorKind};

/// A refusal of this room.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A file that has not the parts of a prompt.
    #[error(
        "{origin}: {what}; a prompt is TOML between two lines +++, then a line `# system` and a line `# user`, each with its template"
    )]
    Parts {
        /// The file.
        origin: String,
        /// What is missing.
        what: &'static str,
    },
    /// A template that cannot be understood, or not be rendered.
    #[error("{origin}: {part}{}: {message}", line.map(|line| format!(", line {line} of it")).unwrap_or_default())]
    Template {
        /// The file.
        origin: String,
        /// `the template system`, `fallback[1].text.en`.
        part: String,
        /// Where in the template, from 1.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
    /// A folder without prompts.
    #[error("{folder}: no prompt there: every *.md in the folder is one")]
    NoPrompts {
        /// The folder.
        folder: String,
    },
    /// A gateway, a prompt that names no model, and nothing else that does.
    #[error("prompt {version:?} names no model: give --gateway-model")]
    NoModel {
        /// The prompt.
        version: String,
    },
}

impl Cause for PromptError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}
