//! File names of states: no name leaves the directory, and no two collide.
//!
//! A state stands in `<user>_<policy>.json`. Every byte of the user outside `[A-Za-z0-9.-]` is
//! percent-encoded, so the first '_' ends the user; '-' in the policy becomes '_', which policy names do
//! not have. Every other file of the directory has no '_' in its name, or does not end in `.json`.

use crate::base::error::{Fault, Result, storable};
use smol_str::SmolStr;
use std::fmt::Write;

/// Longest file name, in bytes, on the file systems that there are.
const MAX_FILE_NAME: usize = 255;

/// A user's name, which is not empty: a variable that was not set is nobody.
///
/// # Errors
/// A [`Fault`] for the empty name, and for one that no store keeps.
pub fn user_name(user: &str) -> Result<&str, Fault> {
    if user.is_empty() {
        return Err(Fault::new("user", "\"\"", "a name of at least one character"));
    }
    storable("user", user)
}

/// Name of the file that holds the state of `user` under `policy`.
///
/// # Errors
/// A [`Fault`] for the empty user, and for one whose file name would be too long.
pub fn state_file(user: &str, policy: &str) -> Result<String, Fault> {
    user_name(user)?;
    let mut name = encode(user);
    name.push('_');
    name.extend(policy.chars().map(|c| if c == '-' { '_' } else { c }));
    name.push_str(".json");
    if name.len() > MAX_FILE_NAME {
        let value = format!("a text of {} bytes, {} as a file name", user.len(), name.len());
        return Err(Fault::new("user", value, format!("file names of at most {MAX_FILE_NAME} bytes")));
    }
    Ok(name)
}

/// The user and the policy whose state stands in a file of this name, if it is the name of a state.
pub fn parse_state_file(name: &str) -> Option<(SmolStr, String)> {
    let (user, policy) = name.strip_suffix(".json")?.split_once('_')?;
    let safe = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if policy.is_empty() || !policy.bytes().all(safe) {
        return None;
    }
    let (user, policy) = (SmolStr::from(decode(user)?), policy.replace('_', "-"));
    // Only the canonical spelling names a state: `%41_uniform.json` is no second state of A.
    (state_file(&user, &policy).ok()? == name).then_some((user, policy))
}

pub(super) fn encode(user: &str) -> String {
    let mut out = String::with_capacity(user.len() + 32);
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-' {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes everything");
        }
    }
    out
}

fn decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_example_of_the_design_has_its_name() {
        assert_eq!(state_file("alice", "egreedy-v2").unwrap(), "alice_egreedy_v2.json");
    }

    #[test]
    fn names_stay_inside_the_directory() {
        for (user, expected) in [
            ("../../x", "..%2F..%2Fx_uniform.json"),
            ("a/b", "a%2Fb_uniform.json"),
            ("..", ".._uniform.json"),
            (".", "._uniform.json"),
            ("a_b", "a%5Fb_uniform.json"),
            ("\u{1f600}", "%F0%9F%98%80_uniform.json"),
        ] {
            assert_eq!(state_file(user, "uniform").unwrap(), expected);
        }
    }

    #[test]
    fn empty_and_endless_names_are_refused() {
        assert_eq!(state_file("", "uniform").unwrap_err().field, "user");
        let longest = MAX_FILE_NAME - "_uniform.json".len();
        assert!(state_file(&"a".repeat(longest), "uniform").is_ok());
        assert!(state_file(&"a".repeat(longest + 1), "uniform").is_err());
        assert!(state_file(&"a".repeat(10_000), "uniform").is_err());
    }

    #[test]
    fn files_that_are_no_states_have_no_user() {
        for name in [
            "decisions.jsonl",
            "rewards.manifest.json",
            "a_b.jsonl",
            "_uniform.json",
            "a_.json",
            "%41_uniform.json",
            "a%2f_uniform.json",
            "%FF_uniform.json",
            "a_Uniform.json",
        ] {
            assert_eq!(parse_state_file(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn file_names_read_back(user in "\\PC{1,20}", policy in "[a-z0-9-]{1,20}") {
            let name = state_file(&user, &policy).unwrap();
            prop_assert!(!name.contains('/') && !name.contains('\0'));
            prop_assert_eq!(parse_state_file(&name), Some((user.into(), policy)));
        }
    }
}
