//! Numbers as people and other programs write them: with a decimal comma, in thousands, with a percent sign, a currency or
//! a unit. They are no numbers here, and no words either: what is wrong is said.

/// How tables write that a value is missing, in lower case, whatever else stands in the column.
pub(crate) const MISSING: [&str; 2] = ["", "?"];
/// How they write it too; these may be words, and are where other words stand in the column.
pub(crate) const MISSING_NUMBERS: [&str; 16] = [
    "na", "n/a", "#n/a", "<na>", "n.a.", "nan", "nat", "null", "#null!", "none", "nil", "-", "--", ".",
    "\\n", "(null)",
];

/// How programs write that there is nothing, letter by letter: pandas, R, databases and spreadsheets. What people write too, as
/// `none` and `-`, may be a word.
const NOTHING: [&str; 18] = [
    "NULL", "Null", "null", "\\N", "(null)", "#NULL!", "NaN", "nan", "NAN", "NaT", "None", "NA", "<NA>",
    "N/A", "n/a", "#N/A", "#NA", "<nil>",
];
/// How they write what is true, and what is not, in lower case.
const TRUE: [&str; 4] = ["true", "t", "yes", "y"];
const FALSE: [&str; 4] = ["false", "f", "no", "n"];

/// Signs of currencies, and their codes.
const CURRENCIES: [char; 8] = ['$', '€', '£', '¥', '₹', '₩', '₽', '฿'];
const CODES: [&str; 16] = [
    "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "AUD", "CAD", "SEK", "NOK", "DKK", "PLN", "BRL", "KRW",
    "Rs",
];
/// Blanks that stand between thousands.
const BLANKS: [char; 4] = [' ', '\u{a0}', '\u{202f}', '\u{2009}'];
/// Longest text that may be a number, in bytes: signs within signs are looked through.
const LONGEST: usize = 64;
/// Longest word that is taken for a unit behind a number, in characters.
const LONGEST_UNIT: usize = 10;
/// Endings of ordinals, which are words.
const ORDINALS: [&str; 4] = ["st", "nd", "rd", "th"];

/// Whether it is a finite number as it stands.
pub(crate) fn is_number(cell: &str) -> bool {
    cell.parse().is_ok_and(f64::is_finite)
}

/// Whether it says that a number is missing.
pub(crate) fn is_missing(cell: &str) -> bool {
    MISSING_NUMBERS.iter().any(|missing| missing.eq_ignore_ascii_case(cell))
}

/// Whether it is how programs write that there is nothing, which is no word.
pub(crate) fn is_nothing(cell: &str) -> bool {
    NOTHING.contains(&cell)
}

/// The truth value that a word is; `None` where it is none.
fn truth_value(cell: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(cell));
    if is_one_of(TRUE) { Some(true) } else { is_one_of(FALSE).then_some(false) }
}

/// The number that it is: a truth value is 1 or 0.
pub(crate) fn number_or_truth(cell: &str) -> Option<f64> {
    cell.parse().ok().or_else(|| truth_value(cell).map(|truth| f64::from(u8::from(truth))))
}

