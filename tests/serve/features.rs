//! Profile features that requests lack, from a feature store that is as a test wants it.

use super::request;
use crate::util::Dir;
use crate::util::gateway::{Answer, Asked, Gateway};
use crate::util::server::Server;
use serde_json::{Value, json};
use std::net::TcpListener;

const POLICY: [&str; 2] = ["--policy", "egreedy-v2"];

/// What a feature store answers that knows these values: its columns in the reverse of the order in which they were asked for,
/// and after them the entities.
fn answer(asked: &Asked, value: impl Fn(&str, &str, &str) -> Value) -> Value {
    let body = &asked.body;
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let (users, kinds) = (texts(&body["entities"]["user"]), texts(&body["entities"]["kind"]));
    let features = texts(&body["features"]);
    let mut names: Vec<&str> = features.iter().rev().map(|name| name.split(':').nth(1).unwrap()).collect();
    let mut results: Vec<Value> = names
        .iter()
        .map(|name| {
            let values: Vec<Value> =
                users.iter().zip(&kinds).map(|(user, kind)| value(user, kind, name)).collect();
            let statuses: Vec<&str> =
                values.iter().map(|v| if v.is_null() { "NOT_FOUND" } else { "PRESENT" }).collect();
            json!({"values": values, "statuses": statuses, "event_timestamps": vec!["1970-01-01T00:00:00Z"; users.len()]})
        })
        .collect();
    for (name, values) in [("kind", kinds), ("user", users)] {
        names.push(name);
        results.push(json!({"values": values}));
    }
    json!({"metadata": {"feature_names": names}, "results": results})
}

/// A feature store that knows ann, and of her that she likes to rest.
fn of_ann(user: &str, kind: &str, feature: &str) -> Value {
    match (user, kind, feature) {
        ("ann", "", "completion_rate") => json!(0.25),
        ("ann", "", "tip_volume") => json!(7),
        ("ann", "rest", "completion_rate") => json!(0.75),
        _ => Value::Null,
    }
}

fn sound() -> Gateway {
    Gateway::start(|_, asked| Answer::Status(200, "", answer(asked, of_ann).to_string()))
}

fn url(feast: &Gateway) -> String {
    format!("feast+{}", feast.url())
}

fn with(dir: &Dir, url: &str, more: &[&str]) -> Server {
    Server::start(dir, &[&POLICY[..], &["--features", url], more].concat())
}

/// What the log has of each decision's profile, and what came of asking for it.
fn logged(dir: &Dir) -> Vec<(Value, Value)> {
    let lines = dir.run(&["log", "decisions"]).ok().jsonl();
    lines
        .into_iter()
        .map(|line| (line["request"]["profile_features"].clone(), line["profile_lookup"].clone()))
        .collect()
}

fn scores(decision: &Value) -> &Value {
    assert!(decision["candidates"].is_array(), "{decision}");
    &decision["candidates"]
}

#[test]
fn what_a_request_lacks_is_filled_in_and_logged() {
    let dir = Dir::new();
    let feast = sound();
    let server = with(&dir, &url(&feast), &["--shadow", "linucb-v2", "--features-timeout", "5000"]);
    let mut asked = request("ann");
    asked["seed"] = json!(3);
    let decision = server.post("/score", &asked).json(200);
    assert_eq!(decision["profile_lookup"], "completed");
    let body = feast.asked()[0].body.clone();
    assert!(feast.asked()[0].head.starts_with("POST /get-online-features "), "{}", feast.asked()[0].head);
    assert_eq!(
        body["entities"],
        json!({"user": ["ann", "ann", "ann", "ann"], "kind": ["", "focus", "plan", "rest"]})
    );
    assert!(body["features"].as_array().unwrap().contains(&json!("tips_profile:tip_volume")), "{body}");
    // The same decision as that of a request that says it all.
    let known =
        json!({"completion_rate": 0.25, "tip_volume": 7, "by_kind": {"rest": {"completion_rate": 0.75}}});
    let mut whole = asked.clone();
    whole["profile_features"] = known.clone();
    let other = Dir::new();
    let plain = Server::start(&other, &POLICY).post("/score", &whole).json(200);
    assert_eq!(scores(&decision), scores(&plain));
    assert!(plain.get("profile_lookup").is_none());

    // What a request says holds, also of the kinds.
    let mut own = asked.clone();
    own["profile_features"] = json!({"completion_rate": 0.5, "dismiss_rate": null});
    server.post("/score", &own).json(200);
    let (status, log) = server.end();
    assert!(status.success() && !log.contains("WARN"), "{log}");
    let numbers =
        json!({"completion_rate": 0.25, "tip_volume": 7.0, "by_kind": {"rest": {"completion_rate": 0.75}}});
    let completed = json!("completed");
    let logged = logged(&dir);
    assert_eq!(logged.len(), 4, "{logged:?}");
    assert_eq!(logged.iter().filter(|(profile, mark)| *profile == numbers && *mark == completed).count(), 2);
    let kept = json!({"completion_rate": 0.5, "tip_volume": 7.0});
    assert_eq!(logged.iter().filter(|(profile, mark)| *profile == kept && *mark == completed).count(), 2);
}

