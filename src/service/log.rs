//! The log as JSON Lines: decisions, or rewards, in the order in which they were made.

use crate::base::error::{Error, Result};
use crate::policy::{NAMED, Policy, RawDefinition};
use crate::store::log_line::{DecisionLine, Op, RewardLine};
use crate::store::{Change, DecisionRecord, LogFilter, LoggedReward, Store, read};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Arc;

/// So many entries are read at a time.
const PAGE: usize = 2_048;

/// Which log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// Every decision, the shadows' marked.
    Decisions,
    /// Every reward, reset and import.
    Rewards,
}

/// The lines of a log, page by page.
pub struct LogExport {
    store: Arc<dyn Store>,
    kind: LogKind,
    filter: LogFilter,
    place: i64,
    /// What a reader has not taken yet.
    page: io::Cursor<Vec<u8>>,
}

impl LogExport {
    /// The lines of a store's log.
    pub fn new(store: Arc<dyn Store>, kind: LogKind, filter: LogFilter) -> Self {
        Self { store, kind, filter, place: 0, page: io::Cursor::default() }
    }

    /// The next lines; `None` at the end.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn next_page(&mut self) -> Result<Option<Vec<u8>>> {
        let mut page = Vec::new();
        match self.kind {
            LogKind::Decisions => {
                let found = read(&*self.store, |s| s.decisions_after(self.place, &self.filter, PAGE))?;
                for (place, decision) in found {
                    self.place = place;
                    self.decision(&decision, &mut page)?;
                }
            }
            LogKind::Rewards => {
                let found = read(&*self.store, |s| s.rewards_after(self.place, &self.filter, PAGE))?;
                for reward in found {
                    self.place = reward.place;
                    self.reward(&reward, &mut page)?;
                }
            }
        }
        Ok((!page.is_empty()).then_some(page))
    }

    fn decision(&self, decision: &DecisionRecord, page: &mut Vec<u8>) -> Result<()> {
        let damaged = |error: serde_json::Error| self.damaged(format!("decision {}: {error}", decision.id));
        let labels = &decision.labels;
        let line = DecisionLine {
            decision_id: Cow::Borrowed(decision.id.as_str()),
            shadow_of: decision.shadow_of.as_deref().map(Cow::Borrowed),
            experiment: labels.experiment.as_deref().map(Cow::Borrowed),
            variant: labels.variant.as_deref().map(Cow::Borrowed),
            prompt_version: labels.prompt_version.as_deref().map(Cow::Borrowed),
            prompt_digest: labels.prompt_digest.as_deref().map(Cow::Borrowed),
            model_version: labels.model_version.as_deref().map(Cow::Borrowed),
            profile_lookup: labels.profile_lookup.as_deref().map(Cow::Borrowed),
            user: Cow::Borrowed(decision.user.as_str()),
            policy: Cow::Borrowed(decision.policy.name()),
            spec: spec(&decision.policy),
            shadow: decision.shadow_of.is_some(),
            chosen: Cow::Borrowed(decision.chosen.as_str()),
            propensity: decision.propensity,
            explored: Some(decision.explored),
            scores: Some(serde_json::from_str(&decision.scores).map_err(damaged)?),
            propensities: decision
                .propensities
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(damaged)?,
            seed: Some(decision.seed),
            time_ms: decision.at,
            request: serde_json::from_str::<&RawValue>(&decision.request).map_err(damaged)?,
        };
        push(&line, page);
        Ok(())
    }

    fn reward(&self, reward: &LoggedReward, page: &mut Vec<u8>) -> Result<()> {
        let record = &reward.record;
        let damaged = |error: serde_json::Error| self.damaged(format!("reward {}: {error}", reward.place));
        let op = match record.change {
            Change::Reward { .. } => Op::Reward,
            Change::Reset => Op::Reset,
            Change::Import(_) => Op::Import,
        };
        let mut line = RewardLine::<&RawValue> {
            user: Some(Cow::Borrowed(reward.user.as_str())),
            policy: Some(Cow::Borrowed(reward.policy.name())),
            number: Some(record.number),
            spec: spec(&reward.policy),
            ..RewardLine::new(op, record.at)
        };
        match &record.change {
            Change::Reward { event, answers_decision, reaction, dwell_seconds, reward, shown } => {
                let event = event.as_deref().map(Cow::Borrowed);
                line.decision_id = event.clone().filter(|_| *answers_decision);
                line.event = event;
                line.reward = Some(*reward);
                line.reaction.clone_from(reaction);
                line.dwell_seconds = *dwell_seconds;
                line.request = Some(serde_json::from_str(shown).map_err(damaged)?);
            }
            Change::Reset => {}
            Change::Import(state) => line.state = Some(serde_json::from_str(state).map_err(damaged)?),
        }
        push(&line, page);
        Ok(())
    }

    fn damaged(&self, what: String) -> Error {
        Error::Damaged { path: self.store.origin().to_owned(), what }
    }
}

/// The definition of a policy that is not built in.
fn spec(policy: &Policy) -> Option<RawDefinition> {
    (!NAMED.contains(&policy.name())).then(|| policy.definition())
}

fn push(line: &impl serde::Serialize, page: &mut Vec<u8>) {
    serde_json::to_writer(&mut *page, line).expect("plain values always serialize");
    page.push(b'\n');
}

impl Read for LogExport {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.page.position() == self.page.get_ref().len() as u64 {
            let page = self.next_page().map_err(io::Error::other)?;
            self.page = io::Cursor::new(page.unwrap_or_default());
        }
        self.page.read(out)
    }
}
