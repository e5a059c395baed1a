//! The registry: versions, aliases, and which one is in charge.

use super::trained;
use crate::util::Dir;
use serde_json::Value;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

/// A gate that is decided in a second.
const GATE: &str = "description = \"small\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.02\nmax_users = 640\n\
                    [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"short.toml\"]\n";
const UNIFORM: &str = "name = \"shuffle\"\nexplorer = \"uniform\"\nfeatures = \"v1\"\n";

fn registered() -> Dir {
    let dir = trained();
    dir.run(&["registry", "register", "tips", "--policy", "plain.toml"]).ok();
    dir.run(&["registry", "register", "tips", "--policy", "with.toml"]).ok();
    dir.run(&["registry", "alias", "tips", "champion", "1"]).ok();
    dir
}

fn shown(dir: &Dir) -> Value {
    dir.run(&["registry", "show", "tips"]).ok().json()
}

#[test]
fn a_registry_that_is_not_there_is_no_empty_one() {
    let dir = Dir::new();
    dir.run(&["registry", "list"]).refused(&["./registry: no registry there"]);
    let mut command = dir.command(&["registry", "list"]);
    command.env("REHEARSAL_REGISTRY", "registri");
    crate::util::run(command, b"").refused(&["registri: no registry there"]);
}

#[test]
fn an_address_of_no_known_kind_is_no_folder() {
    let dir = Dir::new();
    for scheme in ["http", "https", "mlflow", "file", "mlflow+https"] {
        let address = format!("{scheme}://u:hush@127.0.0.1:1");
        let value = format!("{scheme}://...");
        let parts = [value.as_str(), "a folder, or an address that begins with mlflow+http://"];
        let register = ["register", "tips", "--policy", "linucb"];
        let named = [&["registry", "--registry", &address][..], &register].concat();
        let ran = dir.run(&named).refused(&parts);
        assert!(!ran.stderr().contains("hush"));
        let mut command = dir.command(&[&["registry"][..], &register].concat());
        command.env("REHEARSAL_REGISTRY", &address);
        crate::util::run(command, b"").refused(&parts);
    }
    assert!(dir.path().read_dir().unwrap().next().is_none());
}

#[test]
fn files_of_a_version_do_not_take_the_place_of_others() {
    let dir = registered();
    for name in ["policy.toml", "prior.json", "notes.md"] {
        std::fs::create_dir_all(dir.join("more")).unwrap();
        dir.write(&format!("more/{name}"), "ours");
    }
    dir.write("notes.md", "other");
    let register = ["registry", "register", "tips", "--policy", "with.toml"];
    for files in [&["more/policy.toml"][..], &["more/prior.json"], &["notes.md", "more/notes.md"]] {
        let options: Vec<&str> = files.iter().flat_map(|file| ["--file", *file]).collect();
        let last = files.last().unwrap();
        dir.run(&[&register[..], &options].concat()).refused(&[*last, "files of different names"]);
    }
    assert_eq!(shown(&dir)["versions"].as_array().unwrap().len(), 2);
    dir.run(&[&register[..], &["--file", "notes.md"]].concat()).ok();
}

#[test]
fn versions_that_are_pulled_do_not_mix() {
    let dir = registered();
    dir.run(&["registry", "pull", "tips@2", "--out", "pulled"]).ok();
    let before = dir.contents("pulled");
    dir.run(&["registry", "pull", "tips@1", "--out", "pulled"]).refused(&["pulled is not empty"]);
    assert_eq!(dir.contents("pulled"), before);
    std::fs::create_dir(dir.join("empty")).unwrap();
    dir.run(&["registry", "pull", "tips@1", "--out", "empty"]).ok();
    assert!(!dir.join("empty/prior.json").exists());
}

