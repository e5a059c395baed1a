//! A simulated user makes the same choices when every decision goes through the command line.

use crate::util::Dir;
use rehearsal::features::profile_history::ProfileHistory;
use rehearsal::people::PersonaSimulator;
use rehearsal::people::persona::Persona;
use rehearsal::people::scenario::Scenario;
use rehearsal::policy::Policy;
use rehearsal::simulation::{Rollout, run_batch};
use serde_json::{Value, json};

const STEPS: u32 = 40;
/// Place of user 3 among users 1 to 4.
const LANE: usize = 2;

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().expect("numbers").iter().map(|v| v.as_f64().expect("a number").to_bits()).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Simulates user 3 of a persona, then once more with the command line as the policy.
fn replay(policy: &str, persona: &str, scenario: &str) {
    let dir = Dir::new();
    dir.write("own.toml", "name = \"own\"\nexplorer = \"squarecb\"\nfeatures = \"v2\"\nstructure = \"disjoint\"\nforgetting = 0.98\n");
    dir.write("warm.toml", "name = \"warm\"\nexplorer = \"softmax\"\nfeatures = \"v2\"\ntemperature = 0.2\n");
    let path = dir.join(policy);
    let checked =
        Policy::load(if policy.contains(".toml") { path.to_str().unwrap() } else { policy }).unwrap();
    let scenario = Scenario::from_toml(scenario, "scenario").unwrap();
    let personas = Persona::shipped().unwrap();
    let persona = personas.iter().find(|p| p.name() == persona).unwrap();
    let simulator = PersonaSimulator::new(&scenario, persona, 42);

    let mut rollouts = [Rollout::new(&checked, &simulator)];
    let mut choices = Vec::new();
    // The user is one of four who are simulated side by side.
    run_batch(&mut simulator.batch(1..5), &mut rollouts, &mut simulator.block(), |d| {
        if d.lane == LANE {
            choices.push(d.chosen);
        }
    });

    let (mut batch, mut block, mut history) =
        (simulator.batch(3..4), simulator.block(), ProfileHistory::new(simulator.kinds().len()));
    for (step, expected) in choices.iter().enumerate() {
        batch.advance(&mut block);
        let request = json!(batch.person(0).request(&history)).to_string();
        let ran = dir.run_with(&["score", "--policy", policy, "--user", "replayed"], &request);
        let decision: Value = ran.ok().json();
        assert_eq!(decision["chosen"], format!("c{expected}"), "{policy}, step {step}: {request}");
        let outcome = batch.react(0, *expected);
        history.observe(&outcome.event);
        let id = decision["decision_id"].as_str().unwrap();
        dir.run(&["reward", "--decision", id, "--reaction", outcome.event.reaction.name()]).ok();
    }
    let state = dir.json(&format!("state/replayed_{}.json", checked.name().replace('-', "_")));
    let model = rollouts[0].model(LANE);
    assert_eq!(state["updates"], STEPS);
    for part in model.kind_models().iter().filter(|p| p.ridge.updates() > 0) {
        let stored = part.kind.as_deref().map_or(&state, |kind| &state["kinds"][kind]);
        let own = part.ridge.numbers();
        assert_eq!(numbers(&stored["A"]), bits(&own.a));
        assert_eq!(numbers(&stored["b"]), bits(&own.b));
        assert_eq!(numbers(&stored["A_inverse"]), bits(&own.a_inverse));
        assert_eq!(numbers(&stored["theta"]), bits(&own.theta));
    }
}

fn scenario(rest: &str) -> String {
    format!("name = \"replay\"\ndescription = \"replay\"\nsteps = {STEPS}\nhistory = {{ steps = 0 }}\n{rest}")
}

#[test]
fn an_emergent_profile_through_the_command_line() {
    replay("egreedy-v2", "mover", &scenario(""));
}

#[test]
fn a_declared_profile_and_drawn_weights_through_the_command_line() {
    replay("lints-v2", "night-owl", &scenario("[profile]\nsource = \"synthetic\"\n"));
}

#[test]
fn a_misleading_profile_and_widths_through_the_command_line() {
    replay(
        "linucb-v2",
        "changeling",
        &scenario("[profile]\nserving = \"wrong-kind\"\n[change]\nkind = \"drift\"\n"),
    );
}

#[test]
fn user_level_values_through_the_command_line() {
    replay(
        "squarecb-v2",
        "tip-weary",
        &scenario("[profile]\nsource = \"synthetic\"\nserving = \"user-level\"\n"),
    );
}

#[test]
fn probabilities_by_the_exponential_of_scores_through_the_command_line() {
    replay("warm.toml", "mover", &scenario(""));
}

#[test]
fn a_model_per_kind_that_forgets_through_the_command_line() {
    replay("own.toml", "overwhelmed", &scenario("[traits]\nweekend = 0.5\n"));
}
