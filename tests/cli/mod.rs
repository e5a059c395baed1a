//! What holds for the command line as a whole, and for the map of the code behind it.

mod destinations;
mod environment;
mod newcomers;
mod options;
mod rooms;
mod sound;

use crate::util::Dir;
use std::collections::HashSet;

#[test]
fn completions_and_the_manual_name_every_command() {
    let dir = Dir::new();
    let help = dir.run(&["--help"]).ok().stdout();
    let section = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> =
        section.map_while(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    assert_eq!(commands.last(), Some(&"help"), "{help}");
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let printed = dir.run(args).ok().stdout().replace('\\', "");
        // In the manual every command has a heading, in capitals; `help` is the manual itself.
        let manual = args == ["man"];
        let text = if manual { headings(&printed) } else { printed.clone() };
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let words: HashSet<&str> =
            words.map(|word| word.strip_prefix("rehearsal-").unwrap_or(word)).collect();
        let missing: Vec<_> =
            commands.iter().filter(|c| !words.contains(*c) && (!manual || **c != "help")).collect();
        assert!(missing.is_empty(), "{args:?} lacks {missing:?}:\n{printed}");
    }
}

/// The headings of a manual page, in small letters.
fn headings(page: &str) -> String {
    page.lines().filter(|line| line.starts_with(".SH")).collect::<Vec<_>>().join("\n").to_lowercase()
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let dir = Dir::new();
    let request = r#"{"user":"u","context":{"hour":8,"weekday":1},"candidates":[{"id":"a"}]}"#;
    dir.run_with(&["--state-dir", "one", "score", "--policy", "uniform"], request).ok();
    dir.run_with(&["score", "--policy", "uniform", "--state-dir", "two"], request).ok();
    assert!(dir.join("one/rehearsal.db").exists() && dir.join("two/rehearsal.db").exists());
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
