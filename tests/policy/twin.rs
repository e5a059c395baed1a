//! A program that plays `egreedy-v2` and a twin of it here, which draws from the same probabilities in the same way, do
//! the same: in simulate, in a gate, in evaluate and in score.

use super::{EGREEDY, has_python};
use crate::util::Dir;
use rehearsal::domain::request::{RawRequest, Request};
use rehearsal::features::FeatureBlock;
use rehearsal::features::profile_history::{ProfileHistory, TipEvent};
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::people::{Outcome, PersonaSimulator};
use rehearsal::policy::program::sample;
use rehearsal::policy::{DecisionRng, Model, Policy, Scratch};
use rehearsal::simulation::metrics::UserRecord;
use rehearsal::simulation::{Block, Simulation};
use rehearsal::store::{Observation, apply};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// People with a past, whose rewards are late or lost, who may have no profile, and who do not leave.
const HARD: &str = "name = \"hard\"\ndescription = \"hard\"\nsteps = 30\nhistory = { steps = 6, learn = true }\n\
                    [rewards]\nlost = 0.2\ndelay = 2\n[traits]\nnew = 0.4\nno_profile = 0.4\n";
const USERS: u64 = 6;

/// The twin of the program.
struct Twin {
    policy: Policy,
    model: Model,
    scratch: Scratch,
}

impl Twin {
    fn new() -> Self {
        let policy = Policy::named("egreedy-v2").unwrap();
        Self { model: policy.new_model(), policy, scratch: Scratch::default() }
    }

    /// The probabilities that its explorer gives its scores.
    fn probabilities(&mut self, request: &Request) -> Vec<f64> {
        let block = FeatureBlock::of(self.policy.features(), request.offered());
        let kinds = vec![0; block.len()];
        self.policy.decide(&self.model, &block, &kinds, &mut DecisionRng::new(0), &mut self.scratch);
        self.policy.explorer().propensities(self.scratch.scores()).unwrap()
    }

    fn learn(&mut self, request: Request, chosen: usize, reward: f64) {
        let observation = Observation { shown: request.shown(chosen), reward };
        apply(&mut self.model, &self.policy, &observation, &mut self.scratch).unwrap();
    }
}

/// How often a user of the twin reacted in each way.
fn life(simulator: &PersonaSimulator, user: u64) -> [u32; 4] {
    let (mut twin, mut history) = (Twin::new(), ProfileHistory::new(simulator.kinds().len()));
    let (mut batch, mut block) = (simulator.batch(user..user + 1), simulator.block());
    let scenario = batch.scenario();
    let mut pending: VecDeque<(u32, Request, usize, Outcome)> = VecDeque::new();
    let request = |raw: RawRequest| Request::try_from(raw).unwrap();
    let take = |twin: &mut Twin,
                history: &mut ProfileHistory,
                (asked, chosen, outcome): (Request, usize, Outcome)| {
        twin.learn(asked, chosen, outcome.reward);
        let event: TipEvent = outcome.event;
        history.observe(&event);
    };
    if scenario.history.learn {
        for _ in 0..batch.person(0).history_steps() {
            batch.advance(&mut block);
            let chosen = batch.person(0).random_candidate();
            let asked = request(batch.person(0).request(&history));
            let outcome = batch.react(0, chosen);
            take(&mut twin, &mut history, (asked, chosen, outcome));
        }
    } else {
        // Without a policy that learns of it, the past is a profile.
        for _ in 0..batch.person(0).history_steps() {
            batch.advance(&mut block);
            history.observe(&batch.react(0, batch.person(0).random_candidate()).event);
        }
    }
    let mut reactions = [0; 4];
    for step in 0..scenario.steps {
        batch.advance(&mut block);
        let asked = request(batch.person(0).request(&history));
        let chosen = sample(&twin.probabilities(&asked), &mut DecisionRng::new(batch.person(0).seed()));
        let outcome = batch.react(0, chosen);
        reactions[outcome.event.reaction as usize] += 1;
        while pending.front().is_some_and(|(due, ..)| *due <= step) {
            let (_, asked, chosen, outcome) = pending.pop_front().unwrap();
            take(&mut twin, &mut history, (asked, chosen, outcome));
        }
        if batch.person(0).reward_is_lost() {
            continue;
        }
        match scenario.rewards.delay {
            0 => take(&mut twin, &mut history, (asked, chosen, outcome)),
            delay => pending.push_back((step + delay, asked, chosen, outcome)),
        }
    }
    reactions
}

