//! What actions of other programs' logs say of themselves, whichever domain's inputs it is to be.

use super::declared::DeclaredInputs;
use super::described::{Described, Feature};
use super::format::ReadOptions;
use super::so_far::SoFar;
use super::vocabulary::LogVocabulary;
use crate::base::error::{Fault, Result};
use crate::domain::Domain;
use crate::domain::request::Context;
use crate::evaluation::row::Row;

/// What the decisions of a log say, one after the other: by the inputs that are built in, or by those of another domain.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) described: Described,
    declared: Option<DeclaredInputs>,
}

impl Said {
    /// What the options ask for, of a log of which so much is known.
    pub(super) fn new(options: &ReadOptions, so_far: &SoFar) -> Self {
        let ignored = options.without_features;
        match options.domain.filter(|_| !ignored) {
            Some(domain) if !domain.is_tips() => {
                let declared = Some(DeclaredInputs::new(domain));
                Self { described: Described::new(true, so_far.shape()), declared }
            }
            domain => {
                let described = Described::new(ignored, so_far.shape());
                let described =
                    if domain.is_some_and(Domain::is_tips) { described.with_inputs() } else { described };
                Self { described, declared: None }
            }
        }
    }

    /// Whether the inputs are those that a file declares, which say themselves what a text means.
    pub(super) fn is_declared(&self) -> bool {
        self.declared.is_some()
    }

    /// Whether nothing is to be read.
    pub(super) fn is_ignored(&self) -> bool {
        self.declared.is_none() && self.described.is_ignored()
    }

    /// Whether this is the name of a feature that is known where features are taken now.
    pub(super) fn knows(&self, namespace: &str, name: &str) -> bool {
        match &self.declared {
            Some(declared) => declared.knows(namespace, name),
            None => self.described.knows(name),
        }
    }

    /// Begins a decision.
    pub(super) fn begin(&mut self) {
        self.described.begin();
        if let Some(declared) = &mut self.declared {
            declared.begin();
        }
    }

    /// Begins an action: what was said before is of all.
    pub(super) fn begin_action(&mut self) {
        match &mut self.declared {
            Some(declared) => declared.begin_action(),
            None => self.described.begin_action(),
        }
    }

    /// Takes a feature of the last action, or of what all share if there is none yet.
    ///
    /// # Errors
    /// A value out of range; the same feature once more.
    pub(super) fn take(&mut self, namespace: &str, name: &str, feature: Feature) -> Result<(), Fault> {
        match &mut self.declared {
            Some(declared) => declared.take(namespace, name, feature),
            None => self.described.take(name, feature),
        }
    }

    /// Writes what was said of the decision into `row`; `stamped` is the moment by its time stamp.
    ///
    /// # Errors
    /// More candidates than a request may have.
    pub(super) fn fill(
        &mut self,
        row: &mut Row,
        names: &mut LogVocabulary,
        stamped: Option<Context>,
    ) -> Result<(), Fault> {
        match &mut self.declared {
            Some(declared) => {
                declared.fill(row, names);
                Ok(())
            }
            None => self.described.fill(row, names, stamped),
        }
    }

    /// What deserves attention once the log is read.
    pub(super) fn remarks(&self, origin: &str) -> Vec<String> {
        match &self.declared {
            Some(declared) => declared.remarks(origin),
            None => self.described.remarks(origin),
        }
    }
}
