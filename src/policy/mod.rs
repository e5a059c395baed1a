//! Policies: explorer (how to choose) x ridge model (what to expect) x feature set (what to look at).
//!
//! A [`Policy`] is a checked specification and holds no state. A [`Model`] is what it has learned about
//! one user. `score`, `reward` and `simulate` call the same two functions: [`Policy::decide`] and
//! [`Model::learn`].

mod explorer;
mod kernels;
mod registry;
mod ridge;

pub use explorer::{Choice, Explorer};
pub use registry::{NAMED, RawPolicy};
pub use ridge::{Ridge, RidgeNumbers};

use crate::features::{FeatureBlock, FeatureSet};
use crate::request::Request;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use rand_xoshiro::SplitMix64;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// One model for all candidates, or one for each kind of candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Structure {
    /// One model shared by all candidates.
    #[default]
    Shared,
    /// One model per candidate kind; candidates without a kind share one.
    Disjoint,
}

/// A checked policy. Make one with [`Policy::named`], [`Policy::load`] or from a [`RawPolicy`].
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    name: String,
    explorer: Explorer,
    features: FeatureSet,
    structure: Structure,
    lambda: f64,
    forgetting: f64,
}

/// The randomness of one decision, all of it from one seed below 2^53, so that a decision that was
/// logged with its seed can be made again. SplitMix64 (Steele, Lea & Flood 2014).
#[derive(Debug, Clone)]
pub struct Luck(SplitMix64);

impl Luck {
    /// Seeds are below this, so that JSON readers that hold numbers as doubles keep them whole.
    pub const SEEDS: u64 = 1 << 53;

    /// The luck of this seed.
    #[inline(always)]
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::seed_from_u64(seed))
    }

    /// A seed from the operating system, for decisions that need not be repeated.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn fresh_seed() -> crate::error::Result<u64> {
        let mut bytes = [0; 8];
        rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut bytes)
            .map_err(|e| crate::error::Error::Refused(format!("the system's random generator: {e}")))?;
        Ok(u64::from_le_bytes(bytes) % Self::SEEDS)
    }
}

/// What [`Policy::decide`] works in; one per thread, so that no decision allocates.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    scores: Vec<f64>,
    widths: Vec<f64>,
    normals: Vec<f64>,
    factor: Vec<f64>,
    weights: Vec<f64>,
    x: Vec<f64>,
    block: FeatureBlock,
}

impl Scratch {
    /// What `work` makes of the vectors of a request as `set` sees it.
    pub(crate) fn with_block<T>(
        &mut self,
        set: FeatureSet,
        request: &Request,
        work: impl FnOnce(&FeatureBlock, &mut Self) -> T,
    ) -> T {
        let mut block = std::mem::take(&mut self.block);
        block.fill(set, request);
        let made = work(&block, self);
        self.block = block;
        made
    }

    /// Scores of the latest decision, one per candidate.
    pub fn scores(&self, block: &FeatureBlock) -> &[f64] {
        &self.scores[..block.len()]
    }
}

impl Policy {
    /// Its name: lower-case letters, digits and '-'.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it chooses.
    pub fn explorer(&self) -> Explorer {
        self.explorer
    }

    /// What it looks at.
    pub fn features(&self) -> FeatureSet {
        self.features
    }

    /// One model or one per kind.
    pub fn structure(&self) -> Structure {
        self.structure
    }

    /// Weight of the ridge prior, positive.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Forgetting g in (0, 1]; 1 forgets nothing.
    pub fn forgetting(&self) -> f64 {
        self.forgetting
    }

    /// A model that has learned nothing yet.
    pub fn new_model(&self) -> Model {
        self.new_model_of(self.features.dim())
    }

    /// A model in another number of dimensions, for environments with columns of their own.
    pub fn new_model_of(&self, dim: usize) -> Model {
        let blank = Ridge::new(dim, self.lambda, self.forgetting);
        let mut model =
            Model { structure: self.structure, blank, parts: Vec::new(), updates: 0, reward_sum: 0.0 };
        if self.structure == Structure::Shared {
            model.part(None);
        }
        model
    }

    /// Scores every candidate and chooses one. `parts` holds each candidate's [`Model::part`]; the scores
    /// are left in `scratch`.
    #[inline(always)]
    pub fn decide(
        &self,
        model: &Model,
        block: &FeatureBlock,
        parts: &[usize],
        luck: &mut Luck,
        scratch: &mut Scratch,
    ) -> Choice {
        fit(&mut scratch.scores, block.stride());
        match self.explorer {
            Explorer::Uniform => scratch.scores.fill(0.0),
            Explorer::Egreedy { .. } | Explorer::SquareCb { .. } => {
                model.scores(block, parts, &mut scratch.scores);
            }
            Explorer::LinUcb { alpha } => {
                model.scores(block, parts, &mut scratch.scores);
                model.widths_squared(block, parts, scratch);
                for (score, width) in scratch.scores.iter_mut().zip(&scratch.widths) {
                    *score += alpha * width.sqrt();
                }
            }
            Explorer::LinTs { v } => model.perturbed_scores(v, block, parts, luck, scratch),
        }
        self.explorer.choose(block.len(), scratch.scores.as_chunks().0, &mut luck.0)
    }
}

/// What a policy has learned about one user.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    structure: Structure,
    blank: Ridge,
    parts: Vec<Part>,
    updates: u64,
    reward_sum: f64,
}