#[test]
fn a_prior_replaces_nothing_that_it_is_learned_from() {
    let dir = trained();
    let policy = dir.read("with.toml");
    let train = ["train", "--policy", "with.toml", "--from", "log"];
    for out in ["with.toml", "log/rewards.jsonl", "log/decisions.jsonl"] {
        dir.run(&[&train[..], &["--out", out]].concat()).refused(&[out, "it is read or written already"]);
    }
    let compute = ["features", "compute", "--from", "log", "--out", "people.jsonl", "--counts"];
    dir.run(&[&compute[..], &["log/rewards.jsonl"]].concat()).refused(&["it is read or written already"]);
    let simulate = ["simulate", "steady", "--policy", "with.toml", "--users", "32"];
    for more in [&["--blocks", "0..1", "--out", "prior.json"][..], &["--html", "prior.json"]] {
        dir.run(&[&simulate[..], more].concat()).refused(&["it is read or written already"]);
    }
    assert_eq!(dir.read("with.toml"), policy);
    let evaluate = ["evaluate", "log/decisions.jsonl", "--policy", "with.toml", "--html"];
    for page in ["prior.json", "log/rewards.jsonl"] {
        dir.run(&[&evaluate[..], &[page]].concat()).refused(&["it is read or written already"]);
    }
    // A prior may be learned anew in its place.
    dir.run(&[&train[..], &["--out", "prior.json"]].concat()).ok();
}

#[test]
fn versions_have_numbers_aliases_and_differences() {
    let dir = registered();
    assert_eq!(dir.run(&["registry", "list"]).ok().json()[0]["aliases"]["champion"], 1);
    let diff = dir.run(&["registry", "diff", "tips@1", "tips@2"]).ok().json();
    let fields: Vec<&str> =
        diff["differences"].as_array().unwrap().iter().map(|d| d["field"].as_str().unwrap()).collect();
    assert!(fields.contains(&"policy.prior") && fields.contains(&"training.rows"), "{fields:?}");
    assert!(!fields.contains(&"policy.explorer"));
    dir.run(&["registry", "pull", "tips@2", "--out", "pulled"]).ok();
    dir.run(&["score", "--policy", "pulled/policy.toml", "--user", "a", "--request", "request.json"]).ok();
    for bad in ["v2", "2", "latest", "../x"] {
        dir.run(&["registry", "alias", "tips", bad, "1"]).refused(&["alias"]);
    }
    dir.run(&["registry", "alias", "tips", "champion", "9"]).refused(&["tips has no version 9"]);
    dir.run(&["registry", "show", "none"]).refused(&["no model \"none\""]);
    dir.run(&["score", "--policy", "registry:tips@old", "--user", "a", "--request", "request.json"])
        .refused(&["tips has no alias \"old\"", "champion, 1, 2"]);
    assert_eq!(shown(&dir)["history"].as_array().unwrap().len(), 1);
}

/// A user goes on under a version with another prior, and back, as if they had learned under it from the beginning.
#[test]
fn states_go_over_to_the_prior_of_the_version_in_charge() {
    let dir = registered();
    let score = |policy: &str| {
        dir.run(&["score", "--policy", policy, "--user", "ann", "--request", "request.json", "--seed", "4"])
            .ok()
            .json()
    };
    let champion = "registry:tips@champion";
    let reward = |decision: &Value| {
        let id = decision["decision_id"].as_str().unwrap();
        dir.run(&["reward", "--decision", id, "--reaction", "completed", "--policy", champion]).ok();
    };
    let (first, late) = (score(champion), score(champion));
    reward(&first);
    dir.run(&["registry", "alias", "tips", "champion", "2"]).ok();
    let after = score(champion);
    assert_ne!(after["candidates"], score("plain.toml")["candidates"]);
    // What was decided under the version before is learned under the one in charge.
    reward(&late);
    reward(&after);
    dir.run(&["verify"]).ok();
    let versions: Vec<Value> = dir
        .run(&["log", "decisions"])
        .ok()
        .jsonl()
        .into_iter()
        .map(|line| line["model_version"].clone())
        .collect();
    assert_eq!(versions[..3], ["tips@1", "tips@1", "tips@2"]);
    let theta = |dir: &Dir| dir.run(&["stats", "--user", "ann"]).ok().json()["policies"][0]["theta"].clone();
    let moved = theta(&dir);
    dir.run(&["rebuild", "--into", "other"]).ok();
    let again =
        dir.run(&["--store", "other", "stats", "--user", "ann"]).ok().json()["policies"][0]["theta"].clone();
    for (name, value) in moved.as_object().unwrap() {
        let difference = value.as_f64().unwrap() - again[name].as_f64().unwrap();
        assert!(difference.abs() < 1e-9, "{name}: {difference}");
    }
    dir.run(&["registry", "alias", "tips", "champion", "1"]).ok();
    reward(&score(champion));
    dir.run(&["verify"]).ok();
    assert_eq!(shown(&dir)["history"].as_array().unwrap().len(), 3);
}

