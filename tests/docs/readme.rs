//! README.md and the pages of docs that begin with commands, followed to the letter: the command blocks of each are run in order, in one directory, and
//! print what it says that they print. The README's picture is a chart of the report.
//!
//! A block marked `sh` is run by bash; `<!-- exit 3 -->` before it states its exit code, else it is 0. A block
//! marked `text` is the stdout of the `sh` block before it, where `…` stands for anything: in a line, the rest of
//! it; alone in a line, any number of lines. A block marked `bash` is a script for a reader's own machine: its syntax is
//! checked, and it is not run. What is no longer true is written anew by
//!
//! ```sh
//! BLESS=1 cargo test --test tests docs
//! ```

use crate::util::{Dir, skip};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The commands that a newcomer runs first, and that `.ci/run` runs too.
const FIRST: [&str; 2] = ["cargo run --release --locked -- promote-check", "cargo test --locked"];
/// How the first of them calls the binary.
const BY_CARGO: &str = "cargo run --release --locked -- ";
/// Commands about this crate itself: the test stands for the one, its binary for the other.
const NOT_RUN: [&str; 2] = ["cargo test --locked", "cargo install --locked --path ."];
/// Stands for anything.
const ANYTHING: &str = "…";

/// A fenced block: what it is marked as, its lines, and the lines of the file that they are.
struct Block<'a> {
    mark: &'a str,
    lines: Vec<&'a str>,
    place: std::ops::Range<usize>,
    exit_code: i32,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages that are followed.
const README: &str = "README.md";
const TOUR: &str = "docs/tour.md";
const FEATURES: &str = "docs/features.md";
const SERVE: &str = "docs/serve.md";
const EXPERIMENTS: &str = "docs/experiments.md";
const PROMPTS: &str = "docs/prompts.md";
const PROGRAMS: &str = "docs/programs.md";
const PAGES: &str = "docs/pages.md";
const MODELS: &str = "docs/models.md";
/// Where the server of a page listens; here it takes a port that is free.
const SERVER: &str = "localhost:8080";
/// The picture in the README.
const PICTURE: &str = "docs/img/verdict.svg";

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect(name)
}

fn is_blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut exit_code = 0;
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(mark), None) => {
                open = Some(Block { mark, lines: Vec::new(), place: i + 1..i + 1, exit_code });
                exit_code = 0;
            }
            (Some(""), block) => blocks.extend(block.take()),
            (Some(mark), Some(_)) => panic!("line {}: {mark} begins inside a block", i + 1),
            (None, Some(block)) => {
                block.lines.push(line);
                block.place.end = i + 1;
            }
            (None, None) => {
                if let Some(code) = line.strip_prefix("<!-- exit ").and_then(|l| l.strip_suffix(" -->")) {
                    exit_code = code.parse().unwrap_or_else(|_| panic!("line {}: {line}", i + 1));
                }
            }
        }
    }
    assert!(open.is_none(), "the last block is not closed");
    blocks
}

/// Whether `actual` is what `expected` says.
fn agree(expected: &[&str], actual: &[&str]) -> bool {
    match (expected.split_first(), actual.split_first()) {
        (None, None) => true,
        (Some((&ANYTHING, rest)), _) => (0..=actual.len()).any(|skip| agree(rest, &actual[skip..])),
        (Some((line, expected)), Some((other, actual))) => {
            let same =
                line.strip_suffix(ANYTHING).map_or(line == other, |beginning| other.starts_with(beginning));
            same && agree(expected, actual)
        }
        _ => false,
    }
}

/// `actual` as a page is to show it, cut short where it was before: what is new in it is looked over by eye.
fn shown(expected: &[&str], actual: &[&str]) -> Vec<String> {
    let cut = |(i, line): (usize, &&str)| match expected.get(i).and_then(|e| e.strip_suffix(ANYTHING)) {
        Some(beginning) => line.chars().take(beginning.chars().count()).chain(ANYTHING.chars()).collect(),
        None => (*line).to_owned(),
    };
    let lines: Vec<String> = actual.iter().enumerate().map(cut).collect();
    match expected.iter().position(|line| *line == ANYTHING) {
        Some(head) if expected.len() <= actual.len() => {
            let tail = actual[actual.len() - (expected.len() - head - 1)..].iter().map(|l| (*l).to_owned());
            lines[..head].iter().cloned().chain([ANYTHING.to_owned()]).chain(tail).collect()
        }
        _ => lines,
    }
}

