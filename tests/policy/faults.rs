//! A program that is killed, hangs or lies: an error that says which call, nothing half written, and what others get.

use super::{FAULTY, faulty, has_python, request};
use crate::util::{Dialogue, Dir};
use serde_json::{Value, json};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

const USERS: [&str; 5] = ["u1", "u2", "u3", "u4", "u5"];

/// One request for each user; that of `u3` is at 13:00.
fn lines() -> String {
    USERS.map(|user| request(user, if user == "u3" { 13.0 } else { 8.0 })).join("\n") + "\n"
}

#[test]
fn a_decision_that_is_none_is_an_error_of_its_call_and_the_others_are_kept() {
    if !has_python() {
        return;
    }
    let ways = [
        ("sum", "add up to 1.1"),
        ("nan", "no line of the protocol"),
        ("few", "a list of 2; allowed: 3"),
        ("negative", "probabilities[0] is -0.5"),
        ("text", "no line of the protocol"),
        ("hang", "no answer within 0.4 s (time_limit_seconds)"),
        ("crash", "it ended (exit status: 1)"),
        ("refuse", "it says: closed for lunch"),
    ];
    let dir = faulty(&ways.map(|(way, _)| way));
    for (way, said) in ways {
        let file = format!("{way}.toml");
        let ran = dir.run_with(&["score", "--jsonl", "--policy", &file, "--seed", "7"], lines()).exits(2);
        let answers = ran.jsonl();
        assert_eq!(answers.len(), 5, "{way}");
        for (answer, user) in answers.iter().zip(USERS) {
            if user == "u3" {
                let error = answer["error"].as_str().unwrap();
                let named = format!("program {way}: decide 3 of user \"u3\"");
                assert!(error.contains(&named) && error.contains(said), "{way}: {error}");
                assert_eq!(answer["line"], 3);
            } else {
                assert_eq!(
                    (answer["user"].as_str(), answer["propensity"].as_f64()),
                    (Some(user), Some(1.0 / 3.0))
                );
            }
        }
        let alone = dir.run_with(&["score", "--policy", &file], request("u3", 13.0)).exits(2);
        assert!(alone.stdout().is_empty() && alone.stderr().contains(said), "{way}: {}", alone.stderr());
    }
    let decisions = dir.run(&["log", "decisions"]).ok().jsonl();
    assert_eq!(decisions.len(), 4 * ways.len());
    assert!(decisions.iter().all(|decision| decision["user"] != "u3"));
}

