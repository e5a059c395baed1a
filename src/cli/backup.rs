//! `rehearsal backup`: a copy of the store at one moment, while others go on.

use super::store_args::Global;
use super::{exit, output};
use crate::base::error::Result;
use crate::store::shown;
use crate::store::sqlite::FILE;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The copy, which must not be there yet; in a directory it gets the name that a store has, so that --store DIR opens it
    #[arg(value_name = "FILE|DIR")]
    to: PathBuf,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    let path = if args.to.is_dir() { args.to.join(FILE) } else { args.to.clone() };
    global.to_read()?.backup(&path)?;
    output::note(&format!("{}: a copy of {}", path.display(), shown(&global.place()?).display()));
    Ok(exit::DONE)
}
