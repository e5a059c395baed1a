//! GitHub: summaries, annotations, and the action.

use super::*;

#[test]
fn a_summary_is_added_under_github_actions_only() {
    let dir = sandbox();
    let step = dir.join("step.md");
    fs::write(&step, "before\n").unwrap();
    let check = || {
        let mut command = small(&dir, REJECT);
        command.env("GITHUB_STEP_SUMMARY", &step);
        command
    };
    let quiet = run(check(), b"").exits(1);
    assert_eq!((dir.read("step.md").as_str(), quiet.stderr()), ("before\n", String::new()));

    let loud = run(check().env("GITHUB_ACTIONS", "true"), b"").exits(1);
    let added = dir.read("step.md");
    assert!(added.starts_with("before\n## ") && added.contains("REJECT"), "{added}");
    assert_eq!(loud.stdout(), quiet.stdout());
    assert!(loud.stderr().starts_with("::error title=REJECT%3A "), "{}", loud.stderr());

    // Naming the step's summary adds to it too, once.
    run(check().env("GITHUB_ACTIONS", "true").arg("--summary").arg(&step), b"").exits(1);
    assert_eq!(dir.read("step.md").matches("## ").count(), 2);

    // What does not fit is left out: GitHub would drop all of it.
    fs::write(&step, "x".repeat(1 << 20)).unwrap();
    let full = run(check().env("GITHUB_ACTIONS", "true"), b"").exits(1);
    assert!(full.stderr().contains("summary is full"));
    assert_eq!(fs::metadata(&step).unwrap().len(), 1 << 20);
}

#[test]
fn annotations_are_for_failures() {
    let dir = sandbox();
    for case @ (_, _, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE, SAME] {
        let output = run(small(&dir, case).arg("--json").env("GITHUB_ACTIONS", "true"), b"").exits(code);
        let value = output.json();
        let open = value["criteria"].as_array().unwrap().iter().filter(|c| c["holds"] == false);
        let evaluated = open.filter(|c| c["users"] != 0).count();
        let warnings = value["warnings"].as_array().unwrap().len();
        let expected = warnings + if verdict == "promote" { 0 } else { 1 + evaluated };
        assert_eq!(output.stderr().lines().count(), expected, "{}", output.stderr());
    }
}

#[test]
fn the_actions_script_passes_shellcheck() {
    let Some(shellcheck) = tool("shellcheck") else { return };
    run(Command::new(shellcheck).arg(Path::new(ROOT).join("scripts/gate-action.sh")), b"").ok();
}

#[cfg(unix)]
#[test]
fn the_actions_script_runs_the_gate_and_sets_the_outputs() {
    if tool("bash").is_none() || tool("jq").is_none() {
        return;
    }
    let dir = sandbox();
    let step = |(baseline, challenger): (&str, &str)| {
        let _ = fs::remove_file(dir.join("output"));
        let mut command = Command::new("bash");
        command.arg(Path::new(ROOT).join("scripts/gate-action.sh")).current_dir(dir.path());
        command.env("REHEARSAL_BIN", BIN).env("GITHUB_OUTPUT", dir.join("output"));
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", dir.join("step.md"));
        command.env("INPUT_BASELINE", baseline).env("INPUT_CHALLENGER", challenger);
        command.env("INPUT_GATE", "gate.toml").env("INPUT_PERSONAS", "people").env("INPUT_OUT", "a folder");
        command
    };
    for (baseline, challenger, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE] {
        run(step((baseline, challenger)), b"").exits(code);
        let reason = dir.json("a folder/verdict.json")["reason"].as_str().unwrap().to_owned();
        let expected = format!("verdict={verdict}\nreason={reason}\nout=a folder\n");
        assert_eq!(dir.read("output"), expected);
        assert!(dir.read("step.md").contains(&verdict.to_uppercase()));
    }
    run(step((INCONCLUSIVE.0, INCONCLUSIVE.1)).env("INPUT_INCONCLUSIVE", "pass"), b"").ok();
    // A folder may have a name that looks like an option.
    for out in ["-x", "--help"] {
        run(step((PROMOTE.0, PROMOTE.1)).env("INPUT_OUT", out), b"").ok();
        let output = dir.read("output");
        assert!(
            output.starts_with("verdict=promote\nreason=") && output.contains(&format!("out=./{out}\n")),
            "{output}"
        );
        assert!(dir.join(out).join("verdict.json").exists());
    }
    // What is no policy is an argument and nothing else, and no verdict of an earlier run is left behind.
    let hostile = "$(touch pwned); --gate=x\nverdict=promote";
    run(step(("uniform", hostile)), b"").exits(2);
    assert!(!dir.join("pwned").exists() && !dir.join("output").exists());
    assert!(!dir.join("a folder/verdict.json").exists());
    run(step((PROMOTE.0, PROMOTE.1)).env("REHEARSAL_BIN", ""), b"").exits(2);
}

#[test]
fn no_input_of_the_action_is_pasted_into_a_shell() {
    let text = fs::read_to_string(Path::new(ROOT).join("action.yml")).unwrap();
    let runs: Vec<&str> = text.lines().filter(|l| l.trim_start().starts_with("run:")).collect();
    assert_eq!(runs.len(), 2);
    for line in runs {
        // One line each, so that this test sees all of it.
        assert!(!line.contains("${{") && !line.trim_end().ends_with(['|', '>', '-']), "{line}");
    }
    let script = fs::read_to_string(Path::new(ROOT).join("scripts/gate-action.sh")).unwrap();
    for name in ["baseline", "challenger", "gate", "personas", "inconclusive", "card", "out"] {
        let variable = format!("INPUT_{}", name.to_uppercase());
        assert!(text.contains(&format!("{variable}: ${{{{ inputs.{name} }}}}")), "{name}");
        assert!(script.contains(&variable), "{name}");
    }
}
