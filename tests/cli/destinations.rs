//! Results go where nothing is that a run reads, and are said whatever becomes of their files.

use crate::util::{Dir, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const SCENARIO: &str = "name = \"scx\"\ndescription = \"a short life\"\nsteps = 5\n";
const SIMULATE: [&str; 5] = ["simulate", "scx.toml", "--policy", "uniform", "--users=32"];

/// A gate about the scenario, with a log beside it.
const GATE: &str = "description = \"small\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nmax_users = 32\n\
                    [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"scx.toml\"]\n\
                    [[logs]]\nname = \"yesterday\"\nfiles = [\"log.csv\"]\nkind = \"not-inferior\"\nmargin = 0.1\n";

fn sandbox() -> Dir {
    let dir = Dir::new();
    dir.write("scx.toml", SCENARIO);
    dir.write("g.toml", GATE);
    dir.write("log.csv", "action,reward,propensity\na,1,0.5\n");
    dir
}

/// Runs it and makes sure that it is refused for `path`, and that nothing changes.
fn refused(dir: &Dir, args: &[&str], path: &str) {
    let before = dir.contents("");
    dir.run(args).refused(&[path, "it is read or written already"]);
    assert_eq!(dir.contents(""), before, "{args:?}");
}

#[test]
fn merge_writes_over_no_part_and_simulate_over_no_scenario() {
    let dir = sandbox();
    fs::create_dir(dir.join("mm")).unwrap();
    for (cut, part) in [("0..1", "mm/summary.json"), ("1..2", "p1")] {
        let args = [&SIMULATE[..4], &["--users=64", "--blocks", cut, "--out", part]].concat();
        dir.run(&args).ok();
    }
    refused(&dir, &["merge", "mm/summary.json", "p1", "--out", "mm"], "mm/summary.json");
    dir.run(&["merge", "mm/summary.json", "p1", "--out", "elsewhere"]).ok();
    fs::create_dir(dir.join("ol")).unwrap();
    symlink("../scx.toml", dir.join("ol/summary.json")).unwrap();
    refused(&dir, &[&SIMULATE[..], &["--out", "ol"]].concat(), "ol/summary.json");
    refused(&dir, &[&SIMULATE[..], &["--blocks", "0..1", "--out", "scx.toml"]].concat(), "scx.toml");
}

#[test]
fn a_page_takes_the_place_of_nothing_that_the_run_reads_or_writes() {
    let dir = sandbox();
    dir.write("rehearsal.toml", "policies = [\"uniform\"]\n");
    let gate = ["simulate", "--gate", "g.toml", "--policy", "uniform", "--policy", "linucb", "--users=32"];
    for page in ["scx.toml", "log.csv", "g.toml", "rehearsal.toml"] {
        refused(&dir, &[&gate[..], &["--html", page]].concat(), page);
    }
    refused(
        &dir,
        &[&SIMULATE[..], &["--out", "od", "--html", "od/summary.json"]].concat(),
        "od/summary.json",
    );
    fs::create_dir(dir.join("experiments")).unwrap();
    let experiment = "key = \"x\"\n[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\n";
    dir.write("experiments/x.toml", experiment);
    let analyze = ["analyze", "log.csv", "--by", "variant", "--experiment", "x"];
    refused(&dir, &[&analyze[..], &["--html", "experiments/x.toml"]].concat(), "experiments/x.toml");
    dir.run(&[&SIMULATE[..], &["--out", "od", "--html", "page.html"]].concat()).ok();
}

/// A page that cannot be written at the end, as on a disk that is full.
#[test]
fn a_result_is_said_although_its_page_cannot_be_written() {
    let dir = sandbox();
    let rows = "a,1,0.5,1\nb,0,0.5,0\n".repeat(50);
    dir.write("log.csv", format!("action,reward,propensity,new\n{rows}"));
    let log = [&SIMULATE[..4], &["--users=64", "--log", "lived"]].concat();
    dir.run(&log).ok();
    let evaluate = ["evaluate", "log.csv", "--columns", "probability:new=new", "--force"];
    let compare =
        ["compare-reality", "--log", "lived", "--scenario", "scx.toml", "--users=50", "--replicates=100"];
    let small = GATE.split("[[logs]]").next().unwrap();
    dir.write("g.toml", small);
    let calibrate = ["calibrate", "--gate", "g.toml", "--runs=100", "--pool=50"];
    for (args, said) in [
        (&SIMULATE[..], "scx: a short life"),
        (&evaluate, "log.csv: 100 decisions"),
        (&compare, "lived"),
        (&calibrate, "False promotions"),
        (&["analyze", "lived", "--by", "policy"], "policy"),
    ] {
        let command = dir.command(&[args, &["--html", "page.html"]].concat());
        let mut limited = Command::new("bash");
        limited.args(["-c", "ulimit -f 0; exec \"$@\"", "bash"]).arg(command.get_program());
        limited.args(command.get_args()).current_dir(dir.path());
        let ran = run(&mut limited, b"");
        assert!(ran.code() == 2 && ran.stderr().contains("page.html"), "{args:?}: {}", ran.stderr());
        assert!(ran.stdout().contains(said), "{args:?}: {}", ran.stdout());
        assert!(!dir.join("page.html").exists());
    }
}

/// Runs into one folder come one after the other: what is there is all of one of them.
#[test]
fn two_runs_into_one_folder_do_not_mix_their_files() {
    let dir = sandbox();
    let folder = fs::create_dir(dir.join("out")).and_then(|()| fs::File::open(dir.join("out"))).unwrap();
    folder.lock().unwrap();
    let mut waits = dir.command(&[&SIMULATE[..], &["--out", "out"]].concat()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert!(waits.try_wait().unwrap().is_none() && fs::read_dir(dir.join("out")).unwrap().next().is_none());
    folder.unlock().unwrap();
    assert!(waits.wait().unwrap().success());
    assert_eq!(fs::read_dir(dir.join("out")).unwrap().count(), 4);
}
