//! The scripts in `integrations/` that spread a run over machines: whatever they are asked for, every block is
//! there once, and the result is that of one machine.

use crate::util::{Dir, run};
use std::path::{Path, PathBuf};
use std::process::Command;

const RUN: [&str; 6] = ["steady", "--policy", "egreedy-v1", "--policy", "egreedy-v2", "--steps=10"];
const FILES: [&str; 4] = ["summary.json", "users.csv", "curve.csv", "records.jsonl"];

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations").join(name)
}

/// A script as its engine starts it, with our binary on PATH.
fn command(shell: &str, script: &Path, dir: &Dir, env: &[(&str, &str)], args: &[&str]) -> Command {
    let ours = Path::new(env!("CARGO_BIN_EXE_rehearsal")).parent().expect("a folder");
    let path = format!("{}:{}", ours.display(), std::env::var("PATH").expect("PATH"));
    let mut command = Command::new(shell);
    command.arg(script).args(args).current_dir(dir.path()).env("PATH", path).envs(env.iter().copied());
    command
}

/// Runs all tasks of one engine, the last one first and one of them twice, and its merge.
fn run_in_parts(dir: &Dir, shell: &str, index: &str, part: &str, merge: &str, (users, tasks): (u64, u64)) {
    std::fs::create_dir_all(dir.join("parts")).expect("a folder");
    let (users, tasks_text) = (users.to_string(), tasks.to_string());
    let shared = [("USERS", users.as_str()), ("TASKS", tasks_text.as_str()), ("PARTS", "parts")];
    for task in (0..tasks).rev().chain([0]) {
        let task = task.to_string();
        let env = [&shared[..], &[(index, task.as_str())]].concat();
        run(command(shell, &script(part), dir, &env, &RUN), b"").ok();
    }
    run(command(shell, &script(merge), dir, &shared, &[]), b"").ok();
}

#[test]
fn every_block_is_run_once_and_the_result_is_that_of_one_machine() {
    let engines = [
        ("sh", "JOB_COMPLETION_INDEX", "kubernetes/part.sh", "kubernetes/merge.sh"),
        ("bash", "SLURM_ARRAY_TASK_ID", "slurm/parts.sbatch", "slurm/merge.sbatch"),
    ];
    // Even shares, uneven ones, a last block cut short, and more tasks than blocks.
    for (users, tasks) in [(128, 2), (150, 3), (33, 5), (32, 1)] {
        let whole = Dir::new();
        let users_text = users.to_string();
        let args = [&["simulate"], &RUN[..], &["--users", &users_text, "--out", "whole"]].concat();
        whole.run(&args).ok();
        for (shell, index, part, merge) in engines {
            let dir = Dir::new();
            run_in_parts(&dir, shell, index, part, merge, (users, tasks));
            for file in FILES {
                let (a, b) =
                    (dir.read(&format!("parts/result/{file}")), whole.read(&format!("whole/{file}")));
                assert!(a == b, "{part}, {users} users, {tasks} tasks: {file} differs");
            }
        }
    }
}

#[test]
fn a_part_that_is_missing_is_named_and_bad_input_has_the_code_that_ends_the_job() {
    let dir = Dir::new();
    std::fs::create_dir_all(dir.join("parts")).expect("a folder");
    let env = [("USERS", "96"), ("TASKS", "3"), ("PARTS", "parts")];
    for index in ["0", "2"] {
        let env = [&env[..], &[("JOB_COMPLETION_INDEX", index)]].concat();
        run(command("sh", &script("kubernetes/part.sh"), &dir, &env, &RUN), b"").ok();
    }
    run(command("sh", &script("kubernetes/merge.sh"), &dir, &env, &[]), b"")
        .refused(&["missing: 1 of steady"]);
    let env = [&env[..], &[("JOB_COMPLETION_INDEX", "1")]].concat();
    let bad = ["stedy", "--policy", "uniform"];
    run(command("sh", &script("kubernetes/part.sh"), &dir, &env, &bad), b"").refused(&["did you mean"]);
}

/// `submit.sh` with an `sbatch` that notes what it is asked for.
#[test]
fn the_merge_waits_for_the_array() {
    let dir = Dir::new();
    dir.write(
        "sbatch",
        "#!/bin/sh\necho \"$@ TASKS=$TASKS USERS=$USERS PARTS=$PARTS\" >> asked\nwc -l < asked | tr -d ' '\n",
    );
    run(command("chmod", Path::new("+x"), &dir, &[], &["sbatch"]), b"").ok();
    let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").expect("PATH"));
    let args = [&["16", "1000", "parts"], &RUN[..]].concat();
    let mut submit = command("bash", &script("slurm/submit.sh"), &dir, &[], &args);
    submit.env("PATH", path);
    run(submit, b"").ok();
    let asked = dir.read("asked");
    let lines: Vec<&str> = asked.lines().collect();
    assert!(
        lines[0].contains("--array=0-15") && lines[0].contains("egreedy-v2 --steps=10 TASKS=16"),
        "{asked}"
    );
    assert!(lines[1].contains("--dependency=afterok:1 ") && lines[1].ends_with("PARTS=parts"), "{asked}");
    run(command("bash", &script("slurm/submit.sh"), &dir, &[], &["16"]), b"").exits(2);
}

#[test]
fn the_manifest_has_as_many_tasks_as_completions() {
    let manifest = std::fs::read_to_string(script("kubernetes/parts.yaml")).expect("a manifest");
    let after = |mark: &str| {
        let rest = manifest.split_once(mark).unwrap_or_else(|| panic!("no {mark:?}")).1;
        rest.trim_start_matches(['"', ' ']).split(['"', ' ', '\n']).next().expect("a word").to_owned()
    };
    assert_eq!(after("completions:"), after("- name: TASKS\n              value:"));
    assert_eq!(after("image: rehearsal:"), env!("CARGO_PKG_VERSION"));
}

/// Every file below `folder` whose name ends in `.py`, except where Git does not look.
fn python_files(folder: &Path, ignored: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name in UTF-8");
        if path.is_dir() && !name.starts_with('.') && !ignored.contains(&name) {
            python_files(&path, ignored, found);
        } else if path.extension().is_some_and(|e| e == "py") {
            found.push(path);
        }
    }
}

/// The Ray adapter and the peers need packages that are not here; that their files are Python can be seen.
#[test]
fn python_files_compile() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = std::fs::read_to_string(root.join(".gitignore")).expect("a list");
    let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_matches('/')).collect();
    let mut files = Vec::new();
    python_files(root, &ignored, &mut files);
    for folder in ["benches", "integrations", "scripts", "tests"] {
        assert!(files.iter().any(|file| file.starts_with(root.join(folder))), "{folder}: {files:?}");
    }
    let check = "import ast, sys\nfor f in sys.argv[1:]: ast.parse(open(f, encoding='utf-8').read(), f)";
    let mut python = Command::new("python3");
    python.args(["-c", check]).args(files);
    run(python, b"").ok();
}
