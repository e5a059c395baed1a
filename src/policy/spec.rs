//! What a policy is: an explorer, a ridge model and a feature set, as a file states it and as it was checked.

use super::explorer::{Explorer, explorers};
use super::learns::Learns;
use super::model::{KindModel, Model};
use super::prior::{Prior, PriorStart};
use super::program::{Program, RawProgram};
use super::ridge::Ridge;
use super::structure::Structure;
use crate::base::digest::of_value;
use crate::base::error::{Fault, Result, within};
use crate::base::vector::Cell;
use crate::domain::DomainRef;
use crate::features::{FeatureSet, FeatureSetRef, RawDimension, RawFeatureSet};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::path::Path;
use std::sync::Arc;

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
            /// The file of a prior, beside the policy's own; where there is no file, the prior's digest.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub prior: Option<String>,
            /// `user` (default), `everybody` or `nothing`.
            #[serde(default, skip_serializing_if = "Learns::is_user")]
            pub learns: Learns,
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
                    prior: None,
                    learns: Learns::default(),
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
#[derive(Debug, Clone)]
pub struct Policy {
    name: String,
    explorer: Explorer,
    features: FeatureSet,
    structure: Structure,
    lambda: f64,
    forgetting: f64,
    learns: Learns,
    start: Option<Arc<PriorStart>>,
    /// What decides and learns instead of all that, where it is somebody else's.
    program: Option<Arc<Program>>,
    /// Its version in a registry, which is no part of what it does.
    version: Option<SmolStr>,
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.explorer, &self.program) == (&other.name, other.explorer, &other.program)
            && self.has_model_of(other)
    }
}

/// A name that is part of a file name.
pub(super) fn check_name(name: &str) -> Result<(), Fault> {
    let is_safe = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_safe {
        return Ok(());
    }
    Err(Fault::new(
        "name",
        format!("{name:?}"),
        format!("1 to {MAX_NAME_BYTES} of the characters a-z, 0-9 and '-'"),
    ))
}

impl TryFrom<RawPolicy> for Policy {
    type Error = Fault;

    fn try_from(raw: RawPolicy) -> Result<Self, Fault> {
        check_name(&raw.name)?;
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
        if let Some(prior) = raw.prior {
            return Err(Fault::new(
                "prior",
                format!("{prior:?}"),
                "nothing here: it is read with a policy's file",
            ));
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
            learns: raw.learns,
            start: None,
            program: None,
            version: None,
        })
    }
}

/// What comes before the digest of a prior, where that stands for it.
const DIGEST: &str = "sha256:";

impl Policy {
    /// A program that runs in `dir`.
    ///
    /// # Errors
    /// A name, command or limit that is not allowed; a file of the command that cannot be read.
    pub(super) fn program_in(dir: &Path, raw: RawProgram, origin: &str) -> Result<Self> {
        check_name(&raw.name).map_err(|fault| fault.at(origin))?;
        Program::in_dir(raw, dir, origin).map(Self::of_program)
    }

    /// What stands beside a program looks at nothing but its domain, and its models have no matrix.
    pub(super) fn of_program(program: Program) -> Self {
        let features = if program.domain().is_tips() {
            FeatureSet::V1
        } else {
            let bias =
                RawDimension { name: "bias".to_owned(), constant: Some(1.0), ..RawDimension::default() };
            let domain = DomainRef::Is(program.domain());
            let raw =
                RawFeatureSet { name: "none".to_owned(), description: None, domain, dimensions: vec![bias] };
            FeatureSet::of(raw).expect("a constant is a feature set over any domain")
        };
        Self {
            name: program.name().to_owned(),
            explorer: Explorer::named("uniform", None).expect("it is in the table"),
            features,
            structure: Structure::Disjoint,
            lambda: one(),
            forgetting: one(),
            learns: Learns::default(),
            start: None,
            version: None,
            program: Some(Arc::new(program)),
        }
    }

    /// The program that decides and learns, where the policy is one. Then nothing else that is said of it here but its
    /// name, its digest and its definition has a meaning.
    pub fn program(&self) -> Option<&Arc<Program>> {
        self.program.as_ref()
    }

