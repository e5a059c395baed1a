//! Digests of inputs as they were understood: what has no effect on results (descriptions, comments, the
//! names of policies) has none on digests.

use crate::error::{Error, Result};
use crate::gate::GateSpec;
use crate::persona::Persona;
use crate::policy::{Luck, Policy};
use crate::scenario::Scenario;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

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

/// Digest of a gate, but for how far it goes and in which steps: who raises `max_users` goes on with the same people.
pub fn of_gate(gate: &GateSpec) -> String {
    let mut raw = gate.raw().clone();
    raw.description.clear();
    (raw.max_users, raw.batch) = (0, 0);
    digest(&raw)
}

/// Digest of what a policy does, whatever it is called.
pub fn of_policy(policy: &Policy) -> String {
    let mut raw = policy.to_raw();
    raw.name.clear();
    digest(&raw)
}

/// Digest of a file's bytes, as `sha256sum` gives it.
///
/// # Errors
/// A file that cannot be read, or is none: a pipe could not be read a second time.
pub fn of_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    if !file.metadata().map_err(Error::io("read", path))?.is_file() {
        return Err(Error::Refused(format!("{} is no regular file", path.display())));
    }
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// The seed that follows from digests: below 2^53, so that any JSON reader holds it whole.
pub fn seed(digests: &Digests) -> u64 {
    let hash = Sha256::digest(digest(digests));
    u64::from_be_bytes(hash[..8].try_into().expect("eight of 32 bytes")) % Luck::SEEDS
}

/// SHA-256, in hexadecimal, of a value's JSON.
fn digest(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("checked values are plain data");
    hexadecimal(&Sha256::digest(json))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
