//! Many things to do: on all cores where that is worth it.

use rayon::prelude::*;

/// So many small things are worth it.
pub(crate) const MANY: usize = 32;

/// What `work` makes of each item, in order. Only if they are `many` are there threads for it: a command that does one
/// thing starts none.
pub(crate) fn each<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    many: bool,
    work: impl Fn(T) -> R + Sync + Send,
) -> Vec<R> {
    if many {
        items.into_iter().collect::<Vec<T>>().into_par_iter().map(work).collect()
    } else {
        items.into_iter().map(work).collect()
    }
}
