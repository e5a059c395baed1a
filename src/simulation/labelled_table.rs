//! A labelled table as a bandit environment: the candidates are the classes, the right one earns 1, any
//! other 0 (Beygelzimer & Langford 2009). What only a classifier would be told, the right class, a policy
//! has to find out by choosing.

use crate::base::error::{Fault, Result};
use crate::base::read::{self, MISSING, Table, is_missing, is_number, notation, of_notation};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most classes, and most values of a column of words.
const MAX_VALUES: usize = 1000;
/// Numbers that all rows may have in all, whatever the file's length, and for each of its bytes: words make many of few.
const MAX_NUMBERS: usize = 1 << 23;
const NUMBERS_OF_BYTE: usize = 2;
/// Numbers that a policy's model of all classes may have.
const MAX_MODEL: usize = 1 << 26;
/// What to do about cells that are missing.
const COMPLETE: &str = "leave out rows or columns with missing values, or fill them in";
/// Share of the cells of a column, from which on it is one of numbers although some are written in another notation.
const NEARLY_ALL: f64 = 0.9;
/// Rows from which on a column whose cells have digits and nearly all differ is none of words, and how many of them differ.
const MANY: (usize, f64) = (50, 0.5);
/// A column is scaled by what its middle spans, not by its largest number, where that is so many times as far away.
const FAR: f64 = 10.0;
/// A column is taken by its logarithm, from its middle on both sides, where the middle half of its numbers would span less
/// of [-1, 1] than this.
const SKEWED: f64 = 0.1;

/// Rows of numbers, each with the class that is right.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledTable {
    classes: Vec<String>,
    dim: usize,
    /// Row by row: a 1, then every column scaled into [-1, 1].
    vectors: Vec<f64>,
    labels: Vec<usize>,
    words: Vec<(String, usize)>,
    alike: Option<[String; 2]>,
}

impl LabelledTable {
    /// The CSV at `path`, with the class in the column `label`; the columns `words` are words, whatever stands there.
    ///
    /// # Errors
    /// A file that cannot be read or has no such column, columns without a name or with the same one, rows of unequal
    /// length, values that are missing, numbers that are not finite or in another notation, less than two classes, or
    /// too many.
    pub fn load(path: &Path, label: &str, words: &[String]) -> Result<Self> {
        Self::parse(&read::bytes(path)?, &path.display().to_string(), label, words)
    }

    pub(crate) fn parse(text: &[u8], origin: &str, label: &str, words: &[String]) -> Result<Self> {
        let table = Table::parse(origin, text)?;
        let (header, label) = (table.header(), table.column(label)?);
        let as_words: Vec<usize> = words.iter().map(|name| table.column(name)).collect::<Result<_>>()?;
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
        let at = |row: usize| format!("{origin}, line {}", lines[row]);
        let may_be_numbers = |i: &usize| !as_words.contains(i);
        let (column, name) = (&columns[label], &header[label]);
        if let Some(fault) = no_words(column, name, "classes").filter(|_| !as_words.contains(&label)) {
            return Err(fault.at(at(0)));
        }
        for i in (0..columns.len()).filter(may_be_numbers) {
            if let Some(row) = missing_number(&columns[i]) {
                return Err(missing(&header[i], &columns[i][row]).at(at(row)));
            }
        }
        let rows = lines.len();
        let (labels, classes) = numbered(&columns[label], &header[label], 2).map_err(|f| f.at(origin))?;
        let (mut features, mut words) = (Vec::new(), Vec::new());
        for i in (0..columns.len()).filter(|i| *i != label) {
            let (column, name) = (&columns[i], &header[i]);
            if may_be_numbers(&i) {
                if let Some((row, fault)) = wrong_number(column, name) {
                    return Err(fault.at(at(row)));
                }
                if column.iter().all(|cell| is_number(cell)) && !are_codes(column) {
                    features.push(ColumnFeatures::Number(numbers(column)));
                    continue;
                }
                if let Some(fault) = no_words(column, name, "words") {
                    return Err(fault.at(at(0)));
                }
            }
            let (values, own) = numbered(column, name, 1).map_err(|f| f.at(origin))?;
            words.push((name.clone(), own.len()));
            features.push(ColumnFeatures::Words { values, count: own.len() });
        }
        let dim = 1 + features.iter().map(ColumnFeatures::count).sum::<usize>();
        let fits = rows * dim <= MAX_NUMBERS + NUMBERS_OF_BYTE * text.len()
            && dim * dim <= MAX_MODEL / classes.len();
        if !fits {
            let most = words.iter().max_by_key(|(_, count)| *count);
            let most =
                most.map_or_else(String::new, |(name, count)| format!("; column {name:?} has {count} words"));
            let value = format!("{dim} of {rows} rows, of each of {} classes", classes.len());
            let allowed =
                format!("fewer: leave out columns, or those of words with many different ones{most}");
            return Err(Fault::new("the number of features", value, allowed).at(origin));
        }
        let mut vectors = Vec::with_capacity(rows * dim);
        for row in 0..rows {
            vectors.push(1.0);
            features.iter().for_each(|column| column.write(row, &mut vectors));
        }
        let alike = alike(&classes);
        Ok(Self { classes, dim, vectors, labels, words, alike })
    }

