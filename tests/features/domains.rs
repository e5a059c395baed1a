//! A domain of one's own: requests, outcomes, states, logs and schemas by its inputs.

use super::{SHOP, SHOP_POLICY, SHOP_SET, shop};
use crate::util::Dir;
use serde_json::{Value, json};

const REQUEST: &str = r#"{"user":"ann","seed":1,"context":{"device":"mobile"},"candidates":[
    {"id":"a","category":"shoes","price":20,"new":true},{"id":"b","category":"hats"},{"id":"c"}],
    "profile_features":{"orders":2,"streak":7}}"#;

fn decide(dir: &Dir) -> Value {
    dir.run_with(&["score", "--policy", "by-device.toml"], REQUEST).ok().json()
}

#[test]
fn a_decision_is_learned_by_the_domains_outcomes() {
    let dir = shop();
    let decision = decide(&dir);
    assert_eq!(
        decision["warnings"],
        json!(["profile_features.streak is not known here and is not looked at"])
    );
    let id = decision["decision_id"].as_str().unwrap();
    // The decision knows its domain: nobody has to name the policy again.
    dir.run(&["reward", "--decision", id, "--reaction", "completed"])
        .refused(&["reaction is \"completed\"", "bought, clicked, nothing"]);
    let learned = dir.run(&["reward", "--decision", id, "--reaction", "clicked"]).ok().json();
    assert_eq!((learned["reward"].as_f64(), learned["duplicate"].as_bool()), (Some(0.2), Some(false)));
    let again = dir.run(&["reward", "--decision", id, "--reaction", "clicked"]).ok().json();
    assert_eq!(again["duplicate"], true);
    dir.run(&["verify"]).ok();
    let log = dir.run(&["log", "rewards"]).ok().jsonl().remove(0);
    assert_eq!(
        (log["reaction"].as_str(), log["spec"]["features"]["domain"]["name"].as_str()),
        (Some("clicked"), Some("shop"))
    );
    // With all there is to learn, in both forms.
    let request: Value = serde_json::from_str(REQUEST).unwrap();
    let mut beside = request.clone();
    for (key, value) in [("policy", "by-device"), ("chosen", "b"), ("reaction", "bought"), ("user", "bob")] {
        beside[key] = value.into();
    }
    let inside = json!({"policy": "by-device", "chosen": "b", "reaction": "nothing", "user": "bob",
        "request": {"context": request["context"], "candidates": request["candidates"]}});
    let lines = format!("{beside}\n{inside}\n");
    let learned = dir.run_with(&["reward", "--policy", "by-device.toml", "--jsonl"], lines).ok().jsonl();
    let rewards: Vec<_> = learned.iter().map(|reply| reply["reward"].as_f64()).collect();
    assert_eq!(rewards, [Some(1.0), Some(0.0)]);
    dir.run(&["verify"]).ok();
    // A state that is lost is made again from what was logged, by the domain that is kept with the policy.
    dir.run(&["rebuild", "--into", "other"]).ok();
    let states = |store: &str| dir.run(&["export", "--store", store]).ok().stdout();
    assert_eq!(states("other"), states("state"));
}

#[test]
fn a_request_is_checked_against_the_domain_of_its_policy() {
    let dir = shop();
    let tips = r#"{"user":"ann","context":{"hour":8,"weekday":1},"candidates":[{"id":"a"}]}"#;
    dir.run_with(&["score", "--policy", "by-device.toml"], tips)
        .refused(&["context.hour is not declared; allowed: inputs of domain shop: device"]);
    dir.run_with(&["score", "--policy", "egreedy-v2"], REQUEST)
        .refused(&["context.device: unknown field `device`"]);
    dir.run_with(&["score", "--policy", "by-device.toml"], REQUEST.replace("20", "-1"))
        .refused(&["candidates[0].price is -1; allowed: a number in [0, 100000]"]);
    // A request never names a path, of a policy or of anything in one.
    let named = REQUEST.replacen("\"seed\":1", "\"policy\":\"by-device.toml\"", 1);
    dir.run_with(&["score", "--policy", "egreedy-v2"], named).refused(&[]);
    // Requests of both domains come one after the other, each by the policy that it names.
    let by_name = REQUEST.replacen("\"seed\":1", "\"policy\":\"by-device\"", 1).replace('\n', "");
    let lines =
        format!("{}\n{by_name}\n", tips.replacen("\"user\"", "\"policy\":\"egreedy-v1\",\"user\"", 1));
    let args = ["score", "--jsonl", "--policy", "egreedy-v2", "--policy", "by-device.toml"];
    let decided = dir.run_with(&args, lines).ok().jsonl();
    assert_eq!([&decided[0]["policy"], &decided[1]["policy"]], ["egreedy-v1", "by-device"]);
    // A shadow of another domain cannot decide the same request.
    let shadowed =
        dir.run_with(&["score", "--policy", "by-device.toml", "--shadow", "egreedy-v2"], REQUEST).ok().json();
    assert!(
        shadowed["warnings"].to_string().contains("shadow egreedy-v2: it is of domain tips"),
        "{shadowed}"
    );
    assert_eq!(shadowed["shadows"], json!([]));
}

