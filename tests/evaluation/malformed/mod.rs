//! Every malformed line of every format is refused with file, line, column and reason, and no default takes its
//! place. Columns are bytes of the line, from 1: of the field in CSV, of the word in Vowpal Wabbit's text, of the
//! field's name in JSON, or where the parser stopped.

mod comma_separated;
mod compressed;
mod duplicates;
mod own;
mod vowpal_wabbit;

use super::{complaint, file};
use tempfile::TempDir;
pub(super) use vowpal_wabbit::DSJSON;

/// A log that is refused with one line that names the file and has every part.
pub(super) fn refused(dir: &TempDir, name: &str, content: &[u8], parts: &[&str]) {
    let log = file(dir, name, content);
    let said = complaint(&[&log, "--policy", "uniform"]);
    assert_eq!(said.lines().count(), 1, "{said}");
    // Exactly there, and for that reason.
    if let [place, reason] = parts {
        let expected = format!("rehearsal: {log}, {}: {reason}", place.trim_end_matches(": "));
        assert!(said.starts_with(&expected), "expected\n{expected}\nnot\n{said}\nof\n{}", shown(content));
    }
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}\nwhich is said of\n{}", shown(content));
    }
    assert!(said.contains(&format!("{log}, line ")) || parts[0].contains(", line "), "{said}");
}

/// The beginning of a log, in an assertion that fails.
fn shown(content: &[u8]) -> String {
    String::from_utf8_lossy(&content[..content.len().min(400)]).into_owned()
}

const IN_0_1: &str = "allowed: a number in (0, 1]: the probability of the choice as it was made";
