//! Requests that programs are checked with, of whatever domain they decide about.

use crate::domain::profile::{PROFILE_FEATURES, Profile, ProfileValues};
use crate::domain::request::{Candidate, Context, RawRequest, Request};
use crate::domain::{Domain, DomainInput, InputOf, InputType};
use crate::policy::rng::DecisionRng;
use serde_json::{Map, Value, json};
use smol_str::{SmolStr, format_smolstr};

/// Numbers of a domain without a range are drawn from one of this size.
const SPAN: f64 = 100.0;

/// A request with 1 to 12 candidates, of which something is known.
pub(super) fn any(domain: &'static Domain, rng: &mut DecisionRng) -> Request {
    if domain.is_tips() {
        return any_tips(rng);
    }
    let ids = (0..=rng.below(12)).map(|k| format_smolstr!("c{k}")).collect();
    declared(domain, ids, |input| {
        let is_known = input.required || rng.below(3) > 0;
        is_known.then(|| any_value(input, rng))
    })
}

/// What few would ask, and what it is.
pub(super) fn odd(domain: &'static Domain) -> Vec<(&'static str, Request)> {
    let odd_names = ["\"\\\n\u{1}\u{7f}", "日本語 \u{1f980} e\u{301}", "null", " ", "NaN"];
    let names = [
        ("one candidate of which nothing is known", vec!["only".into()]),
        ("500 candidates", (0..500).map(|k| format_smolstr!("c{k}")).collect()),
        ("names with quotes, control characters and other scripts", odd_names.map(SmolStr::from).to_vec()),
        ("the longest name", vec!["x".repeat(256).into(), "y".into()]),
    ];
    if domain.is_tips() {
        let moments = [(0.0, 0), (12.0, 6), (23.999, 3), (12.0, 0)];
        let plain = |id| Candidate { text: None, id, ..Candidate::default() };
        let of_names = names.into_iter().zip(moments).map(|((what, names), (hour, weekday))| {
            let candidates = names.into_iter().map(plain).collect();
            (what, checked(RawRequest::new(Context { hour, weekday }, candidates, None)))
        });
        let full = vec![full("a", 1.0), full("b", -1.0)];
        let largest = RawRequest::new(Context { hour: 0.0, weekday: 5 }, full, None);
        return of_names.chain([("the largest and smallest numbers", checked(largest))]).collect();
    }
    let least = |input: &DomainInput| input.required.then(|| extreme(input, false));
    let of_names = names.into_iter().map(|(what, names)| (what, declared(domain, names, least)));
    let two = || vec!["a".into(), "b".into()];
    let extremes = [("the largest numbers", true), ("the smallest numbers", false)];
    let extremes = extremes
        .map(|(what, largest)| (what, declared(domain, two(), |input| Some(extreme(input, largest)))));
    of_names.chain(extremes).collect()
}

/// A request of a declared domain: what `value` gives is said of each input.
fn declared(
    domain: &'static Domain,
    ids: Vec<SmolStr>,
    mut value: impl FnMut(&DomainInput) -> Option<Value>,
) -> Request {
    let mut said = |of: InputOf| -> Map<String, Value> {
        let inputs = domain.inputs_of(of);
        inputs.filter_map(|input| Some((input.name.clone(), value(input)?))).collect()
    };
    let context = said(InputOf::Context);
    let candidates: Vec<Value> = ids
        .into_iter()
        .map(|id| {
            let mut candidate = said(InputOf::Candidate);
            candidate.insert("id".to_owned(), id.as_str().into());
            candidate.into()
        })
        .collect();
    let request =
        json!({"context": context, "candidates": candidates, "profile_features": said(InputOf::Profile)});
    let text = request.to_string();
    Request::from_json_of(domain, text.as_bytes(), "request")
        .expect("the requests of the checks are in range")
}

