//! Where reactions come from.

mod logit;
mod person;
mod stage;

pub use person::{Outcome, Person, Traits};
pub use stage::Stage;
