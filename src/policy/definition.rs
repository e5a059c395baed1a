//! What a policy is, as stores and logs state it: of either kind.

use super::program::{Program, RawProgram};
use super::spec::{Policy, RawPolicy, check_name};
use crate::base::error::Fault;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// What a policy is, as files, stores and logs state it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum RawDefinition {
    /// Explorer, model and feature set.
    BuiltIn(RawPolicy),
    /// A program.
    Program(RawProgram),
}

impl<'de> Deserialize<'de> for RawDefinition {
    /// What has a `command` is a program.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if value.get("command").is_some() {
            return RawProgram::deserialize(value).map(Self::Program).map_err(D::Error::custom);
        }
        RawPolicy::deserialize(value).map(Self::BuiltIn).map_err(D::Error::custom)
    }
}

impl TryFrom<RawDefinition> for Policy {
    type Error = Fault;

    /// The policy that a store or a log tells of. One that is a program starts nothing: only a file does that the operator
    /// names.
    fn try_from(raw: RawDefinition) -> Result<Self, Fault> {
        match raw {
            RawDefinition::BuiltIn(raw) => Self::try_from(raw),
            RawDefinition::Program(raw) => {
                check_name(&raw.name)?;
                Ok(Self::of_program(Program::defined(raw)?))
            }
        }
    }
}

impl Policy {
    /// What a file states of it, every default spelled out: what stores and logs keep.
    pub fn definition(&self) -> RawDefinition {
        match self.program() {
            Some(program) => RawDefinition::Program(program.definition().clone()),
            None => RawDefinition::BuiltIn(self.to_raw()),
        }
    }
}