#[test]
fn states_and_logs_carry_digests_and_others_are_refused_with_both_sides_named() {
    let dir = shop();
    let id = decide(&dir)["decision_id"].as_str().unwrap().to_owned();
    dir.run(&["reward", "--decision", &id, "--reaction", "bought"]).ok();
    let check = |file: &str| dir.run(&["features", "check", file]).ok().stdout();
    let digest = |file: &str| check(file).trim_end().rsplit_once("digest ").unwrap().1.to_owned();
    let state = dir.json("state/ann_by_device.json");
    let first = digest("shop-v1.toml");
    assert_eq!(state["feature_set_digest"], first.as_str());
    assert_eq!(state["features"]["domain"]["name"], "shop");
    let built_in = dir
        .run_with(
            &["score", "--policy", "egreedy-v1"],
            r#"{"user":"ann","context":{"hour":8,"weekday":1},"candidates":[{"id":"a"}]}"#,
        )
        .ok()
        .json();
    dir.run(&["reward", "--decision", built_in["decision_id"].as_str().unwrap(), "--reaction", "completed"])
        .ok();
    let digests = dir.json("state/ann_egreedy_v1.json");
    assert_eq!(digests["feature_set_digest"].as_str().unwrap().len(), 64);
    assert_eq!(digests["features"], Value::Null);
    // Names and descriptions have no effect; what is made of which inputs has, and so has the domain.
    dir.write("shop-v1.toml", SHOP_SET.replace("domain =", "description = \"other words\"\ndomain ="));
    assert_eq!(digest("shop-v1.toml"), first);
    decide(&dir);
    dir.write("shop-v1.toml", SHOP_SET.replace("constant = 1", "constant = 0.5"));
    let other = digest("shop-v1.toml");
    dir.run_with(&["score", "--policy", "by-device.toml"], REQUEST).refused(&[
        &first[..12],
        &other[..12],
        "feature_set is shop-v1",
    ]);
    dir.write("shop-v1.toml", SHOP_SET);
    dir.write("shop.toml", SHOP.replace("reward = 0.2", "reward = 0.25"));
    dir.run_with(&["score", "--policy", "by-device.toml"], REQUEST)
        .refused(&["over domain shop (", "feature_set is shop-v1"]);
    // Under another name it starts warm from what was logged, but not from another domain's.
    dir.write("shop.toml", SHOP);
    dir.write(
        "shop-v2.toml",
        SHOP_SET.replace("shop-v1", "shop-v2")
            + "[[dimensions]]\nname = \"price\"\ninput = \"candidate.price\"\nsteps = [\"log1p\"]\n",
    );
    dir.write("next.toml", SHOP_POLICY.replace("by-device", "next").replace("shop-v1", "shop-v2"));
    let warm = dir.run(&["rebuild", "--policy", "next.toml", "--from", "by-device"]).ok().json();
    assert_eq!(warm["written"], 1);
    assert_eq!(dir.json("state/ann_next.json")["updates"], 1);
    dir.run(&["rebuild", "--policy", "next.toml", "--from", "egreedy-v1"]).refused(&[
        "domain is tips (",
        "allowed: shop (",
        "that of policy next",
    ]);
    // A state that was exported is taken in elsewhere with its feature set.
    let exported = dir.run(&["export"]).ok().stdout();
    let elsewhere = Dir::new();
    elsewhere.run_with(&["import"], &exported).ok();
    assert_eq!(elsewhere.run(&["export"]).ok().stdout(), exported);
    let spoiled = exported.replace(&first, &other);
    let elsewhere = Dir::new();
    let ran = elsewhere.run_with(&["import"], spoiled).exits(2);
    assert!(ran.stdout().contains("feature_set_digest is"), "{}", ran.stdout());
}

#[test]
fn schemas_and_registries_are_made_of_the_domain() {
    let dir = shop();
    let schema = |of: &str| dir.run(&["schema", "--of", of, "--domain", "shop.toml"]).ok().json();
    let request = schema("request");
    let candidate = &request["properties"]["candidates"]["items"]["properties"];
    assert_eq!(candidate["price"]["maximum"], 100_000);
    assert_eq!(candidate["new"]["type"], json!(["boolean", "null"]));
    assert_eq!(request["properties"]["context"]["properties"]["device"]["type"], json!(["string", "null"]));
    assert_eq!(schema("profile")["properties"]["orders"]["minimum"], 0);
    let plain = dir.run(&["schema", "--of", "request"]).ok().stdout();
    assert_eq!(plain, dir.run(&["schema", "--of", "request", "--domain", "tips"]).ok().stdout());
    dir.write("registry.json", r#"[{"name":"orders","dtype":"int64"}]"#);
    dir.run(&["schema", "--check", "registry.json", "--domain", "shop.toml"]).ok();
    dir.run(&["schema", "--check", "registry.json"]).refused(&["only in the registry: orders"]);
}

#[test]
fn stats_have_the_names_of_the_dimensions() {
    let dir = shop();
    let id = decide(&dir)["decision_id"].as_str().unwrap().to_owned();
    dir.run(&["reward", "--decision", &id, "--reaction", "bought"]).ok();
    let table = dir.run(&["stats", "--csv", "--policy", "by-device.toml"]).ok().stdout();
    assert!(table.starts_with("user,policy,kind,updates,mean_reward,bias,device=mobile*item=a"), "{table}");
    let everybody = dir.run(&["stats", "--csv"]).ok().stdout();
    assert!(
        everybody.contains("ann,by-device,,1,1,,,"),
        "weights of other dimensions are left out: {everybody}"
    );
}
