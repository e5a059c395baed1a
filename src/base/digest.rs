//! Digests of inputs as they were understood: what has no effect on results (descriptions, comments, the
//! names of policies) has none on digests.

use super::error::{Cause, Error, ErrorKind, Result};
use super::random::SEEDS;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// SHA-256, in hexadecimal, by the name of the input.
pub type Digests = BTreeMap<String, String>;

/// Why there is no digest of a file.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// It is a folder, a pipe or a device, which could not be read a second time.
    #[error("{} is no regular file", .0.display())]
    NoRegularFile(PathBuf),
}

impl Cause for DigestError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Invalid
    }
}

/// Digest of a file's bytes, as `sha256sum` gives it.
///
/// # Errors
/// A file that cannot be read, or is none: a pipe could not be read a second time.
pub fn of_file(path: &Path) -> Result<String> {
    // To open a pipe would wait for somebody to write.
    if !fs::metadata(path).map_err(Error::io("read", path))?.is_file() {
        return Err(Error::because(DigestError::NoRegularFile(path.to_path_buf())));
    }
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// The seed that follows from digests: below 2^53, so that any JSON reader holds it whole.
pub fn seed(digests: &impl Serialize) -> u64 {
    let hash = Sha256::digest(of_value(digests));
    u64::from_be_bytes(hash[..8].try_into().expect("eight of 32 bytes")) % SEEDS
}

/// SHA-256, in hexadecimal, of a value's JSON, in which -0 is 0. The value must be plain data: no map whose keys are not
/// strings.
pub fn of_value(value: &impl Serialize) -> String {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut json, OneZero);
    value.serialize(&mut serializer).expect("checked values are plain data");
    hexadecimal(&Sha256::digest(json))
}

/// FNV-1a of 32 bits over these units, each taken whole: a plain hash that every process agrees on.
pub fn fnv1a(units: impl IntoIterator<Item: Into<u32>>) -> u32 {
    units.into_iter().fold(0x811c_9dc5, |hash, unit| (hash ^ unit.into()).wrapping_mul(0x0100_0193))
}

/// Bytes in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Compact JSON in which there is one zero: `-0.0` in a file means what `0.0` does.
struct OneZero;

impl serde_json::ser::Formatter for OneZero {
    fn write_f64<W: std::io::Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> std::io::Result<()> {
        serde_json::ser::CompactFormatter.write_f64(writer, value + 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_zero_and_nothing_else_is_alike() {
        assert_eq!(of_value(&[0.0, 1.0]), of_value(&[-0.0, 1.0]));
        assert_ne!(of_value(&[0.0, 1.0]), of_value(&[f64::MIN_POSITIVE, 1.0]));
        assert_ne!(of_value(&[1.0]), of_value(&[-1.0]));
        // What has no such zero has the digest of its plain JSON: sha256sum of [0.1,"a"].
        let plain = hexadecimal(&Sha256::digest(br#"[0.1,"a"]"#));
        assert_eq!(of_value(&(0.1, "a")), plain);
    }
}
