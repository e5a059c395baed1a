//! Builds every file of `domains/`, `features/`, `personas/`, `scenarios/` and `prompts/` into the program, so that a new
//! file there ships without a list to keep.

use std::path::Path;
use std::{env, fs};

/// The folders, and how the names of their files end.
const FOLDERS: [(&str, &str); 5] = [
    ("domains", "toml"),
    ("features", "toml"),
    ("personas", "toml"),
    ("scenarios", "toml"),
    ("prompts", "md"),
];

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut code = String::new();
    for (folder, end) in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        let directory = fs::read_dir(Path::new(&root).join(folder)).expect("the folder is part of the crate");
        let mut paths: Vec<_> = directory.map(|entry| entry.expect("readable").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|e| e == end));
        paths.sort();
        code += &format!("pub(crate) const {}: &[(&str, &str)] = &[\n", folder.to_uppercase());
        for path in paths {
            let stem = path.file_stem().and_then(|s| s.to_str()).expect("file names are plain ASCII");
            code += &format!("    ({stem:?}, include_str!({:?})),\n", path.display().to_string());
        }
        code += "];\n";
    }
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("shipped.rs"), code).expect("cargo's own folder is writable");
}
