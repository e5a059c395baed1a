//! Our own logs with what decisions carry for who analyses them: decisions, then rewards, each handed over as it stands.

use super::lines::LogLines;
use super::rewards::undamaged;
use crate::base::error::{Fault, Result};
use crate::service::log_files::{Segments, is_whole, rewards_of};
use crate::store::log_line::{DecisionLine, RewardLine};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::path::PathBuf;

/// Stores, or files of decisions with the rewards beside them.
#[derive(Debug, Clone)]
pub struct LabelledLog {
    decisions: Vec<PathBuf>,
    rewards: Vec<PathBuf>,
}

impl LabelledLog {
    /// What `paths` name: stores, folders with a log of ours, or files of decisions.
    ///
    /// # Errors
    /// A folder without such a log.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut log = Self { decisions: Vec::new(), rewards: Vec::new() };
        for path in paths {
            let (decisions, rewards) = if is_whole(path) {
                let Segments { decisions, rewards } = Segments::of(path)?;
                (decisions, rewards)
            } else {
                (vec![path.clone()], rewards_of(path)?)
            };
            for (all, new) in [(&mut log.decisions, decisions), (&mut log.rewards, rewards)] {
                all.extend(new);
                all.dedup();
            }
        }
        Ok(log)
    }

    /// Hands every decision to `visit`.
    ///
    /// # Errors
    /// A file that cannot be read, a line that is no decision, and what `visit` finds wrong with one.
    pub fn each_decision(
        &self,
        visit: &mut dyn FnMut(&DecisionLine<&RawValue>) -> Result<(), Fault>,
    ) -> Result<()> {
        for path in &self.decisions {
            let mut lines = LogLines::lazily(path.clone())()?;
            while lines.advance()? {
                if lines.text().is_empty() {
                    continue;
                }
                undamaged(&lines)?;
                let line: DecisionLine<&RawValue> = lines.json()?;
                visit(&line).map_err(|fault| lines.fault(&fault.field.clone(), fault))?;
            }
        }
        Ok(())
    }

    /// Hands every reward, reset and import to `visit`.
    ///
    /// # Errors
    /// As for [`Self::each_decision`].
    pub fn each_reward(
        &self,
        visit: &mut dyn FnMut(&RewardLine<IgnoredAny>) -> Result<(), Fault>,
    ) -> Result<()> {
        for path in &self.rewards {
            let mut lines = LogLines::lazily(path.clone())()?;
            while lines.advance()? {
                if lines.text().is_empty() {
                    continue;
                }
                undamaged(&lines)?;
                let line: RewardLine<IgnoredAny> = lines.json()?;
                visit(&line).map_err(|fault| lines.fault(&fault.field.clone(), fault))?;
            }
        }
        Ok(())
    }
}
