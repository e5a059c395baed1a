//! A state as one line of JSON: what `jq` reads, `export` prints and `import` takes.
//!
//! Beside A and b it holds A^-1 and theta, because these are carried along from update to update: a
//! model that is read back continues with the same bits.
//!
//! Format 3 is written. Format 2 (version 0.1) has `seq`, `events` and a checksum besides; format 1, which other tools may
//! write, has only A and b, from which the rest is solved afresh.
//!
//! The line of a program has its command and its state instead of a model.

use super::state::State;
use super::view_name;
use crate::base::checksum::check_line;
use crate::base::error::{Error, Fault, Result};
use crate::base::read::{self, whole};
use crate::domain::DomainRef;
use crate::features::{FeatureSet, FeatureSetRef};
use crate::policy::program::{MAX_STATE_BYTES, Program, RawProgram};
use crate::policy::{
    KindModel, Learns, Model, NAMED, Policy, Prior, RawDefinition, RawPolicy, RawPrior, Ridge, RidgeNumbers,
    Structure,
};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The format that is written.
pub const FORMAT_VERSION: u32 = 3;

/// Largest count: larger ones no double holds, and nobody will ever get there.
const MAX_COUNT: u64 = 1 << 53;

/// A state as it stands in its line, unchecked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawState {
    #[serde(deserialize_with = "whole")]
    format_version: u32,
    user: SmolStr,
    policy: String,
    feature_set: String,
    /// What it makes of which inputs, and the domain whose inputs they are; lines of older programs lack them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    feature_set_digest: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain_digest: Option<String>,
    /// All that its file states, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    features: Option<FeatureSetRef>,
    #[serde(rename = "D", deserialize_with = "whole")]
    dim: usize,
    feature_names: Vec<String>,
    structure: String,
    lambda: f64,
    forgetting: f64,
    /// Whose rewards it learns from, where that is not the user.
    #[serde(default)]
    #[serde(skip_serializing_if = "is_user")]
    learns: Learns,
    /// The learned prior, whole, so that a line is enough to go on elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prior: Option<RawPrior>,
    #[serde(deserialize_with = "whole")]
    updates: u64,
    reward_sum: f64,
    /// Counts every change of the state.
    #[serde(default, deserialize_with = "whole")]
    revision: u64,
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
    kinds: Option<BTreeMap<SmolStr, RawKind>>,
    /// These three are of format 2.
    #[serde(default, rename = "seq", skip_serializing)]
    _seq: IgnoredAny,
    #[serde(default, rename = "events", skip_serializing)]
    _events: IgnoredAny,
    #[serde(default, rename = "crc", skip_serializing)]
    _crc: IgnoredAny,
}

/// The model of one kind of candidate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKind {
    #[serde(deserialize_with = "whole")]
    updates: u64,
    #[serde(rename = "A")]
    a: Vec<f64>,
    b: Vec<f64>,
    #[serde(rename = "A_inverse", default, skip_serializing_if = "Option::is_none")]
    a_inverse: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    theta: Option<Vec<f64>>,
}

/// The state of a program as it stands in its line, unchecked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProgramState {
    #[serde(deserialize_with = "whole")]
    format_version: u32,
    user: SmolStr,
    policy: String,
    /// The command that learned it. It says whose state it is, and starts nothing.
    command: Vec<String>,
    /// The domain that it decides about.
    #[serde(default, skip_serializing_if = "DomainRef::is_default")]
    domain: DomainRef,
    #[serde(deserialize_with = "whole")]
    updates: u64,
    reward_sum: f64,
    /// Counts every change of the state.
    #[serde(default, deserialize_with = "whole")]
    revision: u64,
    /// What the program knows, which is between it and itself; null before its first reward.
    state: Box<RawValue>,
}

/// What stands in any format, to say what is newer than this program, and what only a program's line has.
#[derive(Deserialize)]
struct Version {
    #[serde(default, deserialize_with = "whole")]
    format_version: u32,
    #[serde(default)]
    command: Option<IgnoredAny>,
}

impl State {
    /// The state as one line of JSON, its newline included.
    pub fn to_line(&self) -> Vec<u8> {
        let line = match self.policy.program() {
            Some(program) => serde_json::to_vec(&RawProgramState::of(self, program)),
            None => serde_json::to_vec(&RawState::of(self)),
        };
        let mut line = line.expect("plain values always serialize");
        line.push(b'\n');
        line
    }