#[test]
fn a_list_asks_once_and_a_whole_profile_never() {
    let dir = Dir::new();
    let feast = sound();
    let server = with(&dir, &url(&feast), &["--features-timeout", "5000"]);
    let mut whole = request("ann");
    whole["profile_features"] = json!({"completion_rate": 0.1, "dismiss_rate": 0.1, "mean_dwell_seconds": 1,
                                       "preferred_hour": 2, "tip_volume": 3});
    let answers =
        server.post("/score", &json!([request("ann"), whole, request("bob"), {"user": 7}])).json(200);
    let marks: Vec<&Value> =
        answers.as_array().unwrap().iter().map(|answer| &answer["profile_lookup"]).collect();
    assert_eq!(marks, [&json!("completed"), &Value::Null, &json!("unknown"), &Value::Null]);
    assert_eq!(answers[3]["status"], 400);
    assert_eq!(feast.asked().len(), 1);
    assert_eq!(feast.asked()[0].body["entities"]["user"].as_array().unwrap().len(), 8);
    server.post("/score", &whole).json(200);
    assert_eq!(feast.asked().len(), 1);
}

#[test]
fn values_of_other_types_are_refused_one_by_one() {
    let dir = Dir::new();
    let feast = Gateway::start(|_, asked| {
        let answer = answer(asked, |_, kind, feature| match (kind, feature) {
            ("", "completion_rate") => json!("often"),
            ("", "dismiss_rate") => json!(42),
            ("", "preferred_hour") => json!([9]),
            ("", "tip_volume") => json!(7),
            _ => Value::Null,
        });
        Answer::Status(200, "", answer.to_string())
    });
    let server = with(&dir, &url(&feast), &["--features-timeout", "5000"]);
    assert_eq!(server.post("/score", &request("ann")).json(200)["profile_lookup"], "refused");
    let metrics = server.get("/metrics").body;
    for feature in ["completion_rate", "dismiss_rate", "preferred_hour"] {
        let line = format!("rehearsal_refused_profile_features_total{{feature=\"{feature}\"}} 1");
        assert!(metrics.contains(&line), "{metrics}");
    }
    server.end();
    assert_eq!(logged(&dir), [(json!({"tip_volume": 7.0}), json!("refused"))]);
}

/// Whatever a feature store does, decisions are made, marked, and counted under the reason; it is said once.
#[test]
fn a_feature_store_that_fails_is_no_failure() {
    fn changed(asked: &Asked, change: impl FnOnce(&mut Value)) -> Answer {
        let mut answer = answer(asked, of_ann);
        change(&mut answer);
        Answer::Status(200, "", answer.to_string())
    }
    let cases: Vec<(&str, Box<dyn Fn(&Asked) -> Answer + Send + Sync>)> = vec![
        ("time-out", Box::new(|_| Answer::Hang)),
        ("time-out", Box::new(|_| Answer::Drip)),
        ("too-large", Box::new(|_| Answer::Endless)),
        ("broken", Box::new(|_| Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()))),
        ("broken", Box::new(|_| Answer::Bytes(b"nonsense\r\n\r\n".to_vec()))),
        ("status", Box::new(|_| Answer::Status(404, "", "{\"detail\":\"no such view\"}".to_owned()))),
        ("status", Box::new(|_| Answer::Status(302, "location: /elsewhere\r\n", String::new()))),
        ("malformed", Box::new(|_| Answer::Status(200, "", "[]".to_owned()))),
        ("malformed", Box::new(|asked| changed(asked, |answer| answer["results"][0]["values"] = json!([1])))),
        (
            "malformed",
            Box::new(|asked| changed(asked, |answer| answer["metadata"]["feature_names"] = json!(["user"]))),
        ),
        // Another person's values would be well formed.
        (
            "malformed",
            Box::new(|asked| {
                changed(asked, |answer| {
                    let place = answer["results"].as_array().unwrap().len() - 1;
                    answer["results"][place]["values"][0] = json!("bob");
                })
            }),
        ),
    ];
    for (reason, case) in cases {
        let dir = Dir::new();
        let feast = Gateway::start(move |_, asked| case(asked));
        let limit = if reason == "time-out" { "30" } else { "10000" };
        let server = with(&dir, &url(&feast), &["--features-timeout", limit]);
        for _ in 0..3 {
            let decision = server.post("/score", &request("ann")).json(200);
            assert_eq!(decision["profile_lookup"], "unavailable", "{reason}");
        }
        let metrics = server.get("/metrics").body;
        let line = format!("rehearsal_profile_lookup_duration_seconds_count{{outcome=\"{reason}\"}} 3");
        assert!(metrics.contains(&line), "{reason}: {metrics}");
        let (status, log) = server.end();
        assert!(status.success(), "{reason}");
        assert_eq!(log.matches("the feature store does not answer").count(), 1, "{log}");
        assert_eq!(logged(&dir), vec![(Value::Null, json!("unavailable")); 3], "{reason}");
    }
}

