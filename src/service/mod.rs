//! Score, reward, stats and reset over a store: what the command line and the server share.
//!
//! In: calls as data, several at a time. Out: a reply or an error for each, serializable, with warnings as data. It
//! prints nothing and knows neither arguments nor HTTP. A [`Service`] holds a store and the policies that the operator
//! named; a request names one of those, and never a path. What the store needs now and then (`verify`, `rebuild`,
//! `prune`, states and logs in and out) stands here too, once for every kind of store. A new use of the store is a file with
//! its calls and replies: methods of [`Service`], or functions over a store where no policy is needed.

mod active_experiments;
mod asked_programs;
mod commit;
mod decide;
mod error;
mod given;
mod ids;
mod log;
pub(crate) mod log_files;
mod older;
mod policies;
mod prepared_rewards;
mod program_rewards;
mod programs;
mod prune;
mod rebuild;
mod replay;
mod reset;
mod reward;
mod reward_call;
mod score;
mod shared;
mod stats;
mod transfer;
mod verify;

pub use active_experiments::{ActiveExperiments, Participation};
pub use decide::{ScoredChoice, decide, draw};
pub use error::ServiceError;
pub use given::{Given, GivenBy};
pub use log::{LogExport, LogKind};
pub use older::{Brought, bring_over};
pub use policies::Policies;
pub use prune::{Pruned, prune};
pub use rebuild::{Rebuilt, Source, rebuild, retrain};
pub use replay::Problem;
pub use reset::{Erased, Reset};
pub use reward::RewardReply;
pub use reward_call::{RewardCall, StatedReward};
pub use score::{Decided, ScoreCall, ScoreReply, ScoredCandidate, ShadowReply, UserRequest, Warning};
pub use shared::{PolicySwitch, Service};
pub use stats::{PolicyStats, StateRow, UserStats};
pub use transfer::{Imported, export, import};
pub use verify::{Verified, verify};