    /// The state in a line, which may lack a checksum but not carry a wrong one. Its policy is the built-in one of that
    /// name, or what the line tells of it: all but how it chooses.
    ///
    /// # Errors
    /// A newer format; a policy, feature set, D or names that do not belong together, with both sides named;
    /// [`Error::Damaged`] for everything else that is wrong. `origin` is what errors call the line.
    pub fn from_line(line: &[u8], origin: &str) -> Result<Self> {
        let damaged = |what| Error::Damaged { path: Path::new(origin).to_owned(), what };
        if serde_json::from_slice::<Version>(line).is_ok_and(|version| version.command.is_some()) {
            let raw: RawProgramState =
                serde_json::from_slice(line).map_err(|error| damaged(read::complaint(&error)))?;
            view_name::state_file(&raw.user, &raw.policy).map_err(|fault| fault.at(origin))?;
            return raw.into_state().map_err(|fault| fault.at(origin));
        }
        let raw: RawState =
            serde_json::from_slice(line).map_err(|error| match serde_json::from_slice::<Version>(line) {
                Ok(Version { format_version, .. }) if format_version > FORMAT_VERSION => {
                    newer(format_version).at(origin)
                }
                _ => damaged(
                    read::foreign(line)
                        .map_or_else(|| read::complaint(&error), |what| format!("it is {what}")),
                ),
            })?;
        let named = NAMED.contains(&raw.policy.as_str()).then(|| Policy::named(&raw.policy));
        let policy = named.unwrap_or_else(|| raw.policy().map_err(|fault| fault.at(origin)))?;
        view_name::state_file(&raw.user, &raw.policy).map_err(|fault| fault.at(origin))?;
        raw.belongs_to(&policy).map_err(|fault| fault.at(origin))?;
        check_line(line).map_err(damaged)?;
        raw.into_state(&Arc::new(policy)).map_err(damaged)
    }

    /// Whether `policy` has the model of this state.
    ///
    /// # Errors
    /// What differs, with both sides named.
    pub fn fits(&self, policy: &Policy) -> Result<(), Fault> {
        fits(&self.policy, policy)
    }
}

/// Whether a state under `own` goes on under `policy`: they have one name and one model, but perhaps another prior, under
/// which a state is learned again.
///
/// # Errors
/// What differs, with both sides named.
pub(crate) fn fits(own: &Policy, policy: &Policy) -> Result<(), Fault> {
    let of_policy = |value: &dyn std::fmt::Display| {
        format!("{value}, as policy {:?} has it now; one that changed needs another name", policy.name())
    };
    let differs = |field: &str, found: &dyn std::fmt::Display, now: &dyn std::fmt::Display| {
        Fault::new(field, found, of_policy(now))
    };
    let kind = |policy: &Policy| if policy.program().is_some() { "a program" } else { "no program" };
    if own.program().is_some() || policy.program().is_some() {
        let (found, now) = (kind(own), kind(policy));
        // What a program's state means is between it and itself.
        return if found == now { Ok(()) } else { Err(differs("policy", &found, &now)) };
    }
    if own.learns() != policy.learns() {
        return Err(differs("learns", &own.learns().name(), &policy.learns().name()));
    }
    if own.features() != policy.features() {
        return Err(differs("feature_set", &own.features().label(), &policy.features().label()));
    }
    if own.structure() != policy.structure() {
        let [found, now] = [own, policy].map(|policy| policy.structure().name());
        return Err(differs("structure", &found, &now));
    }
    for (field, found, now) in
        [("lambda", own.lambda(), policy.lambda()), ("forgetting", own.forgetting(), policy.forgetting())]
    {
        if found.to_bits() != now.to_bits() {
            return Err(differs(field, &found, &now));
        }
    }
    Ok(())
}

fn newer(format_version: u32) -> Fault {
    Fault::new("format_version", format_version, format!("1 to {FORMAT_VERSION}, which this program knows"))
}

fn differs(field: &str, found: impl std::fmt::Debug, expected: impl Into<String>) -> Fault {
    Fault::new(field, format!("{found:?}"), expected)
}

