//! A directory of version 0.1 is brought over: its logs of decisions and rewards, whose ids stay, and its state files.

use super::replay::Problem;
use super::reset::forget;
use super::reward_call::RewardCall;
use super::shared::Service;
use super::transfer::import;
use crate::base::checksum::check_line;
use crate::base::error::{Error, Fault, Result, storable};
use crate::domain::labels::DecisionLabels;
use crate::domain::request::{RawRequest, Request, Shown};
use crate::policy::{NAMED, Policy, RawDefinition};
use crate::service::log_files::segments;
use crate::store::log_line::{DecisionLine, Op, RewardLine};
use crate::store::{
    DecisionRecord, Durability, LogFilter, MAX_DWELL_SECONDS, Observation, RewardEvent, State, encode,
    parse_state_file, read, write,
};
use serde::Serialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

/// So many lines are written at a time.
const TOGETHER: usize = 8_192;

/// What was brought over.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct Brought {
    /// Decisions.
    pub decisions: u64,
    /// Rewards, resets and imports.
    pub rewards: u64,
    /// State files of which the logs told nothing, which were imported as they are.
    pub states: u64,
    /// What could not be brought over, by file.
    pub problems: Vec<Problem>,
}

/// Brings what version 0.1 left in `dir` into the store of `service`, which must be empty.
///
/// # Errors
/// A directory or a store that cannot be read or written; a store that is not empty, a directory that has nothing of it.
pub fn bring_over(service: &Service, dir: &Path) -> Result<Brought> {
    let there = read(service.store(), |snapshot| {
        Ok(!snapshot.states_from(0, 1)?.is_empty()
            || !snapshot.decisions_after(0, &LogFilter::default(), 1)?.is_empty())
    })?;
    if there {
        let store = service.store().origin().display().to_string();
        return Err(Error::because(super::error::ServiceError::NotEmpty { store }));
    }
    let mut bringing = Bringing { service, policies: HashMap::new(), brought: Brought::default() };
    bringing.decisions(dir)?;
    bringing.rewards(dir)?;
    bringing.states(dir)?;
    let mut brought = bringing.brought;
    brought.problems.sort();
    if brought == Brought::default() {
        let dir = dir.display().to_string();
        return Err(Error::because(super::error::ServiceError::NothingThere { dir }));
    }
    Ok(brought)
}

struct Bringing<'a> {
    service: &'a Service,
    /// Policies by their definition, as JSON.
    policies: HashMap<String, Arc<Policy>>,
    brought: Brought,
}