fn gate() -> Dir {
    let dir = trained();
    dir.write("gate.toml", GATE);
    dir.write("short.toml", "name = \"short\"\ndescription = \"d\"\nsteps = 60\n");
    dir.write("uniform.toml", UNIFORM);
    dir.run(&["registry", "register", "tips", "--policy", "uniform.toml"]).ok();
    dir.run(&["registry", "alias", "tips", "champion", "1"]).ok();
    dir
}

fn promoting(challenger: &str) -> [&str; 9] {
    let baseline = "registry:tips@champion";
    [
        "promote-check",
        "--gate",
        "gate.toml",
        "--baseline",
        baseline,
        "--challenger",
        challenger,
        "--promote",
        "tips",
    ]
}

#[test]
fn a_verdict_moves_the_champion_if_the_baseline_still_is_it() {
    let dir = gate();
    // A rejection changes nothing, nor does a baseline that is not in charge.
    let before = dir.contents("registry");
    let other =
        ["promote-check", "--gate", "gate.toml", "--baseline", "egreedy-v1", "--challenger", "plain.toml"];
    dir.run(&[&other[..], &["--promote", "tips"]].concat())
        .refused(&["champion of tips is version 1", "--baseline"]);
    dir.run(&promoting("uniform")).exits(3);
    assert_eq!(dir.contents("registry"), before);
    dir.run(&promoting("with.toml")).ok();
    let shown = shown(&dir);
    assert_eq!(
        (&shown["aliases"]["champion"], shown["history"].as_array().unwrap().len()),
        (&Value::from(2), 2)
    );
    assert!(shown["history"][0]["verdict"].is_string() && shown["history"][1]["verdict"].is_null());
    let files = shown["versions"][1]["files"].as_array().unwrap();
    for file in ["policy.toml", "prior.json", "card.md", "verdict.json", "report.html"] {
        assert!(files.contains(&file.into()), "{files:?}");
    }
    dir.run(&["registry", "pull", "tips@champion", "--out", "pulled"]).ok();
    let card = dir.read("pulled/card.md");
    assert!(card.contains("Version in the registry: tips@2") && card.contains("## Training data"), "{card}");
    assert_eq!(dir.json("pulled/verdict.json")["verdict"], "promote");
}

/// A card names its version, what it was trained on and the prior, how each persona fares, and is read again by the next gate.
#[test]
fn the_card_of_a_version_says_what_it_is_and_is_read_again() {
    let dir = gate();
    dir.run(&promoting("with.toml")).ok();
    dir.run(&["registry", "pull", "tips@champion", "--out", "pulled"]).ok();
    let json = |card: &str| -> Value {
        let json = card.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
        serde_json::from_str(json).unwrap()
    };
    let text = dir.read("pulled/card.md");
    let card = json(&text);
    assert_eq!(card["registry_version"], "tips@2");
    let prior = dir.json("prior.json");
    let training = &card["prior"]["training"];
    for field in ["rows", "users", "data_digest", "held_out", "simulated", "seed", "noise"] {
        assert_eq!(training[field], prior["training"][field], "{field}");
    }
    assert!(training["rows"].as_u64() > Some(0) && card["prior"]["digest"].is_string(), "{training}");
    let names: Vec<&str> =
        card["segments"].as_array().unwrap().iter().map(|s| s["persona"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 8, "{names:?}");
    for section in ["## Fairness: segments, worst first", "## Training data", "tips@2"] {
        assert!(text.contains(section), "{section}: {text}");
    }
    // The same version is judged again, by other people: the card has both verdicts.
    let again = [
        "promote-check",
        "--gate",
        "gate.toml",
        "--baseline",
        "uniform.toml",
        "--challenger",
        "registry:tips@2",
    ];
    dir.run(&[&again[..], &["--seed", "9", "--card", "pulled/card.md"]].concat()).ok();
    let later = json(&dir.read("pulled/card.md"));
    assert_eq!(later["history"].as_array().unwrap().len(), 2);
    assert_eq!(later["history"][0], card["history"][0]);
    for field in ["registry_version", "prior", "policy", "inputs"] {
        assert_eq!(later[field], card[field], "{field}");
    }
    // A card in the registry is read as a file is.
    dir.run(&["registry", "alias", "tips", "champion", "1"]).ok();
    let (own, kept) =
        dir.contents("registry").into_iter().find(|(path, _)| path.ends_with("card.md")).unwrap();
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes);
    std::fs::write(&own, [0xff, 0xfe].into_iter().chain(wide).collect::<Vec<u8>>()).unwrap();
    let said = dir.run(&promoting("registry:tips@2")).exits(2).stderr();
    assert!(said.contains("card.md") && said.contains("it is UTF-16, which is not read"), "{said}");
    std::fs::write(&own, kept).unwrap();
    // What nobody knows is refused, and not lost.
    let damaged = text.replace("\"registry_version\"", "\"version_of_registry\"");
    dir.write("pulled/card.md", &damaged);
    dir.run(&[&again[..], &["--card", "pulled/card.md"]].concat()).refused(&["version_of_registry"]);
}