/// Refuses counts and sums that no state has, whatever its line holds.
fn check_counts(updates: u64, revision: u64, reward_sum: f64) -> Result<(), Fault> {
    for (name, count) in [("updates", updates), ("revision", revision)] {
        if count > MAX_COUNT {
            return Err(Fault::new(name, count, format!("at most {MAX_COUNT}")));
        }
    }
    if !reward_sum.is_finite() {
        return Err(Fault::new("reward_sum", reward_sum, "a finite number"));
    }
    Ok(())
}

impl RawProgramState {
    fn of(state: &State, program: &Program) -> Self {
        let known = state.model.program_state().unwrap_or("null").to_owned();
        let opaque = RawValue::from_string(known).expect("it was JSON when it was answered");
        Self {
            format_version: FORMAT_VERSION,
            user: state.user.clone(),
            policy: state.policy.name().to_owned(),
            command: program.definition().command.clone(),
            domain: program.definition().domain.clone(),
            updates: state.model.updates(),
            reward_sum: state.model.reward_sum(),
            revision: state.revision,
            state: opaque,
        }
    }

    fn into_state(self) -> Result<State, Fault> {
        if !(1..=FORMAT_VERSION).contains(&self.format_version) {
            return Err(newer(self.format_version));
        }
        check_counts(self.updates, self.revision, self.reward_sum)?;
        let text = self.state.get();
        if text.len() > MAX_STATE_BYTES {
            let value = format!("{} bytes", text.len());
            return Err(Fault::new("state", value, format!("at most {MAX_STATE_BYTES} bytes")));
        }
        if NAMED.contains(&self.policy.as_str()) {
            return Err(differs("policy", &self.policy, "a name that no built-in policy has"));
        }
        let state = (self.updates > 0 || text != "null").then(|| text.into());
        let program = RawProgram { domain: self.domain, ..RawProgram::new(self.policy, self.command) };
        let definition = RawDefinition::Program(program);
        let policy = Arc::new(Policy::try_from(definition)?);
        let model = policy.new_model().of_program(state, self.updates, self.reward_sum);
        Ok(State { user: self.user, policy, model, revision: self.revision })
    }
}

impl RawState {
    fn of(state: &State) -> Self {
        let policy = &state.policy;
        let shared = policy.structure() == Structure::Shared;
        let (mut a, mut b, mut a_inverse, mut theta) = (None, None, None, None);
        if shared {
            let numbers = state.model.kind_models()[0].ridge.numbers();
            (a, b) = (Some(numbers.a), Some(numbers.b));
            (a_inverse, theta) = (Some(numbers.a_inverse), Some(numbers.theta));
        }
        let learned = state.model.kind_models().iter().filter(|kind| kind.ridge.updates() > 0);
        let kinds = (!shared)
            .then(|| learned.map(|k| (k.kind.clone().unwrap_or_default(), RawKind::of(k))).collect());
        Self {
            format_version: FORMAT_VERSION,
            user: state.user.clone(),
            policy: policy.name().to_owned(),
            feature_set: policy.features().name().to_owned(),
            feature_set_digest: Some(policy.features().digest().to_owned()),
            domain_digest: Some(policy.features().domain().digest().to_owned()),
            features: policy.features().declared().map(|_| policy.features().into()),
            dim: policy.features().dim(),
            feature_names: policy.features().names().iter().map(|n| (*n).to_owned()).collect(),
            structure: policy.structure().name().to_owned(),
            lambda: policy.lambda(),
            forgetting: policy.forgetting(),
            learns: policy.learns(),
            // How it was learned stays with the definition.
            prior: policy.prior().map(|prior| RawPrior { training: None, ..prior.raw().clone() }),
            updates: state.model.updates(),
            reward_sum: state.model.reward_sum(),
            revision: state.revision,
            a,
            b,
            a_inverse,
            theta,
            kinds,
            _seq: IgnoredAny,
            _events: IgnoredAny,
            _crc: IgnoredAny,
        }
    }

