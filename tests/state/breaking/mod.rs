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
pub(super) mod strace;

use crate::util::{Dir, Ran};
use serde_json::{Value, json};
use std::ffi::OsStr;
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
    sound: bool,
    /// Whether the command decides: then it can be done any number of times, and each is another decision.
    decides: bool,
}

impl Case {
    fn new(name: &'static str, prepared: Dir, args: &[&'static str], input: String) -> Self {
        let before = stats(&prepared);
        let done = copied(&prepared);
        done.run_with(args, &input).ok();
        let after = stats(&done);
        assert_ne!(before, after, "{name} changes nothing");
        Self { name, prepared, args: args.to_vec(), input, before, after, sound: true, decides: false }
    }

    fn decision(name: &'static str, prepared: Dir) -> Self {
        let args = vec!["score", "--policy", "egreedy-v2", "--user", "u", "--segment-bytes", "1000"];
        let input = super::REQUEST.to_owned();
        let before = stats(&prepared);
        Self { name, prepared, args, input, after: before.clone(), before, sound: true, decides: true }
    }

    /// Everything that writes: the first reward, a reward, a reset, a checkpoint that seals the log, a group
    /// that leaves files behind, what recovers after a kill, what mends damage, and decisions.
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
        // Decisions in two segments; then the same as if the process had died between the manifest and the rename.
        let decided = few();
        let decide = |dir: &Dir| {
            let case = Self::decision("", copied(dir));
            drop(dir.run_with(&case.args, &case.input).ok());
        };
        // Two in a segment, and two where the next one seals.
        (0..4).for_each(|_| decide(&decided));
        assert!(decided.join("state/decisions.000001.jsonl").exists(), "no decisions are sealed");
        let undecided = copied(&decided);
        let latest = undecided.json("state/decisions.manifest.json")["sealed"].as_array().unwrap().len();
        let active = undecided.join("state/decisions.jsonl");
        fs::remove_file(&active).unwrap();
        fs::rename(undecided.join(&format!("state/decisions.{latest:06}.jsonl")), active).unwrap();
        let torn_decision = copied(&decided);
        let log = torn_decision.read("state/decisions.jsonl");
        torn_decision.write("state/decisions.jsonl", format!("{log}{}", &log[..70]));
        // One manifest is damaged, the other one is gone.
        let unlisted = copied(&sealed);
        (0..3).for_each(|_| decide(&unlisted));
        let manifest = unlisted.read("state/rewards.manifest.json");
        unlisted.write("state/rewards.manifest.json", &manifest[1..]);
        fs::remove_file(unlisted.join("state/decisions.manifest.json")).unwrap();
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
            Self {
                sound: false,
                ..Self::new("a rebuild of manifests", unlisted, &["rebuild"], String::new())
            },
            Self::decision("the first decision", Dir::new()),
            Self::decision("a decision that seals", decided),
            Self::decision("a decision after sealing that was cut short", undecided),
            Self::decision("a decision after a torn one", torn_decision),
        ]
    }

    /// Whether the directory is as before or as after the command, whole, and takes the command (again).
    pub(super) fn check(&self, dir: &Dir, ran: &Ran, what: &str) {
        let answers = answers(ran);
        let acknowledged = answers > 0;
        let what = format!("{}: {what}", self.name);
        if self.decides {
            return self.check_decision(dir, ran, &what);
        }
        let found = stats(dir);
        let is_after = found == self.after;
        // A crowd is many users, in one group or more: those that were acknowledged are there.
        let between =
            self.name == "a crowd" && found.lines().count() >= self.before.lines().count() + answers;
        assert!(is_after || between || (found == self.before && !acknowledged), "{what}: {found}");
        if self.sound {
            verified(dir, &format!("{what}: verify"));
        }
        let again = dir.run_with(&self.args, &self.input);
        if again.code() != 0 {
            again.fail(&format!("{what}: the command again"));
        }
        assert_eq!(stats(dir), self.after, "{what}: after the command again");
        verified(dir, &format!("{what}: verify after the command again"));
    }

    /// The decision is in the log once or not at all; one that was told can be rewarded; and there can be another.
    fn check_decision(&self, dir: &Dir, ran: &Ran, what: &str) {
        let sound = |when: &str| verified(dir, &format!("{what}: verify {when}"));
        sound("");
        let (before, after) = (decisions(&self.prepared), decisions(dir));
        let told = answers(ran);
        assert!(after == before + 1 || (after == before && told == 0), "{what}: {after} after {before}");
        let again = dir.run_with(&self.args, &self.input);
        if again.code() != 0 {
            again.fail(&format!("{what}: the command again"));
        }
        assert_eq!(decisions(dir), after + 1, "{what}: the command again");
        let told = ran.stdout().lines().next().filter(|_| told > 0).map(str::to_owned);
        for decision in told.into_iter().chain([again.stdout()]) {
            let decision: Value = serde_json::from_str(&decision).unwrap();
            super::reward(dir, super::id(&decision), "completed");
        }
        sound("after the command again");
    }
}

/// How many rewards, resets, rebuilds or decisions a command acknowledged.
pub(super) fn answers(ran: &Ran) -> usize {
    let names = ["\"updates\"", "\"removed\"", "\"unchanged\"", "\"decision_id\""];
    let acknowledged = |line: &&str| names.iter().any(|name| line.contains(name));
    ran.stdout().lines().filter(acknowledged).count()
}

/// What is known, if it can be read.
pub(super) fn stats(dir: &Dir) -> String {
    let ran = dir.run(&["stats"]);
    if ran.code() == 0 { ran.stdout() } else { "cannot be read".to_owned() }
}

/// The lines of a log, all its segments, in no particular order.
pub(super) fn lines_of(dir: &Dir, log: &str) -> String {
    let is_of = |path: &Path| {
        let name = path.file_name().and_then(OsStr::to_str);
        path.extension() == Some(OsStr::new("jsonl")) && name.is_some_and(|name| name.starts_with(log))
    };
    let segments = dir.contents("state").into_iter().filter(|(path, _)| is_of(path));
    segments.map(|(_, content)| String::from_utf8(content).unwrap()).collect()
}

/// Number of whole decisions in the log.
fn decisions(dir: &Dir) -> usize {
    lines_of(dir, "decisions").matches('\n').count()
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

/// Fails if the state directory is there and something is wrong with it.
fn verified(dir: &Dir, what: &str) {
    if !dir.join("state").exists() {
        return;
    }
    let verified = dir.run(&["verify"]);
    if verified.code() != 0 {
        verified.fail(what);
    }
}
