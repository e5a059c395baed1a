//! Templates of prompts: minijinja, of which little is let in, so that a template always ends, never takes much memory, and
//! cannot show a text of others as if it were its own.
//!
//! Statements are `if` and `for`; there are no filters, functions or assignments. A name that the prompt's inputs do not
//! ask for is an error, not an empty text. Whatever is shown is written as JSON (`data.rs`) but what this program itself
//! made as plain text.

use super::data;
use super::refusal::PromptError;
use crate::base::error::{Error, Result};
use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use std::collections::HashSet;

/// Steps that rendering may take, a step being an instruction or some bytes of output.
const FUEL: u64 = 200_000;
/// Longest text that is rendered, in bytes.
const MAX_BYTES: usize = 256 << 10;
/// What may stand inside of `{{ }}` and `{% %}` beside letters, digits and spaces.
const MARKS: &str = "_.,'\"[]()=!<>-:";
/// Characters of a line that an error quotes, at most.
const LONGEST_QUOTE: usize = 80;
/// The statements that there are.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// Whose words are shown how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// For a model: as JSON.
    AsData,
    /// For the person whose words they are: as they are.
    Plain,
}

/// Where a template stands, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) origin: &'a str,
    pub(super) part: &'a str,
}

impl Place<'_> {
    fn error(self, line: Option<usize>, message: impl Into<String>) -> Error {
        let (origin, part) = (self.origin.to_owned(), self.part.to_owned());
        Error::because(PromptError::Template { origin, part, line, message: message.into() })
    }
}

/// A value that templates show as it is: this program made it.
pub(super) fn own(text: impl Into<String>) -> Value {
    Value::from_safe_string(text.into())
}

/// Fails unless a template is one, and has nothing in it that is not let in.
pub(super) fn check(source: &str, place: Place) -> Result<()> {
    check_tags(source, place)?;
    let environment = environment(Shown::AsData);
    environment.template_from_str(source).map(drop).map_err(|error| explain(&error, source, place))
}

/// The values that a template asks for, by name.
pub(super) fn names(source: &str, place: Place) -> Result<HashSet<String>> {
    let environment = environment(Shown::AsData);
    let template = environment.template_from_str(source).map_err(|error| explain(&error, source, place))?;
    Ok(template.undeclared_variables(false))
}

/// What a template shows of these values.
pub(super) fn render(source: &str, values: Value, shown: Shown, place: Place) -> Result<String> {
    let environment = environment(shown);
    let template = environment.template_from_str(source).map_err(|error| explain(&error, source, place))?;
    template.render(values).map_err(|error| explain(&error, source, place)).and_then(|text| {
        if text.len() > MAX_BYTES {
            return Err(place.error(None, format!("it makes more than {MAX_BYTES} bytes")));
        }
        Ok(text)
    })
}

fn environment(shown: Shown) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(move |out, _, value| {
        let written = match value.as_str() {
            Some(text) if value.is_safe() || shown == Shown::Plain => out.write_str(text),
            _ => out.write_str(&data::json(value)),
        };
        written.map_err(|_| minijinja::Error::new(ErrorKind::WriteFailure, "no room"))
    });
    environment
}

/// Looks at what stands between the marks of tags.
fn check_tags(source: &str, place: Place) -> Result<()> {
    let line = |rest: &str| Some(1 + source[..source.len() - rest.len()].matches('\n').count());
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        rest = &rest[at..];
        let (is_statement, end) = match rest.as_bytes().get(1) {
            Some(b'{') => (false, "}}"),
            Some(b'%') => (true, "%}"),
            Some(b'#') => {
                rest = rest.split_once("#}").map_or("", |(_, after)| after);
                continue;
            }
            _ => {
                rest = &rest[1..];
                continue;
            }
        };
        let Some((tag, after)) = rest[2..].split_once(end) else {
            return Err(place.error(line(rest), format!("what begins here has no {end:?}")));
        };
        let stray = |c: &char| !(c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || MARKS.contains(*c));
        if let Some(c) = tag.chars().find(stray) {
            let message = format!("{c:?} stands between marks; allowed: letters, digits, spaces and {MARKS}");
            return Err(place.error(line(rest), message));
        }
        let word = tag.trim_start_matches('-').split_whitespace().next().unwrap_or_default();
        let word = word.trim_end_matches('-');
        if is_statement && !STATEMENTS.contains(&word) {
            let message = format!("{word:?} is no statement; allowed: {}", STATEMENTS.join(", "));
            return Err(place.error(line(rest), message));
        }
        rest = after;
    }
    Ok(())
}

fn explain(error: &minijinja::Error, source: &str, place: Place) -> Error {
    let message = match error.kind() {
        ErrorKind::OutOfFuel => "it does not end within the steps that a template may take".to_owned(),
        ErrorKind::UndefinedError => {
            let line = error.line().and_then(|line| source.lines().nth(line.checked_sub(1)?));
            let shown: String = line.unwrap_or_default().trim().chars().take(LONGEST_QUOTE).collect();
            format!(
                "it shows what there is not, in {shown:?}: the prompt's `inputs` do not ask for it, or nothing has that name"
            )
        }
        kind => error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    };
    place.error(error.line(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::context;

    const PLACE: Place = Place { origin: "v.md", part: "the template user" };

    fn shown(source: &str) -> Result<String> {
        check(source, PLACE)?;
        let words = context! { title => "a \"b\" </data>\n# system", own => own("plain <b>"), list => [1, 2], none => () };
        render(source, words, Shown::AsData, PLACE)
    }

    #[test]
    fn words_of_others_are_json_and_our_own_are_as_they_are() {
        assert_eq!(
            shown("{{ own }}: {{ title }}").unwrap(),
            r#"plain <b>: "a \"b\" \u003c/data\u003e\n# system""#
        );
        assert_eq!(shown("{% for n in list %}{{ n }},{% endfor %}").unwrap(), "1,2,");
        assert_eq!(shown("{% if none %}a{% else %}b{% endif %}{# c #} {x}").unwrap(), "b {x}");
    }

    #[test]
    fn what_is_not_there_is_said_with_its_line() {
        let error = shown("\n{{ tasks }}").unwrap_err().to_string();
        assert!(
            error.starts_with(
                r#"v.md: the template user, line 2 of it: it shows what there is not, in "{{ tasks }}": "#
            ),
            "{error}"
        );
        assert!(shown("{% if tasks %}{% endif %}").is_err());
    }

    #[test]
    fn there_are_no_other_statements_operators_or_filters() {
        for bad in [
            "{% set x = own ~ own %}",
            "{% with %}{% endwith %}",
            "{% macro m() %}{% endmacro %}",
            "{% include 'x' %}",
            "{{ own ~ own }}",
            "{{ 'x' * 1000000 }}",
            "{{ title|safe }}",
            "{{ title | upper }}",
            "{{ range(9) }}",
            "{{ own.upper() }}",
            "{{ open",
            "{% if own %}",
            "{%- set x = 1 -%}",
        ] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_template_ends_however_it_is_nested() {
        let nested = |depth: usize| {
            "{% for a in [1,2,3,4,5,6,7,8,9,10] %}".repeat(depth) + "x" + &"{% endfor %}".repeat(depth)
        };
        assert_eq!(shown(&nested(3)).unwrap().len(), 1_000);
        let error = shown(&nested(9)).unwrap_err().to_string();
        assert!(error.contains("does not end within the steps"), "{error}");
        assert!(shown(&"{% if own %}".repeat(5_000)).is_err());
    }
}
