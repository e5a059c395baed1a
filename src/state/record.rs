//! The records of `rewards.jsonl`: what was learned and what was forgotten, in order.
//!
//! Each record names the record before it of the same state (`prev`, 0 for the first), so a history with
//! a hole in it is never replayed as if it were whole. A reward carries the one candidate that was shown,
//! its moment and the profile values that held for it: enough to learn again, also under another policy.

use super::about::{About, Turn};
use super::format::RawState;
use super::lesson::{Lesson, Source};
use super::user_state::UserState;
use super::{frame, name};
use crate::base::error::{Fault, Result};
use crate::base::read::Text;
use crate::domain::reaction::Reaction;
use crate::domain::request::Shown;
use crate::policy::{NAMED, Policy, RawPolicy, Scratch};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest number of a record: larger ones no double holds, and nobody will ever write.
pub(super) const MAX_SEQ: u64 = 1 << 53;
/// One line of `rewards.jsonl`: a reward, a reset or an import, with its number.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its number: 1 for the first record of the log, then one more for each.
    pub(super) seq: u64,
    pub(super) user: SmolStr,
    /// When it was written, in milliseconds since 1970.
    pub(super) time_ms: u64,
    pub(super) op: Op,
}

/// What a record does.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// A state learns. The specification stands with the first record of a policy that is not built in.
    Reward { policy: String, prev: u64, spec: Option<Box<RawPolicy>>, lesson: Box<Lesson> },
    /// These policies forget the user; each with the latest record of its state.
    Reset { policies: BTreeMap<String, u64> },
    /// A state comes from elsewhere, whole.
    Import { policy: String, prev: u64, state: Box<RawState> },
}

/// A record as it stands in its line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRecord<'a> {
    seq: u64,
    #[serde(borrow)]
    user: Text<'a>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    policy: Option<Text<'a>>,
    op: OpName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prev: Option<u64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    event: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reward: Option<f64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    decision_id: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reaction: Option<Reaction>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dwell_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Cow<'a, Shown>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spec: Option<Cow<'a, RawPolicy>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policies: Option<Cow<'a, BTreeMap<String, u64>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Cow<'a, RawState>>,
    time_ms: u64,
    /// Checked on the bytes, see [`frame`].
    #[serde(default, rename = "crc", skip_serializing)]
    _crc: IgnoredAny,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OpName {
    Reward,
    Reset,
    Import,
}

/// What a record is about, read without the rest.
#[derive(Debug, Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    user: Text<'a>,
    #[serde(default)]
    policy: Option<Text<'a>>,
    #[serde(default, borrow)]
    event: Option<Text<'a>>,
    #[serde(default)]
    prev: Option<u64>,
    /// Which policies forget, if it is a reset.
    #[serde(default)]
    policies: Option<BTreeMap<String, u64>>,
    /// The state that it imports.
    #[serde(default, borrow)]
    state: Option<Brought<'a>>,
}

/// Of a state that is imported: what it has learned.
#[derive(Debug, Deserialize)]
struct Brought<'a> {
    #[serde(default, borrow)]
    events: Vec<(Text<'a>, IgnoredAny)>,
}

impl<'a> Header<'a> {
    /// The header of the record in a line whose checksum holds, or what is wrong with it.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, String> {
        value_of(line)
    }

    /// What the index has to know of it.
    pub(super) fn about(&self) -> About<'_> {
        let turn = match self.policies {
            Some(_) => Some(Turn::Ends),
            None => begins(self.prev),
        };
        let policy = self.policy.as_deref();
        let learns = policy.and_then(|policy| Some((policy, self.event.as_deref()?)));
        let events = self.state.iter().flat_map(|state| &state.events);
        let brings = policy.map(|policy| events.map(|(event, _)| (policy, event.as_ref())).collect());
        let forgotten = self.policies.iter().flat_map(|p| p.keys().map(String::as_str)).collect();
        About { user: &self.user, learns, brings: brings.unwrap_or_default(), policy, forgotten, turn }
    }
}

impl<'a> RawRecord<'a> {
    fn new(op: OpName, seq: u64, user: &'a str, time_ms: u64) -> Self {
        Self {
            seq,
            user: Text::from(user),
            policy: None,
            op,
            prev: None,
            event: None,
            reward: None,
            decision_id: None,
            reaction: None,
            dwell_seconds: None,
            request: None,
            spec: None,
            policies: None,
            state: None,
            time_ms,
            _crc: IgnoredAny,
        }
    }

