//! What holds for the command line as a whole.

use crate::util::Dir;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

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

#[test]
fn modules_use_those_before_them_and_the_map_has_their_order() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    let declared = lib.lines().filter_map(|line| {
        let module = line.trim_start_matches("pub ").strip_prefix("mod ")?;
        module.strip_suffix(';')
    });
    let declared: Vec<&str> = declared.collect();
    let drawn = lib.lines().filter_map(|line| line.strip_prefix("//! | ")?.split('`').nth(1));
    let drawn: Vec<&str> = drawn.collect();
    assert_eq!(declared, drawn);
    let place = |name: &str| declared.iter().position(|module| *module == name).unwrap();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let first = entry.strip_prefix(&src).unwrap().iter().next().unwrap().to_str().unwrap();
            let Some(own) = declared.iter().find(|module| first.trim_end_matches(".rs") == **module) else {
                continue;
            };
            let text = fs::read_to_string(&entry).unwrap();
            // Tests may look anywhere.
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let used = line
                    .split("crate::")
                    .skip(1)
                    .filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next());
                for used in used.filter(|used| declared.contains(used)) {
                    assert!(place(used) <= place(own), "{}: {line}", entry.display());
                }
            }
        }
    }
}
