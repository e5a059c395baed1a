//! One value of a row, whichever engine keeps it.

use crate::base::error::{Error, Result};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// A value on its way into a table, or out of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// None is known.
    Null,
    /// A whole number; also a flag, where an engine has no flags.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Yes or no.
    Flag(bool),
    /// A text without the character NUL.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The same, for longer than what it was made from is there.
    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(number),
            Self::Real(number) => Value::Real(number),
            Self::Flag(flag) => Value::Flag(flag),
            Self::Text(text) => Value::Text(text.into_owned().into()),
            Self::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
        }
    }
}

/// Makes values of these types.
macro_rules! made_of {
    ($($type:ty: $own:ident => $value:expr;)*) => {$(
        impl<'a> From<$type> for Value<'a> {
            fn from($own: $type) -> Self {
                $value
            }
        }
    )*};
}

made_of! {
    i64: number => Self::Integer(number);
    u64: number => Self::Integer(number as i64);
    f64: number => Self::Real(number);
    bool: flag => Self::Flag(flag);
    String: text => Self::Text(text.into());
    &'a str: text => Self::Text(text.into());
    &'a [u8]: bytes => Self::Bytes(bytes.into());
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a value may be read as.
pub(crate) trait FromValue: Sized {
    /// It; `None` if it is something else.
    fn from_value(value: Value) -> Option<Self>;
}

/// Reads a variant of [`Value`] as these types.
macro_rules! read_as {
    ($($type:ty: $pattern:pat => $read:expr;)*) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Option<Self> {
                if let $pattern = value { Some($read) } else { None }
            }
        }
    )*};
}

read_as! {
    i64: Value::Integer(number) => number;
    u64: Value::Integer(number) => number as u64;
    f64: Value::Real(number) => number;
    String: Value::Text(text) => text.into_owned();
    SmolStr: Value::Text(text) => SmolStr::from(text);
    Arc<str>: Value::Text(text) => Arc::from(text);
    Vec<u8>: Value::Bytes(bytes) => bytes.into_owned();
}

impl FromValue for bool {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Flag(flag) => Some(flag),
            Value::Integer(number @ 0..=1) => Some(number == 1),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        if matches!(value, Value::Null) { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// A row as its engine has it.
pub(crate) trait RowValues {
    /// The value in a column, counted from 0.
    ///
    /// # Errors
    /// What the engine says of a value that is none of these.
    fn value(&self, column: usize) -> Result<Value<'_>, String>;
}

/// Reads the columns of a row, one after the other.
pub(crate) struct RowReader<'a> {
    row: &'a dyn RowValues,
    next: usize,
    origin: &'a Path,
}

impl<'a> RowReader<'a> {
    /// Those of a row from its first one on. `origin` is what errors call the store.
    pub(crate) fn new(row: &'a dyn RowValues, origin: &'a Path) -> Self {
        Self { row, next: 0, origin }
    }

    /// The value of the next column.
    ///
    /// # Errors
    /// [`Error::Damaged`] for one of another type.
    pub(crate) fn read<T: FromValue>(&mut self) -> Result<T> {
        let (column, damaged) = (self.next, |what| Error::Damaged { path: self.origin.to_owned(), what });
        self.next += 1;
        let value = self.row.value(column).map_err(damaged)?;
        T::from_value(value).ok_or_else(|| damaged(format!("column {column} of a row has another type")))
    }
}
