//! What a column of Parquet is: in words, and how its values are numbers.

use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::schema::types::ColumnDescriptor;

/// Longest decimal that is read, in bytes: those that programs write have up to 32.
const MAX_DECIMAL: usize = 64;
/// Decimal digits that are worked on together.
const LIMB: u64 = 1_000_000_000;

/// How the values of a column are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// As their type says.
    Plain,
    /// Whole numbers that are never negative.
    Unsigned,
    /// Whole numbers of which this many digits stand behind the point.
    Decimal(i32),
    /// Floating point of 16 bits.
    Half,
}

impl Numbers {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Decimal(kind)), _) => Self::Decimal(kind.scale),
            (None, ConvertedType::DECIMAL) => Self::Decimal(column.type_scale()),
            (Some(LogicalType::Float16), _) => Self::Half,
            (Some(LogicalType::Integer(kind)), _) if !kind.is_signed => Self::Unsigned,
            (None, ConvertedType::UINT_32 | ConvertedType::UINT_64) => Self::Unsigned,
            _ => Self::Plain,
        }
    }
}

/// Whether the values of a column are numbers or truth values, and count no days or hours.
pub(super) fn is_number(column: &ColumnDescriptor) -> bool {
    // The reader of the `parquet` crate expects that a value of fixed length has one.
    let length = usize::try_from(column.type_length()).unwrap_or(0);
    match (Numbers::of(column), column.physical_type()) {
        (Numbers::Decimal(_), PhysicalType::FIXED_LEN_BYTE_ARRAY) => (1..=MAX_DECIMAL).contains(&length),
        (Numbers::Decimal(_), kind) => {
            matches!(kind, PhysicalType::INT32 | PhysicalType::INT64 | PhysicalType::BYTE_ARRAY)
        }
        (Numbers::Half, kind) => kind == PhysicalType::FIXED_LEN_BYTE_ARRAY && length == 2,
        (_, PhysicalType::INT32 | PhysicalType::INT64) => is_whole(column),
        (_, kind) => matches!(kind, PhysicalType::FLOAT | PhysicalType::DOUBLE | PhysicalType::BOOLEAN),
    }
}

/// Whether whole numbers are numbers, and count no days, hours or hundredths.
pub(super) fn is_whole(column: &ColumnDescriptor) -> bool {
    use ConvertedType::{INT_8, INT_16, INT_32, INT_64, NONE, UINT_8, UINT_16, UINT_32, UINT_64};
    match column.logical_type_ref() {
        Some(logical) => matches!(logical, LogicalType::Integer(_) | LogicalType::Unknown),
        None => [NONE, INT_8, INT_16, INT_32, INT_64, UINT_8, UINT_16, UINT_32, UINT_64]
            .contains(&column.converted_type()),
    }
}

/// Whether bytes are texts, and no number.
pub(super) fn is_text(column: &ColumnDescriptor) -> bool {
    column.physical_type() == PhysicalType::BYTE_ARRAY && !matches!(Numbers::of(column), Numbers::Decimal(_))
}

/// The number that is nearest to a decimal: what parsing its text gives.
pub(super) fn of_decimal(unscaled: i128, scale: i32) -> f64 {
    nearest(&unscaled.to_string(), scale)
}

/// The same of a whole number in two's complement, its first byte the highest.
pub(super) fn of_decimal_bytes(bytes: &[u8], scale: i32) -> f64 {
    let is_negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    match bytes.len() {
        0 => f64::NAN,
        1..=16 => {
            let sign = -i128::from(is_negative);
            of_decimal(bytes.iter().fold(sign, |all, byte| all << 8 | i128::from(*byte)), scale)
        }
        17..=MAX_DECIMAL => nearest(&digits(bytes, is_negative), scale),
        _ => f64::NAN,
    }
}

fn nearest(digits: &str, scale: i32) -> f64 {
    format!("{digits}e{}", -i64::from(scale)).parse().unwrap_or(f64::NAN)
}