fn records(simulation: &Simulation) -> Vec<UserRecord> {
    let mut records = Vec::new();
    let all = |block: Block| {
        records.extend(block.records);
        true
    };
    simulation.run(0..USERS, all).unwrap();
    records
}

#[test]
fn people_do_the_same_under_both() {
    if !has_python() {
        return;
    }
    let personas = &Persona::shipped().unwrap()[..2];
    for text in [HARD, "name = \"plain\"\ndescription = \"plain\"\nsteps = 30\nhistory = { steps = 5 }\n"] {
        let scenario = Scenario::from_toml(text, "scenario").unwrap();
        // Beside others, in any place, it is the same, and so are they.
        let program = Policy::load(EGREEDY).unwrap();
        let others = [Policy::named("egreedy-v2").unwrap(), Policy::named("linucb").unwrap()];
        let policies = [others[0].clone(), program, others[1].clone()];
        let among = records(&Simulation::new(&scenario, personas, &policies, 5).unwrap());
        let alone = records(&Simulation::new(&scenario, personas, &policies[1..2], 5).unwrap());
        let without = records(&Simulation::new(&scenario, personas, &others, 5).unwrap());
        assert!(among.chunks(3).map(|of| of[1]).eq(alone.iter().copied()));
        assert!(among.chunks(3).flat_map(|of| [of[0], of[2]]).eq(without));
        for user in 0..USERS {
            for (p, persona) in personas.iter().enumerate() {
                let simulator = PersonaSimulator::new(&scenario, persona, 5);
                let own = alone[user as usize * personas.len() + p].reactions;
                assert_eq!(own, life(&simulator, user), "{} {user}: {text}", persona.name());
            }
        }
    }
}

#[test]
fn the_same_bytes_come_with_any_number_of_threads_and_in_parts() {
    if !has_python() {
        return;
    }
    let dir = Dir::new();
    let run = |more: &[&str]| {
        let own = ["simulate", "--policy", EGREEDY, "--policy", "uniform", "--users", "40", "--steps", "6"];
        dir.run(&[&own[..], more].concat()).ok().stdout()
    };
    let whole = run(&["--json", "--threads", "1"]);
    assert_eq!(run(&["--json", "--threads", "2"]), whole);
    run(&["--blocks", "0..1", "--out", "a"]);
    run(&["--blocks", "1..2", "--out", "b"]);
    let merged = dir.run(&["merge", "a", "b", "--json"]).ok().stdout();
    assert_eq!(
        serde_json::from_str::<Value>(&merged).unwrap(),
        serde_json::from_str::<Value>(&whole).unwrap()
    );
}

#[test]
fn simulate_says_how_long_a_program_will_take() {
    if !has_python() {
        return;
    }
    let dir = Dir::new();
    let ran = dir.run(&["simulate", "--policy", EGREEDY, "--users", "2", "--steps", "3"]).ok();
    let said = format!("egreedy-program is a program: {} decisions and rewards", 2 * 3 * 8);
    assert!(ran.stderr().contains(&said), "{}", ran.stderr());
}

