//! One decision: a request and a state become a choice, every candidate's score and its propensity.

use super::user_state::UserState;
use crate::features::FeatureBlock;
use crate::policy::{Luck, Policy, Scratch};
use crate::request::Request;

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
///
/// The state is changed only in that it gets an untaught part for a kind of candidate it has not met.
pub fn decide(
    policy: &Policy,
    state: &mut UserState,
    request: &Request,
    seed: u64,
    scratch: &mut Scratch,
) -> Decision {
    let block = FeatureBlock::of(policy.features(), request);
    let parts: Vec<usize> =
        request.candidates().iter().map(|c| state.model_mut().part(c.kind.as_deref())).collect();
    let choice = policy.decide(state.model(), &block, &parts, &mut Luck::new(seed), scratch);
    let scores = scratch.scores(&block).to_vec();
    Decision {
        chosen: choice.index,
        explored: choice.explored,
        propensities: policy.explorer().propensities(&scores),
        scores,
    }
}
