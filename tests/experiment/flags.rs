//! OpenFeature's remote evaluation protocol, as its specification 0.3 has it, by hand.

use super::{TWO_POLICIES, experiment};
use crate::util::Dir;
use crate::util::server::{Answer, Server};
use serde_json::{Value, json};

fn etag(answer: &Answer) -> String {
    answer.head.split("etag: ").nth(1).expect("an etag").split('\r').next().unwrap().to_owned()
}

#[test]
fn flags_are_evaluated_as_the_protocol_says() {
    let dir = Dir::new();
    experiment(&dir, "bolder", TWO_POLICIES);
    experiment(&dir, "colour", "[[variants]]\nname = \"blue\"\n[[variants]]\nname = \"green\"\n");
    experiment(
        &dir,
        "pro",
        "[who.plan]\nin = [\"pro\"]\n[[variants]]\nname = \"on\"\nvalue = {size = 3}\n[[variants]]\nname = \"off\"\nvalue = {size = 0}\n",
    );
    let server = Server::start(&dir, &["--policy", "uniform", "--experiments", "experiments"]);
    let mut client = server.client();
    let context = json!({"context": {"targetingKey": "ann", "plan": "pro", "age": 30}});
    let all = client.post("/ofrep/v1/evaluate/flags", &context);
    let flags = all.json(200);
    let keys: Vec<&Value> = flags["flags"].as_array().unwrap().iter().map(|flag| &flag["key"]).collect();
    assert_eq!(keys, ["bolder", "colour", "pro"]);
    for flag in flags["flags"].as_array().unwrap() {
        let path = format!("/ofrep/v1/evaluate/flags/{}", flag["key"].as_str().unwrap());
        assert_eq!(client.post(&path, &context).json(200), *flag);
        assert_eq!(flag["reason"], "SPLIT");
    }
    // Where no variant has a value it is the name; where one has, it is that.
    assert_eq!(flags["flags"][1]["value"], flags["flags"][1]["variant"]);
    assert!(flags["flags"][2]["value"]["size"].is_number());

    // Who takes no part has the default of the code that asks.
    let plain = json!({"context": {"targetingKey": "ann"}});
    let pro = client.post("/ofrep/v1/evaluate/flags/pro", &plain).json(200);
    assert_eq!(pro, json!({"key": "pro", "reason": "DISABLED"}));

    // The same flags are not sent twice.
    let tag = etag(&all);
    let ask = |tag: &str| {
        let mut client = server.client();
        let header = format!("if-none-match: {tag}");
        let headers = ["content-type: application/json", header.as_str()];
        client.request("POST", "/ofrep/v1/evaluate/flags", &headers, &context.to_string())
    };
    for tag in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), tag.trim_matches('"').to_owned()] {
        let again = ask(&tag);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{tag}");
        assert_eq!(etag(&again), etag(&all));
    }
    assert_eq!(ask("\"other\"").json(200), flags);
}

#[test]
fn failures_have_the_codes_of_the_protocol() {
    let dir = Dir::new();
    experiment(&dir, "bolder", TWO_POLICIES);
    let server = Server::start(&dir, &["--policy", "uniform", "--experiments", "experiments"]);
    let mut client = server.client();
    let mut send =
        |path: &str, body: &str| client.request("POST", path, &["content-type: application/json"], body);
    let good = json!({"context": {"targetingKey": "ann"}}).to_string();
    let missing = send("/ofrep/v1/evaluate/flags/nothing", &good).json(404);
    assert_eq!((&missing["key"], &missing["errorCode"]), (&json!("nothing"), &json!("FLAG_NOT_FOUND")));
    for (body, code) in [
        ("{\"context\"", "PARSE_ERROR"),
        ("{}", "INVALID_CONTEXT"),
        ("{\"context\":{}}", "TARGETING_KEY_MISSING"),
        ("{\"context\":{\"targetingKey\":1}}", "INVALID_CONTEXT"),
    ] {
        let one = send("/ofrep/v1/evaluate/flags/bolder", body).json(400);
        assert_eq!((&one["key"], &one["errorCode"]), (&json!("bolder"), &json!(code)), "{body}");
        assert!(one["errorDetails"].is_string());
        let all = send("/ofrep/v1/evaluate/flags", body).json(400);
        assert_eq!((&all["key"], &all["errorCode"]), (&Value::Null, &json!(code)), "{body}");
    }
    let path = send("/ofrep/v1/evaluate/flags/%ff", &good);
    assert_eq!((path.status, path.json(400)["status"].as_u64()), (400, Some(400)), "{}", path.body);
    // A server without experiments has no flags.
    let dir = Dir::new();
    let server = Server::start(&dir, &["--policy", "uniform"]);
    let context = json!({"context": {"targetingKey": "ann"}});
    assert_eq!(server.post("/ofrep/v1/evaluate/flags", &context).json(200), json!({"flags": []}));
    assert_eq!(
        server.post("/ofrep/v1/evaluate/flags/bolder", &context).json(404)["errorCode"],
        "FLAG_NOT_FOUND"
    );
}
