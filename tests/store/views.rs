//! State files follow the store, and nothing that is done to them changes it.

use super::{REQUEST, by_hand, id, learned, line, reward, score, updates, verified, views, views_follow};
use crate::util::Dir;
use serde_json::{Value, json};
use std::fs;

const FILE: &str = "state/u_egreedy_v2.json";

/// A store in which u learned three times, and v once.
fn lived_in() -> Dir {
    let dir = Dir::new();
    learned(&dir, "u", ["e1", "e2", "e3"]);
    learned(&dir, "v", ["e1"]);
    views_follow(&dir, "as they were made");
    dir
}

#[test]
fn a_file_has_what_its_state_has_after_every_command() {
    let dir = Dir::new();
    let mut revisions = Vec::new();
    for reaction in ["completed", "snoozed", "dismissed"] {
        reward(&dir, id(&score(&dir, "egreedy-v2", "u", REQUEST)), reaction);
        views_follow(&dir, reaction);
        revisions.push(dir.json(FILE)["revision"].as_u64().unwrap());
    }
    let line = dir.read(FILE);
    assert_eq!(line.lines().count(), 1);
    assert_eq!(dir.json(FILE)["format_version"], 3);
    // A reset takes it away, and what is learned after that is newer than all before.
    dir.run(&["reset", "--user", "u"]).ok();
    assert_eq!(views(&dir), []);
    learned(&dir, "u", ["own"]);
    revisions.push(dir.json(FILE)["revision"].as_u64().unwrap());
    assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
    dir.run_with(&["import", "--replace"], &line).ok();
    views_follow(&dir, "import");
    assert_eq!(dir.json(FILE)["updates"], 3);
    assert!(dir.json(FILE)["revision"].as_u64() > revisions.last().copied());
}

#[test]
fn what_is_done_to_a_file_changes_nothing_and_is_named_with_its_remedy() {
    let dir = lived_in();
    let stats = dir.run(&["stats"]).ok().stdout();
    let decide = || {
        let args = ["score", "--policy", "egreedy-v2", "--user", "u", "--seed", "1"];
        dir.run_with(&args, REQUEST).ok().json()["candidates"].clone()
    };
    let decision = decide();
    let good = dir.read(FILE);
    let other = dir.read("state/v_egreedy_v2.json");
    let edited = good.replacen("\"updates\":3", "\"updates\":4", 1);
    for content in [edited.as_str(), &other, "", "nonsense", &good[..good.len() / 2]] {
        dir.write(FILE, content);
        let problems = verified(&dir);
        let named = "u_egreedy_v2.json: somebody changed it; `rehearsal import --replace` takes it in, \
                     `rehearsal rebuild` writes it anew";
        assert_eq!(problems, [named]);
        assert_eq!((dir.run(&["stats"]).ok().stdout(), decide()), (stats.clone(), decision.clone()));
        dir.run(&["rebuild"]).ok();
        assert_eq!((dir.read(FILE), verified(&dir)), (good.clone(), vec![]));
    }
    fs::remove_file(dir.join(FILE)).unwrap();
    assert_eq!(verified(&dir), ["u_egreedy_v2.json: it is gone; `rehearsal rebuild` writes it again"]);
    assert_eq!((dir.run(&["stats"]).ok().stdout(), decide()), (stats.clone(), decision));
    dir.run(&["rebuild"]).ok();
    assert_eq!((dir.read(FILE), verified(&dir)), (good, vec![]));
    // What is learned goes on from the store.
    dir.write(FILE, other);
    learned(&dir, "u", ["e4"]);
    assert_eq!(dir.json(FILE)["updates"], 4);
    views_follow(&dir, "after a reward");
}

#[test]
fn an_older_file_that_is_copied_back_is_taken_in_only_by_import() {
    let dir = Dir::new();
    learned(&dir, "u", ["e1"]);
    let old = dir.read(FILE);
    learned(&dir, "u", ["e2"]);
    dir.write(FILE, &old);
    assert_eq!(updates(&dir, "u"), 2);
    assert_eq!(verified(&dir).len(), 1);
    dir.run(&["import", FILE]).exits(2);
    assert_eq!(dir.run(&["import", "--replace", FILE]).ok().json()["updates"], 1);
    assert_eq!((updates(&dir, "u"), verified(&dir)), (1, vec![]));
    views_follow(&dir, "after the import");
    // An event that was learned stays learned, whatever the state is now.
    let again = dir.run_with(&["reward", "--jsonl"], line("u", "e2", 1.0)).ok().json();
    assert_eq!((&again["duplicate"], &again["updates"]), (&json!(true), &json!(1)));
}

