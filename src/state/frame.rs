//! The checksum that every line of this directory carries.
//!
//! A line is one JSON object whose last field is `"crc"`: eight hex digits, the CRC-32 (IEEE 802.3, as in
//! zlib) of every byte before `,"crc"`. A reader needs no canonical form: it sums the bytes that it sees.

use super::decision_id::hex;

/// What stands before the digits, and what after them.
const OPENING: &[u8] = b",\"crc\":\"";
const CLOSING: &[u8] = b"\"}";
/// Length of the checksum with what stands around it, without the newline.
const SEAL: usize = OPENING.len() + 8 + CLOSING.len();

/// Replaces the closing brace of the JSON object `line` by its checksum, and ends the line.
pub(super) fn seal(mut line: Vec<u8>) -> Vec<u8> {
    debug_assert_eq!(line.last(), Some(&b'}'));
    line.pop();
    seal_from(&mut line, 0);
    line
}

/// Adds the checksum to the object that begins at `start` and whose closing brace is not there yet.
pub(super) fn seal_from(lines: &mut Vec<u8>, start: usize) {
    seal_later(lines);
    fill_in(&mut lines[start..]);
}

/// Ends a line as [`seal_from`] does, but for the digits of the checksum, for which there is room.
pub(super) fn seal_later(lines: &mut Vec<u8>) {
    lines.extend_from_slice(OPENING);
    lines.extend_from_slice(&[b'0'; 8]);
    lines.extend_from_slice(CLOSING);
    lines.push(b'\n');
}

/// Fills in the checksum of a line, its newline included.
pub(super) fn fill_in(line: &mut [u8]) {
    let end = line.len() - SEAL - 1;
    let crc = digits(&line[..end]);
    line[end + OPENING.len()..][..crc.len()].copy_from_slice(&crc);
}

/// Whether `line`, with or without its newline, carries the checksum of its content; if not, what is wrong.
pub(super) fn check(line: &[u8]) -> Result<(), String> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let (content, seal) = line.split_at(line.len().saturating_sub(SEAL));
    let Some(stated) = seal.strip_prefix(OPENING).and_then(|s| s.strip_suffix(CLOSING)) else {
        return Err("no checksum at its end".to_owned());
    };
    let found = digits(content);
    if stated == found {
        Ok(())
    } else {
        let [found, stated] = [&found[..], stated].map(String::from_utf8_lossy);
        Err(format!("checksum {found}, but {stated} is stated"))
    }
}

/// Checks a line that may have been written without a checksum, as those of simulated people are.
///
/// # Errors
/// What is wrong with the checksum, if there is one.
pub fn check_line(line: &[u8]) -> Result<(), String> {
    let tail = &line[line.len().saturating_sub(SEAL + 1)..];
    // A quote within a text has a backslash before it, so this is a key.
    if memchr::memmem::find(tail, b"\"crc\":").is_some() { check(line) } else { Ok(()) }
}

/// The checksum that a sealed line states.
pub(super) fn stated(line: &[u8]) -> &str {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let digits = line.len().checked_sub(8 + CLOSING.len()).map(|from| &line[from..from + 8]);
    digits.and_then(|d| std::str::from_utf8(d).ok()).unwrap_or_default()
}

fn digits(content: &[u8]) -> [u8; 8] {
    let mut digits = [0; 8];
    hex(u64::from(crc32fast::hash(content)), &mut digits);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_line_is_json_with_its_checksum() {
        let line = seal(br#"{"a":1}"#.to_vec());
        assert_eq!(String::from_utf8(line.clone()).unwrap(), "{\"a\":1,\"crc\":\"a702fc6e\"}\n");
        check(&line).unwrap();
        check(line.strip_suffix(b"\n").unwrap()).unwrap();
    }

    #[test]
    fn a_line_may_have_no_checksum_but_not_a_wrong_one() {
        let line = seal(br#"{"a":1}"#.to_vec());
        check_line(&line).unwrap();
        for without in
            [&br#"{"a":1}"#[..], br#"{"crc":1,"a":"a text that is longer"}"#, br#"{"a":"crc"}"#, b"", b"x"]
        {
            check_line(without).unwrap();
        }
        for (from, to) in [("{\"a\":1", "{\"a\":2"), ("a702", "a703"), ("fc6e", "fc6"), ("fc6e\"", "fc6e\" ")]
        {
            let damaged = String::from_utf8(line.clone()).unwrap().replace(from, to);
            assert!(check_line(damaged.as_bytes()).is_err(), "{damaged}");
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let mut changed = seal(br#"{"user":"carol","reward":0.25}"#.to_vec());
        changed[9..14].copy_from_slice(b"alice");
        fill_in(&mut changed);
        let line = seal(br#"{"user":"alice","reward":0.25}"#.to_vec());
        assert_eq!(changed, line);
        let line = &line[..line.len() - 1];
        for i in 0..line.len() * 8 {
            let mut damaged = line.to_vec();
            damaged[i / 8] ^= 1 << (i % 8);
            assert!(check(&damaged).is_err(), "bit {i}");
        }
        for length in 0..line.len() {
            assert!(check(&line[..length]).is_err(), "length {length}");
        }
    }
}
