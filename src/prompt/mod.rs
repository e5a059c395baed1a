//! Tips in words: versions of a prompt, what they are told of a person, and the language model that they are sent to.
//!
//! In: prompt files, and signals (tasks, calendar, what became of earlier tips, profile features, locale). Out: candidates
//! that `score` takes, with the version and the digest of the prompt that wrote them. The prompt is a policy too: versions
//! compete, and the one that was used goes with the decision.
//!
//! `file` -> `prompt` -> `registry` is a version from its text to its place among the others; `signals` -> `context` is a
//! person from JSON to what a prompt is told. `generate` puts both together, asks `gateway`, has `answer` check what came
//! back, and lets `fallback` answer where nothing did. What a person wrote reaches a model only through `data`, as JSON in
//! which no character can end its string: see there. A new version is a file in `prompts/`.

mod answer;
mod clean;
mod completion;
mod context;
mod data;
mod difference;
mod fallback;
mod file;
mod gateway;
mod generate;
mod input;
mod message;
mod moment;
mod prompt;
mod recent;
mod refusal;
mod registry;
mod retry;
mod schema;
mod signals;
mod similar;
mod spending;
mod template;
mod tokens;
mod unused;

pub use completion::Usage;
pub use context::{
    Assembled, Dropped, EventNote, MomentNote, PromptContext, QuietNote, RecentNote, TaskNote,
};
pub use difference::{DiffLine, difference};
pub use gateway::{Gateway, GatewaySettings, RawGatewaySettings};
pub use generate::{Generated, Generator, Prepared};
pub use input::PromptInput;
pub use message::{Message, PromptCall};
pub use prompt::{Parameters, Prompt};
pub use recent::{RECENT_TIPS, RecentTip, recent_tips};
pub use refusal::PromptError;
pub use registry::{DEFAULT_VERSION, Prompts};
pub use schema::{generated_schema, signals_schema};
pub use signals::{RawEvent, RawQuietHours, RawRecent, RawSignals, RawTask, Signals};
pub use spending::Allowance;
pub use unused::UnusedReason;
