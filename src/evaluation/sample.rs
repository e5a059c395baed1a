//! One logged decision as one policy under test sees it: the four numbers that every estimator is made of.

/// With pi the policy under test and p the logged propensity, w = pi(a|x) / p, the reward r, the model's prediction
/// q(x, a) for the logged item, and v = sum over items of pi(a'|x) q(x, a').
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The weight w, at least 0; it is NaN when the log does not know its propensity.
    pub weight: f64,
    /// The reward r.
    pub reward: f64,
    /// The prediction q(x, a) for the logged item.
    pub predicted: f64,
    /// The policy's value v at this decision by the model.
    pub expected: f64,
    /// Whether rejection sampling keeps this decision.
    pub accepted: bool,
}
