//! How the values of a feature set come about: constants, inputs through a chain of steps, and products of values.

use super::file::{Level, Transform};
use super::hashing::place_and_sign;
use super::values::Clock;
use crate::domain::{InputSlot, InputValue};

/// What makes one or several values.
#[derive(Debug, Clone)]
pub(crate) struct ValueGroup {
    /// Where its values begin.
    pub(crate) first: usize,
    /// How many values it makes.
    pub(crate) width: usize,
    pub(crate) made: Made,
}

/// How values are made.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    Constant(f64),
    Of(Chain),
    /// The places of what is multiplied: where it begins and how wide it is.
    Cross(Vec<(usize, usize)>),
}

/// Inputs through a chain of steps.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    /// The first of them that is known counts.
    pub(crate) inputs: Vec<InputSlot>,
    /// The hour that `align` looks at.
    pub(crate) other: Option<InputSlot>,
    pub(super) steps: Vec<Transform>,
    pub(super) unknown: f64,
    /// What is hashed has its input's name before it.
    pub(super) hashed_as: String,
}

/// A value on its way through a chain.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Passing<'a> {
    Number(f64),
    Text(&'a str),
}

impl Chain {
    /// Writes what it makes of `value`, and for `align` of the other hour.
    pub(crate) fn write(&self, value: InputValue, other: InputValue, out: &mut [f64]) {
        let mut passing = match value {
            InputValue::Unknown => return self.write_unknown(out),
            InputValue::Number(x) => Passing::Number(x),
            InputValue::Text(text) => Passing::Text(text),
        };
        for step in &self.steps {
            passing = match (step, passing) {
                (Transform::Equals(level), own) => Passing::Number(truth(is(own, level))),
                (Transform::In(levels), own) => {
                    Passing::Number(truth(levels.iter().any(|level| is(own, level))))
                }
                (Transform::OneHot(levels), own) => {
                    for (out, level) in out.iter_mut().zip(levels) {
                        *out = truth(is(own, level));
                    }
                    return;
                }
                (Transform::Hash { bits }, Passing::Text(text)) => {
                    out.fill(0.0);
                    let (place, sign) =
                        place_and_sign(format!("{}={text}", self.hashed_as).as_bytes(), *bits);
                    out[place] = sign;
                    return;
                }
                (Transform::Cyclic, Passing::Number(h)) => {
                    let clock = Clock::at(h);
                    out.copy_from_slice(&[clock.sin, clock.cos]);
                    return;
                }
                (Transform::Align(_), Passing::Number(h)) => match other {
                    InputValue::Number(g) => Passing::Number(Clock::at(h).alignment(Clock::at(g))),
                    _ => return self.write_unknown(out),
                },
                (step, Passing::Number(x)) => Passing::Number(step.of_number(x)),
                // The compiler refuses steps on texts that are not for texts.
                (_, Passing::Text(_)) => return self.write_unknown(out),
            };
        }
        match passing {
            Passing::Number(x) => out[0] = x,
            Passing::Text(_) => self.write_unknown(out),
        }
    }

    /// Whether it is an hour aligned with another one, and nothing else.
    pub(crate) fn aligns_alone(&self) -> bool {
        matches!(self.steps[..], [Transform::Align(_)])
    }

    /// What it makes of what is unknown.
    pub(crate) fn unknown(&self) -> f64 {
        self.unknown
    }

    fn write_unknown(&self, out: &mut [f64]) {
        out.fill(if out.len() == 1 { self.unknown } else { 0.0 });
    }
}

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn is(value: Passing, level: &Level) -> bool {
    match (value, level) {
        (Passing::Number(x), Level::Number(y)) => x == *y,
        (Passing::Number(x), Level::Flag(flag)) => x == truth(*flag),
        (Passing::Text(text), Level::Text(own)) => text == own,
        _ => false,
    }
}

impl Transform {
    /// What it makes of a number, where it is a function of one.
    pub(super) fn of_number(&self, x: f64) -> f64 {
        match self {
            Self::Clip { minimum, maximum } => {
                let x = minimum.map_or(x, |low| x.max(low));
                maximum.map_or(x, |high| x.min(high))
            }
            Self::Log1p => libm::log1p(x),
            Self::Subtract(by) => x - by,
            Self::Divide(by) => x / by,
            Self::Logistic => 1.0 / (1.0 + libm::exp(-x)),
            _ => x,
        }
    }
}

/// Multiplies every value of each factor with every one of the others, the last factor changing fastest.
pub(super) fn write_cross(factors: &[(usize, usize)], before: &[f64], out: &mut [f64]) {
    out[0] = 1.0;
    let mut made = 1;
    for (first, width) in factors {
        let factor = &before[*first..first + width];
        // From behind, so that nothing is overwritten that is yet to be multiplied.
        for i in (0..made).rev() {
            let x = out[i];
            for (j, y) in factor.iter().enumerate() {
                out[i * width + j] = x * y;
            }
        }
        made *= width;
    }
}
