//! The pieces that pages are made of: whatever stands on one is written here, escaped, for a screen and for a phone.

use super::charts::{Hue, Width};
use super::page;
use super::xml::{attribute, escape};
use std::fmt::Write;

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Page {
    out: String,
    /// Headings so far, for links to them.
    sections: Vec<String>,
    /// Where the links are to stand.
    contents_at: usize,
    /// Whether sections are parts of another one.
    nested: bool,
}

/// What a figure says, in large.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tile {
    /// What it is of.
    pub(super) name: String,
    /// The figure.
    pub(super) value: String,
    /// What it means, and whether that is better, worse, or neither.
    pub(super) note: (String, Option<bool>),
}

/// One cell of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    class: &'static str,
    /// Whether it may stand on several lines.
    wraps: bool,
}

impl Cell {
    /// A cell in a colour: the class of one of the words of the style sheet.
    pub(super) fn of_class(text: impl Into<String>, class: &'static str) -> Self {
        Self { text: text.into(), class, wraps: false }
    }

    /// The same on several lines, where one has no room.
    pub(super) fn wrapping(self) -> Self {
        Self { wraps: true, ..self }
    }

    /// A cell that is for the better, for the worse, or neither.
    pub(super) fn of_change(text: impl Into<String>, is_better: Option<bool>) -> Self {
        Self::of_class(text, change_class(is_better))
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), class: "", wraps: false }
    }
}

/// The class of what is better, worse, or neither.
fn change_class(is_better: Option<bool>) -> &'static str {
    match is_better {
        Some(true) => "better",
        Some(false) => "worse",
        None => "",
    }
}

/// The class of a standing of the gate, or of a log.
pub(super) fn word_class(word: &str) -> &'static str {
    match word {
        "holds" => "word-holds",
        "fails" => "word-fails",
        "open" => "word-open",
        _ => "word-unseen",
    }
}

impl Page {
    /// A page with its title, and nothing on it.
    pub(super) fn new(title: &str) -> Self {
        Self { out: page::begin(title), sections: Vec::new(), contents_at: 0, nested: false }
    }

    /// The whole page.
    pub(super) fn finish(mut self) -> String {
        if self.contents_at > 0 && self.sections.len() > 2 {
            let mut links = "<nav aria-label=\"On this page\"><ul>".to_owned();
            for (i, name) in self.sections.iter().enumerate() {
                let _ = write!(links, "<li><a href=\"#section-{}\">{}</a></li>", i + 1, escape(name));
            }
            links.push_str("</ul></nav>\n");
            self.out.insert_str(self.contents_at, &links);
        }
        self.out.push_str(page::END);
        self.out
    }

    /// The first thing that is seen: a word in a colour (`promote`, `reject`, `inconclusive` or `plain`), a sentence, and what
    /// it is about.
    pub(super) fn head(&mut self, (class, word): (&str, &str), title: &str, note: &str) {
        let _ = writeln!(self.out, "<div class=\"badge {class}\">{}</div>", escape(word));
        let _ = writeln!(self.out, "<h1>{}</h1>", escape(title));
        if !note.is_empty() {
            self.note(note);
        }
    }

    /// Here stand links to the sections.
    pub(super) fn contents(&mut self) {
        self.contents_at = self.out.len();
    }

    /// What is a section elsewhere is a part of the present one here.
    pub(super) fn nested(&mut self, inside: impl FnOnce(&mut Self)) {
        self.nested = true;
        inside(self);
        self.nested = false;
    }

    /// A section begins.
    pub(super) fn section(&mut self, name: &str) {
        if self.nested {
            let _ = writeln!(self.out, "<h3>{}</h3>", escape(name));
            return;
        }
        self.sections.push(name.to_owned());
        let _ = writeln!(self.out, "<h2 id=\"section-{}\">{}</h2>", self.sections.len(), escape(name));
    }

    /// A part of a section begins.
    pub(super) fn part(&mut self, name: &str) {
        let level = if self.nested { 4 } else { 3 };
        let _ = writeln!(self.out, "<h{level}>{}</h{level}>", escape(name));
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        let _ = writeln!(self.out, "<p>{}</p>", escape(text));
    }

    /// A paragraph that one may pass over.
    pub(super) fn note(&mut self, text: &str) {
        let _ = writeln!(self.out, "<p class=\"note\">{}</p>", escape(text));
    }

    /// Terms and what is said of each, on a card of their own.
    pub(super) fn answers(&mut self, entries: &[(&str, String)]) {
        self.list("answers", entries);
    }

    /// Terms and what is said of each.
    pub(super) fn definitions(&mut self, entries: &[(&str, String)]) {
        self.list("", entries);
    }

    fn list(&mut self, class: &str, entries: &[(&str, String)]) {
        if entries.is_empty() {
            return;
        }
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = writeln!(self.out, "<dl{class}>");
        for (term, text) in entries {
            let _ = writeln!(self.out, "<dt>{}</dt><dd>{}</dd>", escape(term), escape(text));
        }
        self.out.push_str("</dl>\n");
    }

