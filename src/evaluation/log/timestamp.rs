//! Time stamps, as moments: the hour and the weekday that they say.

use crate::domain::request::Context;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Sakamoto's offsets of the months, of which those up to February belong to the year before.
const OFFSETS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];

/// Days of the months of a year that is no leap year.
const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A time stamp as JSON has it: a text or a number.
pub(super) struct TimeStamp(String);

impl TimeStamp {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for TimeStamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl Visitor<'_> for TextOrNumber {
            type Value = TimeStamp;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E>(self, text: &str) -> Result<TimeStamp, E> {
                Ok(TimeStamp(text.to_owned()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<TimeStamp, E> {
                Ok(TimeStamp(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<TimeStamp, E> {
                Ok(TimeStamp(number.to_string()))
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

/// What a time stamp says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stamp {
    /// Hour and weekday.
    Moment(Context),
    /// A day alone, of which nobody knows the hour.
    Day,
}

impl Stamp {
    /// The moment, if it says the hour.
    pub(super) fn context(self) -> Option<Context> {
        match self {
            Self::Moment(context) => Some(context),
            Self::Day => None,
        }
    }
}

/// The seconds since 1970 that a number may be, of the years from 1995 to 2099, or so many thousandths, millionths or
/// billionths of them. Other numbers count something else: seconds since 2001, microseconds since 1601, ticks since the year 1.
const SECONDS: std::ops::Range<f64> = 788_918_400.0..4_102_444_800.0;

/// The years that a date may have which is written in digits alone.
const YEARS: std::ops::RangeInclusive<u64> = 1900..=2099;

/// What a time stamp may be, with what is amiss with the number that stands there.
pub(super) fn allowed_moment(text: &[u8]) -> String {
    let hour = number_of(text).and_then(whole).filter(|number| in_digits(*number, 10).is_some());
    let amiss = hour.map_or("", |_| {
        "; what stands there may be an hour, as YYYYMMDDHH, or seconds since 1970, and nobody can tell which"
    });
    format!(
        "a date and time, as 2019-11-24 00:00:17 or 20191124000017, a date, as 2019-11-24, or seconds since 1970 (or \
         thousandths, millionths, billionths of them) of the years 1995 to 2099{amiss}"
    )
}

/// What a time stamp says: hour and weekday of `YYYY-MM-DD HH:MM[:SS[.S...]]` (or with a `T`), as written, whatever time
/// zone follows, and of `YYYYMMDDHHMM[SS]`; those of a number of seconds since 1970 in UTC, or of thousandths, millionths or
/// billionths of them; of `YYYY-MM-DD` or `YYYYMMDD` that it is a day. Years and months come first, or nobody could tell months
/// from days. `YYYYMMDDHH` is none: it may be seconds since 1970 too.
pub(super) fn moment(text: &[u8]) -> Option<Stamp> {
    if let Some(context) = written(text) {
        return Some(Stamp::Moment(context));
    }
    let midnight = |year: &[u8], month: &[u8], day: &[u8]| {
        written(&[year, b"-", month, b"-", day, b" 00:00"].concat()).map(|_| Stamp::Day)
    };
    match text {
        [y @ .., b'-' | b'/', m0, m1, b'-' | b'/', d0, d1] if y.len() == 4 => {
            return midnight(y, &[*m0, *m1], &[*d0, *d1]);
        }
        _ => {}
    }
    let number = number_of(text)?;
    if let Some(whole) = whole(number) {
        // None of the first three is as many seconds, or parts of them, as there may be; the last may be.
        let day = in_digits(whole, 8).map(|_| Stamp::Day);
        let moment = || in_digits(whole, 12).or_else(|| in_digits(whole, 14)).map(Stamp::Moment);
        if let Some(stamp) = day.or_else(moment) {
            return Some(stamp);
        }
        if in_digits(whole, 10).is_some() {
            return None;
        }
    }
    let seconds =
        [1.0, 1e3, 1e6, 1e9].map(|unit| number / unit).into_iter().find(|own| SECONDS.contains(own))?;
    let seconds = seconds.floor() as u64;
    // 1970 began on a Thursday.
    let weekday = ((seconds / 86_400 + 3) % 7) as u8;
    Some(Stamp::Moment(Context { hour: (seconds % 86_400) as f64 / 3600.0, weekday }))
}

fn number_of(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A whole number that may be written in fourteen digits.
fn whole(number: f64) -> Option<u64> {
    ((0.0..1e14).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

/// Hour and weekday that a number of so many digits spells, from its year to a day, an hour, a minute or a second.
fn in_digits(number: u64, digits: u32) -> Option<Context> {
    if number.checked_ilog10() != Some(digits - 1) {
        return None;
    }
    // What is not there is midnight, or the beginning of the hour or the minute.
    let number = number * 10_u64.pow(14 - digits);
    let part = |below: u32, size: u32| number / 10_u64.pow(below) % 10_u64.pow(size);
    let (year, month, day) = (number / 10_u64.pow(10), part(8, 2), part(6, 2));
    if !YEARS.contains(&year) {
        return None;
    }
    let (hour, minute, second) = (part(4, 2), part(2, 2), part(0, 2));
    written(format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}").as_bytes())
}

/// Hour and weekday of `YYYY-MM-DD HH:MM[:SS[.S...]]`.
fn written(text: &[u8]) -> Option<Context> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| 10 * n + u32::from(d - b'0')))
    };
    let separators = [(4, "-/"), (7, "-/"), (10, " T"), (13, ":")];
    if separators.iter().any(|(i, allowed)| text.get(*i).is_none_or(|c| !allowed.as_bytes().contains(c))) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute) = (number(11, 13)?, number(14, 16)?);
    let (second, rest) = if text.get(16) == Some(&b':') { (number(17, 19)?, 19) } else { (0, 16) };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if year == 0 || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = DAYS[month as usize - 1] + u32::from(leap && month == 2);
    if !(1..=days).contains(&day) || !is_rest(&text[rest..], rest == 19) {
        return None;
    }
    let y = year - u32::from(month < 3);
    let from_sunday = (y + y / 4 - y / 100 + y / 400 + OFFSETS[month as usize - 1] + day) % 7;
    let hour = f64::from(hour) + f64::from(minute) / 60.0 + f64::from(second.min(59)) / 3600.0;
    Some(Context { hour, weekday: ((from_sunday + 6) % 7) as u8 })
}

/// Hour and weekday of a moment in milliseconds since 1970, in the time zone that these are counted in; of the years that
/// dates have.
pub(super) fn moment_of_millis(millis: i128) -> Option<Context> {
    const DAY: i128 = 86_400_000;
    // The first day of year 1, and of year 10000.
    if !(-719_162 * DAY..2_932_897 * DAY).contains(&millis) {
        return None;
    }
    // 1970 began on a Thursday.
    let weekday = (millis.div_euclid(DAY) + 3).rem_euclid(7) as u8;
    let seconds = (millis.rem_euclid(DAY) / 1000) as u32;
    // Made as that of a text is: the same moment is the same number.
    let [hour, minute, second] = [seconds / 3600, seconds / 60 % 60, seconds % 60].map(f64::from);
    Some(Context { hour: hour + minute / 60.0 + second / 3600.0, weekday })
}

/// Whether this may follow a time: a part of a second after seconds, then a time zone, either or neither.
fn is_rest(text: &[u8], after_seconds: bool) -> bool {
    let zone = match text {
        [b'.' | b',', digits @ ..] if after_seconds => {
            let end = digits.iter().position(|d| !d.is_ascii_digit()).unwrap_or(digits.len());
            if end == 0 {
                return false;
            }
            &digits[end..]
        }
        _ => text,
    };
    let two = |digits: &[u8], most: u8| {
        digits.iter().all(u8::is_ascii_digit) && 10 * (digits[0] - b'0') + (digits[1] - b'0') <= most
    };
    match zone.strip_prefix(b" ").unwrap_or(zone) {
        b"" => zone.is_empty(),
        b"Z" | b"UTC" | b"GMT" => true,
        [b'+' | b'-', hours @ ..] if hours.len() == 2 => two(hours, 23),
        [b'+' | b'-', h, i, b':', minutes @ ..] | [b'+' | b'-', h, i, minutes @ ..] if minutes.len() == 2 => {
            two(&[*h, *i], 23) && two(minutes, 59)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Context> {
        moment(text.as_bytes()).and_then(Stamp::context)
    }

    #[test]
    fn epochs_are_moments_and_dates_are_days() {
        let expected = at("2019-11-24 00:00:17");
        for epoch in
            ["1574553617", "1574553617.0", "1574553617000", "1574553617000000", "1574553617000000000"]
        {
            assert_eq!(at(epoch), expected, "{epoch}");
        }
        assert_eq!(at("2019/11/24 00:00:17"), expected);
        for day in ["2019-11-24", "2019/11/24", "20191124", "20191124.0"] {
            assert_eq!(moment(day.as_bytes()), Some(Stamp::Day), "{day}");
        }
        for bad in
            ["24/11/2019", "2019-02-29", "20190229", "11-24-2019", "12345", "1e300", "-1574553617", "NaN"]
        {
            assert_eq!(moment(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn dates_in_digits_alone_are_what_they_spell_and_nothing_else_is_a_moment_of_1976_or_2609() {
        let expected = at("2019-11-24 10:11:12");
        assert_eq!(at("20191124101112"), expected);
        assert_eq!(at("20191124101112.0"), expected);
        assert_eq!(at("201911241011"), at("2019-11-24 10:11"));
        for (text, what) in [
            ("2019112410", "an hour, or seconds in 2033"),
            ("2019112410.0", "the same"),
            ("20191324", "no month"),
            ("20190229", "no day"),
            ("201911242411", "no hour"),
            ("20191124101161", "no second"),
            ("20191124101112000", "thousandths too"),
            ("637101798720000000", "ticks of .NET"),
            ("132190638720000000", "FILETIME of Windows"),
            ("13219063872000000", "microseconds of WebKit"),
            ("596286672", "seconds since 2001"),
            ("43793.42", "days of a spreadsheet"),
            ("788918399", "1994"),
            ("4102444800", "2100"),
        ] {
            assert_eq!(moment(text.as_bytes()), None, "{text}: {what}");
        }
        for (first, last) in [("788918400", "4102444799"), ("788918400000", "4102444799999")] {
            assert!(at(first).is_some() && at(last).is_some(), "{first}");
        }
        assert!(allowed_moment(b"2019112410").contains("YYYYMMDDHH"));
        assert!(!allowed_moment(b"637101798720000000").contains("YYYYMMDDHH"));
    }

    #[test]
    fn a_count_of_milliseconds_is_the_moment_that_a_text_says() {
        for (millis, text) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59"),
            (1_574_553_617_250, "2019-11-24 00:00:17"),
            (951_782_400_000 + 86_399_000, "2000-02-29 23:59:59"),
            (-719_162 * 86_400_000, "0001-01-01 00:00:00"),
            (2_932_897 * 86_400_000 - 1, "9999-12-31 23:59:59"),
        ] {
            assert_eq!(moment_of_millis(millis), moment(text.as_bytes()).and_then(Stamp::context), "{text}");
            assert!(moment_of_millis(millis).is_some(), "{text}");
        }
        for millis in [-719_162 * 86_400_000 - 1, 2_932_897 * 86_400_000, i128::MAX] {
            assert_eq!(moment_of_millis(millis), None);
        }
    }

    #[test]
    fn weekdays_are_those_of_the_calendar() {
        for (date, weekday) in [("2000-02-29", 1), ("1970-01-01", 3), ("2024-12-31", 1), ("1900-03-01", 3)] {
            assert_eq!(at(&format!("{date} 00:00:00")).unwrap().weekday, weekday, "{date}");
        }
        for rest in ["", ":17", ":17.5", ":17.004101+00:00", "Z", ":17 UTC", "+01", ":17 -0530"] {
            assert!(moment(format!("2019-11-24 00:00{rest}").as_bytes()).is_some(), "{rest}");
        }
        for bad in [
            "2019-13-01 00:00",
            "2019-11-24 24:00",
            "yesterday",
            "",
            // No such day.
            "2019-02-29 00:00",
            "1900-02-29 00:00",
            "2019-11-31 00:00",
            "2019-11-00 00:00",
            "0000-01-01 00:00",
            // Something after it.
            "2019-11-24 00:00x",
            "2019-11-24 00:00:",
            "2019-11-24 00:00:17.",
            "2019-11-24 00:00.5",
            "2019-11-24 00:00:17 ",
            "2019-11-24 00:00:17+1",
            "2019-11-24 00:00:17+24:00",
            "2019-11-24 00:00:17+01:60",
            "2019-11-24 00:00:17 or so",
        ] {
            assert_eq!(moment(bad.as_bytes()), None, "{bad}");
        }
    }
}
