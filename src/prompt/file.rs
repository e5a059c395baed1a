//! A prompt's file, unchecked: TOML between two lines of `+++`, and after that the two templates.

use super::input::PromptInput;
use super::refusal::PromptError;
use crate::base::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What begins and ends the front matter.
const MARK: &str = "+++";
/// What stands before each template.
const HEADINGS: [&str; 2] = ["# system", "# user"];

/// The front matter, unchecked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrompt {
    /// The file's name without `.md`.
    pub(super) version: String,
    /// The idea, in a line.
    pub(super) description: String,
    /// Which model is asked; the gateway's when absent.
    #[serde(default)]
    pub(super) model: Option<String>,
    /// What it is told of a person.
    #[serde(default)]
    pub(super) inputs: Vec<PromptInput>,
    /// Phrases that no tip may have, whatever the case.
    #[serde(default)]
    pub(super) banned: Vec<String>,
    /// How the model is asked.
    #[serde(default)]
    pub(super) parameters: RawParameters,
    /// What answers without a gateway, or when it fails.
    #[serde(default)]
    pub(super) fallback: Vec<RawFallback>,
}

/// How a model is asked, unchecked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawParameters {
    /// Randomness, 0 to 2.
    pub(super) temperature: f64,
    /// Share of the likeliest words that are taken.
    pub(super) top_p: Option<f64>,
    /// Longest answer in tokens.
    pub(super) max_tokens: u32,
    /// How many tips.
    pub(super) candidates: u32,
    /// Longest tip in characters.
    pub(super) longest: u32,
    /// So many tokens, by estimate, may be told of a person.
    pub(super) context_tokens: u64,
}

impl Default for RawParameters {
    fn default() -> Self {
        Self {
            temperature: 0.7,
            top_p: None,
            max_tokens: 400,
            candidates: 3,
            longest: 160,
            context_tokens: 1_000,
        }
    }
}

/// A tip that is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFallback {
    /// Its kind.
    pub(super) kind: String,
    /// What there must be for it.
    #[serde(default)]
    pub(super) about: Option<FallbackSubject>,
    /// Minutes that it takes.
    #[serde(default)]
    pub(super) effort_minutes: Option<f64>,
    /// Its template by language.
    pub(super) text: BTreeMap<String, String>,
}

/// What a ready tip is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FallbackSubject {
    /// The task that comes first.
    Task,
    /// The event that comes next.
    Event,
}

/// A file's text with lines that end as they do here.
pub(super) fn source(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

/// The parts of a file: the front matter, in TOML, the system template, the user template.
pub(super) fn parts(text: &str, origin: &str) -> Result<[String; 3]> {
    let lacks = |what| Error::because(PromptError::Parts { origin: origin.to_owned(), what });
    let text = source(text);
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(lacks("it has characters that control a terminal"));
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let at =
        |line: &str, from: usize| lines[from..].iter().position(|l| l.trim_end() == line).map(|i| i + from);
    if lines[0].trim_end() != MARK {
        return Err(lacks("the first line is not +++"));
    }
    let end = at(MARK, 1).ok_or_else(|| lacks("no line +++ ends what began with one"))?;
    let system = at(HEADINGS[0], end).ok_or_else(|| lacks("there is no line `# system`"))?;
    let user = at(HEADINGS[1], system).ok_or_else(|| lacks("there is no line `# user` after `# system`"))?;
    if lines[end + 1..system].iter().any(|line| !line.trim().is_empty()) {
        return Err(lacks("something stands before `# system`"));
    }
    // Lines keep their numbers in what is parsed.
    let front = format!("\n{}", lines[1..end].join("\n"));
    let body = |range: std::ops::Range<usize>| lines[range].join("\n").trim().to_owned();
    Ok([front, body(system + 1..user), body(user + 1..lines.len())])
}
