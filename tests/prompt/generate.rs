//! Tips, and the decision between them.

use super::{signals, text, texts};
use crate::util::Dir;
use crate::util::gateway::{Answer, Gateway, candidates};
use serde_json::{Value, json};

#[test]
fn a_seed_is_said_once() {
    let dir = Dir::new();
    let seeded = |seed: u64| {
        let mut signals = signals("ann");
        signals["seed"] = json!(seed);
        dir.run_with(&["generate", "--seed", "3"], signals.to_string())
    };
    seeded(3).ok();
    seeded(4).refused(&["seed is 4; allowed: 3, which is given beside the signals, or nothing"]);
}

#[test]
pub(super) fn candidates_are_those_that_score_takes() {
    let dir = Dir::new();
    let answer = dir.run_with(&["generate"], signals("ann").to_string()).ok().json();
    let request = json!({
        "context": {"hour": 9.5, "weekday": 0},
        "candidates": answer["candidates"],
        "prompt_version": answer["prompt_version"],
        "prompt_digest": answer["prompt_digest"],
        "profile_features": {"completion_rate": 0.4},
    });
    let args = ["score", "--policy", "egreedy-v2", "--user", "ann", "--seed", "3"];
    let apart = dir.run_with(&args, request.to_string()).ok().json();
    let args = ["generate", "--score", "--policy", "egreedy-v2", "--seed", "3"];
    let at_once = dir.run_with(&args, signals("ann").to_string()).ok().json();
    for field in ["user", "policy", "chosen", "propensity", "candidates"] {
        assert_eq!(at_once["decision"][field], apart[field], "{field}");
    }
    assert_eq!(at_once["candidates"], answer["candidates"]);
    let log = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!(log[0]["request"], log[1]["request"]);
    assert_eq!(log[0]["prompt_digest"], log[1]["prompt_digest"]);
}

