//! The vectors of all candidates that are offered, or of a step that several users take side by side.

use super::dimension::{ALL_DIMS, CANDIDATE_DIMS};
use super::feature_set::FeatureSet;
use super::values::{CandidateFeatures, Clock, ProfileFeatures, effort, priority, urgency, weekend};
use crate::base::vector::Cell;
use crate::domain::request::Offered;

/// Feature vectors of K candidates: a row of D cells each, a cell holding one dimension for each user.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureBlock<C: Cell = f64> {
    dim: usize,
    len: usize,
    data: Vec<C>,
}

impl<C: Cell> Default for FeatureBlock<C> {
    fn default() -> Self {
        Self { dim: 0, len: 0, data: Vec::new() }
    }
}

impl<C: Cell> FeatureBlock<C> {
    /// A block of zeros for `len` candidates in `dim` dimensions.
    pub fn new(dim: usize, len: usize) -> Self {
        Self { dim, len, data: vec![C::all(0.0); dim * len] }
    }

    /// Number of candidates, K.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no candidate.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of dimensions, D.
    #[inline(always)]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// All rows, one after the other.
    #[inline(always)]
    pub fn rows(&self) -> &[C] {
        &self.data
    }

    /// All rows, to be written.
    #[inline(always)]
    pub(crate) fn rows_mut(&mut self) -> &mut [C] {
        &mut self.data
    }

    /// All rows; they have all dimensions that there are.
    #[inline(always)]
    pub(crate) fn full_rows(&self) -> &[[C; ALL_DIMS]] {
        debug_assert_eq!(self.dim, ALL_DIMS);
        self.data.as_chunks().0
    }

    /// All rows, to be written; they have all dimensions that there are.
    #[inline(always)]
    pub(crate) fn full_rows_mut(&mut self) -> &mut [[C; ALL_DIMS]] {
        debug_assert_eq!(self.dim, ALL_DIMS);
        self.data.as_chunks_mut().0
    }

    /// The vector of candidate `k`.
    #[inline(always)]
    pub fn row(&self, k: usize) -> &[C] {
        &self.data[k * self.dim..][..self.dim]
    }

    /// The vector of candidate `k`, to be written.
    #[inline(always)]
    pub(crate) fn row_mut(&mut self, k: usize) -> &mut [C] {
        &mut self.data[k * self.dim..][..self.dim]
    }
}

impl FeatureBlock {
    /// The block of what is offered as a feature set sees it.
    pub fn of(set: FeatureSet, offered: Offered) -> Self {
        let mut block = Self::default();
        block.fill(set, offered);
        block
    }

    /// Becomes that block, in the memory that it has.
    pub fn fill(&mut self, set: FeatureSet, offered: Offered) {
        let Offered { context, candidates, profile, .. } = offered;
        (self.dim, self.len) = (set.dim(), candidates.len());
        self.data.clear();
        self.data.resize(self.dim * self.len, 0.0);
        if let Some(declared) = set.declared() {
            let mut values = Vec::new();
            for (k, row) in self.data.chunks_exact_mut(self.dim).enumerate() {
                declared.write(|slot| offered.value(slot, k), &mut values, row);
            }
            return;
        }
        let weekend = weekend(context.weekday);
        for (k, candidate) in candidates.iter().enumerate() {
            let features = CandidateFeatures {
                clock: Clock::at(candidate.hour.unwrap_or(context.hour)),
                priority: priority(candidate.priority),
                urgency: urgency(candidate.due_in_days),
                effort: effort(candidate.effort_minutes),
            };
            self.set_candidate(k, weekend, &features);
        }
        if let Some(profile) = profile.filter(|_| set.uses_profile()) {
            for (k, candidate) in candidates.iter().enumerate() {
                let values = profile.values_for(candidate.kind.as_deref());
                self.set_profile(k, &ProfileFeatures::of(&values));
            }
        }
    }

    /// Writes dimensions 0 to 6 of candidate `k`.
    pub fn set_candidate(&mut self, k: usize, weekend: f64, features: &CandidateFeatures) {
        let row: &mut [f64; CANDIDATE_DIMS] =
            self.row_mut(k).first_chunk_mut().expect("every feature set begins so");
        let CandidateFeatures { clock, priority, urgency, effort } = *features;
        *row = [1.0, clock.sin, clock.cos, weekend, priority, urgency, effort];
    }

    /// Writes dimensions 7 to 11 of candidate `k`, once dimensions 1 and 2 are there.
    fn set_profile(&mut self, k: usize, profile: &ProfileFeatures) {
        let row = self.row_mut(k);
        let clock = Clock { sin: row[1], cos: row[2] };
        let ProfileFeatures { completion_rate, dismiss_rate, mean_dwell, preferred, tip_volume } = *profile;
        let alignment = clock.alignment(preferred);
        row[CANDIDATE_DIMS..ALL_DIMS].copy_from_slice(&[
            completion_rate,
            dismiss_rate,
            mean_dwell,
            alignment,
            tip_volume,
        ]);
    }

    /// Writes the vector of candidate `k`, for environments with columns of their own.
    pub fn set_vector(&mut self, k: usize, vector: &[f64]) {
        self.row_mut(k).copy_from_slice(vector);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use crate::features::{mean_dwell, tip_volume};
    use proptest::prelude::*;
    use std::f64::consts::TAU;

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
