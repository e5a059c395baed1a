//! Profile features of users as files: for data frames, registries of features, and who reads line by line.
//!
//! In: profiles of one moment, in the order of users' names. Out: the bytes of a file, the same for the same profiles. A new
//! format: a file with a unit struct that implements [`ProfileFormat`], its `mod` line here, and its place in
//! [`profile_formats`].

mod csv;
mod format;
mod jsonl;
mod parquet;

pub use format::{NamedProfiles, ProfileFormat};

/// Every format.
///
/// ```
/// let extensions: Vec<&str> = rehearsal::report::profile_formats().iter().map(|f| f.extension()).collect();
/// assert_eq!(extensions, ["jsonl", "csv", "parquet"]);
/// ```
pub fn profile_formats() -> Vec<Box<dyn ProfileFormat>> {
    vec![Box::new(jsonl::Jsonl), Box::new(csv::Csv), Box::new(parquet::Parquet)]
}
