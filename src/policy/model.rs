//! What a policy has learned: a ridge model, or one for each kind of candidate.

use super::kernels::{Best, FindBest, product_of};
use super::prior::PriorStart;
use super::ridge::{self, Ridge};
use super::rng::DecisionRng;
use super::scratch::{DrawnWeights, Scratch, fit};
use super::structure::Structure;
use crate::base::vector::{Cell, Kernel, Vector};
use crate::features::FeatureBlock;
use smol_str::SmolStr;
use std::sync::Arc;

/// What a policy has learned about one user, or about each of several.
///
/// ```
/// use rehearsal::domain::request::Request;
/// use rehearsal::features::FeatureBlock;
/// use rehearsal::policy::{DecisionRng, Policy, Scratch};
///
/// let json = r#"{"context":{"hour":8,"weekday":1},"candidates":[{"id":"a"},{"id":"b","priority":1}]}"#;
/// let request = Request::from_json(json.as_bytes(), "request")?;
/// let policy = Policy::named("egreedy-v1")?;
/// let block = FeatureBlock::of(policy.features(), request.offered());
/// let mut model = policy.new_model();
/// let kinds = vec![model.kind_index(None); block.len()];
///
/// let (mut rng, mut scratch) = (DecisionRng::new(1), Scratch::default());
/// let choice = policy.decide(&model, &block, &kinds, &mut rng, &mut scratch);
/// model.learn(&block, choice.index, kinds[choice.index], 1.0);
/// assert_eq!((model.updates(), model.mean_reward()), (1, Some(1.0)));
/// # Ok::<(), rehearsal::base::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Model<C: Cell = f64> {
    structure: Structure,
    /// A new kind's model is made of these: no blank one is kept, for there may be ten thousand users.
    dim: usize,
    lambda: f64,
    forgetting: f64,
    start: Option<Arc<PriorStart>>,
    /// Whether it went over to another prior: then it is what learning under that one gives but for rounding.
    moved: bool,
    kinds: Vec<KindModel<C>>,
    updates: C::Each<u64>,
    reward_sum: C,
    /// Memory for a vector, with 0 for users who do not learn.
    masked: Vec<C>,
    /// What a program knows of the user instead, as JSON.
    opaque: Option<Box<str>>,
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
    /// The same model with what was kept of one: each kind's, the updates and the sum of their rewards.
    pub(super) fn holding(self, kinds: Vec<KindModel>, updates: u64, reward_sum: f64) -> Self {
        Self { kinds, updates, reward_sum, ..self }
    }

    /// The same model, said to have gone over to another prior.
    #[must_use]
    pub(crate) fn moved(self, moved: bool) -> Self {
        Self { moved, ..self }
    }

    /// Whether it went over to another prior since it began: its numbers are then those that learning under that prior
    /// gives, but for rounding.
    pub fn has_moved(&self) -> bool {
        self.moved
    }

    /// Whether another model learned the same, but for rounding.
    pub fn is_but_for_rounding(&self, other: &Self) -> bool {
        let learned = |model: &Self| {
            let mut kinds: Vec<KindModel> =
                model.kinds.iter().filter(|kind| kind.ridge.updates() > 0).cloned().collect();
            kinds.sort_by(|a, b| a.kind.cmp(&b.kind));
            kinds
        };
        let (own, others) = (learned(self), learned(other));
        (self.updates, self.reward_sum.to_bits()) == (other.updates, other.reward_sum.to_bits())
            && own.len() == others.len()
            && own.iter().zip(&others).all(|(a, b)| a.kind == b.kind && a.ridge.is_but_for_rounding(&b.ridge))
    }

    /// The same as a program has it: its state as JSON, the rewards in it and their sum.
    #[must_use]
    pub fn of_program(self, state: Option<Box<str>>, updates: u64, reward_sum: f64) -> Self {
        Self { opaque: state, updates, reward_sum, ..self }
    }

    /// What a program knows of the user, as JSON; `None` before its first reward, and for whatever is no program.
    pub fn program_state(&self) -> Option<&str> {
        self.opaque.as_deref()
    }

    /// Takes the state that a program made of a reward.
    pub fn replace_program_state(&mut self, state: Box<str>, reward: f64) {
        self.opaque = Some(state);
        self.updates += 1;
        self.reward_sum += reward;
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

    /// Learns that candidate `k` of `block`, whose kind has the model at index `kind`, earned `reward`. The block may have more dimensions than
    /// the model: v1 looks at the first of what v2 sees.
    pub fn learn(&mut self, block: &FeatureBlock, k: usize, kind: usize, reward: f64) {
        let x = &block.row(k)[..self.dim()];
        f64::run(self.learn_of(&true, &kind, x, reward));
    }
}