    /// The columns that are words, each with how many different ones it has.
    pub fn words(&self) -> &[(String, usize)] {
        &self.words
    }

    /// Two classes that differ in how they are written alone, as `yes` and `Yes` or `1` and `1.0`, if there are such.
    pub fn classes_alike(&self) -> Option<&[String; 2]> {
        self.alike.as_ref()
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

/// The first row in which a value is missing from a column that has numbers otherwise, or nothing: as a word, what stands
/// there would make a feature of each number, or a class.
fn missing_number(column: &[String]) -> Option<usize> {
    let is_word = |cell: &String| !is_number(cell) && !is_missing(cell) && notation(cell).is_none();
    let has_words = column.iter().any(is_word);
    column.iter().position(|cell| is_missing(cell)).filter(|_| !has_words)
}

/// The first cell, with its row, of a column of numbers that is none: in a column of words each word is a feature, and
/// a missing number that is written as one would make features of all numbers, as would numbers in another notation.
fn wrong_number(column: &[String], name: &str) -> Option<(usize, Fault)> {
    let plain = column.iter().filter(|cell| is_number(cell)).count();
    let mostly = 2 * plain >= column.len().max(1);
    let others = column.iter().filter(|cell| notation(cell).is_some()).count();
    let nearly = (plain + others) as f64 >= NEARLY_ALL * column.len().max(1) as f64;
    if !mostly && !nearly {
        return None;
    }
    let row = column.iter().position(|cell| !is_number(cell))?;
    let number = if mostly { "a finite number, as most of its column" } else { "a number, as 1234.5" };
    let allowed = format!(
        "{number}{}; {COMPLETE}; --words {name} takes the column as words",
        of_notation(&column[row])
    );
    Some((row, Fault::new(name, format!("{:?}", column[row]), allowed)))
}

/// What is wrong with a column in which nearly every cell has digits and is like hardly another: times, fractions, names with a
/// number. As words each would be a feature of its own, of which nothing can be learned.
fn no_words(column: &[String], name: &str, what: &str) -> Option<Fault> {
    let with_digits = column.iter().filter(|cell| cell.contains(char::is_numeric)).count() as f64;
    let different = column.iter().collect::<BTreeSet<_>>().len();
    let rows = column.len() as f64;
    let is_none =
        column.len() >= MANY.0 && with_digits >= NEARLY_ALL * rows && different as f64 > MANY.1 * rows;
    is_none.then(|| {
        let allowed = format!(
            "numbers, or {what} of which each stands in many rows: here {different} of {} differ; --words {name} takes the column \
             as {what} all the same",
            column.len()
        );
        Fault::new(name, format!("{:?}", column[0]), allowed)
    })
}

/// Two classes that are the same number, or the same but for upper and lower case.
fn alike(classes: &[String]) -> Option<[String; 2]> {
    let mut met: BTreeMap<String, &String> = BTreeMap::new();
    classes.iter().find_map(|class| {
        let number = Some(class).filter(|class| is_number(class)).and_then(|class| class.parse::<f64>().ok());
        let plain = number.map_or_else(|| class.to_lowercase(), |number| (number + 0.0).to_string());
        met.insert(plain, class).map(|other| [other.clone(), class.clone()])
    })
}

/// Whether numbers are codes, as of postal areas: each has as many digits as the others, and some begin with a 0. What is
/// near such a number is no more like it than another. Where nearly all differ they are numbers, for nothing can be learned
/// of words of which each stands in one row.
fn are_codes(column: &[String]) -> bool {
    let is_code = |cell: &String| cell.len() == column[0].len() && cell.bytes().all(|b| b.is_ascii_digit());
    column[0].len() > 1
        && column.iter().all(is_code)
        && column.iter().any(|cell| cell.starts_with('0'))
        && no_words(column, "", "").is_none()
}

/// A column of numbers in [-1, 1], of which as much varies as may be. See [`scale`]; where most would lie close together
/// nevertheless, as prices and counts do, it is that of their logarithm.
fn numbers(column: &[String]) -> Vec<f64> {
    let numbers: Vec<f64> = column.iter().map(|cell| cell.parse().expect("it was one")).collect();
    let scaled = scale(numbers.clone());
    let [low, _, high] = quartiles(&different(&scaled));
    if high <= low || high - low >= SKEWED {
        return scaled;
    }
    // Of one sign they are seen from 0, and what is small among them counts; otherwise from their middle on both sides.
    let is_one_sided = numbers.iter().all(|x| *x >= 0.0) || numbers.iter().all(|x| *x <= 0.0);
    let (middle, unit) = if is_one_sided {
        let sizes: Vec<f64> = numbers.iter().map(|x| x.abs()).filter(|size| *size > 0.0).collect();
        (0.0, quartiles(&different(&sizes))[0])
    } else {
        let [low, middle, high] = quartiles(&different(&numbers));
        (middle, high / 2.0 - low / 2.0)
    };
    let logarithm = |x: f64| libm::log1p(((x - middle).abs() / unit).min(f64::MAX)).copysign(x - middle);
    scale(numbers.into_iter().map(logarithm).collect())
}

/// The quartiles of sorted numbers; zeros if there are none.
fn quartiles(sorted: &[f64]) -> [f64; 3] {
    let last = sorted.len().max(1) - 1;
    [0.25, 0.5, 0.75].map(|share| sorted.get((share * last as f64).round() as usize).copied().unwrap_or(0.0))
}

/// The different ones of these numbers, sorted.
fn different(numbers: &[f64]) -> Vec<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    sorted
}

/// Numbers divided by the largest of them, and, where 0 is not between them, moved into the middle before: a model has a
/// dimension that is always 1. Numbers that are far from all others count as the ends of those.
fn scale(mut numbers: Vec<f64>) -> Vec<f64> {
    let sorted = different(&numbers);
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return numbers };
    let (mut low, mut high) = (*first, *last);
    let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64).round() as usize];
    let (bottom, top) = (at(0.05), at(0.95));
    let reach = FAR * (top - bottom);
    if reach > 0.0 && reach.is_finite() {
        let near = |n: &&f64| (bottom - reach..=top + reach).contains(*n);
        low = *sorted.iter().find(near).unwrap_or(&low);
        high = *sorted.iter().rev().find(near).unwrap_or(&high);
    }
    let largest = low.abs().max(high.abs());
    let (middle, half) = if (low > 0.0 || high < 0.0) && low < high {
        (low / 2.0 + high / 2.0, high / 2.0 - low / 2.0)
    } else {
        (0.0, largest)
    };
    if half > 0.0 {
        numbers.iter_mut().for_each(|n| *n = ((n.clamp(low, high) - middle) / half).clamp(-1.0, 1.0));
    }
    numbers
}

