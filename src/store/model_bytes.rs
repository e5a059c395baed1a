//! A model as bytes: what the column `state.model` holds.
//!
//! All numbers are little-endian. First come a format number (1 byte), the updates (8 bytes), the sum of rewards
//! (8 bytes) and the number of kinds (4 bytes). Each kind has the length of its name (2 bytes, 65535 for candidates
//! without a kind), the name, its updates (8 bytes), and the doubles of A, b, A^-1 and theta, the matrices as lower
//! triangles, row by row. Under a learned prior A and b are the sums over observations alone. A^-1 and theta are carried
//! along from update to update, so that a model that is read back goes on with the same bits.
//!
//! What a program has learned has format 3: the updates and the sum of rewards likewise, then its state as JSON.

use crate::policy::{KindModel, Model, Policy, RidgeNumbers};
use serde::de::IgnoredAny;
use smol_str::SmolStr;

/// The format that is written and read.
const FORMAT: u8 = 1;
/// The same, of a model that went over to another prior since it began: its numbers are what learning under that one gives
/// but for rounding.
const FORMAT_MOVED: u8 = 2;
/// The format of what a program has learned.
const PROGRAM: u8 = 3;
/// Stands for the length of the name of candidates without a kind.
const NO_KIND: u16 = u16::MAX;

/// The bytes of a model.
pub fn encode(model: &Model) -> Vec<u8> {
    if let Some(state) = model.program_state() {
        let mut out = Vec::with_capacity(17 + state.len());
        out.push(PROGRAM);
        out.extend(model.updates().to_le_bytes());
        out.extend(model.reward_sum().to_le_bytes());
        out.extend(state.as_bytes());
        return out;
    }
    // In the order in which a line of JSON has them, too: what was learned, not when, says what the bytes are.
    let mut parts: Vec<&KindModel> = model.kind_models().iter().collect();
    parts.sort_by(|a, b| a.kind.cmp(&b.kind));
    let doubles = model.dim() * (model.dim() + 3);
    let mut out = Vec::with_capacity(21 + parts.len() * (16 + 8 * doubles));
    out.push(if model.has_moved() { FORMAT_MOVED } else { FORMAT });
    out.extend(model.updates().to_le_bytes());
    out.extend(model.reward_sum().to_le_bytes());
    out.extend((parts.len() as u32).to_le_bytes());
    for part in parts {
        let kind = part.kind.as_deref();
        out.extend(kind.map_or(NO_KIND, |kind| kind.len() as u16).to_le_bytes());
        out.extend(kind.unwrap_or_default().as_bytes());
        out.extend(part.ridge.updates().to_le_bytes());
        let RidgeNumbers { a, b, a_inverse, theta, .. } = part.ridge.numbers();
        for values in [a, b, a_inverse, theta] {
            values.iter().for_each(|value| out.extend(value.to_le_bytes()));
        }
    }
    out
}