#[test]
fn a_reward_that_is_not_learned_leaves_everything_as_it_was() {
    if !has_python() {
        return;
    }
    let ways = [
        ("crash", "I know  [31mnothing [0m of lunch"),
        ("hang", "no answer within 0.4 s"),
        ("big", "allowed: at most 1048576"),
        ("refuse", "closed for lunch"),
    ];
    let dir = faulty(&ways.map(|(way, _)| way));
    for (way, said) in ways {
        let file = format!("{way}.toml");
        let reward = |user: &str, event: &str| {
            let mut line: Value =
                serde_json::from_str(&request(user, if user == "u3" { 13.0 } else { 8.0 })).unwrap();
            let more = json!({"policy": way, "chosen": "b", "reward": 0.5, "event_id": event});
            for (key, value) in more.as_object().unwrap() {
                line[key] = value.clone();
            }
            line.to_string()
        };
        // Two of each user, in one transaction; the same again is known, or as wrong as before.
        let lines: String =
            ["e1", "e2"].into_iter().flat_map(|event| USERS.map(|user| reward(user, event) + "\n")).collect();
        for again in [false, true] {
            let answers = dir.run_with(&["reward", "--jsonl", "--policy", &file], &lines).exits(2).jsonl();
            for (i, answer) in answers.iter().enumerate() {
                let user = USERS[i % 5];
                if user == "u3" {
                    let error = answer["error"].as_str().unwrap();
                    let named = format!("program {way}: learn {} of user \"u3\"", i + 1);
                    assert!(error.contains(&named) && error.contains(said), "{way}: {error}");
                } else {
                    let updates = if again { 2 } else { 1 + i as u64 / 5 };
                    assert_eq!((&answer["updates"], &answer["duplicate"]), (&json!(updates), &json!(again)));
                }
            }
        }
        let state = dir.json(&format!("state/u1_{way}.json"));
        assert_eq!((&state["state"]["n"], &state["updates"]), (&json!(2), &json!(2)));
        assert!(!dir.join(&format!("state/u3_{way}.json")).exists());
    }
    let files = ways.map(|(way, _)| ["--policy".to_owned(), format!("{way}.toml")]).concat();
    let args: Vec<&str> = ["verify"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let verified = dir.run(&args).ok().json();
    assert_eq!((&verified["states"], &verified["problems"]), (&json!(16), &json!([])));
    assert!(verified.get("unasked").is_none());
    assert_eq!(dir.run(&["verify"]).ok().json()["unasked"], 16);
}

#[test]
fn a_program_out_of_step_is_named() {
    if !has_python() {
        return;
    }
    let ways = [
        ("mute", "cannot start \"python3\": no answer within 0.4 s (start_limit_seconds)"),
        ("newer", "protocol 2; allowed: 1"),
        ("junk", "no line of the protocol"),
        ("short", "has 0 probabilities; allowed: 1"),
    ];
    let dir = faulty(&ways.map(|(way, _)| way));
    for (way, said) in ways {
        let ran = dir.run_with(&["score", "--policy", &format!("{way}.toml")], request("ann", 8.0)).exits(2);
        assert!(ran.stderr().contains(said), "{way}: {}", ran.stderr());
    }
    dir.write("none.toml", "name = \"none\"\ncommand = [\"./there-is-none\"]\n");
    let ran = dir.run_with(&["score", "--policy", "none.toml"], request("ann", 8.0)).exits(2);
    assert!(ran.stderr().contains("cannot start \"./there-is-none\": No such file"), "{}", ran.stderr());
    assert!(dir.run(&["log", "decisions"]).ok().stdout().is_empty());
}

#[test]
fn what_it_writes_to_stderr_is_passed_on_clean() {
    if !has_python() {
        return;
    }
    let dir = faulty(&["crash"]);
    let ran = dir.run_with(&["score", "--policy", "crash.toml"], request("u3", 13.0)).exits(2);
    assert!(ran.stderr().contains("crash: I know  [31mnothing [0m of lunch\n"), "{:?}", ran.stderr());
    assert!(!ran.stderr().contains('\u{1b}'));
}

#[test]
fn a_command_that_is_not_allowed_is_refused_with_field_and_value() {
    let dir = Dir::new();
    for (text, said) in [
        ("command = []", "command is []; allowed: a program"),
        ("command = [\"\"]", "command is [\"\"]"),
        ("command = [\"a\\u0000\"]", "command[0] is \"a\\0\""),
        ("command = \"python3 mine.py\"", "command"),
        (
            "command = [\"a\"]\ntime_limit_seconds = 0",
            "time_limit_seconds is 0; allowed: a number in [0.01, 3600]",
        ),
        ("command = [\"a\"]\nstart_limit_seconds = nan", "start_limit_seconds is NaN"),
        ("command = [\"a\"]\nexplorer = \"egreedy\"", "unknown field `explorer`"),
        ("command = [\"a\"]\n[files]\na = \"00\"", "files.a is 00"),
    ] {
        dir.write("own.toml", format!("name = \"own\"\n{text}\n"));
        dir.run(&["score", "--policy", "own.toml", "--user", "ann"]).refused(&["own.toml", said]);
    }
}

/// What a store says of a program starts nothing: whoever can write there could start anything.
#[test]
fn only_a_file_that_the_operator_names_starts_a_program() {
    if !has_python() {
        return;
    }
    let dir = faulty(&["uniform-too"]);
    let decided = dir.run_with(&["score", "--policy", "uniform-too.toml"], request("ann", 8.0)).ok().json();
    let id = decided["decision_id"].as_str().unwrap();
    let reward = ["reward", "--decision", id, "--reaction", "completed"];
    dir.run(&reward).refused(&["uniform-too: it is a program", "name its file with --policy"]);
    dir.run_with(&["score", "--policy", "uniform-too"], request("ann", 8.0))
        .refused(&["unknown policy \"uniform-too\""]);
    let named = [&reward[..], &["--policy", "uniform-too.toml"]].concat();
    assert_eq!(dir.run(&named).ok().json()["updates"], 1);
    assert_eq!(dir.run(&["stats"]).ok().json()["policies"][0]["theta"], Value::Null);
    // A file that has changed makes another program, and what it would have learned is another state.
    dir.write("faulty.py", FAULTY.replace(", 0)) + 1}", ", 0)) + 2}"));
    let verified = dir.run(&["verify", "--policy", "uniform-too.toml"]).exits(2).json();
    assert!(verified["problems"][0]["problem"].as_str().unwrap().contains("not what its rewards make of it"));
    dir.run(&["rebuild", "--policy", "uniform-too.toml"]).ok();
    dir.run(&["verify", "--policy", "uniform-too.toml"]).ok();
    let exported = dir.run(&["export"]).ok().stdout();
    dir.run(&["reset", "--user", "ann"]).ok();
    dir.run_with(&["import"], &exported).ok();
    assert_eq!(dir.json("state/ann_uniform_too.json")["state"], json!({"n": 2}));
}

#[test]
fn a_program_ends_with_whoever_started_it() {
    if !has_python() || !Path::new("/proc/self").exists() {
        return;
    }
    let dir = faulty(&["hang"]);
    dir.write(
        "faulty.py",
        FAULTY.replace("how = sys.argv[1]", "how = sys.argv[1]\nopen('pid', 'w').write(str(os.getpid()))"),
    );
    dir.write("hang.toml", dir.read("hang.toml").replace("0.4", "600"));
    let mut dialogue = Dialogue::new(&dir, &["score", "--jsonl", "--policy", "hang.toml"]);
    let answer = dialogue.try_ask(&request("ann", 8.0)).unwrap();
    assert_eq!(answer["user"], "ann");
    let pid = dir.read("pid");
    assert!(Path::new(&format!("/proc/{pid}")).exists());
    // It sleeps, and reads no end of its input.
    dialogue.send(&request("ann", 13.0));
    sleep(Duration::from_millis(200));
    drop(dialogue);
    let is_there =
        || std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    for _ in 0..500 {
        if !is_there() {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    panic!("process {pid} is still there");
}
