//! A policy as a table: a fixed probability for each item, from a CSV with the columns `item` and `probability`.

use crate::base::error::{Fault, Result, within};
use crate::base::read::{Table, of_notation};
use std::collections::HashMap;

/// How far each probability of a table may be rounded, so that together they may be so often as far from adding up to 1.
const TOLERANCE: f64 = 1e-6;
/// How far sums of what was not rounded are from 1.
const EXACT: f64 = 1e-9;
/// Its columns, in any order.
const COLUMNS: [&str; 2] = ["item", "probability"];
/// So many columns of another table show what it is.
const SHOWN: usize = 12;
/// What such a table has, for whoever wrote another one.
const WANTED: &str =
    "a line for each item that the policy may show, with the probability with which it shows it; together 1";

/// Item and probability of every line of `text`, which errors call `name`.
///
/// # Errors
/// A line that is not one, a table without any, other columns; probabilities outside [0, 1] or that do not add up to 1;
/// an item that stands twice, is empty or has blanks around it, as no log has.
pub(super) fn parse(name: &str, text: &[u8]) -> Result<Vec<(Vec<u8>, f64)>> {
    let table = Table::parse(name, text)?;
    let column = |name: &str| {
        let position = table.header().iter().position(|own| own == name);
        position.ok_or_else(|| {
            let there = table.header().iter().take(SHOWN).map(|own| format!("{own:?}")).collect::<Vec<_>>();
            let found = format!("{}, without {name:?}", there.join(", "));
            let allowed = format!("the columns item and probability: {WANTED}");
            Fault::new("the header", found, allowed).at(table.at_header())
        })
    };
    let [item_column, probability_column] = [column(COLUMNS[0])?, column(COLUMNS[1])?];
    if let Some(other) = table.header().iter().find(|column| !COLUMNS.contains(&column.as_str())) {
        let fault =
            Fault::new("the header", format!("{other:?} too"), "the columns item and probability alone");
        return Err(fault.at(table.at_header()));
    }
    let mut items = Vec::new();
    let mut seen: HashMap<&str, u64> = HashMap::new();
    for (number, record) in table.records() {
        let at = |fault: Fault| fault.at(format!("{name}, line {number}"));
        let (item, probability) = (&record[item_column], &record[probability_column]);
        if item.is_empty() || item.trim() != item {
            let allowed = "the name of an item, without blanks around it";
            return Err(at(Fault::new("item", format!("{item:?}"), allowed)));
        }
        let parsed = probability.trim().parse().map_err(|_| {
            let allowed = format!("a number in [0, 1]{}", of_notation(probability));
            at(Fault::new("probability", format!("{probability:?}"), allowed))
        });
        let probability = within("probability", parsed?, 0.0, 1.0).map_err(at)?;
        if let Some(first) = seen.insert(item, number) {
            let allowed = format!("each item once; it stands in line {first}");
            return Err(at(Fault::new("item", format!("{item:?} again"), allowed)));
        }
        items.push((item.as_bytes().to_vec(), probability));
    }
    if items.is_empty() {
        return Err(Fault::new("the table", "empty", WANTED).at(name));
    }
    let sum: f64 = items.iter().map(|(_, p)| p).sum();
    if (sum - 1.0).abs() > TOLERANCE * items.len() as f64 {
        let allowed = format!("1, of {WANTED}; an item without a line has probability 0");
        return Err(Fault::new("the sum of probabilities", sum, allowed).at(name));
    }
    if (sum - 1.0).abs() > EXACT {
        items.iter_mut().for_each(|(_, p)| *p /= sum);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_any_order() {
        let expected = [(b"a".to_vec(), 0.25), (b"b,c".to_vec(), 0.75)];
        for text in
            ["item,probability\na,0.25\n\"b,c\",0.75\n", "probability,item\r\n 0.25,a\r\n\r\n0.75,\"b,c\""]
        {
            assert_eq!(parse("t.csv", text.as_bytes()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn probabilities_may_be_rounded_each_by_itself() {
        for (items, written) in [(3, "0.333333"), (7, "0.142857"), (300, "0.003333")] {
            let line = |i| format!("{i},{written}\n");
            let lines: String = (0..items).map(line).collect();
            let table = parse("t.csv", format!("item,probability\n{lines}").as_bytes()).unwrap();
            let sum: f64 = table.iter().map(|(_, p)| p).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{items}: {sum}");
        }
        assert!(parse("t.csv", b"item,probability\na,0.5\nb,0.49999\n").is_err());
    }

    #[test]
    fn what_is_no_table_is_refused_with_line_column_value_and_what_is_allowed() {
        let in_0_1 = "allowed: a number in [0, 1]";
        for (lines, expected) in [
            (
                "a,0.25\nb,0.5\n",
                format!(
                    "t.csv: the sum of probabilities is 0.75; allowed: 1, of {WANTED}; an item without a line has \
                     probability 0"
                ),
            ),
            (
                "a,0.5\n\n\na,0.5\n",
                "t.csv, line 5: item is \"a\" again; allowed: each item once; it stands in line 2".to_owned(),
            ),
            ("\na,1.5\nb,-0.5\n", format!("t.csv, line 3: probability is 1.5; {in_0_1}")),
            ("a,1\nb,-0.5\n", format!("t.csv, line 3: probability is -0.5; {in_0_1}")),
            ("a,NaN\n", format!("t.csv, line 2: probability is NaN; {in_0_1}")),
            ("a,inf\n", format!("t.csv, line 2: probability is inf; {in_0_1}")),
            ("\na,x\n", format!("t.csv, line 3: probability is \"x\"; {in_0_1}")),
            ("a,\n", format!("t.csv, line 2: probability is \"\"; {in_0_1}")),
            (
                "a,\"0,5\"\n",
                format!(
                    "t.csv, line 2: probability is \"0,5\"; {in_0_1}; what stands there has a decimal comma"
                ),
            ),
            (
                "a,0.5\nb ,0.5\n",
                "t.csv, line 3: item is \"b \"; allowed: the name of an item, without blanks around it"
                    .to_owned(),
            ),
            (
                ",1\n",
                "t.csv, line 2: item is \"\"; allowed: the name of an item, without blanks around it"
                    .to_owned(),
            ),
            ("a,0.5\nb\n", "t.csv, line 3: 1 fields; the header has 2".to_owned()),
            ("a,0.5\nb,0.5,x\n", "t.csv, line 3: 3 fields; the header has 2".to_owned()),
            ("a,\"0.5\nb,0.5\n", "t.csv, line 2, column 3: a quote that is never closed".to_owned()),
            ("", format!("t.csv: the table is empty; allowed: {WANTED}")),
        ] {
            let said =
                parse("t.csv", format!("item,probability\n{lines}").as_bytes()).unwrap_err().to_string();
            assert_eq!(said, expected, "{lines}");
        }
        for (text, expected) in [
            (&b""[..], "t.csv, line 1: no header; it names the columns"),
            (
                b"item,share\na,1\n",
                "t.csv, line 1: the header is \"item\", \"share\", without \"probability\"; allowed: the columns item and probability: \
                 a line for each item that the policy may show, with the probability with which it shows it; together 1",
            ),
            (
                b"Item,probability\n",
                "t.csv, line 1: the header is \"Item\", \"probability\", without \"item\"; allowed: the columns item and probability: \
                 a line for each item that the policy may show, with the probability with which it shows it; together 1",
            ),
            (
                b"item,probability,item\n",
                "t.csv, line 1: the header is \"item\" again; allowed: a name for each column, each once",
            ),
            (
                b"item,probability,\n",
                "t.csv, line 1: the header is blank in its field 3; allowed: a name for each column, each once",
            ),
            (
                b"item,note,probability\n",
                "t.csv, line 1: the header is \"note\" too; allowed: the columns item and probability alone",
            ),
            (b"item,probability\na,0.5\nb\xff,0.5\n", "t.csv, line 3, column 2: not UTF-8"),
        ] {
            assert_eq!(parse("t.csv", text).unwrap_err().to_string(), expected);
        }
    }
}
