//! A labelled table as a bandit environment: the candidates are the classes, the right one earns 1, any
//! other 0 (Beygelzimer & Langford 2009). What only a classifier would be told, the right class, a policy
//! has to find out by choosing.

use crate::base::error::{Fault, Result};
use crate::base::read::{self, Table};
use std::collections::BTreeSet;
use std::path::Path;

/// Most classes, and most values of a column of words.
const MAX_VALUES: usize = 1000;
/// What to do about cells that are missing.
const COMPLETE: &str = "leave out rows or columns with missing values, or fill them in";
/// How tables write that a value is missing, whatever else stands in the column.
const MISSING: [&str; 2] = ["", "?"];
/// How they write it too, in lower case; these may be words, and are where other words stand in the column.
const MISSING_NUMBERS: [&str; 6] = ["na", "n/a", "nan", "null", "none", "-"];

/// Rows of numbers, each with the class that is right.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTable {
    classes: Vec<String>,
    dim: usize,
    /// Row by row: a 1, then every column scaled into [-1, 1].
    vectors: Vec<f64>,
    labels: Vec<usize>,
}

impl LabelledTable {
    /// The CSV at `path`, with the class in the column `label`.
    ///
    /// # Errors
    /// A file that cannot be read or has no such column, columns without a name or with the same one, rows of unequal
    /// length, values that are missing, numbers that are not finite, less than two classes, or too many.
    pub fn load(path: &Path, label: &str) -> Result<Self> {
        Self::parse(&read::bytes(path)?, &path.display().to_string(), label)
    }