impl Bringing<'_> {
    /// Hands every line of some files to `take`; a line that is damaged is a problem and no end.
    fn lines(
        &mut self,
        files: Vec<std::path::PathBuf>,
        mut take: impl FnMut(&mut Self, &[u8]) -> Result<()>,
    ) -> Result<()> {
        for file in files {
            let mut reader = BufReader::new(crate::base::read::regular(&file)?);
            let (mut line, mut number) = (Vec::new(), 0);
            loop {
                line.clear();
                number += 1;
                if reader.read_until(b'\n', &mut line).map_err(Error::io("read", &file))? == 0 {
                    break;
                }
                if line.trim_ascii().is_empty() {
                    continue;
                }
                let origin = format!("{}, line {number}", file.display());
                let checked = check_line(&line)
                    .map_err(|message| Error::Malformed { origin: origin.clone(), message })
                    .and_then(|()| take(self, &line));
                match checked {
                    Err(error @ (Error::Io { .. } | Error::Because(_))) => return Err(error),
                    Err(error) => self.problem(&file, format!("line {number}: {error}")),
                    Ok(()) => {}
                }
            }
        }
        Ok(())
    }

    fn problem(&mut self, file: &Path, problem: String) {
        let file = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        self.brought.problems.push(Problem { file, problem });
    }

    fn policy(&mut self, name: &str, spec: Option<RawDefinition>) -> Result<Arc<Policy>> {
        let key = match &spec {
            Some(spec) => serde_json::to_string(spec).expect("plain values always serialize"),
            None => name.to_owned(),
        };
        if let Some(policy) = self.policies.get(&key) {
            return Ok(Arc::clone(policy));
        }
        let policy = match spec {
            Some(spec) => Policy::try_from(spec).map_err(|fault| fault.at("its definition"))?,
            None => Policy::named(name)?,
        };
        let policy = Arc::new(policy);
        self.policies.insert(key, Arc::clone(&policy));
        Ok(policy)
    }

    fn decisions(&mut self, dir: &Path) -> Result<()> {
        let mut pending: Vec<DecisionRecord> = Vec::new();
        self.lines(segments(dir, "decisions")?, |own, line| {
            let raw: DecisionLine<&RawValue> = crate::base::read::json(line, "its JSON")?;
            let texts = [("decision_id", &raw.decision_id), ("user", &raw.user)].into_iter();
            for (field, text) in texts.chain(raw.shadow_of.as_ref().map(|text| ("shadow_of", text))) {
                storable(field, text).map_err(|fault| fault.at("its JSON"))?;
            }
            let policy = own.policy(&raw.policy, raw.spec)?;
            let request = Request::from_json(raw.request.get().as_bytes(), "its request")?;
            request.position(&raw.chosen)?;
            let RawRequest { context, candidates, profile_features, .. } = request.raw().clone();
            let request = RawRequest::new(context, candidates, profile_features);
            let json =
                |values: &Vec<f64>| serde_json::to_string(values).expect("plain values always serialize");
            pending.push(DecisionRecord {
                id: raw.decision_id.into(),
                at: raw.time_ms,
                user: raw.user.into(),
                policy,
                seed: raw.seed.unwrap_or(0),
                request: serde_json::to_string(&request).expect("plain values always serialize").into(),
                scores: json(&raw.scores.unwrap_or_default()),
                propensities: raw.propensities.as_ref().map(json),
                chosen: raw.chosen.into(),
                propensity: raw.propensity,
                explored: raw.explored.unwrap_or(false),
                shadow_of: raw.shadow_of.map(SmolStr::from),
                labels: DecisionLabels::default(),
            });
            own.brought.decisions += 1;
            if pending.len() < TOGETHER { Ok(()) } else { own.keep(&mut pending) }
        })?;
        self.keep(&mut pending)
    }

    fn keep(&self, pending: &mut Vec<DecisionRecord>) -> Result<()> {
        let decisions: Vec<&DecisionRecord> = pending.iter().collect();
        write(self.service.store(), Durability::Process, |transaction| {
            transaction.add_decisions(&decisions)
        })?;
        pending.clear();
        Ok(())
    }

    fn rewards(&mut self, dir: &Path) -> Result<()> {
        let mut pending: Vec<RewardCall> = Vec::new();
        self.lines(segments(dir, "rewards")?, |own, line| {
            let raw: RewardLine<RawRequest, &RawValue> = crate::base::read::json(line, "its JSON")?;
            let missing = |field: &str| Fault::new(field, "missing", "a value").at("its JSON");
            let user = raw.user.as_deref().ok_or_else(|| missing("user"))?;
            let user: SmolStr = storable("user", user).map_err(|fault| fault.at("its JSON"))?.into();
            own.brought.rewards += 1;
            match raw.op {
                Op::Reward => {
                    let name = raw.policy.as_deref().ok_or_else(|| missing("policy"))?;
                    let policy = own.known_policy(name, &user, raw.spec, &pending)?;
                    let request = raw.request.ok_or_else(|| missing("request"))?;
                    let shown = Shown::try_from(request).map_err(|fault| fault.at("its request"))?;
                    let reward = raw.reward.ok_or_else(|| missing("reward"))?;
                    let event = RewardEvent {
                        observation: Observation { shown, reward },
                        answers_decision: raw.decision_id.is_some(),
                        event: raw.event.or(raw.decision_id).map(SmolStr::from),
                        reaction: raw.reaction,
                        dwell_seconds: raw.dwell_seconds.filter(|s| (0.0..=MAX_DWELL_SECONDS).contains(s)),
                        at: Some(raw.time_ms),
                    };
                    let event = Arc::new(event.check().map_err(|fault| fault.at("its JSON"))?);
                    pending.push(RewardCall::Whole { user, policy, event, warnings: Vec::new() });
                    if pending.len() < TOGETHER { Ok(()) } else { own.learn(&mut pending) }
                }
                Op::Reset => {
                    own.learn(&mut pending)?;
                    let policies = raw.policies.unwrap_or_default();
                    write(own.service.store(), Durability::Power, |transaction| {
                        let mut states = transaction.states_of(&user)?;
                        states.retain(|state| {
                            state.model.is_some() && policies.contains_key(state.policy.name())
                        });
                        forget(transaction, states, raw.time_ms).map(drop)
                    })
                }
                Op::Import => {
                    own.learn(&mut pending)?;
                    let line = raw.state.ok_or_else(|| missing("state"))?;
                    let state = State::from_line(line.get().as_bytes(), "its state")?;
                    import(own.service, &[state], true)?.into_iter().try_for_each(|taken| taken.map(drop))
                }
            }
        })?;
        self.learn(&mut pending)
    }

    /// The policy of a reward: its definition stands with the first reward of a state only.
    fn known_policy(
        &mut self,
        name: &str,
        user: &str,
        spec: Option<RawDefinition>,
        pending: &[RewardCall],
    ) -> Result<Arc<Policy>> {
        if spec.is_some() || NAMED.contains(&name) {
            return self.policy(name, spec);
        }
        let waiting = pending.iter().rev().find_map(|call| match call {
            RewardCall::Whole { user: own, policy, .. } if own == user && policy.name() == name => {
                Some(policy)
            }
            _ => None,
        });
        if let Some(policy) = waiting {
            return Ok(Arc::clone(policy));
        }
        let found = read(self.service.store(), |snapshot| snapshot.states(&[(user, name)]))?;
        let found = found.into_iter().flatten().next().map(|state| state.policy);
        found.ok_or_else(|| {
            Fault::new("policy", format!("{name:?}"), "one that an earlier line defines").at("its JSON")
        })
    }

    fn learn(&mut self, pending: &mut Vec<RewardCall>) -> Result<()> {
        for outcome in self.service.learn(pending)? {
            if let Err(error) = outcome {
                let problem = Problem { file: "rewards.jsonl".to_owned(), problem: error.to_string() };
                self.brought.problems.push(problem);
            }
        }
        pending.clear();
        Ok(())
    }

    /// Holds the state files against what the logs made, and imports those of which the logs tell nothing.
    fn states(&mut self, dir: &Path) -> Result<()> {
        for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
            let path = entry.map_err(Error::io("list", dir))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(parse_state_file);
            let Some((user, policy)) = name else { continue };
            let bytes = crate::base::read::bytes(&path)?;
            let state = match State::from_line(&bytes, "its JSON") {
                Ok(state) if state.user == user && state.policy.name() == policy => state,
                Ok(_) => {
                    self.problem(&path, "it is another state's than its name says".to_owned());
                    continue;
                }
                Err(error) => {
                    self.problem(&path, error.to_string());
                    continue;
                }
            };
            let found = read(self.service.store(), |snapshot| snapshot.states(&[(&user, &policy)]))?;
            match found.into_iter().flatten().next() {
                None => {
                    import(self.service, &[state], false)?
                        .into_iter()
                        .try_for_each(|taken| taken.map(drop))?;
                    self.brought.states += 1;
                }
                Some(known) => {
                    let learned =
                        known.state(self.service.store().origin())?.map(|known| encode(&known.model));
                    if learned != Some(encode(&state.model)) {
                        let what = "it is not what its logs make of it; the store has what the logs say, and \
                                    `rehearsal import --replace` takes the file's";
                        self.problem(&path, what.to_owned());
                    }
                }
            }
        }
        Ok(())
    }
}
