//! A feature set's file: dimensions in order, each a constant, an input through a chain of steps, or a cross of others.

use crate::domain::DomainRef;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A feature set's file, unchecked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFeatureSet {
    /// Lower-case letters, digits and '-'.
    pub name: String,
    /// What it is, for readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The domain whose inputs it looks at: `tips` when absent.
    #[serde(default)]
    pub domain: DomainRef,
    /// The dimensions, in order.
    pub dimensions: Vec<RawDimension>,
}

/// A dimension, or several that are made together, as a file states them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDimension {
    /// Its name; what is made of several has more behind it.
    pub name: String,
    /// The same number always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<f64>,
    /// What it is made from: `candidate.price`, or the first of several that is known.
    #[serde(default, skip_serializing_if = "OneOrMore::is_empty")]
    pub input: OneOrMore,
    /// What is done to it, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Transform>,
    /// Its value when the input is unknown; 0 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<f64>,
    /// Names of dimensions before it: every product of one value of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cross: Vec<String>,
    /// Whether it is there for crosses alone, and no part of the vector.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

/// One name, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OneOrMore(pub Vec<String>);

impl OneOrMore {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for OneOrMore {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0[..] {
            [one] => serializer.serialize_str(one),
            more => more.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("the name of an input, or a list of them")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore(vec![name.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMore, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element()? {
                    names.push(name);
                }
                Ok(OneOrMore(names))
            }
        }
        deserializer.deserialize_any(Names)
    }
}

/// One step of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Transform {
    /// At least the minimum and at most the maximum, of which one may be absent.
    Clip {
        /// The smallest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<f64>,
        /// The largest value.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        maximum: Option<f64>,
    },
    /// ln(1 + x)
    Log1p,
    /// x less this number.
    Subtract(f64),
    /// x over this number.
    Divide(f64),
    /// 1 / (1 + exp(-x))
    Logistic,
    /// Sine and cosine of 2 pi h / 24: two dimensions, whose names end in `_sin` and `_cos`.
    Cyclic,
    /// cos(2 pi (h - g) / 24), with g the hour of this input.
    Align(String),
    /// 1 where it is this, else 0.
    Equals(Level),
    /// 1 where it is one of these, else 0.
    In(Vec<Level>),
    /// A dimension for each of these: 1 where it is that, else 0. Others are 0 in all.
    OneHot(Vec<Level>),
    /// 2^bits dimensions, in one of which it is 1 or -1 (Weinberger et al. 2009): for categories of which there are many.
    Hash {
        /// Binary logarithm of their number.
        bits: u32,
    },
}

/// What an input may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Level {
    /// A flag.
    Flag(bool),
    /// A number or an hour.
    Number(f64),
    /// A category.
    Text(String),
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(x) => x.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for Level {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(x) => serializer.serialize_f64(*x),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Level;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Level, E> {
                Ok(Level::Flag(flag))
            }

            fn visit_i64<E: Error>(self, x: i64) -> Result<Level, E> {
                Ok(Level::Number(x as f64))
            }

            fn visit_u64<E: Error>(self, x: u64) -> Result<Level, E> {
                Ok(Level::Number(x as f64))
            }

            fn visit_f64<E: Error>(self, x: f64) -> Result<Level, E> {
                Ok(Level::Number(x))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Level, E> {
                Ok(Level::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(One)
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let list = |levels: &[Level]| levels.iter().map(Level::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Clip { minimum: Some(low), maximum: Some(high) } => write!(f, "clip to [{low}, {high}]"),
            Self::Clip { minimum: Some(low), maximum: None } => write!(f, "at least {low}"),
            Self::Clip { minimum: None, maximum: Some(high) } => write!(f, "at most {high}"),
            Self::Clip { .. } => f.write_str("clip"),
            Self::Log1p => f.write_str("ln(1 + x)"),
            Self::Subtract(by) if *by < 0.0 => write!(f, "x + {}", -by),
            Self::Subtract(by) => write!(f, "x - {by}"),
            Self::Divide(by) => write!(f, "x / {by}"),
            Self::Logistic => f.write_str("1 / (1 + exp(-x))"),
            Self::Cyclic => f.write_str("sin and cos of 2 pi h / 24"),
            Self::Align(other) => write!(f, "cos(2 pi (h - {other}) / 24)"),
            Self::Equals(level) => write!(f, "1 where it is {level}, else 0"),
            Self::In(levels) => write!(f, "1 where it is one of {}, else 0", list(levels)),
            Self::OneHot(levels) => write!(f, "one hot: {}", list(levels)),
            Self::Hash { bits } => write!(f, "hashed into 2^{bits}, signed"),
        }
    }
}
