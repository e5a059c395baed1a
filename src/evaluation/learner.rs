//! A policy with what it has learned from the log so far, of each user.

use super::inputs::Featurizer;
use super::interner::Interner;
use super::log::LogVocabulary;
use super::refusal::LogRefusal;
use super::row::Row;
use crate::base::error::{Error, Result};
use crate::features::{CandidateFeatures, Clock, DeclaredSet, FeatureBlock, weekend};
use crate::policy::{DecisionRng, Learns, Model, Policy, Scratch, Structure};

/// A policy that learns from a log as its file says: one model for each user, or one of everybody. A log that names no users
/// is one user's to a policy that learns of each of them.
pub struct Learner {
    policy: Policy,
    frozen: bool,
    /// The names of the kinds of candidates: the items', where the log has no kinds.
    kinds: Vec<String>,
    models: Vec<UserModel>,
    block: FeatureBlock,
    parts: Vec<usize>,
    scratch: Scratch,
    /// What makes its vectors of a domain's inputs, and what those are of.
    by_inputs: Option<(Featurizer, LogVocabulary)>,
    /// Whether what the log says of its items tells none from another, and what the policy sees of them is no more.
    items_alike: bool,
}

/// What was learned of one user, and which part of it each kind of candidate belongs to.
struct UserModel {
    model: Model,
    parts: Vec<Option<usize>>,
}

impl Learner {
    /// Knows `models` of the users, by number; nothing of the others.
    pub(super) fn new(policy: Policy, names: &LogVocabulary, models: Vec<Model>) -> Self {
        let features = policy.features();
        // What is built in sees the inputs of its domain as its file declares them.
        let set = features.declared().or_else(|| {
            let of_inputs = names.domain.filter(|domain| **domain == *features.domain());
            of_inputs.map(|_| features.as_declared())
        });
        let is_shared = policy.structure() == Structure::Shared;
        let items_alike = features.declared().is_none() && is_shared && !names.tells_items_apart();
        Self {
            kinds: kinds(names, set),
            items_alike,
            by_inputs: set.map(|set| (Featurizer::new(set), names.of_inputs())),
            policy,
            frozen: false,
            models: models.into_iter().map(|model| UserModel { model, parts: Vec::new() }).collect(),
            block: FeatureBlock::default(),
            parts: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// The same, which learns nothing more.
    #[must_use]
    pub(super) fn frozen(self) -> Self {
        Self { frozen: true, ..self }
    }

    /// Appends its distribution over the candidates of `row`, or over this many items where it lists none, to `out`.
    ///
    /// # Errors
    /// A policy that cannot be applied to this log.
    pub(super) fn distribution(&mut self, row: &Row, items: usize, out: &mut Vec<f64>) -> Result<()> {
        let user = self.place(row);
        while self.models.len() <= user {
            self.models.push(UserModel { model: self.policy.new_model(), parts: Vec::new() });
        }
        self.fill_block(row, items)?;
        let UserModel { model, parts } = &mut self.models[user];
        self.parts.clear();
        for k in 0..self.block.len() {
            let kind = row.listed.get(k).map_or(k, |l| l.kind as usize);
            if kind >= parts.len() {
                parts.resize(kind + 1, None);
            }
            let name = Some(self.kinds[kind].as_str()).filter(|name| !name.is_empty());
            let part = *parts[kind].get_or_insert_with(|| model.kind_index(name));
            self.parts.push(part);
        }
        // The scores are what is wanted; which candidate they would lead to is left to luck, unused.
        self.policy.decide(model, &self.block, &self.parts, &mut DecisionRng::new(0), &mut self.scratch);
        let scores = self.scratch.scores();
        let propensities = self.policy.explorer().propensities(scores);
        out.extend_from_slice(&propensities.expect("policies without propensities are refused as targets"));
        Ok(())
    }

    /// Learns the row whose distribution was asked for last, unless it is frozen.
    pub(super) fn learn(&mut self, row: &Row) {
        if !self.frozen && self.policy.learns() != Learns::Nothing {
            let (place, chosen) = (self.place(row), row.chosen as usize);
            let model = &mut self.models[place].model;
            model.learn(&self.block, chosen, self.parts[chosen], row.reward);
        }
    }

    /// Where the model stands that the row is about.
    fn place(&self, row: &Row) -> usize {
        if self.policy.learns() == Learns::User { row.user as usize } else { 0 }
    }

    /// Feature vectors of the row's candidates. A log without vectors has the moment alone, equal for all
    /// candidates: enough for one model per item, nothing for a shared one.
    fn fill_block(&mut self, row: &Row, items: usize) -> Result<()> {
        let candidates = if row.listed.is_empty() { items } else { row.listed.len() };
        let dim = self.policy.features().dim();
        let is_declared = self.policy.features().declared().is_some();
        let alike = || LogRefusal::CandidatesAlike { policy: self.policy.name().to_owned() };
        let by_inputs = self.by_inputs.as_mut().filter(|_| !row.inputs.is_empty());
        match by_inputs {
            Some((featurizer, names)) if is_declared || row.listed.is_empty() => {
                if self.items_alike {
                    return Err(Error::because(alike()));
                }
                featurizer.fill(row, names, items, &mut self.block);
                return Ok(());
            }
            None if is_declared => {
                let (policy, domain) =
                    (self.policy.name().to_owned(), self.policy.features().domain().label());
                return Err(Error::because(LogRefusal::NoInputs { policy, domain }));
            }
            _ => {}
        }
        if self.block.len() != candidates || self.block.dim() != dim {
            self.block = FeatureBlock::new(dim, candidates);
        }
        if row.features.is_empty() {
            if self.policy.structure() == Structure::Shared {
                return Err(Error::because(alike()));
            }
            let (clock, weekend) = row
                .moment
                .map_or((Clock { sin: 0.0, cos: 0.0 }, 0.0), |m| (Clock::at(m.hour), weekend(m.weekday)));
            let features = CandidateFeatures { clock, priority: 0.5, urgency: 0.0, effort: 0.25 };
            (0..candidates).for_each(|k| self.block.set_candidate(k, weekend, &features));
            return Ok(());
        }
        let logged = row.features.len() / candidates;
        if logged < dim {
            let (policy, features) = (self.policy.name().to_owned(), self.policy.features());
            return Err(Error::because(LogRefusal::FewFeatures { policy, features, logged }));
        }
        for k in 0..candidates {
            self.block.set_vector(k, &row.features[k * logged..][..dim]);
        }
        Ok(())
    }
}

/// The names of the kinds of candidates by their numbers, those of items where the log has no kinds: then an item's kind is the
/// input that its domain calls so, if a policy looks at that domain's, or else the item itself.
fn kinds(names: &LogVocabulary, set: Option<&DeclaredSet>) -> Vec<String> {
    let all = |interner: &Interner| (0..interner.len() as u32).map(|k| interner.name(k)).collect();
    if !names.kinds.is_empty() {
        return all(&names.kinds);
    }
    let position = set.and_then(|set| set.domain().kind_position());
    let said = position.filter(|n| (0..names.items.len()).any(|item| names.kind_of_item(item, *n).is_some()));
    match said {
        None => all(&names.items),
        Some(n) => (0..names.items.len())
            .map(|item| names.kind_of_item(item, n).unwrap_or_default().to_owned())
            .collect(),
    }
}