    /// Refuses a program that does not answer the same to the same: what it does could not be repeated.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn conforms(&self) -> Result<()> {
        self.program.as_ref().map_or(Ok(()), |program| program.conforms())
    }

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

    /// Whose rewards it learns from.
    pub fn learns(&self) -> Learns {
        self.learns
    }

    /// What it believes of a user of whom it knows nothing, if that was learned.
    pub fn prior(&self) -> Option<&Arc<Prior>> {
        self.start.as_ref().map(|start| start.prior())
    }

    /// Refuses what a file states and nothing looks at: whoever states it takes it for something.
    pub(super) fn check_effects(&self) -> Result<(), Fault> {
        let (name, lambda, forgetting) = (self.explorer.name(), self.lambda, self.forgetting);
        if !self.explorer.uses_scores() {
            for (field, value) in [("lambda", lambda), ("forgetting", forgetting)] {
                if value != one() {
                    let allowed = format!("nothing; {name} chooses alike whatever was learned");
                    return Err(Fault::new(field, value, allowed));
                }
            }
        }
        if self.learns == Learns::Nothing && forgetting != one() {
            let allowed = "nothing where learns is \"nothing\": there is nothing to forget";
            return Err(Fault::new("forgetting", forgetting, allowed));
        }
        Ok(())
    }

    /// The same policy, starting from this prior.
    ///
    /// # Errors
    /// A prior of another feature set, or one that does not fit the structure.
    pub fn with_prior(self, prior: Arc<Prior>) -> Result<Self, Fault> {
        prior.belongs_to(self.features, self.structure)?;
        let start = Some(Arc::new(PriorStart::new(prior, self.lambda)?));
        Ok(Self { start, ..self })
    }

    /// The same policy, starting from the plain ridge.
    #[must_use]
    pub fn without_prior(self) -> Self {
        Self { start: None, ..self }
    }

    /// The same policy, said to be this version of a registry.
    #[must_use]
    pub fn of_version(self, version: &str) -> Self {
        Self { version: Some(version.into()), ..self }
    }

    /// Its version in the registry that it came from, `NAME@7`, if it came from one.
    pub fn version(&self) -> Option<&SmolStr> {
        self.version.as_ref()
    }

    /// The policy that `raw` states; `prior` is asked for the prior that it names.
    ///
    /// # Errors
    /// As for a policy without one, and those of `prior`.
    pub(crate) fn checked<E: From<Fault>>(
        mut raw: RawPolicy,
        prior: impl FnOnce(&str) -> Result<Arc<Prior>, E>,
    ) -> Result<Self, E> {
        let named = raw.prior.take();
        let policy = Self::try_from(raw)?;
        match named {
            Some(named) => Ok(policy.with_prior(prior(&named)?)?),
            None => Ok(policy),
        }
    }

    /// Weight of the ridge prior, positive; of a learned one, by how much its precision counts.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Forgetting g in (0, 1]; 1 forgets nothing.
    pub fn forgetting(&self) -> f64 {
        self.forgetting
    }

    /// Whether what one has learned is of use to the other: they see the same and learn alike, however they choose.
    pub fn has_model_of(&self, other: &Self) -> bool {
        if let (Some(own), Some(other)) = (&self.program, &other.program) {
            // What a state means is between the program and itself: its name stands for that.
            return own.name() == other.name();
        }
        self.has_model_but_for_prior(other) && self.prior() == other.prior()
    }

    /// The same, whatever they believe of a user of whom they know nothing: what one has learned the other may take over.
    pub fn has_model_but_for_prior(&self, other: &Self) -> bool {
        let model = |p: &Self| {
            let weights = (p.lambda.to_bits(), p.forgetting.to_bits());
            (p.program.is_some(), p.features, p.structure, weights, p.learns)
        };
        model(self) == model(other)
    }

    /// What `model`, learned under a policy that differs in nothing but its prior, is under this one.
    pub fn take_over(&self, model: &Model) -> Model {
        let kinds = model.kind_models().iter().map(|own| KindModel {
            kind: own.kind.clone(),
            ridge: own
                .ridge
                .under(self.start.as_ref().map(|start| Arc::clone(start.of(own.kind.as_deref())))),
        });
        Model::restore(self, kinds.collect(), model.updates(), model.reward_sum()).moved(model.updates() > 0)
    }

    /// A ridge model of the kind that has learned nothing.
    pub(crate) fn new_ridge(&self, kind: Option<&str>) -> Ridge {
        let start = self.start.as_ref().map(|start| Arc::clone(start.of(kind)));
        Ridge::starting(self.features.dim(), self.lambda, self.forgetting, start)
    }

    /// SHA-256, in hexadecimal, of what it does, whatever it is called.
    pub fn digest(&self) -> String {
        if let Some(program) = &self.program {
            return program.digest();
        }
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

    /// A model in another number of dimensions, for environments with columns of their own, of which no prior knows; or of
    /// several users.
    pub fn new_model_of<C: Cell>(&self, dim: usize) -> Model<C> {
        self.model_without_kinds(dim).ready()
    }

    fn model_without_kinds<C: Cell>(&self, dim: usize) -> Model<C> {
        let start = self.start.clone().filter(|_| dim == self.features.dim());
        Model::new(self.structure, dim, self.lambda, self.forgetting, start)
    }

    /// Explorer, model and feature set as a file would state them, every default spelled out: what digests are made of.
    /// [`Self::definition`] is also that of a program.
    pub fn to_raw(&self) -> RawPolicy {
        let raw = RawPolicy {
            structure: self.structure,
            lambda: self.lambda,
            forgetting: self.forgetting,
            learns: self.learns,
            prior: self.prior().map(|prior| format!("{DIGEST}{}", prior.digest())),
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
        policy.model_without_kinds(policy.features.dim()).holding(kinds, updates, reward_sum).ready()
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
    fn a_file_states_no_parameter_that_nothing_looks_at() {
        let file = |rest: &str| {
            let text = format!("name = \"mine\"\nfeatures = \"v1\"\n{rest}");
            Policy::from_toml(&text, "mine.toml").map_err(|error| error.to_string())
        };
        for (rest, said) in [
            ("explorer = \"uniform\"\nlambda = 2", "lambda is 2; allowed: nothing; uniform chooses alike"),
            ("explorer = \"uniform\"\nforgetting = 0.9", "forgetting is 0.9; allowed: nothing; uniform"),
            (
                "explorer = \"egreedy\"\nlearns = \"nothing\"\nforgetting = 0.9",
                "forgetting is 0.9; allowed: nothing where learns is \"nothing\"",
            ),
        ] {
            let message = file(rest).unwrap_err();
            assert!(message.starts_with(&format!("mine.toml: {said}")), "{message}");
        }
        file("explorer = \"uniform\"\nlambda = 1\nforgetting = 1").unwrap();
        file("explorer = \"egreedy\"\nlambda = 2\nforgetting = 0.9").unwrap();
        // What a store or a log tells of is taken as it is: it was allowed once.
        let raw = RawPolicy { lambda: 2.0, ..RawPolicy::new("mine", "uniform", FeatureSet::V1) };
        assert!(Policy::try_from(raw).is_ok());
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
    fn a_prior_and_whose_rewards_are_learned_change_what_a_policy_is() {
        use crate::policy::prior::tests::raw;
        let plain =
            parse("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nlambda = 2.0").unwrap();
        let prior = Prior::try_from(raw(FeatureSet::V2, Structure::Shared, 0.5, 4.0)).unwrap();
        let with = plain.clone().with_prior(Arc::new(prior.clone())).unwrap();
        assert_eq!(with.new_model().kind_models()[0].ridge.theta(), [0.5; 12]);
        assert!(
            with.digest() != plain.digest()
                && !with.has_model_of(&plain)
                && with.has_model_but_for_prior(&plain)
        );
        assert_eq!(with.clone().without_prior(), plain);
        let named = with.to_raw();
        assert_eq!(named.prior, Some(format!("sha256:{}", prior.digest())));
        let again = Policy::checked(named.clone(), |_| Ok::<_, Fault>(Arc::new(prior.clone()))).unwrap();
        assert_eq!(again, with);
        assert!(Policy::try_from(named).unwrap_err().to_string().starts_with("prior is \"sha256:"));
        let by_kind =
            parse("name = \"a\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nstructure = \"disjoint\"");
        let mut of_kinds = raw(FeatureSet::V2, Structure::Disjoint, 0.5, 4.0);
        let (mean, precision) = (vec![-0.5; 12], of_kinds.precision.clone());
        of_kinds.kinds.insert("rest".to_owned(), crate::policy::RawKindPrior { mean, precision });
        let of_kinds = Arc::new(Prior::try_from(of_kinds).unwrap());
        let mut model = by_kind.unwrap().with_prior(Arc::clone(&of_kinds)).unwrap().new_model();
        for (kind, mean) in [("rest", -0.5), ("never seen", 0.5)] {
            let index = model.kind_index(Some(kind));
            assert_eq!(model.kind_models()[index].ridge.theta(), [mean; 12]);
        }
        assert!(plain.clone().with_prior(of_kinds).unwrap_err().to_string().starts_with("prior.structure"));
        let nothing =
            parse("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nlearns = \"nothing\"")
                .unwrap();
        assert!(!nothing.has_model_but_for_prior(&plain) && nothing.digest() != plain.digest());
        let stray =
            parse("name = \"a\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nlearns = \"all\"").unwrap_err();
        assert!(stray.contains("expected one of `user`, `everybody`, `nothing`"), "{stray}");
    }

    #[test]
    fn an_explorer_that_is_none_is_told_which_there_are() {
        let message = parse("name = \"a\"\nexplorer = \"ucb\"\nfeatures = \"v1\"").unwrap_err();
        assert_eq!(message, format!("explorer is \"ucb\"; allowed: {}", Explorer::NAMES.join(", ")));
    }
}
