//! What a server has that a directory has not: an address, a password, a locale, and times when it is away.

use crate::store::everyday::{known_without_ids, rewards_of, seeded_requests, without_ids};
use crate::store::{REQUEST, id, known, line, reward, score, updates, verified};
use crate::util::postgres::{Server, shared, sql_at};
use crate::util::{Dir, run, skip};
use rehearsal::base::error::ErrorKind;
use rehearsal::service::{Policies, Service};
use rehearsal::store::{Access, Pace, open, read};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

#[test]
fn one_life_is_the_same_in_a_directory_and_on_a_server() {
    let Some(server) = shared() else { return };
    let lived = [Dir::new(), Dir::at(server.database())].map(|dir| {
        let requests: Vec<String> = seeded_requests(60).iter().map(Value::to_string).collect();
        let mut answers = Vec::new();
        for policy in ["egreedy-v2", "lints-v2", "egreedy-v2-by-kind"] {
            let args = ["score", "--jsonl", "--policy", policy, "--shadow", "linucb-v2"];
            let decisions = dir.run_with(&args, requests.join("\n")).ok().jsonl();
            let learned = dir.run_with(&["reward", "--jsonl"], rewards_of(&decisions)).ok().jsonl();
            answers.extend(decisions.into_iter().map(without_ids).chain(learned));
        }
        assert_eq!(verified(&dir), [""; 0]);
        (answers, known_without_ids(&dir), dir.run(&["export"]).ok().stdout())
    });
    let [in_directory, on_server] = lived;
    assert!(in_directory == on_server, "the two stores differ");
}

#[test]
fn names_are_told_apart_and_sorted_by_their_bytes() {
    let Some(server) = shared() else { return };
    let users = [
        "b",
        "B",
        "a",
        "A",
        "\u{e4}",
        "a\u{308}",
        "_x",
        "z",
        "Z",
        "-",
        " ",
        "10",
        "9",
        "\u{1f600}",
        "%",
        "ss",
        "\u{df}",
    ];
    let lines: Vec<String> = users
        .iter()
        .flat_map(|user| ["e", "E", "\u{e9}", "e\u{301}"].map(|event| line(user, event, 1.0)))
        .collect();
    let [in_directory, on_server] = [Dir::new(), Dir::at(server.database())].map(|dir| {
        dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
        let stats = dir.run(&["stats"]).ok();
        let named: Vec<String> =
            stats.jsonl().iter().map(|user| user["user"].as_str().unwrap().to_owned()).collect();
        let mut sorted = users.map(str::to_owned).to_vec();
        sorted.sort();
        assert_eq!(named, sorted);
        stats.stdout()
    });
    assert_eq!(in_directory, on_server);
}

#[test]
fn a_password_is_asked_for_and_never_shown() {
    let Some(server) = shared() else { return };
    let database = server.database();
    let name = database.split('/').nth(3).unwrap().split('?').next().unwrap();
    server.sql("postgres", &format!("CREATE ROLE ann_{name} LOGIN PASSWORD 'hush'"));
    server.sql("postgres", &format!("ALTER DATABASE {name} OWNER TO ann_{name}"));
    let port = server.port();
    let address = |password: &str| format!("postgres://ann_{name}{password}@127.0.0.1:{port}/{name}");
    let with = |password: &str, variable: &str, args: &[&str]| {
        let dir = Dir::at(address(password));
        let mut command = dir.command(args);
        command.env("PGPASSWORD", variable);
        let ran = run(command, REQUEST.as_bytes());
        for shown in [ran.stdout(), ran.stderr()] {
            assert!(!shown.contains("hush") && !shown.contains("wrong"), "{shown}");
        }
        ran
    };
    let decide = ["score", "--policy", "linucb", "--user", "u"];
    with(":hush", "", &decide).ok();
    with("", "hush", &decide).ok();
    with(":hush", "wrong", &decide).ok();
    for (password, variable) in [(":wrong", "hush"), ("", "wrong"), ("", "")] {
        with(password, variable, &decide)
            .refused(&["cannot connect to it", &format!("ann_{name}@127.0.0.1")]);
    }
    // Nor do other messages show it.
    let missing = ["reward", "--decision", "none", "--reaction", "completed"];
    with(":hush", "", &missing).refused(&["decision \"none\": not in postgres://ann_"]);
    with(":hush", "", &["backup", "copy"]).refused(&["pg_dump"]);
    with(":hush", "", &["evaluate", &address(":hush"), "--policy", "uniform"]).refused(&["PGPASSWORD"]);
    with(":hush", "", &["verify"]).ok();
    let nonsense = format!("{}?nonsense=1", address(":hush"));
    with(":hush", "", &["stats", "--store", &nonsense]).refused(&["nonsense", "postgres://USER@HOST"]);
    // This server speaks no TLS.
    let encrypted =
        format!("{}?sslmode=require&sslrootcert=/etc/ssl/certs/ca-certificates.crt", address(":hush"));
    if Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
        with(":hush", "", &["stats", "--store", &encrypted]).refused(&["cannot connect to it"]);
    }
}