/// Two gates that promote at once, some of them killed on the way, so many times: one alias, one entry of history for each
/// move, and a version in charge that has all its files.
fn race(rounds: u32) {
    let dir = gate();
    // How long a gate takes tells when to kill: from its beginning to a little after its last call.
    let started = Instant::now();
    dir.run(&promoting("with.toml")).ok();
    let took = started.elapsed();
    let (mut moves, mut told, mut killed) = (2, 0, 0);
    for round in 0..rounds {
        // Back to what anybody beats.
        dir.run(&["registry", "alias", "tips", "champion", "1"]).ok();
        moves += 1;
        let mut children: Vec<_> = ["with.toml", "plain.toml"]
            .into_iter()
            .map(|challenger| {
                let mut command = dir.command(&promoting(challenger));
                command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs")
            })
            .collect();
        if round % 2 == 1 {
            // Two at once take up to twice as long as one.
            thread::sleep(took * (round * 37 % 100) / 50);
            let _ = children[round as usize / 2 % 2].kill();
        }
        let codes: Vec<_> = children.iter_mut().map(|child| child.wait().expect("it ends").code()).collect();
        assert!(codes.iter().all(|code| [None, Some(0), Some(2)].contains(code)), "{codes:?}");
        let shown = shown(&dir);
        let aliases = shown["aliases"].as_object().unwrap();
        let (champion, history) = (&aliases["champion"], shown["history"].as_array().unwrap());
        let won = codes.iter().filter(|code| **code == Some(0)).count();
        let lost = codes.iter().filter(|code| code.is_none()).count();
        (told, killed) = (told + codes.iter().filter(|code| **code == Some(2)).count(), killed + lost);
        // Who was killed may have moved it and not have said so. Nobody else is told otherwise than it was.
        assert!(won <= 1 && (won + lost >= 1), "{codes:?}");
        let moved = history.len() - moves;
        assert!(moved <= 1 && moved >= won && moved <= won + lost, "{codes:?}: {history:?}");
        moves += moved;
        assert_eq!(aliases.len(), 1);
        assert_eq!(history[0]["version"], *champion);
        let numbers: Vec<usize> =
            history.iter().map(|entry| entry["number"].as_u64().unwrap() as usize).collect();
        assert_eq!(numbers, (1..=moves).rev().collect::<Vec<_>>());
        for version in shown["versions"].as_array().unwrap() {
            let files = version["files"].as_array().unwrap();
            let whole: &[&str] = if version["version"] == 1 {
                &["policy.toml"]
            } else {
                &["policy.toml", "card.md", "verdict.json", "report.html"]
            };
            assert!(whole.iter().all(|file| files.contains(&(*file).into())), "{version}");
        }
        if *champion != 1 {
            let _ = std::fs::remove_dir_all(dir.join("pulled"));
            dir.run(&["registry", "pull", "tips@champion", "--out", "pulled"]).ok();
            assert!(dir.read("pulled/card.md").contains(&format!("tips@{champion}")));
        }
    }
    println!("{rounds} rounds: {moves} moves, {told} gates told that they came too late, {killed} killed");
}

#[test]
fn of_gates_that_promote_at_once_one_wins_and_the_others_are_told() {
    race(4);
}

#[test]
#[ignore = "takes minutes"]
fn two_hundred_times_of_gates_that_promote_at_once_one_wins() {
    race(200);
}
