//! The domains, feature sets, personas, scenarios and prompts that are built into the program: `(file name without its
//! ending, text)`, sorted.

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The text of one shipped file.
pub(crate) fn text(files: &[(&str, &'static str)], stem: &str) -> Option<&'static str> {
    files.iter().find(|(s, _)| *s == stem).map(|(_, text)| *text)
}
