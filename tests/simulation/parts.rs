//! A run in parts is the run in one piece, and parts that do not fit are named.

use crate::util::Dir;

const RUN: [&str; 10] = [
    "simulate",
    "steady",
    "sparse",
    "--policy",
    "egreedy-v1",
    "--policy",
    "egreedy-v2",
    "--users",
    "150",
    "--steps=20",
];

fn simulate(dir: &Dir, more: &[&str]) {
    dir.run(&[&RUN[..], more].concat()).ok();
}

fn files(dir: &Dir, out: &str) -> Vec<String> {
    ["summary.json", "users.csv", "curve.csv", "records.jsonl"]
        .map(|f| dir.read(&format!("{out}/{f}")))
        .into()
}

#[test]
fn however_a_run_is_cut_its_parts_add_up_to_the_same_bytes() {
    let dir = Dir::new();
    simulate(&dir, &["--out", "whole"]);
    for cuts in [&["0..5"][..], &["3..5", "0..3"], &["1..2", "4..5", "0..1", "2..4"]] {
        let mut merge = vec!["merge", "--out", "merged"];
        for cut in cuts {
            simulate(&dir, &["--blocks", cut, "--out", cut]);
            merge.push(cut);
        }
        dir.run(&merge).ok();
        assert_eq!(files(&dir, "whole"), files(&dir, "merged"), "{cuts:?}");
    }
}

#[test]
fn a_part_says_what_is_in_it() {
    let dir = Dir::new();
    let run =
        |more: &[&str]| dir.run(&[&RUN[..], &["--blocks", "1..3", "--out", "a part"], more].concat()).ok();
    assert_eq!(run(&[]).stdout(), "a part: blocks 1..3 of 0..5\n");
    let said = serde_json::json!({"part": "a part", "begin": 1, "end": 3, "all_blocks": 5});
    assert_eq!(run(&["--json"]).json(), said);
}

#[test]
fn blocks_that_are_missing_or_there_twice_are_named() {
    let dir = Dir::new();
    for cut in ["0..2", "1..3", "4..5"] {
        simulate(&dir, &["--blocks", cut, "--out", cut]);
    }
    dir.run(&["merge", "0..2", "1..3", "4..5", "--out", "out"])
        .refused(&["missing: 3 of steady, 3 of sparse", "there twice: 1 of steady, 1 of sparse"]);
    assert!(!dir.join("out").exists());
}

#[test]
fn parts_of_other_runs_and_damaged_ones_are_refused() {
    let dir = Dir::new();
    simulate(&dir, &["--blocks", "0..4", "--out", "a"]);
    simulate(&dir, &["--blocks", "4..5", "--seed", "1", "--out", "b"]);
    dir.run(&["merge", "a", "b"]).refused(&["a and b are not parts of one run: seeds 0 and 1"]);
    simulate(&dir, &["--blocks", "4..5", "--out", "b"]);
    let whole = dir.read("b");
    dir.run(&["merge", "a", "b"]).ok();
    let cut = whole.lines().take(2).fold(String::new(), |text, line| text + line + "\n");
    dir.write("b", cut);
    dir.run(&["merge", "a", "b"]).refused(&["b: it ends before its learning curves"]);
    dir.write("b", whole.replacen("\"records\":[[", "\"records\":[[\"x\",", 1));
    dir.run(&["merge", "a", "b"]).refused(&["b, block 4 of steady"]);
    dir.run(&["merge", "a", "none"]).refused(&["cannot read none"]);
    dir.run(&["simulate", "--policy", "uniform", "--users", "32", "--blocks", "0..2", "--out", "x"])
        .refused(&["--blocks is 0..2; allowed: blocks of 0..1"]);
}

/// What stands between two texts is taken out, wherever that is.
fn without(text: &str, from: &str, to: &str) -> String {
    let mut parts = text.split(from);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + &part[part.find(to).expect(to)..])
}

/// Parts of version 0.3.0 name no kinds and count neither regret along the way nor what was shown.
#[test]
fn parts_of_an_earlier_version_are_read_without_what_they_lack() {
    let dir = Dir::new();
    simulate(&dir, &["--out", "whole"]);
    for cut in ["0..2", "2..5"] {
        simulate(&dir, &["--blocks", cut, "--out", cut]);
        let part = dir.read(cut);
        let earlier = without(&without(&part, ",\"kind_names\":", ",\"personas\""), ",\"regret\":", "}");
        assert!(earlier.len() < part.len() && !earlier.contains("shown") && !earlier.contains("kind_names"));
        dir.write(cut, earlier);
    }
    dir.run(&["merge", "0..2", "2..5", "--out", "merged"]).ok();
    assert_eq!(dir.read("whole/users.csv"), dir.read("merged/users.csv"));
    let curve = dir.read("whole/curve.csv");
    let lacking = |line: &str| line.rsplit_once(',').unwrap().0.to_owned() + ",\n";
    let (header, rest) = curve.split_once('\n').unwrap();
    assert!(rest.lines().all(|line| !line.ends_with(',')));
    assert_eq!(
        dir.read("merged/curve.csv"),
        format!("{header}\n") + &rest.lines().map(lacking).collect::<String>()
    );
    let mut whole = dir.json("whole/summary.json");
    let merged = dir.json("merged/summary.json");
    assert_ne!(merged, whole);
    for scenario in whole["scenarios"].as_array_mut().unwrap() {
        let personas = scenario["personas"].as_array().unwrap().len();
        let groups =
            std::iter::once("/population".to_owned()).chain((0..personas).map(|p| format!("/personas/{p}")));
        for group in groups {
            let policies =
                scenario.pointer_mut(&format!("{group}/policies")).unwrap().as_array_mut().unwrap();
            policies
                .iter_mut()
                .for_each(|policy| assert!(policy.as_object_mut().unwrap().remove("kinds").is_some()));
        }
    }
    assert_eq!(merged, whole);
}