impl<C: Cell> Model<C> {
    /// A model that has learned nothing, in so many dimensions, and has no kinds yet.
    pub(super) fn new(
        structure: Structure,
        dim: usize,
        lambda: f64,
        forgetting: f64,
        start: Option<Arc<PriorStart>>,
    ) -> Self {
        Self {
            structure,
            dim,
            lambda,
            forgetting,
            start,
            moved: false,
            kinds: Vec::new(),
            updates: C::each(|_| 0),
            reward_sum: C::all(0.0),
            masked: Vec::new(),
            opaque: None,
        }
    }

    /// The same with the model that all kinds share, where they do.
    #[must_use]
    pub(super) fn ready(mut self) -> Self {
        if self.structure == Structure::Shared && self.kinds.is_empty() {
            self.kind_index(None);
        }
        self
    }

    /// Index of the model that is asked about candidates of `kind`; a kind that is new gets a new one.
    pub fn kind_index(&mut self, kind: Option<&str>) -> usize {
        let kind = kind.filter(|_| self.structure == Structure::Disjoint);
        let known = self.kinds.iter().position(|own| own.kind.as_deref() == kind);
        known.unwrap_or_else(|| self.add_kind(kind))
    }

    /// A new model for candidates of `kind`, which has none; its index.
    pub(crate) fn add_kind(&mut self, kind: Option<&str>) -> usize {
        let start = self.start.as_ref().map(|start| Arc::clone(start.of(kind)));
        let ridge = Ridge::starting(self.dim, self.lambda, self.forgetting, start);
        self.kinds.push(KindModel { kind: kind.map(SmolStr::from), ridge });
        self.kinds.len() - 1
    }

    /// The models of the kinds that came so far; for the shared structure exactly one.
    pub fn kind_models(&self) -> &[KindModel<C>] {
        &self.kinds
    }

    /// What it has learned about one user.
    pub fn user(&self, user: usize) -> Model {
        let of_user = |own: &KindModel<C>| KindModel { kind: own.kind.clone(), ridge: own.ridge.user(user) };
        Model {
            structure: self.structure,
            dim: self.dim,
            lambda: self.lambda,
            forgetting: self.forgetting,
            start: self.start.clone(),
            moved: self.moved,
            kinds: self.kinds.iter().map(of_user).collect(),
            updates: *C::at(&self.updates, user),
            reward_sum: self.reward_sum.of(user),
            masked: Vec::new(),
            opaque: self.opaque.clone(),
        }
    }

