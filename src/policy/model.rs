//! What a policy has learned: a ridge model, or one for each kind of candidate.

use super::kernels::{Best, FindBest, product_of};
use super::ridge::{self, Ridge};
use super::{DecisionRng, DrawnWeights, Policy, Scratch, Structure, fit};
use crate::base::vector::{Cell, Kernel, Vector};
use crate::features::FeatureBlock;
use rand::RngExt;
use rand_distr::StandardNormal;
use smol_str::SmolStr;

/// What a policy has learned about one user, or about each of several.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<C: Cell = f64> {
    structure: Structure,
    /// What a new part is made of: no blank one is kept, for there may be ten thousand users.
    dim: usize,
    lambda: f64,
    forgetting: f64,
    parts: Vec<KindModel<C>>,
    updates: C::Each<u64>,
    reward_sum: C,
    /// Room for a vector, with 0 for users who do not learn.
    masked: Vec<C>,
}

/// The ridge model of one kind of candidate, or the one that all share.
#[derive(Debug, Clone, PartialEq)]
pub struct KindModel<C: Cell = f64> {
    /// The kind; `None` when shared, and for candidates without a kind.
    pub kind: Option<SmolStr>,
    /// The model.
    pub ridge: Ridge<C>,
}

impl Model {
    /// A model put together from what was kept: each part, the updates and the sum of their rewards.
    pub fn restore(policy: &Policy, parts: Vec<KindModel>, updates: u64, reward_sum: f64) -> Self {
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
        f64::run(self.learn_of(&true, &part, x, reward));
    }
}

impl<C: Cell> Model<C> {
    /// A model that has learned nothing, in so many dimensions.
    pub(super) fn new(policy: &Policy, dim: usize) -> Self {
        let &Policy { structure, lambda, forgetting, .. } = policy;
        let (parts, masked, updates, reward_sum) = (Vec::new(), Vec::new(), C::each(|_| 0), C::all(0.0));
        let mut model = Self { structure, dim, lambda, forgetting, parts, updates, reward_sum, masked };
        if structure == Structure::Shared {
            model.part(None);
        }
        model
    }

    /// Index of the part that a candidate of `kind` belongs to; a kind not met before gets a new one.
    pub fn part(&mut self, kind: Option<&str>) -> usize {
        let kind = kind.filter(|_| self.structure == Structure::Disjoint);
        self.parts.iter().position(|p| p.kind.as_deref() == kind).unwrap_or_else(|| {
            let ridge = Ridge::new(self.dim, self.lambda, self.forgetting);
            self.parts.push(KindModel { kind: kind.map(SmolStr::from), ridge });
            self.parts.len() - 1
        })
    }

    /// The parts; for the shared structure exactly one.
    pub fn parts(&self) -> &[KindModel<C>] {
        &self.parts
    }

    /// What it has learned about one user.
    pub fn user(&self, user: usize) -> Model {
        let part = |part: &KindModel<C>| KindModel { kind: part.kind.clone(), ridge: part.ridge.user(user) };
        Model {
            structure: self.structure,
            dim: self.dim,
            lambda: self.lambda,
            forgetting: self.forgetting,
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
        self.dim
    }

    /// Learns that `x` (length D), which belongs to these parts, earned `reward`, for the users who are to learn.
    #[inline(always)]
    pub(crate) fn learn_of<'a>(
        &'a mut self,
        who: &'a C::Each<bool>,
        parts: &'a C::Each<usize>,
        x: &'a [C],
        reward: C,
    ) -> Learn<'a, C> {
        Learn { model: self, who, parts, x, reward }
    }

    /// The score of every candidate into `out`; gives the best of them.
    #[inline(always)]
    pub(super) fn scores<V: Vector<Cell = C>>(
        &self,
        level: V::Level,
        block: &FeatureBlock<C>,
        parts: &[C::Each<usize>],
        out: &mut [C],
    ) -> Best<C> {
        if self.structure == Structure::Shared {
            return self.parts[0].ridge.scores(block, out).run::<V>(level);
        }
        for (k, (out, parts)) in out.iter_mut().zip(parts).enumerate() {
            *out = C::new(|user| self.parts[*C::at(parts, user)].ridge.score_one(block, k, user));
        }
        FindBest(out).run::<V>(level)
    }

    /// x^T A^-1 x of every candidate into `out`.
    #[inline(always)]
    pub(super) fn widths_squared<V: Vector<Cell = C>>(
        &self,
        level: V::Level,
        block: &FeatureBlock<C>,
        parts: &[C::Each<usize>],
        out: &mut [C],
    ) {
        if self.structure == Structure::Shared {
            return self.parts[0].ridge.widths_squared(block, out).run::<V>(level);
        }
        for (k, (out, parts)) in out.iter_mut().zip(parts).enumerate() {
            *out = C::new(|user| self.parts[*C::at(parts, user)].ridge.width_squared(block, k, user));
        }
    }

    /// Scores under weights drawn anew for each part that a candidate belongs to, in the order of the
    /// candidates: each part takes D normal draws.
    #[inline(always)]
    pub(super) fn perturbed_scores<V: Vector<Cell = C>>(
        &self,
        level: V::Level,
        v: f64,
        block: &FeatureBlock<C>,
        parts: &[C::Each<usize>],
        luck: &mut C::Each<DecisionRng>,
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
            self.parts[0].ridge.perturbed(v, normals, factor, weights).run::<V>(level);
            return ridge::weighted(weights, block, scores).run::<V>(level);
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
                self.parts[part(first)].ridge.perturbed_of(user, v, normals, factor, weights).run::<f64>(());
                for k in (first..block.len()).filter(|k| part(*k) == part(first)) {
                    *scores[k].of_mut(user) = product_of(user, weights, block.row(k));
                }
            }
        }
        FindBest(scores).run::<V>(level)
    }
}

/// [`Model::learn_of`]
pub(crate) struct Learn<'a, C: Cell> {
    model: &'a mut Model<C>,
    who: &'a C::Each<bool>,
    parts: &'a C::Each<usize>,
    x: &'a [C],
    reward: C,
}

impl<C: Cell> Kernel<C> for Learn<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        let Self { model, who, parts, x, reward } = self;
        let (learns, part) = (|user: usize| *C::at(who, user), |user: usize| *C::at(parts, user));
        if (0..C::USERS).all(|user| learns(user) && part(user) == part(0)) {
            model.updates = C::each(|user| *C::at(&model.updates, user) + 1);
            model.reward_sum = C::new(|user| model.reward_sum.of(user) + reward.of(user));
            return model.parts[part(0)].ridge.learn_of(who, x, reward).run::<V>(level);
        }
        for user in (0..C::USERS).filter(|user| learns(*user)) {
            *C::at_mut(&mut model.updates, user) += 1;
            *model.reward_sum.of_mut(user) += reward.of(user);
        }
        for first in 0..C::USERS {
            let is_like = |user: usize| learns(user) && part(user) == part(first);
            if !learns(first) || (0..first).any(is_like) {
                continue;
            }
            let only = |cell: &C| C::new(|user| if is_like(user) { cell.of(user) } else { 0.0 });
            model.masked.clear();
            model.masked.extend(x.iter().map(only));
            let (who, reward) = (C::each(is_like), only(&reward));
            model.parts[part(first)].ridge.learn_of(&who, &model.masked, reward).run::<V>(level);
        }
    }
}
