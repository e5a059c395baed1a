//! Whatever is read from outside may be anything: text that was good, with some of its bytes changed. The
//! short run of the fuzz targets, on stable Rust, through the library.

use super::REQUEST;
use crate::util::Dir;
use proptest::prelude::*;
use rehearsal::policy::{NAMED, Policy, Scratch};
use rehearsal::request::Request;
use rehearsal::state::{Store, UserState, state_file};
use std::fs;
use std::sync::Arc;

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests(changes in changes()) {
        let text = changed(REQUEST.as_bytes(), &changes);
        if let Ok(request) = Request::from_json(&text, "request") {
            // What is accepted can be decided on, under every policy.
            for name in NAMED {
                let policy = Arc::new(Policy::named(name).unwrap());
                let state = UserState::new("u", &policy);
                let decision = rehearsal::state::decide(&policy, &state, &request, 1, &mut Scratch::default());
                prop_assert!(decision.scores.iter().all(|score| score.is_finite()));
                prop_assert!(decision.propensity().is_none_or(|p| (0.0..=1.0).contains(&p)));
            }
        }
    }

    #[test]
    fn policy_files(changes in changes()) {
        let file = "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nlambda = 1.5\nepsilon = 0.2\n";
        let text = changed(file.as_bytes(), &changes);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        fs::write(&path, &text).unwrap();
        if let Ok(policy) = Policy::load(path.to_str().unwrap()) {
            prop_assert!(policy.lambda() > 0.0 && policy.forgetting() > 0.0);
        }
    }

    #[test]
    fn users(user in prop_oneof![any::<String>(), "[./_%a-zA-Z]{0,300}"]) {
        if let Ok(name) = state_file(&user, "egreedy-v2") {
            prop_assert!(name.len() <= 255 && !name.contains(['/', '\0']) && name != "." && name != "..");
            let path = std::path::Path::new("state").join(&name);
            prop_assert_eq!(path.parent().unwrap(), std::path::Path::new("state"));
        }
    }
}

#[test]
fn states_and_log_lines() {
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
            prop_assert!(state.model().parts()[0].ridge.theta().iter().all(|w| w.is_finite()));
        }
        let report = store.verify().map(|report| report.problems);
        let _ = UserState::from_line(&changed(&good[0], &changes), "line 1");
        fs::write(&path, &good[which]).unwrap();
        prop_assert!(report.is_ok(), "{report:?}");
    });
    assert_eq!(store.verify().unwrap().problems, []);
}
