//! A policy as a table: a fixed probability for each item, from a CSV with the columns `item` and `probability`.

use crate::error::{Error, Fault, Result, within};
use crate::read::{csv_error, csv_line};
use std::collections::HashMap;

/// How far the probabilities of a table may be from adding up to 1.
const SUM_TOLERANCE: f64 = 1e-6;

/// One line.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    item: String,
    probability: f64,
}

/// Item and probability of every line of `text`, which errors call `name`.
///
/// # Errors
/// A line that is not one, a table without any; probabilities outside [0, 1] or that do not add up to 1; an item that
/// stands twice, is empty or has blanks around it, as no log has.
pub(super) fn parse(name: &str, text: &str) -> Result<Vec<(Vec<u8>, f64)>> {
    let mut items = Vec::new();
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let malformed = |origin: String, message: String| Error::Malformed { origin, message };
    let headers = reader.headers().map_err(|e| malformed(name.to_owned(), e.to_string()))?.clone();
    for record in reader.records() {
        let record = record.map_err(|error| csv_error(name, text.as_bytes(), &error))?;
        let number = csv_line(text.as_bytes(), record.position());
        let origin = || format!("{name}, line {number}");
        let Line { item, probability } =
            record.deserialize(Some(&headers)).map_err(|e| malformed(origin(), why(&e)))?;
        within("probability", probability, 0.0, 1.0).map_err(|fault| fault.at(origin()))?;
        if item.is_empty() || item.trim() != item {
            let allowed = "the name of an item, without blanks around it";
            return Err(Fault::new("item", format!("{item:?}"), allowed).at(origin()));
        }
        if let Some(first) = seen.insert(item.clone(), number) {
            let allowed = format!("each item once; it stands in line {first}");
            return Err(Fault::new("item", format!("{item:?} again"), allowed).at(origin()));
        }
        items.push((item.into_bytes(), probability));
    }
    if items.is_empty() {
        let allowed = "the columns item and probability, and a line for each item";
        return Err(Fault::new("the table", "empty", allowed).at(name));
    }
    let sum: f64 = items.iter().map(|(_, p)| p).sum();
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return Err(Fault::new("the sum of probabilities", sum, "1").at(name));
    }
    Ok(items)
}

/// What is wrong with a record, without the place that the parser gives it.
fn why(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let field = err.field().map_or("", |i| if i == 0 { "first column: " } else { "second column: " });
            format!("{field}{}", err.kind())
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_must_add_up_and_name_each_item_once() {
        let table = |lines: &str| parse("t.csv", &format!("item,probability\n{lines}"));
        assert!(table("a,0.25\nb,0.75\n").is_ok());
        let message = |lines: &str| table(lines).unwrap_err().to_string();
        assert_eq!(message("a,0.25\nb,0.5\n"), "t.csv: the sum of probabilities is 0.75; allowed: 1");
        assert_eq!(
            message("a,0.5\n\n\na,0.5\n"),
            "t.csv, line 5: item is \"a\" again; allowed: each item once; it stands in line 2"
        );
        assert!(message("\na,1.5\nb,-0.5\n").starts_with("t.csv, line 3: probability is 1.5;"));
        assert_eq!(message("\na,x\n"), "t.csv, line 3: second column: invalid float literal");
        assert!(message("a,0.5\nb ,0.5\n").starts_with("t.csv, line 3: item is \"b \"; allowed: the name"));
        assert_eq!(message("a,0.5\nb\n"), "t.csv, line 3: 1 fields; the header has 2");
        assert!(message("").starts_with("t.csv: the table is empty; allowed: the columns item and"));
        assert!(parse("t.csv", "").unwrap_err().to_string().starts_with("t.csv: the table is empty"));
        let header = parse("t.csv", "item,share\na,1\n").unwrap_err().to_string();
        assert!(header.starts_with("t.csv, line 2: unknown field `share`"), "{header}");
    }
}
