//! A moment on the command line: a date, a time, or an age.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp};
use std::str::FromStr;

/// A moment, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(u64);

impl Moment {
    /// Milliseconds since 1970.
    pub(super) fn millis(self) -> u64 {
        self.0
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A date alone is its midnight.
        let civil = |civil: DateTime| TimeZone::UTC.to_timestamp(civil).ok();
        let parsed = text
            .parse::<Timestamp>()
            .ok()
            // The name of a zone behind it would be passed over.
            .or_else(|| text.parse().ok().filter(|_| !text.contains('[')).and_then(civil))
            .or_else(|| past(text));
        let millis = parsed.and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
        millis.map(Self).ok_or_else(|| {
            "a date from 1970 on (2026-11-30, which begins at midnight UTC), a time (2026-11-30T08:00Z; without a zone it is UTC) \
             or an age (90d, 12h, 90 days ago)"
                .to_owned()
        })
    }
}

/// The moment that long ago, whether or not the age says "ago": no age lies in the future.
fn past(text: &str) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    // Both "ago" and a minus make a span negative, and what a minus means before an age nobody can say.
    if span.is_negative() && !text.trim_end().ends_with("ago") {
        return None;
    }
    let age = span.abs().to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Timestamp::now().checked_sub(age).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_times_and_ages_are_moments() {
        let millis = |text: &str| text.parse::<Moment>().map(Moment::millis);
        assert_eq!(millis("1970-01-02"), Ok(86_400_000));
        assert_eq!(millis("1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(millis("1970-01-01T01:00:00.5+01:00"), Ok(500));
        for without_zone in ["1970-01-01T23:59", "1970-01-01 23:59:00", "1970-01-01T23:59Z"] {
            assert_eq!(millis(without_zone), Ok(86_340_000), "{without_zone}");
        }
        let (now, day) = (Timestamp::now().as_millisecond() as u64, millis("1d").unwrap());
        assert!((now - 86_400_000).abs_diff(day) < 60_000);
        for age in ["1 day", "1 day ago", "24h ago", "P1D"] {
            assert!(day.abs_diff(millis(age).unwrap()) < 60_000, "{age}");
        }
        for bad in [
            "1970-01-02T01:00[Europe/Berlin]",
            "-1d",
            "-P1D",
            "",
            "yesterday",
            "1969-12-31",
            "2026-02-30",
            "24/11/2019",
            "-",
        ] {
            assert!(millis(bad).is_err(), "{bad}");
        }
    }
}
