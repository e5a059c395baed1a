//! Prompt files: adding one is all it takes, and what is none says why.

use super::{SHIPPED, signals, text, texts};
use crate::util::{Dir, Ran};
use serde_json::{Value, json};
use std::fs;

/// A prompt of one's own.
const MINE: &str = r#"+++
version = "mine"
description = "As short as can be"
inputs = ["moment", "tasks"]

[parameters]
candidates = 2
longest = 60

[[fallback]]
kind = "plan"
[fallback.text]
en = "Write down one thing."

[[fallback]]
kind = "focus"
about = "task"
[fallback.text]
en = "Begin “{{ task }}”."
+++

# system

Write {{ count }} tips of at most {{ longest }} characters: {{ kinds }}. In {{ locale }}.

# user

It is {{ moment.time }}.
{{ data }}
"#;

/// A directory with the shipped prompts and this text as `mine.md` in `prompts/`.
fn with(text: &str) -> Dir {
    let dir = Dir::new();
    fs::create_dir(dir.join("prompts")).unwrap();
    for version in SHIPPED {
        dir.write(&format!("prompts/{version}.md"), dir.run(&["prompt", "show", version]).ok().stdout());
    }
    dir.write("prompts/mine.md", text);
    dir
}

fn check(text: &str) -> Ran {
    with(text).run(&["prompt", "check", "--prompts", "prompts"])
}

#[test]
fn an_input_that_nobody_is_told_is_refused() {
    let unseen = MINE.replace("{{ data }}\n", "");
    check(&unseen).ok();
    // The ready tip is about the tasks, and the template shows the moment.
    let recent = unseen.replace("\"tasks\"]", "\"tasks\", \"recent\"]");
    let said = check(&recent).exits(2).stderr();
    assert!(said.contains("mine.md: inputs is \"recent\"; allowed: what the template user shows"), "{said}");
    check(&recent.replace("It is", "{{ recent }} It is")).ok();
    check(&recent.replace("It is", "{{ data }} It is")).ok();
    let said = check(&unseen.replace("It is {{ moment.time }}.", "Write.")).exits(2).stderr();
    assert!(said.contains("inputs is \"moment\""), "{said}");
}

#[test]
fn a_file_in_a_folder_is_a_version() {
    let dir = with(MINE);
    let prompts = ["--prompts", "prompts"];
    let listed = dir.run(&[&["prompt", "list", "--json"], &prompts[..]].concat()).ok().jsonl();
    let names: Vec<&str> = listed.iter().map(|row| text(row, "version")).collect();
    assert_eq!(names, ["mine", "v1", "v2", "v3"]);
    assert_eq!(listed[0]["inputs"], json!(["moment", "tasks"]));
    // What is shown is the file, and what it does is what is shipped.
    let shipped = dir.run(&["prompt", "list", "--json"]).ok().jsonl();
    for (one, other) in listed[1..].iter().zip(&shipped) {
        assert_eq!(one["digest"], other["digest"]);
    }
    let args = [&["generate", "--prompt-version", "mine"], &prompts[..]].concat();
    let answer = dir.run_with(&args, signals("ann").to_string()).ok().json();
    assert_eq!(texts(&answer), ["Write down one thing.", "Begin “Tax return”."]);
    assert_eq!(answer["prompt_digest"], listed[0]["digest"]);
    assert_eq!((&answer["model"], &answer["fallback"]), (&Value::Null, &json!(true)));
    assert_eq!(answer["reason"], "there is no gateway");
    assert_eq!(answer["usage"], json!({"prompt_tokens": 0, "completion_tokens": 0}));
    let about_task = &answer["candidates"][1];
    assert_eq!((&about_task["priority"], &about_task["due_in_days"]), (&json!(0.9), &json!(1.6)));
    // A title is cut before a tip is too long.
    let mut long = signals("ann");
    long["tasks"][0]["title"] = json!("word ".repeat(100));
    let answer = dir.run_with(&args, long.to_string()).ok().json();
    let tip = texts(&answer)[1];
    assert!(
        tip.chars().count() <= 60 && tip.starts_with("Begin “word word") && tip.ends_with("…”."),
        "{tip}"
    );
}

#[test]
fn what_differs_is_shown_line_by_line() {
    let dir = with(&MINE.replace("It is", "The time is"));
    dir.write("mine.md", MINE);
    let args = ["prompt", "diff", "mine.md", "mine", "--prompts", "prompts"];
    let shown = dir.run(&args).ok().stdout();
    let changed: Vec<&str> = shown.lines().skip(2).filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(changed, ["-It is {{ moment.time }}.", "+The time is {{ moment.time }}."]);
    let digests: Vec<&str> = shown.lines().take(2).map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_ne!(digests[0], digests[1]);
    let same = dir.run(&["prompt", "diff", "v1", "v1"]).ok().stdout();
    assert!(same.ends_with("they have one digest.\n"), "{same}");
    dir.run(&["prompt", "diff", "v1", "nine"]).refused(&["unknown prompt version \"nine\"", "v1, v2, v3"]);
}