/// What makes a number of another notation of this text; `None` where it is a number as it stands, or no number at all.
pub(crate) fn notation(cell: &str) -> Option<&'static str> {
    let cell = cell.trim();
    if cell.len() > LONGEST || is_number(cell) || !cell.contains(|c: char| c.is_numeric()) {
        return None;
    }
    let is_foreign = |c: char| c.is_numeric() && !c.is_ascii_digit();
    if cell.contains(is_foreign) && cell.chars().all(|c| is_foreign(c) || ".,٫٬+-−% ".contains(c)) {
        return Some("digits of another script");
    }
    // Signs that a spreadsheet or a rounding put before it.
    let plain = |text: &str| is_number(text) || notation(text).is_some();
    if let Some(rest) = cell.strip_prefix(['~', '≈', '<', '>', '≤', '≥', '=', '\'']) {
        let rest = rest.trim_start_matches('=').trim().trim_matches('"');
        return plain(rest).then_some("a sign before it");
    }
    if let Some((mantissa, exponent)) = cell.split_once(['d', 'D'])
        && is_number(mantissa)
        && exponent.parse::<i32>().is_ok()
    {
        return Some("an exponent that is written D");
    }
    if let Some((mantissa, power)) = cell.split_once(['×', '*'])
        && power.trim().starts_with("10")
        && is_number(mantissa.trim())
    {
        return Some("a power of ten that is written out");
    }
    if let Some(inside) = cell.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return (is_number(inside) || notation(inside).is_some()).then_some("brackets for a minus");
    }
    let signed = |text: &str| is_number(text) || separated(text).is_some();
    if let Some(rest) = cell.strip_prefix(['−', '–']) {
        return signed(rest.trim()).then_some("a minus that is no hyphen");
    }
    if let Some(rest) = cell.strip_suffix('-') {
        return signed(rest.trim()).then_some("a minus behind it");
    }
    if let Some(rest) = cell.strip_prefix("0x").or_else(|| cell.strip_prefix("0X")) {
        let is_hex = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_hexdigit());
        return is_hex.then_some("hexadecimal digits");
    }
    let unsigned = cell.strip_prefix(['+', '-']).unwrap_or(cell).trim();
    if let Some(rest) = cell.strip_suffix(['%', '‰']).or_else(|| cell.strip_prefix('%')) {
        return signed(rest.trim()).then_some("a percent sign");
    }
    let code = |text: &str| CODES.iter().find(|code| text == **code).is_some();
    let before = unsigned.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    let head = unsigned[..before].trim_end_matches(['.', ',', '-', '+']).trim();
    if !head.is_empty() {
        let is_currency = head.chars().all(|c| CURRENCIES.contains(&c)) || code(head);
        return (is_currency && signed(unsigned[head.len()..].trim())).then_some("a currency");
    }
    let end = unsigned.rfind(|c: char| c.is_ascii_digit()).map_or(0, |i| i + 1);
    let tail = unsigned[end..].trim_start_matches('.').trim();
    let number = unsigned[..unsigned.len() - unsigned[end..].trim_start_matches('.').len()].trim();
    if !tail.is_empty() {
        if !signed(number) {
            return None;
        }
        if tail.chars().all(|c| CURRENCIES.contains(&c)) || code(tail) {
            return Some("a currency");
        }
        let is_unit = tail.chars().count() <= LONGEST_UNIT
            && tail.chars().all(|c| c.is_alphabetic() || "/°²³µ".contains(c))
            && !ORDINALS.contains(&tail);
        return is_unit.then_some("a unit");
    }
    separated(unsigned)
}

/// What separates the digits of a number that is none as it stands.
fn separated(text: &str) -> Option<&'static str> {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if let Some((whole, rest)) = text.split_once(',') {
        let exponent = rest.split_once(['e', 'E']).map_or(rest, |(mantissa, _)| mantissa);
        // 1,234 may be either; both are no number here.
        if (whole.is_empty() || digits(whole)) && digits(exponent) {
            return Some("a decimal comma");
        }
    }
    for (thousands, decimal) in [(",", '.'), (".", ','), ("'", '.'), ("’", '.'), ("_", '.')]
        .into_iter()
        .chain(BLANKS.iter().flat_map(|b| {
            let blank: &'static str = match b {
                ' ' => " ",
                '\u{a0}' => "\u{a0}",
                '\u{202f}' => "\u{202f}",
                _ => "\u{2009}",
            };
            [(blank, '.'), (blank, ',')]
        }))
    {
        let (whole, fraction) = text.split_once(decimal).map_or((text, None), |(w, f)| (w, Some(f)));
        let mut groups = whole.split(thousands);
        let first = groups.next().unwrap_or("");
        let rest: Vec<&str> = groups.collect();
        let is_grouped = !rest.is_empty()
            && digits(first)
            && first.len() <= 3
            && rest.iter().all(|group| digits(group) && (2..=3).contains(&group.len()))
            && rest.last().is_some_and(|group| group.len() == 3);
        if is_grouped && fraction.is_none_or(digits) {
            return Some("separators of thousands");
        }
    }
    None
}

