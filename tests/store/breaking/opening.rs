//! Many processes open a directory at once in which there is nothing yet: one makes the store, and all of them use it.

use super::{REQUEST, line, verified, views_follow};
use crate::util::Dir;
use serde_json::Value;
use std::io::Write;
use std::process::Child;

/// So many processes begin at once in a new directory, half of them with a reward and half with a decision.
pub(in crate::store) fn all_at_once(processes: usize) {
    let dir = Dir::new();
    let start = |i: usize| -> Child {
        let (args, input) = if i.is_multiple_of(2) {
            (&["reward", "--jsonl"][..], line(["u", "v"][i / 2 % 2], &format!("e{i}"), 1.0))
        } else {
            (&["score", "--policy", "egreedy-v2", "--user", "u"][..], REQUEST.to_owned())
        };
        let mut child = dir.command(args).spawn().unwrap();
        // Input is read after the store is opened: that is what they race for.
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child
    };
    let children: Vec<Child> = (0..processes).map(start).collect();
    let mut decisions = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        decisions.extend(answer["decision_id"].as_str().map(str::to_owned));
    }
    let updates = |user: &str| super::super::updates(&dir, user);
    assert_eq!(updates("u") + updates("v"), processes.div_ceil(2) as u64);
    assert_eq!(dir.run(&["log", "decisions"]).ok().jsonl().len(), processes / 2);
    for decision in decisions {
        assert_eq!(super::super::reward(&dir, &decision, "completed")["duplicate"], false);
    }
    assert_eq!(verified(&dir), [""; 0]);
    views_follow(&dir, "after all of them");
}

#[test]
fn sixteen_processes_open_a_new_store_at_once() {
    for _ in 0..2 {
        all_at_once(16);
    }
}

#[test]
#[ignore = "long"]
fn breaking_many_processes_open_a_new_store_at_once() {
    for _ in 0..500 {
        all_at_once(16);
    }
    println!("500 new stores were opened by 16 processes at once: all of them did their work");
}