#[test]
fn one_that_is_away_is_noticed_when_it_comes_back() {
    let dir = Dir::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = with(&dir, &format!("feast+http://{free}"), &["--features-timeout", "5000"]);
    assert_eq!(server.post("/score", &request("ann")).json(200)["profile_lookup"], "unavailable");
    let tips = server.post("/generate", &json!({"user": "ann"})).json(200);
    assert!(
        tips["warnings"].to_string().contains("profile features: the feature store's are unavailable"),
        "{tips}"
    );
    let feast =
        Gateway::start_at(free, |_, asked| Answer::Status(200, "", answer(asked, of_ann).to_string()));
    assert_eq!(server.post("/score", &request("ann")).json(200)["profile_lookup"], "completed");
    assert_eq!(feast.asked().len(), 1);
    let (_, log) = server.end();
    assert!(
        log.contains("\"reason\":\"unreachable\"") && log.contains("the feature store answers again"),
        "{log}"
    );
}

#[test]
fn tips_are_written_for_a_profile_that_is_filled_in() {
    let dir = Dir::new();
    let feast = sound();
    let server = with(&dir, &url(&feast), &["--features-timeout", "5000"]);
    let tips = server.post("/generate", &json!([{"user": "ann"}, {"user": "bob"}])).json(200);
    assert_eq!(tips.as_array().unwrap().len(), 2);
    assert!(!tips.to_string().contains("feature store"), "{tips}");
    assert_eq!(feast.asked().len(), 1);
}

#[test]
fn what_is_no_feature_store_is_refused() {
    let dir = Dir::new();
    for (url, limit, expected) in [
        ("http://127.0.0.1:6566", "20", "feast+http://HOST:PORT"),
        ("feast+http://u:secret@127.0.0.1:6566", "20", "no user, password or query"),
        ("feast+http://127.0.0.1:6566", "0", "--features-timeout is 0; allowed: 1 to 10000 milliseconds"),
    ] {
        let ran = dir.run(&["serve", "--policy", "uniform", "--features", url, "--features-timeout", limit]);
        let message = ran.refused(&[expected]).stderr();
        assert!(!message.contains("secret"), "{message}");
    }
}

/// A domain of one's own, whose candidates have no kind: its profile inputs are columns of its own view.
#[test]
fn a_declared_domain_has_a_view_of_its_own() {
    let dir = Dir::new();
    dir.write(
        "shop.toml",
        "name = \"my-shop\"\n[[inputs]]\nof = \"candidate\"\nname = \"price\"\ntype = \"number\"\n\
         [[inputs]]\nof = \"profile\"\nname = \"orders\"\ntype = \"number\"\nwhole = true\nminimum = 0\nmaximum = 50\n\
         [[inputs]]\nof = \"profile\"\nname = \"plan\"\ntype = \"category\"\nlevels = [\"free\", \"paid\"]\n\
         [[outcomes]]\nname = \"bought\"\nreward = 1\n",
    );
    dir.write(
        "set.toml",
        "name = \"shop\"\ndomain = \"shop.toml\"\n[[dimensions]]\nname = \"bias\"\nconstant = 1\n\
         [[dimensions]]\nname = \"orders\"\ninput = \"profile.orders\"\n",
    );
    dir.write("shop-policy.toml", "name = \"shop\"\nexplorer = \"egreedy\"\nfeatures = \"set.toml\"\n");
    let feast = Gateway::start(|_, _| {
        let columns = json!([{"values": ["paid"]}, {"values": ["ann"]}, {"values": [3]}]);
        let answer = json!({"metadata": {"feature_names": ["plan", "user", "orders"]}, "results": columns});
        Answer::Status(200, "", answer.to_string())
    });
    let url = url(&feast);
    let server = Server::start(
        &dir,
        &["--policy", "shop-policy.toml", "--features", &url, "--features-timeout", "5000"],
    );
    let asked = json!({"user": "ann", "candidates": [{"id": "a", "price": 3}]});
    assert_eq!(server.post("/score", &asked).json(200)["profile_lookup"], "completed");
    server.end();
    let body = &feast.asked()[0].body;
    assert_eq!(body["features"], json!(["my_shop_profile:orders", "my_shop_profile:plan"]));
    assert_eq!(body["entities"], json!({"user": ["ann"]}));
    assert_eq!(logged(&dir), [(json!({"orders": 3.0, "plan": "paid"}), json!("completed"))]);
    let definitions = dir.run(&["schema", "--of", "feast", "--domain", "shop.toml"]).ok().stdout();
    for part in [
        "my_shop_profile = FeatureView(",
        "entities=[user]",
        "Field(name=\"orders\", dtype=Int64",
        "dtype=String",
    ] {
        assert!(definitions.contains(part), "{definitions}");
    }
}
