//! Text from outside lands in raw structs here, with errors that name file, field and line.
//!
//! In: paths and bytes. Out: raw structs, tables, or errors. A new kind of text is a file here.

mod checked_toml;
mod file;
mod foreign;
mod notation;
mod object;
mod parse;
mod place;
mod table;
mod unique_keys;
mod whole;

pub(crate) use checked_toml::checked_toml;
pub(crate) use file::{OR_A_FILE, bytes, is_path, regular, text, utf8, without_mark};
pub(crate) use foreign::foreign;
pub(crate) use notation::{
    MISSING, is_missing, is_nothing, is_number, notation, number_or_truth, of_notation,
};
pub(crate) use object::{Object, objects, optional_object};
pub(crate) use parse::{Text, complaint, json, json_value, toml};
pub(crate) use table::{Table, no_header, separator_of};
pub(crate) use unique_keys::unique_keys;
pub(crate) use whole::{optional_whole, optional_wholes, whole, whole_number};
