//! Is the harness any good? It has to notice each of the mistakes in `mutants.toml`.

use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutants {
    mutant: Vec<Mutant>,
}

/// One mistake: a text in a file of the source, and what stands there instead.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    file: String,
    from: String,
    to: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn mutants() -> Vec<Mutant> {
    let text = fs::read_to_string(root().join("tests/store/breaking/mutants.toml")).unwrap();
    toml::from_str::<Mutants>(&text).unwrap().mutant
}

/// Writes a copy of the tree to `to`, but for what is as it was: cargo goes by times.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, path) = (entry.file_name(), entry.path());
        if name == "target" || name == ".git" || name == "fuzz" {
            continue;
        }
        let target = to.join(&name);
        if path.is_dir() {
            copy_tree(&path, &target);
        } else if fs::read(&path).ok() != fs::read(&target).ok() {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A copy of the tree with a target directory of its own.
struct Workshop {
    tree: PathBuf,
    target: PathBuf,
}

impl Workshop {
    fn new() -> Self {
        let at = root().join("target/mutants");
        Self { tree: at.join("tree"), target: at.join("target") }
    }

    /// The names of the harness's tests that fail in the tree as it is.
    fn failures(&self) -> Vec<String> {
        let cargo = |args: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["test", "--locked", "--test", "tests"]).args(args);
            cargo.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target).output().unwrap()
        };
        let built = cargo(&["--no-run"]);
        assert!(built.status.success(), "it does not build:\n{}", String::from_utf8_lossy(&built.stderr));
        let said =
            String::from_utf8(cargo(&["store::breaking", "--", "--color=never", "--skip", "mutants"]).stdout)
                .unwrap();
        let failed = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
        failed.map(|test| test.trim_start_matches("store::breaking::").to_owned()).collect()
    }
}

#[test]
fn every_mutant_stands_for_one_place_in_the_source() {
    for Mutant { name, file, from, to } in mutants() {
        let source = fs::read_to_string(root().join(&file)).unwrap();
        assert_eq!(source.matches(&from).count(), 1, "{name}: {from:?} in {file}");
        assert_ne!(from, to, "{name}");
    }
}

#[test]
#[ignore = "long"]
fn breaking_mutants_are_caught() {
    let shop = Workshop::new();
    copy_tree(root(), &shop.tree);
    assert_eq!(shop.failures(), Vec::<String>::new(), "the tree fails as it is");
    let mut missed = Vec::new();
    for Mutant { name, file, from, to } in mutants() {
        let place = shop.tree.join(&file);
        let source = fs::read_to_string(&place).unwrap();
        fs::write(&place, source.replacen(&from, &to, 1)).unwrap();
        let failures = shop.failures();
        fs::write(&place, source).unwrap();
        let caught = failures.join(", ");
        println!("{name:<40} {}", if caught.is_empty() { "NOT CAUGHT" } else { &caught });
        if failures.is_empty() {
            missed.push(name);
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}
