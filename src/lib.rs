//! Rehearse contextual-bandit policies on simulated people before they meet real ones.
//!
//! Data goes one way, in the order of the modules below; nothing points backwards. What is written as
//! "here:" is where a new one goes; CONTRIBUTING.md has the steps.
//!
//! | module | is for | here: |
//! | --- | --- | --- |
//! | [`error`] | errors that say file, field, value and what is allowed | |
//! | `read` | JSON, TOML and CSV with errors that name the place | |
//! | `shipped` | the files that are built into the program | |
//! | `threads` | many things to do, on all cores where that is worth it | |
//! | [`vector`] | arithmetic for one user, or for four side by side | |
//! | [`stats`] | distribution functions, exact and time-uniform bounds | |
//! | [`profile`] | the contract on what is known of a user | a profile feature |
//! | [`reaction`] | what people do with a tip, and its reward | |
//! | [`request`] | who is asking, when, and what could be shown | |
//! | [`dimension`] | the dimensions of a feature vector: what each is made from, and how | a dimension |
//! | [`features`] | a request becomes one vector per candidate | a feature set |
//! | [`policy`] | explorers, the ridge model, policies by name | a policy, an explorer |
//! | [`state`] | what a policy has learned, on disk, and its logs | |
//! | [`history`] | profile features computed from events | |
//! | [`persona`] | kinds of simulated people; the shipped ones are in `personas/` | a persona |
//! | [`random`] | streams of random numbers that mean the same everywhere | |
//! | [`scenario`] | conditions people live under; the shipped ones are in `scenarios/` | a scenario |
//! | [`environment`] | simulated people, four side by side: what they meet and how they react | |
//! | [`metrics`] | what is measured of a user, and sums that merge to the bit | a metric |
//! | [`simulate`] | the one loop in which policies meet people | |
//! | [`parts`] | results of some blocks, on disk and put together again | |
//! | [`progressive`] | policies on a labelled table | |
//! | [`evaluate`] | what policies would have earned, judged on logged decisions | an estimator, a log format |
//! | [`gate`] | criteria, e-processes, verdict, calibration, planning | a kind of criterion, a segment |
//! | [`digest`] | digests of inputs as they were understood, and the seed that follows | |
//! | [`evidence`] | what a gate saw besides its criteria, for charts and cards | |
//! | [`promotion`] | the gate on simulated people: inputs, run, judgement | |
//! | [`reality`] | how far simulated people are from those of a log | |
//! | [`report`] | verdicts and results in the formats that people and programs read | a report format |
//! | [`card`] | model cards, read before a gate runs and added to after it | |
//! | [`cli`] | arguments become settings, results become text and an exit code | a command |
//!
//! A command goes through it from top to bottom: `promote-check` reads policies, personas, scenarios and a
//! gate, runs [`simulate`] on batches of users until [`gate`] has decided, and hands the verdict to
//! [`report`]. `score` and `reward` need the upper half only: [`request`] to [`state`].

pub mod error;
mod read;
mod shipped;
mod threads;
pub mod vector;

pub mod stats;

pub mod profile;
pub mod reaction;
pub mod request;

pub mod dimension;
pub mod features;
pub mod policy;
pub mod state;

pub mod history;
pub mod persona;
pub mod random;
pub mod scenario;

pub mod environment;
pub mod metrics;

pub mod simulate;

pub mod parts;
pub mod progressive;

pub mod evaluate;

pub mod gate;

pub mod digest;
pub mod evidence;
pub mod promotion;

pub mod reality;

pub mod report;

pub mod card;

pub mod cli;
