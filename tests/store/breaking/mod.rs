//! Breaks it: kills at every system call, errors in every one, full disks, power cuts, many writers at once.
//!
//! What runs in the ordinary tests is short. The long version of everything here, which prints its figures:
//! `cargo test --release --locked --test tests -- --ignored --nocapture breaking`

mod errors;
mod full;
mod kills;
pub(super) mod load;
mod mutants;
pub(super) mod opening;
mod order;
mod power;

use super::{REQUEST, by_hand, copied, line, verified, views_follow};
use crate::util::{Dir, Ran};
use serde_json::Value;

/// What a command changes, to be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Changes {
    /// What is known and the log: all of it or nothing.
    AllOrNothing,
    /// What is known of each user, all of it or nothing: what was answered for is among it.
    Users,
    /// What stands in the log, not what is known.
    Log,
    /// First a user is forgotten, then removed from the log.
    Erasure,
    /// A decision is added: it can be made any number of times, and each is another one.
    Decision,
}

/// A command that changes a store, the store before it, and what is known before and after.
struct Case {
    name: &'static str,
    prepared: Dir,
    args: Vec<&'static str>,
    input: String,
    before: Known,
    after: Known,
    changes: Changes,
    /// Whether nothing is wrong with the store before the command.
    sound: bool,
}

/// What is known of users, and what stands in the log, without times.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    stats: String,
    rewards: Vec<Value>,
    decisions: usize,
}

impl Known {
    /// `None` if there is no store.
    fn of(dir: &Dir) -> Option<Self> {
        let stats = dir.run(&["stats"]);
        if stats.code() == 2 && stats.stderr().contains("no store there") {
            return None;
        }
        let stats = stats.ok().stdout();
        let log = |of: &str| dir.run(&["log", of]).ok().jsonl();
        let without_time = |mut entry: Value| {
            entry.as_object_mut().unwrap().remove("time_ms");
            entry
        };
        let rewards = log("rewards").into_iter().map(without_time).collect();
        Some(Self { stats, rewards, decisions: log("decisions").len() })
    }

    fn none() -> Self {
        Self { stats: String::new(), rewards: Vec::new(), decisions: 0 }
    }
}

const REWARD: [&str; 2] = ["reward", "--jsonl"];
/// One reward, without threads.
const ONE: [&str; 11] = [
    "reward",
    "--policy",
    "egreedy-v2",
    "--user",
    "u",
    "--chosen",
    "t1",
    "--reward",
    "1",
    "--event-id",
    "next",
];

/// Two users with a few rewards, and decisions.
fn few() -> Dir {
    let dir = Dir::new();
    let lines: Vec<String> = (0..6).map(|i| line(["u", "v"][i % 2], &format!("e{i}"), 0.5)).collect();
    dir.run_with(&REWARD, lines.join("\n")).ok();
    for user in ["u", "v"] {
        dir.run_with(&["score", "--policy", "egreedy-v2", "--user", user], REQUEST).ok();
    }
    dir
}