#[test]
fn a_database_that_is_no_store_says_what_it_is() {
    let Some(server) = shared() else { return };
    let empty = Dir::at(server.database());
    for args in [
        &["stats"][..],
        &["verify"],
        &["export"],
        &["log", "rewards"],
        &["reset", "--user", "u"],
        &["rebuild"],
    ] {
        empty.run(args).refused(&["no store there"]);
    }
    Dir::at(server.address("nowhere")).run(&["stats"]).refused(&["cannot connect to it", "nowhere"]);
    Dir::at("postgres://u@127.0.0.1:1/d".to_owned())
        .run(&["stats"])
        .refused(&["postgres://u@127.0.0.1:1/d: cannot connect"]);
    let latin = Dir::at(server.database_with("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"));
    latin
        .run_with(&["score", "--policy", "linucb", "--user", "u"], REQUEST)
        .refused(&["encoding is LATIN1", "UTF8"]);
    let newer = Dir::at(server.database());
    score(&newer, "linucb", "u", REQUEST);
    sql_at(newer.address().unwrap(), "UPDATE rehearsal_schema SET version = 99").unwrap();
    for args in [&["stats"][..], &["reset", "--user", "u"]] {
        newer.run(args).refused(&["schema_version is 99; allowed: up to "]);
    }
    newer
        .run_with(&["score", "--policy", "linucb", "--user", "u"], REQUEST)
        .refused(&["schema_version is 99"]);
}

#[test]
fn what_a_constraint_would_hold_is_found_by_verify() {
    let Some(server) = shared() else { return };
    for (sql, expected) in [
        ("DELETE FROM state", "3 rewards of no state"),
        ("DELETE FROM definition WHERE name = 'uniform'", "1 decisions whose definition is gone"),
        ("DELETE FROM definition WHERE name = 'egreedy-v2'", "1 states whose definition is gone"),
    ] {
        let dir = Dir::at(server.database());
        let lines: Vec<String> = (0..3).map(|i| line("u", &format!("e{i}"), 1.0)).collect();
        dir.run_with(&["reward", "--jsonl"], lines.join("\n")).ok();
        score(&dir, "uniform", "u", REQUEST);
        sql_at(dir.address().unwrap(), sql).unwrap();
        let run = dir.run(&["verify"]).exits(2);
        assert!(run.stdout().contains(expected), "{sql}: {}", run.stdout());
    }
}

#[test]
fn who_may_only_read_reads() {
    let Some(server) = shared() else { return };
    let owner = Dir::at(server.database());
    reward(&owner, id(&score(&owner, "linucb", "u", REQUEST)), "completed");
    let name = owner.address().unwrap().split('/').nth(3).unwrap().split('?').next().unwrap();
    let grant = format!(
        "CREATE ROLE reader_{name} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_{name}"
    );
    sql_at(owner.address().unwrap(), &grant).unwrap();
    let reader = Dir::at(owner.address().unwrap().replace("rehearsal@", &format!("reader_{name}@")));
    assert_eq!(known(&reader), known(&owner));
    assert_eq!(verified(&reader), [""; 0]);
    reader.run_with(&["reward", "--jsonl"], line("u", "e", 1.0)).refused(&["permission denied"]);
    assert_eq!(updates(&owner, "u"), 1);
}

