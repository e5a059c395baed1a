//! The temporary file in which rows wait for the later passes.
//!
//! The log itself is read once, so it may be a pipe or compressed. What the passes need of it goes into a
//! buffer that moves to an unnamed temporary file when it grows: memory stays the same however long the log.

use super::row::{ListedItem, Row};
use crate::base::error::{Error, Result};
use crate::domain::request::Context;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use tempfile::SpooledTempFile;

/// Bytes of a candidate: its item and kind, and its propensity.
const LISTED_BYTES: usize = 16;
/// Bytes kept in memory before a spool moves to a file.
const IN_MEMORY: usize = 64 << 20;

/// Numbers written once and read from the start as often as needed.
pub struct Spool {
    file: BufWriter<SpooledTempFile>,
    /// Of the row that is being written.
    bytes: Vec<u8>,
}

impl Spool {
    /// An empty spool.
    pub fn new() -> Self {
        Self { file: BufWriter::with_capacity(1 << 16, SpooledTempFile::new(IN_MEMORY)), bytes: Vec::new() }
    }

    /// Appends numbers.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    #[inline]
    pub fn put(&mut self, numbers: &[f64]) -> Result<()> {
        for number in numbers {
            self.file.write_all(&number.to_le_bytes()).map_err(|e| failed("write", e))?;
        }
        Ok(())
    }

    /// Appends a small number.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    #[inline]
    pub fn put_short(&mut self, number: u16) -> Result<()> {
        self.file.write_all(&number.to_le_bytes()).map_err(|e| failed("write", e))
    }

    /// Appends a row: four numbers, and what else it has.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn put_row(&mut self, row: &Row) -> Result<()> {
        let more = row.moment.is_some() || row.cluster.is_some() || row.user != 0 || !row.listed.is_empty();
        let more = more || row.request.is_some() || !row.probabilities.is_empty() || !row.inputs.is_empty();
        let propensity = row.propensity.unwrap_or(f64::NAN);
        self.put(&[f64::from(row.chosen), propensity, row.reward, f64::from(u8::from(more))])?;
        if !more {
            return Ok(());
        }
        let [hour, weekday] = row.moment.map_or([f64::NAN; 2], |m| [m.hour, f64::from(m.weekday)]);
        let cluster = row.cluster.map_or(f64::NAN, f64::from);
        let request = row.request.as_deref().unwrap_or_default();
        self.put(&[hour, weekday, f64::from(row.user), cluster])?;
        let numbers = [row.listed.len(), row.features.len(), row.probabilities.len(), row.inputs.len()];
        self.put(&numbers.map(|len| len as f64))?;
        self.put(&[request.len() as f64])?;
        // Most of a row are its candidates and numbers: they are written in one piece.
        let bytes = &mut self.bytes;
        bytes.clear();
        for listed in &row.listed {
            bytes.extend_from_slice(&listed.item.to_le_bytes());
            bytes.extend_from_slice(&listed.kind.to_le_bytes());
            bytes.extend_from_slice(&listed.propensity.to_le_bytes());
        }
        for number in row.features.iter().chain(&row.probabilities).chain(&row.inputs) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(request.as_bytes());
        self.file.write_all(bytes).map_err(|e| failed("write", e))
    }

    /// Reads from the start.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn read(&mut self) -> Result<SpoolReader<'_>> {
        self.file.flush().map_err(|e| failed("write", e))?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0)).map_err(|e| failed("read", e))?;
        Ok(SpoolReader { file: BufReader::with_capacity(1 << 16, file), bytes: Vec::new() })
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads a [`Spool`] from its start.
pub struct SpoolReader<'a> {
    file: BufReader<&'a mut SpooledTempFile>,
    bytes: Vec<u8>,
}

