//! A request and a profile become one vector per candidate.
//!
//! Each dimension has one function here. The command line calls them on what it read; the simulator
//! calls them once for every value that its tables hold. Both therefore get the same bits.
//!
//! Transcendental functions come from the `libm` crate and not from the system, so that the same request
//! gives the same vector on every machine.

mod block;
pub mod dimension;
pub mod profile_history;

pub use block::FeatureBlock;

use crate::base::error::{Error, Result};
use crate::base::vector::Vector;
use crate::domain::profile::{ProfileIndex, ProfileValues};
use crate::features::dimension::{DIMENSIONS, Dimension};
use serde::{Deserialize, Serialize};
use std::f64::consts::TAU;
use std::fmt;

/// Names of all dimensions; feature set `v1` is the first seven.
const NAMES: [&str; DIMENSIONS.len()] = {
    let mut names = [""; DIMENSIONS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = DIMENSIONS[i].name;
        i += 1;
    }
    names
};

/// Number of dimensions that come from the candidate and the moment.
pub const CANDIDATE_DIMS: usize = 7;
/// Number of all dimensions.
pub(crate) const ALL_DIMS: usize = NAMES.len();

/// What a policy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureSet {
    /// D = 7: candidate and moment.
    V1,
    /// D = 12: `v1` and five dimensions of the profile.
    V2,
}

impl FeatureSet {
    /// The one with all dimensions; the others are its beginnings.
    pub const WIDEST: Self = Self::V2;

    /// Number of dimensions, D.
    pub const fn dim(self) -> usize {
        match self {
            Self::V1 => CANDIDATE_DIMS,
            Self::V2 => NAMES.len(),
        }
    }

    /// Names of the dimensions, in order.
    pub fn names(self) -> &'static [&'static str] {
        &NAMES[..self.dim()]
    }

    /// The dimensions, in order.
    pub fn dimensions(self) -> &'static [Dimension] {
        &DIMENSIONS[..self.dim()]
    }

    /// Whether the profile is looked at.
    pub const fn uses_profile(self) -> bool {
        self.dim() > CANDIDATE_DIMS
    }

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }

    /// The feature set of this name.
    ///
    /// # Errors
    /// [`Error::Unknown`] for any other name.
    pub fn from_name(name: &str) -> Result<Self> {
        let all = [Self::V1, Self::V2];
        all.into_iter()
            .find(|set| set.name() == name)
            .ok_or_else(|| Error::unknown("feature set", name, all.map(Self::name)))
    }
}

impl fmt::Display for FeatureSet {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An hour of the day as a point on the unit circle, (sin, cos) of 2 pi h / 24.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    /// sin(2 pi h / 24)
    pub sin: f64,
    /// cos(2 pi h / 24)
    pub cos: f64,
}

impl Clock {
    /// The point for hour `h` in [0, 24).
    pub fn at(h: f64) -> Self {
        let angle = TAU * h / 24.0;
        Self { sin: libm::sin(angle), cos: libm::cos(angle) }
    }

    /// cos(2 pi (h - g) / 24): 1 at the same hour, -1 twelve hours away.
    #[inline(always)]
    pub fn alignment(self, other: Self) -> f64 {
        alignment([self.cos, self.sin], [other.cos, other.sin])
    }
}

/// The cosine of the angle between two hours, of which cosine and sine are given, by the addition theorem; for one person,
/// or for each of several.
#[inline(always)]
pub(crate) fn alignment<V: Vector>([cos, sin]: [V; 2], [other_cos, other_sin]: [V; 2]) -> V {
    cos * other_cos + sin * other_sin
}

/// 1 on Saturday and Sunday, else 0.
#[inline(always)]
pub fn weekend(weekday: u8) -> f64 {
    f64::from(u8::from(weekday >= 5))
}

/// 1 / (1 + exp(days / 3)): near 1 when overdue, 1/2 when due now, 0 when unknown.
pub fn urgency(due_in_days: Option<f64>) -> f64 {
    due_in_days.map_or(0.0, |days| 1.0 / (1.0 + libm::exp(days / 3.0)))
}

/// Minutes over an hour, at most 1; 0.25 when unknown.
pub fn effort(minutes: Option<f64>) -> f64 {
    minutes.map_or(0.25, |m| m.min(60.0) / 60.0)
}

/// The priority as it is; 0.5 when unknown.
pub fn priority(priority: Option<f64>) -> f64 {
    priority.unwrap_or(0.5)
}

/// Dwell over ten minutes, at most 1; 0 when unknown.
#[inline(always)]
pub fn mean_dwell(seconds: Option<f64>) -> f64 {
    seconds.map_or(0.0, |s| s.min(600.0) / 600.0)
}

/// ln(1 + tips) / ln(1001), at most 1; 0 when unknown.
pub fn tip_volume(tips: Option<f64>) -> f64 {
    tips.map_or(0.0, |n| (libm::log1p(n) / libm::log(1001.0)).min(1.0))
}

/// The dimensions of one candidate that need neither profile nor weekday.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateFeatures {
    /// Its own hour, else the context's.
    pub clock: Clock,
    /// See [`priority`].
    pub priority: f64,
    /// See [`urgency`].
    pub urgency: f64,
    /// See [`effort`].
    pub effort: f64,
}

