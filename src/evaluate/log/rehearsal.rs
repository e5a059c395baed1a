//! This program's own logs: `decisions.jsonl`, and the rewards that followed in `rewards.jsonl`.
//!
//! The rewards are read first and kept, 40 bytes each, so that the decisions can stream past them. Shadow
//! decisions were shown to nobody and are passed over; decisions without a reward are counted and left out.

use super::lines::Lines;
use super::{LogReader, Names, checked_propensity};
use crate::error::{Fault, Result};
use crate::evaluate::row::{Listed, Row};
use crate::features::{FeatureBlock, FeatureSet};
use crate::request::{RawRequest, Request};
use crate::stats::Moments;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Decisions with their rewards.
pub(super) struct RehearsalLog {
    lines: Lines,
    rewards: Rewards,
    shadows: u64,
    unrewarded: u64,
    rewarded: u64,
    delays: Moments,
}

/// What followed each decision, sorted by the decision's key.
struct Rewards(Vec<Reward>);

struct Reward {
    key: u128,
    value: f64,
    time_ms: u64,
}

#[derive(Deserialize)]
struct RewardLine<'a> {
    #[serde(borrow)]
    op: Cow<'a, str>,
    #[serde(borrow, default)]
    decision_id: Option<Cow<'a, str>>,
    #[serde(default)]
    reward: Option<f64>,
    time_ms: u64,
}

#[derive(Deserialize)]
struct DecisionLine<'a> {
    #[serde(borrow)]
    decision_id: Cow<'a, str>,
    #[serde(borrow)]
    user: Cow<'a, str>,
    shadow: bool,
    chosen: String,
    propensity: Option<f64>,
    propensities: Option<Vec<f64>>,
    request: RawRequest,
    time_ms: u64,
}

impl Rewards {
    fn read(mut lines: Lines) -> Result<Self> {
        let mut rewards = Vec::new();
        while lines.advance()? {
            if lines.text().is_empty() {
                continue;
            }
            let line: RewardLine = lines.json()?;
            let (Some(decision), true) = (&line.decision_id, line.op == "reward") else { continue };
            let reward = line.reward.filter(|r| r.is_finite());
            let reward = reward
                .ok_or_else(|| lines.fault("reward", Fault::new("reward", "missing", "a finite number")))?;
            rewards.push(Reward { key: key(decision), value: reward, time_ms: line.time_ms });
        }
        rewards.sort_by_key(|r| r.key);
        // A decision that was learned from by several policies has the same reward with each.
        rewards.dedup_by_key(|r| r.key);
        Ok(Self(rewards))
    }

    fn of(&self, decision: &str) -> Option<&Reward> {
        let key = key(decision);
        self.0.binary_search_by_key(&key, |r| r.key).ok().map(|i| &self.0[i])
    }
}

/// Half of the id's SHA-256: no two ids that will ever be met share it.
pub(super) fn key(decision: &str) -> u128 {
    let digest = Sha256::digest(decision.as_bytes());
    u128::from_le_bytes(digest[..16].try_into().expect("a digest has 32 bytes"))
}

impl RehearsalLog {
    pub(super) fn new(decisions: Lines, rewards: Lines) -> Result<Self> {
        Ok(Self {
            lines: decisions,
            rewards: Rewards::read(rewards)?,
            shadows: 0,
            unrewarded: 0,
            rewarded: 0,
            delays: Moments::default(),
        })
    }

    fn fill(&self, line: DecisionLine, row: &mut Row, names: &mut Names) -> Result<()> {
        let request = Request::try_from(line.request)
            .map_err(|fault| self.lines.fault("request", fault.within("request")))?;
        let candidates = request.candidates();
        let chosen = candidates.iter().position(|c| c.id == line.chosen).ok_or_else(|| {
            let fault = Fault::new("chosen", format!("{:?}", line.chosen), "the id of a candidate");
            self.lines.fault("chosen", fault)
        })?;
        row.chosen = chosen as u32;
        let propensity = line.propensity.map(|p| checked_propensity("propensity", p)).transpose();
        row.propensity = propensity.map_err(|fault| self.lines.fault("propensity", fault))?;
        if let Some(all) = line.propensities.as_ref().filter(|p| p.len() != candidates.len()) {
            let value = format!("a list of {}", all.len());
            let fault = Fault::new("propensities", value, format!("{}, as candidates", candidates.len()));
            return Err(self.lines.fault("propensities", fault));
        }
        row.listed.clear();
        for (k, candidate) in candidates.iter().enumerate() {
            row.listed.push(Listed {
                item: names.items.number(candidate.id.as_bytes()),
                kind: names.kinds.number(candidate.kind.as_deref().unwrap_or("").as_bytes()),
                propensity: line.propensities.as_ref().map_or(f64::NAN, |p| p[k]),
            });
        }
        let block = FeatureBlock::of(FeatureSet::WIDEST, &request);
        row.features.clear();
        for k in 0..candidates.len() {
            row.features.extend(block.values(k));
        }
        row.user = names.users.number(line.user.as_bytes());
        row.moment = Some(request.context());
        Ok(())
    }
}

