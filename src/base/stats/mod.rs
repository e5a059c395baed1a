//! Statistics that gate, simulator and evaluation share: pure functions of numbers.
//!
//! Transcendental functions come from the `libm` crate, so that every result has the same bits on every
//! machine. Inverses are found by halving, down to neighbouring doubles: slower than a series, exact to
//! what the function itself can tell apart, and nothing that could fail to converge.
//!
//! In: numbers. Out: numbers. A new distribution or bound is a file here.

mod binomial;
mod distribution;
mod halving;
mod mixture;
mod moments;
mod special;
mod units;

pub use binomial::{clopper_pearson, clopper_pearson_lower, clopper_pearson_upper};
pub use distribution::Distribution;
pub use mixture::{GammaExponentialMixture, NormalMixture};
pub use moments::Moments;
pub use special::{
    incomplete_beta, incomplete_beta_inverse, incomplete_gamma, ln_beta, normal_cdf, normal_quantile,
    student_t_cdf, student_t_quantile,
};
pub use units::{MIN_RESAMPLED, effective_units};
