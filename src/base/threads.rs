//! Many things to do: on all cores where that is worth it.

use rayon::prelude::*;
use std::error::Error as _;
use std::io;
use std::sync::OnceLock;

/// Makes sure that there are threads for what is done in parallel, one for each core.
///
/// # Errors
/// The system starts no more; it is asked once.
pub(crate) fn ready() -> io::Result<()> {
    static POOL: OnceLock<Result<(), String>> = OnceLock::new();
    let build = || match rayon::ThreadPoolBuilder::new().build_global() {
        // Without a cause there is a pool already, which somebody asked for.
        Err(error) if error.source().is_some() => Err(error.to_string()),
        _ => Ok(()),
    };
    POOL.get_or_init(build).clone().map_err(io::Error::other)
}

/// So many small things are worth it.
pub(crate) const MANY: usize = 32;

/// What `work` makes of each item, in order. Only if they are `many` are there threads for it: a command that does one
/// thing starts none.
pub(crate) fn each<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    many: bool,
    work: impl Fn(T) -> R + Sync + Send,
) -> Vec<R> {
    // Where the system starts no thread this one does it all.
    if many && ready().is_ok() {
        items.into_iter().collect::<Vec<T>>().into_par_iter().map(work).collect()
    } else {
        items.into_iter().map(work).collect()
    }
}
