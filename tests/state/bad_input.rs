//! What is wrong is refused in one line, with exit code 2, and nothing changes.

use super::{REQUEST, id, reward, score};
use crate::util::Dir;
use std::fs;
use std::os::unix::fs::symlink;

const SCORE: [&str; 5] = ["score", "--policy", "egreedy-v2", "--user", "u"];

/// A directory in which one decision was rewarded, and another one not yet.
fn used() -> (Dir, String) {
    let dir = Dir::new();
    reward(&dir, id(&score(&dir, "egreedy-v2", "u", REQUEST)), "completed");
    let open = score(&dir, "egreedy-v2", "u", REQUEST);
    let id = id(&open).to_owned();
    (dir, id)
}

#[test]
fn requests() {
    let (dir, _) = used();
    let before = dir.contents("state");
    let with = |from: &str, to: &str| {
        assert!(REQUEST.contains(from));
        REQUEST.replacen(from, to, 1)
    };
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
        (with("{", "{\"policy\": \"linucb\", "), "--policy is \"egreedy-v2\", but stdin says \"linucb\""),
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
    assert_eq!(dir.contents("state"), before);
}

#[test]
fn policies() {
    let (dir, _) = used();
    let before = dir.contents("state");
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
    assert_eq!(dir.contents("state"), before);
}

#[test]
fn rewards() {
    let (dir, open) = used();
    let before = dir.contents("state");
    let of = |args: &[&str]| dir.run_with(&[&["reward"], args].concat(), REQUEST);
    of(&["--decision", &open, "--reaction", "complete"]).refused(&["did you mean \"completed\"?"]);
    of(&["--decision", &open]).refused(&["give --reaction, or --reward"]);
    of(&["--decision", &open, "--reaction", "completed", "--reward", "1"]).refused(&["not both"]);
    of(&["--reaction", "completed"]).refused(&["give --decision"]);
    of(&["--decision", "d1", "--reaction", "completed"]).refused(&["not an id that `score` gave"]);
    of(&["--decision", &open, "--reaction", "completed", "--user", "x"]).refused(&["--user is \"x\""]);
    of(&["--decision", &open, "--reaction", "completed", "--policy", "linucb"]).refused(&["--policy is"]);
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
    of(&[&direct[..], &["t9", "--reward", "1"]].concat()).refused(&["unknown candidate \"t9\""]);
    of(&["--policy", "linucb", "--chosen", "t1", "--reward", "1"]).refused(&["no user"]);
    // An id of the right shape for a place where something else stands, or nothing.
    for place in ["0000000001", "00000000ff", "ffffffffff"] {
        let other = open.replace(&open[6..16], place);
        of(&["--decision", &other, "--reaction", "completed"]).refused(&["not in"]);
    }
    let other = open.replace("d0001", "d0002");
    of(&["--decision", &other, "--reaction", "completed"]).refused(&["not in"]);
    assert_eq!(dir.contents("state"), before);
}

#[test]
fn users() {
    let dir = Dir::new();
    let score = |user: &str| dir.run_with(&["score", "--policy", "uniform", "--user", user], REQUEST);
    score("").refused(&["user is \"\""]);
    score(&"x".repeat(10_000)).refused(&["user is a text of 10000 bytes"]);
    assert!(!dir.join("state").exists());
    for user in ["../../x", "a/b", ".", "..", "\u{1f600}", "a_b", "-", "%2F", "a b\n\"c\"\\", "CON"] {
        let decision = score(user).ok().json();
        assert_eq!(decision["user"], *user);
        reward(&dir, id(&decision), "completed");
        let option = format!("--user={user}");
        let stats = dir.run(&["stats", &option]).ok().json();
        assert_eq!(stats["policies"][0]["updates"], 1, "{user}");
    }
    let inside = fs::read_dir(dir.join("state")).unwrap().count();
    assert_eq!(inside, 10 + 4, "ten states, two logs, two locks");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    for user in ["../../x", "a_b", "."] {
        let option = format!("--user={user}");
        assert_eq!(dir.run(&["reset", &option]).ok().json()["removed"][0], "uniform");
    }
    assert_eq!(dir.run(&["stats"]).ok().jsonl().len(), 7);
}

