//! How much of a model's attention a text takes, before any tokenizer has seen it.

/// An estimate of a text's tokens: one for every three bytes of UTF-8 that it begins. English prose takes about one for
/// four, most other scripts fewer for their bytes: so it is rather too large than too small, and the same for every model.
pub(super) fn estimate(text: &str) -> u64 {
    text.len().div_ceil(3) as u64
}
