//! One version of a prompt, checked: what it asks for, how it is rendered, and the digest of what it does.

use super::context::Assembled;
use super::data;
use super::fallback::Fallback;
use super::file::{self, RawFallback, RawParameters, RawPrompt};
use super::input::PromptInput;
use super::message::{Message, PromptCall};
use super::recent::RecentTip;
use super::signals::Signals;
use super::template::{self, Place, Shown, own};
use crate::base::digest;
use crate::base::error::{Error, Fault, Result, within};
use crate::base::read;
use crate::domain::labels::label;
use minijinja::value::{Serde, Value};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Longest description, phrase or name of a model, in characters.
const MAX_TEXT: usize = 200;
/// Longest template, in bytes.
const MAX_TEMPLATE_BYTES: usize = 64 << 10;
/// Most phrases that are banned, and most ready tips.
const MAX_ENTRIES: usize = 100;

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parameters {
    /// Randomness, in [0, 2].
    pub temperature: f64,
    /// Share of the likeliest words that are taken, in (0, 1]; the gateway's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Longest answer in tokens, 16 to 4,096.
    pub max_tokens: u32,
    /// How many tips, 1 to 10.
    pub candidates: u32,
    /// Longest tip in characters, 20 to 500.
    pub longest: u32,
    /// So many tokens, by estimate, may be told of a person: 100 to 20,000.
    pub context_tokens: u64,
}

/// A version of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    version: String,
    description: String,
    model: Option<String>,
    inputs: BTreeSet<PromptInput>,
    banned: Vec<String>,
    parameters: Parameters,
    fallback: Vec<Fallback>,
    system: String,
    user: String,
    digest: String,
    source: String,
}

impl Prompt {
    /// Parses and checks a prompt's file, which errors call `origin`.
    ///
    /// # Errors
    /// A file without its parts, fields that are unknown or out of range, templates that are none.
    ///
    /// ```
    /// let text = "+++\nversion = \"short\"\ndescription = \"As short as can be\"\ninputs = [\"moment\"]\n\
    ///             [[fallback]]\nkind = \"plan\"\ntext = { en = \"Write down one thing.\" }\n+++\n# system\n\
    ///             Write a tip.\n# user\nIt is {{ moment.time }}.\n{{ data }}\n";
    /// let prompt = rehearsal::prompt::Prompt::from_text(text, "short.md")?;
    /// assert_eq!((prompt.version(), prompt.digest().len()), ("short", 64));
    ///
    /// let more = text.replace("moment.time", "tasks");
    /// assert!(rehearsal::prompt::Prompt::from_text(&more, "short.md").is_err(), "it does not ask for tasks");
    /// # Ok::<(), rehearsal::base::error::Error>(())
    /// ```
    pub fn from_text(text: &str, origin: &str) -> Result<Self> {
        let [front, system, user] = file::parts(text, origin)?;
        for (part, source) in [("the template system", &system), ("the template user", &user)] {
            if source.is_empty() || source.len() > MAX_TEMPLATE_BYTES {
                let value = format!("a text of {} bytes", source.len());
                return Err(Fault::new(part, value, format!("1 to {MAX_TEMPLATE_BYTES} bytes")).at(origin));
            }
            template::check(source, Place { origin, part })?;
        }
        let prompt =
            read::checked_toml(&front, origin, |raw| Self::of_parts(raw, system.clone(), user.clone()))?;
        let prompt = Self { source: file::source(text), ..prompt };
        for tip in &prompt.fallback {
            tip.check(&prompt.banned, prompt.parameters.longest, origin)?;
        }
        prompt.rehearse(origin)?;
        prompt.refuse_unseen(origin)?;
        Ok(prompt)
    }

