//! Verdicts and results in the formats that people and programs read: only writing, no deciding.
//!
//! Judgements of a gate, evaluations, comparisons, calibrations, plans and results of simulations come in; text goes out.
//! Words that several formats share are in `words` and, of logged decisions, in `logged`.
//!
//! A new format of verdicts: a file with a unit struct that implements [`VerdictFormat`], its `mod` line here, and its
//! line in `formats.rs`. `promote-check --out` then writes it.

mod analysis;
pub mod annotations;
mod calibration;
pub mod card;
mod charts;
mod comparison;
mod evaluation;
mod evaluation_csv;
mod format;
mod formats;
mod json;
mod junit;
mod logged;
mod markdown;
mod page;
mod pages;
mod paragraph;
mod pieces;
mod plan;
mod profiles;
mod ranking;
mod screen;
mod sensitivity;
mod server;
mod simulation;
mod terminal;
mod text;
mod words;
mod xml;

pub use analysis::{analysis_page, analysis_text, rehearsal_text, rollout_text};
pub use calibration::calibration_text;
pub use card::{card_rollout, check_card, with_rollout};
pub use comparison::comparison_text;
pub use evaluation::evaluation_text;
pub use evaluation_csv::evaluation_csv;
pub use format::VerdictFormat;
pub use formats::verdict_formats;
pub(crate) use json::write_pretty;
pub use json::{Json, VERDICT_SCHEMA};
pub use junit::Junit;
pub use markdown::{Markdown, SUMMARY_LIMIT};
pub use pages::{
    Cast, Html, calibration_page, comparison_page, evaluation_page, sensitivity_page, simulation_page,
};
pub use plan::plan_text;
pub use profiles::{NamedProfiles, ProfileFormat, profile_formats};
pub use ranking::ranking_text;
pub use screen::{Screen, Tint};
pub use sensitivity::sensitivity_text;
pub use server::{
    ExperimentStatus, PolicyStatus, RewardPeriod, RouteStatus, ServerStatus, ShadowStatus, server_page,
};
pub use simulation::{Results, ScenarioResults, UserRows};
pub use terminal::{terminal_results, terminal_verdict};
pub use text::PlainText;
