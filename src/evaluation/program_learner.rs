//! A program with what it has learned from the log so far, of each user. It is shown requests: as they were logged, or,
//! where a log has none, what it says of the decision, put as one. Decisions of different users are asked together, those of
//! one user one after the other, for each of them knows what was learned from those before.

use super::inputs::InputPlaces;
use super::log::LogVocabulary;
use super::refusal::LogRefusal;
use super::row::Row;
use crate::base::error::{Error, Result};
use crate::domain::request::{Candidate, Context, RawRequest, Request};
use crate::domain::{DomainInput, InputOf, InputType, InputValue};
use crate::policy::program::{DecideCall, Program, WhichCall};
use crate::policy::{Model, Policy};
use crate::store::{Observation, Taught, learn_by};
use serde_json::{Map, Value};
use smol_str::SmolStr;
use std::collections::{HashMap, VecDeque};

/// A program that learns from a log.
pub struct ProgramLearner {
    policy: Policy,
    frozen: bool,
    /// Names of the log's own items, and of kinds and users where it has any.
    items: Vec<SmolStr>,
    kinds: Vec<SmolStr>,
    users: Vec<String>,
    models: Vec<Model>,
    /// Where the inputs of its domain stand in a row, and what their codes mean, unless the domain is built in.
    inputs: Option<(InputPlaces, LogVocabulary)>,
    /// What was answered of decisions that are yet to be weighed, in their order.
    answered: VecDeque<Vec<f64>>,
    /// How many decisions it was asked about.
    decisions: u64,
}

/// A decision that it is asked about.
struct AskedRow<'r> {
    row: &'r Row,
    /// Its number in the log, from 1.
    number: u64,
    request: Request,
    text: String,
}

impl ProgramLearner {
    /// Knows `models` of the users, by number; nothing of the others. The log has so many items of its own.
    pub(super) fn new(policy: Policy, names: &LogVocabulary, items: usize, models: Vec<Model>) -> Self {
        let domain = policy.features().domain();
        let inputs = (!domain.is_tips()).then(|| (InputPlaces::new(domain), names.of_inputs()));
        Self {
            policy,
            inputs,
            frozen: false,
            items: (0..items as u32).map(|item| names.items.name(item).into()).collect(),
            kinds: (0..names.kinds.len() as u32).map(|kind| names.kinds.name(kind).into()).collect(),
            users: (0..names.users.len() as u32).map(|user| names.users.name(user)).collect(),
            models,
            answered: VecDeque::new(),
            decisions: 0,
        }
    }

    /// The same, which learns nothing more.
    #[must_use]
    pub(super) fn frozen(self) -> Self {
        Self { frozen: true, ..self }
    }