/// A value that the input may have.
fn any_value(input: &DomainInput, rng: &mut DecisionRng) -> Value {
    let (low, high) = input.range();
    let low = low.max(high.min(0.0) - SPAN);
    let high = high.min(low + SPAN);
    match (input.kind, &input.levels) {
        (InputType::Number, _) if input.whole => {
            let count = (high.floor() - low.ceil()).max(0.0) as usize + 1;
            (low.ceil() + rng.below(count) as f64).into()
        }
        (InputType::Number, _) => (low + (high - low) * rng.below(101) as f64 / 100.0).into(),
        (InputType::Hour, _) => (rng.below(96) as f64 / 4.0).into(),
        (InputType::Flag, _) => (rng.below(2) == 1).into(),
        (InputType::Category, Some(levels)) => levels[rng.below(levels.len())].as_str().into(),
        (InputType::Category, None) => ["red", "green", "blue", "none of them"][rng.below(4)].into(),
    }
}

/// The largest value that the input may have, or the smallest.
fn extreme(input: &DomainInput, largest: bool) -> Value {
    let (low, high) = input.range();
    let (low, high) = if input.whole { (low.ceil(), high.floor()) } else { (low, high) };
    match (input.kind, &input.levels) {
        (InputType::Number, _) => (if largest { high } else { low }).into(),
        (InputType::Hour, _) => (if largest { 23.75 } else { 0.0 }).into(),
        (InputType::Flag, _) => largest.into(),
        (InputType::Category, Some(levels)) => {
            levels[if largest { levels.len() - 1 } else { 0 }].as_str().into()
        }
        (InputType::Category, None) => "a text that nobody has met".into(),
    }
}

/// The same of the domain that is built in.
fn any_tips(rng: &mut DecisionRng) -> Request {
    let kinds = ["focus", "rest", "move", "plan"];
    let mut some = |value: f64| (rng.below(3) > 0).then_some(value);
    let mut values = ProfileValues::default();
    for (value, feature) in values.0.iter_mut().zip(&PROFILE_FEATURES) {
        *value = some(feature.minimum + (feature.maximum - feature.minimum).min(20.0) * 0.75);
    }
    let candidates = (0..=rng.below(12)).map(|k| Candidate {
        text: None,
        id: format_smolstr!("c{k}"),
        kind: Some(kinds[rng.below(4)].into()),
        priority: (rng.below(2) > 0).then(|| rng.below(101) as f64 / 100.0),
        due_in_days: (rng.below(2) > 0).then(|| rng.below(18) as f64 - 3.0),
        effort_minutes: (rng.below(2) > 0).then(|| [5.0, 15.0, 30.0, 90.0][rng.below(4)]),
        hour: (rng.below(3) == 0).then(|| 6.0 + rng.below(16) as f64),
    });
    let candidates: Vec<Candidate> = candidates.collect();
    let context = Context { hour: rng.below(96) as f64 / 4.0, weekday: rng.below(7) as u8 };
    let profile = (rng.below(4) > 0).then(|| Profile::new(values, Vec::new()));
    checked(RawRequest::new(context, candidates, profile))
}

fn checked(raw: RawRequest) -> Request {
    Request::try_from(raw).expect("the requests of the checks are in range")
}

/// A candidate of which the largest or smallest numbers are said.
fn full(id: &str, sign: f64) -> Candidate {
    Candidate {
        text: None,
        id: id.into(),
        kind: Some("a kind that nobody has met".into()),
        priority: Some(if sign > 0.0 { 1.0 } else { 0.0 }),
        due_in_days: Some(sign * 365_250.0),
        effort_minutes: Some(525_600.0),
        hour: Some(23.75),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_any_domain_are_in_range() {
        let file = r#"
name = "any"
inputs = [
  { of = "context", name = "a", type = "number", minimum = 7, maximum = 7.5, required = true },
  { of = "candidate", name = "b", type = "number", whole = true, maximum = -1000.5 },
  { of = "candidate", name = "c", type = "hour" }, { of = "profile", name = "d", type = "flag" },
  { of = "candidate", name = "e", type = "category", levels = ["x", "y"], required = true },
  { of = "context", name = "f", type = "category" }, { of = "profile", name = "g", type = "number", minimum = -1e12 },
]
outcomes = [{ name = "won", reward = 1 }]
"#;
        for domain in [Domain::from_toml(file, "any.toml").unwrap(), Domain::tips()] {
            let mut rng = DecisionRng::new(7);
            for _ in 0..200 {
                assert!((1..=12).contains(&any(domain, &mut rng).candidates().len()));
            }
            assert!(odd(domain).len() >= 5);
        }
    }
}