/// The model in these bytes, which `policy` learned.
///
/// # Errors
/// What is wrong with them: another format, too few or too many bytes, numbers that are not finite.
pub fn decode(bytes: &[u8], policy: &Policy) -> Result<Model, String> {
    let mut bytes = Reader(bytes);
    let format = bytes.take::<1>()?[0];
    if ![FORMAT, FORMAT_MOVED, PROGRAM].contains(&format) {
        let known = format!("{FORMAT}, {FORMAT_MOVED} and {PROGRAM}");
        return Err(format!("its model has format {format}; this program knows {known}"));
    }
    let updates = u64::from_le_bytes(bytes.take()?);
    let reward_sum = f64::from_le_bytes(bytes.take()?);
    match (format, policy.program()) {
        (PROGRAM, Some(_)) => {
            let state = std::str::from_utf8(bytes.0).map_err(|e| e.to_string())?;
            serde_json::from_str::<IgnoredAny>(state).map_err(|e| format!("its state is no JSON: {e}"))?;
            return Ok(policy.new_model().of_program(Some(state.into()), updates, reward_sum));
        }
        (PROGRAM, None) => return Err("its model is a program's, and its policy is none".to_owned()),
        // One that has learned nothing has no state either.
        (_, Some(_)) if updates > 0 => {
            return Err("its model is no program's, and its policy is one".to_owned());
        }
        _ => {}
    }
    let kinds = u32::from_le_bytes(bytes.take()?);
    let dim = policy.features().dim();
    let mut parts = Vec::new();
    for _ in 0..kinds {
        let length = u16::from_le_bytes(bytes.take()?);
        let kind = if length == NO_KIND {
            None
        } else {
            let name = std::str::from_utf8(bytes.slice(length.into())?).map_err(|e| e.to_string())?;
            Some(SmolStr::from(name))
        };
        let updates = u64::from_le_bytes(bytes.take()?);
        let triangle = dim * (dim + 1) / 2;
        let [a, b, a_inverse, theta] = [triangle, dim, triangle, dim].map(|count| bytes.doubles(count));
        let numbers = RidgeNumbers { updates, a: a?, b: b?, a_inverse: a_inverse?, theta: theta? };
        let ridge = policy.new_ridge(kind.as_deref());
        let ridge = ridge.with_kept_numbers(&numbers).map_err(|e| e.to_string())?;
        parts.push(KindModel { kind, ridge });
    }
    if !bytes.0.is_empty() {
        return Err(format!("{} bytes follow its model", bytes.0.len()));
    }
    Ok(Model::restore(policy, parts, updates, reward_sum).moved(format == FORMAT_MOVED))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn slice(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("its model ends too soon")?;
        self.0 = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.slice(N)?.try_into().expect("as long as asked for"))
    }

    fn doubles(&mut self, count: usize) -> Result<Vec<f64>, String> {
        let bytes = self.slice(8 * count)?.as_chunks().0;
        Ok(bytes.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::request::Request;
    use crate::policy::Scratch;
    use crate::store::state::{Observation, State, apply};
    use proptest::prelude::*;
    use std::sync::Arc;

    fn learned(policy: &Policy, kinds: &[Option<&str>]) -> Model {
        let mut state = State::new("ann", &Arc::new(policy.clone()));
        for (i, kind) in kinds.iter().enumerate() {
            let kind = kind.map_or_else(String::new, |kind| format!(r#","kind":"{kind}""#));
            let text = format!(
                r#"{{"context":{{"hour":{},"weekday":1}},"candidates":[{{"id":"a"{kind}}}]}}"#,
                i % 24
            );
            let shown = Request::from_json(text.as_bytes(), "test").unwrap().shown(0);
            let observation = Observation { shown, reward: 0.25 * i as f64 };
            apply(&mut state.model, policy, &observation, &mut Scratch::default()).unwrap();
        }
        state.model
    }

    #[test]
    fn a_model_reads_back_to_the_bit() {
        let toml = "name = \"d\"\nexplorer = \"egreedy\"\nfeatures = \"v2\"\nstructure = \"disjoint\"\n";
        let disjoint = Policy::from_toml(toml, "d.toml").unwrap();
        for policy in [&disjoint, &Policy::named("egreedy-v1").unwrap()] {
            let model = learned(policy, &[Some("focus"), None, Some("rest"), Some("focus")]);
            let bytes = encode(&model);
            assert_eq!(encode(&decode(&bytes, policy).unwrap()), bytes);
            assert_eq!(
                encode(&decode(&encode(&policy.new_model()), policy).unwrap()),
                encode(&policy.new_model())
            );
        }
    }

    #[test]
    fn what_a_program_knows_reads_back_and_is_no_other_policys() {
        let toml = "name = \"mine\"\ncommand = [\"mine\"]\n";
        let (program, other) =
            (Policy::from_toml(toml, "mine.toml").unwrap(), Policy::named("egreedy-v1").unwrap());
        let blank = program.new_model();
        assert_eq!(decode(&encode(&blank), &program).unwrap(), blank);
        let mut model = blank;
        model.replace_program_state(r#"{"a":[1, 2]}"#.into(), 0.25);
        let bytes = encode(&model);
        assert_eq!(decode(&bytes, &program).unwrap(), model);
        assert!(decode(&bytes, &other).unwrap_err().contains("a program's"));
        assert!(decode(&encode(&learned(&other, &[None])), &program).unwrap_err().contains("no program's"));
        assert!(decode(&bytes[..bytes.len() - 1], &program).unwrap_err().contains("no JSON"));
    }

    proptest! {
        #[test]
        fn other_bytes_are_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300),
                                                      cut in 0usize..600) {
            let policy = Policy::named("egreedy-v1").unwrap();
            let _ = decode(&bytes, &policy);
            let whole = encode(&learned(&policy, &[Some("focus")]));
            let cut = cut.min(whole.len());
            prop_assert_eq!(decode(&whole[..cut], &policy).is_ok(), cut == whole.len());
        }
    }
}
