//! How a log is compared with simulated people.

/// How a log is compared.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparisonSettings {
    /// The number of simulated users of each persona, at least 2.
    pub users: u64,
    /// The seed of the simulated people and of resampling.
    pub seed: u64,
    /// The number of times that both sides are resampled.
    pub replicates: u32,
    /// The probability with which any aspect at all exceeds its noise level for a log of the very people that are
    /// simulated, in (0, 0.5).
    pub alpha: f64,
}
