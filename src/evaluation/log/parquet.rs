//! Parquet logs with named columns: one decision a row, every item of the log as its candidates, as in CSV. No more than the
//! columns that matter is read, a few thousand rows of them at a time.
//!
//! | column | may be |
//! | --- | --- |
//! | action, user | a text (UTF-8), a whole number |
//! | reward, propensity, probabilities | a number, of which a DECIMAL is the nearest, a truth value |
//! | timestamp | a TIMESTAMP (milli-, micro- or nanoseconds), an INT96, a DATE, or a text or a number as in CSV |
//! | inputs of a domain | a number, a truth value, a text as in CSV; null is unknown |
//!
//! Hours are those of the zone in which a TIMESTAMP was written ([`super::parquet_zone`]). A duration of Arrow, which Parquet
//! stores as whole numbers, is none of these. With a domain's inputs a reward may be a text too, the name of an outcome. Another
//! value that is null, and a column in a list, are errors. Files may be compressed with snappy, gzip or zstd.

use super::arrow_schema::ArrowSchema;
use super::checks::{Named, checked_name, checked_propensity, checked_reward};
use super::column_inputs::{ColumnInputs, Nothings};
use super::columns::{
    Columns, NAME_COLUMNS, NO_COLUMN, cost_remark, days_note, find_column, leave_unread, no_column,
    unread_remark,
};
use super::format::{FormatInput, FormatRule};
use super::parquet_pages::Pages;
use super::parquet_types::{
    Numbers, described, is_number, is_text, is_whole, of_decimal, of_decimal_bytes, of_half,
};
use super::parquet_zone::Clock;
use super::place::malformed;
use super::reader::LogReader;
use super::timestamp::{Stamp, allowed_moment, moment, moment_of_millis};
use super::vocabulary::LogVocabulary;
use crate::base::error::{Error, Fault, Result, shortened, within};
use crate::domain::{Domain, DomainInput, InputType, KeptValue};
use crate::evaluation::row::Row;
use parquet::basic::{Compression, ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;
use std::borrow::Cow;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// So many rows are read at a time.
const TOGETHER: usize = 4096;
/// Longest part of a value that an error cites.
const CITED: usize = 64;

/// The format of Parquet files with named columns.
pub(super) struct Parquet;

impl FormatRule for Parquet {
    const NAME: &'static str = "parquet";
    const TAKES_COLUMNS: bool = true;

    fn detects(first_line: &str) -> bool {
        first_line.starts_with("PAR1")
    }

    fn open(input: FormatInput) -> Result<Box<dyn LogReader>> {
        // It is read from its end, not line by line.
        Ok(Box::new(ParquetLog::open(&input.path, &input.options.columns, input.options.domain)?))
    }
}

/// What is read of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Item,
    Reward,
    Propensity,
    Timestamp,
    User,
    /// Of the policy at this position.
    Probability,
    /// A reward that may be the name of an outcome.
    Outcome,
    /// Of an input of a domain.
    Input,
}

impl Role {
    fn allowed(self) -> String {
        let kinds = match self {
            Self::Item | Self::User => "texts or whole numbers",
            Self::Reward | Self::Propensity | Self::Probability => "numbers or truth values",
            Self::Outcome | Self::Input => "numbers, truth values or texts",
            Self::Timestamp => "timestamps, dates, texts or seconds since 1970",
        };
        format!("a column of {kinds}, in no list{}", self.way_out())
    }

    /// What to do where a column that may be absent cannot be read, after what is allowed.
    fn way_out(self) -> String {
        match self {
            Self::Timestamp => format!("; {}", leave_unread("timestamp")),
            Self::User => format!("; {}", leave_unread("user")),
            _ => String::new(),
        }
    }

