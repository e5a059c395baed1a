//! What a feature set's file states is checked and compiled: names, kinds, ranges, and how much there may be of everything.

use super::chain::{Chain, Made, ValueGroup};
use super::file::{Level, RawDimension, Transform};
use crate::base::error::{Error, Fault, Result, within};
use crate::domain::{Domain, DomainInput, InputSlot, InputType, check_word};
use std::collections::BTreeSet;

/// Most values that are computed for a vector, the hidden ones among them.
const MAX_VALUES: usize = 4_096;
/// Most bits of a hash: so many that all its dimensions fit.
const MAX_BITS: u32 = 8;
/// The largest size of a value: the squares of larger ones would leave nothing of the ridge prior.
const LARGEST: f64 = 100.0;

/// What passes through a chain: numbers of a range, hours, flags or texts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Number(f64, f64),
    Hour,
    Flag,
    Text,
}

impl Kind {
    fn of(input: Option<&DomainInput>) -> Self {
        let Some(input) = input else { return Self::Text };
        match input.kind {
            InputType::Number => {
                let (low, high) = input.range();
                Self::Number(low, high)
            }
            InputType::Hour => Self::Hour,
            InputType::Flag => Self::Flag,
            InputType::Category => Self::Text,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Number(..) => "a number",
            Self::Hour => "an hour",
            Self::Flag => "a flag",
            Self::Text => "a category",
        }
    }

    /// Its smallest and largest value, as a number.
    fn range(self) -> Option<(f64, f64)> {
        match self {
            Self::Number(low, high) => Some((low, high)),
            Self::Hour => Some((0.0, 24.0)),
            Self::Flag => Some((0.0, 1.0)),
            Self::Text => None,
        }
    }
}

/// The inputs of a dimension: where they stand, what the domain says of them, and the kind that they share.
struct StatedInputs<'a> {
    slots: Vec<InputSlot>,
    inputs: Vec<Option<&'a DomainInput>>,
    kind: Kind,
}

/// What is compiled so far.
pub(super) struct Compiler {
    domain: &'static Domain,
    pub(super) parts: Vec<ValueGroup>,
    pub(super) names: Vec<String>,
    /// Smallest and largest value that each part makes.
    ranges: Vec<(f64, f64)>,
}

impl Compiler {
    /// Nothing yet.
    pub(super) fn new(domain: &'static Domain) -> Self {
        Self { domain, parts: Vec::new(), names: Vec::new(), ranges: Vec::new() }
    }

    /// Compiles a dimension, of which those `before` are compiled.
    ///
    /// # Errors
    /// What is not allowed.
    pub(super) fn add(&mut self, stated: &RawDimension, before: &[RawDimension]) -> Result<(), Fault> {
        check_word("name", &stated.name)?;
        if before.iter().any(|other| other.name == stated.name) {
            return Err(Fault::new("name", format!("{:?} again", stated.name), "each dimension once"));
        }
        let sources = [stated.constant.is_some(), !stated.input.0.is_empty(), !stated.cross.is_empty()];
        if sources.iter().filter(|is| **is).count() != 1 {
            let value = format!("{:?}, of {} of them", stated.name, sources.iter().filter(|is| **is).count());
            return Err(Fault::new("name", value, "one of constant, input and cross"));
        }
        if !sources[1] {
            for (field, given) in [("steps", !stated.steps.is_empty()), ("unknown", stated.unknown.is_some())]
            {
                if given {
                    return Err(Fault::new(field, "there", "nothing; it belongs to an input"));
                }
            }
        }
        let (made, width, range) = if let Some(x) = stated.constant {
            within("constant", x, -LARGEST, LARGEST)?;
            (Made::Constant(x), 1, (x, x))
        } else if sources[2] {
            self.cross(stated, before)?
        } else {
            self.chain(stated)?
        };
        if range.0 < -LARGEST || range.1 > LARGEST {
            let value = format!("{:?}, with values in [{}, {}]", stated.name, range.0, range.1);
            let allowed = format!("values in [-{LARGEST}, {LARGEST}]: clip, divide or log1p them");
            return Err(Fault::new("name", value, allowed));
        }
        let first = self.names.len();
        self.parts.push(ValueGroup { first, width, made });
        let all: Vec<RawDimension> = before.iter().chain([stated]).cloned().collect();
        self.names.extend(value_names(stated, width, &all, &self.parts));
        self.ranges.push(range);
        if self.names.len() > MAX_VALUES {
            let value = format!("{:?}, with which there are {} values", stated.name, self.names.len());
            return Err(Fault::new(
                "name",
                value,
                format!("at most {MAX_VALUES}, the hidden ones among them"),
            ));
        }
        Ok(())
    }

