//! Feast, a feature store: its definitions of a domain's profile features, and asking it for those that requests lack.
//!
//! In: the inputs of a domain that are of the profile. Out: a file of definitions in Feast's own language (Python), and the
//! features of users, checked against the domain. Both are made from the same names: a view `tips_profile` for the domain
//! `tips`, by `user`, and by `kind` where the domain's candidates have kinds. The user's own values are those of the empty
//! kind, as in the tables of `features compute`.

mod answer;
mod client;
mod definitions;
mod key;
mod names;

pub use answer::FetchedProfile;
pub use client::{Feast, FeastFailure, FeastSettings, RawFeastSettings};
pub use definitions::definitions;
pub use key::ProfileKey;