/// What to add to the numbers that are allowed, where one stands in another notation.
pub(crate) fn of_notation(cell: &str) -> String {
    notation(cell).map_or_else(String::new, |what| format!("; what stands there has {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_write_for_nothing_is_no_word_and_what_people_write_may_be_one() {
        assert!(NOTHING.iter().all(|cell| is_nothing(cell)));
        for word in ["", "none", "nil", "na", "-", ".", "?", "Nat", "nullius", "NULL ", "0"] {
            assert!(!is_nothing(word), "{word}");
        }
    }

    #[test]
    fn truth_values_are_those_of_pandas_databases_and_spreadsheets() {
        for (cell, number) in [
            ("True", 1.0),
            ("TRUE", 1.0),
            ("t", 1.0),
            ("yes", 1.0),
            ("Y", 1.0),
            ("1", 1.0),
            ("false", 0.0),
            ("f", 0.0),
            ("No", 0.0),
            ("n", 0.0),
            ("0.0", 0.0),
            ("-2.5", -2.5),
        ] {
            assert_eq!(number_or_truth(cell), Some(number), "{cell}");
        }
        for cell in ["", "tr", "yes please", "wahr", "1,0", "on"] {
            assert_eq!(number_or_truth(cell), None, "{cell}");
        }
    }

    #[test]
    fn numbers_of_other_notations_are_known_and_words_are_none() {
        for (cell, what) in [
            ("1,5", "a decimal comma"),
            ("-0,25", "a decimal comma"),
            (",5", "a decimal comma"),
            ("1,5e3", "a decimal comma"),
            ("1,234.5", "separators of thousands"),
            ("1,234,567", "separators of thousands"),
            ("12,34,567", "separators of thousands"),
            ("1.234,5", "separators of thousands"),
            ("1.234.567", "separators of thousands"),
            ("1 234", "separators of thousands"),
            ("1\u{a0}234,5", "separators of thousands"),
            ("1'234", "separators of thousands"),
            ("1_000", "separators of thousands"),
            ("5%", "a percent sign"),
            ("12,5 %", "a percent sign"),
            ("$5", "a currency"),
            ("-$1,200.50", "a currency"),
            ("5 €", "a currency"),
            ("USD 5", "a currency"),
            ("5.50 EUR", "a currency"),
            ("12kg", "a unit"),
            ("3.5 ms", "a unit"),
            ("5 km/h", "a unit"),
            ("1,5 m", "a unit"),
            ("(5)", "brackets for a minus"),
            ("5-", "a minus behind it"),
            ("−5", "a minus that is no hyphen"),
            ("0x1F", "hexadecimal digits"),
            ("٣", "digits of another script"),
            ("٨٤٠٫١٨", "digits of another script"),
            ("８４０.１８", "digits of another script"),
            ("~5", "a sign before it"),
            ("<0.5", "a sign before it"),
            ("'12", "a sign before it"),
            ("=\"1.5\"", "a sign before it"),
            ("8.4D+02", "an exponent that is written D"),
            ("8.4×10^2", "a power of ten that is written out"),
            ("5 million", "a unit"),
        ] {
            assert_eq!(notation(cell), Some(what), "{cell}");
        }
        for word in [
            "5",
            "1e3",
            "-.5",
            "",
            "red",
            "A12",
            "v1.2.3",
            "1.2.3",
            "2019-11-24",
            "12:30",
            "18-24",
            "1st",
            "22nd",
            "item 7",
            "1/2",
            "10 Downing Street",
            "192.168.0.1",
            "x,y",
            "inf",
            "NaN",
        ] {
            assert_eq!(notation(word), None, "{word}");
        }
        // Nobody writes a number like that, and looking through it takes a stack as deep.
        for sign in ["(", "~"] {
            assert_eq!(notation(&(sign.repeat(1_000_000) + "1" + &")".repeat(1_000_000))), None);
        }
    }
}
