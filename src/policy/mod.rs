//! Policies: explorer (how to choose) x ridge model (what to expect) x feature set (what to look at).
//!
//! A [`Policy`] is a checked specification and holds no state. A [`Model`] is what it has learned about
//! one user, or about each of several users side by side. `score`, `reward` and `simulate` call the same two functions:
//! [`Policy::decide`] and [`Model::learn_of`].

mod explorer;
mod kernels;
mod registry;
mod ridge;

pub use explorer::{Choice, Explorer};
pub use registry::{NAMED, RawPolicy};
pub use ridge::{Ridge, RidgeNumbers};

use kernels::{Best, FindBest};

use crate::features::{FeatureBlock, FeatureSet};
use crate::request::Request;
use crate::vector::Cell;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Luck(SplitMix64);

impl Luck {
    /// Seeds are below this, so that JSON readers that hold numbers as doubles keep them whole.
    pub const SEEDS: u64 = 1 << 53;

    /// The luck of this seed.
    #[inline(always)]
    pub fn new(seed: u64) -> Self {
        Self(SplitMix64::seed_from_u64(seed))
    }

    /// A number in [0, 1).
    #[inline(always)]
    fn share(&mut self) -> f64 {
        self.0.random()
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
#[derive(Debug, Clone)]
pub struct Scratch<C: Cell = f64> {
    scores: Vec<C>,
    widths: Vec<C>,
    normals: Vec<C>,
    factor: Vec<C>,
    weights: Vec<C>,
    /// Where each kind has a model: of one user.
    own: DrawnWeights,
    block: FeatureBlock<C>,
}

/// Weights of one user that were drawn, and what they were drawn from.
#[derive(Debug, Clone, Default)]
struct DrawnWeights {
    normals: Vec<f64>,
    factor: Vec<f64>,
    weights: Vec<f64>,
}

impl<C: Cell> Default for Scratch<C> {
    fn default() -> Self {
        Self {
            scores: Vec::new(),
            widths: Vec::new(),
            normals: Vec::new(),
            factor: Vec::new(),
            weights: Vec::new(),
            own: DrawnWeights::default(),
            block: FeatureBlock::default(),
        }
    }
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
}

impl<C: Cell> Scratch<C> {
    /// Scores of the latest decision, one per candidate.
    pub fn scores(&self) -> &[C] {
        &self.scores
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

    /// A model in another number of dimensions, for environments with columns of their own; or of several users.
    pub fn new_model_of<C: Cell>(&self, dim: usize) -> Model<C> {
        let mut model = Model {
            structure: self.structure,
            blank: Ridge::new(dim, self.lambda, self.forgetting),
            parts: Vec::new(),
            updates: C::each(|_| 0),
            reward_sum: C::all(0.0),
            masked: Vec::new(),
        };
        if self.structure == Structure::Shared {
            model.part(None);
        }
        model
    }

    /// Scores every candidate and chooses one, for each user. `parts` holds each candidate's [`Model::part`]; the scores
    /// are left in `scratch`.
    #[inline(always)]
    pub fn decide<C: Cell>(
        &self,
        model: &Model<C>,
        block: &FeatureBlock<C>,
        parts: &[C::Each<usize>],
        luck: &mut C::Each<Luck>,
        scratch: &mut Scratch<C>,
    ) -> C::Each<Choice> {
        fit(&mut scratch.scores, block.len());
        let best = match self.explorer {
            Explorer::Uniform => {
                scratch.scores.fill(C::all(0.0));
                C::run(FindBest(&scratch.scores))
            }
            Explorer::Egreedy { .. } | Explorer::SquareCb { .. } => {
                model.scores(block, parts, &mut scratch.scores)
            }
            Explorer::LinUcb { alpha } => {
                model.scores(block, parts, &mut scratch.scores);
                fit(&mut scratch.widths, block.len());
                model.widths_squared(block, parts, &mut scratch.widths);
                for (score, width) in scratch.scores.iter_mut().zip(&scratch.widths) {
                    *score = C::new(|user| score.of(user) + alpha * width.of(user).sqrt());
                }
                C::run(FindBest(&scratch.scores))
            }
            Explorer::LinTs { v } => model.perturbed_scores(v, block, parts, luck, scratch),
        };
        self.explorer.choose(&scratch.scores, &best, luck)
    }
}

/// What a policy has learned about one user, or about each of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<C: Cell = f64> {
    structure: Structure,
    blank: Ridge<C>,
    parts: Vec<Part<C>>,
    updates: C::Each<u64>,
    reward_sum: C,
    /// Room for a vector, with 0 for users who do not learn.
    masked: Vec<C>,
}

/// The ridge model of one kind of candidate, or the one that all share.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<C: Cell = f64> {
    /// The kind; `None` when shared, and for candidates without a kind.
    pub kind: Option<SmolStr>,
    /// The model.
    pub ridge: Ridge<C>,
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

    /// Learns that candidate `k` of `block`, which belongs to `part`, earned `reward`. The block may have more dimensions than
    /// the model: v1 looks at the first of what v2 sees.
    pub fn learn(&mut self, block: &FeatureBlock, k: usize, part: usize, reward: f64) {
        let x = &block.row(k)[..self.dim()];
        self.learn_of(&true, &part, x, reward);
    }
}

impl<C: Cell> Model<C> {
    /// Index of the part that a candidate of `kind` belongs to; a kind not met before gets a new one.
    pub fn part(&mut self, kind: Option<&str>) -> usize {
        let kind = kind.filter(|_| self.structure == Structure::Disjoint);
        self.parts.iter().position(|p| p.kind.as_deref() == kind).unwrap_or_else(|| {
            self.parts.push(Part { kind: kind.map(SmolStr::from), ridge: self.blank.clone() });
            self.parts.len() - 1
        })
    }

