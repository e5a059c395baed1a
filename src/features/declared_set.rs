//! A feature set compiled from its file: what makes the vector of a candidate out of a domain's inputs.

use super::dimension::{Dimension, Input};
use super::file::{Level, RawDimension, RawFeatureSet, Transform};
use super::hashing::place_and_sign;
use super::values::Clock;
use crate::base::digest::of_value;
use crate::base::error::{Error, Fault, Result, within};
use crate::domain::{
    Domain, DomainInput, DomainRef, InputOf, InputSlot, InputType, InputValue, check_name, check_word,
};
use serde::{Serialize, Serializer};

/// Most dimensions of a feature set.
pub const MAX_DIMS: usize = 256;
/// Most values that are computed for a vector, the hidden ones among them.
const MAX_VALUES: usize = 4_096;
/// Most dimensions that the file states.
const MAX_STATED: usize = 1_024;
/// Most bits of a hash: so many that all its dimensions fit.
const MAX_BITS: u32 = 8;
/// The largest size of a value: the squares of larger ones would leave nothing of the ridge prior.
const LARGEST: f64 = 100.0;

/// A feature set that a file declares, checked and compiled.
#[derive(Debug)]
pub struct DeclaredSet {
    raw: RawFeatureSet,
    domain: &'static Domain,
    digest: String,
    parts: Vec<ValueGroup>,
    /// How many values are computed.
    values: usize,
    /// Which of them are the vector, in order.
    outputs: Vec<usize>,
    names: Vec<&'static str>,
    dimensions: Vec<Dimension>,
    uses_profile: bool,
}

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
    steps: Vec<Transform>,
    unknown: f64,
    /// What is hashed has its input's name before it.
    hashed_as: String,
}

/// A value on its way through a chain.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Passing<'a> {
    Number(f64),
    Text(&'a str),
}

/// What a chain makes of its input, step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedDimension {
    /// The dimension as the file names it.
    pub dimension: String,
    /// What it is made from, with its value: of several inputs the first that is known.
    pub input: Option<String>,
    /// Its value; `None` where it is unknown or there is no input.
    pub value: Option<serde_json::Value>,
    /// Each step, and what it made.
    pub steps: Vec<(String, Vec<f64>)>,
    /// Names and values of what it is in the vector.
    pub values: Vec<(String, f64)>,
    /// Whether it is there for crosses alone.
    pub hidden: bool,
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
    fn of_number(&self, x: f64) -> f64 {
        match self {
            Self::Clip { minimum, maximum } => {
                let x = minimum.map_or(x, |low| x.max(low));
                maximum.map_or(x, |high| x.min(high))
            }
            Self::Log1p => libm::log1p(x),
            Self::Divide(by) => x / by,
            Self::Logistic => 1.0 / (1.0 + libm::exp(-x)),
            _ => x,
        }
    }
}