    /// About the state of its user under this policy, of which record `prev` came before.
    fn of_state(self, policy: &'a str, prev: u64) -> Self {
        Self { policy: Some(Text::from(policy)), prev: Some(prev), ..self }
    }

    /// What a reward says.
    fn learning(self, spec: Option<&'a RawPolicy>, lesson: &'a Lesson) -> Self {
        let Lesson { shown, reward, event, source } = lesson;
        Self {
            spec: spec.map(Cow::Borrowed),
            event: event.as_deref().map(Text::from),
            reward: Some(*reward),
            decision_id: source.decision_id.as_deref().map(Text::from),
            reaction: source.reaction,
            dwell_seconds: source.dwell_seconds,
            request: Some(Cow::Borrowed(shown)),
            ..self
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        serde_json::to_writer(&mut *out, self).expect("plain values always serialize");
        out.pop();
        frame::seal_from(out, start);
    }
}

/// Appends the sealed line of the record that a state learned something, after record `prev` of that state.
pub(super) fn write_learned(
    (seq, prev, time_ms): (u64, u64, u64),
    user: &str,
    policy: &Policy,
    lesson: &Lesson,
    out: &mut Vec<u8>,
) {
    let spec = (prev == 0).then(|| spec_of(policy)).flatten();
    let raw = RawRecord::new(OpName::Reward, seq, user, time_ms).of_state(policy.name(), prev);
    raw.learning(spec.as_deref(), lesson).write(out);
}

impl Record {
    /// Appends the record's sealed line to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let raw = |op| RawRecord::new(op, self.seq, &self.user, self.time_ms);
        let raw = match &self.op {
            Op::Reward { policy, prev, spec, lesson } => {
                raw(OpName::Reward).of_state(policy, *prev).learning(spec.as_deref(), lesson)
            }
            Op::Reset { policies } => {
                RawRecord { policies: Some(Cow::Borrowed(policies)), ..raw(OpName::Reset) }
            }
            Op::Import { policy, prev, state } => {
                let raw = raw(OpName::Import).of_state(policy, *prev);
                RawRecord { state: Some(Cow::Borrowed(state)), ..raw }
            }
        };
        raw.write(out);
    }

