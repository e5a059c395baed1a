//! Options about prompts and the gateway that they are sent to: of every command that has to do with tips in words.

use crate::base::error::Result;
use crate::prompt::{
    Gateway, GatewaySettings, Generator, Prompts, RawGatewaySettings, RecentTip, recent_tips,
};
use crate::store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable that has the gateway's key: it is read here, so that no help ever shows it.
const KEY: &str = "REHEARSAL_GATEWAY_KEY";

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Prompts")]
pub(super) struct PromptArgs {
    /// A folder of prompts, every *.md one of them, in the place of the shipped ones
    #[arg(long, value_name = "DIR", env = "REHEARSAL_PROMPTS")]
    prompts: Option<PathBuf>,
    /// The prompt version for who asks for none, or several with commas: a rotation [default: v1]
    #[arg(long, value_name = "VERSION", env = "DEFAULT_PROMPT_VERSION")]
    default_prompt_version: Option<String>,
}

impl PromptArgs {
    /// The folder, if one is given.
    pub(super) fn folder(&self) -> Option<&PathBuf> {
        self.prompts.as_ref().filter(|folder| !folder.as_os_str().is_empty())
    }

    /// The prompts that there are.
    pub(super) fn load(&self) -> Result<Prompts> {
        let prompts = self.folder().map_or_else(Prompts::shipped, |folder| Prompts::load(folder))?;
        match self.default_prompt_version.as_deref().filter(|versions| !versions.is_empty()) {
            Some(versions) => prompts.with_default(versions),
            None => Ok(prompts),
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway")]
pub(super) struct GatewayArgs {
    /// An OpenAI-compatible gateway, `http://HOST:PORT`; without one the prompt's own tips answer. Its key is in
    /// REHEARSAL_GATEWAY_KEY
    #[arg(long, value_name = "URL", env = "REHEARSAL_GATEWAY", hide_env_values = true)]
    gateway: Option<String>,
    /// A file with the gateway's key, in the place of the variable
    #[arg(long, value_name = "FILE", env = "REHEARSAL_GATEWAY_KEY_FILE")]
    gateway_key_file: Option<PathBuf>,
    /// The model for prompts that name none
    #[arg(long, value_name = "NAME", env = "REHEARSAL_GATEWAY_MODEL")]
    gateway_model: Option<String>,
    /// Longest time that the gateway may take, with all repetitions; then the prompt's own tips answer
    #[arg(
        long,
        value_name = "MILLISECONDS",
        env = "REHEARSAL_GATEWAY_TIME_LIMIT_MS",
        default_value_t = 15_000
    )]
    gateway_time_limit_ms: u64,
    /// So many calls may be under way at once
    #[arg(long, value_name = "N", env = "REHEARSAL_GATEWAY_CONCURRENCY", default_value_t = 64)]
    gateway_concurrency: usize,
    /// Tokens that a user may take in a day of UTC; then the prompt's own tips answer. Counted in the store
    #[arg(long, value_name = "N", env = "REHEARSAL_GATEWAY_TOKENS_PER_DAY")]
    gateway_tokens_per_day: Option<u64>,
}

impl GatewayArgs {
    /// The gateway, if one is given.
    fn gateway(&self) -> Result<Option<Gateway>> {
        let Some(url) = self.gateway.clone().filter(|url| !url.is_empty()) else { return Ok(None) };
        let settings = GatewaySettings::try_from(RawGatewaySettings {
            url,
            key: std::env::var(KEY).ok().filter(|key| !key.is_empty()),
            key_file: self.gateway_key_file.clone(),
            model: self.gateway_model.clone(),
            time_limit_ms: self.gateway_time_limit_ms,
            tokens_per_day: self.gateway_tokens_per_day,
            concurrency: self.gateway_concurrency,
        })?;
        Gateway::new(settings).map(Some)
    }

    /// These prompts, sent to the gateway.
    pub(super) fn generator(&self, prompts: Prompts) -> Result<Generator> {
        Generator::new(prompts, self.gateway()?)
    }

    /// Whether what users take is counted.
    pub(super) fn counts_tokens(&self) -> bool {
        self.gateway.is_some() && self.gateway_tokens_per_day.is_some()
    }
}

/// The clock, in milliseconds since 1970: the moment of signals that say none.
pub(super) fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// What a store says of a user's earlier tips; nothing where there is no store.
pub(super) fn earlier_tips(
    store: Option<&Arc<dyn Store>>,
    user: &str,
    now_ms: u64,
) -> Result<Vec<RecentTip>> {
    store.map_or(Ok(Vec::new()), |store| recent_tips(&**store, user, now_ms))
}
