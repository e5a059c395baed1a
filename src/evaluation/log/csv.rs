//! Comma-separated logs with named columns: one decision a line, every item of the log as its candidates.

use super::checks::{Named, checked_name, checked_propensity, checked_reward};
use super::column_inputs::ColumnInputs;
use super::columns::{
    COMMENT, Columns, NAME_COLUMNS, NO_COLUMN, cost_remark, days_note, find_column, is_header_with_bars,
    leave_unread, no_column, unread_remark,
};
use super::fields::Fields;
use super::format::{FormatInput, FormatRule};
use super::lines::LogLines;
use super::place::malformed;
use super::reader::LogReader;
use super::timestamp::{Stamp, allowed_moment, moment};
use super::vocabulary::LogVocabulary;
use crate::base::error::{Error, Fault, Result, shortened, within};
use crate::base::read::{no_header, number_or_truth, of_notation};
use crate::domain::Domain;
use crate::domain::request::Context;
use crate::evaluation::row::Row;
use std::borrow::Cow;

/// What to do where the columns are those of the Open Bandit Dataset.
const BY_COLUMNS: &str =
    "with --format csv, --columns action=NAME,reward=NAME,propensity=NAME says what to read";

/// The format of comma-separated logs with named columns.
pub(super) struct Csv;

impl FormatRule for Csv {
    const NAME: &'static str = "csv";
    const TAKES_COLUMNS: bool = true;

    fn detects(first_line: &str) -> bool {
        let is_table = first_line.contains([',', ';', '\t']) && !first_line.contains('|');
        !first_line.starts_with(['{', '[']) && (is_table || is_header_with_bars(first_line))
    }

    fn open(input: FormatInput) -> Result<Box<dyn LogReader>> {
        let (columns, domain) = (input.options.columns.clone(), input.options.domain);
        Ok(Box::new(CsvLog::with_header(input.lines, columns, false, domain)?))
    }
}

/// A comma-separated log.
pub(super) struct CsvLog {
    lines: LogLines,
    fields: Fields,
    /// The number of columns.
    width: usize,
    item: usize,
    reward: usize,
    propensity: usize,
    timestamp: Option<usize>,
    user: Option<usize>,
    /// The columns of the probabilities of policies.
    probabilities: Vec<usize>,
    /// The column of positions of the Open Bandit Dataset, whose numbers are known to be whole.
    position: Option<usize>,
    is_open_bandit: bool,
    names: Columns,
    /// Whether the header has blanks around its names, as cells then have.
    has_blanks: bool,
    /// The columns that nothing reads, in their order.
    unread: Vec<String>,
    /// Time stamps that say a day and no hour.
    days: u64,
    /// The columns of inputs, if somebody looks at those.
    inputs: Option<ColumnInputs>,
    /// Rows in which the chosen item was something else than at first.
    varied: u64,
}

