//! Prose in a terminal.

/// The width that prose is wrapped to where no terminal has one of its own.
pub(super) const COLUMNS: usize = 100;

/// The lines of `text`, the first one behind `lead` and the others under its beginning, each with its end.
pub(super) fn paragraph(lead: &str, text: &str) -> String {
    wrapped(COLUMNS, lead, text)
}

/// The same within so many columns.
pub(super) fn wrapped(columns: usize, lead: &str, text: &str) -> String {
    let indent = lead.len();
    let (mut out, mut line) = (String::new(), lead.to_owned());
    for word in text.split_whitespace() {
        let blank = line.len() <= indent;
        if !blank && line.len() + 1 + word.len() > columns {
            out.push_str(&line);
            out.push('\n');
            line = " ".repeat(indent);
        } else if !blank {
            line.push(' ');
        }
        line.push_str(word);
    }
    out + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_full_and_no_longer_than_the_width() {
        let text = paragraph("  why  ", &"word ".repeat(40));
        let lines: Vec<&str> = text.lines().collect();
        // 18 words with 17 blanks fit behind the lead, 19 do not.
        assert_eq!(lines[0].len(), 7 + 18 * 4 + 17);
        assert!(lines.iter().all(|line| line.len() <= COLUMNS) && lines[1].starts_with("       word"));
    }
}
