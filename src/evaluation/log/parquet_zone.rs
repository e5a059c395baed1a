//! In which zone the hours of a column of Parquet are. Moments stand in the file in UTC, and the zone in which they were written
//! in what Arrow keeps beside them (pandas, polars, R): the schema as its `Message` in base64, a flatbuffer.
//!
//! See <https://arrow.apache.org/docs/format/Columnar.html#schema-message> and `format/Schema.fbs`. Of a flatbuffer only the way
//! to the names of zones is read; where that leads out of it, no zone is known.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::file::metadata::KeyValue;
use parquet::schema::types::ColumnDescriptor;

/// The key of what Arrow keeps.
const KEY: &str = "ARROW:schema";
/// Fields of tables, by their places in `Message.fbs` and `Schema.fbs`, and the number of the type of moments.
const MESSAGE_HEADER: usize = 2;
const SCHEMA_FIELDS: usize = 1;
const FIELD_NAME: usize = 0;
const FIELD_TYPE_NUMBER: usize = 2;
const FIELD_TYPE: usize = 3;
const TIMESTAMP_ZONE: usize = 1;
const TIMESTAMP: u8 = 10;

/// By which clock the moments of a column tell hours.
pub(super) enum Clock {
    /// They are those of some place, which nobody needs to know.
    Local,
    /// They are in UTC, and were written in this zone.
    Zone(TimeZone),
    /// They are in UTC, and nobody knows the zone in which they were written.
    Utc,
}

impl Clock {
    /// The clock of a column, in a file that keeps this beside its rows.
    pub(super) fn of(column: &ColumnDescriptor, kept: Option<&Vec<KeyValue>>) -> Self {
        let zone = || {
            let schema = kept?.iter().find(|own| own.key == KEY)?.value.as_ref()?;
            let name = zone_name(&STANDARD.decode(schema).ok()?, &column.path().string())?;
            DateTimeParser::new().parse_time_zone(name).ok()
        };
        let is_in_utc = match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(kind)), _) => kind.is_adjusted_to_u_t_c,
            (None, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS) => true,
            _ => false,
        };
        match zone() {
            Some(zone) if is_in_utc || column.physical_type() == PhysicalType::INT96 => Self::Zone(zone),
            _ if is_in_utc => Self::Utc,
            _ => Self::Local,
        }
    }

    /// The milliseconds since 1970 by this clock of a moment in the file.
    pub(super) fn local(&self, millis: i128) -> i128 {
        let Self::Zone(zone) = self else { return millis };
        let moment = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let ahead = moment.map_or(0, |moment| zone.to_offset(moment).seconds());
        millis + 1000 * i128::from(ahead)
    }

    /// What to say of the hours of column `name`.
    pub(super) fn note(&self, origin: &str, name: &str) -> Option<String> {
        matches!(self, Self::Utc).then(|| {
            format!("{origin}: the hours of {name} are those of UTC, in which the file keeps them; it names no zone for them")
        })
    }
}

/// The zone of the column `name`, in a message with a schema.
fn zone_name(message: &[u8], name: &str) -> Option<String> {
    // A mark and the length of the message stand before it; older files have the length alone.
    let message = message.strip_prefix(&[0xff; 4]).unwrap_or(message).get(4..)?;
    let buffer = Flatbuffer(message);
    let schema = buffer.target(buffer.field(buffer.target(0)?, MESSAGE_HEADER)?)?;
    let fields = buffer.target(buffer.field(schema, SCHEMA_FIELDS)?)?;
    // Each has a place in the buffer, so a count beyond it ends the search.
    for i in 0..buffer.number(fields)? {
        let field = buffer.target(fields.checked_add(4)?.checked_add(i.checked_mul(4)?)?)?;
        if buffer.text(buffer.field(field, FIELD_NAME)?)? == name.as_bytes() {
            let is_moment = *message.get(buffer.field(field, FIELD_TYPE_NUMBER)?)? == TIMESTAMP;
            let moment = buffer.target(buffer.field(field, FIELD_TYPE)?)?;
            let zone = buffer.text(buffer.field(moment, TIMESTAMP_ZONE).filter(|_| is_moment)?)?;
            return String::from_utf8(zone.to_vec()).ok();
        }
    }
    None
}

