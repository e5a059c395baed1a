//! The recipes of docs/ci.md and docs/delivery.md, as far as they run without the systems that they are for: every command in
//! them that runs the gate is run by a shell, in a folder that has what the pages say that a repository has.

use crate::util::{Dir, run};
use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PAGES: [(&str, &str); 2] = [
    ("docs/ci.md", include_str!("../../docs/ci.md")),
    ("docs/delivery.md", include_str!("../../docs/delivery.md")),
];

/// A fenced block of a page: its mark and its lines.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(mark), None) => open = Some((mark, String::new())),
            (Some(_), block) => blocks.extend(block.take()),
            (None, Some((_, text))) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    blocks
}

/// Scripts in which the gate is run: whole `sh` blocks, and of other blocks the lines that stand as deep as the command or
/// deeper.
fn scripts(page: &str) -> Vec<String> {
    let mut scripts = Vec::new();
    for (mark, text) in blocks(page) {
        if !text.contains("rehearsal promote-check") {
            continue;
        }
        if mark == "sh" {
            scripts.push(text);
            continue;
        }
        let depth = |line: &str| line.len() - line.trim_start().len();
        let lines: Vec<&str> = text.lines().collect();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("rehearsal promote-check"))
        {
            let belongs = |other: &&&str| {
                depth(other) >= depth(line) && !other.trim().is_empty() && !other.trim().starts_with("'''")
            };
            let before: Vec<&str> = lines[..i].iter().rev().take_while(belongs).copied().collect();
            let after = lines[i..].iter().take_while(belongs).copied();
            let script: Vec<&str> = before.into_iter().rev().chain(after).collect();
            scripts.push(script.join("\n"));
        }
    }
    scripts
}

/// What ends how: the policy in charge, the challenger, the exit code, and verdict and outcome.
const CASES: [(&str, &str, i32, &str); 4] = [
    (
        "explorer = \"uniform\"\nfeatures = \"v1\"",
        "explorer = \"egreedy\"\nfeatures = \"v2\"",
        0,
        "promote promote",
    ),
    ("explorer = \"egreedy\"\nfeatures = \"v2\"", "explorer = \"uniform\"\nfeatures = \"v1\"", 1, "reject"),
    // So small a step cannot be shown with so few users.
    (
        "explorer = \"egreedy\"\nfeatures = \"v1\"",
        "explorer = \"linucb\"\nfeatures = \"v1\"",
        3,
        "inconclusive inconclusive",
    ),
    ("explorer = \"egreedy\"\nfeatures = \"v2\"", "explorer = \"mistyped\"\nfeatures = \"v2\"", 2, ""),
];

/// A repository as docs/ci.md says that it is.
fn repository(baseline: &str, challenger: &str, minimum_effect: f64) -> Dir {
    let dir = Dir::new();
    for folder in ["policies", "people"] {
        fs::create_dir(dir.join(folder)).unwrap();
    }
    for name in ["mover.toml", "morning-planner.toml"] {
        fs::copy(Path::new(ROOT).join("personas").join(name), dir.join("people").join(name)).unwrap();
    }
    dir.write("policies/current.toml", format!("name = \"current\"\n{baseline}\n"));
    dir.write("policies/candidate.toml", format!("name = \"candidate\"\n{challenger}\n"));
    dir.write("short.toml", "name = \"short\"\ndescription = \"A month\"\nsteps = 100\n");
    let levels =
        format!("alpha = 0.05\nbeta = 0.05\nminimum_effect = {minimum_effect}\nbatch = 32\nmax_users = 192");
    let criterion = "[[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"./short.toml\"]";
    dir.write("gate.toml", format!("description = \"small\"\n{levels}\n{criterion}\n"));
    dir
}

