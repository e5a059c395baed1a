//! Our own logs with what decisions carry for who analyses them: decisions, then rewards, each handed over as it stands.

use super::lines::LogLines;
use super::rewards::undamaged;
use crate::base::error::{Fault, Result};
use crate::service::log_files::{Segments, is_whole, rewards_of};
use crate::service::{LogExport, LogKind};
use crate::store::log_line::{DecisionLine, RewardLine};
use crate::store::{LogFilter, Store};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

/// So many bytes of a store's log are read at a time.
const BUFFER: usize = 1 << 17;

/// Stores, or files of decisions with the rewards beside them.
#[derive(Clone)]
pub struct LabelledLog {
    decisions: Vec<LabelledSource>,
    rewards: Vec<LabelledSource>,
}

/// What lines come from.
#[derive(Clone)]
enum LabelledSource {
    Path(PathBuf),
    Store(Arc<dyn Store>, LogKind),
}

impl LabelledSource {
    fn lines(&self) -> Result<LogLines> {
        match self {
            Self::Path(path) => LogLines::lazily(path.clone())(),
            Self::Store(store, kind) => {
                let lines = LogExport::new(Arc::clone(store), *kind, LogFilter::default());
                let source = BufReader::with_capacity(BUFFER, lines);
                Ok(LogLines::new(Box::new(source), &store.origin().display().to_string()))
            }
        }
    }
}

impl LabelledLog {
    /// What `paths` name: stores, folders with a log of ours, or files of decisions.
    ///
    /// # Errors
    /// A folder without such a log.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let (mut decisions, mut rewards) = (Vec::new(), Vec::new());
        for path in paths {
            let (own, beside) = if is_whole(path) {
                let Segments { decisions, rewards } = Segments::of(path)?;
                (decisions, rewards)
            } else {
                (vec![path.clone()], rewards_of(path)?)
            };
            for (all, new) in [(&mut decisions, own), (&mut rewards, beside)] {
                for path in new {
                    if !all.contains(&path) {
                        all.push(path);
                    }
                }
            }
        }
        let sources = |paths: Vec<PathBuf>| paths.into_iter().map(LabelledSource::Path).collect();
        Ok(Self { decisions: sources(decisions), rewards: sources(rewards) })
    }

    /// The log of a store that is open.
    pub fn of_store(store: &Arc<dyn Store>) -> Self {
        let source = |kind| vec![LabelledSource::Store(Arc::clone(store), kind)];
        Self { decisions: source(LogKind::Decisions), rewards: source(LogKind::Rewards) }
    }

    /// The moment of the latest decision or reward, in milliseconds since 1970.
    ///
    /// # Errors
    /// As for [`Self::each_decision`].
    pub fn latest(&self) -> Result<u64> {
        let mut latest = 0;
        self.each_decision(&mut |line| {
            latest = latest.max(line.time_ms);
            Ok(())
        })?;
        self.each_reward(&mut |line| {
            latest = latest.max(line.time_ms);
            Ok(())
        })?;
        Ok(latest)
    }

    /// Hands every decision to `visit`.
    ///
    /// # Errors
    /// A file that cannot be read, a line that is no decision, and what `visit` finds wrong with one.
    pub fn each_decision(
        &self,
        visit: &mut dyn FnMut(&DecisionLine<&RawValue>) -> Result<(), Fault>,
    ) -> Result<()> {
        for source in &self.decisions {
            let mut lines = source.lines()?;
            while lines.advance()? {
                if lines.text().is_empty() {
                    continue;
                }
                let line = lines.line();
                undamaged(line)?;
                let decision: DecisionLine<&RawValue> = line.json()?;
                visit(&decision).map_err(|fault| line.fault(&fault.field.clone(), fault))?;
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
        for source in &self.rewards {
            let mut lines = source.lines()?;
            while lines.advance()? {
                if lines.text().is_empty() {
                    continue;
                }
                let line = lines.line();
                undamaged(line)?;
                let reward: RewardLine<IgnoredAny> = line.json()?;
                visit(&reward).map_err(|fault| line.fault(&fault.field.clone(), fault))?;
            }
        }
        Ok(())
    }
}
