//! Exit codes: the whole contract with shells and CI stands here.

/// Done; or the verdict is promote.
pub const DONE: u8 = 0;
/// The verdict is reject.
pub const REJECT: u8 = 1;
/// Wrong use, bad input, or an I/O error. Nothing was half-written; of many lines the good ones are done.
pub const ERROR: u8 = 2;
/// The verdict is inconclusive, or the evidence cannot carry one.
pub const INCONCLUSIVE: u8 = 3;