    fn takes(self, column: &ColumnDescriptor) -> bool {
        match (self, column.physical_type()) {
            _ if column.max_rep_level() > 0 => false,
            (Self::Item | Self::User, PhysicalType::INT32 | PhysicalType::INT64) => is_whole(column),
            (Self::Item | Self::User | Self::Timestamp, PhysicalType::BYTE_ARRAY) => is_text(column),
            (Self::Outcome | Self::Input, PhysicalType::BYTE_ARRAY) if is_text(column) => true,
            (Self::Timestamp, PhysicalType::INT32 | PhysicalType::INT64) => {
                is_whole(column) || TimeUnits::of(column) != TimeUnits::Number
            }
            (Self::Timestamp, PhysicalType::INT96 | PhysicalType::DOUBLE) => true,
            (Self::Item | Self::User | Self::Timestamp, _) => false,
            _ => is_number(column),
        }
    }
}

/// What the numbers of a column count since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TimeUnits {
    /// So many to a second.
    Ticks(i64),
    Days,
    /// What numbers count in texts too: their size tells.
    Number,
}

impl TimeUnits {
    fn of(column: &ColumnDescriptor) -> Self {
        match (column.logical_type_ref(), column.converted_type()) {
            (Some(LogicalType::Timestamp(kind)), _) => Self::Ticks(match kind.unit {
                TimeUnit::MILLIS => 1_000,
                TimeUnit::MICROS => 1_000_000,
                TimeUnit::NANOS => 1_000_000_000,
            }),
            (_, ConvertedType::TIMESTAMP_MILLIS) => Self::Ticks(1_000),
            (_, ConvertedType::TIMESTAMP_MICROS) => Self::Ticks(1_000_000),
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Self::Days,
            _ => Self::Number,
        }
    }
}

