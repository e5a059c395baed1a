//! Where reactions come from: a [`Stage`] is one persona in one scenario, and each [`Person`] on it meets moments and
//! tips and reacts to what is shown; four at a time, in a [`Party`].

mod logit;
mod party;
mod person;
mod stage;
mod table;

pub use party::Party;
pub use person::{Outcome, Person, Traits};
pub use stage::Stage;
pub use table::LabelledTable;
