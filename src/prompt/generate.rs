//! Tips for a person: by a model, or those that the prompt has ready.

use super::answer::{self, Checked};
use super::completion::Usage;
use super::context::Assembled;
use super::fallback::{self, Ready};
use super::gateway::Gateway;
use super::message::{Message, PromptCall};
use super::prompt::Prompt;
use super::recent::RecentTip;
use super::refusal::PromptError;
use super::registry::Prompts;
use super::retry::Retries;
use super::signals::Signals;
use super::similar::Shingles;
use super::tokens;
use super::unused::UnusedReason;
use crate::base::error::{Error, Result};
use crate::domain::request::{Candidate, RawRequest};
use hyper::body::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use smol_str::SmolStr;
use std::sync::Arc;
use tokio::time::Instant;

/// Longest answer that a model is shown again to mend, in bytes.
const MAX_REPAIRED_BYTES: usize = 8 << 10;

/// The prompts that there are, and the gateway to send them to, if there is one.
pub struct Generator {
    prompts: Prompts,
    gateway: Option<Gateway>,
}

/// A call that is ready: which prompt a person gets, and what it is told.
pub struct Prepared {
    signals: Signals,
    prompt: Arc<Prompt>,
    assembled: Assembled,
    call: PromptCall,
    /// Words of earlier tips.
    seen: Vec<Shingles>,
}

/// Tips, and where they come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Generated {
    /// The tips, as `score` takes them.
    pub candidates: Vec<Candidate>,
    /// The version of the prompt.
    pub prompt_version: SmolStr,
    /// Its digest.
    pub prompt_digest: SmolStr,
    /// The model that wrote them, as the gateway calls it; `None` if none did.
    pub model: Option<String>,
    /// Whether they are tips that the prompt has ready, for no model's answer was used.
    pub fallback: bool,
    /// Why not; left out of JSON if a model wrote them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it took.
    pub usage: Usage,
    /// What deserves attention; left out of JSON if there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Why no model's answer was used, for counting.
    #[serde(skip)]
    pub unused: Option<UnusedReason>,
}

impl Generator {
    /// These prompts, sent to this gateway.
    ///
    /// # Errors
    /// A gateway without a model, and a prompt that names none.
    pub fn new(prompts: Prompts, gateway: Option<Gateway>) -> Result<Self> {
        if gateway.as_ref().is_some_and(|gateway| gateway.model().is_none())
            && let Some(prompt) = prompts.all().iter().find(|prompt| prompt.model().is_none())
        {
            return Err(Error::because(PromptError::NoModel { version: prompt.version().to_owned() }));
        }
        Ok(Self { prompts, gateway })
    }

    /// The prompts.
    pub fn prompts(&self) -> &Prompts {
        &self.prompts
    }

    /// The gateway, if there is one.
    pub fn gateway(&self) -> Option<&Gateway> {
        self.gateway.as_ref()
    }

    /// Which prompt a person gets, and what it is told of them and of their earlier tips; nothing is asked yet.
    ///
    /// # Errors
    /// A version that there is not; `origin` is what errors call the signals. A template that fails for this person.
    pub fn prepare(&self, signals: Signals, stored: &[RecentTip], origin: &str) -> Result<Prepared> {
        let prompt = Arc::clone(self.prompts.select(signals.prompt_version(), signals.user(), origin)?);
        let assembled = prompt.assemble(&signals, stored);
        let call = prompt.render(&assembled, signals.kinds())?;
        let seen = signals.recent.iter().chain(stored).filter_map(|tip| tip.text.as_deref());
        let seen = seen.map(Shingles::of).collect();
        Ok(Prepared { signals, prompt, assembled, call, seen })
    }

    /// Tips by the model, within the time limit of the gateway; or those that the prompt has ready, if there is no gateway,
    /// it fails, or the model answers what is not usable twice. The seed is that of the pauses between attempts.
    ///
    /// # Errors
    /// A ready tip that fails for this person.
    pub async fn generate(&self, prepared: &Prepared, seed: u64) -> Result<Generated> {
        let Some(gateway) = &self.gateway else {
            return prepared.ready(UnusedReason::NoGateway, Usage::NONE);
        };
        let deadline = Instant::now() + gateway.time_limit();
        let mut retries = Retries::new(seed, prepared.signals.user());
        let (mut usage, mut messages) = (Usage::NONE, prepared.call.messages.clone());
        let mut problem = "";
        for is_repair in [false, true] {
            let body = Bytes::from(prepared.body(&messages, gateway.model()).to_string());
            let asked = gateway.ask(&body, deadline, &mut retries).await;
            usage = usage.and(asked.usage);
            let completion = match asked.outcome {
                Ok(completion) => completion,
                // The first answer was not usable; that there is no second one is not the whole of it.
                Err(_) if is_repair => break,
                Err(reason) => return prepared.ready(reason, usage),
            };
            let checked = if completion.is_whole {
                prepared.check(&completion.content)
            } else {
                Err("it was cut off or refused")
            };
            match checked {
                Ok(checked) => {
                    let model =
                        completion.model.or_else(|| prepared.model(gateway.model()).map(str::to_owned));
                    return Ok(prepared.written(checked, model, usage));
                }
                Err(what) => {
                    problem = what;
                    messages.extend(repair(completion.content, what));
                }
            }
        }
        prepared.ready(UnusedReason::Invalid { problem }, usage)
    }
}

