//! Where reports are written to.

use super::*;

#[test]
fn what_cannot_be_written_is_refused_before_the_run() {
    let dir = sandbox();
    fs::create_dir_all(dir.join("out/report.html")).unwrap();
    let file = ["--out", "short.toml"];
    for arguments in [["--out", "out"], file, ["--summary", "people"], ["--card", "none/card.md"]] {
        let named = arguments[1].split('/').next().unwrap();
        run(small(&dir, PROMOTE).args(arguments), b"").refused(&[named]);
    }
    assert!(!dir.join("out/verdict.json").exists());
    #[cfg(unix)]
    for other in ["/dev/null", "/dev/stdout"] {
        run(small(&dir, PROMOTE).args(["--summary", other]), b"").refused(&[other, "not a regular file"]);
    }
    run(small(&dir, PROMOTE).args(["--summary", "page/"]), b"").refused(&["page/", "is a folder"]);
    let long = "x".repeat(300);
    let refused = run(small(&dir, PROMOTE).args(["--summary", &long]), b"").exits(2);
    assert_eq!(refused.stdout(), "");
}

/// A link is followed by whoever writes: it stays, and what it names is written, there already or not.
#[cfg(unix)]
#[test]
fn a_link_to_what_is_not_there_yet_is_followed_and_a_circle_is_refused() {
    use std::os::unix::fs::symlink;
    let dir = sandbox();
    for (name, target) in [
        ("to-come.md", "real.md"),
        ("around", "around"),
        ("gate-too", "gate.toml"),
        ("twice.md", "to-come.md"),
    ] {
        symlink(target, dir.join(name)).unwrap();
    }
    let written = run(small(&dir, PROMOTE).args(["--summary", "twice.md"]), b"");
    assert!([0, 1, 3].contains(&written.code()), "{}", written.stderr());
    let is_link = |name: &str| fs::symlink_metadata(dir.join(name)).unwrap().is_symlink();
    assert!(is_link("twice.md") && is_link("to-come.md") && !is_link("real.md"));
    assert!(dir.read("real.md").starts_with('#'));
    run(small(&dir, PROMOTE).args(["--summary", "around"]), b"").refused(&["around"]);
    assert!(is_link("around"));
    run(small(&dir, PROMOTE).args(["--summary", "gate-too"]), b"")
        .refused(&["it is read or written already"]);
    let both = ["--summary", "new.md", "--html", "new-too.md"];
    symlink("new.md", dir.join("new-too.md")).unwrap();
    run(small(&dir, PROMOTE).args(both), b"").refused(&["it is read or written already"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays() {
    let dir = sandbox();
    dir.write("real.md", "old");
    std::os::unix::fs::symlink("real.md", dir.join("link.md")).unwrap();
    run(small(&dir, SAME).args(["--summary", "link.md"]), b"").exits(3);
    assert!(dir.join("link.md").is_symlink());
    assert!(dir.read("real.md").contains("INCONCLUSIVE"));
}

#[test]
fn a_reader_that_leaves_does_not_change_the_verdict() {
    let dir = sandbox();
    let mut child = small(&dir, REJECT).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[cfg(unix)]
mod replaced {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn is_root() -> bool {
        fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
    }

    #[test]
    fn modes_and_owners_of_files_are_kept() {
        let dir = sandbox();
        fs::create_dir(dir.join("out")).unwrap();
        for (name, mode) in [("w.md", 0o600), ("card.md", 0o640), ("out/verdict.json", 0o604)] {
            if name != "card.md" {
                dir.write(name, "old");
                fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        if is_root() {
            std::os::unix::fs::chown(dir.join("w.md"), Some(54321), Some(12345)).unwrap();
        }
        let all = ["--summary", "w.md", "--card", "card.md", "--out", "out"];
        run(small(&dir, SAME).args(all), b"").exits(3);
        fs::set_permissions(dir.join("card.md"), fs::Permissions::from_mode(0o640)).unwrap();
        run(small(&dir, SAME).args(all), b"").exits(3);
        for (name, mode) in [("w.md", 0o600), ("card.md", 0o640), ("out/verdict.json", 0o604)] {
            let there = fs::metadata(dir.join(name)).unwrap();
            assert_eq!(there.mode() & 0o777, mode, "{name}");
            if is_root() && name == "w.md" {
                assert_eq!((there.uid(), there.gid()), (54321, 12345));
            }
            assert!(!dir.read(name).starts_with("old"));
        }
        // What is new is for everybody to read, as far as its owner lets them.
        let umask =
            String::from_utf8(Command::new("bash").args(["-c", "umask"]).output().unwrap().stdout).unwrap();
        let umask = u32::from_str_radix(umask.trim(), 8).unwrap();
        assert_eq!(fs::metadata(dir.join("out/junit.xml")).unwrap().mode() & 0o777, 0o644 & !umask);
    }

    #[test]
    fn a_file_that_is_mounted_by_itself_is_written_in_place() {
        let dir = sandbox();
        dir.write("w.md", "old");
        let mount = |args: &[&str]| {
            let mut command = Command::new(args[0]);
            command.args(&args[1..]).current_dir(dir.path()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        if !mount(&["mount", "--bind", "w.md", "w.md"]) {
            crate::util::skip("files may not be mounted here");
            return;
        }
        let ran = run(small(&dir, PROMOTE).args(["--summary", "w.md"]), b"");
        let text = dir.read("w.md");
        assert!(mount(&["umount", "w.md"]));
        assert!(ran.ok().stdout().contains("PROMOTE") && text.contains("PROMOTE"), "{text}");
    }

    #[test]
    fn a_file_in_a_folder_of_somebody_else_is_written_in_place_and_the_verdict_is_said_anyway() {
        let dir = sandbox();
        let other = ["--reuid=54321", "--regid=54321", "--clear-groups"];
        if !is_root()
            || !Command::new("setpriv").args(other).arg("true").output().is_ok_and(|o| o.status.success())
        {
            crate::util::skip("nobody else can be here");
            return;
        }
        fs::create_dir(dir.join("theirs")).unwrap();
        dir.write("theirs/w.md", "old");
        fs::set_permissions(dir.join("theirs/w.md"), fs::Permissions::from_mode(0o666)).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(BIN, dir.join("rehearsal")).unwrap();
        let mut command = Command::new("setpriv");
        command.args(other).arg("./rehearsal").current_dir(dir.path());
        command.args([
            "promote-check",
            "--personas",
            "people",
            "--gate",
            "gate.toml",
            "--baseline",
            "uniform",
        ]);
        command.args(["--challenger", "egreedy-v2", "--summary", "theirs/w.md"]);
        let ran = run(command, b"").ok();
        assert!(ran.stdout().contains("PROMOTE") && dir.read("theirs/w.md").contains("PROMOTE"));
    }

    /// Whenever the signal comes, no file is left that nobody asked for.
    #[test]
    fn signals_leave_no_files_behind() {
        let dir = sandbox();
        gate(&dir, "gate.toml", 4096);
        for signal in ["INT", "TERM", "HUP"] {
            for wait in [30, 200] {
                let mut command = small(&dir, INCONCLUSIVE);
                command.args(["--out", "out", "--card", "card.md", "--summary", "w.md"]);
                let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                std::thread::sleep(std::time::Duration::from_millis(wait));
                let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
                assert!(kill.is_ok());
                child.wait().unwrap();
                let left = |folder: &str| {
                    let entries = fs::read_dir(dir.join(folder)).into_iter().flatten();
                    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
                    names.filter(|name| name.starts_with('.')).collect::<Vec<_>>()
                };
                assert_eq!((left("."), left("out")), (Vec::new(), Vec::new()), "{signal} after {wait} ms");
            }
        }
    }
}

#[test]
fn a_summary_fits_into_a_comment_and_begins_with_the_worst() {
    let dir = sandbox();
    let mut criteria = CRITERIA.to_owned();
    let scenario = |i: usize| {
        let name = format!("a-scenario-with-a-rather-long-name-{i:02}");
        dir.write(
            &format!("{name}.toml"),
            format!("name = \"{name}\"\ndescription = \"A day\"\nsteps = 3\n"),
        );
        format!("\"./{name}.toml\"")
    };
    let scenarios = (0..30).map(scenario).collect::<Vec<_>>().join(", ");
    for metric in
        ["completion_rate", "snooze_rate", "regret", "early_reward", "middle_reward", "late_reward", "reward"]
    {
        for by in ["", "by = \"persona\"\n"] {
            let better = if metric == "snooze_rate" { "better = \"less\"\n" } else { "" };
            criteria += &format!(
                "[[criteria]]\n{better}kind = \"not-inferior\"\nmetric = \"{metric}\"\nscenarios = [{scenarios}]\nmargin = 0.5\n{by}"
            );
        }
    }
    let numbers = "alpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nbatch = 32\nmax_users = 64";
    dir.write("gate.toml", format!("description = \"many\"\n{numbers}\n{criteria}"));
    let ran = run(small(&dir, REJECT).args(["--out", "out"]), b"");
    assert!([1, 3].contains(&ran.code()), "{}", ran.stderr());
    let text = dir.read("out/verdict.md");
    assert!(text.chars().count() <= 65_536 && text.len() <= 65_536, "{}", text.len());
    assert!(text.contains("more criteria stand in `verdict.json`"), "{text}");
    let rows: Vec<&str> =
        text.lines().filter(|line| line.starts_with("| ") && line.contains("reward")).collect();
    let missing = rows.iter().take_while(|row| row.starts_with("| **")).count();
    assert!(missing > 0 && rows[missing..].iter().all(|row| !row.starts_with("| **fails")), "{rows:#?}");
}

#[test]
fn a_description_is_one_clean_line_wherever_it_is_said() {
    let dir = sandbox();
    let hostile = "two\\n::error::lines\\u001b[31m and a\\u2028bell\\u0007";
    dir.write("short.toml", SCENARIO.replace("A month", hostile));
    let ran =
        dir.run(&["simulate", "./short.toml", "--policy", "uniform", "--users", "32", "--out", "out"]).ok();
    let said = "short: two ::error::lines [31m and a bell\n";
    assert!(ran.stdout().starts_with(said), "{:?}", ran.stdout());
    for text in [ran.stdout(), dir.read("out/summary.json"), dir.read("out/records.jsonl")] {
        assert!(!text.contains('\u{1b}') && !text.contains("\\u001b") && !text.contains("\n::"), "{text:?}");
    }
}

#[test]
fn no_probability_is_said_to_be_nothing_or_everything() {
    let dir = sandbox();
    let text = dir.read("gate.toml").replace("alpha = 0.05\nbeta = 0.05", "alpha = 1e-9\nbeta = 1e-9");
    dir.write("gate.toml", text);
    let text = run(small(&dir, PROMOTE).args(["--out", "out"]), b"").stdout();
    // On a page other shares stand beside, such as those of personas.
    let page = said(&dir.read("out/report.html"));
    let (_, page) = page.rsplit_once("</style>").unwrap_or(("", &page));
    let rounded = ["at most 0%", "at most 100%", "below 0%"];
    assert!(page.contains("0.0000001%") && !rounded.iter().any(|said| page.contains(said)), "{page}");
    for text in [text, dir.read("out/verdict.md")] {
        assert!(!text.contains(" 0% ") && !text.contains(" 100%") && text.contains("0.0000001%"), "{text}");
    }
}

#[test]
fn an_epoch_that_is_empty_is_none() {
    let dir = sandbox();
    run(small(&dir, SAME).args(["--card", "card.md"]).env("SOURCE_DATE_EPOCH", ""), b"").exits(3);
    assert!(dir.read("card.md").contains("\"date\": \"20"));
}

#[test]
fn a_card_whose_lines_end_with_two_characters_is_read_and_stays_so() {
    let dir = sandbox();
    run(small(&dir, SAME).args(["--card", "card.md"]), b"").exits(3);
    let text = format!("# Ours\n{}", dir.read("card.md"));
    dir.write("card.md", text.replace('\n', "\r\n"));
    run(small(&dir, SAME).args(["--card", "card.md"]), b"").exits(3);
    let text = dir.read("card.md");
    assert!(text.starts_with("# Ours\r\n") && !text.replace("\r\n", "").contains('\n'), "{text:?}");
    assert_eq!(text.matches("\"date\"").count(), 2);
}
