//! Progress bars: on stderr, and only where that is a terminal.

use super::display;
use indicatif::{ProgressBar, ProgressStyle};

fn bar(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("a fixed template");
    if display::is_quiet() {
        return ProgressBar::hidden();
    }
    ProgressBar::new(0).with_style(style.progress_chars("=> "))
}

/// A bar over criteria that have been established.
pub(super) fn criteria() -> ProgressBar {
    bar("{bar:30} {pos} of {len} criteria hold{msg}, {elapsed}")
}

/// A bar over decisions, with their rate and the time left.
pub(super) fn decisions(count: u64) -> ProgressBar {
    let bar = bar("{bar:30} {human_pos} of {human_len} decisions, {per_sec}, {eta} left {msg}");
    bar.set_length(count);
    bar
}

/// A bar over gate runs.
pub(super) fn runs(count: u64) -> ProgressBar {
    let bar = bar("{bar:30} {human_pos} of {human_len} runs, {eta} left");
    bar.set_length(count);
    bar
}
