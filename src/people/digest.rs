//! Digests of people and of the conditions they live under.

use super::persona::Persona;
use super::scenario::Scenario;
use super::scenario::{ProfileServing, ProfileSource};
use crate::base::digest::{Digests, of_value};
use crate::policy::SimulatedPeople;

/// Digest of what a persona does, whatever it is called and however many are like it: streams of random numbers are drawn by
/// it, so that no name and no share changes who people are.
pub fn of_character(persona: &Persona) -> String {
    let mut raw = persona.raw().clone();
    raw.name.clear();
    raw.description.clear();
    raw.weight = 0.0;
    of_value(&raw)
}

/// Digest of the conditions that a scenario makes, whatever it is called, whoever lives under them, and without fields
/// that change nothing as the others are.
pub fn of_conditions(scenario: &Scenario) -> String {
    let mut raw = scenario.raw().clone();
    raw.name.clear();
    raw.description.clear();
    raw.population = None;
    raw.history.learn &= raw.history.steps > 0;
    if raw.profile.serving == ProfileServing::Missing {
        raw.profile.source = ProfileSource::default();
    }
    of_value(&raw)
}

/// Whether people who were simulated before are among those that a scenario has under this seed: the same conditions, a
/// persona of the same character, and the same random streams.
pub fn are_among(people: &SimulatedPeople, seed: u64, scenario: &Scenario, personas: &[Persona]) -> bool {
    people.seed == seed
        && people.conditions == of_conditions(scenario)
        && personas.iter().any(|persona| people.characters.contains_key(&of_character(persona)))
}

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
