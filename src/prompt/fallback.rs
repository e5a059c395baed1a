//! Tips that a prompt's file has ready: they answer without a gateway, and when it fails.

use super::clean::visible;
use super::context::{Assembled, due_in_days};
use super::file::{FallbackSubject, RawFallback};
use super::input::PromptInput;
use super::message::PromptCall;
use super::similar::Shingles;
use super::template::{self, Place, Shown};
use crate::base::error::{Fault, Result};
use crate::domain::request::Candidate;
use minijinja::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The language of those who have none of their own.
const COMMON: &str = "en";
/// What a title is in the texts that are checked.
const ANY_TITLE: &str = "x";

/// A tip that is ready, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fallback {
    place: usize,
    candidate: Candidate,
    about: Option<FallbackSubject>,
    text: BTreeMap<String, String>,
}

/// What answered, and what is to be said of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ready {
    pub(super) candidates: Vec<Candidate>,
    pub(super) warnings: Vec<String>,
}

/// What a tip is about, by name, and the input that has it.
fn subject(about: FallbackSubject) -> (&'static str, PromptInput) {
    match about {
        FallbackSubject::Task => ("task", PromptInput::Tasks),
        FallbackSubject::Event => ("event", PromptInput::Calendar),
    }
}

impl Fallback {
    pub(super) fn new(raw: RawFallback, place: usize, inputs: &BTreeSet<PromptInput>) -> Result<Self, Fault> {
        let RawFallback { kind, about, effort_minutes, text } = raw;
        let field = |name: &str| format!("fallback[{place}].{name}");
        let candidate =
            Candidate { id: "x".into(), kind: Some(kind.into()), effort_minutes, ..Candidate::default() };
        candidate.check().map_err(|fault| fault.within(&format!("fallback[{place}]")))?;
        let asked = about.map(subject);
        if let Some((name, input)) = asked.filter(|(_, input)| !inputs.contains(input)) {
            let allowed = format!("what `inputs` asks for; {:?} is not among them", input.name());
            return Err(Fault::new(field("about"), format!("{name:?}"), allowed));
        }
        if text.is_empty() {
            return Err(Fault::new(field("text"), "an empty table", "a template for each language"));
        }
        for language in text.keys() {
            if !(2..=3).contains(&language.len()) || !language.bytes().all(|b| b.is_ascii_lowercase()) {
                return Err(Fault::new(
                    field("text"),
                    format!("{language:?}"),
                    "languages such as en, de, pt",
                ));
            }
        }
        Ok(Self { place, candidate, about, text })
    }

    /// The input that it is about.
    pub(super) fn needs(&self) -> Option<PromptInput> {
        self.about.map(|about| subject(about).1)
    }

    /// Fails unless one of them is for everybody, and all of them have the same languages.
    pub(super) fn check_all(all: &[Self]) -> Result<(), Fault> {
        let Some(first) = all.iter().find(|tip| tip.about.is_none()) else {
            let value = format!("a list of {}, each `about` something", all.len());
            return Err(Fault::new(
                "fallback",
                value,
                "one at least that is about nothing: it answers for anybody",
            ));
        };
        let languages: Vec<&String> = first.text.keys().collect();
        match all.iter().find(|tip| !tip.text.keys().eq(languages.iter().copied())) {
            None => Ok(()),
            Some(other) => {
                let own: Vec<&str> = other.text.keys().map(String::as_str).collect();
                let allowed = format!("the languages of the others: {languages:?}");
                Err(Fault::new(format!("fallback[{}].text", other.place), own.join(", "), allowed))
            }
        }
    }

    /// Fails unless its templates are some, and hold what the prompt says of tips.
    pub(super) fn check(&self, banned: &[String], longest: u32, origin: &str) -> Result<()> {
        for (language, source) in &self.text {
            let part = format!("fallback[{}].text.{language}", self.place);
            template::check(source, Place { origin, part: &part })?;
            let title = self.about.map(|_| ANY_TITLE);
            let text = self.rendered(language, title, origin)?;
            // Room for a title of some length.
            let count = text.chars().count() + if title.is_some() { 20 } else { 0 };
            let lower = text.to_lowercase();
            let phrase = banned.iter().find(|phrase| lower.contains(*phrase));
            let fault = match phrase {
                Some(phrase) => Fault::new(part, format!("{text:?}"), format!("no tip with {phrase:?}")),
                None if count == 0 || count > longest as usize => {
                    let allowed = format!("1 to {longest} characters, 20 fewer where it has a title");
                    Fault::new(part, format!("a tip of {} characters", text.chars().count()), allowed)
                }
                None => continue,
            };
            return Err(fault.at(origin));
        }
        Ok(())
    }

