//! GitHub: summaries, annotations, and the action.

use super::*;

#[test]
fn a_summary_is_added_under_github_actions_only() {
    let sandbox = Sandbox::new();
    let step = sandbox.path("step.md");
    fs::write(&step, "before\n").unwrap();
    let check = || {
        let mut command = sandbox.small(REJECT);
        command.env("GITHUB_STEP_SUMMARY", &step);
        command
    };
    let quiet = run(&mut check(), 1);
    assert_eq!((sandbox.read("step.md").as_str(), stderr(&quiet)), ("before\n", ""));

    let loud = run(check().env("GITHUB_ACTIONS", "true"), 1);
    let added = sandbox.read("step.md");
    assert!(added.starts_with("before\n## ") && added.contains("REJECT"), "{added}");
    assert_eq!(loud.stdout, quiet.stdout);
    assert!(stderr(&loud).starts_with("::error title=REJECT%3A "), "{}", stderr(&loud));

    // Naming the step's summary adds to it too, once.
    run(check().env("GITHUB_ACTIONS", "true").arg("--summary").arg(&step), 1);
    assert_eq!(sandbox.read("step.md").matches("## ").count(), 2);

    // What does not fit is left out: GitHub would drop all of it.
    fs::write(&step, "x".repeat(1 << 20)).unwrap();
    let full = run(check().env("GITHUB_ACTIONS", "true"), 1);
    assert!(stderr(&full).contains("summary is full"));
    assert_eq!(fs::metadata(&step).unwrap().len(), 1 << 20);
}

#[test]
fn annotations_are_for_failures() {
    let sandbox = Sandbox::new();
    for case @ (_, _, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE, SAME] {
        let output = run(sandbox.small(case).arg("--json").env("GITHUB_ACTIONS", "true"), code);
        let value = json(stdout(&output));
        let open = value["criteria"].as_array().unwrap().iter().filter(|c| c["holds"] == false);
        let evaluated = open.filter(|c| c["users"] != 0).count();
        let expected = if verdict == "promote" { 0 } else { 1 + evaluated };
        assert_eq!(stderr(&output).lines().count(), expected, "{}", stderr(&output));
    }
}

#[test]
fn the_actions_script_passes_shellcheck() {
    let Some(shellcheck) = tool("shellcheck") else { return };
    run(Command::new(shellcheck).arg(Path::new(ROOT).join("scripts/gate-action.sh")), 0);
}

#[cfg(unix)]
#[test]
fn the_actions_script_runs_the_gate_and_sets_the_outputs() {
    if tool("bash").is_none() || tool("jq").is_none() {
        return;
    }
    let sandbox = Sandbox::new();
    let step = |(baseline, challenger): (&str, &str)| {
        let _ = fs::remove_file(sandbox.path("output"));
        let mut command = Command::new("bash");
        command.arg(Path::new(ROOT).join("scripts/gate-action.sh")).current_dir(sandbox.0.path());
        command.env("REHEARSAL_BIN", BIN).env("GITHUB_OUTPUT", sandbox.path("output"));
        command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", sandbox.path("step.md"));
        command.env("INPUT_BASELINE", baseline).env("INPUT_CHALLENGER", challenger);
        command.env("INPUT_GATE", "gate.toml").env("INPUT_PERSONAS", "people").env("INPUT_OUT", "a folder");
        command
    };
    for (baseline, challenger, verdict, code) in [PROMOTE, REJECT, INCONCLUSIVE] {
        run(&mut step((baseline, challenger)), code);
        let reason = json(&sandbox.read("a folder/verdict.json"))["reason"].as_str().unwrap().to_owned();
        let expected = format!("verdict={verdict}\nreason={reason}\nout=a folder\n");
        assert_eq!(sandbox.read("output"), expected);
        assert!(sandbox.read("step.md").contains(&verdict.to_uppercase()));
    }
    run(step((INCONCLUSIVE.0, INCONCLUSIVE.1)).env("INPUT_INCONCLUSIVE", "pass"), 0);
    // What is no policy is an argument and nothing else, and no verdict of an earlier run is left behind.
    let hostile = "$(touch pwned); --gate=x\nverdict=promote";
    run(&mut step(("uniform", hostile)), 2);
    assert!(!sandbox.path("pwned").exists() && !sandbox.path("output").exists());
    assert!(!sandbox.path("a folder/verdict.json").exists());
    run(step((PROMOTE.0, PROMOTE.1)).env("REHEARSAL_BIN", ""), 2);
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
