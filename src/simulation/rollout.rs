//! What one policy goes through with a batch of users: what it sees, chooses, learns and remembers.

use crate::base::vector::{Kernel, LANES, Lanes, Vector, each, lanes};
use crate::domain::reaction::Reaction;
use crate::features::profile_history::{ProfileHistory, TipEvent};
use crate::features::{ALL_DIMS, FeatureBlock};
use crate::people::scenario::Leaving;
use crate::people::{DeclaredTables, Outcome, PersonaSimulator, UserBatch};
use crate::policy::{Decide, DecisionRng, Learns, Model, Policy, Scratch, Structure};
use std::collections::VecDeque;

/// What one policy goes through with a batch of users.
#[derive(Debug, Clone)]
pub struct Rollout<'a> {
    policy: &'a Policy,
    model: Model<Lanes>,
    pub(super) histories: [ProfileHistory; LANES],
    /// Whether the histories are kept: where no policy uses a profile they are not.
    pub(super) remembers: bool,
    /// The index of the model of each kind, and of that of each candidate of the step.
    model_of_kind: Vec<usize>,
    pub(super) kinds: Vec<[usize; LANES]>,
    /// Rewards that have not arrived yet, oldest first.
    pending: VecDeque<DelayedRewards>,
    /// The candidates chosen last, and their vectors.
    pub(super) chosen: [usize; LANES],
    x: Vec<Lanes>,
    scratch: Scratch<Lanes>,
    /// What it sees of a step, where its feature set is declared in a file.
    declared: Option<Box<DeclaredView>>,
    /// How weary of this policy they are, and who has left.
    weariness: [f64; LANES],
    pub(super) left: [bool; LANES],
}

/// What a policy with a declared feature set sees.
#[derive(Debug, Clone)]
struct DeclaredView {
    tables: DeclaredTables,
    block: FeatureBlock<Lanes>,
}

/// Lets somebody tire of what they were shown: who had left before this step ignores it, whatever it was, so that nothing
/// is lost or gained by it; whose patience is at its end has left from the next step on.
#[inline(always)]
pub(super) fn tire_one(
    limit: f64,
    (weariness, left): (&mut f64, &mut bool),
    outcome: &mut Outcome,
    best: f64,
) {
    if *left {
        let event = TipEvent { reaction: Reaction::Ignored, ..outcome.event };
        *outcome = Outcome { event, reward: Reaction::Ignored.reward(), expected: best };
        return;
    }
    let wearies = match outcome.event.reaction {
        Reaction::Completed => -0.5,
        Reaction::Snoozed => 0.0,
        Reaction::Ignored => 0.25,
        Reaction::Dismissed => 1.0,
    };
    *weariness = (*weariness + wearies).max(0.0);
    *left = *weariness >= limit;
}

/// Rewards that are on their way.
#[derive(Debug, Clone)]
struct DelayedRewards {
    due: u32,
    x: Vec<Lanes>,
    who: [bool; LANES],
    outcomes: [Outcome; LANES],
}

impl<'a> Rollout<'a> {
    /// A policy that has learned nothing, for users of any persona with the kinds of this simulator.
    pub fn new(policy: &'a Policy, simulator: &PersonaSimulator) -> Self {
        let mut model: Model<Lanes> = policy.new_model_of(policy.features().dim());
        let model_of_kind = simulator.kinds().iter().map(|kind| model.kind_index(Some(kind))).collect();
        let x = vec![Lanes::default(); model.dim()];
        Self {
            policy,
            model,
            histories: std::array::from_fn(|_| ProfileHistory::new(simulator.kinds().len())),
            remembers: policy.features().uses_profile(),
            model_of_kind,
            kinds: Vec::new(),
            pending: VecDeque::new(),
            chosen: [0; LANES],
            x,
            scratch: Scratch::default(),
            declared: policy.features().declared().map(|set| {
                let tables = DeclaredTables::new(set, simulator);
                let block = tables.block();
                Box::new(DeclaredView { tables, block })
            }),
            weariness: [0.0; LANES],
            left: [false; LANES],
        }
    }

    /// What the policy has learned of the user in this lane.
    pub fn model(&self, lane: usize) -> Model {
        self.model.user(lane)
    }

    /// Their past under this policy, from which an emergent profile follows.
    pub fn history(&self, lane: usize) -> &ProfileHistory {
        &self.histories[lane]
    }

