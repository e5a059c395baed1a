//! The server answers as its OpenAPI document says, held against it by a validator that is not ours.

use super::{request, text};
use crate::features::shop;
use crate::util::Dir;
use crate::util::server::{Answer, Server};
use rehearsal::service::Policies;
use serde_json::{Value, json};

/// Fails unless the body is what the document says of this route and status.
fn is_as_said(document: &Value, route: &str, method: &str, answer: &Answer) {
    let operation = &document["paths"][route][method];
    let said = &operation["responses"][answer.status.to_string()];
    assert!(said.is_object(), "{method} {route} does not say {}: {}", answer.status, answer.body);
    let media =
        answer.head.split("content-type: ").nth(1).expect("a type").split(['\r', ';']).next().unwrap();
    let schema = &said["content"][media]["schema"];
    assert!(schema.is_object(), "{method} {route} {} does not say {media}", answer.status);
    if media.ends_with("json") {
        // References lead to the document's own components.
        let schema = json!({"allOf": [schema], "components": document["components"]});
        let validator = jsonschema::validator_for(&schema).expect("it is a schema");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        if let Err(error) = validator.validate(&body) {
            panic!(
                "{method} {route} {}: {error} at {}\n{}",
                answer.status,
                error.instance_path(),
                answer.body
            );
        }
    }
}

#[test]
pub(super) fn every_answer_is_as_the_document_says() {
    let dir = Dir::new();
    let server = Server::start(
        &dir,
        &["--policy", "egreedy-v1", "--policy", "egreedy-v2-by-kind", "--shadow", "uniform"],
    );
    let mut client = server.client();
    let document = client.request("GET", "/openapi.json", &[], "").json(200);
    let policies = Policies::exactly(&["egreedy-v1", "egreedy-v2-by-kind"]).unwrap();
    assert_eq!(document, rehearsal::serve::document(&policies));

    let decision = client.post("/score", &request("u")).json(200);
    let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "completed"});
    let other = json!({"decision": text(&decision, "decision_id"), "reaction": "ignored"});
    let mut bad = request("u");
    bad["context"]["hour"] = json!(25);
    let mut named = request("u");
    named["policy"] = json!("nobody");
    let mut warned = request("u");
    warned["profile_features"] = json!({"shoe_size": 44});
    let none = Value::Null;
    for (method, route, path, body) in [
        ("post", "/score", "/score", &request("u")),
        ("post", "/score", "/score", &json!([request("u"), bad])),
        ("post", "/score", "/score", &bad),
        ("post", "/score", "/score", &named),
        ("post", "/score", "/score", &warned),
        ("post", "/score/{policy}", "/score/egreedy-v1", &request("u")),
        ("post", "/score/{policy}", "/score/nobody", &request("u")),
        ("post", "/score/{family}/{version}", "/score/egreedy/v2-by-kind", &request("u")),
        ("post", "/reward", "/reward", &reward),
        ("post", "/reward", "/reward", &json!([reward, other])),
        ("post", "/reward", "/reward", &other),
        ("post", "/reward", "/reward", &json!({"decision": "x", "reward": 1})),
        ("post", "/reward", "/reward", &json!({})),
        ("post", "/reward/{policy}", "/reward/egreedy-v1", &reward),
        ("get", "/stats", "/stats", &none),
        ("get", "/stats", "/stats?user=u", &none),
        ("get", "/stats", "/stats?limit=0", &none),
        ("get", "/stats/{policy}", "/stats/nobody", &none),
        ("get", "/stats/{policy}", "/stats/egreedy-v2-by-kind?user=u", &none),
        ("post", "/reset", "/reset", &json!({"user": "u"})),
        ("post", "/reset", "/reset", &json!({"user": "u", "erase": true})),
        ("post", "/reset", "/reset", &json!({"user": 7})),
        ("post", "/generate", "/generate", &json!({"user": "u", "quiet_hours": {"from": 0, "to": 23.99}})),
        ("post", "/generate", "/generate", &json!([{"user": "u"}, {"user": "u", "prompt_version": "v9"}])),
        ("post", "/generate", "/generate", &json!({"user": "u", "timezone": "Mars/Base"})),
        ("post", "/generate", "/generate", &json!({"user": "u", "prompt_version": "v9"})),
        ("get", "/health/live", "/health/live", &none),
        ("get", "/health/ready", "/health/ready", &none),
        ("get", "/metrics", "/metrics", &none),
        ("get", "/", "/", &none),
        ("get", "/openapi.json", "/openapi.json", &none),
    ] {
        let answer = match method {
            "post" => client.post(path, body),
            _ => client.request("GET", path, &[], ""),
        };
        is_as_said(&document, route, method, &answer);
    }
}

