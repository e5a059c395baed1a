//! What each route does.

use super::{request, text};
use crate::util::server::Server;
use crate::util::{Dir, run};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const POLICIES: [&str; 4] = ["--policy", "egreedy-v1", "--policy", "egreedy-v2"];

#[test]
pub(super) fn a_decision_is_answered_rewarded_seen_and_forgotten() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let mut client = server.client();
    let decision = client.post("/score", &request("alice")).json(200);
    assert_eq!((text(&decision, "user"), text(&decision, "policy")), ("alice", "egreedy-v1"));
    assert_eq!(decision["candidates"].as_array().unwrap().len(), 3);
    assert_eq!(decision["shadows"], json!([]));

    let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "completed"});
    let learned =
        json!({"user": "alice", "policy": "egreedy-v1", "reward": 1.0, "updates": 1, "duplicate": false});
    assert_eq!(client.post("/reward", &reward).json(200), learned);
    let again = client.post("/reward", &reward).json(200);
    assert_eq!((&again["duplicate"], &again["updates"]), (&json!(true), &json!(1)));
    let other = json!({"decision": text(&decision, "decision_id"), "reaction": "dismissed"});
    let problem = client.post("/reward", &other).problem(409);
    assert!(text(&problem, "detail").contains("was learned with reward 1"), "{problem}");

    let stats = client.request("GET", "/stats?user=alice", &[], "").json(200);
    assert_eq!(stats["policies"][0]["updates"], 1);
    let page = client.request("GET", "/stats", &[], "").json(200);
    assert_eq!((&page["users"][0], &page["next"]), (&stats, &Value::Null));

    assert_eq!(
        client.post("/reset", &json!({"user": "alice"})).json(200),
        json!({"user": "alice", "removed": ["egreedy-v1"]})
    );
    let stats = client.request("GET", "/stats?user=alice", &[], "").json(200);
    assert_eq!(stats, json!({"user": "alice", "policies": []}));
    let erased = client.post("/reset", &json!({"user": "alice", "erase": true})).json(200);
    assert_eq!(erased["erased_decisions"], 1);
    assert_eq!(server.end().0.code(), Some(0));
    assert_eq!(dir.run(&["log", "decisions"]).ok().stdout(), "");
}

#[test]
pub(super) fn a_policy_is_named_by_the_path_the_request_or_nobody() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let mut client = server.client();
    let named = |name: &str| {
        let mut request = request("u");
        request["policy"] = json!(name);
        request
    };
    for (path, body, policy) in [
        ("/score", request("u"), "egreedy-v1"),
        ("/score", named("egreedy-v2"), "egreedy-v2"),
        ("/score/egreedy-v2", request("u"), "egreedy-v2"),
        ("/score/egreedy/v2", request("u"), "egreedy-v2"),
        ("/score/egreedy/v2", named("egreedy-v2"), "egreedy-v2"),
    ] {
        assert_eq!(client.post(path, &body).json(200)["policy"], policy, "{path} {body}");
    }
    let problem = client.post("/score/egreedy/v2", &named("egreedy-v1")).problem(409);
    let expected = "the policy in the URL is \"egreedy-v2\", but request says \"egreedy-v1\"";
    assert_eq!(problem["detail"], expected);

    // A built-in policy that the operator did not give answers nobody, and a file that stands there neither.
    dir.write("mine.toml", "explorer = \"uniform\"\nfeatures = \"v1\"\n");
    for path in
        ["/score/linucb", "/score/linucb/v2", "/score/mine.toml", "/score/.%2Fmine.toml", "/stats/linucb"]
    {
        let answer = if path.starts_with("/stats") {
            client.request("GET", path, &[], "")
        } else {
            client.post(path, &request("u"))
        };
        let problem = answer.problem(404);
        assert!(text(&problem, "detail").contains("known: egreedy-v1, egreedy-v2"), "{path}: {problem}");
    }
    client.post("/score", &named("./mine.toml")).problem(404);

    // A reward by the path of another policy than the decision's is refused.
    let decision = client.post("/score/egreedy/v2", &request("u")).json(200);
    let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "ignored"});
    client.post("/reward/egreedy/v1", &reward).problem(409);
    assert_eq!(client.post("/reward/egreedy/v2", &reward).json(200)["policy"], "egreedy-v2");
}