/// The decimal digits of a whole number that is too long for the types that there are.
fn digits(bytes: &[u8], is_negative: bool) -> String {
    let mut limbs = vec![0];
    let mut step = |factor: u64, mut carry: u64| {
        for limb in &mut limbs {
            let next = *limb * factor + carry;
            (*limb, carry) = (next % LIMB, next / LIMB);
        }
        if carry > 0 {
            limbs.push(carry);
        }
    };
    // Of a negative number all bits are the other ones, and it is 1 more.
    let flip = if is_negative { 0xff } else { 0 };
    bytes.iter().for_each(|byte| step(256, u64::from(byte ^ flip)));
    step(1, u64::from(is_negative));
    let sign = if is_negative { "-" } else { "" };
    limbs.iter().rev().fold(sign.to_owned(), |text, limb| text + &format!("{limb:09}"))
}

/// The number that 16 bits are, in floating point.
pub(super) fn of_half(bytes: &[u8]) -> f64 {
    let [low, high] = *bytes else { return f64::NAN };
    let bits = u16::from_le_bytes([low, high]);
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// What a column is, as an error says it.
pub(super) fn described(column: &ColumnDescriptor) -> String {
    let kind = column.physical_type();
    let kind = meaning(column).map_or_else(|| kind.to_string(), |meaning| format!("{kind} ({meaning})"));
    if column.max_rep_level() > 0 { format!("{kind}, in a list") } else { kind }
}

/// What the values of a column mean, where that is more than their type.
fn meaning(column: &ColumnDescriptor) -> Option<&'static str> {
    let logical = column.logical_type_ref();
    match logical {
        Some(LogicalType::Uuid) => return Some("a UUID"),
        Some(LogicalType::Float16) => return Some("a number of 16 bits"),
        Some(LogicalType::Unknown) => return Some("nulls alone"),
        _ => {}
    }
    let converted = logical.map_or(column.converted_type(), |logical| Some(logical.clone()).into());
    Some(match converted {
        ConvertedType::NONE if logical.is_none() => return None,
        ConvertedType::NONE => "a sort that is not known here",
        ConvertedType::UTF8 => "a text",
        ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => "a map",
        ConvertedType::LIST => "a list",
        ConvertedType::ENUM => "one of some texts",
        ConvertedType::DECIMAL => "a decimal",
        ConvertedType::DATE => "a date",
        ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => "a time of day",
        ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS => "a moment",
        ConvertedType::JSON => "JSON",
        ConvertedType::BSON => "BSON",
        ConvertedType::INTERVAL => "a length of time",
        _ => "a whole number",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn halves_are_the_numbers_that_their_bits_are() {
        for (bits, number) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x0400, 6.103_515_625e-5),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(of_half(&u16::to_le_bytes(bits)), number, "{bits:x}");
        }
        assert!(of_half(&[0x00, 0x7e]).is_nan() && of_half(&[0]).is_nan());
    }

    #[test]
    fn decimals_of_any_length_are_what_their_text_is() {
        for (number, scale, text) in [
            (0, 0, "0"),
            (-125, 2, "-1.25"),
            (1, 3, "0.001"),
            (i128::MIN, 38, "-1.7014118346046923173168730371588410572800"),
        ] {
            assert_eq!(of_decimal(number, scale), text.parse::<f64>().unwrap());
            // Longer than it must be: the sign stands before it.
            for length in [16, 17, 32] {
                let sign = if number < 0 { 0xff } else { 0 };
                let bytes = [vec![sign; length - 16], number.to_be_bytes().to_vec()].concat();
                assert_eq!(of_decimal_bytes(&bytes, scale), text.parse::<f64>().unwrap(), "{text}");
            }
        }
        // 2 to the power of 200, and what is one less than minus that.
        let mut bytes = [0; 26];
        bytes[0] = 1;
        assert_eq!(
            digits(&bytes, false).trim_start_matches('0'),
            "1606938044258990275541962092341162602522202993782792835301376"
        );
        bytes = [0xff; 26];
        bytes[0] = 0xfe;
        assert_eq!(of_decimal_bytes(&bytes, 60), -1.606_938_044_258_990_3);
        assert!(of_decimal_bytes(&[], 0).is_nan() && of_decimal_bytes(&[1; 65], 0).is_nan());
    }

    proptest! {
        #[test]
        fn the_long_way_and_the_short_one_give_the_same(number: i128, scale in 0..39) {
            let sign = if number < 0 { 0xff } else { 0 };
            let bytes = [vec![sign], number.to_be_bytes().to_vec()].concat();
            prop_assert_eq!(of_decimal_bytes(&bytes, scale), of_decimal(number, scale));
        }
    }
}
