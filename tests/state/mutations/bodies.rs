//! What must hold of anything that is read from outside, one function for each kind of text.
//!
//! The fuzz targets (`fuzz/`) call these with whatever libFuzzer finds, the ordinary tests with texts that
//! were good and have been changed a little.

use rehearsal::base::error::Result;
use rehearsal::domain::request::{RawRequest, Request};
use rehearsal::gate::GateSpec;
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::policy::{NAMED, Policy, Scratch};
use rehearsal::state::{Record, UserState, decide, parse_state_file, state_file};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::path::{Component, Path};
use std::sync::Arc;

/// What is accepted can be decided on under any policy, and is read back as it was.
pub fn request(text: &[u8]) {
    let Ok(request) = Request::from_json(text, "request") else { return };
    // One policy for each text, or this would be slow.
    let policy = Arc::new(Policy::named(NAMED[text.len() % NAMED.len()]).unwrap());
    let state = UserState::new("u", &policy);
    let decision = decide(&policy, &state, &request, 1, &mut Scratch::default());
    assert!(decision.scores.iter().all(|score| score.is_finite()));
    assert!(decision.propensity().is_none_or(|p| (0.0..=1.0).contains(&p)));
    // Names of the profile that nobody knows are warned of and not kept.
    let kept: RawRequest = trip(request.raw());
    assert_eq!(trip(Request::try_from(kept.clone()).unwrap().raw()), kept);
}

/// What is accepted is a model of finite numbers, and is written and read back to the same bytes.
pub fn state_file_content(text: &[u8]) {
    let Ok(state) = UserState::from_line(&sealed(text), "line 1") else { return };
    unchanged_by_a_trip(&state);
}

fn unchanged_by_a_trip(state: &UserState) {
    let model = state.model();
    assert!(model.kind_models().iter().all(|part| part.ridge.theta().iter().all(|w| w.is_finite())));
    let line = state.to_line();
    let again = UserState::from_line(&line, "line 1").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again.to_line(), line);
}

/// What is accepted can be learned from or taken over, and is written and read back to the same bytes.
pub fn log_line(text: &[u8]) {
    let Ok(record) = Record::parse(&sealed(text)) else { return };
    let line = record.to_line();
    assert_eq!(Record::parse(&line).unwrap().to_line(), line);
    if let Ok(Some(state)) = record.alone() {
        unchanged_by_a_trip(&state);
    }
}

/// A user's file is a plain name in the directory, no longer than file systems allow, from which the user
/// can be read.
pub fn user_name(text: &[u8]) {
    let Ok(user) = std::str::from_utf8(text) else { return };
    if let Some((user, policy)) = parse_state_file(user) {
        assert_eq!(state_file(&user, &policy).unwrap().as_bytes(), text);
    }
    let Ok(name) = state_file(user, "egreedy-v2") else { return };
    assert!(name.len() <= 255 && !name.contains('\0'));
    let mut parts = Path::new(&name).components();
    assert!(matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)));
    assert_eq!(parse_state_file(&name), Some((user.into(), "egreedy-v2".to_owned())));
}

/// What is accepted is accepted again as it was understood.
pub fn persona(text: &[u8]) {
    let Some(persona) = toml(text, Persona::from_toml) else { return };
    assert_eq!(Persona::try_from(trip(persona.raw())).unwrap(), persona);
}

/// What is accepted is accepted again as it was understood.
pub fn scenario(text: &[u8]) {
    let Some(scenario) = toml(text, Scenario::from_toml) else { return };
    assert_eq!(Scenario::try_from(trip(scenario.raw())).unwrap(), scenario);
}

/// What is accepted is accepted again as it was understood.
pub fn gate(text: &[u8]) {
    let Some(gate) = toml(text, GateSpec::from_toml) else { return };
    assert!(!gate.scenarios().is_empty());
    assert_eq!(GateSpec::try_from(trip(gate.raw())).unwrap().raw(), gate.raw());
}

/// What is accepted is accepted again with every default spelled out, and has a model that can be built.
pub fn policy_file(text: &[u8]) {
    let Some(policy) = toml(text, Policy::from_toml) else { return };
    assert_eq!(Policy::try_from(trip(&policy.to_raw())).unwrap(), policy);
    let state = UserState::new("u", &Arc::new(policy));
    unchanged_by_a_trip(&state);
}

/// The object with its checksum, as files carry it: nobody would guess that.
fn sealed(object: &[u8]) -> Vec<u8> {
    let open = object.strip_suffix(b"\n").unwrap_or(object);
    let open = open.strip_suffix(b"}").unwrap_or(open);
    let seal = format!(",\"crc\":\"{:08x}\"}}\n", crc32fast::hash(open));
    [open, seal.as_bytes()].concat()
}

fn toml<T>(text: &[u8], parse: impl Fn(&str, &str) -> Result<T>) -> Option<T> {
    parse(std::str::from_utf8(text).ok()?, "file").ok()
}

fn trip<T: Serialize + DeserializeOwned + Debug>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}
