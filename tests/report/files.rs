//! Where reports are written to.

use super::*;

#[test]
fn what_cannot_be_written_is_refused_before_the_run() {
    let dir = sandbox();
    fs::create_dir_all(dir.join("out/report.html")).unwrap();
    let file = ["--out", "short.toml"];
    for arguments in [["--out", "out"], file, ["--summary", "people"], ["--card", "none/card.md"]] {
        let named = arguments[1].split('/').next().unwrap();
        run(small(&dir, PROMOTE).args(arguments), b"").refused(&[named]);
    }
    assert!(!dir.join("out/verdict.json").exists());
    #[cfg(unix)]
    run(small(&dir, PROMOTE).args(["--summary", "/dev/null"]), b"").refused(&["not a regular file"]);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays() {
    let dir = sandbox();
    dir.write("real.md", "old");
    std::os::unix::fs::symlink("real.md", dir.join("link.md")).unwrap();
    run(small(&dir, SAME).args(["--summary", "link.md"]), b"").exits(3);
    assert!(dir.join("link.md").is_symlink());
    assert!(dir.read("real.md").contains("INCONCLUSIVE"));
}

#[test]
fn a_reader_that_leaves_does_not_change_the_verdict() {
    let dir = sandbox();
    let mut child = small(&dir, REJECT).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
