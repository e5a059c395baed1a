//! Verdicts and results in the formats that people and programs read: only writing, no deciding.
//!
//! Judgements of a gate, evaluations, comparisons, calibrations, plans and results of simulations come in; text goes out.
//! Words that several formats share are in `words` and, of logged decisions, in `logged`.
//!
//! A new format of verdicts: a file with a unit struct that implements [`VerdictFormat`], its `mod` line here, and its
//! line in `formats.rs`. `promote-check --out` then writes it.

pub mod annotations;
mod calibration;
pub mod card;
mod charts;
mod comparison;
mod evaluation;
mod evaluation_csv;
mod format;
mod formats;
mod html;
mod json;
mod junit;
mod logged;
mod markdown;
mod page;
mod paragraph;
mod plan;
mod ranking;
mod sensitivity;
mod server;
mod simulation;
mod text;
mod words;
mod xml;

pub use calibration::calibration_text;
pub use comparison::comparison_text;
pub use evaluation::evaluation_text;
pub use evaluation_csv::evaluation_csv;
pub use format::VerdictFormat;
pub use formats::verdict_formats;
pub use html::Html;
pub use json::{Json, VERDICT_SCHEMA};
pub use junit::Junit;
pub use markdown::{Markdown, SUMMARY_LIMIT};
pub use plan::plan_text;
pub use ranking::ranking_text;
pub use sensitivity::sensitivity_text;
pub use server::{PolicyStatus, RewardPeriod, RouteStatus, ServerStatus, ShadowStatus, server_page};
pub use simulation::{Results, ScenarioResults, UserRows};
pub use text::PlainText;
