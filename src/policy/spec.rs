//! What a policy is: an explorer, a ridge model and a feature set, as a file states it and as it was checked.

use super::explorer::{Explorer, explorers};
use super::model::{KindModel, Model, Structure};
use crate::base::digest::of_value;
use crate::base::error::{Fault, Result, within};
use crate::base::vector::Cell;
use crate::features::{FeatureSet, FeatureSetRef};
use serde::{Deserialize, Serialize};

/// Most dimensions of a feature set where each kind has a model of its own.
const MAX_DISJOINT_DIMS: usize = 64;
/// Longest name of a policy, which is part of a file name.
const MAX_NAME_BYTES: usize = 64;

/// Declares the policy file, with the parameter of each explorer of the table.
macro_rules! raw_policy {
    ($($file:ident $Explorer:ident $(($parameter:ident))?,)*) => {
        /// A policy file, unchecked. `explorer` is required; a parameter that the explorer does not have is refused.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct RawPolicy {
            /// Lower-case letters, digits and '-'; not that of a built-in policy.
            pub name: String,
            /// One of [`Explorer::NAMES`].
            pub explorer: String,
            /// `v1`, `v2`, or the path of a feature set's file, relative to the policy's.
            pub features: FeatureSetRef,
            /// `shared` (default) or `disjoint`.
            #[serde(default)]
            pub structure: Structure,
            /// Weight of the ridge prior; default 1.
            #[serde(default = "one")]
            pub lambda: f64,
            /// Forgetting g in (0, 1]; default 1.
            #[serde(default = "one")]
            pub forgetting: f64,
            $($(
                #[doc = concat!("The parameter of `", stringify!($file), "`; absent, it has its default.")]
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $parameter: Option<f64>,
            )?)*
        }

        impl RawPolicy {
            /// A policy of this name with every default.
            pub fn new(name: impl Into<String>, explorer: impl Into<String>, features: FeatureSet) -> Self {
                Self {
                    name: name.into(),
                    explorer: explorer.into(),
                    features: features.into(),
                    structure: Structure::default(),
                    lambda: one(),
                    forgetting: one(),
                    $($($parameter: None,)?)*
                }
            }

            /// The parameters of all explorers, with the values that the file states.
            pub fn parameters(&self) -> Vec<(&'static str, Option<f64>)> {
                vec![$($((stringify!($parameter), self.$parameter),)?)*]
            }

            /// The same with a value for one parameter; a name that no explorer's parameter has changes nothing.
            #[must_use]
            fn with_parameter(mut self, name: &str, value: f64) -> Self {
                match name {
                    $($(stringify!($parameter) => self.$parameter = Some(value),)?)*
                    _ => {}
                }
                self
            }
        }
    };
}

explorers!(raw_policy);

fn one() -> f64 {
    1.0
}

/// A checked policy, which holds no state. Make one with [`Policy::named`], [`Policy::load`] or from a [`RawPolicy`].
///
/// ```
/// use rehearsal::policy::{Policy, RawPolicy};
///
/// let policy = Policy::named("egreedy-v2")?;
/// assert_eq!((policy.features().dim(), policy.lambda()), (12, 1.0));
/// let raw = RawPolicy { epsilon: Some(0.2), ..RawPolicy::new("bolder", "egreedy", policy.features()) };
/// let bolder = Policy::try_from(raw).expect("every value is allowed");
/// assert!(bolder.has_model_of(&policy) && bolder.digest() != policy.digest());
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    name: String,
    explorer: Explorer,
    features: FeatureSet,
    structure: Structure,
    lambda: f64,
    forgetting: f64,
}

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
        let own = Explorer::parameter_of(&raw.explorer).map(|parameter| parameter.name);
        let stated = |name: &str| raw.parameters().into_iter().find(|(n, _)| *n == name)?.1;
        let explorer = Explorer::named(&raw.explorer, own.and_then(stated))?;
        for (name, value) in raw.parameters() {
            if let Some(value) = value.filter(|_| own != Some(name)) {
                let parameter =
                    own.map_or_else(|| "no parameter".to_owned(), |own| format!("the parameter {own}"));
                let allowed = format!("nothing; {} has {parameter}", explorer.name());
                return Err(Fault::new(name, value, allowed));
            }
        }
        let features = raw.features.known()?;
        if raw.structure == Structure::Disjoint && features.dim() > MAX_DISJOINT_DIMS {
            let allowed = format!("shared for a feature set of more than {MAX_DISJOINT_DIMS} dimensions");
            return Err(Fault::new("structure", "disjoint", allowed));
        }
        within("lambda", raw.lambda, 1e-6, 1e6)?;
        within("forgetting", raw.forgetting, 1e-3, 1.0)?;
        Ok(Self {
            name: raw.name,
            explorer,
            features,
            structure: raw.structure,
            lambda: raw.lambda,
            forgetting: raw.forgetting,
        })
    }
}