    fn cross(
        &self,
        stated: &RawDimension,
        before: &[RawDimension],
    ) -> Result<(Made, usize, (f64, f64)), Fault> {
        if stated.cross.len() < 2 || stated.cross.len() > 8 {
            let value = format!("a list of {}", stated.cross.len());
            return Err(Fault::new("cross", value, "2 to 8 names of dimensions before it"));
        }
        let (mut factors, mut width, mut largest) = (Vec::new(), 1_usize, 1.0_f64);
        for (i, name) in stated.cross.iter().enumerate() {
            let Some(place) = before.iter().position(|other| other.name == *name) else {
                let known: Vec<&str> = before.iter().map(|other| other.name.as_str()).collect();
                let allowed = format!("a dimension before it: {}", known.join(", "));
                return Err(Fault::new(format!("cross[{i}]"), format!("{name:?}"), allowed));
            };
            let part = &self.parts[place];
            if matches!(part.made, Made::Cross(_)) {
                let allowed = "no cross: name what that one is made of";
                return Err(Fault::new(format!("cross[{i}]"), format!("{name:?}"), allowed));
            }
            factors.push((part.first, part.width));
            width = width.saturating_mul(part.width);
            let (low, high) = self.ranges[place];
            largest *= low.abs().max(high.abs());
        }
        if width > MAX_VALUES {
            let value = format!("{width} values");
            return Err(Fault::new("cross", value, format!("at most {MAX_VALUES}")));
        }
        Ok((Made::Cross(factors), width, (-largest, largest)))
    }

    /// The input at a path of the domain, and where its value stands.
    fn input_at(&self, field: &str, path: &str) -> Result<(Option<&DomainInput>, InputSlot), Fault> {
        self.domain.find(path).map_err(|error| match error {
            Error::Unknown { name, known, .. } => {
                let allowed = format!("an input of domain {}: {}", self.domain.name(), known.join(", "));
                Fault::new(field, format!("{name:?}"), allowed)
            }
            other => Fault::new(field, other, "an input"),
        })
    }

