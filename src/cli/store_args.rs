//! The store that a command works with.

use super::output;
use super::project;
use crate::base::error::{ErrorKind, Fault, Result};
use crate::policy::Policy;
use crate::service::{Policies, Service};
use crate::store::views::Run;
use crate::store::{self, Access, Pace, Store};
use std::path::PathBuf;
use std::sync::Arc;

/// Variables of the environment, two names of one thing; an empty one is as one that is not set.
const VARIABLES: [&str; 2] = ["REHEARSAL_STORE", "REHEARSAL_STATE_DIR"];
/// Where states are kept if nobody says.
const DEFAULT: &str = "./state";

/// Options of every command; they stand before or after it, and mean nothing to a command that keeps and reads nothing.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Store")]
pub(super) struct Global {
    /// Where decisions, rewards and states are kept: a directory, or postgres://USER@HOST:PORT/DATABASE with the password
    /// in PGPASSWORD [env: REHEARSAL_STORE or REHEARSAL_STATE_DIR] [default: ./state]
    #[arg(long, global = true, value_name = "DIR|ADDRESS", visible_alias = "state-dir")]
    store: Option<PathBuf>,
    /// Write no file for each state; they are in the store in any case. A store on a server has none
    #[arg(long, global = true)]
    no_state_files: bool,
    /// Where a project's file says that it is.
    #[arg(skip)]
    of_project: Option<PathBuf>,
}

impl Global {
    /// Where the store is: a directory or an address.
    ///
    /// # Errors
    /// What is neither, with who said so; two variables that say two things.
    pub(super) fn place(&self) -> Result<PathBuf> {
        let of_option = self.store.clone().map(|place| ("--store", place));
        let of_variable = if of_option.is_some() { None } else { variable()? };
        let of_project = self.of_project.clone().map(|place| (project::FILE, place));
        let Some((said_by, place)) = of_option.or(of_variable).or(of_project) else {
            return Ok(DEFAULT.into());
        };
        store::check_place(&place).map_err(|fault| fault.at(said_by))?;
        Ok(place)
    }

    /// Where a project's file says that the store is, for whoever has read it.
    pub(super) fn project_store(&mut self) -> &mut Option<PathBuf> {
        &mut self.of_project
    }

    /// The store of a command that writes it; it is made if it is not there.
    pub(super) fn to_write(&self, pace: Pace) -> Result<Arc<dyn Store>> {
        self.opened(Access::Write, pace)
    }

    /// The store of a command that writes what is there: a name that is mistyped must not look like a sound one.
    pub(super) fn to_change(&self, pace: Pace) -> Result<Arc<dyn Store>> {
        drop(self.to_read()?);
        self.to_write(pace)
    }

    /// The store of a command that only reads it.
    pub(super) fn to_read(&self) -> Result<Arc<dyn Store>> {
        self.opened(Access::Read, Pace::Single)
    }

    fn opened(&self, access: Access, pace: Pace) -> Result<Arc<dyn Store>> {
        let place = self.place()?;
        output::detail(|| format!("store: {}", store::shown(&place).display()));
        store::open(&place, access, pace)
    }

    /// The store of a command that reads it where there is one.
    pub(super) fn to_read_if_there(&self) -> Result<Option<Arc<dyn Store>>> {
        match self.to_read() {
            Ok(store) => Ok(Some(store)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A service over a store, with these policies and shadows.
    pub(super) fn service(
        &self,
        store: Arc<dyn Store>,
        policies: Policies,
        shadows: Vec<Arc<Policy>>,
    ) -> Result<Service> {
        let service = Service::new(store, policies, shadows)?;
        Ok(if self.no_state_files { service.without_views() } else { service })
    }

    /// A service for commands that name no policy.
    pub(super) fn plain_service(&self, store: Arc<dyn Store>) -> Result<Service> {
        self.service(store, Policies::new::<&str>(&[])?, Vec::new())
    }

    /// Whether states get files.
    pub(super) fn has_views(&self) -> bool {
        !self.no_state_files
    }
}

/// The variable that says where the store is, and what it says.
///
/// # Errors
/// Both are set, and say two things: whoever set one of them means it.
fn variable() -> Result<Option<(&'static str, PathBuf)>> {
    let set = |name: &'static str| {
        std::env::var_os(name).filter(|value| !value.is_empty()).map(|value| (name, PathBuf::from(value)))
    };
    match VARIABLES.map(set) {
        [Some((first, place)), Some((second, other))] if place != other => {
            let shown = |place: &PathBuf| format!("{:?}", store::shown(place).display().to_string());
            let allowed = format!("{}, as {first} has it, or nothing; the two are one thing", shown(&place));
            Err(Fault::new(second, shown(&other), allowed).at("environment"))
        }
        [first, second] => Ok(first.or(second)),
    }
}

/// Publishes state files, after a run or a single change; that one cannot be written is said, and is no failure of
/// what was learned.
///
/// # Errors
/// The same error, for the exit code.
pub(super) fn publish(service: &Service, run: Option<Run>) -> Result<()> {
    service.publish_after(run).inspect_err(|_| {
        output::complain(&"what was learned is in the store; its state files are not all written");
    })
}

/// The name of a policy that an option names, which may be a file.
pub(super) fn policy_name(name: &str) -> Result<String> {
    if crate::base::read::is_path(name) {
        Policy::load(name).map(|policy| policy.name().to_owned())
    } else {
        Ok(name.to_owned())
    }
}
