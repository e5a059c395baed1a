//! `check` calls nothing sound that the command which reads it would refuse at once.

use crate::util::Dir;
use std::fs;

const GATE: &str = "description = \"small\"\nalpha = 0.05\nbeta = 0.05\nminimum_effect = 0.01\nmax_users = 32\n\
                    [[criteria]]\nkind = \"superior\"\nmetric = \"reward\"\nscenarios = [\"sc.toml\"]\n";
const SCENARIO: &str = "name = \"sc\"\ndescription = \"a short life\"\nsteps = 5\n";

fn sandbox() -> Dir {
    let dir = Dir::new();
    dir.write("sc.toml", SCENARIO);
    dir.write("g.toml", GATE);
    dir
}

#[test]
fn a_gate_that_promote_check_refuses_is_not_sound() {
    let dir = sandbox();
    assert_eq!(dir.run(&["check", "g.toml"]).ok().stdout(), "g.toml: a sound gate\n");
    dir.write("again.toml", SCENARIO);
    let entry = GATE.split_once("[[criteria]]").unwrap().1;
    let twice = format!("{GATE}[[criteria]]{entry}");
    let of = |scenarios: &str| GATE.replace("[\"sc.toml\"]", scenarios);
    let newness = format!(
        "{GATE}[[criteria]]\nkind = \"not-inferior\"\nmetric = \"reward\"\nscenarios = [\"sc.toml\"]\nmargin = 0.1\nby = \"newness\"\n"
    );
    for (gate, parts) in [
        (of("[\"sc.toml\", \"again.toml\"]"), &["two scenarios named \"sc\""][..]),
        (twice, &["stated twice"]),
        (of("[\"stedy\"]"), &["criteria[0].scenarios", "did you mean \"steady\"?"]),
        (of("[\"none.toml\"]"), &["criteria[0].scenarios", "cannot read none.toml"]),
        (of("[\"/dev/zero\"]"), &["criteria[0].scenarios", "/dev/zero", "regular file"]),
        (GATE.replace("max_users", "reference = \"sc.toml\"\nmax_users"), &["reference", "sc.toml"]),
        (newness, &["newness", "set a share between 0 and 1"]),
    ] {
        dir.write("g.toml", &gate);
        let said = dir.run(&["check", "g.toml"]).refused(parts).stderr();
        assert_eq!(said, dir.run(&["promote-check", "--gate", "g.toml"]).refused(parts).stderr());
    }
}

#[test]
fn a_population_and_a_project_name_what_is_there() {
    let dir = sandbox();
    dir.write("sc.toml", format!("{SCENARIO}[population]\nnobody = 1\n"));
    let parts = &["sc.toml", "population", "unknown persona \"nobody\""];
    dir.run(&["check", "sc.toml"]).refused(parts);
    dir.run(&["check", "g.toml"]).refused(&parts[1..]);
    // One's own people are in a folder, which an option or the project names.
    fs::create_dir(dir.join("people")).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mover = fs::read_to_string(root.join("personas/mover.toml")).unwrap();
    dir.write("people/nobody.toml", mover.replace("name = \"mover\"", "name = \"nobody\""));
    dir.run(&["check", "sc.toml", "g.toml", "--personas", "people"]).ok();
    dir.write("rehearsal.toml", "gate = \"g.toml\"\npersonas = \"people\"\npolicies = [\"linucb\"]\n");
    dir.run(&["check", "sc.toml", "g.toml", "rehearsal.toml"]).ok();
    for (project, parts) in [
        ("policies = [\"linucb\", \"nosuch\"]\n", &["policies[1]", "unknown policy \"nosuch\""][..]),
        ("policies = [\"./none.toml\"]\n", &["policies[0]", "cannot read"]),
        ("gate = \"none.toml\"\n", &["gate", "cannot read none.toml"]),
        ("gate = \"g.toml\"\n", &["gate", "unknown persona \"nobody\""]),
        ("personas = \"nowhere\"\n", &["personas", "cannot read nowhere"]),
    ] {
        dir.write("rehearsal.toml", project);
        dir.run(&["check", "rehearsal.toml"]).refused(&[&["rehearsal.toml"], parts].concat());
    }
    // What a project names is relative to where its file is.
    fs::create_dir(dir.join("sub")).unwrap();
    fs::rename(dir.join("rehearsal.toml"), dir.join("sub/rehearsal.toml")).unwrap();
    dir.write("sub/own.toml", "name = \"own\"\nexplorer = \"linucb\"\nfeatures = \"v1\"\n");
    dir.write("sub/rehearsal.toml", "policies = [\"own.toml\"]\n");
    dir.run(&["check", "sub/rehearsal.toml"]).ok();
}

#[test]
fn a_whole_number_that_is_none_is_told_without_a_range_that_is_not_its_own() {
    let dir = sandbox();
    dir.write("sc.toml", format!("{SCENARIO}[moments]\nevery_days = 1.0\n"));
    let said = dir.run(&["check", "sc.toml"]).exits(2).stderr();
    assert!(said.contains("every_days") && said.contains("expected a whole number"), "{said}");
    assert!(!said.contains("4294967295"), "{said}");
    dir.write("sc.toml", format!("{SCENARIO}[moments]\nevery_days = 400\n"));
    dir.run(&["check", "sc.toml"]).refused(&["every_days is 400", "from 1 to 365"]);
}
