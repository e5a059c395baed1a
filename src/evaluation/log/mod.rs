//! Logs that others wrote, line by line.

mod compressed;
mod csv;
mod described;
mod distinct;
mod dsjson;
mod dsjson_line;
mod fields;
mod lines;
mod open;
mod places;
mod reactions;
mod rehearsal;
mod rewards;

mod vw;

pub use csv::{Columns, NO_COLUMN};
pub use open::{Format, Logs};
pub use reactions::{Reacted, ReactionLog};

use super::row::{Interner, Row};
use super::unit;
use crate::base::error::{Error, Fault, Result};
use crate::domain::request::Context;
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::io;

/// What a log names.
#[derive(Debug, Clone, Default)]
pub struct LogVocabulary {
    /// Items: what can be chosen.
    pub items: Interner,
    /// Kinds of items.
    pub kinds: Interner,
    /// Users; none where [`Self::forgets_users`].
    pub users: Interner,
    /// Whether no policy under test learns of each user apart, so that it is enough to know whose decisions
    /// belong together.
    pub forgets_users: bool,
    /// Actions without a tag that are told apart, so far.
    untagged: usize,
}

/// Actions without a tag that are told apart, at most, so that memory is flat in their texts.
const MAX_UNTAGGED: usize = 1 << 16;
/// The longest text by which such an action is known; longer ones are by their digest.
const MAX_TEXT: usize = 256;

impl LogVocabulary {
    /// The number of an action that is known by all that it says of itself, and whether it is one of its own:
    /// beyond [`MAX_UNTAGGED`] new ones are taken as one.
    fn untagged(&mut self, text: &[u8]) -> (u32, bool) {
        let digest;
        let name = if text.len() <= MAX_TEXT {
            text
        } else {
            let bytes = Sha256::digest(text).first_chunk().copied().expect("a digest has 32 bytes");
            digest = format!("{:032x}", u128::from_be_bytes(bytes));
            digest.as_bytes()
        };
        if let Some(number) = self.items.find(name) {
            return (number, true);
        }
        if self.untagged == MAX_UNTAGGED {
            return (self.items.number(b"(other actions)"), false);
        }
        self.untagged += 1;
        (self.items.number(name), true)
    }

    /// How much is named so far.
    fn mark(&self) -> Mark {
        Mark { items: self.items.len(), kinds: self.kinds.len(), untagged: self.untagged }
    }

    /// Takes back what was named since `mark`, by a decision that is passed over: what a log could choose is told by the
    /// decisions that count.
    fn take_back(&mut self, mark: Mark) {
        self.items.truncate(mark.items);
        self.kinds.truncate(mark.kinds);
        self.untagged = mark.untagged;
    }

    /// Makes `row` a decision of this user.
    pub fn of_user(&mut self, name: &[u8], row: &mut Row) {
        row.user = if self.forgets_users { 0 } else { self.users.number(name) };
        row.unit = Some(unit::group(name));
    }
}

/// Numbers of items and kinds, and of items without a tag, at some moment.
#[derive(Clone, Copy)]
struct Mark {
    items: usize,
    kinds: usize,
    untagged: usize,
}

/// Reads logged decisions, one after the other.
pub trait LogReader {
    /// Reads the next decision into `row`, numbering what it names; false at the end of the log.
    ///
    /// # Errors
    /// A line that is not as the format wants it, with file, line and column.
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool>;

    /// What errors call the log.
    fn origin(&self) -> &str;

    /// Where the decision ends that was read last: file and line.
    fn place(&self) -> String {
        self.origin().to_owned()
    }

    /// What deserves attention once the log is read, such as decisions without a reward.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// What is good to know once the log is read.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Keys of the decisions that were read, here and in logs before, sorted; none where decisions have no ids. They
    /// are handed over once.
    fn take_keys(&mut self) -> Vec<[u64; 2]> {
        Vec::new()
    }
}

/// What to say of a log with more actions without a tag than are told apart.
fn untagged_remark(origin: &str, others: u64) -> Option<String> {
    (others > 0).then(|| {
        format!(
            "{origin}: more than {MAX_UNTAGGED} distinct actions have no tag; {others} of them were taken as one, \
             which item means and models by action suffer from; tag actions"
        )
    })
}

/// Whether an item is among the candidates so far.
fn is_listed(row: &Row, item: u32) -> bool {
    row.listed.iter().any(|listed| listed.item == item)
}

/// A place in a log: file, line and column, both from 1.
fn place(origin: &str, line: u64, column: usize) -> String {
    format!("{origin}, line {line}, column {column}")
}

/// A line that the format does not allow.
fn malformed(place: String, message: impl Display) -> Error {
    Error::Malformed { origin: place, message: message.to_string() }
}

/// A log that ends amid a line because what comes next cannot be read.
fn unreadable(origin: &str, line: u64, column: usize, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("read", origin)(error);
    }
    malformed(place(origin, line, column), format!("the compressed data cannot be read on: {error}"))
}

/// `propensity` if it is a probability that something chosen can have had.
fn checked_propensity(field: &str, propensity: f64) -> Result<f64, Fault> {
    if propensity > 0.0 && propensity <= 1.0 {
        Ok(propensity)
    } else {
        Err(Fault::new(field, propensity, "a number in (0, 1]: the probability of the choice as it was made"))
    }
}

/// `reward` if it is a finite number.
fn checked_reward(field: &str, reward: f64) -> Result<f64, Fault> {
    if reward.is_finite() { Ok(reward) } else { Err(Fault::new(field, reward, "a finite number")) }
}