/// Multiplies every value of each factor with every one of the others, the last factor changing fastest.
pub(crate) fn write_cross(factors: &[(usize, usize)], before: &[f64], out: &mut [f64]) {
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

impl DeclaredSet {
    /// Compiles what a file states.
    ///
    /// # Errors
    /// What is not allowed, with its field.
    pub(super) fn compile(raw: RawFeatureSet) -> Result<Self, Fault> {
        check_name("name", &raw.name)?;
        let DomainRef::Is(domain) = raw.domain else {
            let allowed =
                "a name, or a file where a policy's file or the command line names the feature set's";
            let DomainRef::File(path) = &raw.domain else { unreachable!() };
            return Err(Fault::new("domain", format!("{path:?}"), allowed));
        };
        if raw.dimensions.is_empty() || raw.dimensions.len() > MAX_STATED {
            let value = format!("a list of {}", raw.dimensions.len());
            return Err(Fault::new("dimensions", value, format!("1 to {MAX_STATED}")));
        }
        let mut compiler = Compiler { domain, parts: Vec::new(), names: Vec::new(), ranges: Vec::new() };
        for (i, dimension) in raw.dimensions.iter().enumerate() {
            let place = format!("dimensions[{i}]");
            compiler.add(dimension, &raw.dimensions[..i]).map_err(|fault| fault.within(&place))?;
        }
        let Compiler { parts, names, .. } = compiler;
        let shown = |(part, stated): (&ValueGroup, &RawDimension)| {
            (!stated.hidden).then_some(part.first..part.first + part.width)
        };
        let outputs: Vec<usize> = parts.iter().zip(&raw.dimensions).filter_map(shown).flatten().collect();
        if outputs.is_empty() || outputs.len() > MAX_DIMS {
            let allowed = format!("1 to {MAX_DIMS} of them, all in all");
            return Err(Fault::new("dimensions", format!("{} dimensions", outputs.len()), allowed));
        }
        let names: Vec<&'static str> = outputs.iter().map(|i| leak(&names[*i])).collect();
        if let Some(i) = (1..names.len()).find(|i| names[..*i].contains(&names[*i])) {
            return Err(Fault::new("dimensions", format!("{:?} twice", names[i]), "each name once"));
        }
        let of_profile = |slot: &InputSlot| {
            use crate::domain::TipsInput;
            matches!(slot, InputSlot::Declared(InputOf::Profile, _) | InputSlot::Tips(TipsInput::Profile(_)))
        };
        let uses_profile = parts.iter().any(|part| match &part.made {
            Made::Of(chain) => chain.inputs.iter().chain(&chain.other).any(of_profile),
            _ => false,
        });
        let digest = of_value(&(domain.digest(), &raw.dimensions));
        let values = parts.last().map_or(0, |part| part.first + part.width);
        let mut set =
            Self { raw, domain, digest, parts, values, outputs, names, dimensions: Vec::new(), uses_profile };
        set.dimensions = set.described();
        Ok(set)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// The domain whose inputs it looks at.
    pub fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// SHA-256, in hexadecimal, of what it makes of which inputs, whatever it is called.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What its file states.
    pub fn raw(&self) -> &RawFeatureSet {
        &self.raw
    }

    /// Number of dimensions, D.
    pub fn dim(&self) -> usize {
        self.outputs.len()
    }

    /// Names of the dimensions, in order.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// What each dimension is made from, in order.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }

    /// Whether the profile is looked at.
    pub fn uses_profile(&self) -> bool {
        self.uses_profile
    }

    /// What makes its values, in order.
    pub(crate) fn parts(&self) -> &[ValueGroup] {
        &self.parts
    }

    /// Which values are the vector.
    pub(crate) fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// How many values are computed.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Writes the vector of a candidate whose inputs `of` gives into `row`; `values` is memory.
    pub fn write<'v>(
        &self,
        of: impl Fn(InputSlot) -> InputValue<'v>,
        values: &mut Vec<f64>,
        row: &mut [f64],
    ) {
        self.compute(of, values);
        for (out, i) in row.iter_mut().zip(&self.outputs) {
            *out = values[*i];
        }
    }

    fn compute<'v>(&self, of: impl Fn(InputSlot) -> InputValue<'v>, values: &mut Vec<f64>) {
        values.clear();
        values.resize(self.values, 0.0);
        for part in &self.parts {
            let (before, out) = values.split_at_mut(part.first);
            let out = &mut out[..part.width];
            match &part.made {
                Made::Constant(x) => out[0] = *x,
                Made::Cross(factors) => write_cross(factors, before, out),
                Made::Of(chain) => {
                    let other = chain.other.map_or(InputValue::Unknown, &of);
                    chain.write(first_known(&chain.inputs, &of).1, other, out);
                }
            }
        }
    }

    /// How the vector of a candidate comes about.
    pub fn explain<'v>(&self, of: impl Fn(InputSlot) -> InputValue<'v>) -> Vec<ExplainedDimension> {
        let mut values = Vec::new();
        self.compute(&of, &mut values);
        let explained = self.parts.iter().zip(&self.raw.dimensions).map(|(part, stated)| {
            let own = &values[part.first..part.first + part.width];
            let named = |(i, x): (usize, &f64)| (self.value_name(stated, part, i), *x);
            let mut explained = ExplainedDimension {
                dimension: stated.name.clone(),
                input: None,
                value: None,
                steps: Vec::new(),
                values: own.iter().enumerate().map(named).collect(),
                hidden: stated.hidden,
            };
            if let Made::Of(chain) = &part.made {
                let (place, value) = first_known(&chain.inputs, &of);
                explained.input = Some(stated.input.0[place.unwrap_or(0)].clone());
                explained.value = match value {
                    InputValue::Unknown => None,
                    InputValue::Number(x) => Some(x.into()),
                    InputValue::Text(text) => Some(text.into()),
                };
                if value != InputValue::Unknown {
                    for n in 1..=chain.steps.len() {
                        let shorter = Chain { steps: chain.steps[..n].to_vec(), ..chain.clone() };
                        let width = if n == chain.steps.len() { part.width } else { 1 };
                        let mut out = vec![0.0; width];
                        shorter.write(value, chain.other.map_or(InputValue::Unknown, &of), &mut out);
                        explained.steps.push((chain.steps[n - 1].to_string(), out));
                    }
                }
            }
            explained
        });
        explained.collect()
    }

    fn value_name(&self, stated: &RawDimension, part: &ValueGroup, i: usize) -> String {
        value_names(stated, part.width, &self.raw.dimensions, &self.parts)[i].clone()
    }

    fn described(&self) -> Vec<Dimension> {
        let place = |path: &str| match path.split_once('.') {
            Some(("candidate", name)) => format!("candidates[].{name}"),
            Some(("profile", name)) => format!("profile_features.{name}"),
            _ => path.to_owned(),
        };
        let mut described = Vec::new();
        for (part, stated) in self.parts.iter().zip(&self.raw.dimensions).filter(|(_, stated)| !stated.hidden)
        {
            let steps: Vec<String> = stated.steps.iter().map(Transform::to_string).collect();
            let (input, normalization, unknown) = match &part.made {
                Made::Constant(x) => (Input::Constant, x.to_string(), None),
                Made::Cross(_) => (Input::Constant, format!("product of {}", stated.cross.join(", ")), None),
                Made::Of(chain) => {
                    let source =
                        stated.input.0.iter().map(|path| place(path)).collect::<Vec<_>>().join(", else ");
                    let declared = self.domain.find(&stated.input.0[0]).ok().and_then(|(input, _)| input);
                    let dtype = declared.map_or("string", DomainInput::dtype);
                    let steps = if steps.is_empty() { "as it is".to_owned() } else { steps.join(", then ") };
                    (Input::Request(leak(&source), leak(dtype)), steps, Some(chain.unknown))
                }
            };
            let normalization = leak(&normalization);
            for _ in 0..part.width {
                let name = self.names[described.len()];
                described.push(Dimension { name, input, normalization, unknown });
            }
        }
        described
    }
}