    fn rendered(&self, language: &str, title: Option<&str>, origin: &str) -> Result<String> {
        let part = format!("fallback[{}].text.{language}", self.place);
        let name = match self.about {
            None | Some(FallbackSubject::Task) => "task",
            Some(FallbackSubject::Event) => "event",
        };
        let values = Value::from_pairs(title.map(|title| (name, Value::from(title))));
        let place = Place { origin, part: &part };
        template::render(&self.text[language], values, Shown::Plain, place)
            .map(|text| visible(&text, usize::MAX))
    }

    /// The tip for a person; `None` if there is nothing that it could be about.
    fn tip(
        &self,
        language: &str,
        assembled: &Assembled,
        longest: usize,
        origin: &str,
    ) -> Result<Option<Candidate>> {
        let mut candidate = self.candidate.clone();
        let title = match self.about {
            None => None,
            Some(FallbackSubject::Task) => {
                let Some(task) = assembled.tasks.first() else { return Ok(None) };
                candidate.priority = task.priority;
                candidate.due_in_days = due_in_days(task, assembled.now);
                Some(task.title.as_str())
            }
            Some(FallbackSubject::Event) => {
                match assembled.event.as_ref().and_then(|event| event.title.as_deref()) {
                    Some(title) => Some(title),
                    None => return Ok(None),
                }
            }
        };
        let mut text = self.rendered(language, title, origin)?;
        let over = text.chars().count().saturating_sub(longest);
        if over > 0
            && let Some(title) = title
        {
            // The title is what has no bound of its own.
            let short = visible(title, title.chars().count().saturating_sub(over).max(1));
            text = self.rendered(language, Some(&short), origin)?;
        }
        candidate.text = Some(visible(&text, longest).into());
        Ok(Some(candidate))
    }
}

/// The first tips that are ready for a person, so many at most, without those that are nearly what they saw lately. Who has
/// seen all of them sees them again.
pub(super) fn answer(
    all: &[Fallback],
    version: &str,
    assembled: &Assembled,
    call: &PromptCall,
    longest: usize,
    seen: &[Shingles],
) -> Result<Ready> {
    let locale = &assembled.context.locale;
    let own = locale.split('-').next().unwrap_or_default().to_lowercase();
    let languages = || all.iter().flat_map(|tip| tip.text.keys());
    let language = [own.as_str(), COMMON].into_iter().find(|wanted| languages().any(|has| has == wanted));
    let language = language.or_else(|| languages().next().map(String::as_str)).unwrap_or(COMMON);
    let mut warnings = Vec::new();
    if language != own {
        warnings
            .push(format!("the tips that are ready are in {language}: prompt {version} has none in {own}"));
    }
    let mut tips = Vec::new();
    for tip in all {
        tips.extend(tip.tip(language, assembled, longest, version)?);
    }
    let is_of_kind =
        |tip: &Candidate| tip.kind.as_deref().is_some_and(|kind| call.kinds.iter().any(|own| own == kind));
    if tips.iter().any(is_of_kind) {
        tips.retain(is_of_kind);
    } else {
        warnings.push(format!("prompt {version} has no tip ready of the kinds that were asked for"));
    }
    let is_new = |tip: &Candidate| {
        let own = Shingles::of(tip.text.as_deref().unwrap_or_default());
        !seen.iter().any(|other| other.is_near(&own))
    };
    let fresh: Vec<Candidate> = tips.iter().filter(|tip| is_new(tip)).cloned().collect();
    if fresh.is_empty() && !tips.is_empty() {
        warnings.push("every tip that is ready was shown lately".to_owned());
    }
    let mut candidates = if fresh.is_empty() { tips } else { fresh };
    candidates.truncate(call.count as usize);
    for (i, candidate) in candidates.iter_mut().enumerate() {
        candidate.id = format!("{version}-{}", i + 1).into();
    }
    Ok(Ready { candidates, warnings })
}
