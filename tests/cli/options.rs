//! Options that nothing would look at are refused, with what to do instead.

use crate::util::{Dir, run};
use serde_json::json;

/// A log of forty decisions, and an experiment without a ramp.
fn dir() -> Dir {
    let dir = Dir::new();
    let rows = (0..40).map(|i| format!("{},{},0.5\n", ["a", "b"][i % 2], i % 3 % 2));
    dir.write("log.csv", "action,reward,propensity\n".to_owned() + &rows.collect::<String>());
    std::fs::create_dir(dir.join("experiments")).unwrap();
    let variants = "[[variants]]\nname = \"control\"\npolicy = \"uniform\"\n[[variants]]\nname = \"bold\"\npolicy = \"linucb\"\n";
    dir.write("experiments/plain.toml", format!("key = \"plain\"\n{variants}"));
    dir.write("grows.toml", format!("key = \"grows\"\nramp = [0.1, 1.0]\n{variants}"));
    dir
}

#[test]
fn an_option_that_nothing_looks_at_is_refused() {
    let dir = dir();
    for (line, part) in [
        ("simulate --policy uniform --rollouts 9", "--rollout <FILE>"),
        ("simulate --policy uniform --look-every 9", "--rollout <FILE>"),
        ("simulate --policy uniform --max-users 9", "--rollout <FILE>"),
        ("simulate --policy uniform --orders 9", "--data <FILE>"),
        ("simulate --rollout grows.toml --html page.html", "'--html <FILE>'"),
        ("simulate --rollout grows.toml --policy uniform", "--policy is uniform; allowed: none"),
        ("promote-check --challenger linucb --challenger linucb", "challenger \"linucb\" is given twice"),
        ("promote-check --plan --inconclusive pass", "'--inconclusive <HOW>'"),
        ("evaluate log.csv --policy uniform --replicates 500", "--interval bootstrap"),
        (
            "evaluate log.csv --policy uniform --estimator ips --reward-model item-mean",
            "as doubly_robust does",
        ),
        ("evaluate log.csv --policy uniform --estimator ips --estimator ips", "\"ips\" again"),
        ("evaluate log.csv --policy uniform --frozen", "--frozen is of policies that have states"),
        ("evaluate log.csv --policy uniform --no-features", "it is csv, and --no-features"),
        ("evaluate log.csv --policy uniform --same-tags", "it is csv, and --same-tags"),
        ("analyze --by kind --plan 0.1 --html page.html", "'--html <FILE>'"),
        ("analyze --by kind --experiments elsewhere", "name one with --experiment"),
        ("assign --experiment plain --user u --share 0.5", "the experiment has no ramp"),
        ("assign --experiment plain --user u --attribute a=1 --attribute a=2", "--attribute is \"a\" again"),
        ("serve --policy uniform --features-timeout 9", "name it with --features"),
        ("serve --policy uniform --gateway-model m", "name it with --gateway"),
        ("generate --user u --gateway-model m", "name it with --gateway"),
        ("generate --user u --gateway-key-file f", "name it with --gateway"),
        ("generate --user u --gateway-time-limit-ms 9", "name it with --gateway"),
        ("generate --user u --gateway-concurrency 9", "name it with --gateway"),
        ("generate --user u --gateway-tokens-per-day 9", "name it with --gateway"),
        ("score --user u --policy uniform --policy linucb", "--policy is given more than once"),
        ("reward --decision d --reaction completed --policy uniform --policy linucb", "more than once"),
        ("verify --policy linucb", "--policy is \"linucb\"; allowed: the file of a policy that is a program"),
        ("rebuild --policy linucb", "the file of a policy that is a program"),
        ("prune --before 1d --policy linucb", "the file of a policy that is a program"),
        ("list policies --personas people", "--personas is for `list personas`"),
        ("schema --of verdict --domain tips", "verdicts and states have none"),
        ("import experiments --replace", "--replace is of states by lines"),
    ] {
        let ran = dir.run(&line.split(' ').collect::<Vec<_>>()).exits(2);
        assert!(ran.stderr().contains(part) && ran.stdout().is_empty(), "{line}: {}", ran.stderr());
        assert!(!dir.join("state").exists() && !dir.join("page.html").exists(), "{line}");
    }
}

