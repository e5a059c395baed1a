//! What differs between two texts, line by line: the longest sequence of lines that both have stays, the rest is taken out
//! or put in.

/// Most lines of a text that is compared.
const MAX_LINES: usize = 4_000;

/// One line of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffLine<'a> {
    /// Both have it.
    Both(&'a str),
    /// Only the first one has it.
    First(&'a str),
    /// Only the second one has it.
    Second(&'a str),
}

/// The lines of both texts, in their order; `None` where they are too long to be compared.
pub fn difference<'a>(first: &'a str, second: &'a str) -> Option<Vec<DiffLine<'a>>> {
    let (a, b): (Vec<&str>, Vec<&str>) = (first.lines().collect(), second.lines().collect());
    if a.len() > MAX_LINES || b.len() > MAX_LINES {
        return None;
    }
    // How many lines what is left of both has in common, from every place on.
    let width = b.len() + 1;
    let mut common = vec![0_u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            let at = i * width + j;
            common[at] = if a[i] == b[j] {
                common[at + width + 1] + 1
            } else {
                common[at + width].max(common[at + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        let at = i * width + j;
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(DiffLine::Both(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < a.len() && (j == b.len() || common[at + width] >= common[at + 1]) {
            lines.push(DiffLine::First(a[i]));
            i += 1;
        } else {
            lines.push(DiffLine::Second(b[j]));
            j += 1;
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_common_stays() {
        use DiffLine::{Both, First, Second};
        let lines = difference("a\nb\nc\n", "a\nx\nc\nd\n").unwrap();
        assert_eq!(lines, [Both("a"), First("b"), Second("x"), Both("c"), Second("d")]);
        assert_eq!(difference(&"x\n".repeat(MAX_LINES + 1), ""), None);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_off(a in "([ab]\n){0,12}", b in "([ab]\n){0,12}") {
            let lines = difference(&a, &b).unwrap();
            let of = |skip: fn(&DiffLine) -> bool| {
                let kept = lines.iter().filter(|line| !skip(line));
                kept.map(|line| match line {
                    DiffLine::Both(text) | DiffLine::First(text) | DiffLine::Second(text) => format!("{text}\n"),
                }).collect::<String>()
            };
            prop_assert_eq!(of(|line| matches!(line, DiffLine::Second(_))), a.as_str());
            prop_assert_eq!(of(|line| matches!(line, DiffLine::First(_))), b.as_str());
        }
    }
}
