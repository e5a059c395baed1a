//! What holds for the command line as a whole.

use crate::util::Dir;

#[test]
fn completions_and_the_manual_name_every_command() {
    let dir = Dir::new();
    let commands =
        ["score", "reward", "stats", "reset", "simulate", "promote-check", "calibrate", "evaluate"];
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let printed = dir.run(args).ok().stdout().replace('\\', "");
        let upper = printed.to_lowercase();
        assert!(commands.iter().all(|c| upper.contains(c)), "{args:?}: {printed}");
    }
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let dir = Dir::new();
    let request = r#"{"user":"u","context":{"hour":8,"weekday":1},"candidates":[{"id":"a"}]}"#;
    dir.run_with(&["--state-dir", "one", "score", "--policy", "uniform"], request).ok();
    dir.run_with(&["score", "--policy", "uniform", "--state-dir", "two"], request).ok();
    assert!(dir.join("one/decisions.jsonl").exists() && dir.join("two/decisions.jsonl").exists());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    use std::io::Read;
    let dir = Dir::new();
    let args =
        ["simulate", "steady", "drift", "--policy", "uniform", "--users", "2", "--steps", "2", "--json"];
    let mut child = dir.command(&args).spawn().unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
