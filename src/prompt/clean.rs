//! Text of others as people see it: in one line, without what is invisible, of a bounded length.

/// The text without what ends lines, speaks to terminals, or cannot be seen; at most so many characters, the last of them an
/// ellipsis where something is cut.
pub(super) fn visible(text: &str, longest: usize) -> String {
    let mut out = String::new();
    let (mut count, mut gap) = (0, false);
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            gap = count > 0;
            continue;
        }
        if is_invisible(c) {
            continue;
        }
        let needed = 1 + usize::from(gap);
        if count + needed > longest {
            // There is one character more than there is room for.
            if count == longest {
                out.pop();
            }
            out.push('…');
            return out;
        }
        if std::mem::take(&mut gap) {
            out.push(' ');
        }
        out.push(c);
        count += needed;
    }
    out
}

/// Whether a character has no shape of its own and may hide or turn others round. Joiners stay: scripts and emoji need them.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B | 0x200E..=0x200F | 0x2028..=0x202E
        | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0E | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_become_one_and_what_is_invisible_goes() {
        assert_eq!(visible("  a\r\n\tb\u{1b}[2J \u{202e}c\u{e0041} ", 99), "a b [2J c");
        assert_eq!(visible("नमस्\u{200d}ते 👩\u{200d}💻", 99), "नमस्\u{200d}ते 👩\u{200d}💻");
    }

    #[test]
    fn what_is_longer_is_cut_and_says_so() {
        assert_eq!(visible("abcde", 5), "abcde");
        assert_eq!(visible("abcdef", 5), "abcd…");
        assert_eq!(visible("abcd  ", 4), "abcd");
        assert_eq!(visible("abc d", 4), "abc…");
    }

    proptest! {
        #[test]
        fn it_is_in_one_line_no_longer_than_asked_and_clean_already(text in ".{0,80}", longest in 1usize..40) {
            let cleaned = visible(&text, longest);
            prop_assert!(cleaned.chars().count() <= longest);
            prop_assert!(!cleaned.chars().any(|c| c.is_control() || is_invisible(c)));
            prop_assert_eq!(visible(&cleaned, longest), cleaned);
        }
    }
}
