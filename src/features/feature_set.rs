//! Which dimensions a policy looks at: the feature sets that are built in, and those that files declare.

use super::declared_set::DeclaredSet;
use super::dimension::{CANDIDATE_DIMS, DIMENSIONS, Dimension};
use super::file::RawFeatureSet;
use crate::base::error::{Error, Fault, Result};
use crate::base::{read, shipped};
use crate::domain::{Domain, DomainRef};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use smol_str::SmolStr;
use std::fmt;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

/// Names of all built-in dimensions; feature set `v1` is the first seven.
const NAMES: [&str; DIMENSIONS.len()] = {
    let mut names = [""; DIMENSIONS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = DIMENSIONS[i].name;
        i += 1;
    }
    names
};

/// Which features a policy sees of a request.
///
/// ```
/// use rehearsal::features::FeatureSet;
///
/// let set = FeatureSet::from_name("v1")?;
/// assert_eq!((set.dim(), set.names()[1], set.uses_profile()), (7, "hour_sin", false));
///
/// let file = "name = \"late\"\n[[dimensions]]\nname = \"late\"\ninput = \"context.hour\"\nsteps = [{ divide = 24 }]\n";
/// let late = FeatureSet::from_toml(file, "late.toml", std::path::Path::new("."))?;
/// assert_eq!((late.dim(), late.name()), (1, "late"));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub enum FeatureSet {
    /// D = 7: candidate and moment.
    V1,
    /// D = 12: `v1` and five dimensions of the profile.
    V2,
    /// What a file declares.
    Declared(&'static DeclaredSet),
}

/// The built-in sets as their files declare them: what is computed by kernels, said by steps.
static SHIPPED: LazyLock<[DeclaredSet; 2]> = LazyLock::new(|| {
    FeatureSet::ALL.map(|set| {
        let text = shipped::text(shipped::FEATURES, set.name()).expect("it ships");
        let raw = read::toml(text, set.name()).expect("it is a feature set, as a test says");
        DeclaredSet::compile(raw).expect("it compiles, as a test says")
    })
});

/// The sets that files brought, each once, for good.
static OTHERS: Mutex<Vec<&'static DeclaredSet>> = Mutex::new(Vec::new());

impl FeatureSet {
    /// Every built-in feature set, each a beginning of the next.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];
    /// The one with all built-in dimensions; the others are its beginnings.
    pub const WIDEST: Self = Self::V2;

    /// Number of dimensions, D.
    pub fn dim(self) -> usize {
        match self {
            Self::V1 => CANDIDATE_DIMS,
            Self::V2 => NAMES.len(),
            Self::Declared(set) => set.dim(),
        }
    }