impl SpoolReader<'_> {
    /// The next `out.len()` numbers, which must have been written.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn get(&mut self, out: &mut [f64]) -> Result<()> {
        let bytes = self.bytes(8 * out.len())?;
        for (number, bytes) in out.iter_mut().zip(bytes.chunks_exact(8)) {
            *number = f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        }
        Ok(())
    }

    /// The next so many bytes, which must have been written.
    fn bytes(&mut self, len: usize) -> Result<&[u8]> {
        self.bytes.resize(len, 0);
        self.file.read_exact(&mut self.bytes).map_err(|e| failed("read", e))?;
        Ok(&self.bytes)
    }

    /// The next small number, which must have been written.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    #[inline]
    pub fn get_short(&mut self) -> Result<u16> {
        let mut bytes = [0; 2];
        self.file.read_exact(&mut bytes).map_err(|e| failed("read", e))?;
        Ok(u16::from_le_bytes(bytes))
    }

    /// The next text of so many bytes, which must have been written; none has no bytes.
    fn text(&mut self, len: usize) -> Result<Option<Box<str>>> {
        if len == 0 {
            return Ok(None);
        }
        let text =
            std::str::from_utf8(self.bytes(len)?).map_err(|e| failed("read", std::io::Error::other(e)))?;
        Ok(Some(text.into()))
    }

    /// The next row, which must have been written.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn get_row(&mut self, row: &mut Row) -> Result<()> {
        let known = |x: f64| (!x.is_nan()).then_some(x);
        let mut head = [0.0; 4];
        self.get(&mut head)?;
        row.chosen = head[0] as u32;
        row.propensity = known(head[1]);
        row.reward = head[2];
        let mut more = [f64::NAN, 0.0, 0.0, f64::NAN, 0.0, 0.0, 0.0, 0.0, 0.0];
        if head[3] > 0.0 {
            self.get(&mut more)?;
        }
        let [hour, weekday, user, cluster, listed, features, probabilities, inputs, request] = more;
        row.moment = known(hour).map(|hour| Context { hour, weekday: weekday as u8 });
        row.user = user as u32;
        row.cluster = known(cluster).map(|cluster| cluster as u32);
        row.listed.clear();
        let listed = self.bytes(LISTED_BYTES * listed as usize)?.chunks_exact(LISTED_BYTES);
        row.listed.extend(listed.map(|bytes| {
            let (item, rest) = bytes.split_first_chunk().expect("an item");
            let (kind, propensity) = rest.split_first_chunk().expect("a kind");
            ListedItem {
                item: u32::from_le_bytes(*item),
                kind: u32::from_le_bytes(*kind),
                propensity: f64::from_le_bytes(propensity.try_into().expect("a propensity")),
            }
        }));
        for (numbers, len) in [
            (&mut row.features, features),
            (&mut row.probabilities, probabilities),
            (&mut row.inputs, inputs),
        ] {
            numbers.resize(len as usize, 0.0);
            self.get(numbers)?;
        }
        row.request = self.text(request as usize)?;
        Ok(())
    }
}

#[cold]
fn failed(action: &'static str, error: std::io::Error) -> Error {
    Error::io(action, "a temporary file")(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_went_in() {
        let rows = [
            Row { chosen: 7, propensity: Some(0.1), reward: -0.25, ..Row::default() },
            Row {
                chosen: 1,
                propensity: None,
                reward: 1.0,
                moment: Some(Context { hour: 23.5, weekday: 6 }),
                user: 3,
                cluster: Some(4095),
                listed: vec![
                    ListedItem { item: 4, kind: 0, propensity: 0.5 },
                    ListedItem { item: 2, kind: 1, propensity: 0.0 },
                ],
                features: vec![1.0, 2.0, 3.0, 4.0],
                probabilities: vec![0.25, 0.0],
                request: Some("{\"a\": \"\u{e9}\"}".into()),
                inputs: vec![5.0, 0.5],
                ..Row::default()
            },
            Row { inputs: vec![7.0], ..Row::default() },
            Row::default(),
        ];
        let mut spool = Spool::new();
        for row in &rows {
            spool.put_row(row).unwrap();
        }
        for _ in 0..2 {
            let mut reader = spool.read().unwrap();
            let mut row = Row::default();
            for expected in &rows {
                reader.get_row(&mut row).unwrap();
                assert_eq!(&row, expected);
            }
            assert!(reader.get_row(&mut row).is_err());
        }
        assert_eq!((rows[0].item(), rows[1].item()), (7, 2));
    }
}
