//! Moments as a person's clock shows them.

use crate::base::error::Fault;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What a time of others may be.
const TIMES: &str = "2026-11-30T08:30:00Z, 2026-11-30T09:30:00+01:00, 2026-11-30T09:30 in the user's zone, or a day, 2026-11-30";
/// Years that are taken.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=9000;
const HOUR_SECONDS: f64 = 3_600.0;

/// A moment, and whether only its day was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct When {
    /// The moment; of a day, the one at which it begins.
    pub(super) at: Timestamp,
    /// Whether it is a day.
    pub(super) is_day: bool,
}

/// The zone of that name.
pub(super) fn zone(field: &str, name: &str) -> Result<TimeZone, Fault> {
    let named = TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some());
    named.ok_or_else(|| {
        Fault::new(field, format!("{name:?}"), "a name of the IANA time zone database, such as Europe/Berlin")
    })
}

/// A moment that says where in the world it is, or is by the user's clock.
pub(super) fn parse(field: &str, text: &str, zone: &TimeZone) -> Result<When, Fault> {
    let of = |civil: DateTime, is_day: bool| zone.to_timestamp(civil).ok().map(|at| When { at, is_day });
    let exact = text.parse::<Timestamp>().ok().map(|at| When { at, is_day: false });
    // A day first: it would pass for its midnight.
    let day = || (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
    let parsed = exact
        .or_else(|| day().and_then(|day| of(day.at(0, 0, 0, 0), true)))
        .or_else(|| text.parse::<DateTime>().ok().and_then(|civil| of(civil, false)));
    parsed
        .filter(|when| YEARS.contains(&zone.to_datetime(when.at).year()))
        .ok_or_else(|| Fault::new(field, format!("{text:?}"), TIMES))
}

/// `2026-11-30`.
pub(super) fn day(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).date().to_string()
}

/// `09:30`.
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    let civil = zone.to_datetime(at);
    format!("{:02}:{:02}", civil.hour(), civil.minute())
}

/// `2026-11-30 09:30`, or the day alone.
pub(super) fn shown(when: When, zone: &TimeZone) -> String {
    let day = day(when.at, zone);
    if when.is_day { day } else { format!("{day} {}", clock(when.at, zone)) }
}

/// The day of the week in English, and its number from Monday, 0.
pub(super) fn weekday(at: Timestamp, zone: &TimeZone) -> (&'static str, u8) {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let number = zone.to_datetime(at).weekday().to_monday_zero_offset();
    (NAMES[number as usize], number as u8)
}

/// The hour of the day with its fraction, in [0, 24).
pub(super) fn hour(at: Timestamp, zone: &TimeZone) -> f64 {
    let civil = zone.to_datetime(at);
    f64::from(civil.hour()) + (f64::from(civil.minute()) * 60.0 + f64::from(civil.second())) / HOUR_SECONDS
}

/// Days from one moment to another, to a hundredth.
pub(super) fn days_between(from: Timestamp, to: Timestamp) -> f64 {
    let seconds = to.duration_since(from).as_secs_f64();
    (seconds / (24.0 * HOUR_SECONDS) * 100.0).round() / 100.0
}

/// The moment so many hours later.
pub(super) fn hours_later(at: Timestamp, hours: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

/// The moment of so many milliseconds since 1970.
pub(super) fn of_millis(millis: u64) -> Option<Timestamp> {
    i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_by_the_users_clock() {
        let zone = |name: &str| super::zone("timezone", name).unwrap();
        let at = |text: &str| parse("now", text, &zone("Europe/Berlin")).unwrap();
        assert_eq!(shown(at("2026-11-30T08:30:00Z"), &zone("Europe/Berlin")), "2026-11-30 09:30");
        assert_eq!(shown(at("2026-11-30T08:30:00Z"), &zone("Asia/Kathmandu")), "2026-11-30 14:15");
        assert_eq!(shown(at("2026-07-01T23:30:00Z"), &zone("Europe/Berlin")), "2026-07-02 01:30");
        assert_eq!(at("2026-11-30T09:30"), at("2026-11-30T09:30:00+01:00"));
        assert_eq!(shown(at("2026-11-30"), &zone("Europe/Berlin")), "2026-11-30");
        assert_eq!(weekday(at("2026-11-30T23:59:59Z").at, &zone("Europe/Berlin")), ("Tuesday", 1));
        assert_eq!(hour(at("2026-11-30T08:30:00Z").at, &zone("Europe/Berlin")), 9.5);
        // An hour that the clock skips is the one after it.
        assert_eq!(at("2026-03-29T02:30"), at("2026-03-29T01:30:00Z"));
    }

    #[test]
    fn what_is_no_moment_or_zone_is_told_what_is() {
        let berlin = zone("timezone", "Europe/Berlin").unwrap();
        for bad in
            ["", "tomorrow", "2026-13-01", "1960-01-01", "9999-12-31T23:59:59Z", "09:30", "2026-11-30T25:00"]
        {
            let fault = parse("due", bad, &berlin).unwrap_err();
            assert!(fault.to_string().contains("in the user's zone"), "{bad}: {fault}");
        }
        for bad in ["", "Berlin", "../etc/passwd", "+01:00", "Europe/Berlin\0"] {
            assert!(zone("timezone", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_between_have_their_sign() {
        let berlin = zone("timezone", "Europe/Berlin").unwrap();
        let at = |text: &str| parse("x", text, &berlin).unwrap().at;
        assert_eq!(days_between(at("2026-11-30T12:00"), at("2026-12-01T18:00")), 1.25);
        assert_eq!(days_between(at("2026-11-30T12:00"), at("2026-11-29T00:00")), -1.5);
    }
}