    /// The same rollout, with a history also where the policy uses no profile: a log shows it anyway.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { remembers: true, ..self }
    }

    /// The probability with which each candidate of the latest decision was to be chosen for the user in this lane; `None`
    /// where the policy has none.
    pub fn propensities(&self, lane: usize) -> Option<Vec<f64>> {
        let scores: Vec<f64> = self.scratch.scores().iter().map(|scores| scores[lane]).collect();
        self.policy.explorer().propensities(&scores)
    }

    /// Begins with other users.
    pub(super) fn begin(&mut self) {
        self.model.clear();
        self.histories.iter_mut().for_each(ProfileHistory::clear);
        if let Some(own) = &mut self.declared {
            own.tables.begin();
        }
        self.pending.clear();
        (self.weariness, self.left) = ([0.0; LANES], [false; LANES]);
    }

    /// Makes `block` what this policy sees of the step: its features.
    #[inline(always)]
    pub(super) fn featurize<V: Vector<Cell = Lanes>>(
        &mut self,
        level: V::Level,
        batch: &mut UserBatch,
        block: &mut FeatureBlock<Lanes>,
    ) {
        if let Some(own) = &mut self.declared {
            batch.fill_declared(&mut own.tables, &self.histories, &mut own.block);
        } else if self.policy.features().uses_profile() {
            batch.serve_profiles::<V>(level, &self.histories, block);
        }
        if self.policy.structure() == Structure::Disjoint {
            self.kinds.clear();
            let model = |kind: u8| self.model_of_kind[kind as usize];
            self.kinds.extend((0..block.len()).map(|k| batch.kinds(k).map(model)));
        }
    }

    /// Chooses a candidate of the step for each of them.
    #[inline(always)]
    pub(super) fn choose<V: Vector<Cell = Lanes>>(
        &mut self,
        level: V::Level,
        batch: &UserBatch,
        block: &FeatureBlock<Lanes>,
    ) {
        let mut rng = each!(lane => DecisionRng::new(batch.person(lane).seed()));
        let Self { policy, model, kinds, scratch, declared, .. } = self;
        let own = declared.as_ref().map_or(block, |own| &own.block);
        let choices = Decide::new(policy, model, own, kinds, &mut rng, scratch).run::<V>(level);
        self.record_choice(block, each!(lane => choices[lane].index));
    }

    /// Records these candidates as chosen, to learn from their vectors as this policy sees them.
    #[inline(always)]
    pub(super) fn record_choice(&mut self, block: &FeatureBlock<Lanes>, chosen: [usize; LANES]) {
        self.chosen = chosen;
        if let Some(own) = &self.declared {
            let rows = each!(lane => own.block.row(chosen[lane]));
            for (d, x) in self.x.iter_mut().enumerate() {
                *x = lanes!(lane => rows[lane][d][lane]);
            }
            return;
        }
        let rows = block.full_rows();
        let rows = each!(lane => &rows[chosen[lane]]);
        // No model has more dimensions; with that said here, no row's end is checked.
        for (d, x) in self.x.iter_mut().enumerate().take(ALL_DIMS) {
            *x = lanes!(lane => rows[lane][d][lane]);
        }
    }

    /// Learns what became of the chosen candidates, for those of whom it is to learn.
    #[inline(always)]
    pub(super) fn learn<V: Vector<Cell = Lanes>>(
        &mut self,
        level: V::Level,
        who: [bool; LANES],
        outcomes: &[Outcome; LANES],
    ) {
        let x = std::mem::take(&mut self.x);
        self.learn_from::<V>(level, who, &x, outcomes);
        self.x = x;
    }

    #[inline(always)]
    fn learn_from<V: Vector<Cell = Lanes>>(
        &mut self,
        level: V::Level,
        who: [bool; LANES],
        x: &[Lanes],
        outcomes: &[Outcome; LANES],
    ) {
        if self.policy.learns() != Learns::Nothing {
            let kinds = each!(lane => self.model_of_kind[outcomes[lane].event.kind]);
            let rewards = lanes!(lane => outcomes[lane].reward);
            self.model.learn_of(&who, &kinds, x, rewards).run::<V>(level);
        }
        for lane in 0..LANES {
            if self.remembers && who[lane] {
                self.histories[lane].observe(&outcomes[lane].event);
            }
        }
    }

    /// Lets them tire of what they were shown.
    pub(super) fn tire(
        &mut self,
        leaving: Leaving,
        batch: &UserBatch,
        outcomes: &mut [Outcome; LANES],
        best: &Lanes,
    ) {
        for lane in 0..batch.len() {
            let limit = leaving.patience * batch.person(lane).patience();
            let state = (&mut self.weariness[lane], &mut self.left[lane]);
            tire_one(limit, state, &mut outcomes[lane], best[lane]);
        }
    }

    /// Keeps what became of the chosen candidates until step `due`.
    pub(super) fn delay(&mut self, due: u32, who: [bool; LANES], outcomes: &[Outcome; LANES]) {
        self.pending.push_back(DelayedRewards { due, x: self.x.clone(), who, outcomes: *outcomes });
    }

    /// Delivers the rewards that were due by `step`: they are learned from.
    #[inline(always)]
    pub(super) fn deliver_due<V: Vector<Cell = Lanes>>(&mut self, level: V::Level, step: u32) {
        while self.pending.front().is_some_and(|p| p.due <= step) {
            let Some(DelayedRewards { x, who, outcomes, .. }) = self.pending.pop_front() else { return };
            self.learn_from::<V>(level, who, &x, &outcomes);
        }
    }
}