/// Values of a column, some at a time.
enum Values {
    Bool(Vec<bool>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    I96(Vec<Int96>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

/// A column that is read.
struct Column {
    role: Role,
    name: String,
    /// Where it stands among the leaves of the schema.
    leaf: usize,
    may_be_null: bool,
    /// The level of a value that is there.
    highest: i16,
    numbers: Numbers,
    time: TimeUnits,
    clock: Clock,
    reader: Option<ColumnReader>,
    values: Values,
    levels: Vec<i16>,
    /// Of each row at hand where its value stands; empty where each row has one.
    places: Vec<Option<u32>>,
}

impl Column {
    fn new(role: Role, name: &str, leaf: usize, column: &ColumnDescriptor, arrow: &ArrowSchema) -> Self {
        Self {
            role,
            name: name.to_owned(),
            leaf,
            may_be_null: column.max_def_level() > 0,
            highest: column.max_def_level(),
            numbers: Numbers::of(column),
            time: TimeUnits::of(column),
            clock: Clock::of(column, arrow),
            reader: None,
            values: match column.physical_type() {
                PhysicalType::BOOLEAN => Values::Bool(Vec::new()),
                PhysicalType::INT32 => Values::I32(Vec::new()),
                PhysicalType::INT64 => Values::I64(Vec::new()),
                PhysicalType::INT96 => Values::I96(Vec::new()),
                PhysicalType::FLOAT => Values::F32(Vec::new()),
                PhysicalType::DOUBLE => Values::F64(Vec::new()),
                PhysicalType::BYTE_ARRAY => Values::Bytes(Vec::new()),
                PhysicalType::FIXED_LEN_BYTE_ARRAY => Values::Fixed(Vec::new()),
            },
            levels: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Reads the next values; how many rows that are, and the first of them that is null and must not be.
    fn advance(&mut self) -> Result<(usize, Option<usize>), ParquetError> {
        macro_rules! read {
            ($values:ident, $reader:ident) => {{
                $values.clear();
                self.levels.clear();
                let mut rows = 0;
                // A page may end before that many are read.
                while rows < TOGETHER {
                    let levels = Some(&mut self.levels).filter(|_| self.may_be_null);
                    let (more, ..) = $reader.read_records(TOGETHER - rows, levels, None, $values)?;
                    if more == 0 {
                        break;
                    }
                    rows += more;
                }
                (rows, $values.len())
            }};
        }
        let (rows, values) = match (&mut self.values, self.reader.as_mut()) {
            (Values::Bool(values), Some(ColumnReader::BoolColumnReader(reader))) => read!(values, reader),
            (Values::I32(values), Some(ColumnReader::Int32ColumnReader(reader))) => read!(values, reader),
            (Values::I64(values), Some(ColumnReader::Int64ColumnReader(reader))) => read!(values, reader),
            (Values::I96(values), Some(ColumnReader::Int96ColumnReader(reader))) => read!(values, reader),
            (Values::F32(values), Some(ColumnReader::FloatColumnReader(reader))) => read!(values, reader),
            (Values::F64(values), Some(ColumnReader::DoubleColumnReader(reader))) => read!(values, reader),
            (Values::Bytes(values), Some(ColumnReader::ByteArrayColumnReader(reader))) => {
                read!(values, reader)
            }
            (Values::Fixed(values), Some(ColumnReader::FixedLenByteArrayColumnReader(reader))) => {
                read!(values, reader)
            }
            _ => return Err(ParquetError::General("a column is not of the type that it states".to_owned())),
        };
        self.places.clear();
        if values == rows {
            return Ok((rows, None));
        }
        if self.role != Role::Input {
            let null = self.levels.iter().position(|level| *level < self.highest);
            return Ok((rows, null.or(Some(0))));
        }
        let mut next = 0;
        self.places.extend(self.levels.iter().map(|level| {
            let is_there = *level == self.highest;
            let place = is_there.then_some(next);
            next += u32::from(is_there);
            place
        }));
        Ok((rows, None))
    }

    /// The value of row `i` of those at hand as an input of a domain; null is unknown.
    fn input(&self, input: &DomainInput, i: usize, nothings: &mut Nothings) -> Result<KeptValue, Fault> {
        let place = if self.places.is_empty() { Some(i) } else { self.places[i].map(|place| place as usize) };
        let Some(i) = place else { return input.of_json(&serde_json::Value::Null) };
        match &self.values {
            Values::Bytes(_) if !self.is_text() => self.number_as(input, i),
            Values::Bytes(values) => {
                let text = std::str::from_utf8(values[i].data());
                let text = text.map_err(|_| Fault::new(&input.name, "not UTF-8", input.allowed()))?;
                nothings.value_of(input, text.trim())
            }
            Values::Bool(values) => input.of_json(&serde_json::Value::Bool(values[i])),
            Values::I32(_) | Values::I64(_) if input.kind == InputType::Category && self.is_whole() => {
                input.of_text(&String::from_utf8_lossy(&self.name(i)))
            }
            _ => self.number_as(input, i),
        }
    }

    /// The number at row `i` of those at hand as an input; what is no number stands for what is not known.
    fn number_as(&self, input: &DomainInput, i: usize) -> Result<KeptValue, Fault> {
        let number = self.number(i);
        if number.is_nan() { input.of_json(&serde_json::Value::Null) } else { input.of_number(number) }
    }

    /// Whether its bytes are texts.
    fn is_text(&self) -> bool {
        self.numbers == Numbers::Plain
    }

    /// Whether its whole numbers are what they look like.
    fn is_whole(&self) -> bool {
        matches!(self.numbers, Numbers::Plain | Numbers::Unsigned)
    }

    /// The value of row `i` of those at hand, as a number.
    fn number(&self, i: usize) -> f64 {
        match (&self.values, self.numbers) {
            (Values::Bool(values), _) => f64::from(u8::from(values[i])),
            (Values::I32(values), Numbers::Decimal(scale)) => of_decimal(values[i].into(), scale),
            (Values::I64(values), Numbers::Decimal(scale)) => of_decimal(values[i].into(), scale),
            (Values::Bytes(values), Numbers::Decimal(scale)) => of_decimal_bytes(values[i].data(), scale),
            (Values::Fixed(values), Numbers::Decimal(scale)) => of_decimal_bytes(values[i].data(), scale),
            (Values::Fixed(values), Numbers::Half) => of_half(values[i].data()),
            (Values::I32(values), Numbers::Unsigned) => f64::from(values[i] as u32),
            (Values::I32(values), _) => f64::from(values[i]),
            (Values::I64(values), Numbers::Unsigned) => values[i] as u64 as f64,
            (Values::I64(values), _) => values[i] as f64,
            (Values::F32(values), _) => f64::from(values[i]),
            (Values::F64(values), _) => values[i],
            (Values::I96(_) | Values::Bytes(_) | Values::Fixed(_), _) => f64::NAN,
        }
    }

    /// The value of row `i` of those at hand, as a name.
    fn name(&self, i: usize) -> Cow<'_, [u8]> {
        match &self.values {
            Values::Bytes(values) => Cow::Borrowed(values[i].data()),
            Values::I32(values) if self.numbers == Numbers::Unsigned => {
                Cow::Owned((values[i] as u32).to_string().into_bytes())
            }
            Values::I32(values) => Cow::Owned(values[i].to_string().into_bytes()),
            Values::I64(values) if self.numbers == Numbers::Unsigned => {
                Cow::Owned((values[i] as u64).to_string().into_bytes())
            }
            Values::I64(values) => Cow::Owned(values[i].to_string().into_bytes()),
            _ => Cow::Borrowed(b""),
        }
    }

    /// `name`, as stands in this column, if it is one.
    fn checked_name<'a>(&self, named: Named, name: &'a [u8]) -> Result<&'a str, Fault> {
        checked_name(named, name).map_err(|allowed| {
            let value = String::from_utf8_lossy(&name[..name.len().min(CITED)]).into_owned();
            Fault::new(&*self.name, format!("{value:?}"), allowed)
        })
    }

    /// The value of row `i` of those at hand, as a moment.
    fn moment(&self, i: usize) -> Option<Stamp> {
        let millis = match (self.time, &self.values) {
            (TimeUnits::Ticks(ticks), Values::I64(values)) => {
                (i128::from(values[i]) * 1000).div_euclid(ticks.into())
            }
            (TimeUnits::Days, Values::I32(values)) => {
                return moment_of_millis(i128::from(values[i]) * 86_400_000).map(|_| Stamp::Day);
            }
            (_, Values::I96(values)) => i128::from(values[i].to_millis()),
            _ => return moment(&self.stamp(i)),
        };
        moment_of_millis(self.clock.local(millis)).map(Stamp::Moment)
    }

    /// What row `i` of those at hand says as a time stamp that is a text or a number.
    fn stamp(&self, i: usize) -> Cow<'_, [u8]> {
        match &self.values {
            Values::F64(values) => Cow::Owned(values[i].to_string().into_bytes()),
            _ => self.name(i),
        }
    }

    /// That row `i` of those at hand says no moment.
    fn no_moment(&self, i: usize) -> Fault {
        let said = || String::from_utf8_lossy(&self.stamp(i)).into_owned();
        let value = match &self.values {
            Values::Bytes(_) => format!("{:?}", shortened(said())),
            Values::I96(_) => "no moment".to_owned(),
            _ => said(),
        };
        let allowed = match self.time {
            TimeUnits::Number => allowed_moment(&self.stamp(i)),
            TimeUnits::Ticks(_) | TimeUnits::Days => "a moment of the years 1 to 9999".to_owned(),
        };
        Fault::new(&*self.name, value, format!("{allowed}{}", self.role.way_out()))
    }
}

/// A Parquet file that is read as a log.
pub(super) struct ParquetLog {
    origin: String,
    pages: Arc<Pages>,
    metadata: ParquetMetaData,
    columns: Vec<Column>,
    /// The columns of inputs, if somebody looks at those, and where each column of the file stands among those that are read.
    inputs: Option<(ColumnInputs, Vec<usize>)>,
    /// What to say of columns that nothing reads, or that are read for something else.
    remarks: Vec<String>,
    /// Rows in which the chosen item was something else than at first.
    varied: u64,
    /// Time stamps that say a day and no hour.
    days: u64,
    /// The next group of rows.
    group: usize,
    /// The next row of those at hand, and how many these are.
    at: usize,
    len: usize,
    /// How many rows were read.
    rows: u64,
}

impl ParquetLog {
    /// Opens a file, which must have the columns that matter.
    ///
    /// # Errors
    /// What is no Parquet file, or not a regular one; a column that is not there, is there twice, is of another type, is packed
    /// in a way that is not read, or is read twice.
    fn open(path: &Path, names: &Columns, domain: Option<&'static Domain>) -> Result<Self> {
        let origin = path.display().to_string();
        let file = File::open(path).map_err(Error::io("read", path))?;
        if !file.metadata().map_err(Error::io("read", path))?.is_file() {
            return Err(Fault::new("the file", "something else", "a regular file, uncompressed").at(&origin));
        }
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file);
        let metadata = metadata.map_err(|error| unreadable(&origin, &error))?;
        let schema = metadata.file_metadata().schema_descr_ptr();
        let leaves: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
        let arrow = ArrowSchema::of(metadata.file_metadata());
        names.check_inputs(domain)?;
        let mut columns: Vec<Column> = Vec::new();
        let mut add = |role: Role, name: &str, is_required: bool| {
            let found = find_column(&leaves, name).map_err(|(_, fault)| fault.at(&origin))?;
            let Some(leaf) = found else {
                let unknown = || format!("{}; {NAME_COLUMNS}", no_column(&leaves, name));
                return if is_required { Err(malformed(origin.clone(), unknown())) } else { Ok(()) };
            };
            let column = schema.column(leaf);
            let may_be_twice = matches!(role, Role::Probability | Role::Input);
            if columns.iter().any(|other| other.leaf == leaf) && !may_be_twice {
                let message = format!("column {name:?} is read as two things; allowed: one for each");
                return Err(malformed(origin.clone(), message));
            }
            check_type(role, &leaves[leaf], &column, &arrow).map_err(|fault| fault.at(&origin))?;
            columns.push(Column::new(role, name, leaf, &column, &arrow));
            Ok(())
        };
        add(Role::Item, &names.item, true)?;
        add(if domain.is_some() { Role::Outcome } else { Role::Reward }, &names.reward, true)?;
        add(Role::Propensity, &names.propensity, true)?;
        for (role, name, usual) in
            [(Role::Timestamp, &names.timestamp, "timestamp"), (Role::User, &names.user, "user")]
        {
            // What goes by another name than the usual one is there to be read.
            if name != NO_COLUMN {
                add(role, name, name != usual)?;
            }
        }
        for (_, column) in &names.probabilities {
            add(Role::Probability, column, true)?;
        }
        let taken: Vec<usize> = columns.iter().map(|column| column.leaf).collect();
        let place = |_| origin.clone();
        let inputs =
            domain.map(|domain| ColumnInputs::new(domain, names, &leaves, &taken, place)).transpose()?;
        let mut places = vec![usize::MAX; leaves.len()];
        for (_, leaf) in inputs.iter().flat_map(ColumnInputs::columns) {
            let column = schema.column(*leaf);
            check_type(Role::Input, &leaves[*leaf], &column, &arrow).map_err(|fault| fault.at(&origin))?;
            if places[*leaf] == usize::MAX {
                places[*leaf] = columns.len();
                columns.push(Column::new(Role::Input, &leaves[*leaf], *leaf, &column, &arrow));
            }
        }
        for group in metadata.row_groups() {
            for column in &columns {
                let checked = check_chunk(&column.name, group.num_rows(), group.column(column.leaf));
                checked.map_err(|fault| fault.at(&origin))?;
            }
        }
        let is_read = |leaf: usize| columns.iter().any(|column| column.leaf == leaf);
        let unread =
            (0..leaves.len()).filter(|leaf| !is_read(*leaf)).map(|leaf| shortened(leaves[leaf].clone()));
        let unread = unread_remark(&origin, &unread.collect::<Vec<_>>(), names);
        let remarks = unread.into_iter().chain(cost_remark(&origin, names)).collect();
        let inputs = inputs.map(|inputs| (inputs, places));
        Ok(Self {
            origin,
            pages: Arc::new(Pages::new(file)),
            metadata,
            columns,
            inputs,
            remarks,
            varied: 0,
            days: 0,
            group: 0,
            at: 0,
            len: 0,
            rows: 0,
        })
    }

