//! Policies by name: the built-in ones, and those that a TOML file defines.

use super::model::Structure;
use super::spec::{Policy, RawPolicy};
use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use crate::features::FeatureSet;
use std::path::Path;

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
        Self::from_file(&read::text(path)?, name, path.parent().unwrap_or(Path::new("")))
    }

    /// Parses and checks a policy file, which errors call `origin`; it names no other files.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range, the name of a built-in policy.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        Self::of_raw(read::toml(text, origin)?, origin)
    }

    /// The same, of a file of the operator's, whose feature set may be a file: paths are relative to `folder`.
    ///
    /// # Errors
    /// As [`Self::from_toml`], and a feature set's file that cannot be read or states what is not allowed.
    fn from_file(text: &str, origin: &str, folder: &Path) -> Result<Self> {
        let mut raw: RawPolicy = read::toml(text, origin)?;
        let features = raw.features.load(folder).map_err(Error::named_by(format!("{origin}: features")))?;
        raw.features = features.into();
        Self::of_raw(raw, origin)
    }

    fn of_raw(raw: RawPolicy, origin: &str) -> Result<Self> {
        let policy = Self::try_from(raw).map_err(|fault| fault.at(origin))?;
        if NAMED.contains(&policy.name()) {
            let fault =
                Fault::new("name", format!("{:?}", policy.name()), "a name that no built-in policy has");
            return Err(fault.at(origin));
        }
        Ok(policy)
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
