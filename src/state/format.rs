//! The state file: one sealed line of JSON, which is what `jq` reads.
//!
//! Beside A and b it holds A^-1 and theta, because these are carried along from update to update: a
//! model that is read back continues with the same bits.
//!
//! Format 1, which other tools may write, has only A and b, and neither `seq`, `events` nor checksum. It
//! is read, solved afresh, and upgraded when the state is next written.

use super::record::MAX_SEQ;
use super::user_state::{Event, KEPT_EVENTS, UserState};
use super::{frame, name};
use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use crate::features::FeatureSet;
use crate::policy::{KindModel, Model, NAMED, Policy, RawPolicy, Ridge, RidgeNumbers, Structure};
use memchr::memmem;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The format that is written.
pub const FORMAT_VERSION: u32 = 2;

/// A state as it stands in its file, unchecked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawState {
    format_version: u32,
    user: SmolStr,
    pub(super) policy: String,
    feature_set: String,
    #[serde(rename = "D")]
    dim: usize,
    feature_names: Vec<String>,
    structure: String,
    lambda: f64,
    forgetting: f64,
    updates: u64,
    reward_sum: f64,
    /// Sequence number of the latest log record in it.
    #[serde(default)]
    seq: u64,
    /// Lower triangle, row by row. These four are there for the shared structure.
    #[serde(rename = "A", default, skip_serializing_if = "Option::is_none")]
    a: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<Vec<f64>>,
    #[serde(rename = "A_inverse", default, skip_serializing_if = "Option::is_none")]
    a_inverse: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    theta: Option<Vec<f64>>,
    /// For the disjoint structure, by kind of candidate; "" is the model of candidates without a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kinds: Option<BTreeMap<SmolStr, RawPart>>,
    /// The latest events, oldest first: id and reward.
    #[serde(default)]
    events: Vec<(SmolStr, f64)>,
    /// Checked on the bytes, see [`frame`].
    #[serde(default, rename = "crc", skip_serializing)]
    _crc: IgnoredAny,
}

/// The model of one kind of candidate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPart {
    updates: u64,
    #[serde(rename = "A")]
    a: Vec<f64>,
    b: Vec<f64>,
    #[serde(rename = "A_inverse", default, skip_serializing_if = "Option::is_none")]
    a_inverse: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    theta: Option<Vec<f64>>,
}

/// What stands in any format, to say what is newer than this program.
#[derive(Deserialize)]
struct Version {
    format_version: u32,
}

/// The line of a state file.
pub(super) fn to_line(state: &UserState) -> Vec<u8> {
    let mut line = Vec::new();
    write_line(state, &mut line);
    line
}

/// Puts the line of a state file in the place of what is in `line`.
pub(super) fn write_line(state: &UserState, line: &mut Vec<u8>) {
    line.clear();
    serde_json::to_writer(&mut *line, &RawState::of(state)).expect("plain values always serialize");
    line.pop();
    frame::seal_from(line, 0);
}

/// The state in the bytes of the file at `path`, which its name says is that of `user` under `policy`.
///
/// # Errors
/// A newer format; another user, policy, feature set, D, feature names, structure, lambda or forgetting
/// than expected, with both sides named; [`Error::Damaged`] for everything else that is wrong.
pub(super) fn from_bytes(bytes: &[u8], path: &Path, user: &str, policy: &Arc<Policy>) -> Result<UserState> {
    let raw = parse(bytes, path)?;
    raw.belongs_to(user, policy).map_err(|fault| fault.at(path.display()))?;
    raw.finish(bytes, path, policy)
}

/// The policy as far as the state in these bytes tells: all that its model needs, not its explorer.
pub(super) fn spec_in(bytes: &[u8], path: &Path) -> Result<Policy> {
    parse(bytes, path)?.spec().map_err(|fault| fault.at(path.display()))
}

impl UserState {
    /// The state as one line of JSON, as it stands in its file.
    pub fn to_line(&self) -> Vec<u8> {
        to_line(self)
    }

    /// The state in a line, which may lack the checksum but not carry a wrong one.
    ///
    /// # Errors
    /// As a state file; `origin` is what errors call the line.
    pub fn from_line(line: &[u8], origin: &str) -> Result<Self> {
        let path = Path::new(origin);
        let raw = parse(line, path)?;
        let named = NAMED.contains(&raw.policy.as_str()).then(|| Policy::named(&raw.policy));
        let spec = named.unwrap_or_else(|| raw.spec().map_err(|fault| fault.at(origin)))?;
        name::state_file(&raw.user, &raw.policy).map_err(|fault| fault.at(origin))?;
        raw.belongs_to(&raw.user, &spec).map_err(|fault| fault.at(origin))?;
        if memmem::find(line, b"\"crc\"").is_some() {
            frame::check(line).map_err(|what| damaged(path, what))?;
        }
        raw.into_state(&Arc::new(spec)).map_err(|what| damaged(path, what))
    }
}