/// Sakamoto's offsets of the months, of which those up to February belong to the year before.
const OFFSETS: [u32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];

/// Days of the months of a year that is no leap year.
const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Hour and weekday of `YYYY-MM-DD HH:MM[:SS[.S...]]` (or with a `T`), as written, whatever time zone follows.
fn moment(text: &[u8]) -> Option<Context> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits.iter().try_fold(0, |n, d| d.is_ascii_digit().then(|| 10 * n + u32::from(d - b'0')))
    };
    let separators = [(4, "-"), (7, "-"), (10, " T"), (13, ":")];
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
mod testing {
    use super::{LogReader, LogVocabulary};
    use crate::base::error::Result;
    use crate::evaluation::row::Row;

    /// Every row of a log.
    pub(super) fn read_all(log: &mut dyn LogReader) -> Result<Vec<Row>> {
        let (mut rows, mut row, mut names) = (Vec::new(), Row::default(), LogVocabulary::default());
        while log.next(&mut row, &mut names)? {
            rows.push(row.clone());
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::described::Described;
    use super::lines::Lines;
    use super::testing::read_all;
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    const GOOD: [&str; 4] = [
        "action,reward,propensity,timestamp\na,1,0.5,2019-11-24 00:00:17\n\"b,\",0,0.25,2019-11-24 00:00\n",
        "{\"_label_cost\":-1,\"_label_probability\":0.8,\"_label_Action\":2,\"a\":[2,1],\"c\":{\"_multi\":[{},{\"_tag\":\"b\"}]},\"p\":[0.8,0.2]}\n",
        "shared |u a\n'first |i x:1\n0:-1.5:0.25 'second |i y\n\n|i z\n",
        "{\"decision_id\":\"d\",\"user\":\"u\",\"shadow\":false,\"chosen\":\"b\",\"propensity\":0.05,\"propensities\":[0.95,0.05],\"request\":{\"context\":{\"hour\":8.5,\"weekday\":0},\"candidates\":[{\"id\":\"a\"},{\"id\":\"b\"}]},\"time_ms\":1}\n",
    ];

    /// Reads `text` in the format of [`GOOD`] with this number.
    fn read(format: usize, text: Vec<u8>) -> Result<usize> {
        let rewards = "{\"op\":\"reward\",\"decision_id\":\"d\",\"reward\":1,\"time_ms\":2}\n";
        let lines = Lines::new(Box::new(Cursor::new(text)), "log");
        let rows = match format {
            0 => read_all(&mut csv::CsvLog::new(lines, Columns::plain())?),
            1 => read_all(&mut dsjson::DsjsonLog::new(lines, Described::default())),
            2 => read_all(&mut vw::VwLog::new(lines, Described::default())),
            _ => {
                let rewards = Lines::new(Box::new(Cursor::new(rewards)), "rewards");
                let (lines, rewards) = (Box::new(|| Ok(lines)), Box::new(|| Ok(rewards)));
                read_all(&mut rehearsal::RehearsalLog::new("log".to_owned(), vec![lines], vec![rewards])?)
            }
        };
        rows.map(|rows| rows.len())
    }

    #[test]
    fn what_is_good_is_read() {
        for (format, text) in GOOD.iter().enumerate() {
            assert!(read(format, text.as_bytes().to_vec()).unwrap() >= 1, "{text}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_read_or_refused_with_its_place(format in 0usize..4, at in 0usize..400, byte: u8,
                                                    cut in 0usize..400, other: Vec<u8>) {
            let mut damaged = GOOD[format].as_bytes().to_vec();
            let at = at % damaged.len();
            damaged[at] = byte;
            let mut shortened = damaged.clone();
            shortened.truncate(cut);
            shortened.extend(&other);
            for text in [damaged, shortened, other] {
                if let Err(error) = read(format, text) {
                    let message = error.to_string();
                    prop_assert!(message.contains("log, line ") && message.contains(", column "), "{message}");
                }
            }
        }
    }

    #[test]
    fn texts_that_are_new_each_time_cost_no_memory() {
        let mut names = LogVocabulary::default();
        let mut text = |i: usize| names.untagged(format!("{i}").repeat(1 + i % 100).as_bytes());
        let numbers: Vec<(u32, bool)> = (0..MAX_UNTAGGED + 1000).map(&mut text).collect();
        assert!(numbers[..MAX_UNTAGGED].iter().enumerate().all(|(i, n)| *n == (i as u32, true)));
        assert!(numbers[MAX_UNTAGGED..].iter().all(|n| *n == (MAX_UNTAGGED as u32, false)));
        // What was met before is known again, long or short.
        assert_eq!([text(7), text(99)], [(7, true), (99, true)]);
        assert!((0..names.items.len() as u32).all(|item| names.items.name(item).len() <= MAX_TEXT));
    }

    #[test]
    fn weekdays_are_those_of_the_calendar() {
        for (date, weekday) in [("2000-02-29", 1), ("1970-01-01", 3), ("2024-12-31", 1), ("1900-03-01", 3)] {
            assert_eq!(moment(format!("{date} 00:00:00").as_bytes()).unwrap().weekday, weekday, "{date}");
        }
        for rest in ["", ":17", ":17.5", ":17.004101+00:00", "Z", ":17 UTC", "+01", ":17 -0530"] {
            assert!(moment(format!("2019-11-24 00:00{rest}").as_bytes()).is_some(), "{rest}");
        }
        for bad in [
            "2019-13-01 00:00",
            "2019-11-24",
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