#[test]
fn a_file_of_somebody_unknown_is_a_stray() {
    let dir = lived_in();
    let state = dir.read(FILE).replacen("\"user\":\"u\"", "\"user\":\"w\"", 1);
    dir.write("state/w_egreedy_v2.json", &state);
    let problems = verified(&dir);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].starts_with("w_egreedy_v2.json: the store has no such state; `rehearsal import`"));
    assert_eq!(updates(&dir, "w"), 0);
    dir.run(&["import", "state/w_egreedy_v2.json"]).ok();
    assert_eq!((updates(&dir, "w"), verified(&dir)), (3, vec![]));
    // Nor does the file of a user who was reset bring that user back.
    dir.run(&["reset", "--user", "w"]).ok();
    dir.write("state/w_egreedy_v2.json", &state);
    assert_eq!(updates(&dir, "w"), 0);
    assert!(verified(&dir)[0].starts_with("w_egreedy_v2.json: "), "{:?}", verified(&dir));
    learned(&dir, "w", ["new"]);
    assert_eq!((updates(&dir, "w"), verified(&dir)), (1, vec![]));
    // Other files are nobody's state.
    dir.write("state/notes.json", "{}");
    dir.write("state/README_first.txt", "");
    assert_eq!(verified(&dir), [""; 0]);
}

/// As a process leaves it that was killed before it published: the store says so, the file is as it was.
fn unpublished(dir: &Dir) {
    let (u, v) = (dir.read(FILE), dir.read("state/v_egreedy_v2.json"));
    learned(dir, "u", ["late"]);
    learned(dir, "v", ["late"]);
    dir.run(&["reset", "--user", "v"]).ok();
    by_hand(dir, "UPDATE state SET published = 1");
    dir.write(FILE, u);
    dir.write("state/v_egreedy_v2.json", v);
}

#[test]
fn what_a_killed_process_did_not_publish_the_next_command_publishes() {
    for (args, input) in [
        (&["score", "--policy", "uniform", "--user", "w"][..], REQUEST.to_owned()),
        (&["reward", "--jsonl"], line("w", "e1", 1.0)),
        (&["reset", "--user", "w"], String::new()),
        (&["rebuild"], String::new()),
        (&["import"], String::new()),
        (&["prune", "--before", "1d"], String::new()),
    ] {
        let dir = lived_in();
        unpublished(&dir);
        // Readers read the store, and that a file is behind is nothing wrong.
        assert_eq!((updates(&dir, "u"), updates(&dir, "v")), (4, 0));
        assert_eq!(verified(&dir), [""; 0], "{args:?}");
        assert_eq!(dir.json(FILE)["updates"], 3, "who reads publishes nothing");
        dir.run_with(args, input).ok();
        assert_eq!(dir.json(FILE)["updates"], 4, "{args:?}");
        assert!(!dir.join("state/v_egreedy_v2.json").exists(), "{args:?}: a reset user came back");
        views_follow(&dir, &format!("{args:?}"));
        assert_eq!(verified(&dir), [""; 0], "{args:?}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_said_and_stands_in_nobodys_way() {
    let dir = lived_in();
    fs::remove_file(dir.join(FILE)).unwrap();
    fs::create_dir(dir.join(FILE)).unwrap();
    let decision = score(&dir, "egreedy-v2", "u", REQUEST);
    let run = dir.run(&["reward", "--decision", id(&decision), "--reaction", "completed"]).exits(2);
    assert_eq!(run.json()["updates"], 4);
    assert!(run.stderr().contains("what was learned is in the store"), "{}", run.stderr());
    assert!(run.stderr().contains("u_egreedy_v2.json"), "{}", run.stderr());
    // Those of others are written, and decisions are made.
    let run = dir.run_with(&["reward", "--jsonl"], line("v", "e2", 1.0)).exits(2);
    assert_eq!(run.json()["updates"], 2);
    assert_eq!(dir.json("state/v_egreedy_v2.json")["updates"], 2);
    let args = ["score", "--policy", "egreedy-v2", "--user", "u"];
    let run = dir.run_with(&args, REQUEST).ok();
    assert!(run.stderr().contains("u_egreedy_v2.json"), "{}", run.stderr());
    fs::remove_dir(dir.join(FILE)).unwrap();
    score(&dir, "uniform", "w", REQUEST);
    assert_eq!(dir.json(FILE)["updates"], 4);
    views_follow(&dir, "in the end");
}

#[test]
fn modes_are_private_when_created_and_kept_when_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let dir = lived_in();
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("state"), 0o700);
    for (path, _) in dir.contents("state") {
        let name = path.strip_prefix(dir.path()).unwrap().to_str().unwrap();
        assert_eq!(mode(name), 0o600, "{name}");
    }
    fs::set_permissions(dir.join(FILE), fs::Permissions::from_mode(0o640)).unwrap();
    learned(&dir, "u", ["e4"]);
    assert_eq!((mode(FILE), mode("state/v_egreedy_v2.json")), (0o640, 0o600));
    dir.run(&["backup", "copy.db"]).ok();
    assert_eq!(mode("copy.db"), 0o600);
}