/// A store that reads must leave no transaction open: it would keep the server from tidying up.
#[test]
fn reading_leaves_nothing_open() {
    let Some(server) = shared() else { return };
    let address = server.database();
    let store = open(Path::new(&address), Access::Write, Pace::Single).unwrap();
    let name = address.split('/').nth(3).unwrap().split('?').next().unwrap();
    let question = format!(
        "SELECT state FROM pg_stat_activity WHERE datname = '{name}' AND application_name = 'rehearsal'"
    );
    for _ in 0..5 {
        read(&*store, |snapshot| snapshot.states(&[("u", "linucb")])).unwrap();
        // Nobody waits for the end of it: it is on its way.
        let mut states = Vec::new();
        for _ in 0..100 {
            states = server.sql("postgres", &question);
            if states == [[Some("idle".to_owned())]] {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(states, [[Some("idle".to_owned())]], "one connection, at rest");
    }
}

#[test]
fn a_server_that_was_away_is_used_again_when_it_is_back() {
    let Some(server) = Server::start() else { return };
    let address = server.database();
    let dir = Dir::at(address.clone());
    let decision = score(&dir, "egreedy-v2", "u", REQUEST);
    reward(&dir, id(&decision), "completed");
    let store = open(Path::new(&address), Access::Write, Pace::Single).unwrap();
    let service = Service::new(store, Policies::new(&["egreedy-v2"]).unwrap(), Vec::new()).unwrap();
    let states = || read(service.store(), |snapshot| snapshot.states_of("u"));
    assert_eq!(states().unwrap().len(), 1);
    for _ in 0..2 {
        // Restarted between two calls, nobody notices.
        server.kill();
        server.start_again();
        assert_eq!(states().unwrap()[0].updates, 1);
        server.kill();
        // What serves a connection outlives the server by a moment.
        let goes_on = || {
            states().is_ok() && {
                thread::sleep(Duration::from_millis(10));
                true
            }
        };
        assert!((0..500).any(|_| !goes_on()), "the server is dead");
        for _ in 0..3 {
            let error = states().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert_eq!(service.reset("nobody", None).unwrap_err().kind(), ErrorKind::Unavailable);
        }
        dir.run(&["stats"]).refused(&["cannot connect to it"]);
        server.start_again();
        assert_eq!(states().unwrap()[0].updates, 1);
    }
    assert_eq!(reward(&dir, id(&decision), "completed")["duplicate"], true);
    assert_eq!(service.store().integrity().unwrap(), [""; 0]);
    assert!(server.folder().join("data").is_dir());
}

/// Has `openssl` do each of these in the folder; `None`, with a printed line, where there is none.
fn openssl(folder: &Path, steps: &[&str]) -> Option<()> {
    for step in steps {
        let done = Command::new("openssl").args(step.split_whitespace()).current_dir(folder).output();
        let Ok(done) = done else {
            skip("no openssl here, to make certificates with");
            return None;
        };
        assert!(done.status.success(), "{step}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Some(())
}

#[test]
fn a_connection_is_encrypted_to_a_server_whose_certificate_is_sound() {
    let Some(server) = Server::start() else { return };
    let dir = Dir::new();
    let data = server.folder().join("data");
    dir.write("names", "subjectAltName=DNS:localhost");
    let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let steps = [
        format!("req -x509 {new} -keyout ca.key -out ca.crt -subj /CN=authority -days 2"),
        format!("req -x509 {new} -keyout other.key -out other.crt -subj /CN=other -days 2"),
        format!("req {new} -keyout server.key -out server.csr -subj /CN=localhost"),
        "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 2 -extfile names"
            .to_owned(),
    ];
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let Some(()) = openssl(&dir.join("."), &steps) else { return };
    for name in ["server.crt", "server.key"] {
        // The server reads only keys that are its own.
        let reference = format!("--reference={}", data.join("pg_hba.conf").display());
        std::fs::copy(dir.join(name), data.join(name)).unwrap();
        let owned = Command::new("chown")
            .arg(reference.replace("pg_hba.conf", "PG_VERSION"))
            .arg(data.join(name))
            .status();
        assert!(owned.is_ok_and(|status| status.success()));
        std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
        .unwrap();
    server.sql("postgres", "ALTER SYSTEM SET ssl = on");
    server.database();
    server.sql("postgres", "SELECT pg_reload_conf()");
    let run = |host: &str, options: &str| {
        let address = format!("postgres://rehearsal@{host}:{}/test0?{options}", server.port());
        run(
            dir.command(&["score", "--policy", "uniform", "--user", "u", "--store", &address]),
            REQUEST.as_bytes(),
        )
    };
    run("localhost", "sslmode=verify-full&sslrootcert=ca.crt").ok();
    run("localhost", "sslmode=require&sslrootcert=ca.crt").ok();
    // A certificate of somebody else, for another name, of nobody who is trusted, and no encryption where the server asks for it.
    for (host, options) in [
        ("localhost", "sslmode=require&sslrootcert=other.crt"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=ca.crt"),
        ("localhost", "sslmode=require"),
        ("localhost", "sslmode=prefer"),
    ] {
        run(host, options).refused(&["cannot connect to it"]);
    }
}
