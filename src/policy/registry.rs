//! Policies by name: the built-in ones, and those that a TOML file defines.

use super::{Explorer, Policy, Structure};
use crate::base::error::{Error, Fault, Result, within};
use crate::base::read;
use crate::features::FeatureSet;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Names of the built-in policies, in the order in which they are listed.
pub const NAMED: [&str; 7] =
    ["uniform", "egreedy-v1", "egreedy-v2", "linucb", "linucb-v2", "lints-v2", "squarecb-v2"];

/// Longest name of a policy, which is part of a file name.
const MAX_NAME_BYTES: usize = 64;

/// A policy file, unchecked. `explorer` is required; a parameter that the explorer does not have is refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPolicy {
    /// Lower-case letters, digits and '-'; not that of a built-in policy.
    pub name: String,
    /// `uniform`, `egreedy`, `linucb`, `lints` or `squarecb`.
    pub explorer: String,
    /// `v1` or `v2`.
    pub features: FeatureSet,
    /// `shared` (default) or `disjoint`.
    #[serde(default)]
    pub structure: Structure,
    /// Weight of the ridge prior; default 1.
    #[serde(default = "one")]
    pub lambda: f64,
    /// Forgetting g in (0, 1]; default 1.
    #[serde(default = "one")]
    pub forgetting: f64,
    /// For `egreedy`, in [0, 1]; default 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<f64>,
    /// For `linucb`, at least 0; default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// For `lints`, at least 0; default 0.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<f64>,
    /// For `squarecb`, at least 0; default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
}

fn one() -> f64 {
    1.0
}

const EXPLORERS: [&str; 5] = ["uniform", "egreedy", "linucb", "lints", "squarecb"];

impl TryFrom<RawPolicy> for Policy {
    type Error = Fault;

    fn try_from(raw: RawPolicy) -> Result<Self, Fault> {
        let name_is_safe = !raw.name.is_empty()
            && raw.name.len() <= MAX_NAME_BYTES
            && raw.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !name_is_safe {
            let allowed = format!("1 to {MAX_NAME_BYTES} of the characters a-z, 0-9 and '-'");
            return Err(Fault::new("name", format!("{:?}", raw.name), allowed));
        }
        let explorer = match raw.explorer.as_str() {
            "uniform" => Explorer::Uniform,
            "egreedy" => Explorer::Egreedy { epsilon: raw.epsilon.unwrap_or(0.1) },
            "linucb" => Explorer::LinUcb { alpha: raw.alpha.unwrap_or(1.0) },
            "lints" => Explorer::LinTs { v: raw.v.unwrap_or(0.5) },
            "squarecb" => Explorer::SquareCb { gamma: raw.gamma.unwrap_or(50.0) },
            other => return Err(Fault::new("explorer", format!("{other:?}"), EXPLORERS.join(", "))),
        }
        .check()?;
        let own = explorer.parameter().map(|(name, _)| name);
        let given = [("epsilon", raw.epsilon), ("alpha", raw.alpha), ("v", raw.v), ("gamma", raw.gamma)];
        for (name, value) in given {
            if let Some(value) = value.filter(|_| own != Some(name)) {
                let parameter =
                    own.map_or_else(|| "no parameter".to_owned(), |own| format!("the parameter {own}"));
                let allowed = format!("nothing; {} has {parameter}", explorer.name());
                return Err(Fault::new(name, value, allowed));
            }
        }
        within("lambda", raw.lambda, 1e-6, 1e6)?;
        within("forgetting", raw.forgetting, 1e-3, 1.0)?;
        Ok(Self {
            name: raw.name,
            explorer,
            features: raw.features,
            structure: raw.structure,
            lambda: raw.lambda,
            forgetting: raw.forgetting,
        })
    }
}

