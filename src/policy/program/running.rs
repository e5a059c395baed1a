//! A program that is a policy: how it is started, and its processes.

use super::definition::RawProgram;
use super::error::{Failure, ProgramError};
use super::findings::Conformance;
use super::process::{Process, TimeLimit};
use super::protocol;
use crate::base::digest::of_value;
use crate::base::error::{Error, Fault, Result};
use crate::domain::Domain;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// A program that answers what a policy is asked. Whoever asks at the same time as others has a process of their own;
/// afterwards it waits for the next who asks.
#[derive(Debug)]
pub struct Program {
    definition: RawProgram,
    domain: &'static Domain,
    /// The folder that it runs in; `None` where it may not be started.
    dir: Option<PathBuf>,
    /// Processes that wait to be asked.
    idle: Mutex<Vec<Process>>,
    pub(super) conformance: OnceLock<Conformance>,
}

impl PartialEq for Program {
    fn eq(&self, other: &Self) -> bool {
        self.definition == other.definition
    }
}

impl Program {
    /// What a store or a log says of a program, which starts nothing.
    ///
    /// # Errors
    /// A command or a limit that is not allowed.
    pub(in crate::policy) fn defined(definition: RawProgram) -> Result<Self, Fault> {
        definition.check()?;
        let domain = definition.domain.known()?;
        Ok(Self { definition, domain, dir: None, idle: Mutex::default(), conformance: OnceLock::new() })
    }

    /// A program that runs in `dir`, which the operator named a file in.
    ///
    /// # Errors
    /// A command or a limit that is not allowed; a file of the command that cannot be read, or is another one than the
    /// definition states. `origin` is what errors call the policy's file.
    pub(in crate::policy) fn in_dir(definition: RawProgram, dir: &Path, origin: &str) -> Result<Self> {
        definition.check().map_err(|fault| fault.at(origin))?;
        // It does not change with where this process is.
        let dir = dir.canonicalize().map_err(Error::io("find", dir))?;
        let definition = definition.with_files(&dir, origin)?.with_domain(&dir, origin)?;
        let domain = definition.domain.known().map_err(|fault| fault.at(origin))?;
        Ok(Self { definition, domain, dir: Some(dir), idle: Mutex::default(), conformance: OnceLock::new() })
    }

    /// The policy's name.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The domain of what it decides about.
    pub fn domain(&self) -> &'static Domain {
        self.domain
    }

    /// What a file states of it, with the digests of the files that its command names.
    pub fn definition(&self) -> &RawProgram {
        &self.definition
    }

    /// SHA-256, in hexadecimal, of what it does as far as that is known: its command, and the files that it names.
    pub fn digest(&self) -> String {
        of_value(&self.definition.of_what_it_does())
    }

    /// Whether it runs: the operator has named its file.
    ///
    /// # Errors
    /// It is known by what a store or a log says.
    pub fn runs(&self) -> Result<()> {
        let policy = self.name().to_owned();
        if self.dir.is_some() { Ok(()) } else { Err(Error::because(ProgramError::NotGiven { policy })) }
    }

    /// How long it may take to answer.
    pub(super) fn time_limit(&self) -> TimeLimit {
        TimeLimit { seconds: self.definition.time_limit_seconds, field: "time_limit_seconds" }
    }

    /// A process that has answered `hello`.
    pub(super) fn start(&self) -> Result<Process, Failure> {
        let Some(dir) = &self.dir else {
            let reason = "only a file that the operator names starts a program".to_owned();
            return Err(Failure::NotStarted { command: self.definition.command[0].clone(), reason });
        };
        let mut process = Process::start(self.name(), &self.definition.command, dir)?;
        let limit = TimeLimit { seconds: self.definition.start_limit_seconds, field: "start_limit_seconds" };
        let greeted = process.exchange(protocol::hello(self.name(), self.domain, 0), limit);
        match greeted.and_then(|line| protocol::read_hello(&line, 0)) {
            Ok(()) => {
                process.next = 1;
                Ok(process)
            }
            Err(failure) => {
                let (command, reason) = (self.definition.command[0].clone(), failure.to_string());
                Err(Failure::NotStarted { command, reason })
            }
        }
    }

    /// Starts a process that waits to be asked: the first call is not the one that waits for it.
    ///
    /// # Errors
    /// It may not be started here, or does not answer `hello`.
    pub fn prepare(&self) -> Result<()> {
        self.runs()?;
        let process = self.start().map_err(|failure| {
            let (policy, call) = (self.name().to_owned(), "0".to_owned());
            Error::because(ProgramError::Failed { policy, what: "hello", call, failure })
        })?;
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(process);
        }
        Ok(())
    }

    /// What one process answers to one line.
    pub(super) fn exchange<T>(
        &self,
        ask: impl Fn(u64) -> Vec<u8>,
        read: impl Fn(&[u8], u64) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let waiting = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let is_fresh = waiting.is_none();
        let mut process = waiting.map_or_else(|| self.start(), Ok)?;
        let mut answer = self.exchange_with(&mut process, &ask, &read);
        if matches!(answer, Err(Failure::Ended { .. })) && !is_fresh {
            // It may have been ended while it waited, for whatever reason; it holds nothing, so another one is as good.
            process = self.start()?;
            answer = self.exchange_with(&mut process, &ask, &read);
        }
        if answer.as_ref().err().is_none_or(Failure::is_in_step)
            && let Ok(mut idle) = self.idle.lock()
        {
            idle.push(process);
        }
        answer
    }

    /// What this process answers to one line.
    pub(super) fn exchange_with<T>(
        &self,
        process: &mut Process,
        ask: impl Fn(u64) -> Vec<u8>,
        read: impl Fn(&[u8], u64) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let id = process.next;
        process.next += 1;
        let line = process.exchange(ask(id), self.time_limit())?;
        read(&line, id)
    }
}
