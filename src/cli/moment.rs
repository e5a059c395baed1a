//! A moment on the command line: a date, a time, or an age.

use jiff::civil::Date;
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
        let day = |date: Date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
        let age = |span: Span| {
            let age = span.to_duration(SpanRelativeTo::days_are_24_hours())?;
            Timestamp::now().checked_sub(age)
        };
        let parsed = text
            .parse::<Timestamp>()
            .or_else(|_| text.parse::<Date>().and_then(day))
            .or_else(|_| text.parse::<Span>().and_then(age));
        let millis = parsed.ok().and_then(|moment| u64::try_from(moment.as_millisecond()).ok());
        millis.map(Self).ok_or_else(|| {
            "a date (2026-11-30, which begins at midnight UTC), a time (2026-11-30T08:00Z) or an age (90d, 12h) since 1970"
                .to_owned()
        })
    }
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
        let (now, day) = (Timestamp::now().as_millisecond() as u64, millis("1d").unwrap());
        assert!((now - 86_400_000).abs_diff(day) < 60_000);
        for bad in ["", "yesterday", "1969-12-31", "2026-02-30", "24/11/2019", "-"] {
            assert!(millis(bad).is_err(), "{bad}");
        }
    }
}
