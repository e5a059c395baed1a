//! Where a field of a TOML file stands: what is wrong with a value is found after its text was read.

/// The line, from 1, of the field at `path`, such as `dimensions[2].steps[0].divide`, as far as it can be told, in a file whose
/// lists of tables have headers of their own: of a field that is absent it is the line of what it would stand in.
pub(super) fn line_of_field(text: &str, path: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let ends =
        |from: usize| lines[from..].iter().position(|l| l.starts_with('[')).map_or(lines.len(), |n| from + n);
    let key_in = |from: usize, key: &str| {
        let is_key =
            |line: &&str| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
        lines[from..ends(from)].iter().position(is_key).map(|n| from + n + 1)
    };
    let name = |part: &str| part.split('[').next().unwrap_or(part).to_owned();
    let Some((list, number)) = first.strip_suffix(']').and_then(|first| first.split_once('[')) else {
        return key_in(0, &name(first));
    };
    let header = format!("[[{list}]]");
    let mut headers = lines.iter().enumerate().filter(|(_, line)| line.trim_end().starts_with(&header));
    let from = headers.nth(number.parse().ok()?).map(|(at, _)| at);
    match from {
        Some(from) => key_in(from + 1, &name(rest.split('.').next().unwrap_or(""))).or(Some(from + 1)),
        None => key_in(0, list),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_where_they_stand() {
        let text = "name = \"a\"\n[[inputs]]\nname = \"x\"\n\n[[inputs]]\n  name = \"y\"\n  steps = [1, 2]\n[[outcomes]]\nname = \"z\"\n";
        for (path, line) in [
            ("name", Some(1)),
            ("inputs[0].name", Some(3)),
            ("inputs[1].name", Some(6)),
            ("inputs[1].steps[1].divide", Some(7)),
            ("inputs[1].unit", Some(5)),
            ("outcomes[0].name", Some(9)),
            ("outcomes[1].name", None),
            ("unit", None),
            ("]", None),
            ("", None),
        ] {
            assert_eq!(line_of_field(text, path), line, "{path}");
        }
        assert_eq!(line_of_field(text, "inputs"), None);
        assert_eq!(line_of_field("inputs = [\n{ name = 1 }]", "inputs[3].name"), Some(1));
    }
}