impl Policy {
    /// Its name: lower-case letters, digits and '-'.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it chooses.
    pub fn explorer(&self) -> Explorer {
        self.explorer
    }

    /// What it looks at.
    pub fn features(&self) -> FeatureSet {
        self.features
    }

    /// One model or one per kind.
    pub fn structure(&self) -> Structure {
        self.structure
    }

    /// Weight of the ridge prior, positive.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Forgetting g in (0, 1]; 1 forgets nothing.
    pub fn forgetting(&self) -> f64 {
        self.forgetting
    }

    /// Whether what one has learned is of use to the other: they see the same and learn alike, however they choose.
    pub fn has_model_of(&self, other: &Self) -> bool {
        let model = |p: &Self| (p.features, p.structure, p.lambda.to_bits(), p.forgetting.to_bits());
        model(self) == model(other)
    }

    /// SHA-256, in hexadecimal, of what it does, whatever it is called.
    pub fn digest(&self) -> String {
        let raw = RawPolicy { name: String::new(), ..self.to_raw() };
        match self.features.declared() {
            None => of_value(&raw),
            // How it and its domain are called and described has no effect.
            Some(set) => of_value(&(RawPolicy { features: FeatureSet::WIDEST.into(), ..raw }, set.digest())),
        }
    }

    /// A model that has learned nothing yet.
    pub fn new_model(&self) -> Model {
        self.new_model_of(self.features.dim())
    }

    /// A model in another number of dimensions, for environments with columns of their own; or of several users.
    pub fn new_model_of<C: Cell>(&self, dim: usize) -> Model<C> {
        Model::new(self.structure, dim, self.lambda, self.forgetting)
    }

    /// The specification as a file would state it, every default spelled out: what digests are made of.
    pub fn to_raw(&self) -> RawPolicy {
        let raw = RawPolicy {
            structure: self.structure,
            lambda: self.lambda,
            forgetting: self.forgetting,
            ..RawPolicy::new(&self.name, self.explorer.name(), self.features)
        };
        match self.explorer.parameter() {
            Some((name, value)) => raw.with_parameter(name, value),
            None => raw,
        }
    }
}

impl Model {
    /// A model of this policy put together from what was kept: each kind's, the updates and the sum of their rewards.
    pub fn restore(policy: &Policy, kinds: Vec<KindModel>, updates: u64, reward_sum: f64) -> Self {
        policy.new_model().holding(kinds, updates, reward_sum)
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
    fn a_file_gets_the_defaults_and_its_own_parameter() {
        let policy = parse("name = \"mine\"\nexplorer = \"linucb\"\nfeatures = \"v2\"\nalpha = 0.3").unwrap();
        assert_eq!(policy.explorer(), Explorer::named("linucb", Some(0.3)).unwrap());
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

    #[test]
    fn a_policy_file_has_the_parameter_of_every_explorer() {
        let raw = RawPolicy::new("a", "uniform", FeatureSet::V1);
        let fields: Vec<&str> = raw.parameters().into_iter().map(|(name, _)| name).collect();
        let own = Explorer::NAMES.iter().filter_map(|name| Explorer::parameter_of(name));
        assert_eq!(fields, own.map(|parameter| parameter.name).collect::<Vec<_>>());
    }

    #[test]
    fn parameters_are_allowed_in_their_range_and_nowhere_else() {
        for name in Explorer::NAMES {
            let Some(parameter) = Explorer::parameter_of(name) else {
                assert!(Explorer::named(name, Some(1.0)).is_err(), "{name}");
                continue;
            };
            let with = |value: f64| {
                parse(&format!(
                    "name = \"a\"\nexplorer = \"{name}\"\nfeatures = \"v1\"\n{} = {value:?}",
                    parameter.name
                ))
            };
            for value in [parameter.low, parameter.high, parameter.default] {
                let policy = with(value).unwrap();
                assert_eq!(policy.explorer().parameter(), Some((parameter.name, value)));
                assert_eq!(Policy::try_from(policy.to_raw()).unwrap(), policy);
            }
            for value in [parameter.low - 1e-9, parameter.high * 1.001, f64::INFINITY] {
                assert!(with(value).unwrap_err().starts_with(parameter.name), "{name}: {value}");
            }
        }
    }

    #[test]
    fn an_explorer_that_is_none_is_told_which_there_are() {
        let message = parse("name = \"a\"\nexplorer = \"ucb\"\nfeatures = \"v1\"").unwrap_err();
        assert_eq!(message, format!("explorer is \"ucb\"; allowed: {}", Explorer::NAMES.join(", ")));
    }
}
