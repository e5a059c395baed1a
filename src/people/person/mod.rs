//! One simulated person: who they are, what they meet, how they would react.
//!
//! At each step the person meets a moment with K candidates. Tip k would be completed with probability
//! sigma(u_k), else dismissed with sigma(v_k), else snoozed with a fixed probability, else ignored, where
//!
//! ```text
//! u_k = base + receptivity(hour of the moment) + weekend - fatigue x tips of the last 24 hours
//!       + taste(kind) + timing cos(2 pi (hour of the tip - preferred hour of the kind) / 24)
//!       + priority (2 p - 1) + urgency x urgency feature + effort x effort feature
//! v_k = refusal.base - refusal.relief u_k
//! ```
//!
//! All of this, and the random numbers that decide the reaction, are drawn before anyone chooses. Since v falls as u
//! rises, the expected reward rises with u: the oracle takes the candidate with the largest u.
//!
//! In: the tables of a [`PersonaSimulator`](super::PersonaSimulator), and a user's number. Out: moments, candidates,
//! profile features and reactions. What a new condition does to one person is an entry in the file that it is about:
//! `character` (who they are), `candidates` (what they meet), `utility` and `odds` (what they make of it), `steps` (when
//! they meet it), `reactions`, `served` (what a policy is told) and `asked` (what others may ask of them).

mod asked;
pub(super) mod candidates;
pub(super) mod character;
pub(super) mod odds;
mod reactions;
mod served;
mod steps;
pub(super) mod utility;

pub use character::Traits;
pub use odds::Outcome;
pub use steps::Person;