#[test]
fn a_link_in_the_place_of_a_file_is_replaced_and_not_followed() {
    let dir = lived_in();
    let moved = dir.join("moved");
    fs::rename(dir.join(FILE), &moved).unwrap();
    std::os::unix::fs::symlink(&moved, dir.join(FILE)).unwrap();
    let before = fs::read(&moved).unwrap();
    learned(&dir, "u", ["e4"]);
    assert_eq!(fs::read(&moved).unwrap(), before);
    assert!(fs::symlink_metadata(dir.join(FILE)).unwrap().is_file());
}

#[test]
fn states_are_what_their_published_schema_says() {
    let published = |what: &str| {
        let path = format!("{}/schemas/{what}.schema.json", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(path).unwrap()
    };
    let dir = lived_in();
    for what in ["state", "profile"] {
        assert_eq!(dir.run(&["schema", "--of", what]).ok().stdout(), published(what));
    }
    let policy = "name = \"mine\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nstructure = \"disjoint\"\nepsilon = 0.1\n";
    dir.write("mine.toml", policy);
    let args = ["reward", "--policy", "mine.toml", "--user", "d", "--chosen", "t1", "--reward", "1"];
    dir.run_with(&args, REQUEST).ok();
    let schema: Value = serde_json::from_str(&published("state")).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    // Also what version 0.1 wrote.
    let older = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/older/state/");
    let older =
        ["dee_linucb", "eve_mine"].map(|name| fs::read_to_string(format!("{older}{name}.json")).unwrap());
    let good = ["u_egreedy_v2", "v_egreedy_v2", "d_mine"].map(|name| dir.read(&format!("state/{name}.json")));
    // As a program's is.
    let program = json!({"format_version": 3, "user": "u", "policy": "mine", "command": ["python3", "mine.py"], "updates": 1,
        "reward_sum": 0.5, "state": {"any": ["thing"]}});
    for state in good.into_iter().chain(older).chain([program.to_string()]) {
        let state: Value = serde_json::from_str(&state).unwrap();
        let errors: Vec<String> = validator.iter_errors(&state).map(|e| e.to_string()).collect();
        assert_eq!(errors, [""; 0]);
        for field in state.as_object().unwrap().keys() {
            let mut less = state.clone();
            less.as_object_mut().unwrap().remove(field);
            // What another format does not have may be absent.
            let optional = [
                "revision",
                "seq",
                "events",
                "crc",
                "A_inverse",
                "theta",
                "feature_set_digest",
                "domain_digest",
            ]
            .contains(&field.as_str());
            assert_eq!(validator.is_valid(&less), optional, "without {field}");
        }
        for (field, wrong) in
            [("D", json!("12")), ("A", json!("x")), ("kinds", json!(3)), ("novelty", json!(1))]
        {
            let mut bad = state.clone();
            bad[field] = wrong;
            assert!(!validator.is_valid(&bad), "{field}");
        }
    }
}