impl CsvLog {
    /// A log of the Open Bandit Dataset, with the inputs of a domain if somebody looks at those.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn open_bandit(lines: LogLines, domain: Option<&'static Domain>) -> Result<Self> {
        Self::with_header(lines, Columns::open_bandit(), true, domain)
    }

    /// Reads the header, which must have the columns that matter.
    ///
    /// # Errors
    /// A header that cannot be read, lacks a column or has one twice; one column for two things.
    #[cfg(test)]
    pub(super) fn new(lines: LogLines, names: Columns) -> Result<Self> {
        Self::with_header(lines, names, false, None)
    }

    /// The same, with the inputs of a domain if somebody looks at those.
    fn with_header(
        mut lines: LogLines,
        names: Columns,
        is_open_bandit: bool,
        domain: Option<&'static Domain>,
    ) -> Result<Self> {
        let fields = Fields::header(&mut lines)?;
        if let Some(what) = no_header(lines.text(), lines.is_ended()) {
            return Err(malformed(lines.at(1), what));
        }
        let written: Vec<String> =
            (0..fields.count).map(|i| String::from_utf8_lossy(&fields.get(&lines, i)).into_owned()).collect();
        let header: Vec<String> = written.iter().map(|name| name.trim().to_owned()).collect();
        let has_blanks = header != written;
        let place = |column: usize| lines.at(fields.ranges[column].start + 1);
        let find = |name: &str| find_column(&header, name).map_err(|(second, fault)| fault.at(place(second)));
        let required = |name: &str| {
            find(name)?.ok_or_else(|| {
                if lines.text().trim_ascii_start().starts_with(b"#") {
                    return malformed(lines.at(1), COMMENT);
                }
                let unknown = no_column(&header, name);
                let remedy = if is_open_bandit { BY_COLUMNS } else { NAME_COLUMNS };
                malformed(lines.at(1), format!("{unknown}; {remedy}"))
            })
        };
        let (item, reward) = (required(&names.item)?, required(&names.reward)?);
        let propensity = required(&names.propensity)?;
        // What goes by another name than the usual one is there to be read.
        let optional = |name: &str, usual: &str| match name {
            NO_COLUMN => Ok(None),
            _ if name == usual => find(name),
            _ => required(name).map(Some),
        };
        let timestamp = optional(&names.timestamp, "timestamp")?;
        let user = optional(&names.user, "user")?;
        let columns = names.probabilities.iter().map(|(_, column)| required(column));
        let probabilities = columns.collect::<Result<Vec<_>>>()?;
        let position = if is_open_bandit { find("position")? } else { None };
        let wanted = [
            ("action", Some(item)),
            ("reward", Some(reward)),
            ("propensity", Some(propensity)),
            ("timestamp", timestamp),
            ("user", user),
        ];
        if let Some(message) = read_twice(&header, &wanted) {
            return Err(malformed(lines.at(1), message));
        }
        names.check_inputs(domain)?;
        let read = [Some(item), Some(reward), Some(propensity), timestamp, user, position];
        let taken: Vec<usize> = read.into_iter().flatten().chain(probabilities.iter().copied()).collect();
        let inputs =
            domain.map(|domain| ColumnInputs::new(domain, &names, &header, &taken, place)).transpose()?;
        let is_input = |i: usize| inputs.as_ref().is_some_and(|inputs| inputs.reads(i));
        let unread = (0..header.len()).filter(|i| !taken.contains(i) && !is_input(*i));
        let unread = unread.map(|i| shortened(header[i].clone())).collect();
        let width = header.len();
        Ok(Self {
            lines,
            fields,
            width,
            item,
            reward,
            propensity,
            timestamp,
            user,
            probabilities,
            position,
            is_open_bandit,
            names,
            has_blanks,
            unread,
            days: 0,
            inputs,
            varied: 0,
        })
    }

    /// A field without its quotes, and without the blanks around it where the header has them too.
    fn cell(&self, field: usize) -> Cow<'_, [u8]> {
        match self.fields.get(&self.lines, field) {
            Cow::Borrowed(cell) if self.has_blanks => Cow::Borrowed(cell.trim_ascii()),
            cell => cell,
        }
    }

    /// The place of a field of the current record.
    fn at(&self, field: usize) -> String {
        self.lines.at(self.fields.ranges[field].start + 1)
    }

    fn number(&self, field: usize, name: &str) -> Result<f64> {
        let bytes = self.cell(field);
        let text = std::str::from_utf8(&bytes).ok().map(str::trim);
        text.and_then(number_or_truth).ok_or_else(|| {
            let other = text.map_or_else(String::new, of_notation);
            self.fault(field, name, &format!("a number, or true or false{other}"))
        })
    }

    /// The reward: a number, or where the log is read by a domain's inputs also the name of an outcome.
    fn reward(&self) -> Result<f64> {
        let Some(inputs) = &self.inputs else { return self.number(self.reward, &self.names.reward) };
        let bytes = self.cell(self.reward);
        let text = std::str::from_utf8(&bytes).map_or("", str::trim);
        inputs.reward(text).map_err(|allowed| self.fault(self.reward, &self.names.reward, &allowed))
    }

    fn moment(&mut self, field: usize) -> Result<Option<Context>> {
        let cell = self.cell(field);
        let read = moment(cell.trim_ascii()).ok_or_else(|| {
            let by_columns = if self.is_open_bandit { "--format csv with " } else { "" };
            let allowed =
                format!("{}; {by_columns}{}", allowed_moment(cell.trim_ascii()), leave_unread("timestamp"));
            self.fault(field, &self.names.timestamp, &allowed)
        })?;
        self.days += u64::from(read == Stamp::Day);
        Ok(read.context())
    }

    /// The number of the current record's item. Only what is new is looked at.
    fn number_of_item(&self, names: &mut LogVocabulary) -> Result<u32> {
        let item = self.cell(self.item);
        if let Some(number) = names.items.find(&item) {
            return Ok(number);
        }
        let name = self.name(Named::Item, self.item, &self.names.item, &item)?;
        if self.is_open_bandit && !is_whole(&item) {
            return Err(self.fault(self.item, &self.names.item, "a whole number"));
        }
        Ok(names.items.number(name.as_bytes()))
    }

    /// The name that stands in this field.
    fn name<'a>(&self, named: Named, field: usize, column: &str, name: &'a [u8]) -> Result<&'a str> {
        checked_name(named, name).map_err(|allowed| {
            if name.is_empty() {
                return Fault::new(column, "empty", allowed).at(self.at(field));
            }
            self.fault(field, column, &allowed)
        })
    }

    /// A fault of what stands in this field of the current record.
    fn fault(&self, field: usize, column: &str, allowed: &str) -> Error {
        let value = format!("{:?}", String::from_utf8_lossy(&self.fields.get(&self.lines, field)));
        Fault::new(column, value, allowed).at(self.at(field))
    }

    /// What the Open Bandit Dataset says of its numbers, besides what holds for every log.
    fn check_open_bandit(&self, click: f64) -> Result<()> {
        if click != 0.0 && click != 1.0 {
            return Err(self.fault(self.reward, &self.names.reward, "0 or 1"));
        }
        match self.position {
            Some(field) if !is_whole(&self.fields.get(&self.lines, field)) => {
                Err(self.fault(field, "position", "a whole number"))
            }
            _ => Ok(()),
        }
    }

    /// The last column that is looked at.
    fn last(&self) -> usize {
        let optional = [self.timestamp, self.user, self.position].into_iter().flatten();
        let optional = optional.chain(self.probabilities.iter().copied()).max().unwrap_or(0);
        let inputs = self.inputs.as_ref().map_or(0, ColumnInputs::last);
        self.item.max(self.reward).max(self.propensity).max(optional).max(inputs)
    }
}

