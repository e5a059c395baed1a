//! Workflow commands that GitHub Actions shows beside a run: one for each warning of a verdict, one for a verdict that is no
//! promotion, and one for each criterion that failed, as far as GitHub shows them.

use super::logged;
use super::words;
use crate::gate::{Ruling, Standing, Verdict};
use std::io::{self, Write};

/// GitHub keeps no more than ten errors and ten warnings of a step.
const MOST_PER_LEVEL: usize = 10;

/// Writes the annotations of `verdict`, one per line; of a promotion its warnings alone.
///
/// # Errors
/// Those of `out`.
pub fn write(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("{}: {}", words::decision(verdict), words::headline(verdict));
    for warning in verdict.warnings.iter().take(MOST_PER_LEVEL) {
        command(out, "warning", &title, &format!("{warning} ({})", words::subject_line(verdict)))?;
    }
    if verdict.verdict == Ruling::Promote {
        return Ok(());
    }
    let (why, next) = (&verdict.reason, words::next(verdict));
    command(out, "error", &title, &format!("{why}; next: {next} ({})", words::subject_line(verdict)))?;
    let warnings_left = MOST_PER_LEVEL.saturating_sub(verdict.warnings.len());
    for (level, wanted, most) in
        [("error", Standing::Fails, MOST_PER_LEVEL - 1), ("warning", Standing::Open, warnings_left)]
    {
        let criteria = verdict.criteria.iter().filter(|c| words::is_missing(c));
        let criteria = criteria.filter(|c| c.standing == wanted);
        for c in criteria.take(most) {
            let message = format!(
                "difference {} in {}, needs {}; evidence {} of {} after {} users",
                words::signed(c.estimate),
                words::interval(c.lower, c.upper),
                words::claim(c),
                words::e_value(c.e_value),
                (1.0 / verdict.alpha).ceil(),
                c.users
            );
            command(out, level, &format!("{} {}", c.id, wanted.name()), &message)?;
        }
    }
    for log in verdict.logs.iter().filter(|log| log.is_missing()) {
        let level = if log.harms { "error" } else { "warning" };
        command(out, level, &format!("{} {}", log.id, logged::standing(log)), &logged::summary(log))?;
    }
    Ok(())
}

fn command(out: &mut dyn Write, level: &str, title: &str, message: &str) -> io::Result<()> {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    writeln!(out, "::{level} title={title}::{}", data(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_the_command_or_begins_another() {
        let mut out = Vec::new();
        command(&mut out, "error", "a:b,c\n::d", "100%\r\n::error::x").unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "::error title=a%3Ab%2Cc%0A%3A%3Ad::100%25%0D%0A::error::x\n");
    }
}
