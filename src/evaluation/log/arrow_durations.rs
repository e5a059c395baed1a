//! Which columns of a Parquet file are durations. Parquet has no such type: it stores whole numbers, and who writes Arrow, as
//! pyarrow and polars do, keeps the type in the file's metadata. That is the schema of an Arrow stream (`Schema.fbs` and
//! `Message.fbs` of Apache Arrow) as a flat buffer, in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parquet::file::metadata::FileMetaData;

/// Where the schema is.
const KEY: &str = "ARROW:schema";
/// Begins a message, before its length.
const CONTINUATION: u32 = u32::MAX;
/// The number of the type among those of `Schema.fbs`.
const DURATION: u8 = 18;
/// Numbers of the fields that are looked at, in the tables `Message`, `Schema` and `Field`.
const MESSAGE_HEADER: usize = 2;
const SCHEMA_FIELDS: usize = 1;
const FIELD_NAME: usize = 0;
const FIELD_TYPE: usize = 2;

/// The names of columns that are durations; none where the file has no schema of Arrow, or one that cannot be read.
pub(super) fn durations(metadata: &FileMetaData) -> Vec<String> {
    let pairs = metadata.key_value_metadata().into_iter().flatten();
    let schema = pairs.filter(|pair| pair.key == KEY).find_map(|pair| pair.value.as_deref());
    let message = schema.and_then(|text| STANDARD.decode(text).ok());
    message.and_then(|message| of_message(&message)).unwrap_or_default()
}

fn of_message(message: &[u8]) -> Option<Vec<String>> {
    let begins = FlatBuffer(message).number(0)? == CONTINUATION;
    let buffer = FlatBuffer(message.get(if begins { 8 } else { 4 }..)?);
    let schema = buffer.follow(buffer.field(buffer.follow(0)?, MESSAGE_HEADER)?)?;
    let fields = buffer.follow(buffer.field(schema, SCHEMA_FIELDS)?)?;
    let count = buffer.number(fields)? as usize;
    let mut names = Vec::new();
    for i in 0..count {
        let field = buffer.follow(fields + 4 * (i + 1))?;
        if buffer.field(field, FIELD_TYPE).and_then(|at| buffer.0.get(at)) == Some(&DURATION) {
            names.push(buffer.text(buffer.follow(buffer.field(field, FIELD_NAME)?)?)?);
        }
    }
    Some(names)
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
    const MESSAGE: &str = "/////6AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAIAAABAAAAABAAAANj///8AAAESEAAAABgAAAAEAAAAAAAAAAQAAAB3YWl0AAAAAMj///8QABQACAAGAAcADAAAABAAEAAAAAAAAQUQAAAAHAAAAAQAAAAAAAAABgAAAGFjdGlvbgAABAAEAAQAAAAAAAAA";

    #[test]
    fn columns_that_are_durations_are_named() {
        let message = STANDARD.decode(MESSAGE).unwrap();
        assert_eq!(of_message(&message).unwrap(), ["wait"]);
    }

    #[test]
    fn what_is_cut_or_changed_anywhere_is_no_schema_and_no_panic() {
        let message = STANDARD.decode(MESSAGE).unwrap();
        for at in 0..message.len() {
            let _ = of_message(&message[..at]);
            for bits in [1, 0x80, 0xff] {
                let mut changed = message.clone();
                changed[at] ^= bits;
                let _ = of_message(&changed);
            }
        }
        assert_eq!(of_message(&[]), None);
    }
}
