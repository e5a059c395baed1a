//! Whose mean a criterion is about: everybody's, a persona's, or that of the users with some trait.

use super::refusal::GateRefusal;
use crate::base::error::{Error, Result};
use crate::people::Traits;
use crate::people::scenario::{ProfileServing, RawScenario, TraitShares};
use serde::{Deserialize, Serialize};

/// Whose mean a criterion is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The population's.
    #[default]
    Population,
    /// Each persona's.
    Persona,
    /// That of new users and that of established ones.
    Newness,
    /// That of users with a profile and that of users without.
    Profile,
    /// That of users who decide on weekends and that of those who decide on working days.
    Weekend,
}

impl By {
    /// Its name in a gate file.
    fn name(self) -> &'static str {
        match self {
            Self::Population => "population",
            Self::Persona => "persona",
            Self::Newness => "newness",
            Self::Profile => "profile",
            Self::Weekend => "weekend",
        }
    }
}

/// Whose mean one criterion is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserSegment {
    /// Everybody's.
    Population,
    /// One persona's, by its position in the scenario and its name.
    Persona(usize, String),
    /// That of the users of all personas who have a trait, or of those who do not.
    Trait(By, bool),
}

impl UserSegment {
    /// The segments of users, of all personas together, of which `by` speaks; none for the others.
    fn of_trait(by: By) -> [Self; 2] {
        [Self::Trait(by, true), Self::Trait(by, false)]
    }

    /// Its name in ids and reports; `None` for the population.
    pub fn name(&self) -> Option<&str> {
        Some(match self {
            Self::Population | Self::Trait(By::Population | By::Persona, _) => return None,
            Self::Persona(_, name) => name,
            Self::Trait(By::Newness, true) => "new-users",
            Self::Trait(By::Newness, false) => "established-users",
            Self::Trait(By::Profile, true) => "users-without-profile",
            Self::Trait(By::Profile, false) => "users-with-profile",
            Self::Trait(By::Weekend, true) => "weekend-users",
            Self::Trait(By::Weekend, false) => "weekday-users",
        })
    }

    /// Whether users of the persona at this position can belong to it.
    pub(super) fn is_about(&self, persona: usize) -> bool {
        !matches!(self, Self::Persona(p, _) if *p != persona)
    }

    /// Whether a user with these traits, of the persona at this position, belongs to it.
    pub fn has(&self, persona: usize, traits: Traits) -> bool {
        match *self {
            Self::Population => true,
            Self::Persona(p, _) => p == persona,
            Self::Trait(by, wanted) => {
                let value = match by {
                    By::Newness => traits.new,
                    By::Profile => traits.no_profile,
                    By::Weekend => traits.weekend,
                    By::Population | By::Persona => return true,
                };
                value == wanted
            }
        }
    }
}

/// A scenario as a gate needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its own name.
    pub name: String,
    /// Names of its personas, with their shares of the population, which sum to 1.
    pub personas: Vec<(String, f64)>,
    /// Shares of users with each trait.
    pub traits: TraitShares,
    /// Traits that change nothing in it, whatever the shares, each with why.
    pub without_effect: Vec<(By, &'static str)>,
}

/// The traits that change nothing in a scenario, each with why.
pub(super) fn without_effect(scenario: &RawScenario) -> Vec<(By, &'static str)> {
    let of_nobody = [
        (By::Newness, scenario.history.steps == 0, "history.steps is 0, so that nobody has a history"),
        (
            By::Profile,
            scenario.profile.serving == ProfileServing::Missing,
            "profile.serving is \"missing\", so that nobody has a profile",
        ),
    ];
    of_nobody.into_iter().filter(|(_, is_so, _)| *is_so).map(|(by, _, why)| (by, why)).collect()
}

/// The segments that `by` means in one scenario.
pub(super) fn segments(by: By, setting: &Setting) -> Result<Vec<UserSegment>> {
    let share = match by {
        By::Population => return Ok(vec![UserSegment::Population]),
        By::Persona => {
            let names = setting.personas.iter().enumerate();
            return Ok(names.map(|(p, (name, _))| UserSegment::Persona(p, name.clone())).collect());
        }
        By::Newness => setting.traits.new,
        By::Profile => setting.traits.no_profile,
        By::Weekend => setting.traits.weekend,
    };
    let (name, scenario) = (by.name(), setting.name.clone());
    if !(share > 0.0 && share < 1.0) {
        return Err(Error::because(GateRefusal::NoSuchUsers { by: name, scenario }));
    }
    match setting.without_effect.iter().find(|(of, _)| *of == by) {
        Some((_, why)) => Err(Error::because(GateRefusal::UsersAlike { by: name, scenario, why })),
        None => Ok(UserSegment::of_trait(by).into()),
    }
}