fn parse(bytes: &[u8], path: &Path) -> Result<RawState> {
    serde_json::from_slice(bytes).map_err(|error| match serde_json::from_slice::<Version>(bytes) {
        Ok(Version { format_version }) if format_version > FORMAT_VERSION => {
            newer(format_version).at(path.display())
        }
        _ => damaged(path, read::complaint(&error)),
    })
}

/// Whether these bytes are whole, and in a format that this program does not know.
pub(super) fn is_newer(bytes: &[u8]) -> bool {
    let version = serde_json::from_slice::<Version>(bytes);
    version.is_ok_and(|v| v.format_version > FORMAT_VERSION) && frame::check(bytes).is_ok()
}

fn newer(format_version: u32) -> Fault {
    Fault::new("format_version", format_version, format!("1 to {FORMAT_VERSION}, which this program knows"))
}

fn damaged(path: &Path, what: String) -> Error {
    Error::Damaged { path: path.to_path_buf(), what }
}

fn differs(field: &str, found: impl std::fmt::Debug, expected: impl Into<String>) -> Fault {
    Fault::new(field, format!("{found:?}"), expected)
}

impl RawState {
    /// The latest events, oldest first, with their rewards.
    pub(super) fn events(&self) -> impl Iterator<Item = (&str, f64)> {
        self.events.iter().map(|(id, reward)| (id.as_str(), *reward))
    }

    /// What is kept of a state.
    pub(super) fn of(state: &UserState) -> Self {
        let policy = &state.policy;
        let shared = policy.structure() == Structure::Shared;
        let one = shared.then(|| state.model.kind_models()[0].ridge.numbers());
        let (mut a, mut b, mut a_inverse, mut theta) = (None, None, None, None);
        if let Some(numbers) = one {
            (a, b) = (Some(numbers.a), Some(numbers.b));
            (a_inverse, theta) = (Some(numbers.a_inverse), Some(numbers.theta));
        }
        let learned = state.model.kind_models().iter().filter(|part| part.ridge.updates() > 0);
        let kinds = (!shared)
            .then(|| learned.map(|p| (p.kind.clone().unwrap_or_default(), RawPart::of(p))).collect());
        Self {
            format_version: FORMAT_VERSION,
            user: state.user.clone(),
            policy: policy.name().to_owned(),
            feature_set: policy.features().name().to_owned(),
            dim: policy.features().dim(),
            feature_names: policy.features().names().iter().map(|n| (*n).to_owned()).collect(),
            structure: structure_name(policy.structure()).to_owned(),
            lambda: policy.lambda(),
            forgetting: policy.forgetting(),
            updates: state.model.updates(),
            reward_sum: state.model.reward_sum(),
            seq: state.seq,
            a,
            b,
            a_inverse,
            theta,
            kinds,
            events: state.events().map(|e| (e.id.clone(), e.reward)).collect(),
            _crc: IgnoredAny,
        }
    }

    /// The policy as far as a model needs it; its explorer is unknown and irrelevant here.
    pub(super) fn spec(&self) -> Result<Policy, Fault> {
        let features = FeatureSet::from_name(&self.feature_set)
            .map_err(|_| differs("feature_set", &self.feature_set, "v1 or v2"))?;
        let structure = match self.structure.as_str() {
            "shared" => Structure::Shared,
            "disjoint" => Structure::Disjoint,
            other => return Err(differs("structure", other, "shared or disjoint")),
        };
        Policy::try_from(RawPolicy {
            structure,
            lambda: self.lambda,
            forgetting: self.forgetting,
            ..RawPolicy::new(self.policy.clone(), "uniform", features)
        })
    }

    /// Whether this is a state of `user` under `policy`, in a format that is known.
    pub(super) fn belongs_to(&self, user: &str, policy: &Policy) -> Result<(), Fault> {
        if !(1..=FORMAT_VERSION).contains(&self.format_version) {
            return Err(newer(self.format_version));
        }
        if self.user != user {
            return Err(differs("user", &self.user, format!("{user:?}, as the file's name has it")));
        }
        if self.policy != policy.name() {
            return Err(differs("policy", &self.policy, format!("{:?}", policy.name())));
        }
        let features = policy.features();
        let of_policy = |value: &str| {
            format!("{value}, as policy {:?} has it; one that changed needs another name", policy.name())
        };
        if self.feature_set != features.name() {
            return Err(Fault::new("feature_set", &self.feature_set, of_policy(features.name())));
        }
        if self.dim != features.dim() {
            return Err(Fault::new("D", self.dim, of_policy(&features.dim().to_string())));
        }
        if self.feature_names != features.names() {
            let own = features.names().join(", ");
            return Err(Fault::new("feature_names", self.feature_names.join(", "), of_policy(&own)));
        }
        let structure = structure_name(policy.structure());
        if self.structure != structure {
            return Err(Fault::new("structure", &self.structure, of_policy(structure)));
        }
        for (name, found, expected) in
            [("lambda", self.lambda, policy.lambda()), ("forgetting", self.forgetting, policy.forgetting())]
        {
            if found.to_bits() != expected.to_bits() {
                return Err(Fault::new(name, found, of_policy(&expected.to_string())));
            }
        }
        Ok(())
    }

