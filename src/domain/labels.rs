//! What a decision carries for who analyses it later. Policies see none of it.

use crate::base::error::{Fault, Result};
use smol_str::SmolStr;

/// Longest name of a prompt version, an experiment or a variant, in bytes.
pub const MAX_LABEL_BYTES: usize = 64;

/// The labels of a decision, kept with it; `None` is what nobody said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DecisionLabels {
    /// The experiment that its user took part in.
    pub experiment: Option<SmolStr>,
    /// The variant of the experiment that its user has.
    pub variant: Option<SmolStr>,
    /// The version of the prompt that its candidates were written with.
    pub prompt_version: Option<SmolStr>,
    /// SHA-256, in hexadecimal, of that prompt: two texts of one version differ in it.
    pub prompt_digest: Option<SmolStr>,
    /// The version of the policy in a model registry.
    pub model_version: Option<SmolStr>,
    /// What came of asking a feature store for what the request did not say of the profile; `None` where nobody asked.
    pub profile_lookup: Option<SmolStr>,
}

/// A name of 1 to 64 of the characters a-z, A-Z, 0-9, '.', '_' and '-' that begins with a letter or a digit: it is
/// part of no path and needs no quotes.
///
/// # Errors
/// Any other text.
pub fn label<'a>(field: &str, value: &'a str) -> Result<&'a str, Fault> {
    let bytes = value.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let begins = bytes.first().is_some_and(u8::is_ascii_alphanumeric);
    if begins && bytes.len() <= MAX_LABEL_BYTES && bytes.iter().all(plain) {
        return Ok(value);
    }
    let allowed = format!(
        "1 to {MAX_LABEL_BYTES} of the characters a-z, A-Z, 0-9, '.', '_' and '-', the first a letter or a digit"
    );
    Err(Fault::new(field, format!("{value:?}"), allowed))
}

/// A SHA-256 in hexadecimal: 64 of the characters 0-9 and a-f.
///
/// # Errors
/// Any other text.
pub fn digest<'a>(field: &str, value: &'a str) -> Result<&'a str, Fault> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if value.len() == 64 && value.bytes().all(is_hex) {
        return Ok(value);
    }
    Err(Fault::new(field, format!("{value:?}"), "64 of the characters 0-9 and a-f"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_plain_names() {
        for good in ["v1", "V2.1-short_tips", &"a".repeat(MAX_LABEL_BYTES)] {
            assert_eq!(label("prompt_version", good).unwrap(), good);
        }
        for bad in ["", "-v1", "..", "a/b", "v1,v2", "a b", "\u{e9}", &"a".repeat(MAX_LABEL_BYTES + 1)] {
            assert!(label("prompt_version", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn digests_are_64_small_hexadecimal_digits() {
        assert!(digest("prompt_digest", &"0a".repeat(32)).is_ok());
        for bad in ["0a".repeat(31), "0A".repeat(32), "0g".repeat(32)] {
            assert!(digest("prompt_digest", &bad).is_err(), "{bad:?}");
        }
    }
}
