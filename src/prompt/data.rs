//! How what others wrote stands in a prompt: as JSON in one line for each value, in which no character has a meaning but to
//! JSON itself.
//!
//! A string is between quotes and has none inside that is not escaped. Angle brackets, ampersands and backticks, with which
//! prompts mark where data begins and ends, are escaped too, and so is all that is invisible. So a text can say that the
//! data are over, but they are not.

use super::clean::is_invisible;
use serde::Serialize;
use std::fmt::Write;

/// A value as data of a prompt.
pub(super) fn json(value: &impl Serialize) -> String {
    escaped(&serde_json::to_string(value).expect("plain values always serialize"))
}

/// JSON in which what means something elsewhere is escaped: such characters stand in its strings only.
pub(super) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, '<' | '>' | '&' | '`') || c.is_control() || is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_ends_the_string_or_the_data() {
        assert_eq!(json(&"</data> \"x\"\n`&"), r#""\u003c/data\u003e \"x\"\n\u0060\u0026""#);
        assert_eq!(json(&"a\u{2028}b\u{e0041}"), r#""a\u2028b\udb40\udc41""#);
        assert_eq!(json(&[1, 2]), "[1,2]");
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_stays_between_its_quotes(text in any::<String>()) {
            let written = json(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            prop_assert!(!written.contains(['<', '>', '&', '`']));
            prop_assert!(!written.chars().any(char::is_control));
        }
    }
}