    /// Names of the dimensions, in order.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::V1 | Self::V2 => &NAMES[..self.dim()],
            Self::Declared(set) => set.names(),
        }
    }

    /// The dimensions, in order.
    pub fn dimensions(self) -> &'static [Dimension] {
        match self {
            Self::V1 | Self::V2 => &DIMENSIONS[..self.dim()],
            Self::Declared(set) => set.dimensions(),
        }
    }

    /// Whether the profile is looked at.
    pub fn uses_profile(self) -> bool {
        match self {
            Self::V1 => false,
            Self::V2 => true,
            Self::Declared(set) => set.uses_profile(),
        }
    }

    /// Its name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Declared(set) => set.name(),
        }
    }

    /// The set if a file declares it; `None` if it is built in.
    pub fn declared(self) -> Option<&'static DeclaredSet> {
        match self {
            Self::V1 | Self::V2 => None,
            Self::Declared(set) => Some(set),
        }
    }

    /// The set as a file declares it: of those that are built in the one that ships.
    pub fn as_declared(self) -> &'static DeclaredSet {
        match self {
            Self::V1 => &SHIPPED[0],
            Self::V2 => &SHIPPED[1],
            Self::Declared(set) => set,
        }
    }

    /// The domain whose inputs it looks at.
    pub fn domain(self) -> &'static Domain {
        self.declared().map_or_else(Domain::tips, DeclaredSet::domain)
    }

    /// SHA-256, in hexadecimal, of what it makes of which inputs.
    pub fn digest(self) -> &'static str {
        self.as_declared().digest()
    }

    /// What messages call it: its name, and of a declared one the beginning of its digest and its domain.
    pub fn label(self) -> String {
        match self {
            Self::V1 | Self::V2 => self.name().to_owned(),
            Self::Declared(set) => {
                format!("{} ({}) over domain {}", set.name(), &set.digest()[..12], set.domain().label())
            }
        }
    }

    /// The built-in feature set of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| Error::unknown("feature set", name, Self::ALL.map(Self::name)))
    }

    /// A feature set by name, or from a TOML file if `name` ends in `.toml` or has a '/'.
    ///
    /// # Errors
    /// An unknown name; a file that cannot be read or states something that is not allowed.
    pub fn load(name: &str) -> Result<Self> {
        let path = Path::new(name);
        if !read::is_path(name) {
            return Self::from_name(name);
        }
        Self::from_toml(&read::text(path)?, name, path.parent().unwrap_or(Path::new("")))
    }

    /// Parses and checks a feature set's file, which errors call `origin`; the domain's file is looked for in `folder`.
    ///
    /// # Errors
    /// Text that is not TOML, unknown or missing fields, what is not allowed, with its line; a domain that there is not.
    pub fn from_toml(text: &str, origin: &str, folder: &Path) -> Result<Self> {
        /// What it says of its domain, whatever else it says.
        #[derive(Deserialize)]
        struct OfDomain {
            #[serde(default)]
            domain: DomainRef,
        }
        // A text in which that cannot be read is not read below either.
        let domain = toml::from_str(text).map_or_else(|_| DomainRef::default(), |OfDomain { domain }| domain);
        let domain = domain.load(folder).map_err(Error::named_by(format!("{origin}: domain")))?;
        read::checked_toml(text, origin, |raw: RawFeatureSet| {
            Self::of(RawFeatureSet { domain: DomainRef::Is(domain), ..raw })
        })
    }

    /// The feature set that a file states. One that does what a built-in one does is that one.
    ///
    /// # Errors
    /// What is not allowed.
    pub fn of(raw: RawFeatureSet) -> Result<Self, Fault> {
        let mut others = OTHERS.lock().expect("nothing panics with it");
        if let Some(known) = others.iter().find(|known| *known.raw() == raw) {
            return Ok(Self::Declared(known));
        }
        let set = DeclaredSet::compile(raw)?;
        if let Some(built_in) = Self::ALL.into_iter().find(|own| own.digest() == set.digest()) {
            return Ok(built_in);
        }
        if Self::ALL.map(Self::name).contains(&set.name()) {
            let allowed = "another name; this one is that of a built-in feature set";
            return Err(Fault::new("name", format!("{:?}", set.name()), allowed));
        }
        let set: &'static DeclaredSet = Box::leak(Box::new(set));
        others.push(set);
        Ok(Self::Declared(set))
    }
}

/// Sets are the same that do the same, whatever they are called.
impl PartialEq for FeatureSet {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::V1, Self::V1) | (Self::V2, Self::V2) => true,
            (Self::Declared(own), Self::Declared(other)) => own.digest() == other.digest(),
            _ => false,
        }
    }
}

impl Eq for FeatureSet {}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name of a built-in one, else all that its file states, and its domain's.
impl Serialize for FeatureSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::V1 | Self::V2 => serializer.serialize_str(self.name()),
            Self::Declared(set) => set.raw().serialize(serializer),
        }
    }
}

/// A feature set as a policy names it: by name or as a file, or whole, as stores and logs keep it.
#[derive(Debug, Clone, PartialEq)]
pub enum FeatureSetRef {
    /// A feature set.
    Is(FeatureSet),
    /// The path of a file, which only the operator's own files may name.
    File(SmolStr),
}

