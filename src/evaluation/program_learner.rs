//! A program with what it has learned from the log so far, of each user. It is shown requests: as they were logged, or,
//! where a log has none, what it says of the decision, put as one.

use super::log::LogVocabulary;
use super::row::Row;
use crate::base::error::Result;
use crate::domain::request::{Candidate, Context, RawRequest, Request};
use crate::policy::program::{DecideCall, WhichCall};
use crate::policy::{Model, Policy};
use crate::store::{Observation, Taught, learn_by};
use smol_str::SmolStr;

/// A program that learns from a log.
pub struct ProgramLearner {
    policy: Policy,
    frozen: bool,
    /// Names of the log's own items, and of kinds and users where it has any.
    items: Vec<SmolStr>,
    kinds: Vec<SmolStr>,
    users: Vec<String>,
    models: Vec<Model>,
    /// What the decision that was asked about last offered.
    request: Option<Request>,
    /// How many decisions it was asked about.
    decisions: u64,
}

impl ProgramLearner {
    /// Knows `models` of the users, by number; nothing of the others. The log has so many items of its own.
    pub(super) fn new(policy: Policy, names: &LogVocabulary, items: usize, models: Vec<Model>) -> Self {
        Self {
            policy,
            frozen: false,
            items: (0..items as u32).map(|item| names.items.name(item).into()).collect(),
            kinds: (0..names.kinds.len() as u32).map(|kind| names.kinds.name(kind).into()).collect(),
            users: (0..names.users.len() as u32).map(|user| names.users.name(user)).collect(),
            models,
            request: None,
            decisions: 0,
        }
    }

    /// The same, which learns nothing more.
    #[must_use]
    pub(super) fn frozen(self) -> Self {
        Self { frozen: true, ..self }
    }

    /// What errors call the decision that was asked about last.
    fn which<'a>(users: &'a [String], row: &Row, number: u64) -> WhichCall<'a> {
        WhichCall { user: users.get(row.user as usize).map_or("", String::as_str), number }
    }

    /// Appends its distribution over the candidates of `row`, or over all items where it lists none, to `out`.
    ///
    /// # Errors
    /// Those of the program; a decision that cannot be put as a request.
    pub(super) fn distribution(&mut self, row: &Row, out: &mut Vec<f64>) -> Result<()> {
        self.decisions += 1;
        let user = row.user as usize;
        while self.models.len() <= user {
            self.models.push(self.policy.new_model());
        }
        let origin = format!("decision {} of the log", self.decisions);
        let request = match &row.request {
            Some(text) => Request::from_json(text.as_bytes(), &origin)?,
            None => Request::try_from(self.put_as_request(row)).map_err(|fault| fault.at(&origin))?,
        };
        let text = request.raw().policy_text();
        let call = DecideCall {
            which: Self::which(&self.users, row, self.decisions),
            state: self.models[user].program_state(),
            request: &text,
            candidates: request.candidates().len(),
        };
        let program = self.policy.program().expect("only programs are asked so");
        for answer in program.decide(&[call]) {
            out.extend(answer?);
        }
        self.request = Some(request);
        Ok(())
    }

    /// Learns the row whose distribution was asked for last, unless it is frozen.
    ///
    /// # Errors
    /// Those of the program.
    pub(super) fn learn(&mut self, row: &Row) -> Result<()> {
        let Some(request) = self.request.take().filter(|_| !self.frozen) else { return Ok(()) };
        let observation = Observation { shown: request.shown(row.chosen as usize), reward: row.reward };
        let which = Self::which(&self.users, row, self.decisions);
        let model = &mut self.models[row.user as usize];
        let program = self.policy.program().expect("only programs are asked so");
        let mut taught = [Taught { which, model, observation: &observation }];
        learn_by(program, &mut taught).into_iter().collect()
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
}
