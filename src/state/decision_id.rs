//! Decision ids, which say where their decision stands.
//!
//! `d0001-00000004f2-8c3d92e17b5a`: segment of the log, byte offset in it, and 48 bits that tell this
//! decision from any other that ever stood there, all in hexadecimal. Ids have one length, so that the
//! place of a line can be filled in when everything else of it is written.

use crate::base::error::{Error, Result};

/// Length of every id.
pub(super) const ID_BYTES: usize = 29;
/// Number of the last segment that an id can name.
pub(super) const MAX_SEGMENT: u32 = 65_535;
/// Stands where an id will be.
pub const PLACEHOLDER: &str = "d0000-0000000000-000000000000";

/// A decision id, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DecisionId {
    /// Number of the segment, from 1 to [`MAX_SEGMENT`].
    pub(super) segment: u32,
    /// Where the line begins, below 2^40.
    pub(super) offset: u64,
    /// Any 48 bits.
    pub(super) check: u64,
}

impl DecisionId {
    /// The parts of an id.
    ///
    /// # Errors
    /// [`Error::Refused`] for a text that `score` never gave.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parts = || {
            let mut parts = text.strip_prefix('d')?.split('-');
            let mut next = |digits: usize| {
                let part = parts.next().filter(|p| p.len() == digits)?;
                let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                part.bytes().all(lower).then(|| u64::from_str_radix(part, 16).ok()).flatten()
            };
            let id = Self { segment: next(4)? as u32, offset: next(10)?, check: next(12)? };
            (id.segment > 0 && parts.next().is_none()).then_some(id)
        };
        let shown: String = text.chars().take(80).collect();
        parts().ok_or_else(|| Error::Refused(format!("decision {shown:?}: not an id that `score` gave")))
    }

    /// Its text.
    pub(super) fn text(self) -> [u8; ID_BYTES] {
        let Self { segment, offset, check } = self;
        let mut text: [u8; ID_BYTES] = PLACEHOLDER.as_bytes().try_into().expect("as long as any id");
        for (value, place) in [(u64::from(segment), 1..5), (offset, 6..16), (check, 17..ID_BYTES)] {
            hex(value, &mut text[place]);
        }
        text
    }
}

/// Writes the last digits of a number, as many as there is room for, in hexadecimal.
pub(super) fn hex(mut value: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ids_read_back_and_have_one_length(segment in 1..65_536u32, offset in 0..1u64 << 40,
                                             check in 0..1u64 << 48) {
            let id = DecisionId { segment, offset, check };
            let text = String::from_utf8(id.text().to_vec()).unwrap();
            prop_assert_eq!(&text, &format!("d{segment:04x}-{offset:010x}-{check:012x}"));
            prop_assert_eq!(DecisionId::parse(&text).unwrap(), id);
        }

        #[test]
        fn other_texts_are_refused(text in "[d0-9a-f-]{0,32}") {
            prop_assume!(DecisionId::parse(&text).is_err());
            prop_assert!(DecisionId::parse(&text).unwrap_err().to_string().contains("not an id"));
        }
    }

    #[test]
    fn near_misses_are_refused() {
        assert_eq!(PLACEHOLDER.len(), ID_BYTES);
        for text in [
            PLACEHOLDER,
            "",
            "d0001-0000000000-00000000000",
            "d0001-0000000000-00000000000A",
            "d0001-0000000000-000000000000-",
            "d0001-+000000000-000000000000",
        ] {
            assert!(DecisionId::parse(text).is_err(), "{text}");
        }
    }
}
