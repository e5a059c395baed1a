//! Which experiment a command is about, and where experiments are.

use crate::base::error::{Error, Result};
use crate::experiment::{EXPERIMENTS_DIR, Experiment, Experiments};
use crate::service::{ActiveExperiments, Policies};
use std::path::{Path, PathBuf};

// The folder of experiments that are looked up by name.
#[derive(Debug, clap::Args)]
pub(super) struct ExperimentsFolder {
    /// The folder of experiments that are named without a path
    #[arg(long, value_name = "DIR", env = "REHEARSAL_EXPERIMENTS", default_value = EXPERIMENTS_DIR)]
    experiments: PathBuf,
}

impl ExperimentsFolder {
    /// The experiment of this name or file.
    pub(super) fn find(&self, name: &str) -> Result<Experiment> {
        Experiments::find_file(name, &self.experiments)
    }

    /// Where the experiment of this name is, or would be.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        Experiments::place(name, &self.experiments)
    }

    /// The one of this name, if there is a file of it; `None` where there is none.
    pub(super) fn find_if_there(&self, name: &str) -> Result<Option<Experiment>> {
        match self.find(name) {
            Err(Error::Unknown { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Experiments beside `experiment` whose users may be among its own.
    pub(super) fn overlapping(&self, experiment: &Experiment) -> Vec<String> {
        let all = Experiments::load(&self.experiments).unwrap_or_default();
        let others = all.iter().filter(|other| other.key() != experiment.key() && other.overlaps(experiment));
        others.map(|other| other.key().to_string()).collect()
    }
}

/// The experiments of a folder, whose policies are given to `policies`.
pub(super) fn active(dir: Option<&Path>, policies: &mut Policies) -> Result<Option<ActiveExperiments>> {
    dir.map(|dir| ActiveExperiments::new(Experiments::load(dir)?, policies)).transpose()
}
