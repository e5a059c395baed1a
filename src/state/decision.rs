//! One decision: a request and a state become a choice, every candidate's score and its propensity.

use super::user_state::UserState;
use crate::domain::request::Request;
use crate::policy::{DecisionRng, Policy, Scratch, Structure};
use std::borrow::Cow;

/// What a policy chose from a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Position of the chosen candidate in the request.
    pub chosen: usize,
    /// Whether chance rather than the scores decided; see [`crate::policy::Choice`].
    pub explored: bool,
    /// One score per candidate.
    pub scores: Vec<f64>,
    /// Each candidate's probability of being chosen; `None` where it has no closed form.
    pub propensities: Option<Vec<f64>>,
}

impl Decision {
    /// The probability with which the chosen candidate was chosen, if it is known.
    pub fn propensity(&self) -> Option<f64> {
        self.propensities.as_ref().map(|p| p[self.chosen])
    }
}

/// What `policy` chooses in this state: the same for the same request, state and seed.
pub fn decide(
    policy: &Policy,
    state: &UserState,
    request: &Request,
    seed: u64,
    scratch: &mut Scratch,
) -> Decision {
    // A kind that was not met yet has an untaught part, for this decision only.
    let mut model = Cow::Borrowed(state.model());
    let shared = policy.structure() == Structure::Shared;
    let mut part_of = |kind: Option<&str>| {
        let known =
            if shared { Some(0) } else { model.kind_models().iter().position(|p| p.kind.as_deref() == kind) };
        known.unwrap_or_else(|| model.to_mut().kind_index(kind))
    };
    let parts: Vec<usize> = request.candidates().iter().map(|c| part_of(c.kind.as_deref())).collect();
    let (choice, scores) = scratch.with_block(policy.features(), request.offered(), |block, scratch| {
        let choice = policy.decide(&model, block, &parts, &mut DecisionRng::new(seed), scratch);
        (choice, scratch.scores().to_vec())
    });
    Decision {
        chosen: choice.index,
        explored: choice.explored,
        propensities: policy.explorer().propensities(&scores),
        scores,
    }
}
