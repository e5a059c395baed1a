//! What may be known and what can happen: domains with their inputs and outcomes, requests, the profile contract.
//!
//! In: JSON from outside, and domains as files. Out: checked requests, in which every number is finite and in range. The domain
//! `tips` is built in: a new profile feature is an entry in `profile.rs` and in `domains/tips.toml`. Other domains are files
//! alone ([`Domain`]).

mod completion;
mod declaration;
mod input;
pub mod labels;
pub mod profile;
pub mod reaction;
pub mod request;
mod values;

pub use completion::ProfileCompletion;
pub use declaration::{Domain, DomainOutcome, DomainRef, RawDomain, TIPS};
pub(crate) use declaration::{check_name, check_word};
pub use input::{DomainInput, InputOf, InputSlot, InputType, InputValue, KeptValue, TipsInput};
pub use values::{DeclaredValues, RawDeclared};
