//! Whatever is read from outside may be anything: text that was good, with some of its bytes changed. The
//! short run of the fuzz targets, on stable Rust, through the library.

mod bodies;

use super::REQUEST;
use crate::util::Dir;
use proptest::prelude::*;
use rehearsal::policy::Policy;
use rehearsal::state::{Store, UserState};
use serde_json::json;
use std::fs;
use std::sync::Arc;

const POLICY: &str =
    "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nlambda = 1.5\nepsilon = 0.2\n";

/// One change to a text: at a place in [0, 1), what is put there and how many bytes it replaces.
type Change = (f64, Vec<u8>, usize);

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        "[\\[\\]{},:\"0-9eE.+-]{1,6}".prop_map(String::into_bytes),
        prop_oneof![Just("null"), Just("1e999"), Just("-0.0"), Just("\\u0000"), Just("9007199254740993")]
            .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec((0.0..1.0, piece, 0..6_usize), 1..5)
}

fn changed(text: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut text = text.to_vec();
    for (place, piece, replaced) in changes {
        let from = (place * text.len() as f64) as usize;
        let to = (from + replaced).min(text.len());
        text.splice(from..to, piece.iter().copied());
    }
    text
}

/// A directory with a little of everything in it.
fn lived_in() -> Dir {
    let dir = Dir::new();
    let lines: Vec<String> =
        (0..4).map(|i| super::breaking::line(["u", "v"][i % 2], &format!("e{i}"), 0.5)).collect();
    dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
    dir.run_with(&["score", "--policy", "egreedy-v2", "--user", "u"], REQUEST).ok();
    dir
}

/// A file of the source tree.
fn shipped(name: &str) -> Vec<u8> {
    fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// `body` holds of `good`, and of 1,000 texts that are nearly that.
fn nearly(good: &[u8], body: impl Fn(&[u8])) {
    body(good);
    let config = ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(changes in changes())| body(&changed(good, &changes)));
}

#[test]
fn requests() {
    nearly(REQUEST.as_bytes(), bodies::request);
}

#[test]
fn personas() {
    nearly(&shipped("personas/all-rounder.toml"), bodies::persona);
}

#[test]
fn scenarios() {
    nearly(&shipped("scenarios/mixed-users.toml"), bodies::scenario);
}

#[test]
fn gates() {
    nearly(&shipped("scenarios/gate.toml"), bodies::gate);
}

#[test]
fn policy_files() {
    nearly(POLICY.as_bytes(), bodies::policy_file);
}

#[test]
fn states_and_lines_of_the_log_with_new_checksums() {
    let dir = lived_in();
    let open = |name: &str| {
        let text = dir.read(name);
        let line = text.lines().next().unwrap();
        format!("{}}}", line.rsplit_once(",\"crc\"").unwrap().0).into_bytes()
    };
    nearly(&open("state/u_egreedy_v2.json"), bodies::state_file_content);
    nearly(&open("state/rewards.jsonl"), bodies::log_line);
}

/// Found by libFuzzer: such a record was read, though its state could stand in no file.
#[test]
fn a_line_of_the_log_about_a_user_with_an_endless_name() {
    let line = |user: &str| {
        json!({"seq": 1, "user": user, "policy": "linucb", "op": "reward", "prev": 0, "event": "e1", "reward": 1,
               "request": {"context": {"hour": 8.5, "weekday": 0}, "candidates": [{"id": "t1"}]}, "time_ms": 1})
        .to_string()
    };
    bodies::log_line(line("u").as_bytes());
    bodies::log_line(line(&"u".repeat(289)).as_bytes());
    bodies::log_line(line("").as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn users(user in prop_oneof![any::<String>(), "[./_%a-zA-Z0-9]{0,300}", "[A-F%0-9]{1,9}_uniform.json"]) {
        bodies::user_name(user.as_bytes());
    }
}

#[test]
fn states_and_logs_in_their_places() {
    let dir = lived_in();
    let store = Store::new(&dir.join("state"));
    let policy = Arc::new(Policy::named("egreedy-v2").unwrap());
    let files = ["u_egreedy_v2.json", "rewards.jsonl", "decisions.jsonl"];
    let good: Vec<Vec<u8>> = files.iter().map(|f| fs::read(dir.join("state").join(f)).unwrap()).collect();
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(changes in changes(), which in 0..3_usize)| {
        let path = dir.join("state").join(files[which]);
        fs::write(&path, changed(&good[which], &changes)).unwrap();
        // Nothing panics; what is read is a state, what is not has a reason.
        if let Ok(state) = store.view().and_then(|view| view.state("u", &policy)) {
            prop_assert!(state.model().kind_models()[0].ridge.theta().iter().all(|w| w.is_finite()));
        }
        let report = store.verify().map(|report| report.problems);
        let _ = UserState::from_line(&changed(&good[0], &changes), "line 1");
        fs::write(&path, &good[which]).unwrap();
        prop_assert!(report.is_ok(), "{report:?}");
    });
    assert_eq!(store.verify().unwrap().problems, []);
}