    /// The reward at row `i` of those at hand: a number, or what the outcome of this name is worth.
    fn outcome(&self, column: &Column, i: usize) -> Result<f64, Fault> {
        let Some((inputs, _)) = &self.inputs else { return Ok(column.number(i)) };
        let (Values::Bytes(values), true) = (&column.values, column.is_text()) else {
            return Ok(inputs.reward_of_number(column.number(i)));
        };
        let text = String::from_utf8_lossy(values[i].data());
        let fault = |allowed| Fault::new(&column.name, format!("{:?}", shortened(text.to_string())), allowed);
        inputs.reward(&text).map_err(fault)
    }

    /// Brings the next rows to hand; false at the end of the file.
    fn advance(&mut self) -> Result<bool> {
        let Self { origin, pages, metadata, columns, group, rows, .. } = self;
        loop {
            let (mut len, mut is_begun) = (None, false);
            for column in columns.iter_mut().filter(|column| column.reader.is_some()) {
                is_begun = true;
                pages.begin();
                let (count, null) = column.advance().map_err(|error| unreadable(origin, &error))?;
                if let Some(null) = null {
                    let place = row_place(origin, *rows + null as u64 + 1);
                    let allowed = format!("a value in every row{}", column.role.way_out());
                    return Err(Fault::new(format!("column {:?}", column.name), "null", allowed).at(place));
                }
                if *len.get_or_insert(count) != count {
                    return Err(malformed(origin.clone(), "its columns are not of one length"));
                }
            }
            if let Some(count @ 1..) = len {
                (self.at, self.len) = (0, count);
                return Ok(true);
            }
            if is_begun || *group == 0 {
                let Some(next) = metadata.row_groups().get(*group) else { return Ok(false) };
                for column in columns.iter_mut() {
                    let (chunk, rows) = (next.column(column.leaf), next.num_rows() as usize);
                    let of_column = SerializedPageReader::new(Arc::clone(pages), chunk, rows, None);
                    let of_column = of_column.map_err(|error| unreadable(origin, &error))?;
                    let described = chunk.column_descr_ptr();
                    column.reader = Some(get_column_reader(described, Box::new(of_column)));
                }
                *group += 1;
            }
        }
    }
}

