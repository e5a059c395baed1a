//! How fast SQLite takes the rows that a store has, from a program that does nothing else: it parses nothing, decides
//! nothing, learns nothing and prints nothing.
//!
//! `plain_store DIR USERS LINES` makes a database in DIR with the tables that it finds in `--schema FILE` (a file of SQL),
//! writes LINES decisions of USERS users round robin, then a reward for each: it finds the decision, looks whether the
//! event is known, adds the reward, and writes the state anew. Transactions have 8,192 rows; decisions are committed with
//! `synchronous = NORMAL`, rewards with `FULL`. Then it commits 500 rewards one by one. It prints the seconds of the two
//! runs and the median of the single ones. Then it commits a reward for each line that it reads, and answers with a line.

use rusqlite::{Connection, params};
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

const TOGETHER: usize = 8_192;
const SINGLE: usize = 500;
const REQUEST: &str = r#"{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"t1","kind":"focus","priority":0.8,"due_in_days":-2.0,"effort_minutes":15.0,"hour":9.0},{"id":"t2","kind":"rest","effort_minutes":5.0}],"profile_features":{"completion_rate":0.42,"preferred_hour":9.0,"by_kind":{"focus":{"completion_rate":0.6}}}}"#;
const SHOWN: &str = r#"{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"t1","kind":"focus","priority":0.8,"due_in_days":-2.0,"effort_minutes":15.0,"hour":9.0}],"profile_features":{"completion_rate":0.6,"preferred_hour":9.0}}"#;
/// Bytes of a model in 12 dimensions.
const MODEL: usize = 1_475;

fn id(i: usize) -> String {
    format!("01a229ee-bd7d-7103-8bea-{i:012x}")
}

/// Writes rows `0..lines` in transactions of [`TOGETHER`]; the seconds that takes.
fn timed(
    connection: &Connection,
    synchronous: &str,
    lines: std::ops::Range<usize>,
    together: usize,
    mut write: impl FnMut(usize) -> rusqlite::Result<()>,
) -> rusqlite::Result<Vec<f64>> {
    connection.pragma_update(None, "synchronous", synchronous)?;
    let mut taken = Vec::new();
    let rows: Vec<usize> = lines.collect();
    for rows in rows.chunks(together) {
        let begun = Instant::now();
        connection.execute_batch("BEGIN IMMEDIATE")?;
        rows.iter().try_for_each(|row| write(*row))?;
        connection.execute_batch("COMMIT")?;
        taken.push(begun.elapsed().as_secs_f64());
    }
    Ok(taken)
}

fn main() -> rusqlite::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, dir, users, lines, schema] = &args[..] else {
        panic!("usage: plain_store DIR USERS LINES SCHEMA.sql");
    };
    let (users, lines): (usize, usize) = (users.parse().expect("users"), lines.parse().expect("lines"));
    std::fs::create_dir_all(dir).expect("a folder");
    let connection = Connection::open(Path::new(dir).join("plain.db"))?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -64_000)?;
    connection.pragma_update(None, "wal_autocheckpoint", 32_768)?;
    connection.execute_batch(&std::fs::read_to_string(schema).expect("a file of SQL"))?;
    connection.execute("INSERT INTO definition (digest, name, policy) VALUES ('d', 'egreedy-v2', '')", [])?;
    let mut decide = connection.prepare(
        "INSERT INTO decision (id, at, user, definition, seed, request, scores, propensities, chosen, propensity, explored, \
         shadow_of) VALUES (?, ?, ?, 1, ?, ?, '[0.1,0.2]', '[0.05,0.95]', 't1', 0.95, 0, NULL)",
    )?;
    let decided = timed(&connection, "NORMAL", 0..lines, TOGETHER, |i| {
        let user = format!("user-{:06}", i % users);
        decide.execute(params![id(i), 1_795_999_841_661_i64, user, i as i64, REQUEST]).map(drop)
    })?;
    let mut find = connection.prepare("SELECT request FROM decision WHERE id = ?")?;
    let mut known = connection.prepare("SELECT reward FROM reward WHERE event = ? AND state = ?")?;
    let mut state = connection.prepare("SELECT id, model FROM state WHERE user = ? AND policy = 'egreedy-v2'")?;
    let mut begin = connection.prepare(
        "INSERT INTO state (user, policy, definition, number, updates, model, revision, published) \
         VALUES (?, 'egreedy-v2', 1, 1, 1, ?, 1, NULL)",
    )?;
    let mut update =
        connection.prepare("UPDATE state SET number = ?, updates = ?, model = ?, revision = ? WHERE id = ?")?;
    let mut add = connection.prepare(
        "INSERT INTO reward (state, number, at, op, event, answers_decision, reaction, dwell_seconds, reward, learned_from) \
         VALUES (?, ?, ?, 'reward', ?, 1, 'completed', NULL, 1.0, ?)",
    )?;
    let model = vec![7_u8; MODEL];
    let mut reward = |i: usize| {
        let (user, number) = (format!("user-{:06}", i % users), (i / users + 1) as i64);
        let request: String = find.query_row([id(i % lines)], |row| row.get(0))?;
        assert_eq!(request.len(), REQUEST.len());
        let found = state.query_row([&user], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
        let own = match found {
            Ok((own, _)) => {
                update.execute(params![number, number, model, number, own])?;
                own
            }
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                begin.execute(params![user, model])?;
                connection.last_insert_rowid()
            }
            Err(error) => return Err(error),
        };
        let event = if i < lines { id(i) } else { format!("single-{i}") };
        match known.query_row(params![event, own], |row| row.get::<_, f64>(0)) {
            Err(rusqlite::Error::QueryReturnedNoRows) => {}
            other => panic!("{event} is new: {other:?}"),
        }
        add.execute(params![own, number, 1_795_999_841_661_i64, event, SHOWN]).map(drop)
    };
    let rewarded = timed(&connection, "FULL", 0..lines, TOGETHER, &mut reward)?;
    let mut single = timed(&connection, "FULL", lines..lines + SINGLE, 1, &mut reward)?;
    single.sort_by(f64::total_cmp);
    println!(
        "{:.4} {:.4} {:.6}",
        decided.iter().sum::<f64>(),
        rewarded.iter().sum::<f64>(),
        single[SINGLE / 2]
    );
    let mut stdout = std::io::stdout();
    for (n, _) in std::io::stdin().lock().lines().enumerate() {
        timed(&connection, "FULL", lines + SINGLE + n..lines + SINGLE + n + 1, 1, &mut reward)?;
        stdout.write_all(b"done\n").and_then(|()| stdout.flush()).expect("a reader");
    }
    Ok(())
}
