//! What the shipped people show of the shipped policies: what part of a gain is the profile's, and what lasts (ADR-0012).

use crate::util::Dir;
use serde_json::Value;

/// Mean and half width of the 95% interval of a figure of the population.
fn population(scenario: &Value, list: &str, policy: &str, metric: &str) -> (f64, f64) {
    let all = scenario["population"][list].as_array().unwrap();
    let figure =
        &all.iter().find(|f| f["policy"] == policy).unwrap_or_else(|| panic!("{policy} in {scenario}"))
            [metric];
    let number = |name: &str| figure[name].as_f64().unwrap();
    (number("mean"), number("upper") - number("mean"))
}

#[test]
fn a_gain_without_a_profile_is_no_gain_of_the_profile() {
    let dir = Dir::new();
    let policies = ["--policy", "egreedy-v1", "--policy", "egreedy-v2", "--policy", "egreedy-v1-by-kind"];
    let args = [&["simulate", "steady", "no-profile", "--users", "24", "--json"][..], &policies].concat();
    let result: Value = dir.run(&args).ok().json();
    let [steady, without] = [0, 1].map(|i| &result["scenarios"][i]);
    let gain = |scenario: &Value, policy: &str| population(scenario, "differences", policy, "reward");
    // With a profile both gain, about as much; without one egreedy-v2 does what egreedy-v1 does, in every decision.
    assert!(gain(steady, "egreedy-v2").0 > 0.03 && gain(steady, "egreedy-v1-by-kind").0 > 0.03, "{steady}");
    assert_eq!(gain(without, "egreedy-v2"), (0.0, 0.0));
    let (mean, half) = gain(without, "egreedy-v1-by-kind");
    assert!(mean > 0.03 && mean > half, "{without}");
    // With several policies a row of differences names both sides.
    let text =
        dir.run(&[&["simulate", "--users", "4", "--steps", "5"][..], &policies].concat()).ok().stdout();
    for row in ["egreedy-v2 - egreedy-v1 ", "egreedy-v1-by-kind - egreedy-v1 "] {
        assert!(text.contains(row), "{text}");
    }
}

/// Values by kind that are the same for everybody tell a shared model nothing but the name of the kind, and that is most of
/// what they are good for.
#[test]
fn constants_by_kind_keep_most_of_the_gain() {
    let dir = Dir::new();
    std::fs::create_dir(dir.join("people")).unwrap();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/personas")).unwrap() {
        let path = file.unwrap().path();
        let mut persona: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let values = persona["profile"]["values"].as_table_mut().unwrap();
        let by_kind = values["by_kind"].as_table_mut().unwrap();
        for (i, (_, kind)) in by_kind.iter_mut().enumerate() {
            // In no order that any taste has.
            let share = [0.5, 0.1, 0.9, 0.3, 0.7][i % 5];
            let kind = kind.as_table_mut().unwrap();
            let constants = [
                ("completion_rate", share),
                ("dismiss_rate", 0.5 * share),
                ("mean_dwell_seconds", 60.0 * share),
                ("preferred_hour", 24.0 * share),
                ("tip_volume", 30.0),
            ];
            for (name, value) in constants {
                kind.insert(name.to_owned(), toml::Value::Float(value));
            }
        }
        dir.write(&format!("people/{}", path.file_name().unwrap().to_str().unwrap()), persona.to_string());
    }
    let args = [
        "simulate",
        "declared-profile",
        "--policy",
        "egreedy-v1",
        "--policy",
        "egreedy-v2",
        "--users",
        "24",
        "--json",
    ];
    let gain = |more: &[&str]| {
        let result: Value = dir.run(&[&args[..], more].concat()).ok().json();
        population(&result["scenarios"][0], "differences", "egreedy-v2", "reward").0
    };
    let (declared, constant) = (gain(&[]), gain(&["--personas", "people"]));
    assert!(declared > 0.02 && constant > 0.5 * declared, "{constant} of {declared}");
}

/// Who is annoyed leaves for good: the same policy earns less late in life, and whoever annoys less keeps more people.
#[test]
fn annoying_people_costs_more_than_the_moment() {
    let dir = Dir::new();
    let args = [
        "simulate",
        "steady",
        "leaving",
        "--policy",
        "uniform",
        "--policy",
        "linucb-v2",
        "--users",
        "24",
        "--json",
    ];
    let result: Value = dir.run(&args).ok().json();
    let [steady, leaving] = [0, 1].map(|i| &result["scenarios"][i]);
    let late = |scenario: &Value, policy: &str| population(scenario, "policies", policy, "late_reward").0;
    let lost = |policy: &str| 1.0 - late(leaving, policy) / late(steady, policy);
    assert!(
        lost("uniform") > 0.1 && lost("uniform") > lost("linucb-v2"),
        "{} {}",
        lost("uniform"),
        lost("linucb-v2")
    );
}
