//! A feature set compiled from its file: what makes the vector of a candidate out of a domain's inputs.

use super::chain::{Chain, Made, ValueGroup, write_cross};
use super::compiler::{Compiler, value_names};
use super::dimension::{Dimension, Input};
use super::file::{RawDimension, RawFeatureSet, Transform};
use crate::base::digest::of_value;
use crate::base::error::{Fault, Result};
use crate::domain::{Domain, DomainInput, InputOf, InputSlot, InputValue, check_name};
use serde::{Serialize, Serializer};

/// Most dimensions of a feature set.
pub const MAX_DIMS: usize = 256;
/// Most dimensions that the file states.
const MAX_STATED: usize = 1_024;

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

impl DeclaredSet {
    /// Compiles what a file states.
    ///
    /// # Errors
    /// What is not allowed, with its field.
    pub(super) fn compile(raw: RawFeatureSet) -> Result<Self, Fault> {
        check_name("name", &raw.name)?;
        let domain = raw.domain.known()?;
        if raw.dimensions.is_empty() || raw.dimensions.len() > MAX_STATED {
            let value = format!("a list of {}", raw.dimensions.len());
            return Err(Fault::new("dimensions", value, format!("1 to {MAX_STATED}")));
        }
        let mut compiler = Compiler::new(domain);
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
