//! How often `analyze` is wrong on the whole path: an experiment or a rotation, decisions of made-up users in a real store, and
//! looks at that store while they come. What differs between people does not differ between groups.

use super::TWO_POLICIES;
use super::analysis::write_log;
use crate::util::Dir;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use rehearsal::evaluation::log::LabelledLog;
use rehearsal::experiment::{Experiment, Experiments, equal_share};
use rehearsal::gate::live::{
    Analysis, AnalysisRequest, Grouping, LiveMetric, LiveVerdict, ObservationRules, analyze, observe_spread,
};
use rehearsal::service::{ActiveExperiments, Given, Policies, RewardCall, ScoreCall, Service};
use rehearsal::store::{Access, Pace, open};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A study that is looked at while people come.
struct Study {
    /// Removed when dropped.
    _dir: Dir,
    service: Service,
    experiment: Option<Experiment>,
    by: &'static str,
    decisions: u32,
    rng: ChaCha8Rng,
    users: u32,
    name: String,
}

/// What an impatient reader would say of two groups at 5%: means that are 1.96 standard errors apart.
fn z_test(analysis: &Analysis, deviation: f64) -> bool {
    let counts: f64 = analysis.groups.iter().map(|group| 1.0 / group.users.max(1) as f64).sum();
    let difference = analysis.differences[0].difference.unwrap_or(0.0);
    difference.abs() > 1.96 * deviation * counts.sqrt()
}

impl Study {
    fn new(run: u64, experiment: Option<&str>, by: &'static str, decisions: u32) -> Self {
        let dir = Dir::new();
        let mut policies = Policies::new(&["uniform"]).unwrap();
        let store = open(&dir.join("state"), Access::Write, Pace::Bulk).unwrap();
        let name = format!("run-{run}");
        let parse = |text| Experiment::from_toml(&format!("key = \"{name}\"\n{text}"), "experiment").unwrap();
        let experiment = experiment.map(parse);
        let active = experiment.clone().map(|experiment| {
            ActiveExperiments::new(Experiments::new(vec![experiment]).unwrap(), &mut policies).unwrap()
        });
        let mut service = Service::new(store, policies, Vec::new()).unwrap().without_views();
        if let Some(active) = active {
            service = service.with_experiments(active).unwrap();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(27);
        rng.set_stream(run);
        Self { _dir: dir, service, experiment, by, decisions, rng, users: 0, name }
    }

    /// So many more people come, are decided for, and react: `gain` more of them of a variant or a version.
    fn come(&mut self, users: u32, gain: &dyn Fn(&str) -> f64) {
        let given = Given { policy: Some("uniform".to_owned()), ..Given::default() };
        let (mut calls, mut own) = (Vec::new(), Vec::new());
        for n in self.users..self.users + users {
            let user = format!("{}-{n}", self.name);
            let person = 0.2 + 0.4 * self.rng.random::<f64>();
            for n in 0..self.decisions {
                let mut request = super::request(&user);
                request["context"]["weekday"] = json!(n % 7);
                if self.experiment.is_none() {
                    request["prompt_version"] =
                        json!(["v1", "v2", "v3"][equal_share("prompt_version", &user, 3)]);
                }
                let (text, seed) = (request.to_string(), self.rng.next_u64() >> 11);
                calls.push(ScoreCall::parse(&self.service, text.as_bytes(), "call", &given, seed).unwrap());
                own.push(person);
            }
        }
        self.users += users;
        let decided = self.service.score(&calls).unwrap();
        let rewards = decided.iter().zip(&calls).zip(own).map(|((decided, call), own)| {
            let decided = decided.as_ref().unwrap();
            let label = call.labels.variant.as_ref().or(call.labels.prompt_version.as_ref());
            let chance = own + gain(label.expect("everybody is in a group"));
            let reaction = if self.rng.random::<f64>() < chance { "completed" } else { "ignored" };
            let text = json!({"decision": decided.decision_id, "reaction": reaction}).to_string();
            RewardCall::parse(&self.service, text.as_bytes(), "reward", &Given::default()).unwrap()
        });
        let rewards: Vec<RewardCall> = rewards.collect();
        assert!(self.service.learn(&rewards).unwrap().iter().all(Result::is_ok));
    }

    /// What `analyze` says now, and what a z-test would.
    fn look(&self) -> (Analysis, bool) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        let rules = ObservationRules {
            decisions: self.decisions,
            ..ObservationRules::new(LiveMetric::CompletionRate, now + 1)
        };
        let mut request = AnalysisRequest::new(Grouping::named(self.by), rules);
        request.experiment.clone_from(&self.experiment);
        let log = LabelledLog::of_store(&self.service.shared_store());
        let analysis = analyze(&log, &request).unwrap();
        assert_eq!(analysis.groups.iter().map(|group| group.users).sum::<u64>(), u64::from(self.users));
        let spread = observe_spread(&log, &request).unwrap().1;
        let z_test = spread.is_some_and(|(_, deviation)| z_test(&analysis, deviation));
        (analysis, z_test)
    }
}

