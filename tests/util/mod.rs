//! Runs the binary in a directory of its own. A failure prints the command and all that it wrote.

pub(crate) mod gateway;
pub(crate) mod postgres;
pub(crate) mod server;
pub(crate) mod strace;
pub(crate) mod usage;

use serde_json::Value;
use std::borrow::BorrowMut;
use std::cell::Cell;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Settings from outside that commands would follow.
pub(crate) const OUTSIDE: &[&str] = &[
    "REHEARSAL_STORE",
    "REHEARSAL_STATE_DIR",
    "REHEARSAL_POLICIES",
    "REHEARSAL_PROMPTS",
    "REHEARSAL_GATEWAY",
    "REHEARSAL_GATEWAY_KEY",
    "REHEARSAL_GATEWAY_KEY_FILE",
    "REHEARSAL_GATEWAY_MODEL",
    "REHEARSAL_GATEWAY_TIME_LIMIT_MS",
    "REHEARSAL_GATEWAY_CONCURRENCY",
    "REHEARSAL_GATEWAY_TOKENS_PER_DAY",
    "DEFAULT_PROMPT_VERSION",
    "REHEARSAL_EXPERIMENTS",
    "REHEARSAL_REGISTRY",
    "REHEARSAL_FEATURES",
    "REHEARSAL_FEATURES_TIMEOUT",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "NO_COLOR",
    "COLUMNS",
];

/// Says that a test cannot run here, and why: on a desk it is skipped, where `CI` is set it fails.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none_or(|value| value.is_empty()), "under CI this must run: {why}");
    // Straight to stderr: what tests print is shown only when they fail.
    let _ = writeln!(io::stderr(), "skipped: {why}");
}

/// A directory to run commands in, with the default state directory inside, or with a database elsewhere as its store.
/// Removed when dropped.
pub(crate) struct Dir {
    dir: TempDir,
    /// The address of its database.
    address: Option<String>,
}

thread_local! {
    /// Whether the directories that this test makes have their stores on a server.
    static ON_A_SERVER: Cell<bool> = const { Cell::new(false) };
}

/// Runs a test whose directories have their stores in Postgres.
pub(crate) fn on_postgres(test: impl FnOnce()) {
    if postgres::shared().is_some() {
        ON_A_SERVER.set(true);
        test();
        ON_A_SERVER.set(false);
    }
}

/// Tests of other files, whose stores are in Postgres here.
macro_rules! on_a_server {
    ($($file:ident: $($test:ident),+;)+) => {
        $(mod $file {
            $(#[test]
            fn $test() {
                crate::util::on_postgres(super::super::$file::$test);
            })+
        })+
    };
}
pub(crate) use on_a_server;

/// A finished command.
pub(crate) struct Ran {
    shown: String,
    output: Output,
}

impl Dir {
    pub(crate) fn new() -> Self {
        // In memory where there is such a place: the tests ask for thousands of syncs.
        let memory = tempfile::tempdir_in("/dev/shm");
        let dir = memory.or_else(|_| tempfile::tempdir()).expect("a temporary directory");
        let server = ON_A_SERVER.get().then(postgres::shared).flatten();
        Self { dir, address: server.map(postgres::Server::database) }
    }

