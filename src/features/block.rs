//! The vectors of all candidates of a request, laid out for vector instructions.

use super::{ALL_DIMS, CANDIDATE_DIMS, LANES, Lanes, effort, priority, urgency, weekend};
use super::{CandidateFeatures, Clock, FeatureSet, ProfileFeatures};
use crate::request::Request;

/// Feature vectors of all candidates of a request, in tiles: a tile holds [`LANES`] candidates, D rows of
/// one dimension each. What fills up the last tile means nothing.
///
/// One row of a tile goes through one vector instruction, and the sum over dimensions runs in the same order
/// for every candidate.
#[derive(Debug, Clone, Default)]
pub struct FeatureBlock {
    dim: usize,
    len: usize,
    data: Vec<Lanes>,
}

impl FeatureBlock {
    /// A block of zeros for `len` candidates in `dim` dimensions.
    pub fn new(dim: usize, len: usize) -> Self {
        Self { dim, len, data: vec![[0.0; LANES]; dim * len.div_ceil(LANES)] }
    }

    /// The block of a request as a feature set sees it.
    pub fn of(set: FeatureSet, request: &Request) -> Self {
        let mut block = Self::default();
        block.fill(set, request);
        block
    }

    /// Becomes that block, in the memory that it has.
    pub fn fill(&mut self, set: FeatureSet, request: &Request) {
        let candidates = request.candidates();
        (self.dim, self.len) = (set.dim(), candidates.len());
        self.data.clear();
        self.data.resize(self.dim * self.len.div_ceil(LANES), [0.0; LANES]);
        let context = request.context();
        self.set_moment(weekend(context.weekday));
        for (k, candidate) in candidates.iter().enumerate() {
            self.set_candidate(
                k,
                &CandidateFeatures {
                    clock: Clock::at(candidate.hour.unwrap_or(context.hour)),
                    priority: priority(candidate.priority),
                    urgency: urgency(candidate.due_in_days),
                    effort: effort(candidate.effort_minutes),
                },
            );
        }
        if let Some(profile) = request.profile().filter(|_| set.uses_profile()) {
            for (k, candidate) in candidates.iter().enumerate() {
                let values = profile.values_for(candidate.kind.as_deref());
                self.tile_of(k).set_profile(k % LANES, &ProfileFeatures::of(&values));
            }
        }
    }

    /// Writes dimensions 0 and 3, which are the same for all candidates of a moment.
    pub fn set_moment(&mut self, weekend: f64) {
        self.tiles_mut().for_each(|mut tile| tile.set_moment(weekend));
    }

    /// Writes dimensions 1, 2, 4, 5 and 6 of candidate `k`.
    pub fn set_candidate(&mut self, k: usize, features: &CandidateFeatures) {
        let mut tile = self.tile_of(k);
        CandidateRows(tile.first_rows()).set(k, features);
    }

    /// Writes the vector of candidate `k`, for environments with columns of their own.
    pub fn set_vector(&mut self, k: usize, vector: &[f64]) {
        assert_eq!(vector.len(), self.dim);
        for (row, value) in self.tile_of(k).0.iter_mut().zip(vector) {
            row[k % LANES] = *value;
        }
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

    /// Number of candidates with those that fill up the last tile.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.len.next_multiple_of(LANES)
    }

    /// The rows of all tiles, each D of them.
    #[inline(always)]
    pub(crate) fn rows(&self) -> &[Lanes] {
        &self.data
    }

    /// The tiles one after the other, each D rows.
    #[inline(always)]
    pub(crate) fn tiles(&self) -> impl Iterator<Item = &[Lanes]> {
        cut(&self.data, self.dim)
    }

    /// The tiles, to be written.
    #[inline(always)]
    pub(crate) fn tiles_mut(&mut self) -> impl Iterator<Item = Tile<'_>> {
        let (dim, mut rows) = (self.dim, &mut self.data[..]);
        std::iter::from_fn(move || rows.split_off_mut(..dim).map(Tile))
    }

    #[inline(always)]
    fn tile_of(&mut self, k: usize) -> Tile<'_> {
        Tile(&mut self.data[k / LANES * self.dim..][..self.dim])
    }

    /// The vector of candidate `k`, dimension by dimension.
    #[inline(always)]
    pub fn values(&self, k: usize) -> impl ExactSizeIterator<Item = f64> {
        self.data[k / LANES * self.dim..][..self.dim].iter().map(move |row| row[k % LANES])
    }

    /// Copies the vector of candidate `k` into `out`, which may be shorter.
    #[inline(always)]
    pub fn copy_vector(&self, k: usize, out: &mut [f64]) {
        let (rows, lane) = (&self.data[k / LANES * self.dim..][..out.len()], k % LANES);
        // Straight code for the feature sets that there are.
        match out.len() {
            CANDIDATE_DIMS => copy_lane::<CANDIDATE_DIMS>(rows, lane, out),
            ALL_DIMS => copy_lane::<ALL_DIMS>(rows, lane, out),
            _ => rows.iter().zip(out).for_each(|(row, out)| *out = row[lane]),
        }
    }

    /// The vector of candidate `k`.
    pub fn vector(&self, k: usize) -> Vec<f64> {
        self.values(k).collect()
    }
}

