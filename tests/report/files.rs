//! Where reports are written to.

use super::*;

#[test]
fn what_cannot_be_written_is_refused_before_the_run() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("out/report.html")).unwrap();
    let file = ["--out", "short.toml"];
    for arguments in [["--out", "out"], file, ["--summary", "people"], ["--card", "none/card.md"]] {
        let message = refused(sandbox.small(PROMOTE).args(arguments));
        assert!(message.contains(arguments[1].split('/').next().unwrap()), "{message}");
    }
    assert!(!sandbox.path("out/verdict.json").exists());
    #[cfg(unix)]
    {
        let message = refused(sandbox.small(PROMOTE).args(["--summary", "/dev/null"]));
        assert!(message.contains("not a regular file"), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_stays() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("real.md"), "old").unwrap();
    std::os::unix::fs::symlink("real.md", sandbox.path("link.md")).unwrap();
    run(sandbox.small(SAME).args(["--summary", "link.md"]), 3);
    assert!(sandbox.path("link.md").is_symlink());
    assert!(sandbox.read("real.md").contains("INCONCLUSIVE"));
}

#[test]
fn a_reader_that_leaves_does_not_change_the_verdict() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.small(REJECT).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
