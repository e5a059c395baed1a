//! What somebody laid into a store's directory, or names in the place of a file: it is said, and neither waited for nor followed.

use super::REQUEST;
use crate::util::Dir;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

const LEARN: [&str; 9] = ["reward", "--policy", "linucb", "--user", "u", "--chosen", "t1", "--reward", "1"];

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
}

fn learned() -> Dir {
    let dir = Dir::new();
    dir.run_with(&LEARN, REQUEST).ok();
    dir
}

#[test]
fn what_stands_in_the_place_of_a_state_file_is_named_and_not_read_to_its_end() {
    let dir = learned();
    let view = dir.join("state/u_linucb.json");
    let plant: [fn(&Path); 4] = [
        pipe,
        |path| symlink("/dev/zero", path).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| fs::File::create(path).and_then(|file| file.set_len(1 << 40)).unwrap(),
    ];
    for plant in plant {
        let _ = fs::remove_file(&view).or_else(|_| fs::remove_dir(&view));
        plant(&view);
        let ran = dir.run(&["verify"]).exits(2);
        assert!(ran.stdout().contains("somebody changed it"), "{}", ran.stdout());
    }
    fs::remove_file(&view).unwrap();
    symlink("nowhere", &view).unwrap();
    assert!(dir.run(&["verify"]).exits(2).stdout().contains("it is gone"));
}

#[test]
fn links_that_somebody_laid_into_a_store_lead_nowhere() {
    let dir = learned();
    fs::create_dir(dir.join("home")).unwrap();
    let locks = dir.join("state/view-locks");
    for stripe in 0..64 {
        symlink("../home/planted", dir.join(&format!("state/.view-{stripe:02}-0"))).unwrap();
    }
    dir.run_with(&LEARN, REQUEST).ok();
    assert_eq!(dir.contents("home"), []);
    assert_eq!(dir.json("state/u_linucb.json")["updates"], 2);
    assert!(!dir.join("state/u_linucb.json").is_symlink());
    // A lock that is a link, or a pipe that nobody reads, is none; what was learned is in the store in any case.
    for lay in [|path: &Path| symlink("../../home/lock", path).unwrap(), pipe] {
        fs::remove_dir_all(&locks).unwrap();
        fs::create_dir(&locks).unwrap();
        (0..64).for_each(|stripe| lay(&locks.join(format!("{stripe:02}"))));
        let said = dir.run_with(&LEARN, REQUEST).stderr();
        assert!(said.contains("cannot lock ./state/view-locks/"), "{said}");
        assert_eq!(dir.contents("home"), []);
    }
    fs::remove_dir_all(&locks).unwrap();
    dir.run(&["verify"]);
    assert_eq!(dir.run(&["stats", "--user", "u"]).ok().json()["policies"][0]["updates"], 4);
}

#[test]
fn a_database_that_is_no_file_is_said_at_once() {
    let dir = Dir::new();
    fs::create_dir(dir.join("state")).unwrap();
    let database = dir.join("state/rehearsal.db");
    for plant in [pipe, |path: &Path| fs::create_dir(path).unwrap()] {
        plant(&database);
        for args in [&["stats"][..], &["verify"], &["score", "--policy", "linucb", "--user", "u"]] {
            dir.run_with(args, REQUEST).refused(&["state/rehearsal.db: it is no file"]);
        }
        let _ = fs::remove_file(&database).or_else(|_| fs::remove_dir(&database));
    }
}

#[test]
fn a_copy_goes_where_it_is_named_whatever_the_engine_calls_so() {
    let dir = learned();
    let stats = dir.run(&["stats"]).ok().stdout();
    for name in [":memory:", "file:x?mode=memory", "-x"] {
        dir.run(&["backup", "--", name]).ok();
        fs::create_dir(dir.join("copy")).unwrap();
        fs::rename(dir.join(name), dir.join("copy/rehearsal.db")).unwrap();
        assert_eq!(dir.run(&["stats", "--store", "copy"]).ok().stdout(), stats, "{name}");
        fs::remove_dir_all(dir.join("copy")).unwrap();
    }
    let before = dir.contents(".").len();
    let mut command = dir.command(&["backup"]);
    command.arg(std::ffi::OsStr::from_bytes(b"copy-\xff"));
    crate::util::run(command, b"").refused(&["no UTF-8"]);
    assert_eq!(dir.contents(".").len(), before);
}
