//! Programs as policies: what a user of one sees.

mod conformance;
mod domains;
mod faults;
mod served;
mod twin;

use crate::util::Dir;
use std::process::Command;

/// The program that plays `egreedy-v2`, as a policy's file in the repository names it.
const EGREEDY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/integrations/policies/egreedy.toml");

/// A program that misbehaves where it is asked about 13:00, in the way that its argument says, and else plays uniformly and
/// counts rewards.
const FAULTY: &str = r#"
import json, os, random, sys, time
how = sys.argv[1]
asked = 0
if how == "mute": time.sleep(600)
for line in sys.stdin:
    call = json.loads(line)
    if call["call"] == "hello":
        print(json.dumps({"id": call["id"], "protocol": 2 if how == "newer" else 1}), flush=True)
        continue
    answers = []
    for item in call["items"]:
        n = len(item["request"]["candidates"])
        p, state, asked = [1.0 / n] * n, {"n": ((item["state"] or {}).get("n", 0)) + 1}, asked + 1
        if how == "random": p = [random.random() for _ in p]; p = [x / sum(p) for x in p]
        if how == "memory": p = [1.0 if i == asked % n else 0.0 for i in range(n)]
        if how == "counts": state["n"] = asked
        if item["request"]["context"]["hour"] == 13:
            if how == "sum": p[0] += 0.1
            if how == "nan": p[0] = float("nan")
            if how == "few": p = p[1:]
            if how == "negative": p[0], p[1] = -0.5, 1.5 - 1.0 / n * (n - 2)
            if how == "text": p = "all"
            if how == "big": state["text"] = "x" * (1 << 20)
            if how == "hang": time.sleep(600)
            if how == "crash": sys.exit("I know \x1b[31mnothing\x1b[0m of lunch")
            if how == "refuse": answers = None; break
        answers.append(p if call["call"] == "decide" else state)
    key = "probabilities" if call["call"] == "decide" else "states"
    if how == "short": answers = answers[1:]
    if how == "twice": print(json.dumps({"id": call["id"], key: answers}))
    if answers is None: print(json.dumps({"id": call["id"], "error": "closed for lunch"}), flush=True)
    elif how == "junk": print("Loading model...", flush=True)
    else: print(json.dumps({"id": call["id"], key: answers}), flush=True)
"#;

/// A directory with the misbehaving program as a policy for each way to misbehave.
fn faulty(ways: &[&str]) -> Dir {
    let dir = Dir::new();
    dir.write("faulty.py", FAULTY);
    for way in ways {
        let limits = match *way {
            "hang" => "time_limit_seconds = 0.4\n",
            "mute" => "start_limit_seconds = 0.4\n",
            _ => "",
        };
        let text = format!("name = \"{way}\"\ncommand = [\"python3\", \"faulty.py\", \"{way}\"]\n{limits}");
        dir.write(&format!("{way}.toml"), text);
    }
    dir
}

/// Whether there is a Python to run programs in.
fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        crate::util::skip("there is no python3");
    }
    found
}

/// A request of this user at this hour, with three candidates.
fn request(user: &str, hour: f64) -> String {
    format!(
        r#"{{"user":"{user}","context":{{"hour":{hour},"weekday":2}},"candidates":[{{"id":"a"}},{{"id":"b","priority":0.9}},{{"id":"c","kind":"rest"}}]}}"#
    )
}
