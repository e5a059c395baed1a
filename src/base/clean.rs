//! Text from outside that is to be one line of somebody else's text.

/// The text as one line: what would end it, or speak to a terminal, is a blank, and of several blanks there is one.
pub(crate) fn clean_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        let c = if c.is_control() || is_format(c) || c.is_whitespace() { ' ' } else { c };
        if c != ' ' || !(line.is_empty() || line.ends_with(' ')) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text as a cell of a table that people open in a spreadsheet: one line, and none that it would run as a formula. Such
/// a text is told to be one by the apostrophe that spreadsheets themselves put before it.
pub(crate) fn clean_cell(text: &str) -> String {
    let line = clean_line(text);
    if line.starts_with(['=', '+', '-', '@']) { format!("'{line}") } else { line }
}

/// Whether it ends lines, or turns the direction of what follows, where a terminal or a page takes it so.
pub(crate) fn is_format(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// JSON that says the same and whose texts speak to no terminal: what JSON itself does not write as an escape of controls, and
/// of what turns the direction of text, becomes one. It is looked at from this byte on.
pub(crate) fn clean_json(json: &mut Vec<u8>, from: usize) {
    if json[from..].is_ascii() {
        return;
    }
    let speaks = |c: char| (c.is_control() && !c.is_ascii()) || is_format(c);
    let Ok(text) = std::str::from_utf8(&json[from..]) else { return };
    if !text.contains(speaks) {
        return;
    }
    let mut clean = String::with_capacity(text.len() + 32);
    for c in text.chars() {
        if speaks(c) { clean.push_str(&format!("\\u{:04x}", u32::from(c))) } else { clean.push(c) }
    }
    json.truncate(from);
    json.extend(clean.into_bytes());
}

/// Text of several lines for a terminal or the log of a workflow: nothing in it speaks to either. A line that begins with
/// two colons would be a command to GitHub Actions.
pub(crate) fn clean_text(text: &str) -> String {
    let is_kept = |c: char| matches!(c, '\n' | '\t') || !(c.is_control() || is_format(c));
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let from = line.len() - line.trim_start().len();
        let (blanks, rest) = line.split_at(from);
        out.push_str(blanks);
        let (colons, rest) = rest.strip_prefix("::").map_or(("", rest), |rest| (": :", rest));
        out.push_str(colons);
        out.extend(rest.chars().map(|c| if is_kept(c) { c } else { ' ' }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_from_outside_is_one_clean_line() {
        assert_eq!(clean_line(" a\r\n\u{1b}[31mb\t ::error::c\u{2028}\u{202e}d\0 "), "a [31mb ::error::c d");
        assert_eq!(clean_line("Zwölf Tage, 12 % – mehr"), "Zwölf Tage, 12 % – mehr");
        assert_eq!(
            ["=1+1", "+1", "-1", "@a", "\t=1", "\r\n-1", "a=1", "1-1", "\u{1b}[31ma", ""].map(clean_cell),
            ["'=1+1", "'+1", "'-1", "'@a", "'=1", "'-1", "a=1", "1-1", "[31ma", ""]
        );
        let said = "a\u{9b}31m \u{202e}b\u{2028} Zwölf \n";
        let mut json = serde_json::to_vec(&[said]).unwrap();
        json.splice(0..0, *b"x\xc2\x9b");
        clean_json(&mut json, 3);
        let json = String::from_utf8(json.split_off(3)).unwrap();
        assert_eq!(json, r#"["a\u009b31m \u202eb\u2028 Zwölf \n"]"#);
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [said]);
        assert_eq!(clean_text("a: b\n  ::error::x\n::y\u{1b}[0m\tz\n"), "a: b\n  : :error::x\n: :y [0m\tz\n");
    }
}