#[test]
fn what_is_no_prompt_says_file_field_value_and_what_is_allowed() {
    assert!(check(MINE).ok().stdout().contains("mine: sound, digest "));
    let front = |from: &str, to: &str| {
        assert!(MINE.contains(from), "{from}");
        MINE.replace(from, to)
    };
    for (text, parts) in [
        (String::new(), &["mine.md", "the first line is not +++"][..]),
        ("+++\nversion = \"mine\"\n".to_owned(), &["no line +++ ends"]),
        (front("# user", "# User"), &["no line `# user`"]),
        (front("# system", "hello\n\n# system"), &["something stands before `# system`"]),
        (
            front("inputs", "output = 1\ninputs"),
            &["mine.md: output: unknown field `output`", "line 4", "expected"],
        ),
        (front("\"moment\", \"tasks\"", "\"moment\", \"shoes\""), &["shoes", "quiet_hours"]),
        (
            front("\"moment\", \"tasks\"", "\"moment\", \"tasks\", \"tasks\""),
            &["inputs is \"tasks\" twice", "once"],
        ),
        (front("version = \"mine\"", "version = \"ours\""), &["version is \"ours\"", "\"mine\""]),
        (front("version = \"mine\"", "version = \"a,b\""), &["version is \"a,b\"", "1 to 64"]),
        (front("candidates = 2", "candidates = 0"), &["parameters.candidates is 0", "1 to 10"]),
        (front("candidates = 2", "temperature = 2.5"), &["parameters.temperature is 2.5", "[0, 2]"]),
        (front("candidates = 2", "top_p = 0.0"), &["parameters.top_p is 0"]),
        (front("candidates = 2", "max_tokens = 15"), &["parameters.max_tokens is 15", "16 to 4096"]),
        (
            front("candidates = 2", "context_tokens = 99"),
            &["parameters.context_tokens is 99", "100 to 20000"],
        ),
        (front("longest = 60", "longest = 19"), &["parameters.longest is 19", "20 to 500"]),
        (
            front("longest = 60", "longest = 20"),
            &["fallback[0].text.en is a tip of 21 characters", "1 to 20"],
        ),
        (front("description = \"As short as can be\"", "description = \"\""), &["description is \"\""]),
        (front("As short as can be", "As \\u001b[31m"), &["description is"]),
        (front("kind = \"plan\"", "kind = \"\""), &["fallback[0].kind"]),
        (
            front("about = \"task\"", "about = \"event\""),
            &["fallback[1].about", "\"calendar\" is not among them"],
        ),
        (
            front("kind = \"plan\"", "kind = \"plan\"\nabout = \"task\""),
            &["one at least that is about nothing"],
        ),
        (
            front("kind = \"plan\"\n[fallback.text]", "kind = \"plan\"\n[fallback.text]\nde = \"x\""),
            &["fallback[1].text is en", "de"],
        ),
        (
            front("inputs", "banned = [\"write\"]\ninputs"),
            &["fallback[0].text.en is", "no tip with \"write\""],
        ),
        (front("{{ task }}", "{{ event }}"), &["fallback[1].text.en, line 1", "shows what there is not"]),
        (
            front("{{ moment.time }}", "{{ calendar }}"),
            &["the template user, line 1 of it", "`inputs` do not ask"],
        ),
        (front("{{ moment.time }}", "{{ moment.nope }}"), &["shows what there is not"]),
        (front("{{ count }}", "{{ tasks }}"), &["the template system", "shows what there is not"]),
        (front("{{ moment.time }}", "{{ moment.time"), &["the template user, line 1 of it"]),
        (front("{{ moment.time }}", "{% set x = 1 %}"), &["\"set\" is no statement", "for"]),
        (front("{{ moment.time }}", "{{ data|safe }}"), &["'|' stands between marks"]),
        (front("{{ moment.time }}", &"{% for a in [1,2,3,4,5,6,7,8,9] %}".repeat(9)), &["the template user"]),
        (front("It is", "It\u{7}is"), &["characters that control a terminal"]),
        (front("It is", &"x".repeat(70_000)), &["the template user is a text of", "65536 bytes"]),
    ] {
        let ran = check(&text).exits(2);
        let stderr = ran.stderr();
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        for part in parts {
            assert!(stderr.contains(part), "{parts:?}: {stderr}");
        }
        // The others are told to be sound all the same.
        assert_eq!(ran.stdout().lines().count(), 3, "{}", ran.stdout());
    }
}

#[test]
fn a_template_that_does_not_end_is_stopped_and_said() {
    let loops = "{% for a in [1,2,3,4,5,6,7,8,9,10] %}".repeat(8) + "x" + &"{% endfor %}".repeat(8);
    let ran = check(&MINE.replace("{{ moment.time }}", &loops)).exits(2);
    assert!(ran.stderr().contains("does not end within the steps"), "{}", ran.stderr());
}

#[test]
fn folders_and_files_that_are_none_are_refused() {
    let dir = Dir::new();
    fs::create_dir(dir.join("empty")).unwrap();
    fs::create_dir_all(dir.join("odd/v1.md")).unwrap();
    dir.run(&["prompt", "list", "--prompts", "missing"]).refused(&["missing"]);
    dir.run(&["prompt", "list", "--prompts", "empty"]).refused(&["empty", "no prompt there"]);
    dir.run(&["prompt", "list", "--prompts", "odd"]).refused(&["v1.md", "a regular file"]);
    dir.run(&["prompt", "show", "nine"]).refused(&["unknown prompt version \"nine\"", "v1, v2, v3"]);
    // A set without v1 needs another default.
    fs::create_dir(dir.join("own")).unwrap();
    dir.write("own/mine.md", MINE);
    let person = signals("ann").to_string();
    dir.run_with(&["generate", "--prompts", "own"], &person)
        .refused(&["unknown prompt version \"v1\"", "mine"]);
    let args = ["generate", "--prompts", "own", "--default-prompt-version", "mine"];
    assert_eq!(dir.run_with(&args, &person).ok().json()["prompt_version"], "mine");
}
