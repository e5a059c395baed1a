//! The attempts of a series, one line of JSON each, in the order in which they were made.
//!
//! A line is written, and is on the disk, before anybody is drawn: a run that was looked at and broken off counts. What is
//! asked again, under whatever name, keeps its line (ADR-0020).

use super::refusal::GateRefusal;
use crate::base::error::{Error, Result};
use crate::base::read;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptLine {
    /// Its number, counted from 1.
    pub attempt: u64,
    /// Digest of what was asked: challenger, baseline, criteria and people, by what they mean.
    pub question: String,
    /// What the baseline was called.
    pub baseline: String,
    /// What the challenger was called.
    pub challenger: String,
}

/// The number of an attempt at this question: the one that it had, or the next, which is then in the file.
///
/// The file is locked meanwhile: two who ask at once get two numbers. It is made where there is none.
///
/// # Errors
/// A file that cannot be read, written or locked; a line that is no attempt, or out of order.
pub fn attempt_number(path: &Path, question: &str, baseline: &str, challenger: &str) -> Result<u64> {
    let is_new = !path.exists();
    if !is_new {
        read::regular(path)?;
    }
    let options = || OpenOptions::new().read(true).append(true).create(true).open(path);
    let mut file = options().map_err(Error::io("open", path))?;
    file.lock().map_err(Error::io("lock", path))?;
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(Error::io("read", path))?;
    let lines = parsed(&text, path)?;
    if let Some(line) = lines.iter().find(|line| line.question == question) {
        return Ok(line.attempt);
    }
    let line = AttemptLine {
        attempt: lines.len() as u64 + 1,
        question: question.to_owned(),
        baseline: baseline.to_owned(),
        challenger: challenger.to_owned(),
    };
    let mut bytes = serde_json::to_vec(&line).expect("plain data");
    bytes.push(b'\n');
    file.write_all(&bytes).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("write", path))?;
    if is_new {
        // The name of a new file is the folder's to keep.
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(Error::io("write", dir))?;
    }
    Ok(line.attempt)
}

fn parsed(text: &str, path: &Path) -> Result<Vec<AttemptLine>> {
    let refused = |line: usize, what: String| {
        Error::because(GateRefusal::NoAttempt { path: path.display().to_string(), line, what })
    };
    let mut lines: Vec<AttemptLine> = Vec::new();
    for (i, line) in text.split_inclusive('\n').enumerate() {
        if !line.ends_with('\n') {
            return Err(refused(
                i + 1,
                "it was not finished, so nobody was drawn for it: remove it".to_owned(),
            ));
        }
        let attempt: AttemptLine = serde_json::from_slice(read::without_mark(line.as_bytes()))
            .map_err(|e| refused(i + 1, e.to_string()))?;
        if attempt.attempt != i as u64 + 1 {
            return Err(refused(i + 1, format!("attempt is {}; allowed: {}", attempt.attempt, i + 1)));
        }
        if let Some(first) = lines.iter().find(|line| line.question == attempt.question) {
            return Err(refused(i + 1, format!("it asks what attempt {} asked", first.attempt)));
        }
        lines.push(attempt);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("rehearsal-attempts-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(name);
        let _ = std::fs::remove_file(&path);
        path
    }

    #[test]
    fn what_is_asked_again_keeps_its_number() {
        let path = file("again.jsonl");
        let ask = |question: &str| attempt_number(&path, question, "base", question).unwrap();
        assert_eq!(["a", "b", "a", "c", "b"].map(ask), [1, 2, 1, 3, 2]);
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
        // An editor may have put a mark before it, and ended lines with two characters.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
        assert_eq!(["b", "d"].map(ask), [2, 4]);
    }

    #[test]
    fn those_who_ask_at_once_get_numbers_of_their_own() {
        let path = file("at-once.jsonl");
        let mut numbers: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|i| {
                    let path = &path;
                    scope.spawn(move || attempt_number(path, &format!("q{i}"), "base", "c").unwrap())
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=16).collect::<Vec<u64>>());
    }

    #[test]
    fn a_line_that_is_no_attempt_is_named() {
        let path = file("bad.jsonl");
        let line = |n: u64| {
            format!("{{\"attempt\":{n},\"question\":\"q{n}\",\"baseline\":\"b\",\"challenger\":\"c\"}}\n")
        };
        let said = |text: String| {
            std::fs::write(&path, text).unwrap();
            attempt_number(&path, "new", "b", "c").unwrap_err().to_string()
        };
        assert!(said(format!("{}{}", line(1), line(3))).contains("line 2"));
        assert!(said(format!("{}{{\"attempt\":2", line(1))).contains("not finished"));
        assert!(said("{}\n".to_owned()).contains("line 1"));
        // A question that was copied to a later line would have other people, one that was renumbered another level.
        let again = line(2).replace("q2", "q1");
        assert!(
            said(format!("{}{again}", line(1)))
                .contains("line 2 is no attempt: it asks what attempt 1 asked")
        );
        assert!(said(line(2)).contains("attempt is 2; allowed: 1"));
        let more = line(1).replace("\"question\"", "\"alpha\":0.5,\"question\"");
        assert!(said(more).contains("unknown field `alpha`"));
        assert!(said(format!("{}\n", line(1))).contains("line 2"));
    }
}