/// Refuses a column that cannot be what it is to be: of another type, or a duration, whose numbers do not say what they count.
fn check_type(role: Role, name: &str, column: &ColumnDescriptor, arrow: &ArrowSchema) -> Result<(), Fault> {
    let is_duration = arrow.is_duration(name);
    if role.takes(column) && !is_duration {
        return Ok(());
    }
    let of_arrow = if is_duration { ", a duration of Arrow" } else { "" };
    let found = format!("of type {}{of_arrow}", described(column));
    Err(Fault::new(format!("column {name:?}"), found, role.allowed()))
}

/// Refuses a column in a group of rows whose numbers make the `parquet` crate panic, or that is packed in a way that it does not
/// read here.
fn check_chunk(name: &str, rows: i64, chunk: &ColumnChunkMetaData) -> Result<(), Fault> {
    let numbers = [
        ("num_rows", rows),
        ("num_values", chunk.num_values()),
        ("data_page_offset", chunk.data_page_offset()),
        ("dictionary_page_offset", chunk.dictionary_page_offset().unwrap_or(0)),
        ("total_compressed_size", chunk.compressed_size()),
        ("total_uncompressed_size", chunk.uncompressed_size()),
    ];
    if let Some((field, value)) = numbers.into_iter().find(|(_, value)| *value < 0) {
        return Err(Fault::new(format!("{field} of column {name:?}"), value, "a number of at least 0"));
    }
    match chunk.compression() {
        Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_) | Compression::ZSTD(_) => {
            Ok(())
        }
        other => {
            // Some have their level behind their name, which a file does not say.
            let codec = other.to_string();
            let found = format!("compressed with {}", codec.split('(').next().unwrap_or_default());
            Err(Fault::new(format!("column {name:?}"), found, "snappy, gzip, zstd or no compression"))
        }
    }
}