/// The features that a column is.
enum ColumnFeatures {
    /// One, scaled.
    Number(Vec<f64>),
    /// One of 0 and 1 for each word; the number of each row's word.
    Words { values: Vec<usize>, count: usize },
}

impl ColumnFeatures {
    fn count(&self) -> usize {
        match self {
            Self::Number(_) => 1,
            Self::Words { count, .. } => *count,
        }
    }

    fn write(&self, row: usize, out: &mut Vec<f64>) {
        match self {
            Self::Number(column) => out.push(column[row]),
            Self::Words { values, count } => {
                out.extend((0..*count).map(|word| f64::from(u8::from(word == values[row]))))
            }
        }
    }
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
        LabelledTable::parse(text.as_bytes(), "t.csv", "class", &[])
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
        let blank = "t.csv, line 1: the header is blank in its field 1; allowed: a name for each column, each once; pandas writes \
                     such a first one unless `index=False`";
        assert_eq!(message(",size,class\n0,1,a\n1,2,b\n"), blank);
        assert_eq!(
            message("size,class\n1,a\n2,\"b\n"),
            "t.csv, line 3, column 3: a quote that is never closed"
        );
        assert!(message("size,class\n").contains("class is a column of 0 different values"));
    }

    /// As words they would be one feature each, of which nothing can be learned.
    #[test]
    fn numbers_in_another_notation_are_named_or_words_by_wish() {
        for (cells, first, what) in [
            ("\"1,5\"|\"2,5\"|\"3,5\"", "1,5", "a decimal comma"),
            ("1|2|\"3,5\"", "3,5", "a decimal comma"),
            ("5%|6%|7%", "5%", "a percent sign"),
            ("$1|$2|$3", "$1", "a currency"),
            ("1kg|2kg|3kg", "1kg", "a unit"),
            ("\"1,234.5\"|\"2,000.0\"|7", "1,234.5", "separators of thousands"),
        ] {
            let row = |cell| format!("{cell},a\n");
            let rows: String = cells.split('|').map(row).collect();
            let text = format!("size,class\n{rows}4,b\n");
            let said = parse(&text).unwrap_err().to_string();
            let parts = [format!("size is {first:?}; allowed: "), format!("what stands there has {what}")];
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
            let words = ["size".to_owned()];
            let table = LabelledTable::parse(text.as_bytes(), "t.csv", "class", &words).unwrap();
            assert_eq!(table.words(), [("size".to_owned(), 4)]);
        }
        assert!(parse("size,class\n1st,a\n2nd,b\n").is_ok());
    }

    /// A model has as many numbers as its features have pairs, of each class.
    #[test]
    fn a_table_makes_no_more_features_than_there_is_room_for() {
        let table = |columns: usize, rows: usize, cell: &dyn Fn(usize, usize) -> String| {
            let header: Vec<String> = (0..columns).map(|i| format!(",c{i}")).collect();
            let row = |j: usize| {
                let cells: Vec<String> = (0..columns).map(|i| format!(",{}", cell(i, j))).collect();
                format!("{}{}\n", j % 2, cells.concat())
            };
            let rows: Vec<String> = (0..rows).map(row).collect();
            parse(&format!("class{}\n{}", header.concat(), rows.concat()))
        };
        let letters =
            |n: usize| String::from_utf8(vec![b'a' + (n % 26) as u8, b'a' + (n / 26 % 26) as u8]).unwrap();
        assert_eq!(table(50, 60, &|_, j| letters(j)).unwrap().dim(), 3001);
        let said = table(400, 600, &|_, j| letters(j)).unwrap_err().to_string();
        assert!(
            said.contains("t.csv: the number of features is") && said.contains("has 600 words"),
            "{said}"
        );
        let said = table(20_000, 2, &|_, j| letters(j)).unwrap_err().to_string();
        assert!(said.contains("the number of features is 40001 of 2 rows"), "{said}");
    }

    #[test]
    fn cells_with_digits_that_nearly_all_differ_are_no_words() {
        let table = |cell: &dyn Fn(usize) -> String| {
            let rows = (0..100).map(|i| format!("{},{}\n", cell(i), i % 2));
            format!("size,class\n{}", rows.collect::<Vec<_>>().concat())
        };
        for cell in
            [|i: usize| format!("{:02}:{:02}", i / 60, i % 60), |i| format!("{i}/7"), |i| format!("u{i}")]
        {
            let text = table(&cell);
            let said = parse(&text).unwrap_err().to_string();
            assert!(
                said.starts_with("t.csv, line 2: size is ") && said.contains("here 100 of 100 differ"),
                "{said}"
            );
            let words = ["size".to_owned()];
            let by_wish = LabelledTable::parse(text.as_bytes(), "t.csv", "class", &words).unwrap();
            assert_eq!(by_wish.words(), [("size".to_owned(), 100)]);
        }
        // Some days, some sizes: words of which each stands in many rows.
        for cell in [|i: usize| format!("2024-01-{:02}", 1 + i % 28), |i| format!("size {}", i % 9)] {
            assert!(parse(&table(&cell)).is_ok());
        }
        // Names without a digit may differ: whoever has them knows.
        assert!(parse(&table(&|i| ["a", "b", "c", "d"][i % 4].repeat(1 + i / 4))).is_ok());
    }

    #[test]
    fn codes_of_digits_are_words() {
        let table = |cell: &dyn Fn(usize) -> String| {
            let rows = (0..100).map(|i| format!("{},{}\n", cell(i), i % 2)).collect::<Vec<_>>().concat();
            parse(&format!("zip,class\n{rows}")).unwrap()
        };
        assert_eq!(table(&|i| format!("{:05}", 1111 * (i % 10))).words(), [("zip".to_owned(), 10)]);
        for cell in [|i: usize| format!("{}", i % 10), |i| format!("{i:05}"), |i| format!("{:02}.5", i % 10)]
        {
            assert_eq!(table(&cell).words(), []);
        }
    }

    #[test]
    fn a_class_in_two_spellings_is_named_and_numbers_are_no_classes() {
        let alike = |classes: &str| {
            let rows = classes.split(' ').map(|class| format!("1,{class}\n")).collect::<Vec<_>>().concat();
            parse(&format!("size,class\n{rows}")).unwrap().classes_alike().cloned()
        };
        assert_eq!(alike("yes no Yes"), Some(["Yes", "yes"].map(str::to_owned)));
        assert_eq!(alike("1 2 1.0"), Some(["1", "1.0"].map(str::to_owned)));
        assert_eq!(alike("1 2 10 a b"), None);
        let rows = (0..60).map(|i| format!("1,{i}.5\n")).collect::<Vec<_>>().concat();
        let said = parse(&format!("size,class\n{rows}")).unwrap_err().to_string();
        assert!(said.contains("classes of which each stands in many rows: here 60 of 60 differ"), "{said}");
    }

    #[test]
    fn what_varies_survives_scaling() {
        let columns = |cell: &dyn Fn(usize) -> f64| {
            let row = |i| format!("{},{}\n", cell(i), i % 2);
            let rows: String = (0..100).map(row).collect();
            let table = parse(&format!("size,class\n{rows}")).unwrap();
            (0..100).map(|r| table.vector(r)[1]).collect::<Vec<_>>()
        };
        let spread = |column: &[f64]| {
            let mut middle = column.to_vec();
            middle.sort_by(f64::total_cmp);
            assert!(middle[0] >= -1.0 && middle[99] <= 1.0, "{middle:?}");
            middle[90] - middle[10]
        };
        let ten = |i: usize| i as f64 / 10.0;
        assert!(spread(&columns(&ten)) > 0.7);
        assert!(spread(&columns(&|i| 1e9 + ten(i))) > 0.7);
        assert!(spread(&columns(&|i| -1e9 - ten(i))) > 0.7);
        assert!(spread(&columns(&|i| 50.0 + ten(i))) > 0.7);
        assert!(spread(&columns(&|i| -50.0 - 9.0 * ten(i))) > 0.7);
        assert!(spread(&columns(&|i| if i == 7 { 1e12 } else { ten(i) })) > 0.7);
        // Prices and incomes: e to the power of what varies.
        assert!(spread(&columns(&|i| libm::exp(2.0 * (i as f64 - 50.0) / 20.0))) > 0.7);
        assert!(spread(&columns(&|i| -libm::exp(3.0 * (i as f64 - 50.0) / 20.0))) > 0.7);
        assert!(spread(&columns(&|i| if i == 7 { -1e300 } else { 1e6 + ten(i) })) > 0.7);
        // A column that is nearly always 0 keeps what it has.
        let seldom = columns(&|i| if i % 50 == 0 { 3.0 } else { 0.0 });
        assert_eq!((seldom[0], seldom[1]), (1.0, 0.0));
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