/// Whether a program can be found.
fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// The directory of a reader: people and scenarios, and on the path the binary and `jq`.
fn reader() -> (Dir, PathBuf) {
    let dir = Dir::new();
    for folder in ["personas", "scenarios"] {
        symlink(root().join(folder), dir.join(folder)).expect("a link in a temporary directory");
    }
    let bin = dir.join("bin");
    fs::create_dir(&bin).expect("a folder in a temporary directory");
    symlink(env!("CARGO_BIN_EXE_rehearsal"), bin.join("rehearsal")).expect("a link");
    if !is_there("jq") {
        eprintln!("jq is not there; tests/docs/jq.py stands in for it");
        fs::copy(root().join("tests/docs/jq.py"), bin.join("jq")).expect("the stand-in");
        fs::set_permissions(bin.join("jq"), fs::Permissions::from_mode(0o755)).expect("its mode");
    }
    (dir, bin)
}

/// Runs a block as its reader would, with a server on this port; its exit code, stdout and stderr.
fn run(dir: &Dir, bin: &Path, port: u16, block: &Block) -> (i32, String, String) {
    let script: String = block
        .lines
        .iter()
        .filter(|line| !NOT_RUN.contains(line))
        // The first verdict gets a report besides, for the picture.
        .map(|line| {
            line.replace(BY_CARGO, "rehearsal ").replace(SERVER, &format!("localhost:{port}"))
                + if *line == FIRST[0] { " --out verdict\n" } else { "\n" }
        })
        .collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([bin.to_path_buf()].into_iter().chain(std::env::split_paths(&path)));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &script]).current_dir(dir.path());
    command.env("PATH", path.expect("no ':' in a path")).env_remove("REHEARSAL_STATE_DIR");
    command.env_remove("REHEARSAL_STORE").env("REHEARSAL_LISTEN", format!("127.0.0.1:{port}"));
    // Under a CI server the program may say more than elsewhere.
    command.env_remove("DEFAULT_PROMPT_VERSION").env_remove("REHEARSAL_GATEWAY");
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    let output = command.output().expect("bash runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A server that a page starts and may not have got to ending.
struct Background(PathBuf);

impl Drop for Background {
    fn drop(&mut self) {
        if let Ok(id) = fs::read_to_string(&self.0) {
            let _ = Command::new("kill").arg(id.trim()).stderr(Stdio::null()).status();
        }
    }
}

/// Runs every block of a page and holds what is printed against it; the directory in which it was followed.
fn follow(name: &str) -> Option<Dir> {
    if !is_there("bash") || !(is_there("jq") || is_there("python3")) {
        skip("bash, and jq or python3, are needed");
        return None;
    }
    let text = page(name);
    let (dir, bin) = reader();
    let _background = Background(dir.join("serve.pid"));
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut changes = Vec::new();
    let mut printed = None;
    let free =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    for block in blocks(&text) {
        let line = block.place.start;
        match block.mark {
            "sh" => {
                let (code, stdout, stderr) = run(&dir, &bin, free.port(), &block);
                assert_eq!(
                    code, block.exit_code,
                    "{name}, line {line}: exit code\nstdout:\n{stdout}\nstderr:\n{stderr}"
                );
                printed = Some(stdout);
            }
            "text" => {
                let printed = printed.take().expect("a block of text follows the commands that print it");
                let actual: Vec<&str> = printed.lines().collect();
                if !agree(&block.lines, &actual) {
                    assert!(
                        is_blessing(),
                        "{name}, line {line}: it says\n{}\nand this is printed:\n{printed}\n\
                         (BLESS=1 writes it down)",
                        block.lines.join("\n")
                    );
                    changes.push((block.place, shown(&block.lines, &actual)));
                }
            }
            "bash" => {
                let checked = Command::new("bash").args(["-n", "-c", &block.lines.join("\n")]).status();
                assert!(
                    checked.expect("bash runs").success(),
                    "{name}, line {line}: it is no script of bash"
                );
            }
            other => panic!("{name}, line {line}: {other:?} is neither sh, text nor bash"),
        }
    }
    if !changes.is_empty() {
        for (place, actual) in changes.into_iter().rev() {
            lines.splice(place, actual);
        }
        fs::write(root().join(name), lines.join("\n") + "\n").expect(name);
    }
    Some(dir)
}

#[test]
fn every_block_does_what_the_readme_says_and_its_picture_is_the_chart_of_its_verdict() {
    if let Some(dir) = follow(README) {
        compare_picture(&dir);
    }
}

#[test]
fn every_block_does_what_the_tour_says() {
    follow(TOUR);
}

#[test]
fn every_block_does_what_the_page_of_features_says() {
    follow(FEATURES);
}

#[test]
fn every_block_does_what_the_page_of_models_says() {
    if !is_there("jq") {
        return skip("jq is not there");
    }
    follow(MODELS);
}

#[test]
fn every_block_does_what_the_page_of_pages_says() {
    follow(PAGES);
}

#[test]
fn every_block_does_what_the_page_of_the_server_says() {
    if let Some(missing) = ["curl", "jq"].into_iter().find(|program| !is_there(program)) {
        return skip(&format!("{missing} is not there"));
    }
    follow(SERVE);
}

#[test]
fn every_block_does_what_the_page_of_experiments_says() {
    if let Some(missing) = ["curl", "jq"].into_iter().find(|program| !is_there(program)) {
        return skip(&format!("{missing} is not there"));
    }
    follow(EXPERIMENTS);
}

#[test]
fn every_block_does_what_the_page_of_prompts_says() {
    if !is_there("jq") {
        return skip("jq is not there");
    }
    follow(PROMPTS);
}

#[test]
fn every_block_does_what_the_page_of_programs_says() {
    if !is_there("python3") {
        return skip("python3 is not there");
    }
    follow(PROGRAMS);
}

#[test]
fn the_readme_is_short() {
    assert!(page(README).lines().count() <= 150, "what goes on belongs into {TOUR}");
}

/// Holds the README's picture against the report of its verdict: the first chart there, on white paper for those who look
/// at it in the dark.
fn compare_picture(dir: &Dir) {
    let report = dir.read("verdict/report.html");
    let (_, rest) = report.split_once("<svg ").expect("a chart");
    let (chart, _) = rest.split_once("</svg>").expect("its end");
    let (head, body) = chart.split_once('>').expect("what the picture is");
    let paper = "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>";
    let picture = format!("<svg {head}>\n{paper}{body}</svg>\n");
    let path = root().join(PICTURE);
    if is_blessing() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("docs/img");
        fs::write(&path, &picture).expect(PICTURE);
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == picture, "{PICTURE} is not what `promote-check` draws (BLESS=1 writes it)");
    assert!(page(README).contains(PICTURE), "README.md does not show {PICTURE}");
}

