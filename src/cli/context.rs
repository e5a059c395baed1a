//! `rehearsal context`: what a prompt is told of a person.

use super::prompt_args::{PromptArgs, clock_ms, earlier_tips};
use super::store_args::Global;
use super::{exit, input, output};
use crate::base::error::Result;
use crate::prompt::{Dropped, PromptContext, Signals};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    signals: SignalArgs,
    #[command(flatten)]
    prompts: PromptArgs,
}

// Where signals are, and what is given beside them. As documentation it would become that of each command that has it.
#[derive(Debug, clap::Args)]
pub(super) struct SignalArgs {
    /// Where the signals are: JSON with tasks, calendar, locale and so on; stdin when absent
    #[arg(long, value_name = "FILE")]
    pub(super) signals: Option<PathBuf>,
    /// The person
    #[arg(long)]
    pub(super) user: Option<String>,
    /// The prompt version, or several with commas: a rotation, in which each user has one for good
    #[arg(long, value_name = "VERSION")]
    pub(super) prompt_version: Option<String>,
}

impl SignalArgs {
    /// The one person in the file, and what errors call it.
    pub(super) fn read(&self) -> Result<(Signals, String)> {
        let (text, origin) = input::whole(self.signals.as_deref())?;
        Ok((self.parse(&text, &origin)?, origin))
    }

    /// The person in a text.
    pub(super) fn parse(&self, text: &[u8], origin: &str) -> Result<Signals> {
        Signals::from_json(text, origin, self.user.as_deref(), self.prompt_version.as_deref(), clock_ms())
    }
}

/// What is printed.
#[derive(Serialize)]
struct ContextReply<'a> {
    prompt_version: &'a str,
    prompt_digest: &'a str,
    /// By estimate.
    tokens: u64,
    budget: u64,
    dropped: Dropped,
    context: &'a PromptContext,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let prompts = args.prompts.load()?;
    let (signals, origin) = args.signals.read()?;
    let prompt = prompts.select(signals.prompt_version(), signals.user(), &origin)?;
    let store = global.to_read_if_there()?;
    let stored = earlier_tips(store.as_ref(), signals.user(), signals.now_ms())?;
    let assembled = prompt.assemble(&signals, &stored);
    output::json(&ContextReply {
        prompt_version: prompt.version(),
        prompt_digest: prompt.digest(),
        tokens: assembled.tokens,
        budget: assembled.budget,
        dropped: assembled.dropped,
        context: &assembled.context,
    })?;
    Ok(exit::DONE)
}