/// What a part announces is made room for before it is read, and its names go into files, never into paths.
#[test]
fn a_part_announces_no_more_than_a_run_can_have_and_leads_nowhere() {
    let dir = Dir::new();
    let run = ["simulate", "few-candidates", "--policy", "egreedy-v1", "--users", "32", "--steps", "3"];
    dir.run(&[&run[..], &["--blocks", "0..1", "--out", "part"]].concat()).ok();
    let part = dir.read("part");
    let (header, rest) = part.split_once('\n').unwrap();
    for (from, to, field) in [
        ("\"users\":32", "\"users\":18446744073709551615", "users"),
        ("\"users\":32", "\"users\":100000001", "users"),
        ("\"steps\":3", "\"steps\":4000000000", "steps"),
        ("\"blocks\":[0,1]", "\"blocks\":[0,9]", "blocks"),
        ("\"blocks\":[0,1]", "\"blocks\":[2,1]", "blocks"),
        // Of so many counts there is no room in a file that is so short.
        ("\"steps\":3", "\"steps\":1000000", "steps of all personas and policies"),
        ("\"steps\":3", "\"steps\":0", "scenarios[0].steps is 0; allowed: 1 to 1000000"),
        ("\"users\":32", "\"users\":0", "users is 0"),
        ("\"policies\":[\"egreedy-v1\"]", "\"policies\":[]", "policies is 0"),
    ] {
        let bad = header.replacen(from, to, 1);
        assert_ne!(bad, header, "{from}");
        dir.write("bad", format!("{bad}\n{rest}"));
        dir.run(&["merge", "bad"]).refused(&["bad, line 1: ", field]);
    }
    // Kinds and shares are what a run's may be.
    let between = |from: &str, to: &str| {
        let rest = &header[header.find(from).unwrap() + from.len()..];
        format!("{from}{}{to}", &rest[..rest.find(to).unwrap()])
    };
    let (kinds, personas) = (between("\"kinds\":", ","), between("\"personas\":", "]]"));
    let share = personas.split(',').nth(1).unwrap().trim_end_matches(']').to_owned();
    let with_share = |other: &str| personas.replacen(&share, other, 1);
    for (from, to, said) in [
        (&kinds, "\"kinds\":16777216,".to_owned(), "scenarios[0].kinds is 16777216; allowed: 1 to 64"),
        (&kinds, "\"kinds\":0,".to_owned(), "scenarios[0].kinds is 0"),
        (&kinds, "\"kinds\":63,".to_owned(), "scenarios[0].kind_names is a list of"),
        (&personas, with_share("0.0"), "scenarios[0].personas[0][1] is 0; allowed: a share in (0, 1]"),
        (&personas, with_share("-1.0"), "scenarios[0].personas[0][1] is -1"),
        (&personas, with_share("1e308"), "scenarios[0].personas[0][1] is 1"),
        (&personas, with_share("1.0"), "scenarios[0].personas is shares of"),
        (&personas, "\"personas\":[]".to_owned(), "scenarios[0].personas is 0"),
    ] {
        let bad = header.replacen(from.as_str(), &to, 1);
        assert_ne!(bad, header, "{from}");
        dir.write("bad", format!("{bad}\n{rest}"));
        dir.run(&["merge", "bad"]).refused(&["bad, line 1: ", said]);
    }
    // So many blocks that are missing are counted, and not all of them kept.
    dir.write("bad", format!("{}\n{rest}", header.replacen("\"users\":32", "\"users\":100000000", 1)));
    dir.run(&["merge", "bad"])
        .refused(&["missing: 1 of few-candidates, 2 of few-candidates", "and 3124979 more"]);
    // Names in it lead nowhere, and a description is one clean line.
    let planted = header
        .replace("few-candidates", "../planted")
        .replace("Three tips", "\\u001b[31mThree\\n::error::tips");
    let planted = planted.replacen("egreedy-v1", "../../planted", 1);
    std::fs::create_dir(dir.join("deep")).unwrap();
    dir.write("deep/part", format!("{planted}\n{rest}"));
    let text = dir.run(&["merge", "deep/part", "--out", "deep/er/out"]).ok().stdout();
    assert!(text.starts_with("../planted: [31mThree ::error::tips"), "{text:?}");
    let outside = |name: &str| dir.join(name).exists() || dir.join(&format!("deep/{name}")).exists();
    assert!(!outside("planted") && !outside("er/planted"));
    let mut files: Vec<String> = std::fs::read_dir(dir.join("deep/er/out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["curve.csv", "records.jsonl", "summary.json", "users.csv"]);
}

#[test]
fn files_that_never_end_or_never_begin_are_refused() {
    let dir = Dir::new();
    dir.write("log.csv", "action,reward,propensity\na,1,0.5\n");
    let fifo = std::process::Command::new("mkfifo").arg(dir.join("fifo")).status();
    assert!(fifo.is_ok_and(|status| status.success()));
    for file in ["/dev/zero", "./fifo"] {
        for args in [
            &["simulate", "--data", file, "--label", "x", "--policy", "uniform"][..],
            &["simulate", "--policy", file],
            &["simulate", file, "--policy", "uniform"],
            &["score", "--policy", file],
            &["merge", file],
            &["schema", "--check", file],
            &["promote-check", "--baseline", "uniform", "--challenger", "linucb", "--gate", file],
            &["promote-check", "--baseline", "uniform", "--challenger", "linucb", "--card", file],
        ] {
            dir.run(args).refused(&[file.trim_start_matches("./"), "regular file"]);
        }
    }
}
