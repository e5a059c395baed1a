//! Model cards: what is known of a challenger, for people in Markdown and for programs in a block of JSON in it.
//!
//! A judgement and the card that is there come in, the new card goes out. A new section is a function in `markdown`, over
//! a field of [`Card`].

mod file;
mod markdown;
mod model_card;
mod refusal;
mod rollouts;

pub use file::CardFile;
pub use model_card::{
    Card, CardCriterion, CardEntry, CardInput, CardLog, CardPrior, CardScenario, CardSegment, SCHEMA_VERSION,
};
pub use refusal::CardRefusal;
pub use rollouts::{CardRollout, card_rollout, check_card, with_rollout};