#[test]
pub(super) fn a_list_is_answered_by_a_list_with_problems_in_their_places() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let mut client = server.client();
    let mut bad = request("b");
    bad["context"]["hour"] = json!(25);
    let answers = client.post("/score", &json!([request("a"), bad, request("c")])).json(200);
    assert_eq!((&answers[0]["user"], &answers[2]["user"]), (&json!("a"), &json!("c")));
    assert_eq!((&answers[1]["status"], &answers[1]["field"]), (&json!(400), &json!("context.hour")));
    assert!(text(&answers[1], "detail").starts_with("request[1]: "), "{answers}");

    let reward = |decision: &Value| json!({"decision": text(decision, "decision_id"), "reward": 0.5});
    let unknown = json!({"decision": "nobody", "reward": 0.5});
    let rewards = json!([reward(&answers[0]), unknown, reward(&answers[2])]);
    let learned = client.post("/reward", &rewards).json(200);
    assert_eq!((&learned[0]["updates"], &learned[2]["updates"]), (&json!(1), &json!(1)));
    assert_eq!(learned[1]["status"], 404);

    client.post("/score", &json!([])).problem(400);
    client.post("/score", &json!(vec![json!({}); 1_001])).problem(400);
    // A list of one is a list.
    assert_eq!(client.post("/score", &json!([request("a")])).json(200).as_array().unwrap().len(), 1);
}

#[test]
pub(super) fn a_reward_finds_a_decision_that_is_still_waiting_to_be_kept() {
    let dir = Dir::new();
    let server = Server::start(&dir, &[&POLICIES[..], &["--no-state-files"]].concat());
    let mut client = server.client();
    for n in 1..=200 {
        let decision = client.post("/score", &request("u")).json(200);
        let reward = json!({"decision": text(&decision, "decision_id"), "reward": 0.25});
        assert_eq!(client.post("/reward", &reward).json(200)["updates"], n);
    }
}

#[test]
pub(super) fn a_decision_of_a_moment_ago_may_still_come_and_an_old_one_will_not() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let other = Dir::new();
    // One that another store has.
    let args = ["score", "--policy", "egreedy-v1", "--user", "u"];
    let decision = other.run_with(&args, request("u").to_string()).ok().json();
    let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "completed"});
    let answer = server.post("/reward", &reward);
    answer.problem(503);
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    std::thread::sleep(Duration::from_millis(2_100));
    let problem = server.post("/reward", &reward).problem(404);
    assert!(!text(&problem, "detail").contains("rehearsal.db"), "{problem}");
}

#[test]
pub(super) fn shadows_decide_unseen_and_learn_nothing() {
    let dir = Dir::new();
    let server =
        Server::start(&dir, &["--policy", "egreedy-v1", "--shadow", "linucb", "--shadow", "uniform"]);
    let mut client = server.client();
    let mut shown = Vec::new();
    for user in ["a", "b", "c"] {
        let decision = client.post("/score", &request(user)).json(200);
        let reward = json!({"decision": text(&decision, "decision_id"), "reaction": "completed"});
        client.post("/reward", &reward).json(200);
        shown.push(text(&decision, "decision_id").to_owned());
    }
    // A caller's own shadow has none of ours.
    let mut own = request("a");
    own["shadow_of"] = json!(shown[0]);
    client.post("/score", &own).json(200);
    let metrics = server.get("/metrics").body;
    let (status, _) = server.end();
    assert_eq!(status.code(), Some(0));
    assert!(metrics.contains("rehearsal_decisions_total{policy=\"egreedy-v1\"} 4"), "{metrics}");

    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    for id in &shown {
        let mut of: Vec<&str> =
            log.iter().filter(|d| d["shadow_of"] == json!(id)).map(|d| text(d, "policy")).collect();
        of.sort_unstable();
        assert!(of.starts_with(&["egreedy-v1", "linucb"]) || of == ["linucb", "uniform"], "{of:?}");
    }
    assert_eq!(log.len(), 3 * 3 + 1);
    // They decide with the request and the seed of what was shown.
    for entry in log.iter().filter(|d| d["shadow_of"].is_string() && d["policy"] != "egreedy-v1") {
        let of =
            log.iter().find(|d| d["decision_id"] == entry["shadow_of"]).expect("what was shown is there");
        assert_eq!((&entry["seed"], &entry["user"]), (&of["seed"], &of["user"]));
        assert_eq!(entry["request"], of["request"]);
    }
    for (user, of) in [("a", "egreedy-v1"), ("b", "egreedy-v1")] {
        let stats = dir.run(&["stats", "--user", user]).ok().json();
        assert_eq!(stats["policies"].as_array().unwrap().len(), 1);
        assert_eq!(stats["policies"][0]["policy"], of);
    }
    let shadow = log.iter().find(|d| d["policy"] == "linucb").unwrap();
    let server = Server::start(&dir, &["--policy", "egreedy-v1"]);
    let reward = json!({"decision": text(shadow, "decision_id"), "reaction": "completed"});
    let problem = server.post("/reward", &reward).problem(400);
    assert!(text(&problem, "detail").contains("is a shadow's"), "{problem}");
}

