//! How far people may be other than the personas say before a verdict turns.

use super::outcome::{GateOutcome, Ruling};
use super::verdict::Verdict;
use crate::base::error::{Fault, Result};
use crate::people::persona::{Persona, RawPersona};
use serde::Serialize;

/// What is moved in every persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// How much tastes for kinds of tip differ.
    Tastes,
    /// How much people of one persona differ.
    Noise,
    /// How much each tip of a day tires.
    Fatigue,
    /// How much it matters when a tip comes.
    Timing,
}

impl Knob {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Tastes, Self::Noise, Self::Fatigue, Self::Timing];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tastes => "tastes",
            Self::Noise => "noise",
            Self::Fatigue => "fatigue",
            Self::Timing => "timing",
        }
    }

    /// The persona with this moved by a factor.
    ///
    /// # Errors
    /// A value that leaves its range.
    pub fn moved(self, persona: &Persona, factor: f64) -> Result<Persona, Fault> {
        let mut raw: RawPersona = persona.raw().clone();
        match self {
            Self::Tastes => raw.kinds.values_mut().for_each(|kind| kind.taste *= factor),
            Self::Noise => {
                let spread = &mut raw.spread;
                for value in [&mut spread.base, &mut spread.taste, &mut spread.response, &mut spread.hours] {
                    *value *= factor;
                }
            }
            Self::Fatigue => raw.response.fatigue *= factor,
            Self::Timing => raw.response.timing *= factor,
        }
        Persona::try_from(raw)
    }
}

/// By what everything is moved, one at a time.
pub const FACTORS: [f64; 4] = [0.25, 0.5, 1.5, 2.0];

/// The verdict on people who are a little different.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// What was moved; `None` for the people as they are.
    pub knob: Option<Knob>,
    /// By what.
    pub factor: f64,
    /// What was decided.
    pub verdict: Ruling,
    /// Why, in a word.
    pub outcome: GateOutcome,
    /// The gain that the first claim of superiority is about.
    pub gain: Option<f64>,
    /// Its lower bound.
    pub lower: Option<f64>,
    /// Its upper bound.
    pub upper: Option<f64>,
    /// Why, in a sentence.
    pub reason: String,
}

impl Moved {
    /// What is kept of a verdict.
    pub fn new(knob: Option<Knob>, factor: f64, verdict: &Verdict) -> Self {
        let claim = verdict.superiority();
        Self {
            knob,
            factor,
            verdict: verdict.verdict,
            outcome: verdict.outcome,
            gain: claim.and_then(|c| c.estimate),
            lower: claim.and_then(|c| c.lower),
            upper: claim.and_then(|c| c.upper),
            reason: verdict.reason.clone(),
        }
    }
}