impl Case {
    fn new(name: &'static str, prepared: Dir, args: &[&'static str], input: impl Into<String>) -> Self {
        let input = input.into();
        let before = Known::of(&prepared).unwrap_or_else(Known::none);
        let done = copied(&prepared);
        done.run_with(args, &input).ok();
        let after = Known::of(&done).unwrap();
        let changes = Changes::AllOrNothing;
        Self { name, prepared, args: args.to_vec(), input, before, after, changes, sound: true }
    }

    fn changing(self, changes: Changes) -> Self {
        Self { changes, ..self }
    }

    /// Everything that writes.
    fn all() -> Vec<Self> {
        // As a process leaves it that was killed before it published.
        let unpublished = few();
        let old = unpublished.read("state/u_egreedy_v2.json");
        unpublished.run_with(&REWARD, line("u", "late", 1.0)).ok();
        by_hand(&unpublished, "UPDATE state SET published = revision - 1 WHERE user = 'u'");
        unpublished.write("state/u_egreedy_v2.json", old);
        // One state is not what its rewards make of it, and another one's file is gone.
        let damaged = few();
        by_hand(&damaged, "UPDATE state SET model = NULL WHERE user = 'v'");
        std::fs::remove_file(damaged.join("state/u_egreedy_v2.json")).unwrap();
        let crowd: Vec<String> = (0..80).map(|i| line(&format!("user{i}"), "e", 1.0)).collect();
        let elsewhere = Dir::new();
        elsewhere.run_with(&REWARD, [line("u", "x1", 1.0), line("u", "x2", -1.0)].join("\n")).ok();
        let exported = elsewhere.run(&["export"]).ok().stdout();
        let decide = ["score", "--policy", "egreedy-v2", "--user", "u"];
        let reset = ["reset", "--user", "u"];
        vec![
            Self::new("the first reward", Dir::new(), &ONE, REQUEST),
            Self::new("a reward", few(), &ONE, REQUEST),
            Self::new("a reset", few(), &reset, ""),
            Self::new("an erasure", few(), &["reset", "--user", "u", "--erase"], "")
                .changing(Changes::Erasure),
            Self::new("a crowd", few(), &REWARD, crowd.join("\n")).changing(Changes::Users),
            Self { sound: false, ..Self::new("a rebuild", damaged, &["rebuild"], "") },
            Self::new("an import", few(), &["import", "--replace"], exported).changing(Changes::Users),
            Self::new("a prune", few(), &["prune", "--before", "0s"], "").changing(Changes::Log),
            Self::new("a reward after a killed publication", unpublished, &ONE, REQUEST),
            Self::new("the first decision", Dir::new(), &decide, REQUEST).changing(Changes::Decision),
            Self::new("a decision", few(), &decide, REQUEST).changing(Changes::Decision),
        ]
    }

    /// That of this name.
    fn named(name: &str) -> Self {
        Self::all().into_iter().find(|case| case.name == name).expect("there is such a case")
    }

    /// Whether the store is as before or as after the command, whole, and takes the command (again).
    fn check(&self, dir: &Dir, ran: &Ran, what: &str) {
        let answers = answers(ran);
        let what = format!("{}: {what}", self.name);
        let known = Known::of(dir);
        if known.is_some() && self.sound {
            assert_eq!(verified(dir), [""; 0], "{what}");
        }
        let found = known.unwrap_or_else(Known::none);
        let (is_before, is_after) = (found == self.before, found == self.after);
        let fits = match self.changes {
            Changes::AllOrNothing => is_after || is_before && answers == 0,
            Changes::Users => {
                let users = |known: &Known| known.stats.lines().count();
                // Of few that is all of it; of a crowd, those that were answered for.
                let between = users(&self.after) > 10 && users(&found) >= users(&self.before) + answers;
                found.stats == self.after.stats || between || is_before && answers == 0
            }
            Changes::Log => found.stats == self.before.stats && (answers == 0 || is_after),
            Changes::Erasure => is_after || answers == 0 && (is_before || found.stats == self.after.stats),
            Changes::Decision => {
                let added = found.decisions - self.before.decisions;
                found.stats == self.before.stats && added <= 1 && (answers == 0 || added == 1)
            }
        };
        assert!(fits, "{what}: {answers} answers, {found:?}");
        let again = dir.run_with(&self.args, &self.input);
        if again.code() != 0 {
            again.fail(&format!("{what}: the command again"));
        }
        let then = Known::of(dir).expect("there is a store now");
        match self.changes {
            Changes::AllOrNothing | Changes::Log | Changes::Erasure => {
                assert_eq!(then, self.after, "{what}: the command again");
            }
            Changes::Users => assert_eq!(then.stats, self.after.stats, "{what}: the command again"),
            Changes::Decision => {
                assert_eq!(then.decisions, found.decisions + 1, "{what}: the command again");
                // One that was answered for can be rewarded.
                let told = ran.stdout().lines().next().filter(|_| answers > 0).map(str::to_owned);
                for decision in told.into_iter().chain([again.stdout()]) {
                    let decision: Value = serde_json::from_str(&decision).unwrap();
                    super::reward(dir, super::id(&decision), "completed");
                }
            }
        }
        assert_eq!(verified(dir), [""; 0], "{what}: after the command again");
        views_follow(dir, &format!("{what}: after the command again"));
    }
}

/// How many rewards, resets, rebuilds, prunes or decisions a command answered for.
fn answers(ran: &Ran) -> usize {
    let names = ["\"updates\"", "\"removed\"", "\"unchanged\"", "\"decision_id\"", "\"rewards\""];
    let acknowledged = |line: &&str| names.iter().any(|name| line.contains(name));
    ran.stdout().lines().filter(acknowledged).count()
}