#[test]
fn states_that_are_not_what_they_should_be() {
    let (dir, open) = used();
    let name = "state/u_egreedy_v2.json";
    let good = dir.read(name);
    let changed = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for (content, parts) in [
        (String::new(), vec!["damaged"]),
        ("{}".to_owned(), vec!["damaged"]),
        (good[..good.len() / 2].to_owned(), vec!["damaged"]),
        (changed("\"format_version\":2", "\"format_version\":3"), vec!["format_version is 3", "2"]),
        (changed("\"format_version\":2", "\"format_version\":3,\"novelty\":1"), vec!["format_version is 3"]),
        (changed("\"D\":12", "\"D\":13"), vec!["D is 13", "12, as policy \"egreedy-v2\" has it"]),
        (changed("\"tip_volume\"", "\"tips\""), vec!["feature_names is", "tips", "tip_volume"]),
        (changed("\"feature_set\":\"v2\"", "\"feature_set\":\"v1\""), vec!["feature_set is v1", "v2"]),
        (changed("\"user\":\"u\"", "\"user\":\"v\""), vec!["user is \"v\"", "\"u\""]),
        (changed("egreedy-v2", "linucb-v2"), vec!["policy is \"linucb-v2\"", "\"egreedy-v2\""]),
        (changed("\"lambda\":1.0", "\"lambda\":2.0"), vec!["lambda is 2", "1"]),
        (changed("\"structure\":\"shared\"", "\"structure\":\"disjoint\""), vec!["structure is disjoint"]),
        (changed("\"updates\":1", "\"updates\":2"), vec!["damaged", "checksum"]),
        (changed("\"A\":[", "\"A\":[1.0,"), vec!["damaged"]),
    ] {
        dir.write(name, &content);
        let before = dir.contents("state");
        let parts = [&parts[..], &["state/u_egreedy_v2.json"]].concat();
        dir.run_with(&SCORE, REQUEST).refused(&parts);
        dir.run(&["reward", "--decision", &open, "--reaction", "completed"]).refused(&parts);
        dir.run(&["stats", "--user", "u"]).refused(&parts);
        assert_eq!(dir.contents("state"), before);
        // Others are not in its way.
        dir.run_with(&["stats", "--user", "v"], "").ok();
    }
    dir.write(name, &good);
    assert_eq!(reward(&dir, &open, "completed")["updates"], 2);
}

#[test]
fn what_is_no_regular_file_is_not_followed() {
    let (dir, open) = used();
    let reward = ["reward", "--decision", &open, "--reaction", "completed"];
    for name in ["u_egreedy_v2.json", "rewards.jsonl", "decisions.jsonl", "rewards.lock"] {
        let (path, moved) = (dir.join(&format!("state/{name}")), dir.join("moved"));
        fs::rename(&path, &moved).unwrap();
        symlink(&moved, &path).unwrap();
        let before = fs::read(&moved).unwrap();
        dir.run(&reward).refused(&[name, "not a regular file"]);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        dir.run(&reward).refused(&[name]);
        fs::remove_dir(&path).unwrap();
        assert_eq!(fs::read(&moved).unwrap(), before);
        fs::rename(&moved, &path).unwrap();
    }
    dir.run(&reward).ok();
}

#[test]
fn directories_that_cannot_be_used() {
    let dir = Dir::new();
    dir.write("file", "");
    for place in ["file", "file/below", "/proc/nowhere"] {
        let args = [&SCORE[..], &["--state-dir", place]].concat();
        dir.run_with(&args, REQUEST).refused(&[place]);
    }
}

#[test]
fn modes_are_private_when_created_and_kept_when_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, open) = used();
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state"), 0o700);
    for name in ["u_egreedy_v2.json", "rewards.jsonl", "decisions.jsonl", "rewards.lock", "decisions.lock"] {
        assert_eq!(mode(&format!("state/{name}")), 0o600, "{name}");
    }
    let state = dir.join("state/u_egreedy_v2.json");
    fs::set_permissions(&state, fs::Permissions::from_mode(0o640)).unwrap();
    reward(&dir, &open, "completed");
    assert_eq!(mode("state/u_egreedy_v2.json"), 0o640);
    // A log that is sealed keeps its mode, and so does the one that takes its place.
    for log in ["rewards", "decisions"] {
        let path = dir.join(&format!("state/{log}.jsonl"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    dir.run(&["reset", "--user", "u", "--segment-bytes", "1"]).ok();
    for _ in 0..2 {
        dir.run_with(&[&SCORE[..], &["--segment-bytes", "1"]].concat(), REQUEST).ok();
    }
    for log in ["rewards", "decisions"] {
        assert_eq!(mode(&format!("state/{log}.000001.jsonl")), 0o640, "{log}");
        assert_eq!(mode(&format!("state/{log}.jsonl")), 0o640, "{log}");
    }
}

#[test]
fn huge_states_are_refused_before_they_are_read() {
    let (dir, _) = used();
    let file = fs::File::create(dir.join("state/u_egreedy_v2.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    dir.run_with(&SCORE, REQUEST).refused(&["u_egreedy_v2.json", "damaged", "more than"]);
    let log = fs::OpenOptions::new().write(true).open(dir.join("state/rewards.jsonl")).unwrap();
    log.set_len(1 << 43).unwrap();
    dir.run(&["stats"]).refused(&["rewards.jsonl", "damaged", "more than"]);
}

#[test]
fn a_directory_that_is_not_there_is_no_sound_one() {
    let dir = Dir::new();
    for command in [&["verify"][..], &["export"], &["rebuild"], &["rebuild", "--into", "other"]] {
        dir.run(&[command, &["--state-dir", "stat"]].concat())
            .refused(&["stat is no directory", "--state-dir"]);
        assert!(!dir.join("stat").exists() && !dir.join("other").exists());
    }
}

#[test]
fn a_variable_that_is_empty_is_as_good_as_none() {
    let dir = Dir::new();
    let mut command = dir.command(&["stats"]);
    command.env("REHEARSAL_STATE_DIR", "").env("REHEARSAL_SEGMENT_BYTES", "");
    let ran = command.output().unwrap();
    assert_eq!((ran.status.code(), ran.stdout, ran.stderr), (Some(0), vec![], vec![]));
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