/// Of studies without a difference that are looked at after every hundred people: how many ever tell of an effect, how many
/// of a mismatch, and in how many a z-test would have told of one.
#[derive(Debug, Default)]
struct FalseAlarms {
    effects: usize,
    mismatches: usize,
    z_tests: usize,
}

fn nulls(runs: u64, looks: u32, decisions: u32) -> FalseAlarms {
    let mut alarms = FalseAlarms::default();
    for run in 0..runs {
        let mut study = Study::new(run, Some(TWO_POLICIES), "variant", decisions);
        let (mut effect, mut mismatch, mut z_test) = (false, false, false);
        for _ in 0..looks {
            study.come(100, &|_| 0.0);
            let (found, z) = study.look();
            effect |= matches!(found.verdict, LiveVerdict::Better | LiveVerdict::Worse);
            mismatch |= found.sample_ratio.mismatch == Some(true);
            z_test |= z;
        }
        alarms.effects += usize::from(effect);
        alarms.mismatches += usize::from(mismatch);
        alarms.z_tests += usize::from(z_test);
    }
    alarms
}

/// Of rotations of three versions without a difference: how many tell of an effect or a mismatch.
fn null_rotations(runs: u64, users: u32, decisions: u32) -> usize {
    let is_alarmed = |run: &u64| {
        let mut study = Study::new(10_000 + run, None, "prompt_version", decisions);
        study.come(users, &|_| 0.0);
        let (found, _) = study.look();
        assert_eq!(found.groups.len(), 3);
        found.verdict != LiveVerdict::Inconclusive
    };
    (0..runs).filter(is_alarmed).count()
}

#[test]
fn experiments_and_rotations_without_a_difference_are_rarely_called_one() {
    // 20 runs at 5%: more than 6 have probability 4e-5, scipy.stats.binom.sf(6, 20, 0.05).
    let alarms = nulls(20, 3, 1);
    assert!(alarms.effects <= 6 && alarms.mismatches <= 6, "{alarms:?}");
    let alarms = null_rotations(20, 150, 2);
    assert!(alarms <= 6, "{alarms}");
    // What is there is found, and named.
    let mut study = Study::new(30_000, None, "prompt_version", 2);
    study.come(600, &|version| if version == "v2" { 0.4 } else { 0.0 });
    let (found, z_test) = study.look();
    let best = &found.differences[0];
    assert!(found.verdict == LiveVerdict::Better && z_test && best.group == "v2" && best.lower > Some(0.0));
}

#[test]
#[ignore = "minutes: 500 experiments, 200 rotations of 60,000 decisions each"]
fn the_rates_of_whole_analyses() {
    let alarms = nulls(500, 10, 2);
    println!("500 experiments of 1,000 users, looked at ten times: {alarms:?}");
    // 500 runs at 5%: more than 45 have probability 7e-5, scipy.stats.binom.sf(45, 500, 0.05).
    assert!(alarms.effects <= 45 && alarms.mismatches <= 45);
    // Who asks a z-test each time is wrong far more often: the harness notices.
    assert!(alarms.z_tests > 45);
    let alarms = null_rotations(200, 3_000, 20);
    println!("200 rotations of 3,000 users of 20 decisions: {alarms} alarms");
    // 200 runs at 5%: more than 22 have probability 2e-4, scipy.stats.binom.sf(22, 200, 0.05).
    assert!(alarms <= 22);
}

#[test]
#[ignore = "minutes: a hundred experiments"]
fn effects_of_three_points_are_found_with_the_users_that_plan_says() {
    let dir = Dir::new();
    let arm = |effect: f64| {
        move |user: &str| {
            let first = rehearsal::experiment::hash_v2("e", user) < 0.5;
            let labels = json!({"experiment": "e", "variant": if first { "a" } else { "b" }});
            (labels, if first { 0.3 } else { 0.3 + effect })
        }
    };
    write_log(&dir, 300, 20, 1_000, arm(0.0));
    let by = ["analyze", "log", "--by", "variant", "--metric", "completion_rate", "--json"];
    let plan: Value = dir.run(&[&by[..], &["--plan", "0.03"]].concat()).ok().json();
    let users = plan["groups"][0]["users"].as_u64().unwrap() as u32;
    let is_found = |seed: &u64| {
        write_log(&dir, users, 20, 2_000 + seed, arm(0.03));
        dir.run(&by).json()["verdict"] == "better"
    };
    let found = (0..100).filter(is_found).count();
    println!("{found} of 100 effects of three points found, each with {users} users");
    // Planned for 90 of 100: below 78 has probability 1e-4, scipy.stats.binom.cdf(77, 100, 0.9).
    assert!(found >= 78);
}
