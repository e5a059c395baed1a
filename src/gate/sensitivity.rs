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

/// Two neighbouring values of what was moved between which the verdict turns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// What was moved.
    pub knob: Knob,
    /// By what, with what was decided there, the smaller factor first.
    pub between: [(f64, Ruling); 2],
}

/// Where the verdict turns as each thing is moved by itself, from the smallest factor to the largest, people as they are
/// among them.
pub fn turns(moved: &[Moved]) -> Vec<Turn> {
    let along = |knob: Knob| {
        let of = |m: &&Moved| m.knob.is_none_or(|other| other == knob);
        let mut line: Vec<(f64, Ruling)> = moved.iter().filter(of).map(|m| (m.factor, m.verdict)).collect();
        line.sort_by(|a, b| a.0.total_cmp(&b.0));
        line.windows(2)
            .filter(|pair| pair[0].1 != pair[1].1)
            .map(|pair| Turn { knob, between: [pair[0], pair[1]] })
            .collect::<Vec<_>>()
    };
    Knob::ALL.into_iter().flat_map(along).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_turns_between_neighbours_on_either_side_of_the_people_as_they_are() {
        let moved = |knob: Option<Knob>, factor: f64, verdict: Ruling| Moved {
            knob,
            factor,
            verdict,
            outcome: GateOutcome::Inconclusive,
            gain: None,
            lower: None,
            upper: None,
            reason: String::new(),
        };
        let (promote, reject) = (Ruling::Promote, Ruling::Reject);
        let line = |knob: Knob, rulings: [Ruling; 4]| {
            FACTORS.into_iter().zip(rulings).map(move |(factor, ruling)| moved(Some(knob), factor, ruling))
        };
        let all: Vec<Moved> = [moved(None, 1.0, promote)]
            .into_iter()
            .chain(line(Knob::Tastes, [reject, reject, promote, promote]))
            .chain(line(Knob::Noise, [promote; 4]))
            .chain(line(Knob::Fatigue, [promote, promote, reject, Ruling::Inconclusive]))
            .collect();
        assert_eq!(
            turns(&all),
            [
                Turn { knob: Knob::Tastes, between: [(0.5, reject), (1.0, promote)] },
                Turn { knob: Knob::Fatigue, between: [(1.0, promote), (1.5, reject)] },
                Turn { knob: Knob::Fatigue, between: [(1.5, reject), (2.0, Ruling::Inconclusive)] },
            ]
        );
        assert_eq!(turns(&[]), []);
    }
}