    /// The inputs of a dimension, which are of one kind.
    fn inputs_of(&self, stated: &RawDimension) -> Result<StatedInputs<'_>, Fault> {
        let (mut slots, mut inputs) = (Vec::new(), Vec::new());
        let mut kind = None;
        for (i, path) in stated.input.0.iter().enumerate() {
            let (input, slot) = self.input_at(&format!("input[{i}]"), path)?;
            let own = Kind::of(input);
            kind = Some(match (kind, own) {
                (None, own) => own,
                (Some(Kind::Number(a, b)), Kind::Number(c, d)) => {
                    Kind::Number(f64::min(a, c), f64::max(b, d))
                }
                (Some(kind), own) if kind == own => kind,
                (Some(kind), own) => {
                    let value = format!("{path:?}, {}", own.name());
                    return Err(Fault::new(
                        format!("input[{i}]"),
                        value,
                        format!("{}, as before it", kind.name()),
                    ));
                }
            });
            slots.push(slot);
            inputs.push(input);
        }
        Ok(StatedInputs { slots, inputs, kind: kind.expect("there is an input") })
    }

    fn chain(&self, stated: &RawDimension) -> Result<(Made, usize, (f64, f64)), Fault> {
        let StatedInputs { slots, inputs, mut kind } = self.inputs_of(stated)?;
        let (mut other, mut width) = (None, 1);
        for (i, step) in stated.steps.iter().enumerate() {
            // What comes out of a step is no input any more.
            let inputs = if i == 0 { &inputs[..] } else { &[] };
            let field = format!("steps[{i}]");
            let is_last = i + 1 == stated.steps.len();
            let refused =
                |allowed: &str| Err(Fault::new(&field, format!("\"{step}\" of {}", kind.name()), allowed));
            kind = match (step, kind) {
                (Transform::Equals(level), kind) => {
                    check_level(&field, level, kind, inputs)?;
                    Kind::Number(0.0, 1.0)
                }
                (Transform::In(levels), kind) => {
                    check_levels(&field, levels, kind, inputs)?;
                    Kind::Number(0.0, 1.0)
                }
                (Transform::OneHot(..) | Transform::Cyclic | Transform::Hash { .. }, _) if !is_last => {
                    return refused("as the last step");
                }
                (Transform::OneHot(levels), kind) => {
                    check_levels(&field, levels, kind, inputs)?;
                    width = levels.len();
                    Kind::Number(0.0, 1.0)
                }
                (Transform::Hash { bits }, Kind::Text) => {
                    if !(1..=MAX_BITS).contains(bits) {
                        let allowed = format!("1 to {MAX_BITS}");
                        return Err(Fault::new(format!("{field}.hash.bits"), bits, allowed));
                    }
                    width = 1 << bits;
                    Kind::Number(-1.0, 1.0)
                }
                (Transform::Cyclic, Kind::Hour) => {
                    width = 2;
                    Kind::Number(-1.0, 1.0)
                }
                (Transform::Align(path), Kind::Hour) => {
                    let (input, slot) = self.input_at(&format!("{field}.align"), path)?;
                    if Kind::of(input) != Kind::Hour {
                        let value = format!("{path:?}, {}", Kind::of(input).name());
                        return Err(Fault::new(format!("{field}.align"), value, "an hour"));
                    }
                    other = Some(slot);
                    Kind::Number(-1.0, 1.0)
                }
                (Transform::Hash { .. }, _) => return refused("of a category"),
                (Transform::Cyclic | Transform::Align(_), _) => return refused("of an hour"),
                (step, kind) => {
                    let Some((low, high)) = kind.range() else {
                        return refused("of a category equals, in, one_hot or hash");
                    };
                    check_number_step(&field, step, low)?;
                    let (a, b) = (step.of_number(low), step.of_number(high));
                    Kind::Number(a.min(b), a.max(b))
                }
            };
        }
        if kind == Kind::Text {
            let value = format!("{:?}, a category", stated.name);
            return Err(Fault::new("name", value, "steps that end in equals, in, one_hot or hash"));
        }
        let (low, high) = kind.range().expect("it is no text");
        if let Some(unknown) = stated.unknown {
            within("unknown", unknown, -LARGEST, LARGEST)?;
            if width > 1 {
                return Err(Fault::new(
                    "unknown",
                    unknown,
                    "nothing; several dimensions are 0 where it is unknown",
                ));
            }
        }
        // Zero has no sign.
        let unknown = stated.unknown.unwrap_or(0.0) + 0.0;
        let path = &stated.input.0[0];
        let hashed_as = path.split_once('.').map_or(path.as_str(), |(_, name)| name).to_owned();
        let chain = Chain { inputs: slots, other, steps: stated.steps.clone(), unknown, hashed_as };
        Ok((Made::Of(chain), width, (low.min(unknown), high.max(unknown))))
    }
}

fn check_number_step(field: &str, step: &Transform, low: f64) -> Result<(), Fault> {
    match step {
        Transform::Clip { minimum, maximum } => {
            let bounds = [minimum, maximum].into_iter().flatten();
            if minimum.is_none() && maximum.is_none() {
                return Err(Fault::new(format!("{field}.clip"), "empty", "a minimum, a maximum or both"));
            }
            for bound in bounds {
                within(&format!("{field}.clip"), *bound, -1e12, 1e12)?;
            }
            if let (Some(low), Some(high)) = (minimum, maximum)
                && low >= high
            {
                let allowed = format!("more than the minimum, {low}");
                return Err(Fault::new(format!("{field}.clip.maximum"), high, allowed));
            }
            Ok(())
        }
        Transform::Subtract(by) => within(&format!("{field}.subtract"), *by, -1e12, 1e12).map(drop),
        Transform::Divide(by) => {
            let size = within(&format!("{field}.divide"), by.abs(), 1e-6, 1e12);
            size.map(drop)
                .map_err(|_| Fault::new(format!("{field}.divide"), by, "a number of 1e-6 to 1e12 in size"))
        }
        Transform::Log1p if low <= -1.0 => {
            let value = format!("log1p of what may be {low}");
            Err(Fault::new(field, value, "of what is above -1: clip it before"))
        }
        _ => Ok(()),
    }
}

