//! The vectors of all candidates that are offered, or of a step that several users take side by side.

use super::{ALL_DIMS, CANDIDATE_DIMS, effort, priority, urgency, weekend};
use super::{CandidateFeatures, Clock, FeatureSet, ProfileFeatures};
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

    /// All rows; they have all dimensions that there are.
    #[inline(always)]
    pub(crate) fn full_rows(&self) -> &[[C; ALL_DIMS]] {
        debug_assert_eq!(self.dim, ALL_DIMS);
        self.data.as_chunks().0
    }

    /// The same, to be written.
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
    pub fn fill(&mut self, set: FeatureSet, Offered { context, candidates, profile }: Offered) {
        (self.dim, self.len) = (set.dim(), candidates.len());
        self.data.clear();
        self.data.resize(self.dim * self.len, 0.0);
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
