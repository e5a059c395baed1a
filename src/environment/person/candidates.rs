//! What a simulated person is offered at a step: the candidates as they are drawn, and u of each.

use super::super::stage::{MeantFor, Stage};
use super::character::{Character, KindTaste};
use crate::features::{CandidateFeatures, FeatureBlock, LANES, Lanes, Tile};
use multiversion::multiversion;

/// One candidate as it was drawn: positions in the stage's tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    pub(super) kind: usize,
    pub(super) priority: usize,
    pub(super) due: usize,
    pub(super) effort: usize,
    pub(super) meant_for: MeantFor,
}

impl Drawn {
    /// The candidate that a random word stands for: it is cut into fields.
    #[inline(always)]
    pub(super) fn of(word: [u8; 8], stage: &Stage) -> Self {
        let word = u64::from_le_bytes(word);
        let field = |shift: u32, bits: u32| ((word >> shift) & ((1 << bits) - 1)) as usize;
        Self {
            kind: stage.kind.at(field(0, 8)) as usize,
            priority: field(8, 8),
            due: stage.due.at(field(16, 10)) as usize,
            effort: field(26, 3),
            meant_for: stage.meant_for.at(field(32, 10)),
        }
    }

    /// Its features at quarter hour `now`, and what its kind and hour add to u.
    #[inline(always)]
    fn look(self, stage: &Stage, person: &Character, now: u8) -> (CandidateFeatures, f64) {
        let quarter = self.meant_for.quarter(now);
        let KindTaste { now: taste, offset, .. } = person.kinds[self.kind];
        let features = CandidateFeatures {
            clock: stage.clock.at(quarter.into()),
            priority: stage.priority.at(self.priority),
            urgency: stage.urgency.at(self.due),
            effort: stage.effort.at(self.effort),
        };
        (features, person.u_of_kind(stage, taste, offset, quarter))
    }
}

/// The moment of a step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moment {
    /// Quarter hour of the day.
    pub(super) now: u8,
    /// The feature of the weekday.
    pub(super) weekend: f64,
    /// What it adds to u of every candidate.
    pub(super) u: f64,
}

/// u of one candidate: the same bits as [`utilities`] gives.
#[inline(always)]
pub(super) fn utility_of(drawn: Drawn, stage: &Stage, person: &Character, moment: Moment) -> f64 {
    let (features, kind) = drawn.look(stage, person, moment.now);
    person.u(moment.u, kind, features.priority, features.urgency, features.effort)
}

/// Draws the candidates that `words` stand for: writes their dimensions 0 to 6 into `block`, their kinds, and
/// what kind and hour add to u.
#[inline(always)]
pub(super) fn draw(
    who: (&Stage, &Character, Moment),
    words: &[[u8; 8]],
    block: &mut FeatureBlock,
    (kinds, kind_us): (&mut [[u8; LANES]], &mut [Lanes]),
) {
    let (full, rest) = words.as_chunks::<LANES>();
    let mut tiles = block.tiles_mut().zip(kinds).zip(kind_us);
    // First the full tiles, in straight code.
    for (words, ((tile, kinds), kind_u)) in full.iter().zip(tiles.by_ref()) {
        draw_tile(who, words, tile, (kinds, kind_u));
    }
    for ((tile, kinds), kind_u) in tiles {
        draw_tile(who, rest, tile, (kinds, kind_u));
    }
}

#[inline(always)]
fn draw_tile(
    (stage, person, moment): (&Stage, &Character, Moment),
    words: &[[u8; 8]],
    mut tile: Tile<'_>,
    (kinds, kind_u): (&mut [u8; LANES], &mut Lanes),
) {
    let mut tile = tile.candidates(moment.weekend);
    for (((l, word), kind), kind_u) in words.iter().enumerate().zip(kinds).zip(kind_u) {
        let drawn = Drawn::of(*word, stage);
        let features;
        (features, *kind_u) = drawn.look(stage, person, moment.now);
        tile.set(l, &features);
        *kind = drawn.kind as u8;
    }
}

/// u of every candidate, a tile at a time, from what the moment and what kind and hour add to it; gives the
/// largest. Compiled for any processor and for those with AVX2, with the same bytes: lanes do not mix.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn utilities(
    person: &Character,
    moment: f64,
    kind_u: &[Lanes],
    block: &FeatureBlock,
    us: &mut [Lanes],
) -> f64 {
    let mut best = [f64::NEG_INFINITY; LANES];
    for ((u, kind_u), tile) in us.iter_mut().zip(kind_u).zip(block.tiles()) {
        let [_, _, _, _, priority, urgency, effort] =
            tile.first_chunk().expect("every feature set begins so");
        let mut sum = [0.0; LANES];
        for l in 0..LANES {
            sum[l] = person.u(moment, kind_u[l], priority[l], urgency[l], effort[l]);
            best[l] = if sum[l] > best[l] { sum[l] } else { best[l] };
        }
        *u = sum;
    }
    best.into_iter().fold(f64::NEG_INFINITY, |m, u| if u > m { u } else { m })
}