impl Serialize for DeclaredSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

/// A text that stays: sets are compiled once for each content.
fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// The first input that is known, and what it is.
fn first_known<'v>(
    inputs: &[InputSlot],
    of: impl Fn(InputSlot) -> InputValue<'v>,
) -> (Option<usize>, InputValue<'v>) {
    for (i, slot) in inputs.iter().enumerate() {
        let value = of(*slot);
        if value != InputValue::Unknown {
            return (Some(i), value);
        }
    }
    (None, InputValue::Unknown)
}

/// Names of the values that a stated dimension makes.
fn value_names(
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

struct Compiler {
    domain: &'static Domain,
    parts: Vec<ValueGroup>,
    names: Vec<String>,
    /// Smallest and largest value that each part makes.
    ranges: Vec<(f64, f64)>,
}

impl Compiler {
    fn add(&mut self, stated: &RawDimension, before: &[RawDimension]) -> Result<(), Fault> {
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
    fn inputs_of(&self, stated: &RawDimension) -> Result<(Vec<InputSlot>, Kind), Fault> {
        let mut inputs = Vec::new();
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
            inputs.push(slot);
        }
        Ok((inputs, kind.expect("there is an input")))
    }

    fn chain(&self, stated: &RawDimension) -> Result<(Made, usize, (f64, f64)), Fault> {
        let (inputs, mut kind) = self.inputs_of(stated)?;
        let (mut other, mut width) = (None, 1);
        for (i, step) in stated.steps.iter().enumerate() {
            let field = format!("steps[{i}]");
            let is_last = i + 1 == stated.steps.len();
            let refused =
                |allowed: &str| Err(Fault::new(&field, format!("\"{step}\" of {}", kind.name()), allowed));
            kind = match (step, kind) {
                (Transform::Equals(level), kind) => {
                    check_level(&field, level, kind)?;
                    Kind::Number(0.0, 1.0)
                }
                (Transform::In(levels), kind) => {
                    check_levels(&field, levels, kind)?;
                    Kind::Number(0.0, 1.0)
                }
                (Transform::OneHot(..) | Transform::Cyclic | Transform::Hash { .. }, _) if !is_last => {
                    return refused("as the last step");
                }
                (Transform::OneHot(levels), kind) => {
                    check_levels(&field, levels, kind)?;
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
        let unknown = stated.unknown.unwrap_or(0.0);
        let path = &stated.input.0[0];
        let hashed_as = path.split_once('.').map_or(path.as_str(), |(_, name)| name).to_owned();
        let chain = Chain { inputs, other, steps: stated.steps.clone(), unknown, hashed_as };
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

fn check_levels(field: &str, levels: &[Level], kind: Kind) -> Result<(), Fault> {
    if levels.is_empty() || levels.len() > MAX_VALUES {
        return Err(Fault::new(
            field,
            format!("a list of {}", levels.len()),
            format!("1 to {MAX_VALUES} levels"),
        ));
    }
    for (i, level) in levels.iter().enumerate() {
        check_level(field, level, kind)?;
        if levels[..i].contains(level) {
            return Err(Fault::new(field, format!("{:?} again", level.to_string()), "each level once"));
        }
    }
    Ok(())
}

fn check_level(field: &str, level: &Level, kind: Kind) -> Result<(), Fault> {
    let fits = match (level, kind) {
        (Level::Number(x), Kind::Number(..) | Kind::Hour) => x.is_finite(),
        (Level::Flag(_), Kind::Flag) => true,
        (Level::Text(text), Kind::Text) => !text.is_empty() && text.len() <= 256 && !text.contains('\0'),
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let value = match level {
        Level::Text(text) => format!("{text:?}"),
        other => other.to_string(),
    };
    let allowed = match kind {
        Kind::Number(..) | Kind::Hour => "a number",
        Kind::Flag => "true or false",
        Kind::Text => "a text of 1 to 256 bytes",
    };
    Err(Fault::new(field, value, allowed))
}
