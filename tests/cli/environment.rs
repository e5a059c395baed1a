//! What stands in the environment.

use crate::util::Dir;
use serde_json::json;

/// The variables of the options of a command, as its help lists them.
fn variables(dir: &Dir, command: &str) -> Vec<String> {
    let help = dir.run(&[command, "--help"]).ok().stdout();
    let listed = help.split("[env: ").skip(1).filter_map(|rest| rest.split([']', '=', ' ']).next());
    listed.map(str::to_owned).collect()
}

#[test]
fn a_variable_that_is_set_to_nothing_is_as_one_that_is_not_set() {
    let dir = Dir::new();
    let request = r#"{"user":"u","context":{"hour":8,"weekday":1},"candidates":[{"id":"a"}]}"#;
    let signals = json!({"user": "u"}).to_string();
    for (args, input) in [
        (&["score", "--policy", "linucb"][..], request),
        (&["generate", "--score", "--policy", "linucb"], &signals),
        (&["prompt", "list"], ""),
        // What is wrong is the policy, and nothing that nobody said.
        (&["serve", "--policy", "nobody"], ""),
    ] {
        let names = match args[0] {
            "prompt" => vec!["REHEARSAL_PROMPTS".to_owned(), "DEFAULT_PROMPT_VERSION".to_owned()],
            command => variables(&dir, command),
        };
        assert!(names.iter().any(|name| name == "REHEARSAL_EXPERIMENTS") || args[0] == "prompt", "{names:?}");
        for name in names {
            let mut command = dir.command(args);
            command.env(&name, "");
            let ran = crate::util::run(command, input.as_bytes());
            if args[0] == "serve" {
                ran.refused(&["unknown policy \"nobody\""]);
            } else {
                ran.ok();
            }
        }
    }
    let mut command = dir.command(&["score", "--policy", "linucb"]);
    command.env("REHEARSAL_EXPERIMENTS", "none");
    crate::util::run(command, request.as_bytes()).refused(&["cannot list none"]);
}
