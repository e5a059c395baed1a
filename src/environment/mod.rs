//! Where reactions come from: a [`Stage`] is one persona in one scenario, and each [`Person`] on it meets moments and
//! tips and reacts to what is shown.

mod logit;
mod person;
mod stage;
mod table;

pub use person::{Outcome, Person, Traits};
pub use stage::Stage;
pub use table::LabelledTable;
