//! What must hold of anything that is read from outside, one function for each kind of text.
//!
//! The fuzz targets (`fuzz/`) call these with whatever libFuzzer finds, the ordinary tests with texts that
//! were good and have been changed a little.

use rehearsal::base::error::Result;
use rehearsal::domain::request::{RawRequest, Request};
use rehearsal::gate::GateSpec;
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::policy::{Model, NAMED, Policy, Scratch};
use rehearsal::prompt::{Generator, Prompt, Prompts, Signals, UnusedReason, Usage};
use rehearsal::service::{Given, Policies, RewardCall, ScoreCall, Service, decide};
use rehearsal::store::log_line::{DecisionLine, RewardLine};
use rehearsal::store::{
    Durability, Snapshot, State, Store, Transaction, apply, decode, encode, parse_state_file, state_file,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::fmt::Debug;
use std::path::{Component, Path};
use std::sync::{Arc, LazyLock};

/// A service whose store nobody asks: what is only read needs none.
static SERVICE: LazyLock<Service> = LazyLock::new(|| {
    Service::new(std::sync::Arc::new(NoStore), Policies::new::<&str>(&[]).expect("none is given"), Vec::new())
        .expect("no shadows")
});

struct NoStore;

impl Store for NoStore {
    fn origin(&self) -> &Path {
        Path::new("nowhere")
    }

    fn read(&self, _: &mut dyn FnMut(&dyn Snapshot) -> Result<()>) -> Result<()> {
        unreachable!("nothing is looked up")
    }

    fn write(&self, _: Durability, _: &mut dyn FnMut(&mut dyn Transaction) -> Result<()>) -> Result<()> {
        unreachable!("nothing is kept")
    }

    fn view_dir(&self) -> Option<&Path> {
        None
    }

    fn backup(&self, _: &Path) -> Result<()> {
        unreachable!("nothing is copied")
    }

    fn integrity(&self) -> Result<Vec<String>> {
        unreachable!("nothing is checked")
    }

    fn tidy(&self) -> Result<()> {
        unreachable!("nothing is left behind")
    }
}

/// The shipped prompts.
static GENERATOR: LazyLock<Generator> = LazyLock::new(|| {
    Generator::new(Prompts::shipped().expect("they are sound"), None).expect("there is no gateway")
});

/// What is accepted becomes two messages with data that are JSON, and ready tips that a request may have.
pub fn signals(text: &[u8]) {
    let Ok(signals) = Signals::from_json(text, "signals", None, Some("v3"), 0) else { return };
    let prepared = GENERATOR.prepare(signals, &[], "signals").expect("the version is there");
    let [system, user] = &prepared.call().messages[..] else { panic!("there are two messages") };
    assert_eq!((system.role, user.role), ("system", "user"));
    let (_, rest) = user.content.split_once("<data>").expect("the data begin");
    let (data, rest) = rest.split_once("</data>").expect("the data end");
    assert!(!rest.contains(['<', '{']) && !data.trim().contains('\n'));
    serde_json::from_str::<serde_json::Value>(data).expect("the data are JSON");
    let ready = prepared.ready(UnusedReason::NoGateway, Usage::NONE).expect("tips are ready");
    assert!(!ready.candidates.is_empty());
    let request = Request::try_from(prepared.request(&ready)).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(request.candidates().len(), ready.candidates.len());
}

/// What is accepted is rendered within its bounds, and its source is a prompt that does the same.
pub fn prompt_file(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(prompt) = Prompt::from_text(text, "prompt") else { return };
    let again = Prompt::from_text(prompt.source(), "prompt").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.digest(), prompt.digest());
}

/// What is accepted can be decided on under any policy, and is read back as it was.
pub fn request(text: &[u8]) {
    let Ok(request) = Request::from_json(text, "request") else { return };
    // One policy for each text, or this would be slow.
    let policy = Arc::new(Policy::named(NAMED[text.len() % NAMED.len()]).unwrap());
    let choice = decide(&policy, &policy.new_model(), &request, 1, &mut Scratch::default());
    assert!(choice.scores.iter().all(|score| score.is_finite()));
    assert!(choice.propensity().is_none_or(|p| (0.0..=1.0).contains(&p)));
    // Names of the profile that nobody knows are warned of and not kept.
    let kept: RawRequest = trip(request.raw());
    assert_eq!(trip(Request::try_from(kept.clone()).unwrap().raw()), kept);
    // As a call it names a policy and a user whose state has a file.
    let given = Given { user: Some("u".to_owned()), ..Given::default() };
    if let Ok(call) = ScoreCall::parse(&SERVICE, text, "request", &given, 1) {
        assert!(NAMED.contains(&call.policy.name()) && state_file(&call.user, call.policy.name()).is_ok());
    }
}

/// What is accepted can be learned from: the model stays one of finite numbers.
pub fn reward_line(text: &[u8]) {
    let Ok(call) = RewardCall::parse(&SERVICE, text, "line 1", &Given::default()) else { return };
    let RewardCall::Whole { user, policy, event, .. } = call else { return };
    let mut model = policy.new_model();
    apply(&mut model, &policy, &event.observation, &mut Scratch::default()).unwrap();
    assert_eq!(trip(&event.observation.shown), event.observation.shown);
    sound(&State { model, ..State::new(&user, &policy) });
}

/// What is accepted is a model of finite numbers, and is written and read back to the same bytes.
pub fn state_line(text: &[u8]) {
    let Ok(state) = State::from_line(text, "line 1") else { return };
    sound(&state);
}

fn sound(state: &State) {
    assert!(is_finite(&state.model));
    let line = state.to_line();
    let again = State::from_line(&line, "line 1").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(again.to_line(), line);
    let bytes = encode(&state.model);
    let decoded = decode(&bytes, &state.policy).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(encode(&decoded), bytes);
    assert_eq!(encode(&again.model), bytes);
}

fn is_finite(model: &Model) -> bool {
    model.kind_models().iter().all(|part| part.ridge.theta().iter().all(|w| w.is_finite()))
}

/// Whatever a database holds in the place of a model is one, or an error; and one has one spelling.
pub fn model_bytes(bytes: &[u8]) {
    let disjoint = "name = \"d\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nstructure = \"disjoint\"\n";
    let disjoint = Policy::from_toml(disjoint, "d.toml").unwrap();
    for policy in [&Policy::named("egreedy-v1").unwrap(), &disjoint] {
        let Ok(model) = decode(bytes, policy) else { continue };
        let again = encode(&model);
        assert_eq!(encode(&decode(&again, policy).unwrap()), again);
    }
}

/// What is accepted, of our own log or that of version 0.1, is written and read back to the same bytes.
pub fn log_line(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let text = text.trim();
    if let Ok(line) = serde_json::from_str::<RewardLine<RawRequest, &RawValue>>(text) {
        let line = serde_json::to_string(&line).unwrap();
        let again: RewardLine<RawRequest, &RawValue> = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), line);
    }
    if let Ok(line) = serde_json::from_str::<DecisionLine<&RawValue>>(text) {
        let line = serde_json::to_string(&line).unwrap();
        let again: DecisionLine<&RawValue> = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), line);
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
    sound(&State::new("u", &Arc::new(policy)));
}

fn toml<T>(text: &[u8], parse: impl Fn(&str, &str) -> Result<T>) -> Option<T> {
    parse(std::str::from_utf8(text).ok()?, "file").ok()
}

fn trip<T: Serialize + DeserializeOwned + Debug>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}
