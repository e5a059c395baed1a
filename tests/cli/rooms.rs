//! The map of the code holds: rooms use those before them, no files use each other in a circle, and a public type's name
//! means one thing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file of the library by its place below `src`, without tests, comments and texts, which may name anything.
fn files() -> BTreeMap<String, String> {
    let (src, mut files, mut folders) = (src(), BTreeMap::new(), vec![src()]);
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.starts_with(src.join("bin")) {
                let place = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
                files.insert(place, code(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let text = text.split("#[cfg(test)]\npub(super) mod tests").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    // What stands between quotes is no code; a quote in a literal of one character is left out first.
    let lines = lines.map(|line| {
        let line = line.replace("'\"'", "").replace("\\\"", "");
        // Whom something is visible to is no use of theirs.
        let line = match line.split_once("pub(in ") {
            Some((before, rest)) => {
                format!("{before}pub{}", rest.split_once(')').map_or("", |(_, rest)| rest))
            }
            None => line,
        };
        line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The path of the module that a file is.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs");
    let path = path.strip_suffix("mod").filter(|p| p.is_empty() || p.ends_with('/')).unwrap_or(path);
    path.split('/').filter(|part| !part.is_empty() && *part != "lib").map(str::to_owned).collect()
}

/// A path that is used, and the name that it has here if it is passed on.
#[derive(Debug)]
struct Use {
    path: Vec<String>,
    passed_on_as: Option<String>,
}

/// Cuts a tree such as `a::{b, c::{self, D as E}}` into its paths.
fn branches(tree: &str, before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    if let Some((start, rest)) = tree.split_once('{') {
        let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
        let start = start.split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned);
        let before: Vec<String> = before.iter().cloned().chain(start).collect();
        let (mut depth, mut from) = (0, 0);
        for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    branches(&inner[from..at], &before, found);
                    from = (at + 1).min(inner.len());
                }
                _ => {}
            }
        }
    } else if !tree.is_empty() {
        let (path, name) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name)));
        let own = path.split("::").map(|s| s.trim().to_owned()).filter(|s| s != "self" || before.is_empty());
        let path: Vec<String> = before.iter().cloned().chain(own).collect();
        let name = name.map(|name| name.trim().to_owned()).or_else(|| path.last().cloned());
        found.push((path, name.unwrap_or_default()));
    }
}

/// What a file uses: in `use`, and where it writes a path out.
fn uses(text: &str) -> Vec<Use> {
    let mut all = Vec::new();
    let starts = text.match_indices("use ").filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    });
    for (at, _) in starts {
        let line = &text[text[..at].rfind('\n').map_or(0, |n| n + 1)..at];
        let Some(tree) = text[at + 4..].split(';').next() else { continue };
        let mut found = Vec::new();
        branches(tree, &[], &mut found);
        let is_public = line.trim_start().starts_with("pub");
        all.extend(
            found
                .into_iter()
                .map(|(path, name)| Use { path, passed_on_as: Some(name).filter(|_| is_public) }),
        );
    }
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(start) {
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
            let path = text[at..].split(|c: char| !is_word(c)).next().unwrap_or_default();
            let path = path.split("::").filter(|s| !s.is_empty()).map(str::to_owned).collect();
            all.push(Use { path, passed_on_as: None });
        }
    }
    all
}

/// Where names lead: the modules, and what each of them passes on.
struct Tree {
    file_of: BTreeMap<Vec<String>, String>,
    uses: BTreeMap<String, Vec<Use>>,
}

impl Tree {
    fn read() -> Self {
        let files = files();
        Self {
            file_of: files.keys().map(|file| (module_of(file), file.clone())).collect(),
            uses: files.iter().map(|(file, text)| (file.clone(), uses(text))).collect(),
        }
    }

    /// The path from the root on; `None` for one that leads out of the crate.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut at = module.to_vec();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|s| s == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            first => {
                at.push(first.to_owned());
                self.file_of.get(&at)?;
                at.pop();
            }
        }
        at.extend(rest.iter().cloned());
        Some(at)
    }

    /// The file in which stands what the path names, however often it is passed on.
    fn resolve(&self, path: &[String], steps: usize) -> Option<&str> {
        let known = (0..=path.len()).rev().find(|n| self.file_of.contains_key(&path[..*n]))?;
        let (module, rest) = path.split_at(known);
        let file = self.file_of.get(module)?;
        let Some(name) = rest.first().filter(|_| steps > 0) else { return Some(file) };
        let uses = || self.uses[file].iter().filter(|used| used.passed_on_as.is_some());
        let onward = |used: &Use, last: Option<&String>| {
            let mut path = self.absolute(module, &used.path)?;
            if let Some(last) = last {
                path.pop();
                path.push(last.clone());
            }
            self.resolve(&path, steps - 1)
        };
        let named = uses().find(|used| used.passed_on_as.as_ref() == Some(name));
        if let Some(found) = named.and_then(|used| onward(used, None)) {
            return Some(found);
        }
        // What is passed on with a star is looked for where it may stand; most often it is made by a macro there.
        let starred = uses().find(|used| used.path.last().is_some_and(|last| last == "*"));
        starred.and_then(|used| onward(used, Some(name))).or(Some(file))
    }

    /// Which files each file uses.
    fn graph(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let of = |(module, file): (&Vec<String>, &'_ String)| -> (String, BTreeSet<&str>) {
            let used = self.uses[file].iter().filter_map(|used| {
                let path = self.absolute(module, &used.path)?;
                self.resolve(&path, 8)
            });
            (file.clone(), used.filter(|other| other != file).collect())
        };
        self.file_of.iter().map(|(module, file)| (file.as_str(), of((module, file)).1)).collect()
    }
}

