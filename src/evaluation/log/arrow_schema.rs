//! What Arrow says of the columns of a Parquet file. Parquet has no durations and keeps moments in UTC: it stores whole numbers, and
//! who writes Arrow, as pandas, pyarrow, polars and R do, keeps the types in the file's metadata. That is the schema of an Arrow
//! stream (`Schema.fbs` and `Message.fbs` of Apache Arrow) as a flat buffer, in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::file::metadata::FileMetaData;

/// Where the schema is.
const KEY: &str = "ARROW:schema";
/// Begins a message, before its length.
const CONTINUATION: u32 = u32::MAX;
/// The numbers of types among those of `Schema.fbs`.
const TIMESTAMP: u8 = 10;
const DURATION: u8 = 18;
/// Numbers of the fields that are looked at, in the tables `Message`, `Schema`, `Field` and `Timestamp`.
const MESSAGE_HEADER: usize = 2;
const SCHEMA_FIELDS: usize = 1;
const FIELD_NAME: usize = 0;
const FIELD_TYPE: usize = 2;
const FIELD_TYPE_TABLE: usize = 3;
const TIMESTAMP_ZONE: usize = 1;

/// Columns of which Arrow says more than Parquet does; none where the file has no schema of Arrow, or one that cannot be read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ArrowSchema {
    durations: Vec<String>,
    /// Columns of moments, each with the zone in which they were written.
    zones: Vec<(String, String)>,
}

impl ArrowSchema {
    pub(super) fn of(metadata: &FileMetaData) -> Self {
        let pairs = metadata.key_value_metadata().into_iter().flatten();
        let schema = pairs.filter(|pair| pair.key == KEY).find_map(|pair| pair.value.as_deref());
        let message = schema.and_then(|text| STANDARD.decode(text).ok());
        message.and_then(|message| Self::of_message(&message)).unwrap_or_default()
    }

    /// Whether this column is one of durations.
    pub(super) fn is_duration(&self, column: &str) -> bool {
        self.durations.iter().any(|duration| duration == column)
    }

    /// The zone in which the moments of this column were written, if it says one.
    pub(super) fn zone(&self, column: &str) -> Option<&str> {
        self.zones.iter().find(|(own, _)| own == column).map(|(_, zone)| zone.as_str())
    }

    fn of_message(message: &[u8]) -> Option<Self> {
        let begins = FlatBuffer(message).number(0)? == CONTINUATION;
        let buffer = FlatBuffer(message.get(if begins { 8 } else { 4 }..)?);
        let schema = buffer.follow(buffer.field(buffer.follow(0)?, MESSAGE_HEADER)?)?;
        let fields = buffer.follow(buffer.field(schema, SCHEMA_FIELDS)?)?;
        let mut found = Self::default();
        for i in 0..buffer.number(fields)? as usize {
            let field = buffer.follow(fields + 4 * (i + 1))?;
            let name = || buffer.text(buffer.follow(buffer.field(field, FIELD_NAME)?)?);
            match buffer.field(field, FIELD_TYPE).and_then(|at| buffer.0.get(at)) {
                Some(&DURATION) => found.durations.push(name()?),
                Some(&TIMESTAMP) => {
                    let moment = buffer.follow(buffer.field(field, FIELD_TYPE_TABLE)?)?;
                    if let Some(zone) = buffer.field(moment, TIMESTAMP_ZONE) {
                        found.zones.push((name()?, buffer.text(buffer.follow(zone)?)?));
                    }
                }
                _ => {}
            }
        }
        Some(found)
    }
}

/// A flat buffer: numbers with their lowest byte first, at places that other numbers say. What lies beyond its end is nothing.
struct FlatBuffer<'a>(&'a [u8]);

impl FlatBuffer<'_> {
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    fn number(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    /// The place that is so far behind this one as the number here says.
    fn follow(&self, at: usize) -> Option<usize> {
        at.checked_add(self.number(at)? as usize)
    }

    /// The place of a field of a table; `None` where the table has it not.
    fn field(&self, table: usize, number: usize) -> Option<usize> {
        let back = i32::from_le_bytes(self.bytes(table)?);
        let places = usize::try_from(i64::try_from(table).ok()? - i64::from(back)).ok()?;
        let size = u16::from_le_bytes(self.bytes(places)?);
        let entry = 4 + 2 * number;
        if entry + 2 > size.into() {
            return None;
        }
        let offset = u16::from_le_bytes(self.bytes(places + entry)?);
        (offset > 0).then(|| table + usize::from(offset))
    }

    fn text(&self, at: usize) -> Option<String> {
        let length = self.number(at)? as usize;
        let text = self.0.get(at.checked_add(4)?..)?.get(..length)?;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What pyarrow 26.0.1 wrote for `wait: duration[ms]` beside `action: string`.
    const DURATIONS: &str = "/////6AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAIAAABAAAAABAAAANj///8AAAESEAAAABgAAAAEAAAAAAAAAAQAAAB3YWl0AAAAAMj///8QABQACAAGAAcADAAAABAAEAAAAAAAAQUQAAAAHAAAAAQAAAAAAAAABgAAAGFjdGlvbgAABAAEAAQAAAAAAAAA";

    /// The schema of one moment, `timestamp`, in `America/Los_Angeles`, and a text, as pyarrow 26 writes it.
    const MOMENTS: &str = "/////8gAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAIAAABsAAAABAAAAKz///8AAAEK\
                          EAAAACQAAAAEAAAAAAAAAAkAAAB0aW1lc3RhbXAAAAAIAAwABgAIAAgAAAAAAAIABAAAABMAAABBbWVyaWNhL0xvc19Bbmdl\
                          bGVzABAAFAAIAAYABwAMAAAAEAAQAAAAAAABBRAAAAAcAAAABAAAAAAAAAAGAAAAYWN0aW9uAAAEAAQABAAAAA==";

    fn of(message: &str) -> ArrowSchema {
        ArrowSchema::of_message(&STANDARD.decode(message).unwrap()).unwrap()
    }

    #[test]
    fn columns_that_are_durations_and_zones_of_moments_are_named() {
        let schema = of(DURATIONS);
        assert!(schema.is_duration("wait") && !schema.is_duration("action"));
        assert_eq!(schema.zone("wait"), None);
        let schema = of(MOMENTS);
        assert_eq!(schema.zone("timestamp"), Some("America/Los_Angeles"));
        assert!(schema.zone("action").is_none() && !schema.is_duration("timestamp"));
    }

    #[test]
    fn what_is_cut_or_changed_anywhere_is_no_schema_and_no_panic() {
        for message in [DURATIONS, MOMENTS] {
            let message = STANDARD.decode(message).unwrap();
            for at in 0..message.len() {
                let _ = ArrowSchema::of_message(&message[..at]);
                for bits in [1, 0x80, 0xff] {
                    let mut changed = message.clone();
                    changed[at] ^= bits;
                    let _ = ArrowSchema::of_message(&changed);
                }
            }
        }
        assert_eq!(ArrowSchema::of_message(&[]), None);
    }
}
