//! One decision: a request and a model become a choice, every candidate's score and its propensity.

use crate::domain::request::Request;
use crate::policy::program::sample;
use crate::policy::{DecisionRng, Model, Policy, Scratch, Structure};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::HashMap;

/// What a policy chose from a request.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredChoice {
    /// Position of the chosen candidate in the request.
    pub chosen: usize,
    /// Whether chance rather than the scores decided; see [`crate::policy::Choice`].
    pub explored: bool,
    /// One score per candidate.
    pub scores: Vec<f64>,
    /// Each candidate's probability of being chosen; `None` where it has no closed form.
    pub propensities: Option<Vec<f64>>,
}

impl ScoredChoice {
    /// The probability with which the chosen candidate was chosen, if it is known.
    pub fn propensity(&self) -> Option<f64> {
        self.propensities.as_ref().map(|p| p[self.chosen])
    }
}

/// The choice that is drawn from the probabilities that a program stated. It has no scores of its own: its probabilities
/// stand for them, and chance has decided wherever the chosen one has not the largest.
pub fn draw(probabilities: Vec<f64>, seed: u64) -> ScoredChoice {
    let chosen = sample(&probabilities, &mut DecisionRng::new(seed));
    let largest = probabilities.iter().copied().fold(0.0, f64::max);
    ScoredChoice {
        chosen,
        explored: probabilities[chosen] < largest,
        scores: probabilities.clone(),
        propensities: Some(probabilities),
    }
}

/// What `policy`, which is no program, chooses with this model: the same for the same request, model and seed.
pub fn decide(
    policy: &Policy,
    model: &Model,
    request: &Request,
    seed: u64,
    scratch: &mut Scratch,
) -> ScoredChoice {
    // A kind that was not met yet has an untaught model, for this decision only.
    let mut model = Cow::Borrowed(model);
    let shared = policy.structure() == Structure::Shared;
    let candidates = request.candidates().iter();
    let parts: Vec<usize> = if shared {
        candidates.map(|_| 0).collect()
    } else {
        let known = model.kind_models().iter().enumerate();
        let mut met: HashMap<Option<SmolStr>, usize> = known.map(|(i, own)| (own.kind.clone(), i)).collect();
        candidates
            .map(|candidate| {
                *met.entry(candidate.kind.clone())
                    .or_insert_with(|| model.to_mut().add_kind(candidate.kind.as_deref()))
            })
            .collect()
    };
    let (choice, scores) = scratch.with_block(policy.features(), request.offered(), |block, scratch| {
        let choice = policy.decide(&model, block, &parts, &mut DecisionRng::new(seed), scratch);
        (choice, scratch.scores().to_vec())
    });
    ScoredChoice {
        chosen: choice.index,
        explored: choice.explored,
        propensities: policy.explorer().propensities(&scores),
        scores,
    }
}
