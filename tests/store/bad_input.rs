//! What is wrong is refused in one line, with exit code 2, and nothing changes.

use super::{REQUEST, age, by_hand, id, known, line, request_line, reward, score, updates, verified};
use crate::util::{Dir, run};
use rehearsal::base::error::ErrorKind;
use rehearsal::service::{Policies, Service};
use rehearsal::store::{Access, Pace};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

const SCORE: [&str; 5] = ["score", "--policy", "egreedy-v2", "--user", "u"];

/// A store in which one decision was rewarded, and another one not yet.
fn used() -> (Dir, String) {
    let dir = Dir::new();
    reward(&dir, id(&score(&dir, "egreedy-v2", "u", REQUEST)), "completed");
    let open = score(&dir, "egreedy-v2", "u", REQUEST);
    let id = id(&open).to_owned();
    (dir, id)
}

fn with(from: &str, to: &str) -> String {
    assert!(REQUEST.contains(from));
    REQUEST.replacen(from, to, 1)
}

#[test]
fn a_misspelt_address_and_what_a_shell_expands_are_no_directories() {
    let dir = Dir::new();
    for (place, allowed) in [
        ("sqlite:x.db", "without `sqlite:`"),
        ("postgres:u:hush@h/db", "postgres://USER@HOST"),
        ("postgresql:u@h/db", "postgres://USER@HOST"),
        ("~/x", "written out"),
        ("$HOME/x", "written out"),
    ] {
        let score = ["score", "--policy", "linucb", "--user", "u", "--store", place];
        let ran = dir.run_with(&score, r#"{"candidates": []}"#).refused(&["the store", allowed]);
        assert!(!ran.stderr().contains("hush"));
    }
    assert!(dir.path().read_dir().unwrap().next().is_none());
}

#[test]
fn requests() {
    let (dir, _) = used();
    let before = known(&dir);
    for (request, part) in [
        (String::new(), "stdin"),
        ("[]".to_owned(), "stdin"),
        ("{".repeat(100_000), "stdin"),
        ("[".repeat(100_000), "stdin"),
        (with("8.5", "24"), "context.hour is 24"),
        (with("8.5", "NaN"), "stdin"),
        (with("8.5", "1e999"), "stdin"),
        (with("\"weekday\": 5", "\"weekday\": 7"), "context.weekday is 7"),
        (with("0.8", "1.5"), "candidates[0].priority is 1.5"),
        (with("-2", "1e7"), "candidates[0].due_in_days"),
        (with("15", "-1"), "candidates[0].effort_minutes is -1"),
        (with("\"t2\"", "\"t1\""), "candidates[1].id is \"t1\" again"),
        (with("\"t2\"", "\"\""), "candidates[1].id"),
        (with("\"priority\"", "\"colour\""), "colour"),
        (with("0.42", "1.2"), "profile_features.completion_rate is 1.2"),
        (with("0.6", "-0.1"), "profile_features.by_kind.focus.completion_rate"),
        (with("45", "\"long\""), "stdin"),
        (with("{", "{\"user\": \"someone\", "), "--user is \"u\", but stdin says \"someone\""),
        (with("{", "{\"policy\": \"nobody\", "), "nobody"),
        (with("{", "{\"seed\": 9007199254740992, "), "seed is 9007199254740992"),
        (r#"{"context": {"hour": 1, "weekday": 0}, "candidates": []}"#.to_owned(), "a list of 0"),
    ] {
        dir.run_with(&SCORE, request).refused(&[part]);
    }
    dir.run_with(&SCORE, b"\xff\xfe").refused(&["stdin"]);
    let args = [&SCORE[..], &["--request", "nowhere.json"]].concat();
    dir.run(&args).refused(&["cannot read nowhere.json"]);
    let args = [&SCORE[..], &["--seed", "9007199254740992"]].concat();
    dir.run_with(&args, REQUEST).refused(&["below 2^53"]);
    assert_eq!(known(&dir), before);
}

#[test]
fn a_seed_is_said_once() {
    let dir = Dir::new();
    let args = [&SCORE[..], &["--seed", "1"]].concat();
    dir.run_with(&args, with("{", "{\"seed\": 3, ")).refused(&["--seed is \"1\", but stdin says \"3\""]);
    dir.run_with(&args, with("{", "{\"seed\": 1, ")).ok();
    // In lines, the seed of the command is that of the run, and one in a line is that line's.
    let line = request_line("u", "lints-v2");
    let seeded = line.replacen('{', "{\"seed\": 3, ", 1);
    let chosen = |seed: &str| {
        let args = ["score", "--jsonl", "--seed", seed];
        let mut answers = dir.run_with(&args, [line.as_str(), &seeded].join("\n")).ok().jsonl();
        answers.iter_mut().for_each(|answer| drop(answer["decision_id"].take()));
        answers
    };
    assert_eq!(chosen("1")[1], chosen("2")[1]);
    assert_ne!(chosen("1")[0], chosen("2")[0]);
}

#[test]
fn policies() {
    let (dir, _) = used();
    let before = known(&dir);
    let score = |policy: &str| dir.run_with(&["score", "--user", "u", "--policy", policy], REQUEST);
    score("egredy-v2").refused(&["did you mean \"egreedy-v2\"?", "linucb"]);
    score("nowhere.toml").refused(&["cannot read nowhere.toml"]);
    dir.write("bad.toml", "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\nepsilon = 1.5\n");
    score("bad.toml").refused(&["bad.toml: epsilon is 1.5"]);
    dir.write("bad.toml", "name = \"uniform\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\n");
    score("bad.toml").refused(&["bad.toml: name is \"uniform\""]);
    dir.run_with(&["score", "--user", "u"], REQUEST).refused(&["no policy"]);
    dir.run_with(&["score", "--policy", "linucb"], REQUEST).refused(&["no user"]);
    dir.run(&["stats", "--policy", "linucbb"]).refused(&["did you mean \"linucb\"?"]);
    dir.run(&["reset", "--user", "u", "--policy", "linucbb"]).refused(&["did you mean \"linucb\"?"]);
    assert_eq!(known(&dir), before);
}

#[test]
fn a_request_names_a_policy_and_never_a_path() {
    let (dir, _) = used();
    dir.write("secret.toml", "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v1\"\n");
    dir.write("secret.cfg", "password = hunter2\n");
    assert!(Command::new("mkfifo").arg(dir.join("fifo")).status().unwrap().success());
    let before = known(&dir);
    let paths = [
        "secret.toml",
        "./secret.toml",
        "./secret.cfg",
        "/dev/stdin",
        "./fifo",
        "/dev/zero",
        "state",
        "../x",
    ];
    let mut lines: Vec<String> = paths.iter().map(|path| request_line("u", path)).collect();
    lines.push(request_line("u", "linucb"));
    let answers = dir.run_with(&["score", "--jsonl"], lines.join("\n")).exits(2).jsonl();
    assert_eq!(answers.len(), paths.len() + 1);
    for (path, answer) in paths.iter().zip(&answers) {
        let error = answer["error"].as_str().unwrap();
        assert!(error.contains(&format!("unknown policy {path:?}")) && !error.contains("hunter2"), "{error}");
    }
    assert_eq!(answers.last().unwrap()["user"], "u");
    let learned = ["reward", "--jsonl"];
    for path in paths {
        let rewards = line("u", "e9", 1.0).replace("egreedy-v2", path);
        let ran = dir.run_with(&learned, rewards).exits(2);
        assert!(ran.stdout().contains("unknown policy"), "{}", ran.stdout());
        dir.run_with(&["score", "--user", "u"], with("{", &format!("{{\"policy\": {path:?}, ")))
            .refused(&["unknown policy"]);
    }
    // What the caller names is a file, and one that ends.
    for path in ["./fifo", "/dev/zero", "./state"] {
        dir.run_with(&["score", "--user", "u", "--policy", path], REQUEST).refused(&[path, "regular file"]);
    }
    File::create(dir.join("huge.toml")).unwrap().set_len(1 << 40).unwrap();
    dir.run_with(&["score", "--user", "u", "--policy", "huge.toml"], REQUEST)
        .refused(&["huge.toml", "bytes"]);
    assert_eq!(known(&dir).matches("decision_id").count(), before.matches("decision_id").count() + 1);
}

#[test]
fn rewards() {
    let (dir, open) = used();
    let before = known(&dir);
    let of = |args: &[&str]| dir.run_with(&[&["reward"], args].concat(), REQUEST);
    of(&["--decision", &open, "--reaction", "complete"]).exits(2);
    of(&["--decision", &open]).refused(&["give --reaction, or --reward"]);
    of(&["--decision", &open, "--reaction", "completed", "--reward", "1"]).refused(&["not both"]);
    of(&["--reaction", "completed"]).refused(&["give --decision"]);
    of(&["--decision", "d1", "--reaction", "completed"]).refused(&["decision \"d1\": not in"]);
    of(&["--decision", &open, "--reaction", "completed", "--user", "x"]).refused(&["user is \"x\""]);
    of(&["--decision", &open, "--reaction", "completed", "--policy", "linucb"]).refused(&["policy is"]);
    of(&["--decision", &open, "--chosen", "t1", "--reaction", "completed"]).refused(&["give one of them"]);
    of(&["--decision", &open, "--reaction", "completed", "--event-id", ""])
        .refused(&["command line: event_id"]);
    for dwell in ["-1", "1e10", "NaN", "inf"] {
        let dwell = format!("--dwell-seconds={dwell}");
        of(&["--decision", &open, "--reaction", "completed", &dwell]).refused(&["dwell_seconds is"]);
    }
    let direct = ["--policy", "linucb", "--user", "u", "--chosen"];
    for value in ["NaN", "inf", "-inf", "1000000.1"] {
        of(&[&direct[..], &["t1", &format!("--reward={value}")]].concat()).refused(&["reward is"]);
    }
    of(&[&direct[..], &["t9", "--reward", "1"]].concat()).refused(&["chosen is \"t9\""]);
    of(&["--policy", "linucb", "--chosen", "t1", "--reward", "1"]).refused(&["no user"]);
    let event = "e".repeat(257);
    of(&[&direct[..], &["t1", "--reward", "1", "--event-id", &event]].concat()).refused(&["event_id is"]);
    // An id of the right shape that nobody gave.
    let other = if open.ends_with('0') { open.replace('0', "1") } else { open.replace('1', "0") };
    of(&["--decision", &format!("{}x", &other[..35]), "--reaction", "completed"]).refused(&["not in"]);
    assert_eq!(known(&dir), before);
}

#[test]
fn a_value_of_a_million_bytes_is_named_in_short() {
    let (dir, _) = used();
    let before = known(&dir);
    let long = "x".repeat(1_000_000);
    let lines = [
        line("u", "e9", 1.0).replace("\"chosen\":\"t1\"", &format!("\"chosen\":\"{long}\"")),
        line("u", "e9", 1.0).replace("egreedy-v2", &long),
        line(&long, "e9", 1.0),
        line("u", &long, 1.0),
        json!({"decision": long, "reaction": "completed"}).to_string(),
        json!({"decision": "d", "reaction": long}).to_string(),
        format!("{{\"{long}\": 1}}"),
    ];
    let answers = dir.run_with(&["reward", "--jsonl"], lines.join("\n")).exits(2).jsonl();
    assert_eq!(answers.len(), lines.len());
    for answer in answers {
        let error = answer["error"].as_str().unwrap();
        assert!(error.len() < 2_000, "{} bytes: {}", error.len(), &error[..200]);
    }
    assert_eq!(known(&dir), before);
}

#[test]
fn users() {
    let dir = Dir::new();
    let score = |user: &str| dir.run_with(&["score", "--policy", "uniform", "--user", user], REQUEST);
    score("").refused(&["user is \"\""]);
    score(&"x".repeat(10_000)).refused(&["user is a text of 10000 bytes"]);
    let users = ["../../x", "a/b", ".", "..", "\u{1f600}", "a_b", "-", "%2F", "a b\n\"c\"\\", "CON"];
    for user in users {
        let option = format!("--user={user}");
        let args = ["score", "--policy", "uniform", &option];
        let decision = dir.run_with(&args, REQUEST).ok().json();
        assert_eq!(decision["user"], *user);
        reward(&dir, id(&decision), "completed");
        let stats = dir.run(&["stats", &option]).ok().json();
        assert_eq!(stats["policies"][0]["updates"], 1, "{user}");
    }
    assert_eq!(super::views(&dir).len(), users.len());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    super::views_follow(&dir, "whatever users are called");
    for user in ["../../x", "a_b", "."] {
        let option = format!("--user={user}");
        assert_eq!(dir.run(&["reset", &option]).ok().json()["removed"][0], "uniform");
    }
    assert_eq!(dir.run(&["stats"]).ok().jsonl().len(), users.len() - 3);
}

#[test]
fn states_that_are_not_what_they_should_be() {
    let (dir, _) = used();
    let good = dir.read("state/u_egreedy_v2.json");
    let before = known(&dir);
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.trim().replacen(from, to, 1)
    };
    for (line, parts) in [
        ("{}".to_owned(), vec!["damaged"]),
        (good[..good.len() / 2].to_owned(), vec!["damaged"]),
        (changed("\"format_version\":3", "\"format_version\":4"), vec!["format_version is 4", "1 to 3"]),
        (changed("\"format_version\":3", "\"format_version\":4,\"novelty\":1"), vec!["format_version is 4"]),
        (changed("\"format_version\":3", "\"format_version\":3,\"novelty\":1"), vec!["novelty"]),
        (changed("\"D\":12", "\"D\":13"), vec!["D is 13", "12"]),
        (changed("\"tip_volume\"", "\"tips\""), vec!["feature_names is", "tips", "tip_volume"]),
        (
            changed("\"feature_set\":\"v2\"", "\"feature_set\":\"v1\""),
            vec!["feature_set_digest is", "as v1 has it"],
        ),
        (changed("\"user\":\"u\"", "\"user\":\"\""), vec!["user is"]),
        (changed("egreedy-v2", "linucb"), vec!["feature_set is v2", "v1"]),
        (changed("\"lambda\":1.0", "\"lambda\":2.0"), vec!["lambda is 2", "1"]),
        (changed("\"structure\":\"shared\"", "\"structure\":\"disjoint\""), vec!["structure is disjoint"]),
        (changed("\"updates\":1", "\"updates\":-1"), vec!["damaged"]),
        (changed("\"updates\":1", "\"updates\":9007199254740993"), vec!["updates is"]),
        (changed("\"updates\":1", "\"updates\":0"), vec!["reward_sum is 1", "each of the 0 updates"]),
        (
            changed("\"updates\":1", "\"updates\":0").replacen("\"reward_sum\":1.0", "\"reward_sum\":0.0", 1),
            vec!["updates is 0", "that A and b were learned from"],
        ),
        (
            changed("\"reward_sum\":1.0", "\"reward_sum\":1e300"),
            vec!["reward_sum is 1", "at most 1000000 in size for each of the 1 updates"],
        ),
        (changed("\"A\":[", "\"A\":[1.0,"), vec!["damaged"]),
        (changed("\"reward_sum\":1.0", "\"reward_sum\":1e999"), vec!["damaged"]),
        (changed("}", ",\"crc\":\"00000000\"}"), vec!["checksum"]),
    ] {
        let run = dir.run_with(&["import", "--replace"], &line).exits(2);
        let error = run.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with("line 1: "), "{error}");
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    assert_eq!(known(&dir), before);
}

#[test]
fn directories_that_cannot_be_used() {
    let dir = Dir::new();
    dir.write("file", "");
    for place in ["file", "file/below", "/proc/nowhere"] {
        let args = [&SCORE[..], &["--store", place]].concat();
        dir.run_with(&args, REQUEST).refused(&[place]);
        dir.run(&["stats", "--store", place]).refused(&[place]);
    }
}

#[test]
fn a_database_of_an_older_program_gets_the_tables_of_today() {
    let (dir, open) = used();
    age(&dir);
    // Who only reads may meet it first.
    assert_eq!(dir.run(&["log", "decisions"]).ok().jsonl().len(), 2);
    age(&dir);
    dir.run(&["reward", "--decision", &open, "--reaction", "completed"]).ok();
    dir.run(&["verify"]).ok();
}

#[test]
fn a_database_that_is_none_and_one_of_a_newer_program() {
    let (dir, open) = used();
    let reward = ["reward", "--decision", &open, "--reaction", "completed"];
    let database = rusqlite::Connection::open(dir.join("state/rehearsal.db")).unwrap();
    let today: u32 = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    by_hand(&dir, "PRAGMA user_version = 99");
    for args in [&reward[..], &["stats"], &["verify"], &["rebuild"]] {
        dir.run(args).refused(&["state/rehearsal.db: schema_version is 99; allowed: up to "]);
    }
    by_hand(&dir, &format!("PRAGMA user_version = {today}"));
    dir.run(&reward).ok();
    let other = Dir::new();
    fs::create_dir(other.join("state")).unwrap();
    let content = "nonsense\n".repeat(1_000);
    other.write("state/rehearsal.db", &content);
    for args in [&reward[..], &["stats"], &["verify"], &["rebuild"]] {
        other.run(args).refused(&["state/rehearsal.db: cannot ", "not a database"]);
    }
    assert_eq!(other.read("state/rehearsal.db"), content);
    let other = Dir::new();
    fs::create_dir_all(other.join("state/rehearsal.db")).unwrap();
    other.run_with(&SCORE, REQUEST).refused(&["state/rehearsal.db"]);
}

#[test]
fn a_store_that_is_not_there_is_no_sound_one() {
    let dir = Dir::new();
    for command in [
        &["verify"][..],
        &["export"],
        &["rebuild"],
        &["rebuild", "--into", "other"],
        &["stats"],
        &["stats", "--user", "a"],
        &["stats", "--csv"],
        &["reset", "--user", "a"],
        &["log", "decisions"],
        &["backup", "copy.db"],
        &["prune", "--before", "1d"],
    ] {
        dir.run(&[command, &["--store", "stat"]].concat()).refused(&["stat: no store there", "--store"]);
        assert!(fs::read_dir(dir.path()).unwrap().next().is_none(), "{command:?}");
    }
    // Nor is a directory in which there is something else.
    fs::create_dir(dir.join("stat")).unwrap();
    dir.write("stat/notes.txt", "");
    dir.run(&["reset", "--user", "a", "--store", "stat"]).refused(&["stat: no store there"]);
    dir.run(&["stats", "--store", "stat"]).refused(&["stat: no store there"]);
}

#[test]
fn requests_are_objects_and_messages_speak_of_types_of_json() {
    let dir = Dir::new();
    let score = |request: &str| {
        dir.run_with(&["score", "--policy", "uniform", "--user", "u", "--request", "-"], request)
    };
    for (request, said) in [
        (
            r#"["u","uniform",3,[5,0],[["a",null,null,null,null,null]],null]"#,
            "stdin: a JSON object is needed",
        ),
        ("", "it is empty"),
        (
            r#"{"context":{"hour":"x","weekday":0},"candidates":[{"id":"a"}]}"#,
            "context.hour: invalid type: string \"x\", expected a number at column 22",
        ),
        (
            r#"{"context":{"hour":1,"weekday":300},"candidates":[{"id":"a"}]}"#,
            "context.weekday: invalid value: integer `300`, expected 0 (Monday) to 6 (Sunday) at column",
        ),
        (
            r#"{"context":7,"candidates":[{"id":"a"}]}"#,
            "context: invalid type: integer `7`, expected an object at",
        ),
        (
            r#"{"context":{"hour":1,"weekday":0},"candidates":{}}"#,
            "candidates: invalid type: an object, expected a list",
        ),
    ] {
        score(request).refused(&[said]);
    }
    score(REQUEST).ok();
}

#[test]
fn a_mark_before_the_first_byte_is_passed_over() {
    let dir = Dir::new();
    let mark = "\u{feff}";
    let decision = dir.run_with(&SCORE, format!("{mark}{REQUEST}")).ok().json();
    dir.write("request.json", format!("{mark}{REQUEST}"));
    dir.run(&[&SCORE[..], &["--request", "request.json"]].concat()).ok();
    // Files that were put together have the marks of all of them, each at the beginning of a line.
    let line = request_line("u", "uniform");
    let lines = format!("{mark}{line}\n{line}\n{mark}{line}\n{mark}\n");
    assert_eq!(dir.run_with(&["score", "--jsonl"], lines).ok().jsonl().len(), 3);
    let signals = format!("{mark}{{\"user\":\"u\"}}\n{mark}{{\"user\":\"v\"}}\n");
    assert_eq!(dir.run_with(&["generate", "--jsonl"], &signals).ok().jsonl().len(), 2);
    dir.run_with(&["context"], signals.lines().next().unwrap()).ok();
    let line = json!({"decision": id(&decision), "reaction": "completed"});
    dir.run_with(&["reward", "--jsonl"], format!("{mark}{line}\r\n{mark}{line}\r\n")).ok();
    let direct = ["reward", "--policy", "linucb", "--user", "u", "--chosen", "t1", "--reward", "1"];
    dir.run_with(&direct, format!("{mark}{REQUEST}")).ok();
    let exported = dir.run(&["export"]).ok().stdout();
    let other = Dir::new();
    let marked: String = exported.lines().flat_map(|line| [mark, line, "\r\n"]).collect();
    other.run_with(&["import"], marked).ok();
    assert_eq!(other.run(&["stats"]).ok().stdout(), dir.run(&["stats"]).ok().stdout());
    let registry = dir.run(&["schema"]).ok().json();
    let properties = registry["properties"].as_object().unwrap_or_else(|| panic!("{registry}"));
    assert!(!properties.is_empty());
    dir.write("registry.json", format!("{mark}[]"));
    let said = dir.run(&["schema", "--check", "registry.json"]).exits(2).stderr();
    assert!(!said.contains("begins with") && !said.contains("expected value"), "{said}");
    // A second one is something else.
    dir.run_with(&SCORE, format!("{mark}{mark}{REQUEST}")).refused(&["stdin"]);
}

#[test]
fn a_key_that_is_misspelt_suggests_the_nearest() {
    let dir = Dir::new();
    let score = |request: String| dir.run_with(&SCORE, request);
    score(REQUEST.replace("\"context\"", "\"contxt\"")).refused(&["did you mean `context`?"]);
    score(with("\"priority\"", "\"priorty\""))
        .refused(&["candidates[0].priorty", "did you mean `priority`?"]);
    let line = json!({"decison": "d", "reaction": "completed"}).to_string();
    let said = dir.run_with(&["reward", "--jsonl"], line).exits(2).stdout();
    assert!(said.contains("did you mean `decision`?"), "{said}");
    dir.run_with(&["context"], r#"{"user":"u","sead":1}"#).refused(&["did you mean `seed`?"]);
    let long = format!("{{\"{}\":1}}", "x".repeat(1_000_000));
    assert!(dir.run_with(&SCORE, long).refused(&["unknown field"]).stderr().len() < 2_000);
}

#[test]
fn files_that_are_no_text_are_named_for_what_they_are() {
    let dir = Dir::new();
    for (name, content, what) in [
        ("x.json", &b"\x1f\x8b\x08\0rest"[..], "compressed with gzip"),
        ("x.toml", b"PK\x03\x04\x14\xe8rest", "a zip archive, or a spreadsheet"),
        ("x.md", b"\xff\xfe{\0", "UTF-16, which is not read; save it as UTF-8"),
        ("y.toml", b"name = \"x\"\nexplorer = \"\xe9\"\n", "line 2 is not UTF-8"),
    ] {
        dir.write(name, content);
        for command in ["check", "features explain --request", "score --policy linucb --user u --request"] {
            let args: Vec<&str> = command.split(' ').chain([name]).collect();
            if command == "check" || !what.starts_with("line") {
                dir.run(&args).refused(&[name, what]);
            }
        }
    }
    let states = dir.run_with(&["import"], b"\x1f\x8b\x08\0rest").exits(2).stdout();
    assert!(states.contains("compressed with gzip"), "{states}");
}

#[test]
fn nobody_is_no_user() {
    let dir = Dir::new();
    dir.run_with(&SCORE, REQUEST).ok();
    for args in [&["stats"][..], &["reset"], &["export"], &["log", "decisions"]] {
        let said = dir.run(&[args, &["--user", ""]].concat()).exits(2).stderr();
        assert!(said.contains("--user"), "{said}");
    }
}

#[test]
fn what_is_printed_as_json_speaks_to_no_terminal() {
    let dir = Dir::new();
    let name = "a\u{9b}31m\u{202e}b";
    let request = json!({"context": {"hour": 8, "weekday": 1}, "candidates": [{"id": name}]}).to_string();
    let args = ["score", "--policy", "linucb", "--user", name];
    let decision = dir.run_with(&args, request).ok();
    assert_eq!(decision.json()["chosen"], name);
    let reward = json!({"decision": id(&decision.json()), "reaction": "completed"}).to_string();
    let rewarded = dir.run_with(&["reward", "--jsonl"], reward).ok();
    let printed = [&["stats"][..], &["export"], &["log", "decisions"], &["log", "rewards"]];
    for ran in printed.iter().map(|args| dir.run(args).ok()).chain([decision, rewarded]) {
        assert!(ran.stdout().is_ascii() && ran.stdout().contains("a\\u009b31m\\u202eb"), "{}", ran.stdout());
        assert_eq!(ran.jsonl()[0]["user"], name);
    }
    assert_eq!(dir.run(&["verify"]).ok().json()["problems"], json!([]));
}

#[test]
fn what_no_policy_looks_at_does_not_spoil_the_log() {
    let dir = Dir::new();
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for value in [r#""\ud800""#, &deep, r#""a\u0000b""#, "{\"x\": [null, 1e300]}"] {
        let request = with("\"tip_volume\"", &format!("\"streak\": {value}, \"tip_volume\""));
        let run = dir.run_with(&SCORE, &request);
        if run.code() == 0 {
            reward(&dir, id(&run.json()), "completed");
        } else {
            run.refused(&["stdin"]);
        }
    }
    let text = dir.run(&["log", "decisions"]).ok().stdout();
    assert!(text.lines().count() >= 2 && !text.contains("streak") && !text.contains("ud800"), "{text}");
    for line in text.lines().chain(dir.run(&["log", "rewards"]).ok().stdout().lines()) {
        serde_json::from_str::<Value>(line).unwrap();
    }
    assert_eq!(verified(&dir), [""; 0]);
}

#[test]
fn a_reader_who_leaves_early_is_told_that_input_was_left() {
    let dir = Dir::new();
    let lines: String = (0..30_000).map(|i| line("u", &format!("e{i}"), 1.0) + "\n").collect();
    let mut child = dir.command(&["reward", "--jsonl"]).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let feeder = thread::spawn(move || drop(stdin.write_all(lines.as_bytes())));
    stdout.read_exact(&mut [0; 10]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("stdout was closed") && said.contains("is not"), "{said}");
    // What was learned before that has its state file.
    assert!((1..30_000).contains(&updates(&dir, "u")));
    super::views_follow(&dir, "after a reader left");
}

/// As the children of some programs have them: reading and writing ask for patience.
#[test]
fn pipes_that_do_not_wait_are_waited_for() {
    let dir = Dir::new();
    // The children share stdin and stdout with what sets the flag.
    let script = "import fcntl, os, subprocess, sys\n\
        for fd in (0, 1):\n    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)\n\
        sys.exit(subprocess.call(sys.argv[1:]))\n";
    if !Command::new("python3").arg("-c").arg("").status().is_ok_and(|status| status.success()) {
        crate::util::skip("there is no python3");
        return;
    }
    for (args, lines) in [
        (&["score", "--jsonl"][..], vec![request_line("u", "uniform"); 2_000]),
        (&["reward", "--jsonl"], (0..2_000).map(|i| line("u", &i.to_string(), 1.0)).collect()),
    ] {
        let plain = dir.command(args);
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(plain.get_program()).args(args).current_dir(dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let text = lines.join("\n") + "\n";
        let feeder = thread::spawn(move || {
            // It has to wait for input, and later for somebody to read.
            thread::sleep(std::time::Duration::from_millis(200));
            drop(stdin.write_all(text.as_bytes()));
        });
        thread::sleep(std::time::Duration::from_millis(700));
        let mut answers = String::new();
        stdout.read_to_string(&mut answers).unwrap();
        feeder.join().unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(answers.lines().count(), 2_000, "{args:?}");
    }
    // One request likewise.
    let mut command = Command::new("sh");
    let plain = dir.command(&SCORE);
    command.args(["-c", "(sleep 0.3; cat request.json) | python3 -c \"$0\" \"$@\"", script]);
    command.arg(plain.get_program()).args(SCORE).current_dir(dir.path());
    dir.write("request.json", REQUEST);
    run(command, b"").ok();
}

#[test]
pub(super) fn the_character_nul_is_in_no_name_that_is_kept() {
    let dir = Dir::new();
    let decision = score(&dir, "linucb", "u", REQUEST);
    let before = known(&dir);
    let good = request_line("u", "linucb");
    for (from, to) in [
        (r#""user": "u""#, r#""user": "u\u0000""#),
        (r#""id": "t2""#, r#""id": "t\u00002""#),
        (r#""kind": "rest""#, r#""kind": "\u0000""#),
        (r#""by_kind": {"focus""#, r#""by_kind": {"fo\u0000cus""#),
        ("{", r#"{"shadow_of": "\u0000", "#),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        let run = dir.run_with(&["score", "--jsonl"], &bad).exits(2);
        assert!(
            run.jsonl()[0]["error"].as_str().unwrap().contains("without the character NUL"),
            "{}",
            run.stdout()
        );
    }
    let good = line("u", "e", 1.0);
    let answer = json!({"decision": decision["decision_id"], "reaction": "completed"});
    let decision = answer.to_string().replacen('-', "\\u0000", 1);
    for bad in [
        good.replacen(r#""event_id":"e""#, r#""event_id":"e\u0000""#, 1),
        good.replacen(r#""user":"u""#, r#""user":"\u0000u""#, 1),
        decision,
        answer.to_string().replacen('{', r#"{"user":"u\u0000","#, 1),
    ] {
        assert!(bad.contains("\\u0000"), "{bad}");
        let run = dir.run_with(&["reward", "--jsonl"], format!("{bad}\n{bad}")).exits(2);
        assert!(
            run.jsonl()[1]["error"].as_str().unwrap().contains("without the character NUL"),
            "{}",
            run.stdout()
        );
    }
    assert_eq!(known(&dir), before);
    // Nor is one asked for, by whoever has no command line between.
    let store = rehearsal::store::open(&dir.store(), Access::Write, Pace::Single).unwrap();
    let service = Service::new(store, Policies::new::<&str>(&[]).unwrap(), Vec::new()).unwrap();
    let nobody = "no\0body";
    let errors = [
        service.reset(nobody, None).unwrap_err(),
        service.erase(nobody, None).unwrap_err(),
        service.stats(Some(nobody), None, |_| Ok(())).unwrap_err(),
        service.knows(nobody, "linucb").unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
}

/// Whoever may start few threads gets the answers, later, or is told.
#[test]
fn threads_that_the_system_refuses_are_no_panic() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::new();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let other_user = ["--reuid=54321", "--regid=54321", "--clear-groups"];
    let works = std::process::Command::new("setpriv").args(other_user).arg("true").output();
    if !is_root || !works.is_ok_and(|output| output.status.success()) {
        crate::util::skip("nobody else's limits can be set here");
        return;
    }
    let lines = format!("{}\n", request_line("u", "uniform")).repeat(3000);
    let binary = dir.join("rehearsal");
    std::fs::copy(env!("CARGO_BIN_EXE_rehearsal"), &binary).unwrap();
    for (threads, command) in [
        (1, "score --jsonl"),
        (2, "score --jsonl"),
        (4, "score --jsonl"),
        (8, "score --jsonl"),
        (1, "simulate --users 32 --steps 2 --policy uniform"),
        (1, "serve --listen 127.0.0.1:0 --policy uniform"),
        (2, "serve --listen 127.0.0.1:0 --policy uniform"),
        (4, "serve --listen 127.0.0.1:0 --policy uniform"),
    ] {
        let mut limited = std::process::Command::new("setpriv");
        let run = format!("ulimit -u {threads}; exec ./rehearsal {command}");
        limited.args(other_user).args(["bash", "-c", &run]).current_dir(dir.path());
        let ran = crate::util::run(limited, lines.as_bytes());
        match ran.code() {
            0 => assert!(command.starts_with("simulate") || ran.stdout().lines().count() == 3000),
            2 => assert!(ran.stderr().contains("thread"), "{}", ran.stderr()),
            _ => ran.fail("expected answers, or exit code 2"),
        }
    }
}

/// Both stand in the line, and nobody gave an option.
#[test]
fn a_reward_that_names_two_users_is_told_where_they_stand() {
    let dir = Dir::new();
    let request = with("{", "{\"user\": \"w\", ");
    let reward = |rest: &str| {
        format!("{{\"reaction\": \"completed\", \"chosen\": \"t1\", {rest}}}").replace('\n', " ")
    };
    let lines = [
        reward(&format!("\"user\": \"u\", \"request\": {request}")),
        reward(&format!("\"user\": \"w\", \"request\": {request}")),
    ];
    let args = ["reward", "--jsonl", "--policy", "linucb"];
    let answers = dir.run_with(&args, lines.join("\n")).exits(2).jsonl();
    let said = "the user beside the request is \"u\", but the request in line 1 says \"w\"";
    assert_eq!(answers[0]["error"], said);
    assert_eq!((&answers[1]["user"], &answers[1]["updates"]), (&json!("w"), &json!(1)));
}