/// A circle of files that starts and ends at one of them, if there is one.
fn circle<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    fn follow<'a>(
        graph: &BTreeMap<&'a str, BTreeSet<&'a str>>,
        file: &'a str,
        path: &mut Vec<&'a str>,
        done: &mut BTreeSet<&'a str>,
    ) -> Option<Vec<&'a str>> {
        if let Some(at) = path.iter().position(|other| *other == file) {
            return Some(path[at..].iter().copied().chain([file]).collect());
        }
        if !done.insert(file) {
            return None;
        }
        path.push(file);
        for other in graph.get(file).into_iter().flatten() {
            if let Some(found) = follow(graph, other, path, done) {
                return Some(found);
            }
        }
        path.pop();
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|file| follow(graph, file, &mut Vec::new(), &mut done))
}

#[test]
fn modules_use_those_before_them_and_the_map_has_their_order() {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    let declared = lib.lines().filter_map(|line| {
        let module = line.trim_start_matches("pub ").strip_prefix("mod ")?;
        module.strip_suffix(';')
    });
    let declared: Vec<&str> = declared.collect();
    let drawn = lib.lines().filter_map(|line| line.strip_prefix("//! | ")?.split('`').nth(1));
    assert_eq!(declared, drawn.collect::<Vec<_>>());
    let place = |file: &str| {
        let room = file.split('/').next().unwrap().trim_end_matches(".rs");
        declared.iter().position(|module| *module == room)
    };
    let tree = Tree::read();
    for (file, used) in tree.graph() {
        for other in used {
            let (Some(own), Some(of_other)) = (place(file), place(other)) else { continue };
            assert!(of_other <= own, "src/{file} uses src/{other}, which is in a later room");
        }
    }
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let tree = Tree::read();
    let graph = tree.graph();
    // A page that only says what a folder is for has no use for what comes after it, nor has anybody for the page.
    let edges: usize = graph.values().map(BTreeSet::len).sum();
    assert!(edges > 2 * graph.len(), "{edges} uses between {} files cannot be all", graph.len());
    assert!(graph["policy/decide.rs"].contains("policy/explorer/mod.rs"));
    assert!(graph["simulation/rollout.rs"].contains("policy/decide.rs"), "through the page of its room");
    if let Some(circle) = circle(&graph) {
        panic!("files use each other in a circle: src/{}", circle.join("\n  -> src/"));
    }
}

#[test]
fn a_circle_is_found() {
    let graph = |edges: &[(&'static str, &'static str)]| {
        let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry(from).or_default().insert(to);
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
    assert_eq!(
        circle(&graph(&[("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")])),
        Some(vec!["b", "c", "d", "b"])
    );
    let mut found = Vec::new();
    branches("crate::a::{self, b::{C as D, e}, f}", &[], &mut found);
    let found: Vec<String> = found.iter().map(|(path, name)| format!("{} {name}", path.join("::"))).collect();
    assert_eq!(found, ["crate::a a", "crate::a::b::C D", "crate::a::b::e e", "crate::a::f f"]);
}

#[test]
fn a_public_types_name_means_one_thing() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in files() {
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("pub ") else { continue };
            let words: Vec<&str> = rest.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            if let [kind, name, ..] = words[..]
                && ["struct", "enum", "trait", "type"].contains(&kind)
            {
                places.entry(name.to_owned()).or_default().push(format!("src/{file}"));
            }
        }
    }
    let twice: Vec<_> = places.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "types of one name: {twice:?}");
}

/// Notebooks are research: whatever is built, run or tested goes without them.
#[test]
fn nothing_uses_the_notebooks() {
    let root = src().parent().unwrap().to_owned();
    let notebooks = root.join("integrations/notebooks");
    let names: Vec<String> = fs::read_dir(&notebooks)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ipynb"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(names.len() >= 4, "{names:?}");
    let mut folders = [".ci", "benches", "examples", "fuzz", "integrations", "scripts", "src", "tests"]
        .map(|f| root.join(f))
        .to_vec();
    let mut files = ["build.rs", "Cargo.toml", "action.yml"].map(|file| root.join(file)).to_vec();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let passed_over = path == notebooks
                || path.ends_with("tests/cli/rooms.rs")
                || ["target", "node_modules", ".venv"].iter().any(|name| path.ends_with(name));
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if passed_over || path.is_symlink() => {}
                _ if path.is_dir() => folders.push(path),
                Some("md") => {}
                _ => files.push(path),
            }
        }
    }
    assert!(files.len() > 300, "{} files cannot be all", files.len());
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let used = names.iter().map(String::as_str).chain(["notebooks"]).find(|name| text.contains(name));
        assert_eq!(used, None, "{} names notebooks", file.display());
    }
}