/// Runs a script as its system would, with the program on the path.
fn shell(dir: &Dir, script: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_rehearsal")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("bash");
    // A folder that the recipe mounts is the repository here.
    let script = script.replace("cd /policies", "true").replace("/tmp/gate-report", "gate-report");
    command.args(["-ec", &script]).current_dir(dir.path()).env("PATH", path);
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    command
}

#[test]
fn every_recipe_judges_the_readers_own_policy_by_their_own_gate_and_people() {
    let mut count = 0;
    for (name, page) in PAGES {
        for script in scripts(page) {
            count += 1;
            for option in [
                "--baseline policies/current.toml",
                "--challenger policies/candidate.toml",
                "--gate gate.toml",
                "--personas people",
            ] {
                assert!(script.contains(option), "{name}: no {option} in\n{script}");
            }
        }
        // Whoever names a runner names the image, or the step that builds the program.
        for (mark, text) in blocks(page).iter().filter(|(mark, _)| ["yaml", "groovy"].contains(mark)) {
            let named = text.contains("rehearsal:0.8.0") || text.contains("uses: ./path/to/rehearsal");
            let by_another =
                text.contains("flagger-loadtester") && page.contains("COPY --from=rehearsal:0.8.0");
            assert!(named || by_another, "{name}: no image in this {mark}:\n{text}");
        }
    }
    assert_eq!(count, 7, "GitLab, Jenkins, shell, Argo Workflows, Argo Rollouts, and two of Flagger");
    let action =
        blocks(PAGES[0].1).into_iter().find(|(_, text)| text.contains("uses: ./path/to/rehearsal")).unwrap();
    for input in [
        "baseline: policies/current.toml",
        "challenger: policies/candidate.toml",
        "gate: gate.toml",
        "personas: people",
    ] {
        assert!(action.1.contains(input), "{input}");
    }
    // The version of the image is the program's, and its file is there.
    let version = format!("rehearsal:{}", env!("CARGO_PKG_VERSION"));
    assert!(PAGES.iter().all(|(_, page)| page.contains(&version)), "{version}");
    assert!(Path::new(ROOT).join("integrations/server/Dockerfile").exists());
}

#[test]
fn every_recipe_ends_as_the_tables_say() {
    for (baseline, challenger, code, outcome) in CASES {
        let dir = repository(baseline, challenger, 0.01);
        for (name, page) in PAGES {
            for script in scripts(page) {
                let _ = fs::remove_dir_all(dir.join("gate-report"));
                // The hook that waits for a verdict says yes to each that there is.
                let waits = script.contains("-le 1");
                let expected = if waits { i32::from(code > 1) } else { code };
                let ran = run(shell(&dir, &script), b"");
                assert_eq!(ran.code(), expected, "{name}, {code}:\n{script}\n{}", ran.stderr());
                if script.contains("--out") && code != 2 {
                    let verdict = dir.json("gate-report/verdict.json");
                    let said = format!(
                        "{} {}",
                        verdict["verdict"].as_str().unwrap(),
                        verdict["outcome"].as_str().unwrap()
                    );
                    assert!(said.starts_with(outcome), "{said}");
                    assert!(
                        dir.join("gate-report/junit.xml").exists()
                            && dir.join("gate-report/report.html").exists()
                    );
                }
            }
        }
    }
}

#[test]
fn a_gain_that_is_too_small_is_a_rejection_that_says_so() {
    let (baseline, challenger, ..) = CASES[0];
    // Nobody gains so much.
    let dir = repository(baseline, challenger, 0.5);
    run(shell(&dir, &scripts(PAGES[0].1)[2]), b"").exits(1);
    let verdict = dir.json("gate-report/verdict.json");
    assert_eq!(
        (verdict["verdict"].as_str(), verdict["outcome"].as_str()),
        (Some("reject"), Some("too_small"))
    );
    let page = PAGES[1].1;
    for outcome in ["harm", "no_gain", "too_small"] {
        assert!(page.contains(&format!("`{outcome}`")), "{outcome}");
    }
}