#[test]
pub(super) fn a_models_tips_are_checked_and_what_is_left_out_is_said() {
    let dir = Dir::new();
    let gateway = Gateway::start(|_, _| {
        let tip = |kind: &str, text: &str, task: Value| json!({"kind": kind, "text": text, "task": task, "effort_minutes": null});
        let tips = json!({"candidates": [
            tip("focus", "Open the tax form\nand fill in your name.", json!("t1")),
            tip("focus", "Open the tax form and fill in your name!", Value::Null),
            tip("plan", &"long ".repeat(80), Value::Null),
            tip("rest", "The fourth one is one too many.", Value::Null),
        ]});
        Answer::Content(format!("```json\n{tips}\n```"))
    });
    let args = ["generate", "--gateway", &gateway.url(), "--gateway-model", "small"];
    let answer = dir.run_with(&args, signals("ann").to_string()).ok().json();
    let tips = answer["candidates"].as_array().unwrap();
    assert_eq!(tips.len(), 1, "{answer}");
    let expected = json!({"id": "v1-1", "kind": "focus", "priority": 0.9, "due_in_days": 1.6, "effort_minutes": 90.0,
                          "text": "Open the tax form and fill in your name."});
    assert_eq!(tips[0], expected);
    assert_eq!((&answer["fallback"], &answer["model"]), (&json!(false), &json!("tester-1")));
    assert_eq!(answer["usage"], json!({"prompt_tokens": 100, "completion_tokens": 20}));
    assert!(answer.get("reason").is_none());
    let warnings = answer["warnings"].to_string();
    assert!(warnings.contains("too long") && warnings.contains("nearly the same words"), "{warnings}");
    let asked = &gateway.asked()[0];
    assert!(asked.head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", asked.head);
    assert!(!asked.head.to_lowercase().contains("authorization"), "without a key nothing is sent as one");
    assert_eq!((&asked.body["model"], &asked.body["temperature"]), (&json!("small"), &json!(0.7)));
    let schema = &asked.body["response_format"]["json_schema"];
    assert_eq!(
        (&asked.body["response_format"]["type"], &schema["strict"]),
        (&json!("json_schema"), &json!(true))
    );
    let item = &schema["schema"]["properties"]["candidates"]["items"]["properties"];
    assert_eq!(item["kind"]["enum"], json!(["connect", "focus", "move", "plan", "rest"]));
    assert_eq!(item["task"]["enum"], json!(["t1", "t2", null]));
    // Who the person is stays here.
    assert!(!asked.body.to_string().contains("ann"), "{}", asked.body);
}

#[test]
pub(super) fn kinds_may_be_given_and_a_prompt_is_told_what_it_asks_for() {
    let dir = Dir::new();
    let mut person = signals("ann");
    person["kinds"] = json!(["rest", "breathe"]);
    let answer = dir.run_with(&["generate"], person.to_string()).ok().json();
    assert!(answer["candidates"].as_array().unwrap().iter().all(|tip| tip["kind"] == "rest"), "{answer}");
    let body = dir.run_with(&["prompt", "render", "--json"], person.to_string()).ok().json();
    let kinds = &body["response_format"]["json_schema"]["schema"]["properties"]["candidates"]["items"]["properties"]
        ["kind"]["enum"];
    assert_eq!(*kinds, json!(["rest", "breathe"]));
    person["kinds"] = json!(["breathe"]);
    let answer = dir.run_with(&["generate"], person.to_string()).ok().json();
    assert!(answer["warnings"].to_string().contains("no tip ready of the kinds"), "{answer}");
    let told = |version: &str| {
        let args = ["context", "--prompt-version", version];
        let context = dir.run_with(&args, signals("ann").to_string()).ok().json();
        let names: Vec<String> = context["context"].as_object().unwrap().keys().cloned().collect();
        names.join(" ")
    };
    assert_eq!(told("v1"), "locale moment tasks");
    assert_eq!(told("v2"), "calendar locale moment tasks");
    assert_eq!(told("v3"), "calendar locale moment profile quiet_hours recent tasks");
}

#[test]
pub(super) fn what_became_of_earlier_tips_comes_from_the_store() {
    let dir = Dir::new();
    let now = jiff::Timestamp::now();
    let person = json!({"user": "ann", "timezone": "Europe/Berlin"});
    let mut reactions = vec!["completed", "dismissed", "snoozed"].into_iter();
    let mut shown = Vec::new();
    for seed in ["1", "2", "3"] {
        let args = ["generate", "--score", "--policy", "uniform", "--seed", seed];
        let answer = dir.run_with(&args, person.to_string()).ok().json();
        let decision = &answer["decision"];
        let tip = answer["candidates"]
            .as_array()
            .unwrap()
            .iter()
            .find(|tip| tip["id"] == decision["chosen"])
            .unwrap();
        shown.insert(0, text(tip, "text").to_owned());
        let reaction = reactions.next().unwrap();
        let args = ["reward", "--decision", text(decision, "decision_id"), "--reaction", reaction];
        dir.run(&args).ok();
    }
    let later = now.checked_add(jiff::SignedDuration::from_mins(5)).unwrap();
    let mut person = json!({"user": "ann", "timezone": "Europe/Berlin", "now": later.to_string()});
    let args = ["context", "--prompt-version", "v3"];
    let recent = dir.run_with(&args, person.to_string()).ok().json()["context"]["recent"].clone();
    let told: Vec<&str> = recent.as_array().unwrap().iter().map(|tip| text(tip, "text")).collect();
    assert_eq!(told, shown);
    let reactions: Vec<&str> = recent.as_array().unwrap().iter().map(|tip| text(tip, "reaction")).collect();
    assert_eq!(reactions, ["snoozed", "dismissed", "completed"]);
    // Nobody else's, and none before it was.
    let other = json!({"user": "bob", "now": later.to_string()});
    assert_eq!(dir.run_with(&args, other.to_string()).ok().json()["context"]["recent"], json!([]));
    person["now"] = json!("2020-01-01");
    assert_eq!(dir.run_with(&args, person.to_string()).ok().json()["context"]["recent"], json!([]));
    // What was shown lately is not written again.
    person["now"] = json!(later.to_string());
    let again = dir.run_with(&["generate"], person.to_string()).ok().json();
    for tip in texts(&again) {
        assert!(!shown.iter().any(|other| other == tip), "{tip}");
    }
}

#[test]
pub(super) fn earlier_tips_are_found_in_a_store_that_only_scored() {
    let dir = Dir::new();
    let request = json!({
        "context": {"hour": 9, "weekday": 0},
        "candidates": [{"id": "a", "kind": "move", "text": "Walk around the block."}],
    });
    for user in ["ann", "bob", "ann"] {
        let args = ["score", "--policy", "uniform", "--user", user];
        let decision = dir.run_with(&args, request.to_string()).ok().json();
        dir.run(&["reward", "--decision", text(&decision, "decision_id"), "--reaction", "snoozed"]).ok();
    }
    let person = json!({"user": "ann", "prompt_version": "v3"});
    let context = dir.run_with(&["context"], person.to_string()).ok().json();
    let recent = context["context"]["recent"].as_array().unwrap();
    assert_eq!(recent.len(), 2, "{context}");
    assert_eq!(recent[0]["text"], "Walk around the block.");
    // A command that only reads makes no store.
    let empty = Dir::new();
    empty.run_with(&["context"], person.to_string()).ok();
    empty.run_with(&["generate"], person.to_string()).ok();
    assert!(empty.address().is_some() || !empty.join("state").exists());
}

#[test]
pub(super) fn who_has_seen_all_ready_tips_sees_them_again() {
    let dir = Dir::new();
    let mut person = json!({"user": "ann"});
    let mut seen = Vec::new();
    for _ in 0..4 {
        let answer = dir.run_with(&["generate"], person.to_string()).ok().json();
        seen.extend(texts(&answer).into_iter().map(|tip| json!({"text": tip})));
        person["recent"] = json!(seen);
        if answer["warnings"].to_string().contains("shown lately") {
            assert!(seen.len() > 3);
            return;
        }
    }
    panic!("the tips that are ready never end: {seen:?}");
}

#[test]
pub(super) fn many_lines_are_answered_in_order_and_bad_ones_in_their_place() {
    let dir = Dir::new();
    let gateway = Gateway::start(|n, _| {
        // The first ones take longest.
        std::thread::sleep(std::time::Duration::from_millis(60_u64.saturating_sub(2 * n as u64)));
        Answer::Content(candidates(&["Write one line of the letter."]))
    });
    let lines: String = (0..30)
        .map(|i| {
            if i % 10 == 9 {
                "{\"user\": 7}\n".to_owned()
            } else {
                format!("{}\n", signals(&format!("u{i}")))
            }
        })
        .collect();
    let url = gateway.url();
    let args =
        ["generate", "--jsonl", "--gateway", &url, "--gateway-model", "m", "--gateway-concurrency", "8"];
    let args = [&args[..], &["--score", "--policy", "uniform"]].concat();
    let ran = dir.run_with(&args, &lines).exits(2);
    let answers = ran.jsonl();
    assert_eq!(answers.len(), 30);
    for (i, answer) in answers.iter().enumerate() {
        if i % 10 == 9 {
            assert_eq!(answer["line"], json!(i + 1));
        } else {
            assert_eq!(answer["decision"]["user"], json!(format!("u{i}")));
        }
    }
}

#[test]
pub(super) fn a_user_has_so_many_tokens_a_day_and_others_theirs() {
    let dir = Dir::new();
    let gateway = Gateway::sound(&["Write one line of the letter."]);
    let url = gateway.url();
    let ask = |user: &str, most: &str| {
        let args = ["generate", "--gateway", &url, "--gateway-model", "m", "--gateway-tokens-per-day", most];
        dir.run_with(&args, json!({"user": user}).to_string()).ok().json()
    };
    // A call sets about 1,000 tokens aside and takes 120: what it did not take is given back.
    for _ in 0..5 {
        assert_eq!(ask("ann", "1700")["fallback"], json!(false));
    }
    let mut asked = 5;
    loop {
        let answer = ask("ann", "1700");
        if answer["fallback"] == json!(true) {
            assert_eq!(answer["reason"], "the user's 1700 tokens of today are used up");
            assert_eq!(answer["usage"], json!({"prompt_tokens": 0, "completion_tokens": 0}));
            break;
        }
        asked += 1;
        assert!(asked < 20, "120 tokens each are more than 1,700 by now");
    }
    assert_eq!(gateway.asked().len(), asked);
    assert_eq!(ask("bob", "1700")["fallback"], json!(false));
    // Who is erased has taken nothing.
    dir.run(&["reset", "--user", "ann", "--erase"]).ok();
    assert_eq!(ask("ann", "1700")["fallback"], json!(false));
    let eve = ask("eve", "10");
    assert_eq!(eve["fallback"], json!(true), "less than one call");
    let reason = eve["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("one call takes about ") && reason.ends_with("may have 10 in a day"),
        "{reason}"
    );
}