    /// Figures in large, side by side.
    pub(super) fn tiles(&mut self, tiles: &[Tile]) {
        if tiles.is_empty() {
            return;
        }
        self.out.push_str("<dl class=\"tiles\">\n");
        for Tile { name, value, note: (note, is_better) } in tiles {
            let _ =
                write!(self.out, "<div><dt>{}</dt><dd class=\"figure\">{}</dd>", escape(name), escape(value));
            if !note.is_empty() {
                let class = change_class(*is_better);
                let _ = write!(
                    self.out,
                    "<dd class=\"{}\">{}</dd>",
                    format!("small {class}").trim(),
                    escape(note)
                );
            }
            self.out.push_str("</div>\n");
        }
        self.out.push_str("</dl>\n");
    }

    /// What the colours of a chart stand for.
    pub(super) fn legend<'a>(&mut self, entries: impl IntoIterator<Item = (Hue, &'a str)>) {
        self.out.push_str("<ul class=\"legend\">\n");
        for (hue, name) in entries {
            let _ = writeln!(self.out, "<li style=\"--hue:var(--{})\">{}</li>", hue.name, escape(name));
        }
        self.out.push_str("</ul>\n");
    }

    /// One chart, drawn for a screen and for a phone; the style sheet shows one of both.
    pub(super) fn chart(&mut self, draw: impl Fn(Width) -> String) {
        let _ = writeln!(self.out, "<div class=\"wide\">{}</div>", draw(Width::Wide));
        let _ = writeln!(self.out, "<div class=\"narrow\">{}</div>", draw(Width::Narrow));
    }

    /// A table, of which the first `names` columns are text. On a phone a row of more than three columns stands as a list, each
    /// figure with the name of its column.
    pub(super) fn table(
        &mut self,
        columns: &[&str],
        names: usize,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) {
        let rows: Vec<Vec<Cell>> = rows.into_iter().collect();
        let class = if columns.len() > 3 { " class=\"cards\"" } else { "" };
        let _ = write!(self.out, "<div class=\"scroll\"><table{class}><thead>\n<tr>");
        let name = |i: usize| if i < names { "name" } else { "" };
        for (i, column) in columns.iter().enumerate() {
            // An empty head would be one that nobody can read.
            let shown = if column.is_empty() {
                "<span class=\"unseen\">standing</span>".to_owned()
            } else {
                escape(column)
            };
            let is_text = rows.first().and_then(|row| row.get(i)).is_some_and(|cell| cell.class == "text");
            let class = class_of(if is_text { "text" } else { name(i) });
            let _ = write!(self.out, "<th scope=\"col\"{class}>{shown}</th>");
        }
        self.out.push_str("</tr></thead><tbody>\n");
        for row in rows {
            self.out.push_str("<tr>");
            for (i, cell) in row.iter().enumerate() {
                let class = format!("{} {}{}", name(i), cell.class, if cell.wraps { " wraps" } else { "" });
                let column = columns.get(i).copied().unwrap_or_default();
                let label = if i < names || column.is_empty() {
                    String::new()
                } else {
                    format!(" data-label=\"{}\"", attribute(column))
                };
                let _ = write!(self.out, "<td{}{label}>{}</td>", class_of(class.trim()), escape(&cell.text));
            }
            self.out.push_str("</tr>\n");
        }
        self.out.push_str("</tbody></table></div>\n");
    }

    /// What opens on demand.
    pub(super) fn details(&mut self, summary: &str, inside: impl FnOnce(&mut Self)) {
        let _ = writeln!(self.out, "<details><summary>{}</summary>", escape(summary));
        inside(self);
        self.out.push_str("</details>\n");
    }

    /// Text as it stands: a command, or a file.
    pub(super) fn code(&mut self, text: &str) {
        let _ = writeln!(self.out, "<pre>{}</pre>", escape(text));
    }

    /// What the page rests on: what makes it again, and the version.
    pub(super) fn origin(&mut self, command: &str, entries: &[(&str, String)]) {
        self.section("What it rests on");
        self.definitions(entries);
        self.text("To get these figures again:");
        self.code(command);
    }
}

/// The attribute of a class, unless that is empty.
fn class_of(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_page_is_well_formed_whatever_stands_on_it(text in "\\PC*[<>&\"'\n\u{1}]*") {
            let mut page = Page::new(&text);
            page.head(("plain", &text), &text, &text);
            page.contents();
            for _ in 0..3 {
                page.section(&text);
            }
            page.answers(&[("Why", text.clone())]);
            page.tiles(&[Tile { name: text.clone(), value: text.clone(), note: (text.clone(), Some(true)) }]);
            page.table(&[&text, "", "a", &text], 1, [vec![Cell::from(text.as_str()), Cell::of_class(text.as_str(), "better")]]);
            page.details(&text, |page| page.code(&text));
            let page = page.finish();
            let xml = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
            prop_assert!(roxmltree::Document::parse(xml).is_ok());
        }
    }
}