    fn of_parts(raw: RawPrompt, system: String, user: String) -> Result<Self, Fault> {
        let RawPrompt { version, description, model, inputs, banned, parameters, fallback } = raw;
        label("version", &version)?;
        let short = |field: &str, text: &str| {
            let count = text.chars().count();
            let fine = (1..=MAX_TEXT).contains(&count) && !text.chars().any(char::is_control);
            let allowed = format!("1 to {MAX_TEXT} characters in one line");
            if fine { Ok(()) } else { Err(Fault::new(field, format!("{text:?}"), allowed)) }
        };
        short("description", &description)?;
        model.as_deref().map_or(Ok(()), |model| short("model", model))?;
        for (field, count) in [("banned", banned.len()), ("fallback", fallback.len())] {
            if count > MAX_ENTRIES {
                return Err(Fault::new(
                    field,
                    format!("a list of {count}"),
                    format!("at most {MAX_ENTRIES}"),
                ));
            }
        }
        for (i, phrase) in banned.iter().enumerate() {
            short(&format!("banned[{i}]"), phrase)?;
        }
        let parameters = Parameters::try_from(parameters)?;
        let mut seen = BTreeSet::new();
        for input in inputs {
            if !seen.insert(input) {
                return Err(Fault::new("inputs", format!("{:?} twice", input.name()), "each once"));
            }
        }
        let banned: Vec<String> = banned.iter().map(|phrase| phrase.to_lowercase()).collect();
        let digest = digest::of_value(&Effect {
            model: &model,
            inputs: &seen,
            banned: &banned,
            parameters,
            fallback: &fallback,
            system: &system,
            user: &user,
        });
        let tips = fallback.into_iter().enumerate();
        let fallback =
            tips.map(|(i, raw)| Fallback::new(raw, i, &seen)).collect::<Result<Vec<_>, Fault>>()?;
        Fallback::check_all(&fallback)?;
        Ok(Self {
            version,
            description,
            model,
            inputs: seen,
            banned,
            parameters,
            fallback,
            system,
            user,
            digest,
            source: String::new(),
        })
    }