fn unreadable(origin: &str, error: &ParquetError) -> Error {
    malformed(origin.to_owned(), format!("it cannot be read as Parquet: {error}"))
}

fn row_place(origin: &str, row: u64) -> String {
    format!("{origin}, row {row}")
}

impl LogReader for ParquetLog {
    fn next(&mut self, row: &mut Row, names: &mut LogVocabulary) -> Result<bool> {
        if self.at == self.len && !self.advance()? {
            return Ok(false);
        }
        let i = self.at;
        self.at += 1;
        self.rows += 1;
        row.moment = None;
        row.probabilities.clear();
        for column in &self.columns {
            let field = &column.name;
            let taken = match column.role {
                Role::Item => {
                    let item = column.name(i);
                    // Only what is new is looked at.
                    let known = names.items.find(&item).map_or_else(
                        || {
                            column
                                .checked_name(Named::Item, &item)
                                .map(|name| names.items.number(name.as_bytes()))
                        },
                        Ok,
                    );
                    known.map(|item| row.chosen = item)
                }
                Role::User => {
                    let user = column.name(i);
                    column.checked_name(Named::User, &user).map(|name| names.of_user(name.as_bytes(), row))
                }
                Role::Reward => checked_reward(field, column.number(i)).map(|reward| row.reward = reward),
                Role::Outcome => {
                    let reward = self.outcome(column, i);
                    reward.and_then(|reward| checked_reward(field, reward)).map(|reward| row.reward = reward)
                }
                Role::Input => Ok(()),
                Role::Propensity => {
                    checked_propensity(field, column.number(i)).map(|p| row.propensity = Some(p))
                }
                Role::Probability => {
                    within(field, column.number(i), 0.0, 1.0).map(|p| row.probabilities.push(p))
                }
                Role::Timestamp => column.moment(i).ok_or_else(|| column.no_moment(i)).map(|stamp| {
                    self.days += u64::from(stamp == Stamp::Day);
                    row.moment = stamp.context();
                }),
            };
            taken.map_err(|fault| fault.at(row_place(&self.origin, self.rows)))?;
        }
        if let Some((inputs, places)) = &mut self.inputs {
            let columns = &self.columns;
            let filled = inputs
                .fill(row, names, |input, leaf, nothings| columns[places[leaf]].input(input, i, nothings));
            filled.map_err(|(_, fault)| fault.at(row_place(&self.origin, self.rows)))?;
            self.varied = names.varied;
        }
        Ok(true)
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn place(&self) -> String {
        row_place(&self.origin, self.rows)
    }

    fn remarks(&self) -> Vec<String> {
        let of_inputs = self.inputs.iter().flat_map(|(inputs, _)| inputs.remarks(&self.origin, self.varied));
        self.remarks.iter().cloned().chain(of_inputs).collect()
    }
    fn notes(&self) -> Vec<String> {
        let clocks = self.columns.iter().filter(|column| column.role == Role::Timestamp);
        let clocks = clocks.filter_map(|column| column.clock.note(&self.origin, &column.name));
        clocks.chain(days_note(&self.origin, self.days)).collect()
    }
}