/// Bytes in which tables, lists and texts point to each other.
struct Flatbuffer<'a>(&'a [u8]);

impl<'a> Flatbuffer<'a> {
    fn number(&self, at: usize) -> Option<usize> {
        let bytes = self.0.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    }

    /// Where what stands at `at` points.
    fn target(&self, at: usize) -> Option<usize> {
        at.checked_add(self.number(at)?)
    }

    /// Where the n-th field of the table at `table` stands, if it has that.
    fn field(&self, table: usize, n: usize) -> Option<usize> {
        let short = |at: usize| {
            let bytes = self.0.get(at..at.checked_add(2)?)?;
            Some(usize::from(u16::from_le_bytes(bytes.try_into().ok()?)))
        };
        let back = self.0.get(table..table.checked_add(4)?)?;
        let back = isize::try_from(i32::from_le_bytes(back.try_into().ok()?)).ok()?;
        let places = table.checked_add_signed(back.checked_neg()?)?;
        let place = 4 + 2 * n;
        let offset = if place < short(places)? { short(places.checked_add(place)?)? } else { 0 };
        (offset > 0).then(|| table.checked_add(offset))?
    }

    fn text(&self, at: usize) -> Option<&'a [u8]> {
        let start = self.target(at)?;
        let bytes = start.checked_add(4)?;
        self.0.get(bytes..bytes.checked_add(self.number(start)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The schema of one moment, `timestamp`, in `America/Los_Angeles`, and a text, as pyarrow 26 writes it.
    const SCHEMA: &str = "/////8gAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAIAAABsAAAABAAAAKz///8AAAEK\
                          EAAAACQAAAAEAAAAAAAAAAkAAAB0aW1lc3RhbXAAAAAIAAwABgAIAAgAAAAAAAIABAAAABMAAABBbWVyaWNhL0xvc19Bbmdl\
                          bGVzABAAFAAIAAYABwAMAAAAEAAQAAAAAAABBRAAAAAcAAAABAAAAAAAAAAGAAAAYWN0aW9uAAAEAAQABAAAAA==";

    #[test]
    fn the_zone_of_a_column_is_read_from_what_arrow_keeps() {
        let message = STANDARD.decode(SCHEMA).unwrap();
        assert_eq!(zone_name(&message, "timestamp").as_deref(), Some("America/Los_Angeles"));
        assert_eq!(zone_name(&message, "action"), None);
        assert_eq!(zone_name(&message, "other"), None);
        // Without the mark before it, as Arrow wrote it before 0.15.
        assert_eq!(zone_name(&message[4..], "timestamp").as_deref(), Some("America/Los_Angeles"));
    }

    #[test]
    fn hours_are_those_of_the_zone_in_summer_and_in_winter() {
        let zone = |name: &str| Clock::Zone(DateTimeParser::new().parse_time_zone(name).unwrap());
        let hour = |name: &str, moment: &str| {
            let millis = moment.parse::<Timestamp>().unwrap().as_millisecond();
            zone(name).local(millis.into()) / 3_600_000 % 24
        };
        for (name, moment, expected) in [
            ("America/Los_Angeles", "2024-07-01T16:00:00Z", 9),
            ("America/Los_Angeles", "2024-01-01T17:00:00Z", 9),
            ("+05:30", "2024-01-01T18:30:00Z", 0),
            ("UTC", "2024-01-01T17:00:00Z", 17),
        ] {
            assert_eq!(hour(name, moment), expected, "{name} {moment}");
        }
        assert_eq!(zone("UTC").local(i128::MAX / 2), i128::MAX / 2);
    }

    proptest! {
        #[test]
        fn whatever_stands_there_it_is_read_or_passed_over(at in 0usize..400, byte: u8, cut in 0usize..400, other: Vec<u8>) {
            let mut message = STANDARD.decode(SCHEMA).unwrap();
            let at = at % message.len();
            message[at] = byte;
            zone_name(&message, "timestamp");
            message.truncate(cut);
            zone_name(&message, "timestamp");
            zone_name(&other, "timestamp");
        }
    }
}