    /// The parts; for the shared structure exactly one.
    pub fn parts(&self) -> &[Part<C>] {
        &self.parts
    }

    /// What it has learned about one user.
    pub fn user(&self, user: usize) -> Model {
        let part = |part: &Part<C>| Part { kind: part.kind.clone(), ridge: part.ridge.user(user) };
        Model {
            structure: self.structure,
            blank: self.blank.user(user),
            parts: self.parts.iter().map(part).collect(),
            updates: *C::at(&self.updates, user),
            reward_sum: self.reward_sum.of(user),
            masked: Vec::new(),
        }
    }

    /// Forgets everything, keeping parts and memory.
    pub fn clear(&mut self) {
        self.parts.iter_mut().for_each(|p| p.ridge.clear());
        self.updates = C::each(|_| 0);
        self.reward_sum = C::all(0.0);
    }

    /// Number of dimensions, D.
    #[inline(always)]
    pub fn dim(&self) -> usize {
        self.blank.dim()
    }

    /// Learns that `x` (length D), which belongs to these parts, earned `reward`, for the users who are to learn.
    #[inline(always)]
    pub fn learn_of(&mut self, who: &C::Each<bool>, parts: &C::Each<usize>, x: &[C], reward: C) {
        let (learns, part) = (|user: usize| *C::at(who, user), |user: usize| *C::at(parts, user));
        for user in (0..C::USERS).filter(|user| learns(*user)) {
            *C::at_mut(&mut self.updates, user) += 1;
            *self.reward_sum.of_mut(user) += reward.of(user);
        }
        if (0..C::USERS).all(|user| learns(user) && part(user) == part(0)) {
            return self.parts[part(0)].ridge.learn_of(who, x, reward);
        }
        for first in 0..C::USERS {
            let is_like = |user: usize| learns(user) && part(user) == part(first);
            if !learns(first) || (0..first).any(is_like) {
                continue;
            }
            let only = |cell: &C| C::new(|user| if is_like(user) { cell.of(user) } else { 0.0 });
            self.masked.clear();
            self.masked.extend(x.iter().map(only));
            self.parts[part(first)].ridge.learn_of(&C::each(is_like), &self.masked, only(&reward));
        }
    }

    #[inline(always)]
    fn scores(&self, block: &FeatureBlock<C>, parts: &[C::Each<usize>], out: &mut [C]) -> Best<C> {
        if self.structure == Structure::Shared {
            return self.parts[0].ridge.scores(block, out);
        }
        for (k, (out, parts)) in out.iter_mut().zip(parts).enumerate() {
            *out = C::new(|user| self.parts[*C::at(parts, user)].ridge.score_one(block, k, user));
        }
        C::run(FindBest(out))
    }

    #[inline(always)]
    fn widths_squared(&self, block: &FeatureBlock<C>, parts: &[C::Each<usize>], out: &mut [C]) {
        if self.structure == Structure::Shared {
            return self.parts[0].ridge.widths_squared(block, out);
        }
        for (k, (out, parts)) in out.iter_mut().zip(parts).enumerate() {
            *out = C::new(|user| self.parts[*C::at(parts, user)].ridge.width_squared(block, k, user));
        }
    }

    /// Scores under weights drawn anew for each part that a candidate belongs to, in the order of the
    /// candidates: each part takes D normal draws.
    #[inline(always)]
    fn perturbed_scores(
        &self,
        v: f64,
        block: &FeatureBlock<C>,
        parts: &[C::Each<usize>],
        luck: &mut C::Each<Luck>,
        scratch: &mut Scratch<C>,
    ) -> Best<C> {
        let Scratch { scores, normals, factor, weights, own, .. } = scratch;
        let dim = self.dim();
        if self.structure == Structure::Shared {
            fit(normals, dim);
            for user in 0..C::USERS {
                let luck = C::at_mut(luck, user);
                normals.iter_mut().for_each(|z| *z.of_mut(user) = luck.0.sample(StandardNormal));
            }
            self.parts[0].ridge.perturbed(v, normals, factor, weights);
            return ridge::weighted(weights, block, scores);
        }
        for user in 0..C::USERS {
            let part = |k: usize| *C::at(&parts[k], user);
            let (luck, DrawnWeights { normals, factor, weights }) = (C::at_mut(luck, user), &mut *own);
            for first in 0..block.len() {
                if (0..first).any(|k| part(k) == part(first)) {
                    continue;
                }
                normals.clear();
                normals.extend((0..dim).map(|_| luck.0.sample::<f64, _>(StandardNormal)));
                self.parts[part(first)].ridge.perturbed_of(user, v, normals, factor, weights);
                for k in (first..block.len()).filter(|k| part(*k) == part(first)) {
                    let terms = weights.iter().zip(block.row(k));
                    *scores[k].of_mut(user) = terms.fold(0.0, |sum, (w, x)| sum + w * x.of(user));
                }
            }
        }
        C::run(FindBest(scores))
    }
}

/// Gives a buffer its length, with zeros, if it has another one.
#[inline(always)]
fn fit<C: Cell>(buffer: &mut Vec<C>, len: usize) {
    if buffer.len() != len {
        buffer.clear();
        buffer.resize(len, C::all(0.0));
    }
}
