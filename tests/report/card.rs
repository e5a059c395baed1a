//! The card of a challenger, which is kept from gate to gate.

use super::*;

/// The JSON of a card.
fn card_json(card: &str) -> Value {
    let json = card.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"))
}

#[test]
fn a_card_keeps_its_history_and_what_people_wrote_around_it() {
    let dir = sandbox();
    run(small(&dir, PROMOTE).args(["--card", "card.md"]).env("SOURCE_DATE_EPOCH", "0"), b"").ok();
    let first = dir.read("card.md");
    let card = card_json(&first);
    assert_eq!(card["challenger"], "egreedy-v2");
    assert_eq!(card["policy"]["epsilon"], 0.1);
    let inputs = card["inputs"].as_array().unwrap();
    assert_eq!(inputs.len(), 12);
    assert_eq!(inputs[11]["source"], "profile_features.tip_volume");
    assert_eq!((inputs[11]["dtype"].as_str(), inputs[4]["unknown"].as_f64()), (Some("int"), Some(0.5)));
    let reward = |s: &Value| {
        let figures = s["figures"].as_array().unwrap();
        figures.iter().find(|f| f["metric"] == "reward").unwrap()["difference"].as_f64().unwrap()
    };
    let gains: Vec<f64> = card["segments"].as_array().unwrap().iter().map(reward).collect();
    assert!(gains.len() == 2 && gains[0] <= gains[1], "{gains:?}");
    let entry = &card["history"][0];
    assert_eq!((&entry["date"], &entry["verdict"]), (&"1970-01-01T00:00:00Z".into(), &"promote".into()));

    // The second verdict: another baseline, and a seed that was chosen.
    dir.write("card.md", format!("# Ours\n\nOwner: tips\n\n{first}\nTail\n"));
    let mut second = small(&dir, ("egreedy-v2", "egreedy-v2", "inconclusive", 3));
    second.args(["--card", "card.md", "--seed", "7"]).env("SOURCE_DATE_EPOCH", "86400");
    run(second, b"").exits(3);
    let text = dir.read("card.md");
    assert!(text.starts_with("# Ours\n\nOwner: tips\n\n<!-- ") && text.ends_with(" -->\n\nTail\n"), "{text}");
    let history = card_json(&text)["history"].clone();
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[0], *entry);
    assert_eq!((&history[1]["date"], &history[1]["seed"]), (&"1970-01-02T00:00:00Z".into(), &7.into()));
    assert_eq!(
        (&history[1]["verdict"], &history[1]["seed_source"]),
        (&"inconclusive".into(), &"given".into())
    );
}

/// A challenger with a feature set of its own has the dimensions of that on its card, and what each is made from.
#[test]
fn a_card_has_the_dimensions_of_a_feature_set_of_ones_own() {
    let dir = sandbox();
    dir.write("kinds.toml", "name = \"kinds\"\n[[dimensions]]\nname = \"bias\"\nconstant = 1\n[[dimensions]]\nname = \"kind\"\n\
        input = \"candidate.kind\"\nsteps = [{ one_hot = [\"focus\", \"rest\"] }]\n[[dimensions]]\nname = \"rate\"\n\
        input = \"profile.completion_rate\"\nunknown = 0.5\n[[dimensions]]\nname = \"kind-rate\"\ncross = [\"kind\", \"rate\"]\n");
    dir.write("mine.toml", "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"kinds.toml\"\n");
    let mut gate = small(&dir, ("uniform", "mine.toml", "promote", 0));
    gate.args(["--card", "card.md"]).env("SOURCE_DATE_EPOCH", "0");
    run(gate, b"");
    let card = card_json(&dir.read("card.md"));
    assert_eq!(card["challenger"], "mine");
    let names: Vec<&str> =
        card["inputs"].as_array().unwrap().iter().map(|input| input["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["bias", "kind=focus", "kind=rest", "rate", "kind=focus*rate", "kind=rest*rate"]);
    let rate = &card["inputs"][3];
    assert_eq!(
        (rate["source"].as_str(), rate["unknown"].as_f64()),
        (Some("profile_features.completion_rate"), Some(0.5))
    );
    assert_eq!(card["policy"]["features"]["name"], "kinds", "{card}");
}

#[test]
fn gates_that_run_at_once_all_add_to_the_card() {
    let dir = sandbox();
    let start = |seed: u64| {
        let mut command = small(&dir, PROMOTE);
        command.args(["--card", "card.md", "--seed", &seed.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<_> = (0..6).map(start).collect();
    for mut child in children {
        assert!(matches!(child.wait().unwrap().code(), Some(0 | 1 | 3)));
    }
    let card = card_json(&dir.read("card.md"));
    let mut seeds: Vec<u64> =
        card["history"].as_array().unwrap().iter().map(|entry| entry["seed"].as_u64().unwrap()).collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_card_that_is_not_this_challengers_is_refused_and_left_alone() {
    let dir = sandbox();
    let policy = |epsilon: f64| {
        let text =
            format!("name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nepsilon = {epsilon}\n");
        dir.write("mine.toml", text);
    };
    policy(0.1);
    let mine: Case = ("uniform", "mine.toml", "promote", 0);
    run(small(&dir, mine).args(["--card", "card.md"]), b"").ok();
    let good = dir.read("card.md");
    let refused_with = |text: &str, case, part: &str| {
        dir.write("card.md", text);
        run(small(&dir, case).args(["--card", "card.md", "--out", "none"]), b"").refused(&["card.md", part]);
        assert_eq!(dir.read("card.md"), text);
        assert!(!dir.join("none/verdict.json").exists());
    };
    refused_with(&good, PROMOTE, "the model card of \"mine\", not of \"egreedy-v2\"");
    refused_with("", mine, "no model card, or a damaged one");
    refused_with(&good[..good.len() / 2], mine, "damaged");
    refused_with(&good.replace("```json", "```"), mine, "damaged");
    refused_with(&format!("{good}{good}"), mine, "two cards");
    refused_with(&good.replace("\"history\"", "\"past\""), mine, "past");
    refused_with(&good.replace("\"verdict\": \"promote\"", "\"verdict\": \"maybe\""), mine, "maybe");
    refused_with(&good.replace("\"schema_version\": 1", "\"schema_version\": 2"), mine, "version 2");
    policy(0.2);
    refused_with(&good, mine, "with other parameters");
    run(small(&dir, PROMOTE).args(["--card", "new.md"]).env("SOURCE_DATE_EPOCH", "soon"), b"")
        .refused(&["SOURCE_DATE_EPOCH is \"soon\""]);
}
