//! The logistic function.

/// sigma(u) = 1 / (1 + exp(-u)), the probability whose logit is `u`.
#[inline(always)]
pub(super) fn sigma(u: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-u))
}
