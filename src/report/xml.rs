//! Text inside XML, and inside HTML that is written to be XML too.

use crate::base::clean::is_format;

/// `text` as content, with everything escaped that is markup; characters that XML cannot hold, that speak to a terminal or
/// that turn the direction of text become U+FFFD.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // A parser would read it as a line feed.
            '\r' => out.push_str("&#13;"),
            // A line that begins with two colons would be a command to GitHub Actions.
            '\n' if is_command(&text[at + 1..]) => out.push_str("&#10;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || is_format(c) => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn is_command(line: &str) -> bool {
    line.trim_start_matches([' ', '\t']).starts_with("::")
}

/// `text` as a quoted attribute, in which a parser would read line feeds and tabs as spaces.
pub(super) fn attribute(text: &str) -> String {
    escape(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_escaped_reads_back(text in "\\PC*[<>&\"'\n\t\r]*\\PC*") {
            let document = format!("<a b=\"{}\">{}</a>", attribute(&text), escape(&text));
            let parsed = roxmltree::Document::parse(&document).unwrap();
            let expected = text.replace(['\u{2028}', '\u{2029}', '\u{fffe}', '\u{ffff}'], "\u{fffd}");
            prop_assert_eq!(parsed.root_element().attribute("b"), Some(expected.as_str()));
            prop_assert_eq!(parsed.root_element().text().unwrap_or_default(), expected);
        }
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(escape("a\u{1}b\u{ffff}"), "a\u{fffd}b\u{fffd}");
        assert_eq!(escape("a\u{9b}b\u{202e}c\u{61c}"), "a\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(escape("a\n ::error::b\nc"), "a&#10; ::error::b\nc");
    }
}
