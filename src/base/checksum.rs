//! The checksum that lines of version 0.1 carry: of its logs, and of the states that it exported.
//!
//! A line is one JSON object whose last field is `"crc"`: eight hex digits, the CRC-32 (IEEE 802.3, as in
//! zlib) of every byte before `,"crc"`. A reader needs no canonical form: it sums the bytes that it sees.

/// What stands before the digits, and what after them.
const OPENING: &[u8] = b",\"crc\":\"";
const CLOSING: &[u8] = b"\"}";
/// Length of the checksum with what stands around it, without the newline.
const SEAL: usize = OPENING.len() + 8 + CLOSING.len();

/// Checks a line, with or without its newline, which need not have a checksum.
///
/// # Errors
/// What is wrong with the checksum, if there is one.
pub fn check_line(line: &[u8]) -> Result<(), String> {
    let tail = &line[line.len().saturating_sub(SEAL + 2)..];
    // A quote within a text has a backslash before it, so this is a key.
    if memchr::memmem::find(tail, b"\"crc\":").is_some() { check(line) } else { Ok(()) }
}

fn check(line: &[u8]) -> Result<(), String> {
    // Some editors end lines with two characters.
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (content, seal) = line.split_at(line.len().saturating_sub(SEAL));
    let Some(stated) = seal.strip_prefix(OPENING).and_then(|s| s.strip_suffix(CLOSING)) else {
        return Err("no checksum at its end".to_owned());
    };
    let found = format!("{:08x}", crc32fast::hash(content));
    if stated == found.as_bytes() {
        Ok(())
    } else {
        Err(format!("checksum {found}, but {} is stated", String::from_utf8_lossy(stated)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "{\"a\":1,\"crc\":\"a702fc6e\"}";

    #[test]
    fn a_line_may_have_no_checksum_but_not_a_wrong_one() {
        for end in ["", "\n", "\r\n"] {
            check_line(format!("{LINE}{end}").as_bytes()).unwrap();
        }
        for without in
            [&br#"{"a":1}"#[..], br#"{"crc":1,"a":"a text that is longer"}"#, br#"{"a":"crc"}"#, b"", b"x"]
        {
            check_line(without).unwrap();
        }
        for (from, to) in [("{\"a\":1", "{\"a\":2"), ("a702", "a703"), ("fc6e", "fc6"), ("fc6e\"", "fc6e\" ")]
        {
            let damaged = LINE.replace(from, to);
            assert!(check_line(damaged.as_bytes()).is_err(), "{damaged}");
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        for i in 0..LINE.len() * 8 {
            let mut damaged = LINE.as_bytes().to_vec();
            damaged[i / 8] ^= 1 << (i % 8);
            assert!(check(&damaged).is_err(), "bit {i}");
        }
    }
}
