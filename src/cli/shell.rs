//! Words for a shell: a command that a report prints can be copied as it is.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;

/// `word` as one word of a shell, on one line. What is no plain text is written as `$'...'`, which bash, zsh
/// and ksh read (and POSIX since 2024).
pub(super) fn quote(word: &OsStr) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./=:,@%+".contains(b);
    let bytes = word.as_encoded_bytes();
    match word.to_str() {
        Some(text) if !text.is_empty() && bytes.iter().all(plain) => text.to_owned(),
        Some(text) if !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => {
            let mut quoted = "$'".to_owned();
            for b in bytes {
                if matches!(b, b' '..=b'~') && !b"'\\".contains(b) {
                    quoted.push(char::from(*b));
                } else {
                    let _ = write!(quoted, "\\{b:03o}");
                }
            }
            quoted + "'"
        }
    }
}

/// An option with its value, which may begin with '-'.
pub(super) fn option(name: &str, value: impl AsRef<OsStr>) -> String {
    let value = value.as_ref();
    let joint = if value.as_encoded_bytes().starts_with(b"-") { '=' } else { ' ' };
    format!("{name}{joint}{}", quote(value))
}

/// Options that change nothing of what is found: those with a value, and those without.
const OF_NO_ACCOUNT: ([&str; 4], [&str; 1]) = (["--threads", "--color", "--html", "--out"], ["--json"]);

/// The command that this process was started with, but for options that change nothing of what it finds.
pub(super) fn this_command() -> String {
    command_of(std::env::args_os().skip(1))
}

fn command_of(arguments: impl Iterator<Item = OsString>) -> String {
    let (with_value, without) = OF_NO_ACCOUNT;
    let (mut words, mut skip) = (vec!["rehearsal".to_owned()], false);
    for argument in arguments {
        if std::mem::take(&mut skip) {
            continue;
        }
        let text = argument.to_string_lossy();
        let joint = with_value.iter().any(|name| text.strip_prefix(name).is_some_and(|v| v.starts_with('=')));
        skip = with_value.contains(&text.as_ref());
        if !skip && !joint && !without.contains(&text.as_ref()) {
            words.push(quote(&argument));
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_repeated_without_what_changes_nothing() {
        let of = |words: &[&str]| command_of(words.iter().map(OsString::from));
        let given = ["simulate", "my road", "--threads", "3", "--json", "--html=a.html", "--seed", "7"];
        assert_eq!(of(&given), "rehearsal simulate 'my road' --seed 7");
    }

    #[test]
    fn words_are_quoted_only_where_they_must_be() {
        let of = |word: &str| quote(OsStr::new(word));
        assert_eq!(of("scenarios/gate-2.toml"), "scenarios/gate-2.toml");
        assert_eq!(of("my gate.toml"), "'my gate.toml'");
        assert_eq!(of("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(of(""), "''");
        assert_eq!(of("a\nb'c"), r"$'a\012b\047c'");
        assert_eq!(option("--gate", "-x.toml"), "--gate=-x.toml");
        assert_eq!(option("--gate", "x.toml"), "--gate x.toml");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        use std::os::unix::ffi::OsStrExt;
        let words: [&[u8]; 7] = [
            b"a b",
            b"'\"`$(touch x)\\",
            b"\n\r\t\x01\x7f",
            b"\xff\xfe",
            b"*?[a]~#!",
            b"-n",
            "\u{e9}\n7".as_bytes(),
        ];
        for word in words {
            let script = format!("printf %s {}", quote(OsStr::from_bytes(word)));
            let Ok(output) = std::process::Command::new("bash").args(["-c", &script]).output() else {
                eprintln!("skipped: no bash here");
                return;
            };
            assert_eq!(output.stdout, word, "{script}");
        }
    }
}
