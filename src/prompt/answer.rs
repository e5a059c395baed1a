//! What a model answered, checked: candidates, or what is wrong with it. The model is told the same, once.

use super::clean::visible;
use super::context::{Assembled, due_in_days};
use super::message::PromptCall;
use super::prompt::Prompt;
use super::similar::Shingles;
use crate::domain::request::Candidate;
use serde::Deserialize;

/// Longest effort of a tip that is believed, in minutes.
const MAX_EFFORT: f64 = 480.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    candidates: Vec<RawTip>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTip {
    kind: String,
    text: String,
    #[serde(default)]
    task: Option<String>,
    #[serde(default)]
    effort_minutes: Option<f64>,
}

/// Tips that may be shown, and how many others there were.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checked {
    pub(super) candidates: Vec<Candidate>,
    pub(super) warnings: Vec<String>,
}

/// Why tips of an answer are left out.
#[derive(Clone, Copy, PartialEq)]
enum Flaw {
    Kind,
    Empty,
    TooLong,
    Banned,
    Known,
}

impl Flaw {
    const ALL: [Self; 5] = [Self::Kind, Self::Empty, Self::TooLong, Self::Banned, Self::Known];

    fn words(self) -> &'static str {
        match self {
            Self::Kind => "a kind that was not asked for",
            Self::Empty => "a text with nothing in it",
            Self::TooLong => "a text that is too long",
            Self::Banned => "a phrase that no tip may have",
            Self::Known => "nearly the same words as another tip, or as one that was shown lately",
        }
    }
}

/// The tips of an answer that may be shown.
///
/// # Errors
/// What is wrong with it, if there are none. It cites nothing of the answer.
pub(super) fn check(
    content: &str,
    prompt: &Prompt,
    call: &PromptCall,
    assembled: &Assembled,
    seen: &[Shingles],
) -> Result<Checked, &'static str> {
    let raw: RawAnswer =
        serde_json::from_str(unfenced(content)).map_err(|_| "it is not the JSON of the schema")?;
    if raw.candidates.is_empty() {
        return Err("its list of candidates is empty");
    }
    let (mut candidates, mut shown, mut flaws) = (Vec::<Candidate>::new(), seen.to_vec(), Vec::new());
    for tip in raw.candidates.into_iter().take(call.count as usize) {
        match checked(tip, prompt, call, assembled, &shown) {
            Err(flaw) => flaws.push(flaw),
            Ok((candidate, own)) => {
                let id = format!("{}-{}", prompt.version(), candidates.len() + 1).into();
                candidates.push(Candidate { id, ..candidate });
                shown.push(own);
            }
        }
    }
    if candidates.is_empty() {
        return Err(flaws[0].words());
    }
    let of = |flaw: Flaw| {
        let count = flaws.iter().filter(|other| **other == flaw).count();
        (count > 0).then(|| format!("{count} of the model's tips are left out: {}", flaw.words()))
    };
    Ok(Checked { candidates, warnings: Flaw::ALL.into_iter().filter_map(of).collect() })
}

fn checked(
    raw: RawTip,
    prompt: &Prompt,
    call: &PromptCall,
    assembled: &Assembled,
    shown: &[Shingles],
) -> Result<(Candidate, Shingles), Flaw> {
    if !call.kinds.contains(&raw.kind) {
        return Err(Flaw::Kind);
    }
    let text = visible(&raw.text, usize::MAX);
    if !text.chars().any(char::is_alphanumeric) {
        return Err(Flaw::Empty);
    }
    if text.chars().count() > prompt.parameters().longest as usize {
        return Err(Flaw::TooLong);
    }
    let lower = text.to_lowercase();
    if prompt.banned().iter().any(|phrase| lower.contains(phrase)) {
        return Err(Flaw::Banned);
    }
    let own = Shingles::of(&text);
    if shown.iter().any(|other| other.is_near(&own)) {
        return Err(Flaw::Known);
    }
    let task = call.tasks.iter().position(|name| Some(name) == raw.task.as_ref());
    let task = task.and_then(|place| assembled.tasks.get(place));
    let effort = raw.effort_minutes.filter(|minutes| (0.0..=MAX_EFFORT).contains(minutes));
    let candidate = Candidate {
        kind: Some(raw.kind.into()),
        text: Some(text.into()),
        priority: task.and_then(|task| task.priority),
        due_in_days: task.and_then(|task| due_in_days(task, assembled.now)),
        effort_minutes: effort.or_else(|| task.and_then(|task| task.effort_minutes)),
        ..Candidate::default()
    };
    Ok((candidate, own))
}

/// JSON without the fence that some models put around it.
fn unfenced(content: &str) -> &str {
    let content = content.trim();
    let inner = content.strip_prefix("```json").or_else(|| content.strip_prefix("```"));
    inner.and_then(|inner| inner.strip_suffix("```")).unwrap_or(content)
}