/// The dimensions of one candidate that come from the profile values that hold for it.
///
/// The alignment with the preferred hour depends on the candidate's hour too and is left to the block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileFeatures {
    /// In [0, 1]; 0 when unknown.
    pub completion_rate: f64,
    /// In [0, 1]; 0 when unknown.
    pub dismiss_rate: f64,
    /// See [`mean_dwell`].
    pub mean_dwell: f64,
    /// The preferred hour; the centre of the circle, aligned with nothing, when unknown.
    pub preferred: Clock,
    /// See [`tip_volume`].
    pub tip_volume: f64,
}

impl ProfileFeatures {
    /// Nothing is known: every dimension is 0.
    pub const UNKNOWN: Self = Self {
        completion_rate: 0.0,
        dismiss_rate: 0.0,
        mean_dwell: 0.0,
        preferred: Clock { sin: 0.0, cos: 0.0 },
        tip_volume: 0.0,
    };

    /// The dimensions of these values.
    pub fn of(values: &ProfileValues) -> Self {
        Self {
            completion_rate: values.get(ProfileIndex::CompletionRate).unwrap_or(0.0),
            dismiss_rate: values.get(ProfileIndex::DismissRate).unwrap_or(0.0),
            mean_dwell: mean_dwell(values.get(ProfileIndex::MeanDwellSeconds)),
            preferred: values.get(ProfileIndex::PreferredHour).map_or(Self::UNKNOWN.preferred, Clock::at),
            tip_volume: tip_volume(values.get(ProfileIndex::TipVolume)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use proptest::prelude::*;

    fn block(set: FeatureSet, text: &str) -> FeatureBlock {
        FeatureBlock::of(set, Request::from_json(text.as_bytes(), "request").unwrap().offered())
    }

    const EXAMPLE: &str = r#"{"context": {"hour": 8.5, "weekday": 5},
        "candidates": [{"id": "t1", "kind": "focus", "priority": 0.8, "due_in_days": -2, "effort_minutes": 15, "hour": 9},
                       {"id": "t2"}],
        "profile_features": {"completion_rate": 0.42, "dismiss_rate": 0.1, "mean_dwell_seconds": 45,
            "preferred_hour": 9, "tip_volume": 120, "by_kind": {"focus": {"completion_rate": 0.6}}}}"#;

    fn assert_close(actual: &[f64], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len());
        for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
            assert!((a - e).abs() < 1e-15, "dimension {i}: {a} is not {e}");
        }
    }

    #[test]
    fn the_example_gives_the_table_of_the_design() {
        let angle = TAU * 9.0 / 24.0;
        let v2 = block(FeatureSet::V2, EXAMPLE);
        let urgency = 1.0 / (1.0 + (-2.0_f64 / 3.0).exp());
        let volume = 121.0_f64.ln() / 1001.0_f64.ln();
        let first = [1.0, angle.sin(), angle.cos(), 1.0, 0.8, urgency, 0.25, 0.6, 0.1, 0.075, 1.0, volume];
        assert_close(v2.row(0), &first);
        let here = TAU * 8.5 / 24.0;
        let alignment = (TAU * -0.5 / 24.0).cos();
        let second = [1.0, here.sin(), here.cos(), 1.0, 0.5, 0.0, 0.25, 0.42, 0.1, 0.075, alignment, volume];
        assert_close(v2.row(1), &second);
    }

    #[test]
    fn v1_is_the_beginning_of_v2_to_the_bit() {
        let (v1, v2) = (block(FeatureSet::V1, EXAMPLE), block(FeatureSet::V2, EXAMPLE));
        for k in 0..2 {
            assert_eq!(v1.row(k), &v2.row(k)[..CANDIDATE_DIMS]);
        }
    }

    #[test]
    fn without_a_profile_its_dimensions_are_zero() {
        let text = r#"{"context":{"hour":3,"weekday":0},"candidates":[{"id":"a"}],"profile_features":null}"#;
        assert_eq!(block(FeatureSet::V2, text).row(0)[CANDIDATE_DIMS..], [0.0; ALL_DIMS - CANDIDATE_DIMS]);
    }

    #[test]
    fn values_beyond_the_scale_are_clipped() {
        assert_eq!(effort(Some(240.0)), 1.0);
        assert_eq!(mean_dwell(Some(6e5)), 1.0);
        assert_eq!(tip_volume(Some(1e9)), 1.0);
        assert_eq!(tip_volume(Some(1000.0)), 1.0);
        assert!(tip_volume(Some(999.0)) < 1.0);
        assert_eq!((urgency(Some(-1e5)), urgency(Some(1e5))), (1.0, 0.0));
    }

    proptest! {
        #[test]
        fn every_dimension_stays_in_its_range(h in 0.0..24.0f64, p in 0.0..24.0f64, due in -4e5..4e5f64,
                                              minutes in 0.0..6e5f64, n in 0.0..1e12f64) {
            let alignment = Clock::at(h).alignment(Clock::at(p));
            prop_assert!((alignment - (TAU * (h - p) / 24.0).cos()).abs() < 1e-14);
            for value in [urgency(Some(due)), effort(Some(minutes)), tip_volume(Some(n))] {
                prop_assert!((0.0..=1.0).contains(&value));
            }
        }
    }
}
