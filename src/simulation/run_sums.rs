//! Sums over users, by persona and policy: along their decisions, and by kind of tip.

use super::metrics::REGRET_UNITS;
use super::summary::Curve;
use crate::domain::reaction::Reaction;
use ndarray::{Array3, Array4};
use std::ops::AddAssign;

/// What was counted of the decisions of one scenario. Whole numbers: sums of them are exact in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSums {
    /// Reactions by persona, policy, step and reaction.
    pub curve: Curve,
    /// Regret by persona, policy and step, in 1/4096.
    pub regret: Array3<u64>,
    /// Reactions by persona, policy, kind of the tip that was shown, and reaction.
    pub kinds: Array4<u64>,
}

impl RunSums {
    /// No user yet.
    pub fn blank(personas: usize, policies: usize, steps: usize, kinds: usize) -> Self {
        let reactions = Reaction::ALL.len();
        Self {
            curve: Curve::zeros((personas, policies, steps, reactions)),
            regret: Array3::zeros((personas, policies, steps)),
            kinds: Array4::zeros((personas, policies, kinds, reactions)),
        }
    }

    /// Whether regret was counted: parts of an earlier version have none.
    pub fn has_regret(&self) -> bool {
        self.regret.iter().any(|regret| *regret > 0)
    }

    /// The mean of the expected reward that one persona's users lost at one step against an oracle; `None` without users.
    pub fn mean_regret(&self, persona: usize, policy: usize, step: usize) -> Option<f64> {
        let users: u64 = self.curve.slice(ndarray::s![persona, policy, step, ..]).sum();
        (users > 0).then(|| self.regret[[persona, policy, step]] as f64 / REGRET_UNITS / users as f64)
    }

    /// The sums of each persona, to be counted on.
    pub(super) fn personas_mut(&mut self) -> Vec<PersonaSums<'_>> {
        let (personas, policies, steps, reactions) = self.curve.dim();
        let kinds = self.kinds.dim().2;
        let whole = "an array made in one piece";
        let curves = self.curve.as_slice_mut().expect(whole).chunks_exact_mut(policies * steps * reactions);
        let regrets = self.regret.as_slice_mut().expect(whole).chunks_exact_mut(policies * steps);
        let of_kinds = self.kinds.as_slice_mut().expect(whole).chunks_exact_mut(policies * kinds * reactions);
        let all = curves.zip(regrets).zip(of_kinds);
        let all: Vec<_> = all
            .map(|((curve, regret), of_kinds)| PersonaSums { steps, kinds, curve, regret, of_kinds })
            .collect();
        debug_assert_eq!(all.len(), personas);
        all
    }
}

impl AddAssign<&Self> for RunSums {
    fn add_assign(&mut self, other: &Self) {
        self.curve += &other.curve;
        self.regret += &other.regret;
        self.kinds += &other.kinds;
    }
}

/// The same of one persona.
pub(super) struct PersonaSums<'a> {
    steps: usize,
    kinds: usize,
    curve: &'a mut [u64],
    regret: &'a mut [u64],
    of_kinds: &'a mut [u64],
}

impl PersonaSums<'_> {
    /// Counts one decision.
    #[inline(always)]
    pub(super) fn observe(
        &mut self,
        policy: usize,
        step: usize,
        kind: usize,
        reaction: Reaction,
        regret: f64,
    ) {
        let at = policy * self.steps + step;
        self.curve[at * Reaction::ALL.len() + reaction as usize] += 1;
        // A regret is not negative but for rounding. A signed number is what processors make of a double.
        self.regret[at] += ((regret * REGRET_UNITS + 0.5) as i64).max(0) as u64;
        self.of_kinds[(policy * self.kinds + kind) * Reaction::ALL.len() + reaction as usize] += 1;
    }
}
