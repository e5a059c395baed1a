//! The pages of a Parquet file, of which no more is unpacked at a time than fits into memory: a few thousand bytes can say
//! that they unpack to gigabytes, and the reader of the `parquet` crate believes them.

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes to which the pages of one column unpack that are read at a time. DuckDB writes pages of up to 100 MB.
const MAX_UNPACKED: u64 = 128 << 20;

/// A file whose pages are counted as they are read.
pub(super) struct Pages {
    file: File,
    unpacked: AtomicU64,
}

impl Pages {
    pub(super) fn new(file: File) -> Self {
        Self { file, unpacked: AtomicU64::new(0) }
    }

    /// Begins to count anew, for the next rows of a column.
    pub(super) fn begin(&self) {
        self.unpacked.store(0, Ordering::Relaxed);
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for Pages {
    type T = BufReader<File>;

    /// Reads on from the header of a page: for nothing else does a reader of pages ask, as long as nobody skips rows.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut read = self.file.get_read(start)?;
        let damaged = || ParquetError::General("a page does not say its size".to_owned());
        let size = unpacked_size(read.fill_buf()?).ok_or_else(damaged)?;
        if self.unpacked.fetch_add(size, Ordering::Relaxed) + size > MAX_UNPACKED {
            return Err(ParquetError::General(format!(
                "its pages at byte {start} unpack to more than {} MiB at a time; write smaller ones",
                MAX_UNPACKED >> 20
            )));
        }
        Ok(read)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.file.get_bytes(start, length)
    }
}

/// To how many bytes a page unpacks, by its header in Thrift's compact protocol: the type of the page comes first, then this,
/// each as a byte for the field and a zigzag number.
fn unpacked_size(header: &[u8]) -> Option<u64> {
    let after_type = after_field(header)?.1;
    after_field(after_type).map(|(size, _)| size)
}

/// The next field, a whole number of 32 bits that is not negative, and what follows it.
fn after_field(header: &[u8]) -> Option<(u64, &[u8])> {
    /// The field after the one before it, of 32 bits.
    const NEXT_I32: u8 = 0x15;
    let digits = header.strip_prefix(&[NEXT_I32])?;
    let len = 1 + digits.iter().take(5).position(|byte| byte & 0x80 == 0)?;
    let zigzag = digits[..len].iter().rev().fold(0, |n, byte| n << 7 | u64::from(byte & 0x7f));
    (zigzag & 1 == 0).then_some((zigzag >> 1, &digits[len..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_to_how_many_bytes_its_page_unpacks() {
        // A page of data that unpacks to 300 bytes, and one of a dictionary that unpacks to 1.
        assert_eq!(unpacked_size(&[0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x02]), Some(300));
        assert_eq!(unpacked_size(&[0x15, 0x04, 0x15, 0x02]), Some(1));
        for damaged in [&[][..], &[0x15, 0x00], &[0x15, 0x00, 0x15, 0xd8], &[0x15, 0x00, 0x15, 0x01], &[0; 9]]
        {
            assert_eq!(unpacked_size(damaged), None, "{damaged:?}");
        }
    }
}