impl Policy {
    /// A built-in policy.
    ///
    /// # Errors
    /// [`Error::Unknown`], with the nearest name, for any other name.
    pub fn named(name: &str) -> Result<Self> {
        let (explorer, features) = match name {
            "uniform" => (Explorer::Uniform, FeatureSet::V1),
            "egreedy-v1" => (Explorer::Egreedy { epsilon: 0.1 }, FeatureSet::V1),
            "egreedy-v2" => (Explorer::Egreedy { epsilon: 0.1 }, FeatureSet::V2),
            "linucb" => (Explorer::LinUcb { alpha: 1.0 }, FeatureSet::V1),
            "linucb-v2" => (Explorer::LinUcb { alpha: 1.0 }, FeatureSet::V2),
            "lints-v2" => (Explorer::LinTs { v: 0.5 }, FeatureSet::V2),
            "squarecb-v2" => (Explorer::SquareCb { gamma: 50.0 }, FeatureSet::V2),
            _ => return Err(Error::unknown("policy", name, NAMED.into_iter().chain([read::OR_A_FILE]))),
        };
        Ok(Self {
            name: name.to_owned(),
            explorer,
            features,
            structure: Structure::Shared,
            lambda: 1.0,
            forgetting: 1.0,
        })
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
        Self::from_toml(&read::text(path)?, name)
    }

    /// Parses and checks a policy file, which errors call `origin`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, values out of range, the name of a built-in policy.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self> {
        let raw: RawPolicy = read::toml(text, origin)?;
        let policy = Self::try_from(raw).map_err(|fault| fault.at(origin))?;
        if NAMED.contains(&policy.name()) {
            let fault =
                Fault::new("name", format!("{:?}", policy.name()), "a name that no built-in policy has");
            return Err(fault.at(origin));
        }
        Ok(policy)
    }

    /// The specification as a file would state it, every default spelled out: what digests are made of.
    pub fn to_raw(&self) -> RawPolicy {
        let parameter = |name: &str| self.explorer.parameter().filter(|(n, _)| *n == name).map(|(_, v)| v);
        RawPolicy {
            name: self.name.clone(),
            explorer: self.explorer.name().to_owned(),
            features: self.features,
            structure: self.structure,
            lambda: self.lambda,
            forgetting: self.forgetting,
            epsilon: parameter("epsilon"),
            alpha: parameter("alpha"),
            v: parameter("v"),
            gamma: parameter("gamma"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Policy, String> {
        let raw: RawPolicy = toml::from_str(text).map_err(|e| e.to_string())?;
        Policy::try_from(raw).map_err(|f| f.to_string())
    }

    #[test]
    fn built_in_policies_survive_the_trip_through_a_file() {
        for name in NAMED {
            let policy = Policy::named(name).unwrap();
            assert_eq!(Policy::try_from(policy.to_raw()).unwrap(), policy);
        }
    }

    #[test]
    fn a_file_gets_the_defaults_and_its_own_parameter() {
        let policy = parse("name = \"mine\"\nexplorer = \"linucb\"\nfeatures = \"v2\"\nalpha = 0.3").unwrap();
        assert_eq!(policy.explorer(), Explorer::LinUcb { alpha: 0.3 });
        assert_eq!((policy.lambda(), policy.forgetting(), policy.structure()), (1.0, 1.0, Structure::Shared));
    }

    #[test]
    fn what_is_not_allowed_is_named() {
        let with = |line: &str| {
            parse(&format!("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\n{line}")).unwrap_err()
        };
        assert_eq!(with("epsilon = 1.1"), "epsilon is 1.1; allowed: a number in [0, 1]");
        assert_eq!(with("alpha = 1.0"), "alpha is 1; allowed: nothing; egreedy has the parameter epsilon");
        assert!(with("lambda = 0.0").starts_with("lambda is 0;"));
        assert!(with("forgetting = 0.0").starts_with("forgetting is 0;"));
        assert!(with("forgetting = nan").starts_with("forgetting is NaN;"));
        assert!(with("colour = 1").contains("unknown field `colour`"));
        assert!(
            parse("name = \"A_b\"\nexplorer = \"uniform\"\nfeatures = \"v1\"")
                .unwrap_err()
                .contains("name is")
        );
        assert!(
            parse("name = \"a\"\nexplorer = \"ucb\"\nfeatures = \"v1\"").unwrap_err().contains("explorer is")
        );
    }
}