/// Variables are of every command, so that one which nothing looks at here is no slip.
#[test]
fn a_variable_that_a_command_does_not_need_is_no_error() {
    let dir = dir();
    let mut command = dir.command(&["generate"]);
    command.env("REHEARSAL_GATEWAY_MODEL", "m").env("REHEARSAL_GATEWAY_TIME_LIMIT_MS", "9");
    run(command, json!({"user": "u"}).to_string().as_bytes()).ok();
    // A project's policies may be several, of which the first decides.
    dir.write("rehearsal.toml", "policies = [\"uniform\", \"linucb\"]\npersonas = \"nowhere\"\n");
    let request = r#"{"user":"u","context":{"hour":8,"weekday":1},"candidates":[{"id":"a"}]}"#;
    assert_eq!(dir.run_with(&["score"], request).ok().json()["policy"], "uniform");
    dir.run(&["list", "policies"]).ok();
}

#[test]
fn what_options_lack_may_be_there() {
    let dir = dir();
    let evaluate = ["evaluate", "log.csv", "--policy", "uniform", "--force"];
    let exits = |more: &[&str]| dir.run(&[&evaluate[..], more].concat()).code();
    assert_ne!(exits(&["--interval", "bootstrap", "--replicates", "100"]), 2);
    assert_ne!(exits(&["--estimator", "doubly_robust", "--reward-model", "item-mean"]), 2);
    let two = ["--estimator", "clipped_ips:2", "--estimator", "clipped_ips:3"];
    assert_ne!(exits(&two), 2);
    let lived =
        ["simulate", "--rollout", "grows.toml", "--rollouts", "3", "--look-every", "50", "--max-users"];
    dir.run(&[&lived[..], &["200", "--users", "5"]].concat()).ok();
    dir.run(&["assign", "--experiment", "grows.toml", "--user", "u", "--share", "0.5"]).ok();
}

/// Two names of one thing that say two things: whoever set one of them means it.
#[test]
fn two_variables_that_name_two_stores_are_refused() {
    let dir = Dir::new();
    let stats = |store: &str, other: &str, more: &[&str]| {
        let mut command = dir.command(&[&["stats"], more].concat());
        command.env("REHEARSAL_STORE", store).env("REHEARSAL_STATE_DIR", other);
        run(command, b"")
    };
    stats("one", "two", &[]).refused(&[
        "environment: REHEARSAL_STATE_DIR is \"two\"; allowed: \"one\", as REHEARSAL_STORE has it, or nothing",
    ]);
    let hidden = stats("postgres://ann:hush@db/store", "two", &[]).refused(&["postgres://ann@db/store"]);
    assert!(!hidden.stderr().contains("hush"), "{}", hidden.stderr());
    for (store, other, more) in
        [("one", "one", &[][..]), ("one", "", &[]), ("", "one", &[]), ("x", "y", &["--store", "one"])]
    {
        stats(store, other, more).refused(&["one: no store there"]);
    }
}