/// A gate judges what `simulate` records, which is the twin's.
#[test]
fn a_gate_judges_the_records_of_the_program() {
    if !has_python() {
        return;
    }
    let dir = Dir::new();
    dir.write("short.toml", "name = \"short\"\ndescription = \"short\"\nsteps = 12\n");
    let criterion = "[[criteria]]\nmetric = \"reward\"\nkind = \"superior\"\nscenarios = [\"short.toml\"]\n";
    dir.write("gate.toml", format!("description = \"small\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.02\nmax_users = 64\nbatch = 32\n{criterion}"));
    let pair = ["--baseline", "uniform", "--challenger", EGREEDY];
    let check = [&["promote-check", "--gate", "gate.toml", "--json"][..], &pair].concat();
    let direct = dir.run(&check).json();
    let simulate = ["simulate", "--gate", "gate.toml", "--policy", "uniform", "--policy", EGREEDY];
    dir.run(&[&simulate[..], &["--users", "64", "--out", "records"]].concat()).ok();
    let from = dir.run(&[&check[..], &["--from", "records"]].concat()).json();
    assert_eq!(from["criteria"], direct["criteria"]);
    assert!(direct["criteria"][0]["estimate"].is_f64(), "{direct}");
}

/// Its probabilities are those of `egreedy-v2`, so whatever weighs decisions by them gives the same.
#[test]
fn evaluate_and_score_have_the_probabilities_of_the_twin() {
    if !has_python() {
        return;
    }
    let dir = Dir::new();
    let simulate = ["simulate", "--policy", "uniform", "--users", "4", "--steps", "20", "--log", "log"];
    dir.run(&simulate).ok();
    let evaluate = |more: &[&str]| {
        let both = ["evaluate", "log", "--policy", "egreedy-v2", "--policy", EGREEDY, "--json", "--force"];
        let ran = dir.run(&[&both[..], more].concat());
        assert!([0, 3].contains(&ran.code()), "{}", ran.stderr());
        ran.json()["policies"].clone()
    };
    let same = |policies: &Value| {
        let [own, program] = [0, 1].map(|p| policies[p]["estimates"].as_array().unwrap());
        assert!(own.len() == program.len() && own.len() > 3, "{policies}");
        for (a, b) in own.iter().zip(program) {
            let near = |field: &str| match (a[field].as_f64(), b[field].as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                (a, b) => a == b,
            };
            assert!(near("value") && near("lower") && near("upper"), "{a} {b}");
        }
    };
    same(&evaluate(&[]));
    // The same rewards are learned through the command line, and a later decision is drawn from what they made of it.
    let users: Vec<String> = dir
        .read("log/decisions.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["user"].as_str().unwrap().to_owned())
        .collect();
    let rewards: Vec<Value> =
        dir.read("log/rewards.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (policy, name) in [("egreedy-v2", "egreedy-v2"), (EGREEDY, "egreedy-program")] {
        let lines: Vec<String> = rewards
            .iter()
            .map(|reward| {
                let line = json!({"user": reward["user"], "policy": name, "request": reward["request"],
                                  "chosen": reward["request"]["candidates"][0]["id"], "reward": reward["reward"]});
                line.to_string()
            })
            .collect();
        dir.run_with(&["reward", "--jsonl", "--policy", policy], lines.join("\n")).ok();
    }
    same(&evaluate(&["--frozen"]));
    let request = json!({"context": {"hour": 9.25, "weekday": 6}, "user": users[0], "seed": 77, "candidates": [
        {"id": "a", "priority": 0.9}, {"id": "b", "due_in_days": -2}, {"id": "c", "effort_minutes": 45}]});
    let score = |policy: &str| dir.run_with(&["score", "--policy", policy], request.to_string()).ok().json();
    let (own, program) = (score("egreedy-v2"), score(EGREEDY));
    let probabilities = |scored: &Value| -> Vec<f64> {
        scored["candidates"].as_array().unwrap().iter().map(|c| c["propensity"].as_f64().unwrap()).collect()
    };
    assert_eq!(probabilities(&own), probabilities(&program));
    let drawn = sample(&probabilities(&program), &mut DecisionRng::new(77));
    assert_eq!(program["chosen"], request["candidates"][drawn]["id"]);
}