/// The ridge model of one kind of candidate, or the one that all share.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The kind; `None` when shared, and for candidates without a kind.
    pub kind: Option<SmolStr>,
    /// The model.
    pub ridge: Ridge,
}

impl Model {
    /// A model put together from what was kept: each part, the updates and the sum of their rewards.
    pub fn restore(policy: &Policy, parts: Vec<Part>, updates: u64, reward_sum: f64) -> Self {
        let mut model = policy.new_model();
        if !parts.is_empty() {
            model.parts = parts;
        }
        Self { updates, reward_sum, ..model }
    }

    /// Index of the part that a candidate of `kind` belongs to; a kind not met before gets a new one.
    pub fn part(&mut self, kind: Option<&str>) -> usize {
        let kind = kind.filter(|_| self.structure == Structure::Disjoint);
        self.parts.iter().position(|p| p.kind.as_deref() == kind).unwrap_or_else(|| {
            self.parts.push(Part { kind: kind.map(SmolStr::from), ridge: self.blank.clone() });
            self.parts.len() - 1
        })
    }

    /// The parts; for the shared structure exactly one.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Number of rewards learned from.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Sum of the rewards learned from.
    pub fn reward_sum(&self) -> f64 {
        self.reward_sum
    }

    /// Mean of the rewards learned from; `None` before the first.
    pub fn mean_reward(&self) -> Option<f64> {
        (self.updates > 0).then(|| self.reward_sum / self.updates as f64)
    }

    /// Forgets everything, keeping parts and memory.
    pub fn clear(&mut self) {
        self.parts.iter_mut().for_each(|p| p.ridge.clear());
        self.updates = 0;
        self.reward_sum = 0.0;
    }

    /// Learns that candidate `k` of `block`, which belongs to `part`, earned `reward`. The block may have
    /// more dimensions than the model: v1 looks at the first rows of what v2 sees.
    #[inline(always)]
    pub fn learn(&mut self, block: &FeatureBlock, k: usize, part: usize, reward: f64, scratch: &mut Scratch) {
        fit(&mut scratch.x, self.blank.stride());
        let (x, padding) = scratch.x.split_at_mut(self.blank.dim());
        block.copy_vector(k, x);
        padding.fill(0.0);
        self.learn_vector(part, &scratch.x, reward);
    }

    /// Room for a vector as [`Self::learn_vector`] takes it.
    pub fn blank_vector(&self) -> Vec<f64> {
        vec![0.0; self.blank.stride()]
    }

    /// Makes `x` that of candidate `k`, of whose dimensions the model may know but the first.
    #[inline(always)]
    pub fn copy_vector(&self, block: &FeatureBlock, k: usize, x: &mut [f64]) {
        block.copy_vector(k, &mut x[..self.blank.dim()]);
    }

    /// Learns that `x`, padded with zeros to the model's stride, earned `reward`.
    #[inline(always)]
    pub fn learn_vector(&mut self, part: usize, x: &[f64], reward: f64) {
        self.parts[part].ridge.learn(x, reward);
        self.updates += 1;
        self.reward_sum += reward;
    }

    #[inline(always)]
    fn scores(&self, block: &FeatureBlock, parts: &[usize], out: &mut [f64]) {
        if self.structure == Structure::Shared {
            self.parts[0].ridge.scores(block, out);
        } else {
            out[parts.len()..].fill(f64::NEG_INFINITY);
            for (k, part) in parts.iter().enumerate() {
                out[k] = self.parts[*part].ridge.score_one(block, k);
            }
        }
    }

    #[inline(always)]
    fn widths_squared(&self, block: &FeatureBlock, parts: &[usize], scratch: &mut Scratch) {
        fit(&mut scratch.widths, block.stride());
        if self.structure == Structure::Shared {
            self.parts[0].ridge.widths_squared(block, &mut scratch.widths);
        } else {
            for (k, part) in parts.iter().enumerate() {
                scratch.widths[k] = self.parts[*part].ridge.width_squared(block, k, &mut scratch.weights);
            }
        }
    }

    /// Scores under weights drawn anew for each part that a candidate belongs to, in the order of the
    /// candidates: each part takes D normal draws.
    #[inline(always)]
    fn perturbed_scores(
        &self,
        v: f64,
        block: &FeatureBlock,
        parts: &[usize],
        luck: &mut Luck,
        scratch: &mut Scratch,
    ) {
        scratch.scores[block.len()..].fill(f64::NEG_INFINITY);
        let shared = self.structure == Structure::Shared;
        for first in 0..block.len() {
            let part = if shared { 0 } else { parts[first] };
            if (shared && first > 0) || parts[..first].contains(&part) {
                continue;
            }
            scratch.normals.clear();
            scratch.normals.extend((0..self.blank.dim()).map(|_| luck.0.sample::<f64, _>(StandardNormal)));
            let Scratch { normals, factor, weights, .. } = &mut *scratch;
            self.parts[part].ridge.perturbed(v, normals, factor, weights);
            for k in first..block.len() {
                if shared || parts[k] == part {
                    scratch.scores[k] = ridge::weighted(&scratch.weights[..self.blank.dim()], block, k);
                }
            }
        }
    }
}

/// Gives a buffer its length, with zeros, if it has another one.
#[inline(always)]
fn fit(buffer: &mut Vec<f64>, len: usize) {
    if buffer.len() != len {
        buffer.clear();
        buffer.resize(len, 0.0);
    }
}
