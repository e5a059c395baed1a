//! A labelled table as a bandit environment: the candidates are the classes, the right one earns 1, any
//! other 0 (Beygelzimer & Langford 2009). What only a classifier would be told, the right class, a policy
//! has to find out by choosing.

use crate::error::{Error, Fault, Result};
use crate::read::{csv_error, csv_line};
use std::collections::BTreeSet;
use std::path::Path;

/// Most classes, and most values of a column of words.
const MAX_VALUES: usize = 1000;
/// What to do about cells that are missing.
const COMPLETE: &str = "leave out rows or columns with missing values, or fill them in";

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
    /// A file that cannot be read or has no such column, rows of unequal length, empty fields, numbers that
    /// are not finite, less than two classes, or too many.
    pub fn load(path: &Path, label: &str) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::io("read", path))?;
        Self::parse(&text, &path.display().to_string(), label)
    }

    pub(crate) fn parse(text: &[u8], origin: &str, label: &str) -> Result<Self> {
        let malformed = |origin: String, message: String| Error::Malformed { origin, message };
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers().map_err(|e| malformed(origin.to_owned(), e.to_string()))?;
        let header: Vec<String> = header.iter().map(str::to_owned).collect();
        let mut distinct = BTreeSet::new();
        if let Some(twice) = header.iter().find(|name| !distinct.insert(*name)) {
            let fault = Fault::new("the header", format!("{twice:?} again"), "each column once");
            return Err(fault.at(origin));
        }
        let unknown = || Error::unknown("column", label, header.iter().take(12)).to_string();
        let place = header.iter().position(|h| h == label);
        let label = place.ok_or_else(|| malformed(origin.to_owned(), unknown()))?;
        let mut columns = vec![Vec::new(); header.len()];
        let mut lines = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| csv_error(origin, text, &error))?;
            let line = csv_line(text, record.position());
            for ((column, name), value) in columns.iter_mut().zip(&header).zip(&record) {
                if value.trim().is_empty() {
                    return Err(Fault::new(name, "empty", format!("a value; {COMPLETE}"))
                        .at(format!("{origin}, line {line}")));
                }
                column.push(value.trim().to_owned());
            }
            lines.push(line);
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

/// The first cell, with its row, of a column of numbers that is none: in a column of words each word is a feature, and
/// a missing number that is written as one would make features of all numbers.
fn wrong_number(column: &[String], name: &str) -> Option<(usize, Fault)> {
    let is_number = |cell: &&String| cell.parse().is_ok_and(f64::is_finite);
    if 2 * column.iter().filter(is_number).count() < column.len().max(1) {
        return None;
    }
    let row = column.iter().position(|cell| !is_number(&cell))?;
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
            message("size,klass\n1,a\n").contains("t.csv: unknown column \"class\", did you mean \"klass\"?")
        );
        assert!(message("size,class\n1,a\n2,a\n").contains("class is a column of 1 different values"));
        assert!(message("size,class\n1,a\n,b\n").contains("t.csv, line 3: size is empty"));
        assert_eq!(message("size,class\n1,a\n\n2\n"), "t.csv, line 4: 1 fields; the header has 2");
        for missing in ["inf", "NaN", "NA", "?"] {
            let said = message(&format!("size,class\n1,a\n\n{missing},b\n2,b\n"));
            assert!(
                said.starts_with(&format!("t.csv, line 4: size is \"{missing}\"; allowed: a finite number")),
                "{said}"
            );
        }
        assert!(parse("size,class\nNA,a\nsmall,b\n").is_ok());
        assert!(message("class,size,class\na,1,b\n").starts_with("t.csv: the header is \"class\" again"));
        assert!(message("size,class\n").contains("class is a column of 0 different values"));
    }
}
