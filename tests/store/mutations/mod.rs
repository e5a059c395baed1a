//! Whatever is read from outside may be anything: text that was good, with some of its bytes changed. The
//! short run of the fuzz targets, on stable Rust, through the library.

mod bodies;
mod grammar;
mod whole_files;

use super::{REQUEST, id, line, reward, score};
use crate::util::Dir;
use proptest::prelude::*;
use rehearsal::domain::request::Request;
use rehearsal::features::FeatureSet;
use rehearsal::policy::{Policy, Prior, Scratch};
use rehearsal::service::{Policies, Service, bring_over, verify};
use rehearsal::store::{Access, Observation, Pace, apply, encode, open};
use serde_json::json;
use std::fs;
use std::path::Path;

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

/// A file of the source tree.
fn shipped(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
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
fn signals() {
    nearly(&shipped("src/prompt/sample.json"), bodies::signals);
}

#[test]
fn prompts() {
    nearly(&shipped("prompts/v2.md"), bodies::prompt_file);
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
fn rewards() {
    nearly(line("u", "e1", 0.5).as_bytes(), bodies::reward_line);
}

#[test]
fn states_and_lines_of_the_log() {
    let dir = Dir::new();
    reward(&dir, id(&score(&dir, "egreedy-v2", "u", REQUEST)), "completed");
    dir.run_with(&["import", "--replace"], dir.run(&["export"]).ok().stdout()).ok();
    nearly(dir.read("state/u_egreedy_v2.json").as_bytes(), bodies::state_line);
    let log = |of: &str| dir.run(&["log", of]).ok().stdout();
    for text in log("decisions").lines().chain(log("rewards").lines()) {
        nearly(text.as_bytes(), bodies::log_line);
    }
    for name in ["decisions.jsonl", "rewards.jsonl", "eve_mine.json"] {
        let text = shipped(&format!("tests/store/older/state/{name}"));
        let first = text.split(|byte| *byte == b'\n').next().unwrap();
        nearly(first, if name.ends_with("jsonl") { bodies::log_line } else { bodies::state_line });
    }
}

#[test]
fn models() {
    let policy = Policy::named("egreedy-v1").unwrap();
    let mut model = policy.new_model();
    let shown = Request::from_json(REQUEST.as_bytes(), "test").unwrap().shown(0);
    apply(&mut model, &policy, &Observation { shown, reward: 0.5 }, &mut Scratch::default()).unwrap();
    nearly(&encode(&model), bodies::model_bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn users(user in prop_oneof![any::<String>(), "[./_%a-zA-Z0-9]{0,300}", "[A-F%0-9]{1,9}_uniform.json"]) {
        bodies::user_name(user.as_bytes());
    }
}

#[test]
fn files_that_are_read_whole() {
    nearly(&shipped("domains/tips.toml"), whole_files::domain);
    nearly(&shipped("features/v2.toml"), whole_files::feature_set);
    let experiment = "key = \"bolder\"\ncoverage = 0.5\n[[variants]]\nname = \"control\"\nweight = 1\n[[variants]]\nname = \"bolder\"\n";
    nearly(experiment.as_bytes(), whole_files::experiment);
    nearly(b"a,b,c\nyes,red,1.5\nno,blue,-2\n\"no\",\"re,d\",1e3\n", whole_files::labelled_table);
}

#[test]
fn logs() {
    let logs = [
        "action,reward,propensity,user,timestamp\na,1,0.5,u,2019-11-24 00:00:17\n\"b\",0,0.25,v,1574553600\n",
        "shared |u hour:9\n0:-1:0.5 'a |i:2 priority:0.3 kind=x\n'b |i priority:0.5\n\n|i x\n0:0:0.5 |i y\n",
        "{\"_label_cost\":-1,\"_label_probability\":0.5,\"_labelIndex\":0,\"c\":{\"_multi\":[{\"_tag\":\"a\"},{\"_tag\":\"b\"}]},\"p\":[0.5,0.5]}\n",
    ];
    for log in logs {
        nearly(log.as_bytes(), |text| whole_files::log_of(None, 0, text));
    }
    nearly(&shipped("tests/evaluation/parquet/types.parquet"), |text| whole_files::log_of(None, 0, text));
    // The first byte says how the rest is read.
    nearly(b"\x05action,reward,propensity\na,1,0.5\nb,0,0.25\n", whole_files::log);
}

#[test]
fn priors() {
    let (names, dim) = (FeatureSet::V1.names(), FeatureSet::V1.dim());
    let precision = (0..dim).flat_map(|row| (0..=row).map(move |column| f64::from(u8::from(row == column))));
    let prior = json!({
        "format_version": 1, "feature_set": "v1", "feature_set_digest": FeatureSet::V1.digest(), "feature_names": names,
        "structure": "shared", "mean": vec![0.5; dim], "precision": precision.collect::<Vec<_>>(),
    });
    Prior::from_json(&prior.to_string(), "prior").unwrap();
    nearly(prior.to_string().as_bytes(), whole_files::prior);
}

#[test]
fn parts_of_runs() {
    let dir = Dir::new();
    let run = ["simulate", "steady", "--policy", "uniform", "--users", "1", "--steps", "2"];
    dir.run(&[&run[..], &["--blocks", "0..1", "--out", "part"]].concat()).ok();
    nearly(dir.read("part").as_bytes(), whole_files::part);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inputs_by_grammar(bytes in prop::collection::vec(any::<u8>(), 3..200)) {
        grammar::logs(&bytes, 20_000);
        grammar::files(&bytes, 20_000);
    }
}

/// The lines of a directory of version 0.1 with their checksums taken off, so that it is their content that is read.
#[test]
fn directories_of_version_0_1() {
    let names = ["decisions.jsonl", "rewards.000001.jsonl", "rewards.jsonl", "eve_mine.json"];
    let open_lines = |name: &str| {
        let text = String::from_utf8(shipped(&format!("tests/store/older/state/{name}"))).unwrap();
        let open = |line: &str| format!("{}}}\n", line.rsplit_once(",\"crc\"").unwrap().0);
        text.lines().map(open).collect::<String>().into_bytes()
    };
    let good: Vec<Vec<u8>> = names.iter().map(|name| open_lines(name)).collect();
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(changes in changes(), which in 0..names.len())| {
        let dir = Dir::new();
        fs::create_dir(dir.join("old")).unwrap();
        for (i, (name, good)) in names.iter().zip(&good).enumerate() {
            let content = if i == which { changed(good, &changes) } else { good.clone() };
            dir.write(&format!("old/{name}"), content);
        }
        let store = open(&dir.join("state"), Access::Write, Pace::Single).unwrap();
        let service = Service::new(store, Policies::new::<&str>(&[]).unwrap(), Vec::new()).unwrap();
        // Nothing panics; what is read is sound, what is not has a reason.
        if let Ok(brought) = bring_over(&service, &dir.join("old")) {
            let lines = |of: &str| fs::read(dir.join("old").join(of)).unwrap().split(|b| *b == b'\n').count();
            prop_assert!(brought.decisions as usize <= lines("decisions.jsonl") + 1);
        }
        prop_assert_eq!(verify(service.store(), &[]).unwrap().problems, vec![]);
    });
}
