//! The power goes: everything that had not reached the disk is gone, and every acknowledged reward is there.
//!
//! A small file system in a file is mounted as a disk, and is shut down under the writers in such a way that
//! nothing more of what the system holds in memory reaches it (`EXT4_IOC_SHUTDOWN` without flushing the log, as
//! xfstests cuts the power). Then it is mounted again, its journal is played back, and it must all be there.
//! ext4 guesses by itself that a file which is about to be renamed should be on disk; here it must not.

use super::{REQUEST, line, verified, views_follow};
use crate::util::{Dialogue, Dir, skip};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A file system of its own in a file.
struct Disk {
    image: PathBuf,
    at: PathBuf,
}

fn done(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Disk {
    /// An empty one, mounted at `state` in `dir`; `None`, with the reason printed, where that is not allowed.
    fn new(dir: &Dir) -> Option<Self> {
        let disk = Self { image: dir.join("image"), at: dir.join("state") };
        fs::create_dir(&disk.at).unwrap();
        File::create(&disk.image).unwrap().set_len(64 << 20).unwrap();
        if !done(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&disk.image)) {
            skip("there is no mkfs.ext4");
            return None;
        }
        if !disk.mount() {
            skip("file systems may not be mounted here, so none loses its power");
            return None;
        }
        Some(disk)
    }

    fn mount(&self) -> bool {
        done(Command::new("mount").args(["-o", "loop,noauto_da_alloc"]).args([&self.image, &self.at]))
    }

    fn unmount(&self) -> bool {
        done(Command::new("umount").arg(&self.at))
    }

    /// From now on nothing reaches the disk.
    fn cut_the_power(&self) {
        // _IOR('X', 125, __u32), with EXT4_GOING_FLAGS_NOLOGFLUSH.
        const SHUTDOWN: rustix::ioctl::Opcode = rustix::ioctl::opcode::read::<u32>(b'X', 125);
        let root = File::open(&self.at).unwrap();
        // SAFETY: this call reads one u32, which is what it is given.
        unsafe {
            rustix::ioctl::ioctl(&root, rustix::ioctl::Setter::<SHUTDOWN, u32>::new(2)).unwrap();
        }
    }

    fn comes_back(&self) {
        assert!(self.unmount() && self.mount(), "the file system does not come back");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.unmount();
    }
}

/// The disk loses power `cuts` times under `writers`; what they were told is there each time.
fn power_cuts(writers: usize, cuts: usize) {
    let dir = Dir::new();
    let Some(disk) = Disk::new(&dir) else { return };
    let user = |writer: usize, i: usize| {
        if i.is_multiple_of(3) { "all".to_owned() } else { format!("w{writer}-{}", i % 40) }
    };
    let args = ["reward", "--jsonl"];
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut sent = vec![0; writers];
    let (mut told, mut lost, mut learned, mut decided) = (0, 0, 0, Vec::new());
    for cut in 0..cuts {
        let (cutting, off) = (AtomicBool::new(false), AtomicBool::new(false));
        let counts: Vec<(usize, usize)> = thread::scope(|scope| {
            let teach = |writer: usize| {
                let (dir, cutting, off, from) = (&dir, &cutting, &off, sent[writer]);
                scope.spawn(move || {
                    let mut learner = Dialogue::silent(dir, &args);
                    let (mut sent, mut told) = (from, from);
                    while !off.load(Ordering::Relaxed) {
                        let event = line(&user(writer, sent), &format!("{writer}-{sent}"), 1.0);
                        sent += 1;
                        let Some(answer) = learner.try_ask(&event) else { break };
                        // Beyond the cut there are errors, and after them nothing may be acknowledged out of turn.
                        // A machine without power says nothing: what comes while it is cut off here, nobody would have heard.
                        // (A sync that began before may still end well, though the journal was given up under it.)
                        if answer["updates"].is_null() || cutting.load(Ordering::SeqCst) {
                            break;
                        }
                        told = sent;
                    }
                    (sent, told)
                })
            };
            let teachers: Vec<_> = (0..writers).map(teach).collect();
            let decides = scope.spawn(|| decide(&dir, &off));
            thread::sleep(Duration::from_micros(rng.random_range(0..60_000)));
            cutting.store(true, Ordering::SeqCst);
            disk.cut_the_power();
            off.store(true, Ordering::Relaxed);
            decided = decides.join().unwrap();
            teachers.into_iter().map(|teacher| teacher.join().unwrap()).collect()
        });
        disk.comes_back();
        // Whole as it is, before anybody writes again; there may be no store yet.
        let found = dir.run(&["verify"]);
        if found.code() != 0 && !found.stderr().contains("no store there") {
            found.fail(&format!("after cut {cut}"));
        }
        // The latest decisions may be lost, in the order in which they were made; their rewards answer not found.
        let rewards =
            decided.iter().map(|id| json!({"decision": id, "reaction": "completed"}).to_string() + "\n");
        let answers = dir.run_with(&args, rewards.collect::<String>()).jsonl();
        let kept = answers.iter().take_while(|answer| answer["error"].is_null()).count();
        let not_found =
            |answer: &Value| answer["error"].as_str().is_some_and(|error| error.contains("not in"));
        assert!(answers[kept..].iter().all(not_found), "cut {cut}: {answers:?}");
        lost += answers.len() - kept;
        learned += kept as u64;
        for (writer, (now, acknowledged)) in counts.into_iter().enumerate() {
            let lines: Vec<String> =
                (sent[writer]..now).map(|i| line(&user(writer, i), &format!("{writer}-{i}"), 1.0)).collect();
            let answers: Vec<Value> = dir.run_with(&args, lines.join("\n")).ok().jsonl();
            for (i, answer) in (sent[writer]..now).zip(&answers) {
                let known = answer["duplicate"] == true;
                assert!(known || i >= acknowledged, "cut {cut}: reward {writer}-{i} is lost: {answer}");
            }
            told += acknowledged - sent[writer];
            sent[writer] = now;
        }
    }
    let stats = dir.run(&["stats"]).ok().jsonl();
    let total: u64 = stats
        .iter()
        .flat_map(|user| user["policies"].as_array().unwrap())
        .map(|policy| policy["updates"].as_u64().unwrap())
        .sum();
    assert_eq!(total, sent.iter().sum::<usize>() as u64 + learned);
    assert_eq!(verified(&dir), [""; 0]);
    views_follow(&dir, "after all cuts");
    println!(
        "{cuts} power cuts: {told} rewards were acknowledged before them, none is lost; {lost} decisions of {} are",
        learned + lost as u64
    );
}

/// Decides until the power is off; the ids that were answered.
fn decide(dir: &Dir, off: &AtomicBool) -> Vec<Value> {
    let mut scorer = Dialogue::silent(dir, &["score", "--jsonl", "--policy", "uniform", "--user", "decided"]);
    let (mut ids, request) = (Vec::new(), REQUEST.replace('\n', " "));
    while !off.load(Ordering::Relaxed) {
        let Some(answer) = scorer.try_ask(&request).filter(|answer| answer["error"].is_null()) else { break };
        ids.push(answer["decision_id"].clone());
    }
    ids
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    power_cuts(3, 3);
}

#[test]
#[ignore = "long"]
fn breaking_power_cuts() {
    power_cuts(8, 1000);
}
