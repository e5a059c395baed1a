//! The hot pieces by themselves: `cargo bench --bench pieces`, with a name behind it for some of them.
//!
//! What stands here is what the commands call: `score` reads a state and a request and decides, `reward`
//! learns, `simulate` rolls policies out on users. Compare numbers of one machine only; `benches/growth.py` and
//! `benches/peers` measure whole runs.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use rehearsal::base::vector::LANES;
use rehearsal::domain::request::Request;
use rehearsal::features::{FeatureBlock, FeatureSet};
use rehearsal::people::PersonaSimulator;
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::policy::{DecisionRng, Model, Policy, Scratch};
use rehearsal::simulation::{BLOCK_USERS, Rollout, Simulation, run_batch};
use rehearsal::store::{Observation, State, apply};
use std::sync::Arc;

/// The two feature sets, and the columns of a wide table.
const DIMS: [usize; 3] = [7, 12, 64];
const CANDIDATES: usize = 10;
/// Different decisions to go round, so that no branch is learned by heart.
const DECISIONS: usize = 64;
const EXPLORERS: [&str; 5] = ["uniform", "egreedy-v2", "linucb-v2", "lints-v2", "squarecb-v2"];

fn main() {
    divan::main();
}

/// A fixed number in [0, 1) for each `i`: the golden ratio's multiples, which fill the range evenly.
fn spread(i: usize) -> f64 {
    (i as f64 * 0.618_033_988_749_895).fract()
}

/// Decisions between [`CANDIDATES`] candidates in `dim` dimensions, the first of which is constant.
fn blocks(dim: usize) -> Vec<FeatureBlock> {
    let decision = |n: usize| {
        let mut block = FeatureBlock::new(dim, CANDIDATES);
        for k in 0..CANDIDATES {
            let mut x: Vec<f64> = (0..dim).map(|d| spread((n * CANDIDATES + k) * dim + d)).collect();
            x[0] = 1.0;
            block.set_vector(k, &x);
        }
        block
    };
    (0..DECISIONS).map(decision).collect()
}

/// A model that has learned from each of the decisions once.
fn taught(policy: &Policy, blocks: &[FeatureBlock], dim: usize) -> Model {
    let mut model: Model = policy.new_model_of(dim);
    for (n, block) in blocks.iter().enumerate() {
        model.learn(block, n % CANDIDATES, 0, spread(n));
    }
    model
}

/// One decision under a policy, in `dim` dimensions.
fn decide(bencher: Bencher, policy: &str, dim: usize) {
    let policy = Policy::named(policy).expect("built in");
    let blocks = blocks(dim);
    let model = taught(&policy, &blocks, dim);
    let (mut scratch, mut n) = (Scratch::default(), 0);
    let kinds = [0; CANDIDATES];
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        n += 1;
        let rng = &mut DecisionRng::new(n as u64);
        policy.decide(&model, black_box(&blocks[n % DECISIONS]), &kinds, rng, &mut scratch)
    });
}

/// Scores of ten candidates, and a choice that hardly costs anything beside them.
#[divan::bench(args = DIMS)]
fn ridge_scores(bencher: Bencher, dim: usize) {
    decide(bencher, "egreedy-v2", dim);
}

/// One update of A, A^-1, b and theta, with its share of the exact solves.
#[divan::bench(args = DIMS)]
fn ridge_learning(bencher: Bencher, dim: usize) {
    let policy = Policy::named("egreedy-v2").expect("built in");
    let blocks = blocks(dim);
    let (mut model, mut n) = (taught(&policy, &blocks, dim), 0);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        n += 1;
        model.learn(black_box(&blocks[n % DECISIONS]), n % CANDIDATES, 0, spread(n));
    });
}

/// Each explorer's decision at D = 12, scores included.
#[divan::bench(args = EXPLORERS)]
fn explorer_choice(bencher: Bencher, policy: &str) {
    decide(bencher, policy, FeatureSet::V2.dim());
}

/// A batch of users in `steady` under one policy, as the simulation runs it, by decisions.
#[divan::bench(args = EXPLORERS)]
fn simulated_batch(bencher: Bencher, policy: &str) {
    let personas = Persona::shipped().expect("shipped");
    let scenario = Scenario::load("steady").expect("shipped");
    let policy = Policy::named(policy).expect("built in");
    let simulator = PersonaSimulator::new(&scenario, &personas[0], 0);
    let (mut rollouts, mut block, mut user) = (vec![Rollout::new(&policy, &simulator)], simulator.block(), 0);
    bencher.counter(ItemsCount::new(LANES as u32 * scenario.raw().steps)).bench_local(|| {
        user += LANES as u64;
        let mut regret = 0.0;
        run_batch(&mut simulator.batch(user..user + LANES as u64), &mut rollouts, &mut block, |decided| {
            regret += decided.regret
        });
        regret
    });
}