    /// The state of `user` that this is, under the policy that it names, or what is wrong with it.
    pub(super) fn state_of(self, user: &str) -> Result<UserState, String> {
        let told = self.spec().map_err(|e| e.to_string())?;
        let named = NAMED.contains(&told.name()).then(|| Policy::named(told.name()));
        let policy = Arc::new(named.unwrap_or(Ok(told)).map_err(|e| e.to_string())?);
        self.belongs_to(user, &policy).map_err(|e| e.to_string())?;
        self.into_state(&policy)
    }

    fn finish(self, bytes: &[u8], path: &Path, policy: &Arc<Policy>) -> Result<UserState> {
        if self.format_version > 1 {
            frame::check(bytes).map_err(|what| damaged(path, what))?;
        }
        self.into_state(policy).map_err(|what| damaged(path, what))
    }

    /// The state, whose checks [`Self::belongs_to`] `policy` are done, or what is wrong with its numbers.
    pub(super) fn into_state(self, policy: &Arc<Policy>) -> Result<UserState, String> {
        let blank = Ridge::new(self.dim, self.lambda, self.forgetting);
        let mut parts = Vec::new();
        match (policy.structure(), self.a, self.b, self.kinds) {
            (Structure::Shared, Some(a), Some(b), None) => {
                let part =
                    RawPart { updates: self.updates, a, b, a_inverse: self.a_inverse, theta: self.theta };
                parts.push(KindModel { kind: None, ridge: part.into_ridge(blank)? });
            }
            (Structure::Disjoint, None, None, Some(kinds)) => {
                for (kind, part) in kinds {
                    let ridge = part.into_ridge(blank.clone()).map_err(|e| format!("kinds.{kind}: {e}"))?;
                    parts.push(KindModel { kind: (!kind.is_empty()).then_some(kind), ridge });
                }
            }
            _ => return Err("A and b stand at the top when shared, else in \"kinds\"".to_owned()),
        }
        let learned: u64 = parts.iter().map(|p| p.ridge.updates()).sum();
        if learned != self.updates {
            return Err(format!("updates is {}, those of the kinds add up to {learned}", self.updates));
        }
        // Half of it, so that a rebuild which adopts the state has numbers to go on with.
        if self.seq > MAX_SEQ / 2 {
            return Err(format!("seq is {}, more records than there can be", self.seq));
        }
        if !self.reward_sum.is_finite() {
            return Err(format!("reward_sum is {}, not a finite number", self.reward_sum));
        }
        if self.events.len() > KEPT_EVENTS {
            return Err(format!("{} events, more than the {KEPT_EVENTS} that are kept", self.events.len()));
        }
        Ok(UserState {
            model: Model::restore(policy, parts, self.updates, self.reward_sum),
            user: self.user,
            policy: Arc::clone(policy),
            seq: self.seq,
            events: self.events.into_iter().map(|(id, reward)| Event { id, reward }).collect(),
        })
    }
}

impl RawPart {
    fn of(part: &KindModel) -> Self {
        let RidgeNumbers { updates, a, b, a_inverse, theta } = part.ridge.numbers();
        Self { updates, a, b, a_inverse: Some(a_inverse), theta: Some(theta) }
    }

    fn into_ridge(self, blank: Ridge) -> Result<Ridge, String> {
        let Self { updates, a, b, a_inverse, theta } = self;
        match (a_inverse, theta) {
            (Some(a_inverse), Some(theta)) => {
                let numbers = RidgeNumbers { updates, a, b, a_inverse, theta };
                blank.with_numbers(&numbers).map_err(|error| error.to_string())
            }
            (None, None) => blank.with_sums(updates, &a, &b).map_err(|error| error.to_string()),
            _ => Err("A_inverse and theta are there together or not at all".to_owned()),
        }
    }
}

fn structure_name(structure: Structure) -> &'static str {
    match structure {
        Structure::Shared => "shared",
        Structure::Disjoint => "disjoint",
    }
}
