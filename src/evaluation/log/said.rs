//! What actions of other programs' logs say of themselves, whichever domain's inputs it is to be.

use super::declared::DeclaredInputs;
use super::described::{Described, Feature};
use super::format::ReadOptions;
use super::vocabulary::LogVocabulary;
use crate::base::error::{Fault, Result};
use crate::domain::request::Context;
use crate::evaluation::row::Row;

/// What the decisions of a log say, one after the other.
#[derive(Debug)]
pub(super) enum Said {
    /// By the inputs that are built in.
    Described(Described),
    /// By those of another domain.
    Declared(DeclaredInputs),
}

impl Default for Said {
    fn default() -> Self {
        Self::Described(Described::default())
    }
}

impl Said {
    /// What the options ask for.
    pub(super) fn new(options: &ReadOptions) -> Self {
        match options.domain {
            Some(domain) if !domain.is_tips() && !options.without_features => {
                Self::Declared(DeclaredInputs::new(domain))
            }
            Some(_) => Self::Described(Described::new(options.without_features).with_inputs()),
            None => Self::Described(Described::new(options.without_features)),
        }
    }

    /// Whether the inputs are those that a file declares, which say themselves what a text means.
    pub(super) fn is_declared(&self) -> bool {
        matches!(self, Self::Declared(_))
    }

    /// Begins a decision.
    pub(super) fn begin(&mut self) {
        match self {
            Self::Described(own) => own.begin(),
            Self::Declared(own) => own.begin(),
        }
    }

    /// Begins an action: what was said before is of all.
    pub(super) fn begin_action(&mut self) {
        match self {
            Self::Described(own) => own.begin_action(),
            Self::Declared(own) => own.begin_action(),
        }
    }

    /// Takes a feature of the last action, or of what all share if there is none yet.
    ///
    /// # Errors
    /// A value out of range; the same feature once more.
    pub(super) fn take(&mut self, namespace: &str, name: &str, feature: Feature) -> Result<(), Fault> {
        match self {
            Self::Described(own) => own.take(name, feature),
            Self::Declared(own) => own.take(namespace, name, feature),
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
        match self {
            Self::Described(own) => own.fill(row, names, stamped),
            Self::Declared(own) => {
                own.fill(row, names);
                Ok(())
            }
        }
    }

    /// What decisions so far have said of the log.
    pub(super) fn shape(&self) -> (Option<(bool, bool)>, u64) {
        match self {
            Self::Described(own) => own.shape(),
            Self::Declared(_) => (None, 0),
        }
    }

    /// Forgets what was said since: by a decision that is passed over.
    pub(super) fn restore(&mut self, shape: (Option<(bool, bool)>, u64)) {
        if let Self::Described(own) = self {
            own.restore(shape);
        }
    }

    /// What deserves attention once the log is read.
    pub(super) fn remarks(&self, origin: &str) -> Vec<String> {
        match self {
            Self::Described(own) => own.remarks(origin),
            Self::Declared(own) => own.remarks(origin),
        }
    }
}