/// One block of `steady`, the unit that threads and machines are given, by decisions of both policies.
#[divan::bench(sample_count = 20)]
fn simulated_block(bencher: Bencher) {
    let personas = Persona::shipped().expect("shipped");
    let scenario = Scenario::load("steady").expect("shipped");
    let policies = ["egreedy-v1", "egreedy-v2"].map(|name| Policy::named(name).expect("built in"));
    let simulation = Simulation::new(&scenario, &personas, &policies, 0).expect("a population");
    bencher.counter(ItemsCount::new(BLOCK_USERS * simulation.decisions_per_user())).bench_local(|| {
        let mut records = 0;
        let count = |block: rehearsal::simulation::Block| {
            records += block.records.len();
            true
        };
        simulation.run(0..BLOCK_USERS, count).expect("no program takes part");
        records
    });
}

/// A request with `count` candidates and all that may be known of a person.
fn request(count: usize) -> String {
    let kinds = ["connect", "focus", "move", "plan", "rest"];
    let candidate = |k: usize| {
        let (kind, priority, hour) = (kinds[k % kinds.len()], spread(k), k % 24);
        format!(
            r#"{{"id":"t{k}","kind":"{kind}","priority":{priority},"due_in_days":{},"effort_minutes":15,"hour":{hour}}}"#,
            k as f64 - 3.0
        )
    };
    let candidates: Vec<String> = (0..count).map(candidate).collect();
    let known = r#""completion_rate":0.42,"dismiss_rate":0.1,"mean_dwell_seconds":45.5,"preferred_hour":9,"tip_volume":120"#;
    let by_kind: Vec<String> = kinds.iter().map(|kind| format!(r#""{kind}":{{{known}}}"#)).collect();
    format!(
        r#"{{"user":"alice","context":{{"hour":8.5,"weekday":0}},"candidates":[{}],"profile_features":{{{known},"by_kind":{{{}}}}}}}"#,
        candidates.join(","),
        by_kind.join(",")
    )
}

/// A request's JSON, checked.
#[divan::bench(args = [1, 10, 100])]
fn request_parsing(bencher: Bencher, candidates: usize) {
    let text = request(candidates);
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| Request::from_json(black_box(text.as_bytes()), "request").expect("a request"));
}

/// A request's feature vectors.
#[divan::bench(args = [1, 10, 100])]
fn request_features(bencher: Bencher, candidates: usize) {
    let request = Request::from_json(request(candidates).as_bytes(), "request").expect("a request");
    bencher
        .counter(ItemsCount::new(candidates))
        .bench_local(|| FeatureBlock::of(FeatureSet::V2, black_box(&request).offered()));
}

/// A state that has learned so many rewards.
fn state(updates: usize) -> State {
    let policy = Arc::new(Policy::named("egreedy-v2").expect("built in"));
    let request = Request::from_json(request(CANDIDATES).as_bytes(), "request").expect("a request");
    let mut state = State::new("alice", &policy);
    for n in 0..updates {
        let shown = request.clone().shown(n % CANDIDATES);
        let observation = Observation { shown, reward: spread(n) };
        apply(&mut state.model, &policy, &observation, &mut Scratch::default()).unwrap();
    }
    state
}

/// The line of a state file, D = 12, made a state.
#[divan::bench(args = [1, 256])]
fn state_parsing(bencher: Bencher, updates: usize) {
    let line = state(updates).to_line();
    bencher
        .counter(BytesCount::new(line.len()))
        .bench_local(|| State::from_line(black_box(&line), "state").expect("a state"));
}

/// A state made the line of its file.
#[divan::bench(args = [1, 256])]
fn state_writing(bencher: Bencher, updates: usize) {
    let state = state(updates);
    bencher.counter(BytesCount::new(state.to_line().len())).bench_local(|| black_box(&state).to_line());
}

/// `score` between reading and writing: features, scores, choice and propensities.
#[divan::bench(args = [1, 10, 100])]
fn score(bencher: Bencher, candidates: usize) {
    let (state, mut scratch, mut seed) = (state(64), Scratch::default(), 0);
    let request = Request::from_json(request(candidates).as_bytes(), "request").expect("a request");
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| {
        seed += 1;
        rehearsal::service::decide(&state.policy, &state.model, black_box(&request), seed, &mut scratch)
    });
}
