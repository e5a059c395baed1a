//! Why a card that is there is not added to.

use super::model_card::SCHEMA_VERSION;
use crate::base::error::{Cause, ErrorKind};

/// Why a card that is there is not added to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardRefusal {
    /// Another version of this program wrote the card.
    #[error("{card}: a model card of version {found}, and this program writes version {SCHEMA_VERSION}")]
    OtherVersion {
        /// The card's file.
        card: String,
        /// The version of the card's JSON.
        found: u32,
    },
    /// The card is of another challenger.
    #[error("{card}: the model card of {found:?}, not of {wanted:?}")]
    OtherChallenger {
        /// The card's file.
        card: String,
        /// The challenger that the card is of.
        found: String,
        /// The challenger that was judged.
        wanted: String,
    },
    /// The card is of a challenger of this name that does something else.
    #[error(
        "{card}: the model card of a {challenger:?} with other parameters; what has changed is a new policy with a \
         card of its own"
    )]
    OtherParameters {
        /// The card's file.
        card: String,
        /// The challenger.
        challenger: String,
    },
    /// The card tells of a rollout in another store.
    #[error(
        "{card}: it has step {revision} of the rollout of {experiment:?}, which this store has not; name the store of that \
         rollout, or another card"
    )]
    OtherSteps {
        /// The card's file.
        card: String,
        /// The experiment.
        experiment: String,
        /// The step's number.
        revision: u64,
    },
}

impl Cause for CardRefusal {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Conflict
    }
}