/// What a model is told whose answer is not usable: the answer, and what is wrong with it.
fn repair(mut content: String, problem: &str) -> [Message; 2] {
    if content.len() > MAX_REPAIRED_BYTES {
        content
            .truncate((0..=MAX_REPAIRED_BYTES).rev().find(|at| content.is_char_boundary(*at)).unwrap_or(0));
    }
    let told =
        format!("That cannot be used: {problem}. Answer once more, with the JSON of the schema alone.");
    [Message { role: "assistant", content }, Message { role: "user", content: told }]
}

impl Prepared {
    /// The prompt.
    pub fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// The person.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// What the prompt is told.
    pub fn assembled(&self) -> &Assembled {
        &self.assembled
    }

    /// The messages.
    pub fn call(&self) -> &PromptCall {
        &self.call
    }

    /// Tokens that it takes at most, by estimate, without a repair.
    pub fn estimate(&self) -> u64 {
        let asked: u64 = self.call.messages.iter().map(|message| tokens::estimate(&message.content)).sum();
        asked + u64::from(self.prompt.parameters().max_tokens)
    }

    /// The model that is asked: the prompt's, or else the gateway's.
    fn model<'a>(&'a self, of_gateway: Option<&'a str>) -> Option<&'a str> {
        self.prompt.model().or(of_gateway)
    }

    /// What is sent to a gateway with this model for prompts that name none.
    pub fn request_body(&self, model_of_gateway: Option<&str>) -> Value {
        self.body(&self.call.messages, model_of_gateway)
    }

    fn body(&self, messages: &[Message], model: Option<&str>) -> Value {
        let parameters = self.prompt.parameters();
        let schema = json!({"name": "candidates", "strict": true, "schema": self.call.answer_schema()});
        let mut body = json!({
            "model": self.model(model),
            "messages": messages,
            "temperature": parameters.temperature,
            "max_tokens": parameters.max_tokens,
            "response_format": {"type": "json_schema", "json_schema": schema},
        });
        if let Some(top_p) = parameters.top_p {
            body["top_p"] = json!(top_p);
        }
        body
    }

    fn check(&self, content: &str) -> Result<Checked, &'static str> {
        answer::check(content, &self.prompt, &self.call, &self.assembled, &self.seen)
    }

    fn written(&self, checked: Checked, model: Option<String>, usage: Usage) -> Generated {
        let Checked { candidates, warnings } = checked;
        self.generated(candidates, warnings, model, None, usage)
    }

    /// The tips that the prompt has ready.
    ///
    /// # Errors
    /// A tip that fails for this person.
    pub fn ready(&self, reason: UnusedReason, usage: Usage) -> Result<Generated> {
        let longest = self.prompt.parameters().longest as usize;
        let (ready, version) = (self.prompt.fallback(), self.prompt.version());
        let Ready { candidates, warnings } =
            fallback::answer(ready, version, &self.assembled, &self.call, longest, &self.seen)?;
        Ok(self.generated(candidates, warnings, None, Some(reason), usage))
    }

    fn generated(
        &self,
        candidates: Vec<Candidate>,
        mut warnings: Vec<String>,
        model: Option<String>,
        unused: Option<UnusedReason>,
        usage: Usage,
    ) -> Generated {
        if self.signals.is_quiet() {
            warnings.push("these are hours in which the user wants to be left alone".to_owned());
        }
        Generated {
            candidates,
            prompt_version: self.prompt.version().into(),
            prompt_digest: self.prompt.digest().into(),
            model,
            fallback: unused.is_some(),
            reason: unused.map(|reason| reason.to_string()),
            usage,
            warnings,
            unused,
        }
    }

    /// The request for a decision between these tips.
    pub fn request(&self, generated: &Generated) -> RawRequest {
        let signals = &self.signals;
        RawRequest {
            user: Some(signals.user().into()),
            seed: signals.seed(),
            prompt_version: Some(generated.prompt_version.clone()),
            prompt_digest: Some(generated.prompt_digest.clone()),
            ..RawRequest::new(signals.moment(), generated.candidates.clone(), signals.profile().cloned())
        }
    }
}