#[test]
pub(super) fn what_the_document_calls_a_request_is_one() {
    let document = rehearsal::serve::document(&Policies::exactly(&["egreedy-v1"]).unwrap());
    let valid = |schema: &str, value: &Value| {
        let schema =
            json!({"$ref": format!("#/components/schemas/{schema}"), "components": document["components"]});
        jsonschema::validator_for(&schema).expect("it is a schema").is_valid(value)
    };
    assert!(valid("request", &request("u")));
    let sample: Value = serde_json::from_str(include_str!("../../src/prompt/sample.json")).unwrap();
    assert!(
        valid("signals", &sample) && valid("signals", &json!({"user": "u"})) && !valid("signals", &json!({}))
    );
    let mut bad = request("u");
    bad["context"]["hour"] = json!(24);
    assert!(!valid("request", &bad));
    assert!(valid("reward", &json!({"decision": "x", "reaction": "completed"})));
    assert!(valid("reward", &json!({"decision_id": "x", "reward": -0.5})));
    assert!(!valid("reward", &json!({"decision": "x", "reaction": "liked"})));
    assert!(!valid("reward", &json!({"decisions": "x", "reward": 1})));
}

#[test]
fn requests_and_rewards_are_those_of_the_policies_domains() {
    let dir = shop();
    let server = Server::start(&dir, &["--policy", "by-device.toml", "--policy", "egreedy-v1"]);
    let mut client = server.client();
    let document = client.request("GET", "/openapi.json", &[], "").json(200);
    let alone = Policies::exactly(&[dir.join("by-device.toml").to_str().unwrap()]).unwrap();
    let alone = rehearsal::serve::document(&alone);
    let valid = |document: &Value, schema: &str, value: &Value| {
        let schema =
            json!({"$ref": format!("#/components/schemas/{schema}"), "components": document["components"]});
        jsonschema::validator_for(&schema).expect("it is a schema").is_valid(value)
    };
    let item = json!({"user": "ann", "context": {"device": "mobile"}, "candidates": [{"id": "a", "category": "shoes", "price": 20},
        {"id": "b", "new": true}], "profile_features": {"orders": 2}});
    let changed = |field: &str, value: Value| {
        let mut changed = item.clone();
        *changed.pointer_mut(field).expect("it is there") = value;
        changed
    };
    // With a policy of tips beside it both are requests; alone only its own are.
    for (value, in_both, by_itself) in [
        (item.clone(), true, true),
        (request("u"), true, false),
        (changed("/candidates/0/price", json!(-1)), false, false),
        (changed("/context", json!({"hour": 9.5})), false, false),
    ] {
        assert_eq!(valid(&document, "request", &value), in_both, "{value}");
        assert_eq!(valid(&alone, "request", &value), by_itself, "{value}");
    }
    let reward = |reaction: &str| json!({"decision": "x", "reaction": reaction});
    assert!(
        valid(&document, "reward", &reward("bought")) && valid(&document, "reward", &reward("completed"))
    );
    assert!(valid(&alone, "reward", &reward("bought")) && !valid(&alone, "reward", &reward("completed")));
    let mut whole = item.clone();
    (whole["chosen"], whole["reaction"]) = (json!("b"), json!("clicked"));
    assert!(valid(&alone, "reward", &whole), "{whole}");

    let decision = client.post("/score", &item).json(200);
    let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "bought"});
    let tips = "/score/egreedy-v1";
    for (route, path, body, status) in [
        ("/score", "/score", &item, 200),
        ("/score", "/score", &changed("/candidates/0/price", json!(-1)), 400),
        ("/score/{policy}", tips, &request("u"), 200),
        ("/score/{policy}", tips, &item, 400),
        ("/reward", "/reward", &reward, 200),
        ("/reward", "/reward", &whole, 200),
        (
            "/reward",
            "/reward",
            &json!({"decision": text(&decision, "decision_id"), "reaction": "completed"}),
            400,
        ),
    ] {
        let answer = client.post(path, body);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.body);
        is_as_said(&document, route, "post", &answer);
    }
}

#[test]
pub(super) fn counts_add_up_and_the_page_is_well_formed() {
    let dir = Dir::new();
    let server = Server::start(&dir, &["--policy", "egreedy-v1", "--shadow", "linucb"]);
    let mut client = server.client();
    for n in 0..10 {
        let decision = client.post("/score", &request("u")).json(200);
        let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "completed"});
        client.post("/reward", &reward).json(200);
        if n % 5 == 0 {
            client.post("/reward", &reward).json(200);
            client.post("/reward", &json!({"decision": "x", "reward": 1})).problem(404);
        }
    }
    let metrics = client.request("GET", "/metrics", &[], "").body;
    for line in [
        "rehearsal_decisions_total{policy=\"egreedy-v1\"} 10",
        "rehearsal_rewards_total{policy=\"egreedy-v1\",outcome=\"learned\"} 10",
        "rehearsal_rewards_total{policy=\"egreedy-v1\",outcome=\"duplicate\"} 2",
        "rehearsal_refused_rewards_total{kind=\"not-found\"} 2",
        "http_server_request_duration_seconds_count{http_request_method=\"POST\",http_route=\"/reward\",http_response_status_code=\"404\"} 2",
        "http_server_active_requests 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n"));
    let page = client.request("GET", "/", &[], "");
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    let xml = page.body.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let document = roxmltree::Document::parse(xml).unwrap();
    let words: String = document.descendants().filter_map(|node| node.text()).collect::<Vec<_>>().join(" ");
    for part in ["egreedy-v1 answers", "linucb", "/score", "Mean reward in periods"] {
        assert!(words.contains(part), "{part}\n{words}");
    }
}