/// What is wrong where two of the wanted things are the same column.
fn read_twice(header: &[String], wanted: &[(&str, Option<usize>)]) -> Option<String> {
    let found = wanted.iter().filter_map(|(role, place)| place.map(|place| (*role, place)));
    let mut roles = vec![None; header.len()];
    for (role, place) in found {
        if let Some(other) = roles[place].replace(role) {
            let may_be_absent = ["timestamp", "user"].contains(&role);
            let or = if may_be_absent { format!(", or {role}={NO_COLUMN}") } else { String::new() };
            let column = &header[place];
            return Some(format!(
                "column {column:?} is read as {other} and {role}; allowed: one for each{or}"
            ));
        }
    }
    None
}

impl LogReader for CsvLog {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        let last = self.last();
        if !self.fields.advance(&mut self.lines, last)? {
            return Ok(false);
        }
        if self.fields.count != self.width {
            let message = format!("{} fields; the header has {}", self.fields.count, self.width);
            // Where fields begin to be too many, or end too early.
            self.fields.split_quoted(&mut self.lines)?;
            let column = self.fields.ranges.get(self.width).map_or(self.lines.text().len(), |r| r.start);
            return Err(malformed(self.lines.at(column + 1), message));
        }
        row.chosen = self.number_of_item(names)?;
        let reward = self.reward()?;
        row.reward = checked_reward(&self.names.reward, reward).map_err(|f| f.at(self.at(self.reward)))?;
        let propensity = self.number(self.propensity, &self.names.propensity)?;
        let propensity = checked_propensity(&self.names.propensity, propensity)
            .map_err(|f| f.at(self.at(self.propensity)))?;
        row.propensity = Some(propensity);
        row.probabilities.clear();
        for (field, (_, column)) in self.probabilities.iter().zip(&self.names.probabilities) {
            let probability = within(column, self.number(*field, column)?, 0.0, 1.0);
            row.probabilities.push(probability.map_err(|f| f.at(self.at(*field)))?);
        }
        row.moment = self.timestamp.map(|field| self.moment(field)).transpose()?.flatten();
        if let Some(field) = self.user {
            let user = self.cell(field);
            let user = self.name(Named::User, field, &self.names.user, &user)?;
            names.of_user(user.as_bytes(), row);
        }
        if self.is_open_bandit {
            self.check_open_bandit(reward)?;
        }
        if let Some(inputs) = &mut self.inputs {
            let (fields, lines) = (&self.fields, &self.lines);
            let filled = inputs.fill(row, names, |input, field, nothings| {
                let bytes = fields.get(lines, field);
                let text = std::str::from_utf8(&bytes).map(str::trim);
                let text = text.map_err(|_| Fault::new(&input.name, "not UTF-8", input.allowed()))?;
                nothings.value_of(input, text)
            });
            filled.map_err(|(field, fault)| fault.at(lines.at(fields.ranges[field].start + 1)))?;
            self.varied = names.varied;
        }
        Ok(true)
    }

    fn origin(&self) -> &str {
        self.lines.origin()
    }

    fn place(&self) -> String {
        self.lines.place()
    }

    fn remarks(&self) -> Vec<String> {
        let of_inputs = self.inputs.as_ref().map(|inputs| inputs.remarks(self.origin(), self.varied));
        let mut remarks = Vec::from_iter(unread_remark(self.origin(), &self.unread, &self.names));
        remarks.extend(cost_remark(self.origin(), &self.names));
        remarks.extend(of_inputs.into_iter().flatten());
        remarks
    }

    fn notes(&self) -> Vec<String> {
        Vec::from_iter(days_note(self.origin(), self.days))
    }
}

