//! Choices that a table of the library lists, as values of options: help and completions know them.

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// A parser of one of `all`, each known by its name.
pub(super) fn choice<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [T; N],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let by_name = move |chosen: String| {
        let it = all.into_iter().find(|one| name(*one) == chosen);
        it.expect("only names of the table are possible")
    };
    PossibleValuesParser::new(all.map(name)).map(by_name)
}