impl From<FeatureSet> for FeatureSetRef {
    fn from(set: FeatureSet) -> Self {
        Self::Is(set)
    }
}

impl FeatureSetRef {
    /// The set; a file's path is taken relative to `folder`.
    ///
    /// # Errors
    /// A file that cannot be read or is no feature set.
    pub fn load(&self, folder: &Path) -> Result<FeatureSet> {
        match self {
            Self::Is(set) => Ok(*set),
            Self::File(path) => FeatureSet::load(&folder.join(path.as_str()).display().to_string()),
        }
    }

    /// The set, where no file may be named.
    ///
    /// # Errors
    /// A file.
    pub fn known(&self) -> Result<FeatureSet, Fault> {
        match self {
            Self::Is(set) => Ok(*set),
            Self::File(path) => {
                let names = FeatureSet::ALL.map(FeatureSet::name).join(", ");
                let allowed = format!("{names}; a file only where a policy's file names it");
                Err(Fault::new("features", format!("{path:?}"), allowed))
            }
        }
    }
}

impl Serialize for FeatureSetRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(set) => set.serialize(serializer),
            Self::File(path) => serializer.serialize_str(path),
        }
    }
}

impl<'de> Deserialize<'de> for FeatureSetRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = FeatureSetRef;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("v1, v2, or the path of a feature set's .toml file")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<FeatureSetRef, E> {
                if read::is_path(name) {
                    return Ok(FeatureSetRef::File(name.into()));
                }
                let known = FeatureSet::ALL.map(FeatureSet::name).into_iter().chain([read::OR_A_FILE]);
                FeatureSet::from_name(name)
                    .map(FeatureSetRef::Is)
                    .map_err(|_| E::custom(Error::unknown("feature set", name, known)))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FeatureSetRef, A::Error> {
                let raw = RawFeatureSet::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                FeatureSet::of(raw).map(FeatureSetRef::Is).map_err(serde::de::Error::custom)
            }
        }
        deserializer.deserialize_any(Named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use crate::features::FeatureBlock;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<FeatureSet> {
        FeatureSet::from_toml(text, "set.toml", Path::new("."))
    }

    #[test]
    fn a_copy_of_a_shipped_file_is_the_shipped_set() {
        for set in FeatureSet::ALL {
            let text = shipped::text(shipped::FEATURES, set.name()).unwrap();
            assert_eq!(parse(text).unwrap(), set);
            let renamed = text.replace(&format!("name = \"{set}\""), "name = \"mine\"");
            let copy = parse(&renamed).unwrap();
            assert!(copy == set && copy.declared().is_none(), "the kernels are kept");
            let other = parse(&renamed.replace("unknown = 0.25", "unknown = 0.5")).unwrap();
            assert!(other != set && other.declared().is_some());
            let impostor = text.replace("unknown = 0.25", "unknown = 0.5");
            assert!(parse(&impostor).unwrap_err().to_string().contains("that of a built-in feature set"));
        }
    }

    #[test]
    fn the_shipped_files_name_the_dimensions_of_the_kernels() {
        for set in FeatureSet::ALL {
            let declared = set.as_declared();
            assert_eq!(declared.names(), set.names());
            assert_eq!(declared.uses_profile(), set.uses_profile());
            for (own, built_in) in declared.dimensions().iter().zip(set.dimensions()) {
                // A built-in dimension of an input that is required has no value for unknown.
                assert!(built_in.unknown.is_none() || own.unknown == built_in.unknown, "{}", own.name);
                assert_eq!(own.source().is_none(), built_in.source().is_none(), "{}", own.name);
            }
        }
    }

    /// A number that may be missing.
    fn maybe(range: std::ops::Range<f64>) -> impl Strategy<Value = Option<f64>> {
        prop::option::of(prop_oneof![range.clone(), Just(range.start)])
    }

    proptest! {
        /// What the files say and what the kernels compute has the same bits.
        #[test]
        fn the_shipped_files_are_what_the_kernels_compute(
            hour in 0.0..24.0f64, weekday in 0..7u8, own in maybe(0.0..24.0), priority in maybe(0.0..1.0),
            due in maybe(-365_250.0..365_250.0), effort in maybe(-0.0..525_600.0), rate in maybe(0.0..1.0),
            dwell in maybe(0.0..1e12), preferred in maybe(0.0..24.0), volume in maybe(0.0..1e12), by_kind in any::<bool>(),
            near in -20.0..20.0f64,
        ) {
            let profile = serde_json::json!({"completion_rate": rate, "dismiss_rate": priority, "mean_dwell_seconds": dwell,
                "preferred_hour": preferred, "tip_volume": volume});
            let profile = if by_kind { serde_json::json!({"tip_volume": 3, "by_kind": {"a": profile}}) } else { profile };
            let request = serde_json::json!({"context": {"hour": hour, "weekday": weekday}, "profile_features": profile,
                "candidates": [{"id": "x", "kind": "a", "priority": priority, "due_in_days": due, "effort_minutes": effort,
                                "hour": own}, {"id": "y", "due_in_days": near, "effort_minutes": near.abs()}]});
            let request = Request::from_json(request.to_string().as_bytes(), "request").unwrap();
            for set in FeatureSet::ALL {
                let block = FeatureBlock::of(set, request.offered());
                let (mut values, mut row) = (Vec::new(), vec![0.0; set.dim()]);
                for k in 0..2 {
                    set.as_declared().write(|slot| request.offered().value(slot, k), &mut values, &mut row);
                    for ((own, kernel), name) in row.iter().zip(block.row(k)).zip(set.names()) {
                        prop_assert!(own.to_bits() == kernel.to_bits(), "{name}: {own} is not {kernel}");
                    }
                }
            }
        }

        #[test]
        fn any_text_is_a_set_or_an_error(text in "(name = \"a\"\n)?(\\[\\[dimensions\\]\\]\n|name = \"[a-c]\"\n|constant = [0-9]{1,3}\n|input = \"(candidate|context|profile)\\.(hour|id|kind|priority)\"\n|steps = \\[(\"(cyclic|log1p|logistic)\"|\\{ (divide|equals) = [0-9] \\}|\\{ hash = \\{ bits = [0-9] \\} \\}|, ){0,3}\\]\n|cross = \\[\"a\", \"b\"\\]\n|hidden = true\n){0,12}") {
            if let Ok(set) = parse(&text) {
                let printed = toml::to_string(&set).unwrap_or_else(|_| String::from("v1"));
                if set.declared().is_some() {
                    prop_assert_eq!(parse(&printed).unwrap(), set);
                }
            }
        }

        /// Whatever a file may state is read back as it was printed, in TOML and in JSON, and is the same set.
        #[test]
        fn what_is_printed_reads_back(raw in raw_set()) {
            let text = toml::to_string(&raw).unwrap();
            let again: RawFeatureSet = toml::from_str(&text).unwrap();
            prop_assert_eq!(&again, &raw, "{}", text);
            let json = serde_json::to_string(&raw).unwrap();
            prop_assert_eq!(&serde_json::from_str::<RawFeatureSet>(&json).unwrap(), &raw);
            let set = FeatureSet::of(raw.clone());
            prop_assert_eq!(FeatureSet::of(again), set.clone());
            if let Ok(set) = set {
                let whole: FeatureSetRef = serde_json::from_str(&serde_json::to_string(&set).unwrap()).unwrap();
                prop_assert_eq!(whole.known(), Ok(set));
                let request = br#"{"context":{"hour":7,"weekday":1},"candidates":[{"id":"a","kind":"rest","hour":3}]}"#;
                let request = Request::from_json(request, "request").unwrap();
                let block = FeatureBlock::of(set, request.offered());
                prop_assert!(block.row(0).iter().all(|x| x.abs() <= 100.0), "{:?}", block.row(0));
            }
        }
    }

    /// Feature sets, most of which are allowed.
    fn raw_set() -> impl Strategy<Value = RawFeatureSet> {
        use crate::features::{Level, OneOrMore, RawDimension, Transform};
        let number = prop_oneof![-3.0..3.0f64, Just(0.5), Just(1e-3)];
        let step = prop_oneof![
            (prop::option::of(-2.0..0.0f64), prop::option::of(0.0..2.0f64))
                .prop_map(|(minimum, maximum)| Transform::Clip { minimum, maximum }),
            Just(Transform::Log1p),
            number.clone().prop_map(Transform::Subtract),
            number.clone().prop_map(Transform::Divide),
            Just(Transform::Logistic),
        ];
        let last = prop_oneof![
            Just(Transform::Cyclic),
            Just(Transform::Align("profile.preferred_hour".to_owned())),
            number.clone().prop_map(|x| Transform::Equals(Level::Number(x))),
            prop::collection::vec("[a-z\" é]{1,5}".prop_map(Level::Text), 1..4).prop_map(Transform::OneHot),
            prop::collection::vec("[a-z]{1,5}".prop_map(Level::Text), 1..4).prop_map(Transform::In),
            (0..10u32).prop_map(|bits| Transform::Hash { bits }),
        ];
        let inputs = prop_oneof![
            Just(vec!["candidate.priority"]),
            Just(vec!["candidate.hour", "context.hour"]),
            Just(vec!["candidate.kind"]),
            Just(vec!["candidate.id"]),
            Just(vec!["profile.completion_rate", "profile.dismiss_rate"]),
        ];
        let chain =
            (inputs, prop::collection::vec(step, 0..3), prop::option::of(last), prop::option::of(number))
                .prop_map(|(inputs, mut steps, last, unknown)| {
                    steps.extend(last);
                    let input = OneOrMore(inputs.into_iter().map(str::to_owned).collect());
                    RawDimension { input, steps, unknown, ..RawDimension::default() }
                });
        let dimension = prop_oneof![
            chain.clone(),
            chain,
            (-1.0..1.0f64).prop_map(|x| RawDimension { constant: Some(x), ..RawDimension::default() }),
            Just(RawDimension { cross: vec!["d0".to_owned(), "d1".to_owned()], ..RawDimension::default() }),
        ];
        prop::collection::vec((dimension, prop::bool::weighted(0.2)), 1..5).prop_map(|dimensions| {
            let named = dimensions.into_iter().enumerate().map(|(i, (dimension, hidden))| RawDimension {
                name: format!("d{i}"),
                hidden,
                ..dimension
            });
            RawFeatureSet {
                name: "random".to_owned(),
                description: None,
                domain: DomainRef::default(),
                dimensions: named.collect(),
            }
        })
    }

    #[test]
    fn what_is_not_allowed_is_named_with_line_and_key() {
        let base = "name = \"mine\"\n\n[[dimensions]]\nname = \"bias\"\nconstant = 1\n\n[[dimensions]]\nname = \"x\"\n\
                    input = \"candidate.effort_minutes\"\nsteps = [{ divide = 600000 }]\n";
        parse(base).unwrap();
        for (from, to, expected) in [
            ("{ divide = 600000 }", "", "dimensions[1].name is \"x\", with values in [0, 525600]|(line 8)"),
            ("600000", "0", "dimensions[1].steps[0].divide is 0|(line 10)"),
            (
                "{ divide = 600000 }",
                "\"cyclic\"",
                "dimensions[1].steps[0] is \"sin and cos of 2 pi h / 24\" of a number; allowed: of an hour|(line 10)",
            ),
            ("{ divide = 600000 }", "\"squared\"", "unknown variant `squared`"),
            (
                "candidate.effort_minutes",
                "candidate.cost",
                "dimensions[1].input[0] is \"candidate.cost\"; allowed: an input of domain tips: context.hour|(line 9)",
            ),
            (
                "candidate.effort_minutes",
                "candidate.kind",
                "of a category; allowed: of a category equals, in, one_hot or hash",
            ),
            ("constant = 1", "constant = 1\nunknown = 1", "dimensions[0].unknown is there|(line 6)"),
            ("constant = 1", "constant = 101", "dimensions[0].constant is 101|(line 5)"),
            (
                "constant = 1",
                "",
                "dimensions[0].name is \"bias\", of 0 of them; allowed: one of constant, input and cross|(line 4)",
            ),
            (
                "constant = 1",
                "cross = [\"x\", \"x\"]",
                "dimensions[0].cross[0] is \"x\"; allowed: a dimension before it|(line 5)",
            ),
            ("\"x\"", "\"bias\"", "dimensions[1].name is \"bias\" again|(line 8)"),
            ("\"mine\"", "\"My\"", "name is \"My\"|(line 1)"),
            ("{ divide = 600000 }", "{ one_hot = [1, 2] }, { divide = 2 }", "allowed: as the last step"),
            (
                "{ divide = 600000 }",
                "{ in = [\"a\"] }",
                "dimensions[1].steps[0] is \"a\"; allowed: a number|(line 10)",
            ),
            ("input = \"candidate", "inputs = \"candidate", "unknown field `inputs`"),
            ("\"mine\"", "\"mine\"\ndomain = \"nowhere.toml\"", "set.toml: domain: cannot read"),
        ] {
            let message = parse(&base.replace(from, to)).unwrap_err().to_string();
            let of_file = message.starts_with("set.toml: ");
            let is_said = expected.split('|').all(|part| message.contains(part));
            assert!(of_file && is_said, "{from} -> {to}: {message}");
        }
        let wide = "name = \"wide\"\n[[dimensions]]\nname = \"a\"\ninput = \"candidate.id\"\nsteps = [{ hash = { bits = 8 } }]\n";
        assert_eq!(parse(wide).unwrap().dim(), 256);
        let wider = format!("{wide}[[dimensions]]\nname = \"b\"\nconstant = 1\n");
        assert!(
            parse(&wider)
                .unwrap_err()
                .to_string()
                .contains("dimensions is 257 dimensions; allowed: 1 to 256")
        );
    }

    #[test]
    fn crosses_one_hots_and_hashes_are_what_they_are_called() {
        let text = "name = \"own\"\n[[dimensions]]\nname = \"kind\"\ninput = \"candidate.kind\"\nsteps = [{ one_hot = [\"rest\", \"focus\"] }]\n\
            hidden = true\n[[dimensions]]\nname = \"day\"\ninput = \"context.weekday\"\nsteps = [{ one_hot = [5, 6] }]\n\
            [[dimensions]]\nname = \"both\"\ncross = [\"day\", \"kind\"]\n[[dimensions]]\nname = \"id\"\ninput = \"candidate.id\"\n\
            steps = [{ hash = { bits = 3 } }]\n";
        let set = parse(text).unwrap();
        let names = ["day=5", "day=6", "both*x"];
        assert_eq!(set.names()[..2], names[..2]);
        assert_eq!(
            set.names()[2..6],
            ["day=5*kind=rest", "day=5*kind=focus", "day=6*kind=rest", "day=6*kind=focus"]
        );
        assert_eq!((set.names()[6], set.dim()), ("id#0", 14));
        let request = br#"{"context":{"hour":7,"weekday":6},"candidates":[{"id":"a","kind":"focus"},{"id":"b","kind":"other"}]}"#;
        let request = Request::from_json(request, "request").unwrap();
        let block = FeatureBlock::of(set, request.offered());
        assert_eq!(block.row(0)[..6], [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(block.row(1)[..6], [0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        for k in 0..2 {
            let hashed: Vec<f64> = block.row(k)[6..].iter().copied().filter(|x| *x != 0.0).collect();
            assert!(hashed == [1.0] || hashed == [-1.0], "{hashed:?}");
        }
    }
}