    /// What errors call a decision.
    fn which<'a>(users: &'a [String], row: &Row, number: u64) -> WhichCall<'a> {
        WhichCall { user: users.get(row.user as usize).map_or("", String::as_str), number }
    }

    /// Asks about decisions that follow each other in the log, and lets it learn of those that `accept` takes by their place
    /// and its answer, unless it is frozen.
    ///
    /// # Errors
    /// Those of the program; a decision that cannot be put as a request.
    pub(super) fn ask(&mut self, rows: &[&Row], accept: impl Fn(usize, &[f64]) -> bool) -> Result<()> {
        let first = self.decisions;
        self.decisions += rows.len() as u64;
        let users = rows.iter().map(|row| row.user as usize + 1).max().unwrap_or(0);
        while self.models.len() < users {
            self.models.push(self.policy.new_model());
        }
        let mut answers: Vec<Vec<f64>> = vec![Vec::new(); rows.len()];
        for places in self.rounds(rows) {
            let asked = places.iter().map(|i| self.asked(rows[*i], first + *i as u64 + 1));
            let asked: Vec<AskedRow> = asked.collect::<Result<_>>()?;
            for (i, answer) in places.iter().zip(self.decide(&asked)) {
                answers[*i] = answer?;
            }
            let learned =
                places.iter().zip(asked).filter(|(i, _)| !self.frozen && accept(**i, &answers[**i]));
            let learned = learned.map(|(_, asked)| asked).collect();
            self.learn(learned)?;
        }
        self.answered.extend(answers);
        Ok(())
    }

    /// The places of rows that may be asked about together, round by round: whoever learns is asked of a user once a round.
    fn rounds(&self, rows: &[&Row]) -> Vec<Vec<usize>> {
        let (mut rounds, mut times): (Vec<Vec<usize>>, HashMap<u32, usize>) = (Vec::new(), HashMap::new());
        for (i, row) in rows.iter().enumerate() {
            let time = times.entry(row.user).or_default();
            let round = if self.frozen { 0 } else { *time };
            *time += 1;
            if round == rounds.len() {
                rounds.push(Vec::new());
            }
            rounds[round].push(i);
        }
        rounds
    }

    /// Appends its distribution over the candidates of the next decision that was asked about, or over all items where it
    /// lists none, to `out`.
    pub(super) fn distribution(&mut self, out: &mut Vec<f64>) {
        out.extend(self.answered.pop_front().expect("it was asked about"));
    }

    fn asked<'r>(&self, row: &'r Row, number: u64) -> Result<AskedRow<'r>> {
        let origin = format!("decision {number} of the log");
        let domain = self.policy.features().domain();
        let request = match (&row.request, &self.inputs) {
            (Some(text), _) => Request::from_json_of(domain, text.as_bytes(), &origin)?,
            (None, None) => Request::try_from(self.put_as_request(row)).map_err(|fault| fault.at(&origin))?,
            (None, Some(_)) if row.inputs.is_empty() => {
                let (policy, domain) = (self.policy.name().to_owned(), domain.label());
                return Err(Error::because(LogRefusal::NoInputs { policy, domain }));
            }
            (None, Some((places, names))) => {
                let text = self.put_by_inputs(row, places, names).to_string();
                Request::from_json_of(domain, text.as_bytes(), &origin)?
            }
        };
        let text = request.policy_text();
        Ok(AskedRow { row, number, request, text })
    }

    fn decide(&self, asked: &[AskedRow]) -> Vec<Result<Vec<f64>>> {
        let calls = asked.iter().map(|asked| DecideCall {
            which: Self::which(&self.users, asked.row, asked.number),
            state: self.models[asked.row.user as usize].program_state(),
            request: &asked.text,
            candidates: asked.request.candidates().len(),
        });
        let calls: Vec<DecideCall> = calls.collect();
        self.program().decide(&calls)
    }

    /// Learns of decisions of different users.
    fn learn(&mut self, asked: Vec<AskedRow>) -> Result<()> {
        let observed = asked.into_iter().map(|AskedRow { row, number, request, .. }| {
            (row, number, Observation { shown: request.shown(row.chosen as usize), reward: row.reward })
        });
        let mut observed: Vec<_> = observed.collect();
        // In the order of their users each model is lent once.
        observed.sort_by_key(|(row, ..)| row.user);
        let (users, mut rest, mut before) = (&self.users, &mut self.models[..], 0);
        let mut taught = Vec::with_capacity(observed.len());
        for (row, number, observation) in &observed {
            let own = &mut std::mem::take(&mut rest)[row.user as usize - before..];
            let (model, after) = own.split_first_mut().expect("it was made");
            (rest, before) = (after, row.user as usize + 1);
            taught.push(Taught { which: Self::which(users, row, *number), model, observation });
        }
        let program = self.policy.program().expect("only programs are asked so");
        learn_by(program, &mut taught).into_iter().collect()
    }

    fn program(&self) -> &Program {
        self.policy.program().expect("only programs are asked so")
    }

    /// What a log without requests says of a decision: its moment, and the names and kinds of what there was.
    fn put_as_request(&self, row: &Row) -> RawRequest {
        let of_item = |item: usize, kind: Option<SmolStr>| Candidate {
            id: self.items[item].clone(),
            kind: kind.filter(|kind| !kind.is_empty()),
            ..Candidate::default()
        };
        let candidates = if row.listed.is_empty() {
            (0..self.items.len()).map(|item| of_item(item, None)).collect()
        } else {
            let listed = row.listed.iter();
            listed.map(|l| of_item(l.item as usize, self.kinds.get(l.kind as usize).cloned())).collect()
        };
        RawRequest::new(row.moment.unwrap_or(Context { hour: 0.0, weekday: 0 }), candidates, None)
    }

    /// What a log says of a decision by the inputs of a domain.
    fn put_by_inputs(&self, row: &Row, places: &InputPlaces, names: &LogVocabulary) -> Value {
        let domain = self.policy.features().domain();
        let said = |of: InputOf, k: usize| -> Map<String, Value> {
            let known = |(n, input): (usize, &DomainInput)| {
                let slot = domain.slot_of(of, n)?;
                let value = match (places.value(row, names, slot, k), input.kind) {
                    (InputValue::Unknown, _) => return None,
                    (InputValue::Number(x), InputType::Flag) => (x != 0.0).into(),
                    (InputValue::Number(x), _) => x.into(),
                    (InputValue::Text(text), _) => text.into(),
                };
                Some((input.name.clone(), value))
            };
            domain.inputs_of(of).enumerate().filter_map(known).collect()
        };
        let count = if row.listed.is_empty() { self.items.len() } else { row.listed.len() };
        let candidate = |k: usize| {
            let item = row.listed.get(k).map_or(k, |listed| listed.item as usize);
            let mut candidate = said(InputOf::Candidate, k);
            candidate.insert("id".to_owned(), self.items[item].as_str().into());
            Value::Object(candidate)
        };
        let candidates: Vec<Value> = (0..count).map(candidate).collect();
        let (context, profile) = (said(InputOf::Context, 0), said(InputOf::Profile, row.chosen as usize));
        serde_json::json!({"context": context, "candidates": candidates, "profile_features": profile})
    }
}
