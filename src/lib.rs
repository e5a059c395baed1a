//! Rehearse contextual-bandit policies on simulated people before they meet real ones.
//!
//! Data goes one way, in the order of the rooms below; nothing points back. Each room's first page says what it is
//! for, what comes in, what goes out, and where a new one goes; CONTRIBUTING.md has the steps.
//!
//! | room | is for | a new one here: |
//! | --- | --- | --- |
//! | [`base`] | errors, reading files, random streams, lanes of vectors, statistics | a distribution, a bound |
//! | [`domain`] | domains: what may be known, what can happen; requests; the profile contract | a domain, a profile feature |
//! | [`features`] | a request becomes one vector per candidate; profiles computed from events | a feature set |
//! | [`policy`] | explorers, the ridge model, policies by name | a policy, an explorer |
//! | [`experiment`] | which variant a user meets | what a variant sets |
//! | [`store`] | where decisions, rewards and states are kept | a store |
//! | [`service`] | score, reward, stats, reset over a store | a call |
//! | [`people`] | personas, scenarios, and how simulated people react | a persona, a scenario |
//! | [`simulation`] | the one loop in which policies meet people; metrics; parts of a run | a metric |
//! | [`evaluation`] | what policies would have earned, judged on logs; how far people are from a log | an estimator, a log format |
//! | [`gate`] | criteria, e-processes, verdict, calibration, promotion | a kind of criterion |
//! | [`prompt`] | tips in words: prompt versions, what they are told, the gateway to a model | a prompt version |
//! | [`model`] | priors that are learned from everybody; their versions and names | a kind of registry |
//! | [`report`] | everything that is written for a reader, one file per format | a report format |
//! | [`serve`] | the service over HTTP | a route |
//! | [`cli`] | arguments become settings, results become text and an exit code | a command |
//!
//! A command goes through it from top to bottom: `promote-check` reads policies, personas, scenarios and a
//! gate, runs [`simulation`] on batches of users until [`gate`] has decided, and hands the verdict to
//! [`report`]. `score` and `reward` need the upper half only: [`domain`] to [`service`].

pub mod base;
pub mod domain;
pub mod features;
pub mod policy;

pub mod experiment;
pub mod store;

pub mod service;

pub mod people;
pub mod simulation;

pub mod evaluation;

pub mod gate;

pub mod prompt;

pub mod model;

pub mod report;

pub mod serve;

pub mod cli;
