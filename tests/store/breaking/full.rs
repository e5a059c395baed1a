//! The disk is full, or the file may not grow: refused in one line, and all or nothing is done.

use super::errors::said;
use super::{Case, copied};
use crate::store::copy;
use crate::util::{Dir, OUTSIDE, Ran, run, skip};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The command where no file may be larger than so many blocks of 512 bytes.
fn limited(case: &Case, dir: &Dir, blocks: usize) -> Ran {
    let plain = dir.command(&case.args);
    let mut command = Command::new("sh");
    let script = format!("ulimit -f {blocks}; exec \"$@\"");
    command.args(["-c", &script, "sh"]).arg(plain.get_program()).args(&case.args);
    command.current_dir(dir.path());
    for name in OUTSIDE {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run(command, case.input.as_bytes())
}

/// How many limits there were, and how many were too tight.
fn files_may_not_grow(case: &Case, limits: impl IntoIterator<Item = usize>) -> (usize, usize) {
    let (mut tried, mut failed) = (0, 0);
    for blocks in limits {
        let dir = copied(&case.prepared);
        let ran = limited(case, &dir, blocks);
        let what = format!("{}: files of at most {blocks} blocks", case.name);
        said(&ran, &what);
        case.check(&dir, &ran, &what);
        (tried, failed) = (tried + 1, failed + usize::from(ran.code() == 2));
    }
    (tried, failed)
}

#[test]
fn a_file_that_may_not_grow_is_an_error_like_any_other() {
    for case in Case::all() {
        assert!(files_may_not_grow(&case, [0, 8, 40, 64, 104]).1 > 0, "{}", case.name);
    }
}

#[test]
#[ignore = "long"]
fn breaking_files_that_may_not_grow() {
    for case in Case::all() {
        let (limits, failed) = files_may_not_grow(&case, 0..300);
        println!("{}: {limits} limits on the size of files, {failed} with exit code 2", case.name);
    }
}

/// A file system in memory with room for so many blocks of 4 KiB, mounted at `state`.
struct Small<'a>(&'a Dir);

impl<'a> Small<'a> {
    fn new(dir: &'a Dir) -> Option<Self> {
        fs::create_dir(dir.join("state")).unwrap();
        let mounted = Self::mount(dir, &["-t", "tmpfs", "-o", "size=64m"], "tmpfs");
        mounted.then_some(Self(dir))
    }

    fn mount(dir: &Dir, options: &[&str], what: &str) -> bool {
        let mut command = Command::new("mount");
        command.args(options).arg(what).arg(dir.join("state")).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Room for so many blocks more than there are.
    fn resize(&self, spare: u64) {
        let size = format!("remount,size={}", 4096 * (blocks_below(&self.0.join("state")) + spare).max(1));
        assert!(Self::mount(self.0, &["-o", &size], "tmpfs"), "a mounted file system takes another size");
    }
}

/// Blocks that the files below a folder take.
fn blocks_below(folder: &Path) -> u64 {
    let of = |path: &Path| {
        if path.is_dir() { blocks_below(path) } else { path.metadata().unwrap().len().div_ceil(4096) }
    };
    fs::read_dir(folder).unwrap().map(|entry| of(&entry.unwrap().path())).sum()
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.join("state")).stderr(Stdio::null()).status();
    }
}

/// How many sizes there were, and how many were too small; `None` where that cannot be tried.
fn disk_is_full(case: &Case, spare: impl IntoIterator<Item = u64>) -> Option<(usize, usize)> {
    let (mut tried, mut failed) = (0, 0);
    for spare in spare {
        let dir = Dir::new();
        let Some(small) = Small::new(&dir) else {
            skip("file systems may not be mounted here, so none is full");
            return None;
        };
        copy(&case.prepared.join("state"), &dir.join("state"));
        small.resize(spare);
        let ran = dir.run_with(&case.args, &case.input);
        let what = format!("{}: {spare} blocks left", case.name);
        said(&ran, &what);
        small.resize(1 << 12);
        case.check(&dir, &ran, &what);
        (tried, failed) = (tried + 1, failed + usize::from(ran.code() == 2));
    }
    Some((tried, failed))
}

#[test]
fn a_full_disk_is_an_error_like_any_other() {
    for case in Case::all().into_iter().filter(|case| case.name != "a crowd") {
        let Some((_, failed)) = disk_is_full(&case, [0, 2, 6]) else { return };
        assert!(failed > 0, "{}", case.name);
    }
}

#[test]
#[ignore = "long"]
fn breaking_full_disks() {
    for case in Case::all() {
        let Some((sizes, failed)) = disk_is_full(&case, 0..100) else { return };
        println!("{}: {sizes} sizes of the disk, {failed} with exit code 2", case.name);
    }
}
