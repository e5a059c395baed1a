//! Every log format, and how the format of a log is found out.

use super::csv::Csv;
use super::dsjson::Dsjson;
use super::format::{FormatInput, FormatRule};
use super::obd::Obd;
use super::parquet::Parquet;
use super::reader::LogReader;
use super::rehearsal::Rehearsal;
use super::vw::Vw;
use crate::base::error::{Error, Result};

/// Makes the enum of all formats, which asks the rule of the one that it is.
macro_rules! log_formats {
    ($($Rule:ident: $what:literal),+ $(,)?) => {
        /// The format of a log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum LogFormat {
            $(#[doc = $what] $Rule,)+
        }

        impl LogFormat {
            /// All of them.
            pub const ALL: [Self; [$(stringify!($Rule)),+].len()] = [$(Self::$Rule),+];

            /// Its name on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Rule => <$Rule as FormatRule>::NAME,)+ }
            }

            /// Whether the columns that the user names are those of this format.
            pub(super) const fn takes_columns(self) -> bool {
                match self { $(Self::$Rule => <$Rule as FormatRule>::TAKES_COLUMNS,)+ }
            }

            /// Whether its decisions list actions by tags, with features of any name.
            pub(super) const fn has_actions(self) -> bool {
                match self { $(Self::$Rule => <$Rule as FormatRule>::HAS_ACTIONS,)+ }
            }

            fn detects(self, first_line: &str) -> bool {
                match self { $(Self::$Rule => $Rule::detects(first_line),)+ }
            }

            /// Opens a log of this format.
            pub(super) fn open(self, input: FormatInput) -> Result<Box<dyn LogReader>> {
                match self { $(Self::$Rule => $Rule::open(input),)+ }
            }
        }
    };
}

log_formats! {
    Parquet: "Parquet, with named columns.",
    Rehearsal: "This program's own decisions and rewards.",
    Obd: "The Open Bandit Dataset.",
    Dsjson: "Vowpal Wabbit's `dsjson`.",
    Vw: "Vowpal Wabbit's contextual-bandit text with multi-line actions.",
    Csv: "Comma-separated, with named columns.",
}

impl LogFormat {
    /// The format of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|f| f.name() == name)
            .ok_or_else(|| Error::unknown("format", name, Self::ALL.map(Self::name)))
    }

    /// The format of a log whose first line with anything on it is this one.
    pub(super) fn detect(first_line: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.detects(first_line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_tells_the_format() {
        for (line, format) in [
            ("{\"decision_id\":\"a\"}", Some(LogFormat::Rehearsal)),
            ("{\"_label_cost\":0}", Some(LogFormat::Dsjson)),
            ("{\"a\":1,\"b|c\":2}", Some(LogFormat::Dsjson)),
            ("[1,2]", None),
            ("shared |u a,b", Some(LogFormat::Vw)),
            (",\"item_id\",click, propensity_score", Some(LogFormat::Obd)),
            ("item_id,click,propensity", Some(LogFormat::Csv)),
            ("action|reward|propensity", Some(LogFormat::Csv)),
            ("item_id | click | propensity_score", Some(LogFormat::Obd)),
            ("action", None),
            ("PAR1\u{15}\u{4}", Some(LogFormat::Parquet)),
        ] {
            assert_eq!(LogFormat::detect(line), format, "{line}");
        }
    }
}
