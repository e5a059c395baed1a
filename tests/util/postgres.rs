//! A real server of Postgres, in a folder of its own, for the tests that want one.
//!
//! One is started for a test process, by whoever asks first, and ends with it however that ends: what keeps the server
//! waits for the end of its input, and then stops it by its process id and removes the folder.

use super::skip;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// The role that owns everything.
const ROLE: &str = "rehearsal";
/// Starts the server with the arguments, says its process id, and starts it again for each line of input.
const KEEPER: &str = r#"
folder=$1; shift
# Whoever ends the whole group of processes ends what is waited for here: then it is tidied up, too.
trap : HUP INT TERM
while :; do
    "$@" < /dev/null >> "$folder/log" 2>&1 &
    echo $!
    read -r again || break
    kill -QUIT $! 2> /dev/null
    wait $!
done
kill -QUIT $!
wait $!
cd / && rm -rf "$folder"
"#;

/// A server.
pub(crate) struct Server {
    folder: PathBuf,
    port: u16,
    keeper: Mutex<Keeper>,
    databases: AtomicU32,
}

struct Keeper {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    server: u32,
}

/// Whether a process runs: one that has ended stays, as a zombie, until somebody waits for it.
fn is_running(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}

/// The server of this test process; `None` where there is none to start.
pub(crate) fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

impl Server {
    /// A new one; `None`, with a printed line, where there are no programs for it.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            skip(
                "no postgres and initdb here, in the path or in /usr/lib/postgresql (Debian's package `postgresql`)",
            );
            return None;
        };
        let memory = tempfile::Builder::new().prefix("rehearsal-pg").tempdir_in("/dev/shm");
        let folder = memory.or_else(|_| tempfile::tempdir()).expect("a temporary directory").keep();
        // The server refuses to be run by root.
        let user = is_root().then(|| if is_user("postgres") { "postgres" } else { "nobody" });
        let as_user = |program: &str| match user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", group_of(user), "--clear-groups", program]);
                command
            }
            None => Command::new(program),
        };
        if let Some(user) = user {
            let owned = Command::new("chown").arg(user).arg(&folder).status();
            assert!(owned.is_ok_and(|status| status.success()), "{} is given to {user}", folder.display());
        }
        let data = folder.join("data");
        let data = data.to_str().expect("a temporary directory has such a name");
        let initdb = programs.join("initdb");
        let made = as_user(initdb.to_str().expect("a program has such a name"))
            .args(["-D", data, "-U", ROLE, "-E", "UTF8", "--no-locale", "-A", "trust", "--no-sync"])
            .current_dir(&folder)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Over the network a password is asked for.
        fs::write(
            folder.join("data/pg_hba.conf"),
            "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
        )
        .expect("the server's settings are written");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let port = port.port();
        let postgres = programs.join("postgres").display().to_string();
        let mut command = as_user("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(&folder).arg(postgres).args(["-D", data]);
        let settings = [
            "fsync=on".to_owned(),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", folder.display()),
            "max_connections=200".to_owned(),
            "shared_buffers=64MB".to_owned(),
            "min_wal_size=32MB".to_owned(),
            "max_wal_size=128MB".to_owned(),
            "logging_collector=off".to_owned(),
        ];
        for setting in settings {
            command.args(["-c", &setting]);
        }
        command.current_dir(&folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("a shell runs");
        let stdin = process.stdin.take();
        let stdout = BufReader::new(process.stdout.take().expect("stdout is a pipe"));
        let keeper = Keeper { process, stdin, stdout, server: 0 };
        let server = Self { folder, port, keeper: Mutex::new(keeper), databases: AtomicU32::new(0) };
        server.await_start();
        Some(server)
    }

    /// The process id of the server.
    pub(crate) fn process(&self) -> u32 {
        self.keeper.lock().expect("nothing panics with it").server
    }

    /// The server's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends its process without a warning.
    pub(crate) fn kill(&self) {
        let killed = Command::new("kill").args(["-KILL", &self.process().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the server runs until it is killed");
    }

    /// Starts it again, and waits until it lets somebody in.
    pub(crate) fn start_again(&self) {
        {
            let mut keeper = self.keeper.lock().expect("nothing panics with it");
            writeln!(keeper.stdin.as_mut().expect("it is open"), "again").expect("the keeper listens");
        }
        self.await_start();
    }

    fn await_start(&self) {
        let begun = Instant::now();
        loop {
            let mut said = String::new();
            let mut keeper = self.keeper.lock().expect("nothing panics with it");
            keeper.stdout.read_line(&mut said).expect("the keeper says the process id");
            keeper.server = said.trim().parse().expect("a process id");
            let process = keeper.server;
            drop(keeper);
            while is_running(process) && begun.elapsed() < Duration::from_secs(60) {
                if self.try_sql("postgres", "SELECT 1").is_ok() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start: {log}");
            // Processes of the one that was killed may still be there; then it has ended at once.
            thread::sleep(Duration::from_millis(100));
            let mut keeper = self.keeper.lock().expect("nothing panics with it");
            writeln!(keeper.stdin.as_mut().expect("it is open"), "again").expect("the keeper listens");
        }
    }

    /// A new database with these options, and its address.
    pub(crate) fn database_with(&self, options: &str) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} {options}"));
        self.address(&name)
    }

    /// A new database, and its address.
    pub(crate) fn database(&self) -> String {
        // As a database of somebody who sorts names in English, not in bytes.
        self.database_with("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    }

    /// The address of a database, by the server's socket.
    pub(crate) fn address(&self, database: &str) -> String {
        format!("postgres://{ROLE}@/{database}?host={}&port={}", self.folder.display(), self.port)
    }

    /// What the server answers, row by row.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> Vec<Vec<Option<String>>> {
        self.try_sql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    fn try_sql(&self, database: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
        sql_at(&self.address(database), sql)
    }
}

/// What a database answers, row by row.
pub(crate) fn sql_at(address: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
        let connection = tokio::spawn(connection);
        let answers = client.simple_query(sql).await?;
        drop(client);
        let _ = connection.await;
        let row = |answer: &SimpleQueryMessage| match answer {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(answers.iter().filter_map(row).collect())
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        let Ok(keeper) = self.keeper.get_mut() else { return };
        keeper.stdin = None;
        let _ = keeper.process.wait();
    }
}

/// The folder of the newest server's programs.
fn programs() -> Option<PathBuf> {
    let has_both = |folder: &PathBuf| ["postgres", "initdb"].iter().all(|name| folder.join(name).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|entry| {
        let entry = entry.ok()?;
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let mut installed: Vec<_> = installed.collect();
    installed.sort();
    let installed = installed.into_iter().rev().map(|(_, folder)| folder);
    std::env::split_paths(&path).chain(installed).find(has_both)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn is_user(name: &str) -> bool {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    users.lines().any(|line| line.split(':').next() == Some(name))
}

fn group_of(user: &str) -> &str {
    if user == "nobody" { "nogroup" } else { user }
}
