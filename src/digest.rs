//! Digests of inputs as they were understood: what has no effect on results (descriptions, comments, the
//! names of policies) has none on digests.

use crate::gate::GateSpec;
use crate::persona::Persona;
use crate::policy::{Luck, Policy};
use crate::scenario::Scenario;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// SHA-256, in hexadecimal, by the name of the input.
pub type Digests = BTreeMap<String, String>;

/// Digests of personas and scenarios.
pub fn of_people(personas: &[Persona], scenarios: &[Scenario]) -> Digests {
    let personas = personas.iter().map(|persona| {
        let mut raw = persona.raw().clone();
        raw.description.clear();
        (format!("persona/{}", persona.name()), digest(&raw))
    });
    let scenarios = scenarios.iter().map(|scenario| {
        let mut raw = scenario.raw().clone();
        raw.description.clear();
        (format!("scenario/{}", scenario.name()), digest(&raw))
    });
    personas.chain(scenarios).collect()
}

/// Digest of a gate.
pub fn of_gate(gate: &GateSpec) -> String {
    let mut raw = gate.raw().clone();
    raw.description.clear();
    digest(&raw)
}

/// Digest of what a policy does, whatever it is called.
pub fn of_policy(policy: &Policy) -> String {
    let mut raw = policy.to_raw();
    raw.name.clear();
    digest(&raw)
}

/// The seed that follows from digests: below 2^53, so that any JSON reader holds it whole.
pub fn seed(digests: &Digests) -> u64 {
    let hash = Sha256::digest(digest(digests));
    u64::from_be_bytes(hash[..8].try_into().expect("eight of 32 bytes")) % Luck::SEEDS
}

/// SHA-256, in hexadecimal, of a value's JSON.
fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("checked values are plain data");
    let hexadecimal = |mut text: String, byte: &u8| {
        text += &format!("{byte:02x}");
        text
    };
    Sha256::digest(json).iter().fold(String::new(), hexadecimal)
}
