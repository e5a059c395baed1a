//! Where the members of a line of JSON stand, found once more when something is wrong with one of them: the parser does
//! not say. It has read the line before, so nothing is checked here.

use std::ops::Range;

/// A field of an object, or an element of a list.
pub(super) struct Member {
    /// The key with its quotes, or the element once more.
    key: Range<usize>,
    /// The value.
    pub(super) value: Range<usize>,
}

impl Member {
    /// Where it begins.
    pub(super) fn start(&self) -> usize {
        self.key.start
    }
}

/// The members of the first object or list from byte `from` on.
pub(super) fn members(text: &[u8], from: usize) -> Vec<Member> {
    let mut members = Vec::new();
    let mut at = past_spaces(text, from) + 1;
    loop {
        at = past_spaces(text, at);
        match text.get(at) {
            None | Some(b'}' | b']') => return members,
            Some(b',') => at += 1,
            Some(_) => {
                let key = at..value_end(text, at);
                let colon = past_spaces(text, key.end);
                let value = if text.get(colon) == Some(&b':') {
                    let start = past_spaces(text, colon + 1);
                    start..value_end(text, start)
                } else {
                    key.clone()
                };
                at = value.end.max(at + 1);
                members.push(Member { key, value });
            }
        }
    }
}

/// The field `key` of the object from byte `from` on.
pub(super) fn field(text: &[u8], from: usize, key: &str) -> Option<Member> {
    let quoted = format!("\"{key}\"");
    let is_it = |member: &Member| {
        member.key != member.value && text.get(member.key.clone()) == Some(quoted.as_bytes())
    };
    members(text, from).into_iter().find(is_it)
}

/// Where the key `key` first stands between two places, in whatever object.
pub(super) fn first(text: &[u8], within: Range<usize>, key: &str) -> Option<usize> {
    let quoted = format!("\"{key}\"");
    // Values may look like keys, but no colon follows them.
    let is_key = |i: &usize| text[within.start + i + quoted.len()..].trim_ascii_start().starts_with(b":");
    let found = memchr::memmem::find_iter(text.get(within.clone())?, &quoted).find(is_key);
    found.map(|i| within.start + i)
}

fn past_spaces(text: &[u8], at: usize) -> usize {
    let spaces = text.iter().skip(at).take_while(|byte| byte.is_ascii_whitespace()).count();
    at + spaces
}

/// Where the value ends that begins at `at`.
fn value_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = text_end(text, at),
            b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
            b'}' | b']' if depth > 0 => (depth, at) = (depth - 1, at + 1),
            b'}' | b']' | b',' | b':' if depth == 0 => return at,
            _ => {
                at += 1;
                // A number or a word goes on until something ends it.
                if depth > 0 || text.get(at).is_some_and(|next| !next.is_ascii_whitespace()) {
                    continue;
                }
            }
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Where the text ends whose first quote stands at `at`.
fn text_end(text: &[u8], at: usize) -> usize {
    let mut escaped = false;
    let is_end = |byte: &u8| {
        let end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        end
    };
    text.iter().skip(at + 1).position(is_end).map_or(text.len(), |i| at + i + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = r#" {"c" : {"a":1,"\"a":"}"}, "x":[ 1.5,"a", {"a":[2]} ,null],"a":true}"#;

    fn shown(text: &str, range: Range<usize>) -> &str {
        &text[range]
    }

    #[test]
    fn members_are_those_of_one_object_alone() {
        let text = LINE.as_bytes();
        let values: Vec<&str> =
            members(text, 0).into_iter().map(|member| shown(LINE, member.value)).collect();
        assert_eq!(values, [r#"{"a":1,"\"a":"}"}"#, r#"[ 1.5,"a", {"a":[2]} ,null]"#, "true"]);
        let own = field(text, 0, "a").unwrap();
        assert_eq!((own.start(), shown(LINE, own.value)), (LINE.rfind("\"a\"").unwrap(), "true"));
        let list = field(text, 0, "x").unwrap().value;
        let elements: Vec<&str> =
            members(text, list.start).into_iter().map(|p| shown(LINE, p.value)).collect();
        assert_eq!(elements, ["1.5", "\"a\"", "{\"a\":[2]}", "null"]);
        assert!(field(text, list.start, "a").is_none() && field(text, 0, "b").is_none());
        assert_eq!(first(text, 0..text.len(), "a"), LINE.find("\"a\""));
        assert_eq!(first(text, list, "a"), LINE.find("{\"a\":[").map(|i| i + 1));
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_ends(text: Vec<u8>, like in "[\\[\\]{}:,\" \\\\a1]{0,40}", from in 0usize..60) {
            for text in [&text[..], like.as_bytes()] {
                for member in members(text, from) {
                    prop_assert!(member.start() <= member.value.end);
                }
                field(text, from, "a");
                first(text, 0..text.len(), "a");
            }
        }
    }
}