    /// The record as it stands in the log: one line with its checksum.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        self.write(&mut line);
        line
    }

    /// The record in a line, with or without its newline.
    ///
    /// # Errors
    /// What is wrong with the line: its checksum, its JSON, a field or a value.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        frame::check(line)?;
        let raw: RawRecord = value_of(line)?;
        let (seq, time_ms) = (raw.seq, raw.time_ms);
        if seq > MAX_SEQ {
            return Err(format!("record number {seq}, more than the {MAX_SEQ} that there can be"));
        }
        let missing = |field: &str| format!("record {seq} has no {field}");
        let policy = || raw.policy.as_deref().map(str::to_owned).ok_or_else(|| missing("policy"));
        let prev = || raw.prev.ok_or_else(|| missing("prev"));
        let op = match raw.op {
            OpName::Reward => {
                let (policy, prev) = (policy()?, prev()?);
                let lesson = Lesson {
                    shown: raw.request.ok_or_else(|| missing("request"))?.into_owned(),
                    reward: raw.reward.ok_or_else(|| missing("reward"))?,
                    event: raw.event.map(SmolStr::from),
                    source: Source {
                        decision_id: raw.decision_id.map(SmolStr::from),
                        reaction: raw.reaction,
                        dwell_seconds: raw.dwell_seconds,
                    },
                };
                let lesson = Box::new(lesson.check().map_err(|fault| fault.to_string())?);
                Op::Reward { policy, prev, spec: raw.spec.map(|s| Box::new(s.into_owned())), lesson }
            }
            OpName::Reset => {
                Op::Reset { policies: raw.policies.ok_or_else(|| missing("policies"))?.into_owned() }
            }
            OpName::Import => {
                let state = Box::new(raw.state.ok_or_else(|| missing("state"))?.into_owned());
                Op::Import { policy: policy()?, prev: prev()?, state }
            }
        };
        let record = Self { seq, user: raw.user.into(), time_ms, op };
        record.states_have_files().map_err(|fault| fault.to_string())?;
        Ok(record)
    }

    /// Whether every state that it changes can stand in a file.
    fn states_have_files(&self) -> Result<(), Fault> {
        match &self.op {
            Op::Reward { policy, spec, .. } => {
                if let Some(spec) = spec.as_ref().filter(|spec| spec.name != *policy) {
                    return Err(Fault::new("spec.name", &spec.name, format!("{policy}, as in the record")));
                }
                name::state_file(&self.user, policy).map(drop)
            }
            Op::Import { policy, state, .. } => {
                if state.policy != *policy {
                    let allowed = format!("{policy}, as in the record");
                    return Err(Fault::new("state.policy", &state.policy, allowed));
                }
                name::state_file(&self.user, policy).map(drop)
            }
            Op::Reset { policies } => {
                policies.keys().try_for_each(|policy| name::state_file(&self.user, policy).map(drop))
            }
        }
    }

    /// The state of its user after this record alone: the one that it imports, or what it teaches about
    /// somebody of whom nothing was known. `None` for a reset.
    ///
    /// # Errors
    /// What is wrong with the policy or the state in it.
    pub fn alone(&self) -> Result<Option<UserState>, String> {
        match &self.op {
            Op::Reset { .. } => Ok(None),
            Op::Import { state, .. } => {
                let state = state.as_ref().clone().state_of(&self.user)?;
                Ok(Some(UserState { seq: self.seq, ..state }))
            }
            Op::Reward { policy, spec, lesson, .. } => {
                let policy = match spec {
                    Some(spec) => Policy::try_from((**spec).clone()).map_err(|e| e.to_string())?,
                    None => Policy::named(policy).map_err(|e| e.to_string())?,
                };
                let mut state = UserState::new(&self.user, &Arc::new(policy));
                state.learn(lesson, self.seq, &mut Scratch::default());
                Ok(Some(state))
            }
        }
    }

    /// What the index has to know of it.
    pub(super) fn about(&self) -> About<'_> {
        let user = self.user.as_str();
        match &self.op {
            Op::Reward { policy, prev, lesson, .. } => About::learned(user, policy, *prev, lesson),
            Op::Import { policy, prev, state } => {
                let brings = state.events().map(|(event, _)| (policy.as_str(), event)).collect();
                let (policy, turn) = (Some(policy.as_str()), begins(Some(*prev)));
                About { user, learns: None, brings, policy, forgotten: Vec::new(), turn }
            }
            Op::Reset { policies } => About {
                user,
                learns: None,
                brings: Vec::new(),
                policy: None,
                forgotten: policies.keys().map(String::as_str).collect(),
                turn: Some(Turn::Ends),
            },
        }
    }

    /// The reward with which this record, or the state that it brings, learned an event, if it did.
    pub(super) fn reward_of(&self, user: &str, policy: &str, event: &str) -> Option<f64> {
        match &self.op {
            Op::Reward { policy: own, lesson, .. } => {
                let same = self.user == user && own == policy && lesson.event.as_deref() == Some(event);
                same.then_some(lesson.reward)
            }
            Op::Import { policy: own, state, .. } => {
                let same = self.user == user && own == policy;
                state.events().find(|(id, _)| same && *id == event).map(|(_, reward)| reward)
            }
            Op::Reset { .. } => None,
        }
    }

    /// If it is about the user's state under `policy`: the record before it of that state.
    pub(super) fn prev_of(&self, user: &str, policy: &str) -> Option<u64> {
        if self.user != user {
            return None;
        }
        match &self.op {
            Op::Reward { policy: own, prev, .. } | Op::Import { policy: own, prev, .. } => {
                (own == policy).then_some(*prev)
            }
            Op::Reset { policies } => policies.get(policy).copied(),
        }
    }
}

impl<'a> About<'a> {
    /// Of the record that a state learned something, after record `prev` of that state.
    pub(super) fn learned(user: &'a str, policy: &'a str, prev: u64, lesson: &'a Lesson) -> Self {
        let learns = lesson.event.as_deref().map(|event| (policy, event));
        let turn = begins(Some(prev));
        Self { user, learns, brings: Vec::new(), policy: Some(policy), forgotten: Vec::new(), turn }
    }
}

/// A state begins with a record that none precedes.
fn begins(prev: Option<u64>) -> Option<Turn> {
    (prev == Some(0)).then_some(Turn::Begins)
}

/// The value in a line of JSON. Its characters are checked at once, so that the parser need not check each text.
fn value_of<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    let line = std::str::from_utf8(line).map_err(|e| e.to_string())?;
    serde_json::from_str(line).map_err(|e| e.to_string())
}

/// What the model of a policy needs, for a state's first record; `None` for built-in policies.
pub(super) fn spec_of(policy: &Policy) -> Option<Box<RawPolicy>> {
    (!NAMED.contains(&policy.name())).then(|| Box::new(policy.to_raw()))
}
