//! Digests of people and of the conditions they live under.

use super::persona::Persona;
use super::scenario::Scenario;
use crate::base::digest::{Digests, of_value};

/// Digests of personas and scenarios, by role and name; descriptions are left out.
pub fn of_people(personas: &[Persona], scenarios: &[Scenario]) -> Digests {
    let personas = personas.iter().map(|persona| {
        let mut raw = persona.raw().clone();
        raw.description.clear();
        (format!("persona/{}", persona.name()), of_value(&raw))
    });
    let scenarios = scenarios.iter().map(|scenario| {
        let mut raw = scenario.raw().clone();
        raw.description.clear();
        (format!("scenario/{}", scenario.name()), of_value(&raw))
    });
    personas.chain(scenarios).collect()
}