    /// The policy as far as a model needs it; its explorer is unknown and irrelevant here.
    fn policy(&self) -> Result<Policy, Fault> {
        let features = match &self.features {
            Some(features) => features.known()?,
            None => FeatureSet::from_name(&self.feature_set)
                .map_err(|_| differs("feature_set", &self.feature_set, "v1 or v2"))?,
        };
        let own = [
            ("feature_set_digest", &self.feature_set_digest, features.digest()),
            ("domain_digest", &self.domain_digest, features.domain().digest()),
        ];
        for (field, found, expected) in own {
            if let Some(found) = found.as_deref().filter(|found| *found != expected) {
                return Err(differs(field, found, format!("{expected}, as {} has it", features.label())));
            }
        }
        let structure = Structure::ALL.into_iter().find(|structure| structure.name() == self.structure);
        let structure =
            structure.ok_or_else(|| differs("structure", &self.structure, "shared or disjoint"))?;
        let uniform = Policy::named("uniform").expect("it is built in").to_raw();
        let (name, lambda, forgetting) = (self.policy.clone(), self.lambda, self.forgetting);
        let (features, learns) = (features.into(), self.learns);
        let plain = RawPolicy { name, features, structure, lambda, forgetting, learns, ..uniform };
        let policy = Policy::try_from(plain)?;
        let prior = self.prior.clone().map(|raw| Prior::try_from(raw).map_err(|fault| fault.within("prior")));
        prior.transpose()?.map_or(Ok(policy.clone()), |prior| policy.with_prior(Arc::new(prior)))
    }

    /// Whether this is a state of `policy`, in a format that is known.
    fn belongs_to(&self, policy: &Policy) -> Result<(), Fault> {
        if !(1..=FORMAT_VERSION).contains(&self.format_version) {
            return Err(newer(self.format_version));
        }
        fits(&self.policy()?, policy)?;
        let features = policy.features();
        let of_set = |value: &str| format!("{value}, as feature set {} has it", features.name());
        if self.dim != features.dim() {
            return Err(Fault::new("D", self.dim, of_set(&features.dim().to_string())));
        }
        if self.feature_names != features.names() {
            let own = features.names().join(", ");
            return Err(Fault::new("feature_names", self.feature_names.join(", "), of_set(&own)));
        }
        Ok(())
    }

    /// The state, whose checks [`Self::belongs_to`] `policy` are done, or what is wrong with its numbers.
    fn into_state(self, policy: &Arc<Policy>) -> Result<State, String> {
        let mut parts = Vec::new();
        match (policy.structure(), self.a, self.b, self.kinds) {
            (Structure::Shared, Some(a), Some(b), None) => {
                let (a_inverse, theta) = (self.a_inverse, self.theta);
                let kind = RawKind { updates: self.updates, a, b, a_inverse, theta };
                parts.push(KindModel { kind: None, ridge: kind.into_ridge(policy.new_ridge(None))? });
            }
            (Structure::Disjoint, None, None, Some(kinds)) => {
                for (kind, part) in kinds {
                    let own = (!kind.is_empty()).then_some(kind.clone());
                    let blank = policy.new_ridge(own.as_deref());
                    let ridge = part.into_ridge(blank).map_err(|e| format!("kinds.{kind}: {e}"))?;
                    parts.push(KindModel { kind: own, ridge });
                }
            }
            _ => return Err("A and b stand at the top when shared, else in \"kinds\"".to_owned()),
        }
        check_counts(self.updates, self.revision, self.reward_sum).map_err(|fault| fault.to_string())?;
        let learned = parts.iter().map(|kind| kind.ridge.updates()).try_fold(0_u64, u64::checked_add);
        if learned != Some(self.updates) {
            return Err(format!("updates is {}, which is not the sum of those of the kinds", self.updates));
        }
        let model = Model::restore(policy, parts, self.updates, self.reward_sum);
        Ok(State { user: self.user, policy: Arc::clone(policy), model, revision: self.revision })
    }
}

impl RawKind {
    fn of(kind: &KindModel) -> Self {
        let RidgeNumbers { updates, a, b, a_inverse, theta } = kind.ridge.numbers();
        Self { updates, a, b, a_inverse: Some(a_inverse), theta: Some(theta) }
    }

    fn into_ridge(self, blank: Ridge) -> Result<Ridge, String> {
        let Self { updates, a, b, a_inverse, theta } = self;
        match (a_inverse, theta) {
            (Some(a_inverse), Some(theta)) => blank
                .with_numbers(&RidgeNumbers { updates, a, b, a_inverse, theta })
                .map_err(|e| e.to_string()),
            (None, None) => blank.with_sums(updates, &a, &b).map_err(|e| e.to_string()),
            _ => Err("A_inverse and theta are there together or not at all".to_owned()),
        }
    }
}

// Who writes a line asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_user(learns: &Learns) -> bool {
    *learns == Learns::User
}