#[test]
fn the_first_two_commands_are_those_that_ci_runs() {
    let text = page(README);
    let commands: Vec<Vec<&str>> =
        blocks(&text).into_iter().filter(|b| b.mark == "sh").take(2).map(|b| b.lines).collect();
    assert_eq!(commands, FIRST.map(|command| vec![command]));
    let ci = fs::read_to_string(root().join(".ci/run")).expect(".ci/run");
    for command in FIRST {
        assert!(ci.lines().any(|line| line == command), "{command:?} is no line of .ci/run");
    }
}

/// Every page that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).to_vec();
    for folder in ["docs", "docs/adr"] {
        let entries = fs::read_dir(root().join(folder)).expect(folder);
        let names = entries.map(|entry| Path::new(folder).join(entry.expect("an entry").file_name()));
        pages.extend(names.filter(|name| name.extension().is_some_and(|end| end == "md")));
    }
    pages
}

#[test]
fn links_lead_to_files() {
    for name in pages() {
        let text = fs::read_to_string(root().join(&name)).expect("a page");
        let folder = root().join(&name).parent().expect("a folder").to_owned();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            let file = target.split('#').next().expect("a first part");
            // A block of the tour or an equation may look like a link.
            let is_path = !file.contains(char::is_whitespace);
            let there = !is_path || folder.join(file).exists();
            assert!(there, "{} links to {target}, which is not there", name.display());
        }
    }
}

/// Code moves; what is said of it in these pages goes along. ADRs speak of their time.
#[test]
fn paths_lead_to_files() {
    const FOLDERS: [&str; 8] =
        ["src", "tests", "docs", "scripts", "schemas", "benches", "personas", "scenarios"];
    for name in pages().into_iter().filter(|name| !name.starts_with("docs/adr")) {
        let text = fs::read_to_string(root().join(&name)).expect("a page");
        let code = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let is_path = |text: &&str| {
            let (folder, rest) = text.split_once('/').unwrap_or_default();
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "/._-".contains(c);
            FOLDERS.contains(&folder) && rest.chars().all(is_plain)
        };
        for path in code.filter(is_path) {
            assert!(root().join(path).exists(), "{} names {path}, which is not there", name.display());
        }
    }
}

#[test]
fn anything_is_anything_and_the_rest_must_be_the_same() {
    assert!(agree(&["a", "…", "d"], &["a", "b", "c", "d"]) && agree(&["a", "…", "d"], &["a", "d"]));
    assert!(agree(&["a…"], &["abc"]) && agree(&["…"], &[]));
    for (expected, actual) in
        [(&["a", "d"][..], &["a", "b", "d"][..]), (&["a…"], &["b"]), (&["a"], &["ab"]), (&["…", "d"], &["a"])]
    {
        assert!(!agree(expected, actual), "{expected:?} {actual:?}");
    }
    assert_eq!(shown(&["x…", "…", "y"], &["abc", "d", "e", "f"]), ["a…", "…", "f"]);
    assert_eq!(shown(&["x"], &["a", "b"]), ["a", "b"]);
}
