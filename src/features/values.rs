//! The value of each dimension, one function for each: the command line calls them on what it read, the simulator
//! once for every value that its tables hold.

use crate::base::vector::Vector;
use crate::domain::profile::{ProfileIndex, ProfileValues};
use std::f64::consts::TAU;

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
        alignment((), [self.cos, self.sin], [other.cos, other.sin])
    }
}

/// The cosine of the angle between two hours, of which cosine and sine are given, by the addition theorem; for one person,
/// or for each of several. Zero has no sign, whichever hour is aligned with nothing.
#[inline(always)]
pub(crate) fn alignment<V: Vector>(level: V::Level, [cos, sin]: [V; 2], [other_cos, other_sin]: [V; 2]) -> V {
    cos * other_cos + sin * other_sin + V::all(level, 0.0)
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
    /// The value that [`priority`] gives.
    pub priority: f64,
    /// The value that [`urgency`] gives.
    pub urgency: f64,
    /// The value that [`effort`] gives.
    pub effort: f64,
}

/// The dimensions of one candidate that come from the profile values that hold for it.
///
/// The alignment with the preferred hour depends on the candidate's hour too and is left to the block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProfileFeatures {
    /// Share of shown tips that were completed, in [0, 1]; it is 0 when unknown.
    pub completion_rate: f64,
    /// Share of shown tips that were dismissed, in [0, 1]; it is 0 when unknown.
    pub dismiss_rate: f64,
    /// The value that [`mean_dwell`] gives.
    pub mean_dwell: f64,
    /// The preferred hour; the centre of the circle, aligned with nothing, when unknown.
    pub preferred: Clock,
    /// The value that [`tip_volume`] gives.
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
