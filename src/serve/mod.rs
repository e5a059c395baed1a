//! The online scorer: HTTP over the service.
//!
//! In: a [`Service`](crate::service::Service) over any store, and [`Settings`]. Out: answers to requests until the process is asked to
//! end. A handler is a function of checked things in `routes.rs`; errors become problem documents in one place,
//! `problem.rs`. It keeps no state but what may vanish: a replica that is killed loses the decisions that it had
//! answered and not yet kept, unless `--durable-decisions` says that answers wait.
//!
//! A score goes `routes` -> `profile_lookups` (what the request does not say of the profile, where there is a feature store)
//! -> `deciders` (several calls read one moment of the store) -> the answer, and then to `writer`,
//! which keeps it, and to `shadows`. A reward goes `routes` -> `writer` (rewards of that moment share a transaction) ->
//! the answer. Tips go `routes` -> `generations`, where calls to a gateway wait without a thread of their own. `upkeep` publishes state files and folds in the store's log beside them. A new route is a function and
//! its line in `routes.rs`, and its path in `openapi.rs`.

mod analyses;
mod app;
mod body;
mod deciders;
mod generations;
mod guard;
mod metrics;
mod observe;
mod ofrep;
mod openapi;
mod page;
mod problem;
mod profile_lookups;
mod queries;
mod rewards_over_time;
mod routes;
mod server;
mod settings;
mod shadows;
mod upkeep;
mod writer;

pub use openapi::document;
pub use server::{ServeError, Server};
pub use settings::{RawSettings, Settings};
