//! Whole numbers in any notation: 7, 7.0 and 7e0 are one number, and JSON has one kind of number.

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// Whole numbers up to here are each a double of their own.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// A whole number, 0 or more.
pub(crate) struct Whole(pub(crate) u64);

impl Whole {
    fn into_type<T: TryFrom<u64>, E: Error>(self) -> Result<T, E> {
        T::try_from(self.0).map_err(|_| E::invalid_value(Unexpected::Unsigned(self.0), &"a smaller number"))
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole_number(deserializer, "a whole number, 0 or more").map(Self)
    }
}

/// Reads a whole number, of which errors say that it must be `expected`.
pub(crate) fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<u64, D::Error> {
    struct Number(&'static str);
    impl Visitor<'_> for Number {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<u64, E> {
            u64::try_from(value).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<u64, E> {
            if value.fract() == 0.0 && (0.0..=LARGEST).contains(&value) {
                Ok(value as u64)
            } else {
                Err(E::invalid_value(Unexpected::Float(value), &self))
            }
        }
    }
    deserializer.deserialize_u64(Number(expected))
}

/// Reads a whole number.
pub(crate) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
    Whole::deserialize(deserializer)?.into_type()
}

/// Reads a whole number that may be missing.
pub(crate) fn optional_whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::<Whole>::deserialize(deserializer)?.map(Whole::into_type).transpose()
}

/// Reads a list of whole numbers that may be missing.
pub(crate) fn optional_wholes<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    let list = Option::<Vec<Whole>>::deserialize(deserializer)?;
    list.map(|list| list.into_iter().map(Whole::into_type).collect()).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_in_any_notation() {
        let read = |text: &str| serde_json::from_str::<Whole>(text).map(|Whole(value)| value).ok();
        for text in ["7", "7.0", "7e0", "0.7e1", "70e-1"] {
            assert_eq!(read(text), Some(7), "{text}");
        }
        assert_eq!(read("-0.0"), Some(0));
        assert_eq!(read("9007199254740992.0"), Some(1 << 53));
        for bad in ["7.5", "-1", "-1.0", "1e300", "\"7\"", "true", "9007199254740993e1"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
