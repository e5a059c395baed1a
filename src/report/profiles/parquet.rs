//! Profiles as Parquet: a row for each user and kind, moments as timestamps in UTC, counts as whole numbers; what is not
//! known is null. Compressed with snappy, which every reader has.

use super::format::{NamedProfiles, ProfileFormat, rows};
use crate::domain::profile::{PROFILE_FEATURES, ProfileValues};
use jiff::Timestamp;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

/// So many rows stand together.
const ROWS_TOGETHER: usize = 1 << 16;

/// The format of Parquet.
pub(super) struct Parquet;

impl ProfileFormat for Parquet {
    fn extension(&self) -> &'static str {
        "parquet"
    }

    fn write(&self, profiles: &mut NamedProfiles, as_of: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        let file = file(profiles, as_of.as_millisecond()).map_err(io::Error::other)?;
        out.write_all(&file)
    }
}

/// Whether values of a feature are whole numbers.
fn is_whole(dtype: &str) -> bool {
    dtype == "int"
}

fn schema() -> String {
    let features = PROFILE_FEATURES.map(|feature| {
        let physical = if is_whole(feature.dtype) { "int64" } else { "double" };
        format!("optional {physical} {};", feature.name)
    });
    format!(
        "message profiles {{ required binary user (STRING); required binary kind (STRING); \
         required int64 event_timestamp (TIMESTAMP(MILLIS,true)); {} }}",
        features.join(" ")
    )
}

/// Rows that are yet to be written, column by column.
#[derive(Default)]
struct Rows {
    users: Vec<ByteArray>,
    kinds: Vec<ByteArray>,
    values: Vec<ProfileValues>,
}

fn file(profiles: &mut NamedProfiles, as_of: i64) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by(concat!("rehearsal ", env!("CARGO_PKG_VERSION")).to_owned());
    let schema = Arc::new(parse_message_type(&schema())?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build()))?;
    let mut together = Rows::default();
    for (user, profile) in profiles {
        let user = ByteArray::from(user);
        for (kind, values) in rows(&profile) {
            together.users.push(user.clone());
            together.kinds.push(ByteArray::from(kind));
            together.values.push(*values);
        }
        if together.users.len() >= ROWS_TOGETHER {
            mem::take(&mut together).write(&mut writer, as_of)?;
        }
    }
    if !together.users.is_empty() {
        together.write(&mut writer, as_of)?;
    }
    writer.into_inner()
}

impl Rows {
    fn write(self, writer: &mut SerializedFileWriter<Vec<u8>>, as_of: i64) -> Result<(), ParquetError> {
        let mut group = writer.next_row_group()?;
        let mut place = 0;
        while let Some(mut column) = group.next_column()? {
            match place {
                0 => column.typed::<ByteArrayType>().write_batch(&self.users, None, None)?,
                1 => column.typed::<ByteArrayType>().write_batch(&self.kinds, None, None)?,
                2 => column.typed::<Int64Type>().write_batch(&vec![as_of; self.users.len()], None, None)?,
                _ => {
                    let i = place - 3;
                    let levels: Vec<i16> =
                        self.values.iter().map(|row| i16::from(row.0[i].is_some())).collect();
                    let known = self.values.iter().filter_map(|row| row.0[i]);
                    if is_whole(PROFILE_FEATURES[i].dtype) {
                        let known: Vec<i64> = known.map(|value| value as i64).collect();
                        column.typed::<Int64Type>().write_batch(&known, Some(&levels[..]), None)?
                    } else {
                        let known: Vec<f64> = known.collect();
                        column.typed::<DoubleType>().write_batch(&known, Some(&levels[..]), None)?
                    }
                }
            };
            column.close()?;
            place += 1;
        }
        group.close()?;
        Ok(())
    }
}