fn check_levels(
    field: &str,
    levels: &[Level],
    kind: Kind,
    inputs: &[Option<&DomainInput>],
) -> Result<(), Fault> {
    if levels.is_empty() || levels.len() > MAX_VALUES {
        return Err(Fault::new(
            field,
            format!("a list of {}", levels.len()),
            format!("1 to {MAX_VALUES} levels"),
        ));
    }
    for (i, level) in levels.iter().enumerate() {
        check_level(field, level, kind, inputs)?;
        if levels[..i].contains(level) {
            return Err(Fault::new(field, format!("{:?} again", level.to_string()), "each level once"));
        }
    }
    Ok(())
}

/// Refuses a level that is not of the kind of what comes there, or that it can never be; `inputs` are what comes there as it is.
fn check_level(field: &str, level: &Level, kind: Kind, inputs: &[Option<&DomainInput>]) -> Result<(), Fault> {
    let fits = match (level, kind) {
        (Level::Number(x), Kind::Number(..) | Kind::Hour) => x.is_finite(),
        (Level::Flag(_), Kind::Flag) => true,
        (Level::Text(text), Kind::Text) => !text.is_empty() && text.len() <= 256 && !text.contains('\0'),
        _ => false,
    };
    let can_be = match (level, kind.range()) {
        _ if !inputs.is_empty() => inputs.iter().any(|input| input.is_none_or(|input| may_be(input, level))),
        (Level::Number(x), Some((low, high))) => (low..=high).contains(x),
        _ => true,
    };
    if fits && can_be {
        return Ok(());
    }
    let value = match level {
        Level::Text(text) => format!("{text:?}"),
        other => other.to_string(),
    };
    let allowed = match kind {
        _ if fits && !inputs.is_empty() => {
            let all: BTreeSet<String> = inputs.iter().flatten().map(|input| input.allowed()).collect();
            all.into_iter().collect::<Vec<_>>().join(", or ")
        }
        Kind::Number(low, high) if fits => format!("a number in [{low}, {high}], as comes there"),
        Kind::Number(..) | Kind::Hour => "a number".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Text => "a text of 1 to 256 bytes".to_owned(),
    };
    Err(Fault::new(field, value, allowed))
}

/// Whether an input may be this.
fn may_be(input: &DomainInput, level: &Level) -> bool {
    match level {
        Level::Flag(_) => true,
        Level::Number(x) => input.of_number(*x).is_ok(),
        Level::Text(text) => input.of_text(text).is_ok(),
    }
}

/// Names of the values that a stated dimension makes.
pub(super) fn value_names(
    stated: &RawDimension,
    width: usize,
    all: &[RawDimension],
    parts: &[ValueGroup],
) -> Vec<String> {
    let name = &stated.name;
    if !stated.cross.is_empty() {
        let mut names = vec![String::new()];
        for factor in &stated.cross {
            let Some(place) = all.iter().position(|other| other.name == *factor) else { continue };
            let own = value_names(&all[place], parts[place].width, all, parts);
            let with = |name: &String, own: &String| {
                if name.is_empty() { own.clone() } else { format!("{name}*{own}") }
            };
            names = names.iter().flat_map(|name| own.iter().map(move |own| with(name, own))).collect();
        }
        return names;
    }
    match stated.steps.last() {
        Some(Transform::Cyclic) => vec![format!("{name}_sin"), format!("{name}_cos")],
        Some(Transform::OneHot(levels)) => levels.iter().map(|level| format!("{name}={level}")).collect(),
        Some(Transform::Hash { .. }) => (0..width).map(|i| format!("{name}#{i}")).collect(),
        _ => vec![name.clone()],
    }
}