/// Shadows decide after the answer: what they have yet to make of it goes with the user who is erased on it.
#[test]
pub(super) fn an_erased_user_does_not_come_back_as_a_shadow() {
    let dir = Dir::new();
    let shadows = ["--shadow", "linucb-v2-by-kind", "--shadow", "uniform"];
    let server = Server::start(&dir, &[&["--policy", "egreedy-v1"], &shadows[..]].concat());
    let candidates: Vec<Value> =
        (0..100).map(|i| json!({"id": format!("t{i}"), "kind": format!("k{i}")})).collect();
    let mut call = request("gone");
    call["candidates"] = json!(candidates);
    let mut client = server.client();
    client.post("/score", &json!(vec![call; 50])).json(200);
    client.post("/score", &request("stays")).json(200);
    let erased = client.post("/reset", &json!({"user": "gone", "erase": true})).json(200);
    assert!(erased["erased_decisions"].as_u64() >= Some(50), "{erased}");
    assert_eq!(server.end().0.code(), Some(0));
    assert_eq!(dir.run(&["log", "decisions", "--user", "gone"]).ok().stdout(), "");
    assert_eq!(dir.run(&["log", "decisions", "--user", "stays"]).ok().jsonl().len(), 3);
}

/// What takes long is decided elsewhere, so that it holds up nobody, and is decided alike.
#[test]
pub(super) fn many_candidates_are_decided_as_few_are() {
    let dir = Dir::new();
    let server = Server::start(&dir, &["--policy", "egreedy-v2-by-kind"]);
    let mut call = request("u");
    for count in [100, 3_000] {
        let candidates = (0..count).map(|i| json!({"id": format!("t{i}"), "kind": format!("k{}", i % 999)}));
        call["candidates"] = candidates.collect();
        let decision = server.post("/score", &call).json(200);
        let (id, fresh) = (text(&decision, "decision_id"), Dir::new());
        assert_eq!(
            server.post("/reward", &json!({"decision": id, "reaction": "ignored"})).json(200)["updates"],
            1
        );
        server.post("/reset", &json!({"user": "u"})).json(200);
        let log = dir.run(&["log", "decisions"]).ok().jsonl();
        let seed = log.iter().find(|own| text(own, "decision_id") == id).unwrap()["seed"].to_string();
        let again = ["score", "--policy", "egreedy-v2-by-kind", "--user", "u", "--seed", &seed];
        let again = fresh.run_with(&again, call.to_string()).ok().json();
        assert_eq!(
            (&again["chosen"], &again["scores"]),
            (&decision["chosen"], &decision["scores"]),
            "{count}"
        );
    }
}

#[test]
pub(super) fn what_cannot_be_served_is_refused_at_the_start() {
    let dir = Dir::new();
    for (file, features) in [("one.toml", "v1"), ("other.toml", "v2")] {
        dir.write(file, format!("name = \"mine\"\nexplorer = \"uniform\"\nfeatures = \"{features}\"\n"));
    }
    let serve = |args: &[&str]| dir.run(&[&["serve"], args].concat());
    serve(&["--policy", "one.toml", "--shadow", "other.toml"]).refused(&["policy \"mine\" is given twice"]);
    serve(&["--policy", "egreedy-v1", "--shadow", "one.toml", "--shadow", "other.toml"])
        .refused(&["shadow \"mine\" is given twice"]);
    serve(&["--policy", "egreedy-v1", "--listen", "0.0.0.0:0"])
        .refused(&["--listen is 0.0.0.0:0", "--token-file"]);
    serve(&["--policy", "egreedy-v1", "--time-limit-ms", "0"]).refused(&["--time-limit-ms is 0"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = serve(&["--policy", "egreedy-v1", "--listen", &address]).exits(2);
    assert!(run.stderr().contains(&format!("cannot listen on {address}")), "{}", run.stderr());
}

#[test]
pub(super) fn health_tells_whether_it_can_work() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    assert_eq!((server.get("/health/live").status, server.get("/health/ready").status), (200, 200));
}

#[test]
pub(super) fn variables_say_what_options_do_not() {
    let dir = Dir::new();
    dir.write("token", "0123456789abcdef\n");
    let mut command = dir.command(&["serve"]);
    command.env("REHEARSAL_POLICIES", "uniform,egreedy-v1").env("REHEARSAL_LISTEN", "127.0.0.1:0");
    command.env("REHEARSAL_TOKEN_FILE", "token").env("REHEARSAL_LOG", "debug");
    let server = Server::spawn(&mut command);
    server.post("/score", &request("u")).problem(401);
    let headers = ["content-type: application/json", "authorization: Bearer 0123456789abcdef"];
    let trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [&headers[..], &[trace]].concat();
    let answer = server.client().request("POST", "/score", &headers, &request("u").to_string());
    assert_eq!(answer.json(200)["policy"], "uniform");
    assert!(answer.head.contains(trace), "{}", answer.head);
    let (_, log) = server.end();
    assert!(log.contains("\"trace\":\"0af7651916cd43dd8448eb211c80319c\""), "{log}");
    assert!(!log.contains("0123456789abcdef"), "{log}");
}

#[test]
pub(super) fn state_files_follow_and_the_command_line_reads_the_same_store() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let decision = server.post("/score", &request("alice")).json(200);
    // Beside the server, on the same store, once the decision has got there.
    let args = ["reward", "--decision", text(&decision, "decision_id"), "--reaction", "completed"];
    let begun = Instant::now();
    let learned = loop {
        let ran = run(dir.command(&args), b"");
        if ran.code() == 0 || begun.elapsed() > Duration::from_secs(5) {
            break ran.ok().json();
        }
    };
    assert_eq!(learned["updates"], 1);
    let next = server.post("/score", &request("alice")).json(200);
    let reward = json!({"decision": text(&next, "decision_id"), "reaction": "snoozed"});
    assert_eq!(server.post("/reward", &reward).json(200)["updates"], 2);
    assert_eq!(server.end().0.code(), Some(0));
    assert_eq!(dir.json("state/alice_egreedy_v1.json")["updates"], 2);
    dir.run(&["verify"]).ok();
}

