//! Every format of verdicts.

use super::format::VerdictFormat;
use super::json::Json;
use super::junit::Junit;
use super::markdown::Markdown;
use super::pages::Html;
use super::text::PlainText;

/// Every format, in the order in which a folder of results lists them.
///
/// ```
/// let names: Vec<&str> = rehearsal::report::verdict_formats().iter().map(|f| f.file_name()).collect();
/// assert_eq!(names, ["verdict.json", "verdict.txt", "verdict.md", "junit.xml", "report.html"]);
/// ```
pub fn verdict_formats() -> Vec<Box<dyn VerdictFormat>> {
    vec![Box::new(Json), Box::new(PlainText), Box::new(Markdown), Box::new(Junit), Box::new(Html)]
}