    /// Its name.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its idea, in a line.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// SHA-256 of what it does, in hexadecimal: its name, its description and comments have no part in it.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The model that it asks for; the gateway's own if it names none.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// What it is told of a person.
    pub fn inputs(&self) -> impl Iterator<Item = PromptInput> + '_ {
        PromptInput::ALL.into_iter().filter(|input| self.asks_for(*input))
    }

    /// Whether it is told this of a person.
    pub fn asks_for(&self, input: PromptInput) -> bool {
        self.inputs.contains(&input)
    }

    /// How the model is asked.
    pub fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Phrases that no tip may have, in lower case.
    pub fn banned(&self) -> &[String] {
        &self.banned
    }

    /// Its templates, the system's first.
    pub fn templates(&self) -> [(&'static str, &str); 2] {
        [("system", &self.system), ("user", &self.user)]
    }

    /// The text of its file.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn fallback(&self) -> &[Fallback] {
        &self.fallback
    }

    /// What it is told of a person, of whose earlier tips the store says this.
    pub fn assemble(&self, signals: &Signals, recent: &[RecentTip]) -> Assembled {
        Assembled::of(&self.inputs, self.parameters.context_tokens, signals, recent)
    }

    /// The messages for a person. Their words are in the message of the user, as data, and nowhere else.
    ///
    /// # Errors
    /// A template that shows what there is not for this person, or that does not end.
    pub fn render(&self, assembled: &Assembled, kinds: &[String]) -> Result<PromptCall> {
        let own_words = |source: &str, part: &'static str, values: BTreeMap<&'static str, Value>| {
            let place = Place { origin: &self.version, part };
            template::render(source, Value::from_pairs(values), Shown::AsData, place)
        };
        let mut values = BTreeMap::from([
            ("count", Value::from(self.parameters.candidates)),
            ("longest", Value::from(self.parameters.longest)),
            ("locale", own(&*assembled.context.locale)),
            ("kinds", own(kinds.join(", "))),
        ]);
        let system = own_words(&self.system, "the template system", values.clone())?;
        let context = &assembled.context;
        for input in self.inputs() {
            let value = match input {
                PromptInput::Moment => context.moment.as_ref().map(|moment| {
                    let words =
                        [("date", &moment.date), ("time", &moment.time), ("weekday", &moment.weekday)];
                    Value::from_pairs(words.map(|(name, word)| (name, own(word.as_str()))))
                }),
                PromptInput::QuietHours => context.quiet_hours.as_ref().map(|hours| Serde(hours).into()),
                PromptInput::Tasks => context.tasks.as_ref().map(|tasks| Serde(tasks).into()),
                PromptInput::Calendar => context.calendar.as_ref().map(|events| Serde(events).into()),
                PromptInput::Recent => context.recent.as_ref().map(|recent| Serde(recent).into()),
                PromptInput::Profile => context.profile.as_ref().map(|profile| Serde(profile).into()),
            };
            values.insert(input.name(), value.unwrap_or_else(|| Value::from(())));
        }
        values.insert("data", own(data::json(context)));
        let user = own_words(&self.user, "the template user", values)?;
        let message = |role, content| Message { role, content };
        Ok(PromptCall {
            messages: vec![message("system", system), message("user", user)],
            count: self.parameters.candidates,
            kinds: kinds.to_vec(),
            tasks: context.task_refs(),
        })
    }

    /// Refuses an input that nothing is told of: no template shows it, and no ready tip is about it.
    fn refuse_unseen(&self, origin: &str) -> Result<()> {
        let place = Place { origin, part: "the template user" };
        let names = template::names(&self.user, place)?;
        let is_seen = |input: PromptInput| {
            ["data", input.name()].iter().any(|name| names.contains(*name))
                || self.fallback.iter().any(|tip| tip.needs() == Some(input))
        };
        match self.inputs().find(|input| !is_seen(*input)) {
            None => Ok(()),
            Some(input) => {
                let shown = format!("{{{{ {} }}}} or {{{{ data }}}}", input.name());
                let allowed = format!("what the template user shows, by {shown}, or a ready tip is about");
                Err(Fault::new("inputs", format!("{:?}", input.name()), allowed).at(origin))
            }
        }
    }

    /// Renders it for somebody of whom all is known, and for somebody of whom nothing is: what fails here would fail for
    /// people.
    fn rehearse(&self, origin: &str) -> Result<()> {
        for signals in [Signals::sample(), Signals::blank()] {
            let assembled = self.assemble(&signals, &[]);
            self.render(&assembled, signals.kinds()).map_err(Error::named_by(origin))?;
        }
        Ok(())
    }
}

/// What has an effect: the digest is of this.
#[derive(Serialize)]
struct Effect<'a> {
    model: &'a Option<String>,
    inputs: &'a BTreeSet<PromptInput>,
    banned: &'a [String],
    parameters: Parameters,
    fallback: &'a [RawFallback],
    system: &'a str,
    user: &'a str,
}

impl TryFrom<RawParameters> for Parameters {
    type Error = Fault;

    fn try_from(raw: RawParameters) -> Result<Self, Fault> {
        let RawParameters { temperature, top_p, max_tokens, candidates, longest, context_tokens } = raw;
        let whole = |field: &str, value: u64, range: std::ops::RangeInclusive<u64>| {
            let allowed = format!("{} to {}", range.start(), range.end());
            if range.contains(&value) { Ok(()) } else { Err(Fault::new(field, value, allowed)) }
        };
        within("parameters.temperature", temperature, 0.0, 2.0)?;
        if let Some(top_p) = top_p {
            within("parameters.top_p", top_p, 0.001, 1.0)?;
        }
        whole("parameters.max_tokens", max_tokens.into(), 16..=4_096)?;
        whole("parameters.candidates", candidates.into(), 1..=10)?;
        whole("parameters.longest", longest.into(), 20..=500)?;
        whole("parameters.context_tokens", context_tokens, 100..=20_000)?;
        Ok(Self { temperature, top_p, max_tokens, candidates, longest, context_tokens })
    }
}
