//! What is given beside a request, and what holds where both say something.

use super::error::ServiceError;
use crate::base::error::{Error, Result, shortened};

/// What is given beside a request, for what it does not say.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The user.
    pub user: Option<String>,
    /// The policy, by name.
    pub policy: Option<String>,
    /// The seed.
    pub seed: Option<u64>,
}

/// A value that an option and the request may both state: the one that is stated.
pub(super) fn resolve<'a>(
    what: &'static str,
    option: Option<&'a str>,
    request: Option<&'a str>,
    origin: &str,
) -> Result<&'a str> {
    match (option, request) {
        (Some(own), Some(other)) if own != other => Err(Error::because(ServiceError::Disagree {
            what,
            option: own.to_owned(),
            request: shortened(other.to_owned()),
            origin: origin.to_owned(),
        })),
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => Err(Error::because(ServiceError::Unsaid { what, origin: origin.to_owned() })),
    }
}
