//! Policies that an option names: built in, a file, or a version in the model registry.

use crate::base::error::Result;
use crate::evaluation::Target;
use crate::model::registry::{self, ModelAddress, ModelRegistry, resolve, unpack};
use crate::policy::Policy;
use crate::service::Policies;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where models are kept if nobody says.
const DEFAULT: &str = "./registry";

// Where the model registry is, of each command that names a policy.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RegistryArgs {
    /// Where `registry:NAME@ALIAS` is looked up: a folder, or mlflow+http://HOST:PORT [default: ./registry]
    #[arg(long, value_name = "DIR|ADDRESS", env = "REHEARSAL_REGISTRY", hide_env_values = true)]
    registry: Option<PathBuf>,
}

impl RegistryArgs {
    /// The registry.
    pub(super) fn open(&self) -> Result<Box<dyn ModelRegistry>> {
        registry::open(self.registry.as_deref().unwrap_or(Path::new(DEFAULT)))
    }

    /// The policy that an option names.
    pub(super) fn policy(&self, name: &str) -> Result<Policy> {
        match self.address(name)? {
            None => Policy::load(name),
            Some(address) => {
                let registry = self.open()?;
                unpack(&*registry, &address.name, resolve(&*registry, &address)?)
            }
        }
    }

    /// The version in the registry that an option names, if it names one.
    #[allow(clippy::unused_self)]
    pub(super) fn address(&self, name: &str) -> Result<Option<ModelAddress>> {
        ModelAddress::of_policy(name).transpose().map_err(|fault| fault.at("command line"))
    }

    /// The built-in policies and those that options name.
    pub(super) fn policies<S: AsRef<str>>(&self, names: &[S]) -> Result<Policies> {
        let mut policies = Policies::new::<&str>(&[])?;
        for name in names {
            let policy = self.shared(&policies, name.as_ref())?;
            policies.add(policy)?;
        }
        Ok(policies)
    }

    /// The policy that an option names, shared with those that there are.
    pub(super) fn shared(&self, policies: &Policies, name: &str) -> Result<Arc<Policy>> {
        match self.address(name)? {
            None => policies.of_operator(name),
            Some(_) => self.policy(name).map(Arc::new),
        }
    }

    /// What a policy that an option names is to an evaluation.
    pub(super) fn target(&self, name: &str) -> Result<Target> {
        match self.address(name)? {
            None => Target::load(name),
            Some(_) => Target::of(self.policy(name)?),
        }
    }
}