#[inline(always)]
fn copy_lane<const D: usize>(rows: &[Lanes], lane: usize, out: &mut [f64]) {
    let (Some(rows), Some(out)) = (rows.first_chunk::<D>(), out.first_chunk_mut::<D>()) else { return };
    for d in 0..D {
        out[d] = rows[d][lane];
    }
}

/// Pieces of `dim` rows. As `chunks_exact`, which however divides.
#[inline(always)]
pub(crate) fn cut(mut rows: &[Lanes], dim: usize) -> impl Iterator<Item = &[Lanes]> {
    std::iter::from_fn(move || rows.split_off(..dim))
}

/// Dimensions 0 to 6 of a tile, to be written.
#[derive(Debug)]
pub(crate) struct CandidateRows<'a>(&'a mut [Lanes; CANDIDATE_DIMS]);

impl CandidateRows<'_> {
    /// Writes dimensions 1, 2, 4, 5 and 6 of the candidate at `lane`.
    #[inline(always)]
    pub(crate) fn set(&mut self, lane: usize, features: &CandidateFeatures) {
        let lane = lane % LANES;
        self.0[1][lane] = features.clock.sin;
        self.0[2][lane] = features.clock.cos;
        self.0[4][lane] = features.priority;
        self.0[5][lane] = features.urgency;
        self.0[6][lane] = features.effort;
    }
}

/// A tile of a [`FeatureBlock`], to be written.
#[derive(Debug)]
pub(crate) struct Tile<'a>(&'a mut [Lanes]);

impl Tile<'_> {
    /// Writes dimensions 0 and 3.
    #[inline(always)]
    fn set_moment(&mut self, weekend: f64) {
        let rows = self.first_rows();
        rows[0] = [1.0; LANES];
        rows[3] = [weekend; LANES];
    }

    /// Its dimensions 0 to 6, with those written that are the same for all candidates of a moment.
    #[inline(always)]
    pub(crate) fn candidates(&mut self, weekend: f64) -> CandidateRows<'_> {
        self.set_moment(weekend);
        CandidateRows(self.first_rows())
    }

    #[inline(always)]
    fn first_rows(&mut self) -> &mut [Lanes; CANDIDATE_DIMS] {
        self.0.first_chunk_mut().expect("every feature set begins so")
    }

    /// Writes dimensions 7 to 11 of all its candidates, once dimensions 1 and 2 are there.
    #[inline(always)]
    pub(crate) fn set_profiles(&mut self, profiles: [&ProfileFeatures; LANES]) {
        let rows: &mut [Lanes; ALL_DIMS] = self.0.first_chunk_mut().expect("a feature set with a profile");
        let [a, b, c, d] = profiles;
        let row = |of: fn(&ProfileFeatures) -> f64| [of(a), of(b), of(c), of(d)];
        rows[7] = row(|p| p.completion_rate);
        rows[8] = row(|p| p.dismiss_rate);
        rows[9] = row(|p| p.mean_dwell);
        let (sin, cos) = (row(|p| p.preferred.sin), row(|p| p.preferred.cos));
        let mut alignment = [0.0; LANES];
        for l in 0..LANES {
            let clock = Clock { sin: rows[1][l], cos: rows[2][l] };
            alignment[l] = clock.alignment(Clock { sin: sin[l], cos: cos[l] });
        }
        rows[10] = alignment;
        rows[11] = row(|p| p.tip_volume);
    }

    /// The same for the candidate at `lane`.
    fn set_profile(&mut self, lane: usize, profile: &ProfileFeatures) {
        let rows: &mut [Lanes; ALL_DIMS] = self.0.first_chunk_mut().expect("a feature set with a profile");
        let clock = Clock { sin: rows[1][lane], cos: rows[2][lane] };
        rows[7][lane] = profile.completion_rate;
        rows[8][lane] = profile.dismiss_rate;
        rows[9][lane] = profile.mean_dwell;
        rows[10][lane] = clock.alignment(profile.preferred);
        rows[11][lane] = profile.tip_volume;
    }
}