    /// One whose store is at this address.
    pub(crate) fn at(address: String) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { dir, address: Some(address) }
    }

    /// The address of its database, if its store is on a server.
    pub(crate) fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// Where its store is: a directory or an address.
    pub(crate) fn store(&self) -> PathBuf {
        self.address.as_ref().map_or_else(|| self.join("state"), PathBuf::from)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A path below this directory.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.join(name), content).expect("a file in a temporary directory");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The JSON in a file of this directory.
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The command, not run yet, in this directory and without settings from outside.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rehearsal"));
        command.args(args).current_dir(self.path());
        for name in OUTSIDE {
            command.env_remove(name);
        }
        if let Some(address) = &self.address {
            command.env("REHEARSAL_STORE", address);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the command with `input` on stdin.
    pub(crate) fn run_with(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
        run(self.command(args), input.as_ref())
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Every file below `name` with its content, to see that nothing changed.
    pub(crate) fn contents(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut open = vec![self.join(name)];
        while let Some(path) = open.pop() {
            if let Ok(entries) = fs::read_dir(&path) {
                open.extend(entries.map(|e| e.expect("an entry").path()));
            } else if let Ok(content) = fs::read(&path) {
                files.push((path, content));
            }
        }
        files.sort();
        files
    }
}

/// Runs a prepared command with `input` on stdin.
pub(crate) fn run(mut command: impl BorrowMut<Command>, input: &[u8]) -> Ran {
    let command = command.borrow_mut();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let shown = format!("{command:?}");
    let mut child = command.spawn().expect("the binary runs");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_vec();
    // A thread, so that neither side waits for the other; a process that has seen enough closes the pipe.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("stdin was written");
    Ran { shown, output }
}

impl Ran {
    pub(crate) fn code(&self) -> i32 {
        self.output.status.code().unwrap_or(-1)
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).expect("stdout is UTF-8")
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.output.stderr.clone()).expect("stderr is UTF-8")
    }

    /// Fails, showing everything, with `why`.
    pub(crate) fn fail(&self, why: &str) -> ! {
        panic!(
            "{why}\n{}\nexit code {}\nstdout:\n{}\nstderr:\n{}",
            self.shown,
            self.code(),
            self.stdout(),
            self.stderr()
        )
    }

    /// Exits with 0.
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// Exits with `code`.
    pub(crate) fn exits(self, code: i32) -> Self {
        if self.code() != code {
            self.fail(&format!("expected exit code {code}"));
        }
        self
    }

    /// Exits with 2, one line on stderr that contains every part, and nothing on stdout.
    pub(crate) fn refused(self, parts: &[&str]) -> Self {
        let stderr = self.stderr();
        if self.code() != 2 || stderr.lines().count() != 1 || !self.stdout().is_empty() {
            self.fail("expected exit code 2 and one line on stderr");
        }
        for part in parts {
            if !stderr.contains(part) {
                self.fail(&format!("expected {part:?} on stderr"));
            }
        }
        self
    }

    /// Stdout as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout()).unwrap_or_else(|e| self.fail(&format!("stdout is no JSON: {e}")))
    }

    /// Stdout as JSON lines.
    pub(crate) fn jsonl(&self) -> Vec<Value> {
        let parse = |line| {
            serde_json::from_str(line).unwrap_or_else(|e| self.fail(&format!("{line:?} is no JSON: {e}")))
        };
        self.stdout().lines().map(parse).collect()
    }
}

/// A running `--jsonl` command, spoken with line by line.
pub(crate) struct Dialogue {
    child: std::process::Child,
    /// Until the input is ended.
    stdin: Option<std::process::ChildStdin>,
    stdout: std::io::BufReader<std::process::ChildStdout>,
}

impl Dialogue {
    pub(crate) fn new(dir: &Dir, args: &[&str]) -> Self {
        Self::with(dir.command(args).stderr(Stdio::inherit()))
    }

    /// The same for a command that is expected to fail, and to say so.
    pub(crate) fn silent(dir: &Dir, args: &[&str]) -> Self {
        Self::with(dir.command(args).stderr(Stdio::null()))
    }

    fn with(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the binary runs");
        let stdin = child.stdin.take();
        let stdout = std::io::BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        Self { child, stdin, stdout }
    }

    /// The answer to one line.
    pub(crate) fn ask(&mut self, line: &Value) -> Value {
        self.try_ask(&line.to_string()).expect("the command answers")
    }

    /// The answer to one line; `None` if the command has ended.
    pub(crate) fn try_ask(&mut self, line: &str) -> Option<Value> {
        writeln!(self.stdin.as_mut()?, "{line}").ok()?;
        self.answer(line)
    }

    /// Writes a line, and waits for no answer.
    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("the input is open"), "{line}").expect("the command reads");
    }

    /// Ends the input and waits until the command is done.
    pub(crate) fn end(mut self) {
        self.stdin = None;
        let status = self.child.wait().expect("the binary ends");
        assert!(status.success(), "{status}");
    }

    fn answer(&mut self, line: &str) -> Option<Value> {
        let mut answer = String::new();
        std::io::BufRead::read_line(&mut self.stdout, &mut answer).ok()?;
        let parsed =
            |answer| serde_json::from_str(answer).unwrap_or_else(|e| panic!("{line}: {answer:?}: {e}"));
        (!answer.is_empty()).then(|| parsed(&answer))
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