impl LogReader for RehearsalLog {
    fn next(&mut self, row: &mut Row, names: &mut Names) -> Result<bool> {
        while self.lines.advance()? {
            if self.lines.text().is_empty() {
                continue;
            }
            let line: DecisionLine = self.lines.json()?;
            if line.shadow {
                self.shadows += 1;
                continue;
            }
            let Some(Reward { value, time_ms, .. }) = self.rewards.of(&line.decision_id) else {
                self.unrewarded += 1;
                continue;
            };
            let delay = time_ms.saturating_sub(line.time_ms) as f64 / 1000.0;
            row.reward = *value;
            self.fill(line, row, names)?;
            self.delays.observe(delay);
            self.rewarded += 1;
            return Ok(true);
        }
        Ok(false)
    }

    fn origin(&self) -> &str {
        self.lines.origin()
    }

    fn remarks(&self) -> Vec<String> {
        let Self { shadows, unrewarded, rewarded, .. } = self;
        let mut remarks = Vec::new();
        if *unrewarded > 0 {
            let share = 100.0 * *unrewarded as f64 / (unrewarded + rewarded) as f64;
            remarks.push(format!(
                "{}: {unrewarded} decisions ({share:.1} %) have no reward and were left out; if what is missing \
                 depends on what followed, the estimates are off",
                self.origin()
            ));
        }
        if *shadows > 0 {
            remarks.push(format!("{}: {shadows} shadow decisions were passed over", self.origin()));
        }
        if let Some(mean) = self.delays.mean() {
            remarks.push(format!(
                "{}: rewards came {mean:.1} seconds after the decision on average",
                self.origin()
            ));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::read_all;
    use super::*;
    use std::io::Cursor;

    const DECISION: &str = r#"{"decision_id":"d1","user":"ann","policy":"egreedy-v1","shadow":false,"chosen":"b","propensity":0.05,"explored":true,"scores":[0.1,0],"propensities":[0.95,0.05],"seed":1,"request":{"context":{"hour":8.5,"weekday":0},"candidates":[{"id":"a","kind":"rest"},{"id":"b","kind":"focus"}]},"time_ms":1000,"crc":"00000000"}"#;
    const REWARD: &str = r#"{"seq":1,"user":"ann","policy":"egreedy-v1","op":"reward","prev":0,"event":"d1","reward":-0.5,"decision_id":"d1","reaction":"dismissed","request":{},"time_ms":4000,"crc":"00000000"}"#;

    fn lines(text: &str, name: &str) -> Lines {
        Lines::new(Box::new(Cursor::new(text.to_owned())), name)
    }

    fn read(decisions: &str, rewards: &str) -> Result<(Vec<Row>, Vec<String>)> {
        let mut log =
            RehearsalLog::new(lines(decisions, "decisions.jsonl"), lines(rewards, "rewards.jsonl"))?;
        let rows = read_all(&mut log)?;
        Ok((rows, log.remarks()))
    }

    #[test]
    fn decisions_meet_their_rewards() {
        let shadow = DECISION.replace("\"shadow\":false", "\"shadow\":true");
        let unrewarded = DECISION.replace("d1", "d2");
        let reset = r#"{"seq":2,"user":"ann","op":"reset","policies":{"egreedy-v1":1},"time_ms":5000}"#;
        let twice = REWARD.replace("egreedy-v1", "egreedy-v2");
        let decisions = format!("{DECISION}\n{shadow}\n{unrewarded}\n");
        let (rows, remarks) = read(&decisions, &format!("{REWARD}\n{reset}\n{twice}\n")).unwrap();
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!((row.chosen, row.reward, row.propensity), (1, -0.5, Some(0.05)));
        assert_eq!(row.listed.iter().map(|l| (l.item, l.kind)).collect::<Vec<_>>(), [(0, 0), (1, 1)]);
        assert_eq!(row.features.len(), 2 * FeatureSet::WIDEST.dim());
        let said = remarks.join("; ");
        assert!(said.contains("1 decisions (50.0 %) have no reward"), "{said}");
        assert!(said.contains("1 shadow decisions") && said.contains("3.0 seconds"), "{said}");
    }

    #[test]
    fn an_unknown_propensity_is_unknown_and_a_wrong_one_an_error() {
        let unknown =
            DECISION.replace("\"propensity\":0.05", "\"propensity\":null").replace("[0.95,0.05]", "null");
        let (rows, _) = read(&unknown, REWARD).unwrap();
        assert_eq!(rows[0].propensity, None);
        assert!(rows[0].listed[0].propensity.is_nan());
        for (from, to, expected) in [
            (
                "\"propensity\":0.05",
                "\"propensity\":0",
                "decisions.jsonl, line 2, column 84: propensity is 0;",
            ),
            ("\"propensity\":0.05,", "\"propensity\":-1,", "propensity is -1;"),
            (
                "\"chosen\":\"b\"",
                "\"chosen\":\"c\"",
                "column 71: chosen is \"c\"; allowed: the id of a candidate",
            ),
            ("[0.95,0.05]", "[1]", "propensities is a list of 1; allowed: 2, as candidates"),
            ("\"hour\":8.5", "\"hour\":24", "request.context.hour is 24;"),
            ("\"time_ms\":1000", "\"time\":1000", "missing field `time_ms`"),
        ] {
            let bad = DECISION.replace(from, to);
            let message = read(&format!("\n{bad}\n"), REWARD).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let bad = REWARD.replace("\"reward\":-0.5,", "");
        let message = read(DECISION, &bad).unwrap_err().to_string();
        assert!(message.starts_with("rewards.jsonl, line 1, column"), "{message}");
    }
}