fn is_whole(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::super::testing::read_all;
    use super::*;
    use std::io::Cursor;

    const HEADER: &str = ",timestamp,item_id,position,click,propensity_score,extra\n";

    fn lines(text: &str) -> LogLines {
        LogLines::new(Box::new(Cursor::new(text.to_owned())), "log.csv")
    }

    fn read(rows: &str) -> Result<Vec<Row>> {
        let text = format!("{HEADER}{rows}");
        let mut log = CsvLog::open_bandit(lines(&text), None)?;
        read_all(&mut log)
    }

    #[test]
    fn rows_are_read() {
        let rows =
            read("0,2019-11-24 06:30:00.5+00:00,79,2,0,0.0625,a\n1,2019-11-25T12:00,3,1,1,1,\"b,c\"\n")
                .unwrap();
        assert_eq!((rows[0].chosen, rows[1].chosen), (0, 1));
        assert_eq!((rows[0].propensity, rows[1].propensity), (Some(0.0625), Some(1.0)));
        assert_eq!((rows[0].reward, rows[1].reward), (0.0, 1.0));
        // A Sunday and a Monday.
        assert_eq!(rows[0].moment, Some(Context { hour: 6.5, weekday: 6 }));
        assert_eq!(rows[1].moment, Some(Context { hour: 12.0, weekday: 0 }));
    }

    #[test]
    fn every_bad_line_is_named_with_line_and_column() {
        let good = "0,2019-11-24 06:30:00,79,2,0,0.0625,a\n";
        let message = |line: &str| read(&format!("{good}{line}\n")).unwrap_err().to_string();
        let allowed = "allowed: a number in (0, 1]: the probability of the choice as it was made";
        for (value, shown) in [("0", "0"), ("-0.1", "-0.1"), ("1.01", "1.01"), ("NaN", "NaN"), ("inf", "inf")]
        {
            assert_eq!(
                message(&format!("1,2019-11-24 06:30:00,79,2,0,{value},a")),
                format!("log.csv, line 3, column 30: propensity_score is {shown}; {allowed}")
            );
        }
        assert_eq!(
            message("1,2019-11-24 06:30:00,79,2,0,,a"),
            "log.csv, line 3, column 30: propensity_score is \"\"; allowed: a number, or true or false"
        );
        assert_eq!(
            message("1,2019-11-24 06:30:00,79,2,maybe,0.5,a"),
            "log.csv, line 3, column 28: click is \"maybe\"; allowed: a number, or true or false"
        );
        assert!(message("1,2019-11-24 06:30:00,79,2,NaN,0.5,a").contains("click is NaN"));
        assert!(message("1,2019-11-24 06:30:00,,2,0,0.5,a").contains("line 3, column 23: item_id is empty"));
        assert!(message("1,soon,79,2,0,0.5,a").contains("line 3, column 3: timestamp is \"soon\""));
        assert_eq!(message("1,2,3"), "log.csv, line 3, column 6: 3 fields; the header has 7");
    }

    #[test]
    fn quotes_hide_commas_and_line_ends_and_double_for_one() {
        let text = "\u{feff}\"action\",reward,propensity,note\r\n\"a,\"\"b\"\"\",1,\"0.5\",\"two\nlines, one\"\r\n\nc,0,2,\n";
        let mut log = CsvLog::new(lines(text), Columns::plain()).unwrap();
        let (mut row, mut names) = (Row::default(), LogVocabulary::default());
        assert!(log.next(&mut row, &mut names).unwrap());
        assert_eq!((names.items.name(0).as_str(), row.reward, row.propensity), ("a,\"b\"", 1.0, Some(0.5)));
        // The line counts of what came before are not lost.
        let message = log.next(&mut row, &mut names).unwrap_err().to_string();
        assert!(message.starts_with("log.csv, line 5, column 5: propensity is 2;"), "{message}");
        let open = "action,reward,propensity\n\"a,1,0.5\n";
        let message = read_all(&mut CsvLog::new(lines(open), Columns::plain()).unwrap()).unwrap_err();
        assert!(message.to_string().contains("a quote that is never closed"), "{message}");
    }

    #[test]
    fn a_header_without_a_column_that_matters_is_refused() {
        let refused = CsvLog::new(lines("action,rewards,propensity\n"), Columns::plain());
        let message = refused.err().unwrap().to_string();
        assert!(message.contains("unknown column \"reward\", did you mean \"rewards\"?"), "{message}");
    }

    #[test]
    fn a_column_is_one_thing() {
        let header = "action,reward,propensity,when\n";
        let of = |change: fn(&mut Columns)| {
            let mut columns = Columns::plain();
            change(&mut columns);
            CsvLog::new(lines(header), columns).err().map(|error| error.to_string())
        };
        assert_eq!(of(|_| ()), None);
        assert_eq!(of(|c| c.timestamp = "when".to_owned()), None);
        assert_eq!(
            of(|c| c.item = "reward".to_owned()).unwrap(),
            "log.csv, line 1, column 1: column \"reward\" is read as action and reward; allowed: one for each"
        );
        let user = of(|c| c.user = "propensity".to_owned()).unwrap();
        assert!(
            user.ends_with("is read as propensity and user; allowed: one for each, or user=none"),
            "{user}"
        );
    }
}
