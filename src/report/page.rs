//! What every HTML page begins and ends with: everything in the file, no script, nothing fetched.
//!
//! Pages are written so that they are XML too: any XML parser can check that they are well formed.

use super::charts;
use super::xml::escape;

/// The style of all pages; the colours come from [`charts::style`].
const STYLE: &str = include_str!("page.css");

/// What comes before the content.
pub(super) fn begin(title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n\
         <meta charset=\"utf-8\" />\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\" />\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
         <title>{}</title>\n<style>\n{}{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(title),
        charts::style()
    )
}

/// What comes after it.
pub(super) const END: &str = "</main>\n</body>\n</html>\n";