    /// Forgets everything, keeping the kinds and the memory.
    pub fn clear(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.ridge.clear());
        self.updates = C::each(|_| 0);
        self.reward_sum = C::all(0.0);
    }

    /// Number of dimensions, D.
    #[inline(always)]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Learns that `x` (length D), whose kinds have the models at these indices, earned `reward`, for the users who are to learn.
    #[inline(always)]
    pub(crate) fn learn_of<'a>(
        &'a mut self,
        who: &'a C::Each<bool>,
        kinds: &'a C::Each<usize>,
        x: &'a [C],
        reward: C,
    ) -> LearnByKind<'a, C> {
        LearnByKind { model: self, who, kinds, x, reward }
    }

    /// The score of every candidate into `out`; gives the best of them.
    #[inline(always)]
    pub(super) fn scores<V: Vector<Cell = C>>(
        &self,
        level: V::Level,
        block: &FeatureBlock<C>,
        kinds: &[C::Each<usize>],
        out: &mut [C],
    ) -> Best<C> {
        if self.structure == Structure::Shared {
            return self.kinds[0].ridge.scores(block, out).run::<V>(level);
        }
        for (k, (out, kinds)) in out.iter_mut().zip(kinds).enumerate() {
            *out = C::new(|user| self.kinds[*C::at(kinds, user)].ridge.score_one(block, k, user));
        }
        FindBest(out).run::<V>(level)
    }

    /// x^T A^-1 x of every candidate into `out`; `gathered` is room for a vector.
    #[inline(always)]
    pub(super) fn widths_squared<V: Vector<Cell = C>>(
        &self,
        level: V::Level,
        block: &FeatureBlock<C>,
        kinds: &[C::Each<usize>],
        gathered: &mut Vec<C>,
        out: &mut [C],
    ) {
        let dim = block.dim();
        if self.structure == Structure::Shared {
            return self.kinds[0].ridge.widths_squared(block.rows(), dim, out).run::<V>(level);
        }
        if C::USERS == 1 {
            for (k, (out, kinds)) in out.chunks_exact_mut(1).zip(kinds).enumerate() {
                self.kinds[*C::at(kinds, 0)].ridge.widths_squared(block.row(k), dim, out).run::<V>(level);
            }
            return;
        }
        // A candidate's kind, and so the model that is asked about it, differs between users. Those who ask the same model,
        // whatever the candidate, are brought side by side, so that every lane has work.
        fit(gathered, self.dim);
        for (model, own) in self.kinds.iter().enumerate() {
            let mut next = C::each(|_| 0_usize);
            loop {
                let mut anybody = false;
                for user in 0..C::USERS {
                    let k = C::at_mut(&mut next, user);
                    while *k < kinds.len() && *C::at(&kinds[*k], user) != model {
                        *k += 1;
                    }
                    if *k < kinds.len() {
                        anybody = true;
                        for (own, x) in gathered.iter_mut().zip(block.row(*k)) {
                            *own.of_mut(user) = x.of(user);
                        }
                    }
                }
                if !anybody {
                    break;
                }
                let mut widths = [C::all(0.0)];
                own.ridge.widths_squared(gathered, self.dim, &mut widths).run::<V>(level);
                for user in 0..C::USERS {
                    let k = C::at_mut(&mut next, user);
                    if *k < kinds.len() {
                        *out[*k].of_mut(user) = widths[0].of(user);
                        *k += 1;
                    }
                }
            }
        }
    }

    /// Scores under weights drawn anew for each model that a candidate asks, in the order of the
    /// candidates: each model takes D normal draws.
    #[inline(always)]
    pub(super) fn perturbed_scores<V: Vector<Cell = C>>(
        &self,
        level: V::Level,
        v: f64,
        block: &FeatureBlock<C>,
        kinds: &[C::Each<usize>],
        rng: &mut C::Each<DecisionRng>,
        scratch: &mut Scratch<C>,
    ) -> Best<C> {
        let Scratch { scores, normals, factor, weights, own, .. } = scratch;
        let dim = self.dim();
        if self.structure == Structure::Shared {
            fit(normals, dim);
            for user in 0..C::USERS {
                let rng = C::at_mut(rng, user);
                normals.iter_mut().for_each(|z| *z.of_mut(user) = rng.normal());
            }
            self.kinds[0].ridge.perturbed(v, normals, factor, weights).run::<V>(level);
            return ridge::weighted(weights, block, scores).run::<V>(level);
        }
        for user in 0..C::USERS {
            let kind = |k: usize| *C::at(&kinds[k], user);
            let (rng, DrawnWeights { normals, factor, weights }) = (C::at_mut(rng, user), &mut *own);
            for first in 0..block.len() {
                if (0..first).any(|k| kind(k) == kind(first)) {
                    continue;
                }
                normals.clear();
                normals.extend((0..dim).map(|_| rng.normal()));
                self.kinds[kind(first)].ridge.perturbed_of(user, v, normals, factor, weights).run::<f64>(());
                for k in (first..block.len()).filter(|k| kind(*k) == kind(first)) {
                    *scores[k].of_mut(user) = product_of(user, weights, block.row(k));
                }
            }
        }
        FindBest(scores).run::<V>(level)
    }
}

/// The kernel of [`Model::learn_of`].
pub(crate) struct LearnByKind<'a, C: Cell> {
    model: &'a mut Model<C>,
    who: &'a C::Each<bool>,
    kinds: &'a C::Each<usize>,
    x: &'a [C],
    reward: C,
}

impl<C: Cell> Kernel<C> for LearnByKind<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector<Cell = C>>(self, level: V::Level) {
        let Self { model, who, kinds, x, reward } = self;
        let (learns, kind) = (|user: usize| *C::at(who, user), |user: usize| *C::at(kinds, user));
        if (0..C::USERS).all(|user| learns(user) && kind(user) == kind(0)) {
            model.updates = C::each(|user| *C::at(&model.updates, user) + 1);
            model.reward_sum = C::new(|user| model.reward_sum.of(user) + reward.of(user));
            return model.kinds[kind(0)].ridge.learn_of(who, x, reward).run::<V>(level);
        }
        for user in (0..C::USERS).filter(|user| learns(*user)) {
            *C::at_mut(&mut model.updates, user) += 1;
            *model.reward_sum.of_mut(user) += reward.of(user);
        }
        for first in 0..C::USERS {
            let is_like = |user: usize| learns(user) && kind(user) == kind(first);
            if !learns(first) || (0..first).any(is_like) {
                continue;
            }
            let only = |cell: &C| C::new(|user| if is_like(user) { cell.of(user) } else { 0.0 });
            model.masked.clear();
            model.masked.extend(x.iter().map(only));
            let (who, reward) = (C::each(is_like), only(&reward));
            model.kinds[kind(first)].ridge.learn_of(&who, &model.masked, reward).run::<V>(level);
        }
    }
}