/// Who wrote the path looks for it where it stands.
#[test]
fn a_path_that_a_shell_would_have_expanded_is_said_to_be_where_it_stands() {
    let dir = Dir::new();
    let said =
        |by: &str| format!("rehearsal: {by}: the store is \"~/here\"; allowed: a path that is written out");
    dir.run(&["stats", "--store", "~/here"]).refused(&[&said("--store")]);
    for name in ["REHEARSAL_STORE", "REHEARSAL_STATE_DIR"] {
        let mut command = dir.command(&["stats"]);
        command.env(name, "~/here");
        run(command, b"").refused(&[&said(name)]);
    }
    let mut command = dir.command(&["stats"]);
    command.env("REHEARSAL_STORE", "postgres:///nowhere");
    run(command, b"").refused(&["REHEARSAL_STORE: the address is "]);
    for key in ["store", "state_dir"] {
        dir.write("rehearsal.toml", format!("{key} = \"~/here\"\n"));
        dir.run(&["stats"]).refused(&[&said("rehearsal.toml")]);
    }
    std::fs::remove_file(dir.join("rehearsal.toml")).unwrap();
    dir.run_with(
        &["score", "--policy", "uniform", "--store", "there"],
        r#"{"user":"u","context":{"hour":8,"weekday":1},"candidates":[{"id":"a"}]}"#,
    )
    .ok();
    dir.run(&["rebuild", "--store", "there", "--into", "$HOME/x"])
        .refused(&["--into: the store is \"$HOME/x\""]);
}

#[cfg(unix)]
#[test]
fn a_projects_file_that_is_a_link_to_nowhere_is_not_passed_over() {
    let dir = Dir::new();
    std::os::unix::fs::symlink("gone.toml", dir.join("rehearsal.toml")).unwrap();
    dir.run(&["stats"]).refused(&["rehearsal.toml is a link to a file that is not there"]);
    dir.write("gone.toml", "store = \"there\"\n");
    dir.run(&["stats"]).refused(&["there: no store there"]);
}

/// Names are of whoever wrote the file, and a spreadsheet runs what begins like a formula.
#[test]
fn a_table_for_spreadsheets_has_no_formulas_of_others() {
    let dir = dir();
    for name in ["=1+1.csv", "@sum.csv", "+1.csv", "-1.csv"] {
        dir.write(name, "item,probability\na,0.25\nb,0.75\n");
        let policy = format!("--policy={name}");
        let args =
            ["evaluate", "log.csv", &policy, "--policy", "uniform", "--force", "--csv", "--out", "out"];
        let table = dir.run(&args).stdout();
        assert_eq!(table, dir.read("out/evaluation.csv"));
        assert!(table.contains(&format!("\n'{name},")) && table.contains(&format!(",'{name},")), "{table}");
        assert!(!table.contains(&format!("\n{name}")), "{table}");
        assert!(table.contains(",-0."), "numbers are as they were: {table}");
    }
}

/// What is written lies over nothing that is read, nor over what else is written.
#[test]
fn results_in_a_folder_take_the_place_of_nothing_that_is_read() {
    let dir = dir();
    let log = dir.read("log.csv");
    std::fs::create_dir(dir.join("out")).unwrap();
    for name in ["out/evaluation.csv", "out/evaluation.json", "out/evaluation.txt"] {
        dir.write(name, &log);
        let args = ["evaluate", name, "--format", "csv", "--policy", "uniform", "--force", "--out"];
        for place in ["out", "./out/../out"] {
            let ran = dir.run(&[&args[..], &[place]].concat());
            ran.refused(&["evaluation.", "it is read or written already"]);
            assert_eq!(dir.read(name), log);
        }
        std::fs::remove_file(dir.join(name)).unwrap();
    }
    let simulate = ["simulate", "--policy", "uniform", "--users", "32", "--steps", "2", "--out"];
    dir.run(&[&simulate[..], &["run", "--html", "run/users.csv"]].concat()).refused(&["run/users.csv"]);
    std::fs::create_dir(dir.join("parts")).unwrap();
    dir.run(&[&simulate[..], &["parts/records.jsonl", "--blocks", "0..1"]].concat()).ok();
    let part = std::fs::read(dir.join("parts/records.jsonl")).unwrap();
    dir.run(&["merge", "parts/records.jsonl", "--out", "parts"]).refused(&["it is read or written already"]);
    assert_eq!(std::fs::read(dir.join("parts/records.jsonl")).unwrap(), part);
    dir.run(&["merge", "parts/records.jsonl", "--out", "whole"]).ok();
}