    pub(crate) fn parse(text: &[u8], origin: &str, label: &str) -> Result<Self> {
        let table = Table::parse(origin, text)?;
        let (header, label) = (table.header(), table.column(label)?);
        let mut columns = vec![Vec::new(); header.len()];
        let mut lines = Vec::new();
        for (line, record) in table.records() {
            for ((column, name), value) in columns.iter_mut().zip(header).zip(record) {
                let value = value.trim();
                if MISSING.contains(&value) {
                    return Err(missing(name, value).at(format!("{origin}, line {line}")));
                }
                column.push(value.to_owned());
            }
            lines.push(line);
        }
        for (column, name) in columns.iter().zip(header) {
            if let Some(row) = missing_number(column) {
                return Err(missing(name, &column[row]).at(format!("{origin}, line {}", lines[row])));
            }
        }
        let rows = lines.len();
        let (labels, classes) = numbered(&columns[label], &header[label], 2).map_err(|f| f.at(origin))?;
        let mut scaled = vec![vec![1.0; rows]];
        for (i, column) in columns.iter().enumerate().filter(|(i, _)| *i != label) {
            if let Some((row, fault)) = wrong_number(column, &header[i]) {
                return Err(fault.at(format!("{origin}, line {}", lines[row])));
            }
            scaled.extend(features(column, &header[i]).map_err(|f| f.at(origin))?);
        }
        let dim = scaled.len();
        let vectors = (0..rows).flat_map(|r| scaled.iter().map(move |column| column[r])).collect();
        Ok(Self { classes, dim, vectors, labels })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Names of the classes, sorted.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Length of a row's vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The vector of a row.
    pub fn vector(&self, row: usize) -> &[f64] {
        &self.vectors[row * self.dim..][..self.dim]
    }

    /// Index of the class that is right for a row.
    pub fn label(&self, row: usize) -> usize {
        self.labels[row]
    }
}

fn missing(name: &str, cell: &str) -> Fault {
    let value = if cell.is_empty() { "empty".to_owned() } else { format!("{cell:?}") };
    Fault::new(name, value, format!("a value; {COMPLETE}"))
}

fn is_number(cell: &str) -> bool {
    cell.parse().is_ok_and(f64::is_finite)
}

/// The first row in which a value is missing from a column that has numbers otherwise, or nothing: as a word, what stands
/// there would make a feature of each number, or a class.
fn missing_number(column: &[String]) -> Option<usize> {
    let is_missing = |cell: &str| MISSING_NUMBERS.contains(&cell.to_ascii_lowercase().as_str());
    let has_words = column.iter().any(|cell| !is_number(cell) && !is_missing(cell));
    column.iter().position(|cell| is_missing(cell)).filter(|_| !has_words)
}

/// The first cell, with its row, of a column of numbers that is none: in a column of words each word is a feature, and
/// a missing number that is written as one would make features of all numbers.
fn wrong_number(column: &[String], name: &str) -> Option<(usize, Fault)> {
    if 2 * column.iter().filter(|cell| is_number(cell)).count() < column.len().max(1) {
        return None;
    }
    let row = column.iter().position(|cell| !is_number(cell))?;
    let allowed = format!("a finite number, as most of its column; {COMPLETE}");
    Some((row, Fault::new(name, format!("{:?}", column[row]), allowed)))
}

/// A column of numbers, divided by the largest of them; or of words, one column of 0 and 1 for each word.
fn features(column: &[String], name: &str) -> Result<Vec<Vec<f64>>, Fault> {
    let numbers: Option<Vec<f64>> =
        column.iter().map(|v| v.parse().ok().filter(|x: &f64| x.is_finite())).collect();
    if let Some(mut numbers) = numbers {
        let largest = numbers.iter().fold(0.0_f64, |m, n| m.max(n.abs()));
        if largest > 0.0 {
            numbers.iter_mut().for_each(|n| *n /= largest);
        }
        return Ok(vec![numbers]);
    }
    let (values, words) = numbered(column, name, 1)?;
    let indicator = |word: usize| values.iter().map(|v| f64::from(u8::from(*v == word))).collect();
    Ok((0..words.len()).map(indicator).collect())
}

/// The sorted distinct values of a column, and the number of each row's.
fn numbered(column: &[String], name: &str, least: usize) -> Result<(Vec<usize>, Vec<String>), Fault> {
    let distinct: Vec<String> =
        column.iter().collect::<BTreeSet<_>>().into_iter().take(MAX_VALUES + 1).cloned().collect();
    if !(least..=MAX_VALUES).contains(&distinct.len()) {
        let value = format!("a column of {} different values", distinct.len());
        return Err(Fault::new(name, value, format!("{least} to {MAX_VALUES}")));
    }
    let number = |value: &String| distinct.binary_search(value).expect("it is among them");
    Ok((column.iter().map(number).collect(), distinct))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<LabelledTable> {
        LabelledTable::parse(text.as_bytes(), "t.csv", "class")
    }

    #[test]
    fn numbers_are_scaled_and_words_become_indicators() {
        let table = parse("size,class,colour\n2,cat,red\n-4,ant,blue\n1,cat,blue\n").unwrap();
        assert_eq!(table.classes(), ["ant", "cat"]);
        assert_eq!((table.len(), table.dim()), (3, 4));
        assert_eq!(table.vector(0), [1.0, 0.5, 0.0, 1.0]);
        assert_eq!(table.vector(1), [1.0, -1.0, 1.0, 0.0]);
        assert_eq!((0..3).map(|r| table.label(r)).collect::<Vec<_>>(), [1, 0, 1]);
    }

    #[test]
    fn what_is_not_a_labelled_table_is_named() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        assert!(
            message("size,klass\n1,a\n")
                .contains("t.csv, line 1: unknown column \"class\", did you mean \"klass\"?")
        );
        assert!(message("size,class\n1,a\n2,a\n").contains("class is a column of 1 different values"));
        assert!(message("size,class\n1,a\n,b\n").contains("t.csv, line 3: size is empty"));
        assert_eq!(message("size,class\n1,a\n\n2\n"), "t.csv, line 4: 1 fields; the header has 2");
        for wrong in ["inf", "small"] {
            let said = message(&format!("size,class\n1,a\n\n{wrong},b\n2,b\n"));
            assert!(
                said.starts_with(&format!("t.csv, line 4: size is \"{wrong}\"; allowed: a finite number")),
                "{said}"
            );
        }
        let again =
            "t.csv, line 1: the header is \"class\" again; allowed: a name for each column, each once";
        assert_eq!(message("class,size,class\na,1,b\n"), again);
        let blank =
            "t.csv, line 1: the header is blank in its field 1; allowed: a name for each column, each once";
        assert_eq!(message(",size,class\n0,1,a\n1,2,b\n"), blank);
        assert_eq!(
            message("size,class\n1,a\n2,\"b\n"),
            "t.csv, line 3, column 3: a quote that is never closed"
        );
        assert!(message("size,class\n").contains("class is a column of 0 different values"));
    }

    /// However many of them there are: a column would else be one of words, each number a feature of its own.
    #[test]
    fn missing_values_are_named_and_never_words() {
        let allowed = "allowed: a value; leave out rows or columns with missing values, or fill them in";
        for marker in ["?", "NA", "n/a", "NaN", "null", "None", "-"] {
            for (size, line) in [("1,2,{}", 4), ("1,{},{}", 3), ("{},{},{}", 2)] {
                let sizes = size.replace("{}", marker);
                let rows = sizes.replace(',', ",a\n") + ",a\n";
                let said = parse(&format!("size,class\n{rows}3,b\n")).unwrap_err().to_string();
                assert_eq!(said, format!("t.csv, line {line}: size is {marker:?}; {allowed}"));
            }
            let said = parse(&format!("size,class\n1,1\n2,2\n3,{marker}\n")).unwrap_err().to_string();
            assert_eq!(said, format!("t.csv, line 4: class is {marker:?}; {allowed}"));
            // Beside words most of them may be one.
            let beside = parse(&format!("size,class\n{marker},a\nsmall,b\n1,b\n"));
            assert_eq!(beside.is_ok(), marker != "?", "{marker}");
        }
    }
}
