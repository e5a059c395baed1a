//! Breaks it: kills at every system call, errors in every one, many writers at once, damaged files.
//!
//! What runs in the ordinary tests is short. The long version of everything here, which prints its figures:
//! `cargo test --release --locked --test tests -- --ignored --nocapture breaking`

mod damage;
mod errors;
mod full;
mod kills;
mod load;
mod mutants;
mod order;
mod power;
mod strace;

use crate::util::{Dir, Ran};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A line for `reward --jsonl`.
pub(super) fn line(user: &str, event: &str, reward: f64) -> String {
    let request: Value = serde_json::from_str(super::REQUEST).unwrap();
    json!({"user": user, "policy": "egreedy-v2", "chosen": "t1", "reward": reward, "event_id": event,
           "request": request})
    .to_string()
}

/// A command that changes a directory, the directory before it, and what is known before and after.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) prepared: Dir,
    pub(super) args: Vec<&'static str>,
    pub(super) input: String,
    pub(super) before: String,
    pub(super) after: String,
    /// Whether nothing is wrong with the directory before the command.
    pub(super) sound: bool,
}

impl Case {
    fn new(name: &'static str, prepared: Dir, args: &[&'static str], input: String) -> Self {
        let before = stats(&prepared);
        let done = copied(&prepared);
        done.run_with(args, &input).ok();
        let after = stats(&done);
        assert_ne!(before, after, "{name} changes nothing");
        Self { name, prepared, args: args.to_vec(), input, before, after, sound: true }
    }

    /// Everything that writes: the first reward, a reward, a reset, a checkpoint that seals the log, a group
    /// that leaves files behind, what recovers after a kill, and what mends damage.
    pub(super) fn all() -> Vec<Self> {
        let reward = ["reward", "--jsonl"];
        let few = || {
            let dir = Dir::new();
            let lines: Vec<String> = (0..6).map(|i| line(["u", "v"][i % 2], &format!("e{i}"), 0.5)).collect();
            dir.run_with(&reward, lines.join("\n")).ok();
            dir
        };
        let torn = few();
        let log = torn.read("state/rewards.jsonl");
        torn.write("state/rewards.jsonl", format!("{log}{}", &log[..70]));
        let lagging = few();
        let old = few().read("state/u_egreedy_v2.json");
        lagging.run_with(&reward, line("u", "late", 1.0)).ok();
        lagging.write("state/u_egreedy_v2.json", old);
        let sealing = Dir::new();
        for part in 0.. {
            // Groups that are visible at once: nothing is checkpointed before the tail has 128 KiB, which it
            // has with the next reward.
            let length = std::fs::metadata(sealing.join("state/rewards.jsonl")).map_or(0, |m| m.len());
            let size = if length < 110_000 { 40 } else { 1 };
            if length > (128 << 10) - 410 {
                break;
            }
            let lines: Vec<String> = (0..size).map(|i| line("u", &format!("e{part}-{i}"), 0.5)).collect();
            sealing.run_with(&reward, lines.join("\n")).ok();
        }
        let seal = ["reward", "--jsonl", "--segment-bytes", "1000"];
        let next = || line("u", "next", 1.0);
        let crowd: Vec<String> = (0..80).map(|i| line(&format!("user{i}"), "e", 1.0)).collect();
        let sealed = copied(&sealing);
        sealed.run_with(&seal, next()).ok();
        assert!(sealed.join("state/rewards.000001.jsonl").exists(), "the case of sealing seals nothing");
        // As if the process had died between the manifest and the rename.
        let unnumbered = copied(&sealed);
        let active = unnumbered.join("state/rewards.jsonl");
        fs::remove_file(&active).unwrap();
        fs::rename(unnumbered.join("state/rewards.000001.jsonl"), active).unwrap();
        // Checkpointed; then v loses its file, and x has one that the log knows nothing of.
        let damaged = few();
        damaged.run_with(&reward, line("w", "e", 1.0)).ok();
        damaged.run(&["reset", "--user", "w"]).ok();
        fs::remove_file(damaged.join("state/v_egreedy_v2.json")).unwrap();
        let elsewhere = Dir::new();
        elsewhere.run_with(&reward, line("x", "e", 1.0)).ok();
        damaged.write("state/x_egreedy_v2.json", elsewhere.read("state/x_egreedy_v2.json"));
        vec![
            Self::new("the first reward", Dir::new(), &reward, next()),
            Self::new("a reward", few(), &reward, next()),
            Self::new("a reset", few(), &["reset", "--user", "u"], String::new()),
            Self::new("sealing", sealing, &seal, next()),
            Self::new("a torn end", torn, &reward, next()),
            Self::new("a state that lags", lagging, &reward, next()),
            Self::new("sealing that was cut short", unnumbered, &reward, line("u", "later", 1.0)),
            Self::new("a crowd", few(), &reward, crowd.join("\n")),
            Self { sound: false, ..Self::new("a rebuild", damaged, &["rebuild"], String::new()) },
        ]
    }

    /// Whether the directory is as before or as after the command, whole, and takes the command (again).
    pub(super) fn check(&self, dir: &Dir, ran: &Ran, what: &str) {
        let answers = answers(ran);
        let acknowledged = answers > 0;
        let what = format!("{}: {what}", self.name);
        let found = stats(dir);
        let is_after = found == self.after;
        // A crowd is many users, in one group or more: those that were acknowledged are there.
        let between =
            self.name == "a crowd" && found.lines().count() >= self.before.lines().count() + answers;
        assert!(is_after || between || (found == self.before && !acknowledged), "{what}: {found}");
        let verified = dir.run(&["verify"]);
        if self.sound && verified.code() != 0 {
            verified.fail(&format!("{what}: verify"));
        }
        let again = dir.run_with(&self.args, &self.input);
        if again.code() != 0 {
            again.fail(&format!("{what}: the command again"));
        }
        assert_eq!(stats(dir), self.after, "{what}: after the command again");
        let verified = dir.run(&["verify"]);
        if verified.code() != 0 {
            verified.fail(&format!("{what}: verify after the command again"));
        }
    }
}

/// How many rewards, resets or rebuilds a command acknowledged.
pub(super) fn answers(ran: &Ran) -> usize {
    let acknowledged =
        |line: &&str| ["\"updates\"", "\"removed\"", "\"unchanged\""].iter().any(|a| line.contains(a));
    ran.stdout().lines().filter(acknowledged).count()
}

pub(super) fn stats(dir: &Dir) -> String {
    dir.run(&["stats"]).ok().stdout()
}

/// The same state directory in another place.
pub(super) fn copied(from: &Dir) -> Dir {
    let to = Dir::new();
    copy(&from.join("state"), &to.join("state"));
    to
}

fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
