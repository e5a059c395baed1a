//! What is given beside a request, and what holds where both say something.

use super::error::ServiceError;
use crate::base::error::{Error, Result, shortened};

/// Where something is given beside a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GivenBy {
    /// By options of a command.
    #[default]
    Options,
    /// By the URL that the request was sent to.
    Url,
    /// By the text that has the request in it, beside it.
    Beside,
}

impl GivenBy {
    /// What errors call the place where `what` is given.
    pub(super) fn field(self, what: &str) -> String {
        match self {
            Self::Options => format!("--{what}"),
            Self::Url => format!("the {what} in the URL"),
            Self::Beside => format!("the {what} beside the request"),
        }
    }

    /// What errors call the request in what they call `origin`.
    fn request(self, origin: &str) -> String {
        if self == Self::Beside { format!("the request in {origin}") } else { origin.to_owned() }
    }
}

/// What is given beside a request, for what it does not say.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Where it is given.
    pub by: GivenBy,
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
    by: GivenBy,
    option: Option<&'a str>,
    request: Option<&'a str>,
    origin: &str,
) -> Result<&'a str> {
    match (option, request) {
        (Some(own), Some(other)) if own != other => Err(Error::because(ServiceError::Disagree {
            field: by.field(what),
            value: shortened(own.to_owned()),
            request: shortened(other.to_owned()),
            origin: by.request(origin),
        })),
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => {
            let option = (by == GivenBy::Options).then(|| by.field(what));
            Err(Error::because(ServiceError::Unsaid { what, option, origin: origin.to_owned() }))
        }
    }
}
