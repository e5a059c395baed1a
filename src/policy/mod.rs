//! Policies: explorer (how to choose) x ridge model (what to expect) x feature set (what to look at).
//!
//! A [`Policy`] is a checked specification and holds no state. A [`Model`] is what it has learned about
//! one user, or about each of several users side by side. `score`, `reward` and `simulate` call the same two functions:
//! [`Policy::decide`] and [`Model::learn`], or the kernels behind them for four users at once.

mod explorer;
mod kernels;
mod model;
mod registry;
mod ridge;

pub use explorer::{Choice, Explorer};
pub use model::{KindModel, Model};
pub use registry::{NAMED, RawPolicy};
pub use ridge::{Ridge, RidgeNumbers};

use kernels::FindBest;

use crate::base::digest::of_value;
use crate::base::vector::{Cell, Kernel, Vector};
use crate::domain::request::Offered;
use crate::features::{FeatureBlock, FeatureSet};
use rand::{RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;
use serde::{Deserialize, Serialize};

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
pub struct DecisionRng(SplitMix64);

impl DecisionRng {
    /// Seeds are below this, so that JSON readers that hold numbers as doubles keep them whole.
    pub const SEEDS: u64 = crate::base::random::SEEDS;

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
    pub fn fresh_seed() -> crate::base::error::Result<u64> {
        let mut bytes = [0; 8];
        rand::TryRng::try_fill_bytes(&mut rand::rngs::SysRng, &mut bytes)
            .map_err(|e| crate::base::error::Error::Refused(format!("the system's random generator: {e}")))?;
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
    /// What `work` makes of the vectors of what is offered as `set` sees it.
    pub(crate) fn with_block<T>(
        &mut self,
        set: FeatureSet,
        offered: Offered,
        work: impl FnOnce(&FeatureBlock, &mut Self) -> T,
    ) -> T {
        let mut block = std::mem::take(&mut self.block);
        block.fill(set, offered);
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

    /// Whether what one has learned is of use to the other: they see the same and learn alike, however they choose.
    pub fn has_model_of(&self, other: &Self) -> bool {
        let model = |p: &Self| (p.features, p.structure, p.lambda.to_bits(), p.forgetting.to_bits());
        model(self) == model(other)
    }

    /// SHA-256, in hexadecimal, of what it does, whatever it is called.
    pub fn digest(&self) -> String {
        of_value(&RawPolicy { name: String::new(), ..self.to_raw() })
    }

    /// A model that has learned nothing yet.
    pub fn new_model(&self) -> Model {
        self.new_model_of(self.features.dim())
    }

    /// A model in another number of dimensions, for environments with columns of their own; or of several users.
    pub fn new_model_of<C: Cell>(&self, dim: usize) -> Model<C> {
        Model::new(self, dim)
    }

    /// Scores every candidate and chooses one, for each user. `parts` holds each candidate's [`Model::part`]; the scores
    /// are left in `scratch`.
    pub fn decide<C: Cell>(
        &self,
        model: &Model<C>,
        block: &FeatureBlock<C>,
        parts: &[C::Each<usize>],
        luck: &mut C::Each<DecisionRng>,
        scratch: &mut Scratch<C>,
    ) -> C::Each<Choice> {
        C::run(Decide { policy: self, model, block, parts, luck, scratch })
    }
}

/// [`Policy::decide`]
pub(crate) struct Decide<'a, C: Cell> {
    pub(crate) policy: &'a Policy,
    pub(crate) model: &'a Model<C>,
    pub(crate) block: &'a FeatureBlock<C>,
    pub(crate) parts: &'a [C::Each<usize>],
    pub(crate) luck: &'a mut C::Each<DecisionRng>,
    pub(crate) scratch: &'a mut Scratch<C>,
}

impl<C: Cell> Kernel<C> for Decide<'_, C> {
    type Output = C::Each<Choice>;

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) -> C::Each<Choice> {
        let Self { policy, model, block, parts, luck, scratch } = self;
        fit(&mut scratch.scores, block.len());
        let best = match policy.explorer {
            Explorer::Uniform => {
                scratch.scores.fill(C::all(0.0));
                FindBest(&scratch.scores).run::<V>(level)
            }
            Explorer::Egreedy { .. } | Explorer::SquareCb { .. } => {
                model.scores::<V>(level, block, parts, &mut scratch.scores)
            }
            Explorer::LinUcb { alpha } => {
                model.scores::<V>(level, block, parts, &mut scratch.scores);
                fit(&mut scratch.widths, block.len());
                model.widths_squared::<V>(level, block, parts, &mut scratch.widths);
                for (score, width) in scratch.scores.iter_mut().zip(&scratch.widths) {
                    *score = C::new(|user| score.of(user) + alpha * width.of(user).sqrt());
                }
                FindBest(&scratch.scores).run::<V>(level)
            }
            Explorer::LinTs { v } => model.perturbed_scores::<V>(level, v, block, parts, luck, scratch),
        };
        policy.explorer.choose(&scratch.scores, &best, luck)
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