#[test]
fn an_outcome_or_a_candidate_that_there_is_not_is_no_missing_decision() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let decision = server.post("/score", &request("ann")).json(200);
    let of_decision = json!({"decision": text(&decision, "decision_id"), "reaction": "Completed"});
    let mut whole = request("ann");
    whole["chosen"] = decision["chosen"].clone();
    whole["reaction"] = json!("Completed");
    for reward in [&of_decision, &whole] {
        let problem = server.post("/reward", reward).problem(400);
        assert_eq!((text(&problem, "field"), text(&problem, "value")), ("reaction", "\"Completed\""));
        let allowed = "completed, snoozed, ignored, dismissed; did you mean \"completed\"?";
        assert_eq!(text(&problem, "allowed"), allowed);
    }
    whole["reaction"] = json!("completed");
    whole["chosen"] = json!("none");
    assert_eq!(text(&server.post("/reward", &whole).problem(400), "field"), "chosen");
    let unknown = json!({"decision": "none", "reaction": "completed"});
    server.post("/reward", &unknown).problem(404);
}

#[test]
fn a_policy_that_there_is_not_is_not_forgotten_in_silence() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let problem = server.post("/reset", &json!({"user": "z", "policy": "egreedy_v1"})).problem(404);
    assert!(text(&problem, "detail").contains("did you mean \"egreedy-v1\"?"), "{problem}");
    let none = server.post("/reset", &json!({"user": "z", "policy": "egreedy-v1"})).json(200);
    assert_eq!(none["removed"], json!([]));
}

#[test]
fn what_is_asked_in_a_query_is_heeded_or_refused() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    for path in [
        "/reset?erase=true",
        "/score?user=x",
        "/reward?user=x",
        "/generate?seed=1",
        "/ofrep/v1/evaluate/flags?x=1",
        "/ofrep/v1/evaluate/flags/k?x=1",
    ] {
        let problem = server.post(path, &json!({"user": "ann"})).problem(400);
        assert_eq!(text(&problem, "field"), "query", "{path}");
        assert!(path.ends_with(text(&problem, "value").trim_matches('"')), "{problem}");
    }
    server.post("/score?", &request("ann")).json(200);
    for (query, field) in [
        ("user=", "user"),
        ("user=%ff", "user"),
        ("user=a%00", "user"),
        ("user=a&limit=3", "limit"),
        ("user=a&after=x", "after"),
        ("after=%c3", "after"),
        ("limit=x", "limit"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("usr=a", "query"),
    ] {
        let problem = server.get(&format!("/stats?{query}")).problem(400);
        assert_eq!(text(&problem, "field"), field, "{query}");
        assert!(!text(&problem, "allowed").is_empty());
    }
    assert_eq!(server.get("/stats?user=Zo%C3%AB+b%26").json(200)["user"], "Zo\u{eb} b&");
    assert_eq!(server.get("/stats?after=&limit=1000").json(200)["users"], json!([]));
}

#[test]
fn answers_turn_the_direction_of_no_text() {
    let dir = Dir::new();
    let server = Server::start(&dir, &POLICIES);
    let user = "a\u{202e}b\u{9b}c\u{61c}\u{eb}";
    let answer = server.post("/score", &request(user));
    assert_eq!(answer.json(200)["user"], user);
    let problem = server.post("/reset", &json!({"user": "a", "policy": user}));
    assert_eq!(problem.status, 404);
    for body in [&answer.body, &problem.body] {
        assert!(!body.contains(['\u{202e}', '\u{9b}', '\u{61c}']), "{body:?}");
    }
    assert!(answer.body.contains('\u{eb}'), "{}", answer.body);
}
