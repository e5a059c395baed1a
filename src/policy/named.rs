//! Policies by name: the built-in ones, and those that a TOML file defines.

use super::definition::RawDefinition;
use super::prior::Prior;
use super::program::RawProgram;
use super::spec::{Policy, RawPolicy};
use super::structure::Structure;
use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use crate::features::FeatureSet;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

/// The built-in policies in the order in which they are listed: name, explorer, feature set, and whether there is a model for
/// each kind of tip; all else has its default.
const BUILT_IN: [(&str, &str, FeatureSet, Structure); 10] = [
    ("uniform", "uniform", FeatureSet::V1, Structure::Shared),
    ("egreedy-v1", "egreedy", FeatureSet::V1, Structure::Shared),
    ("egreedy-v2", "egreedy", FeatureSet::V2, Structure::Shared),
    ("linucb", "linucb", FeatureSet::V1, Structure::Shared),
    ("linucb-v2", "linucb", FeatureSet::V2, Structure::Shared),
    ("lints-v2", "lints", FeatureSet::V2, Structure::Shared),
    ("squarecb-v2", "squarecb", FeatureSet::V2, Structure::Shared),
    ("egreedy-v1-by-kind", "egreedy", FeatureSet::V1, Structure::Disjoint),
    ("egreedy-v2-by-kind", "egreedy", FeatureSet::V2, Structure::Disjoint),
    ("linucb-v2-by-kind", "linucb", FeatureSet::V2, Structure::Disjoint),
];

/// Names of the built-in policies, in the order in which they are listed.
pub const NAMED: [&str; BUILT_IN.len()] = {
    let mut names = [""; BUILT_IN.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = BUILT_IN[i].0;
        i += 1;
    }
    names
};

impl Policy {
    /// A built-in policy.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the nearest name, for any other name.
    pub fn named(name: &str) -> Result<Self> {
        let (name, explorer, features, structure) = *BUILT_IN
            .iter()
            .find(|(n, ..)| *n == name)
            .ok_or_else(|| Error::unknown("policy", name, NAMED.into_iter().chain([read::OR_A_FILE])))?;
        let raw = RawPolicy { structure, ..RawPolicy::new(name, explorer, features) };
        Self::try_from(raw).map_err(|fault| fault.at(name))
    }

    /// What it is, in a line: how it explores, what it looks at, and how many models it has.
    pub fn description(&self) -> String {
        let explorer = match self.explorer().parameter() {
            Some((name, value)) => format!("{} ({name} {value})", self.explorer().name()),
            None => self.explorer().name().to_owned(),
        };
        if !self.explorer().uses_scores() {
            return format!("{explorer}: every candidate alike, whatever was learned");
        }
        let models = match self.structure() {
            Structure::Shared => "one model for all kinds of tip",
            Structure::Disjoint => "a model for each kind of tip",
        };
        format!("{explorer}, features {}, {models}", self.features())
    }

    /// A policy by name, or from a TOML file if `name` ends in `.toml` or has a '/'.
    ///
    /// # Errors
    /// An unknown name; a file that cannot be read or states something that is not allowed, among which
    /// the name of a built-in policy.
    pub fn load(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if !read::is_path(name) {
            return Self::named(name);
        }
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self::parse(&read::text(path)?, name, Some(dir))
    }

    /// Parses and checks a policy file, which errors call `origin`. A program that it names is not started: it has no
    /// folder to run in.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range, the name of a built-in policy.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        Self::parse(text, origin, None)
    }

    /// The policy that a file in `dir` states; without one, a prior is looked for beside what errors call the text.
    fn parse(text: &str, origin: &str, dir: Option<&Path>) -> Result<Self> {
        let names_command =
            toml::from_str::<toml::Table>(text).is_ok_and(|table| table.contains_key("command"));
        let policy = if names_command {
            let raw: RawProgram = read::toml(text, origin)?;
            match dir {
                Some(dir) => Self::program_in(dir, raw, origin)?,
                None => Self::try_from(RawDefinition::Program(raw)).map_err(|fault| fault.at(origin))?,
            }
        } else {
            // What is wrong with a prior or a feature set is no fault of the file that names it.
            let elsewhere = RefCell::new(None);
            let of_another = |what: &str, error: Error| {
                *elsewhere.borrow_mut() = Some(Error::named_by(format!("{origin}: {what}"))(error));
                Ok(None)
            };
            let policy = read::checked_toml(text, origin, |mut raw: RawPolicy| {
                // A feature set may be a file where the operator names the policy's, which it is beside.
                if let Some(dir) = dir {
                    match raw.features.load(dir) {
                        Ok(features) => raw.features = features.into(),
                        Err(error) => return of_another("features", error),
                    }
                }
                let policy = Self::checked(raw, |prior| {
                    let beside = Path::new(origin).parent().unwrap_or(Path::new("")).join(prior);
                    Prior::load(&beside).map(Arc::new).map_err(Problem::Prior)
                });
                match policy {
                    Ok(policy) => policy.check_effects().map(|()| Some(policy)),
                    Err(Problem::Policy(fault)) => Err(fault),
                    Err(Problem::Prior(error)) => of_another("prior", error),
                }
            })?;
            match (policy, elsewhere.into_inner()) {
                (Some(policy), _) => policy,
                (None, Some(error)) => return Err(error),
                (None, None) => unreachable!("a policy without a problem is one"),
            }
        };
        if NAMED.contains(&policy.name()) {
            let fault =
                Fault::new("name", format!("{:?}", policy.name()), "a name that no built-in policy has");
            return Err(fault.at(origin));
        }
        Ok(policy)
    }
}

/// What is wrong with a policy's file, or with the prior's that it names.
enum Problem {
    Policy(Fault),
    Prior(Error),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Policy(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_policies_survive_the_trip_through_a_file() {
        for name in NAMED {
            let policy = Policy::named(name).unwrap();
            assert_eq!(Policy::try_from(policy.to_raw()).unwrap(), policy);
        }
    }
}
