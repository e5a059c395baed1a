//! Asking Feast's feature server, `feast serve`: one call for all users of a request.
//!
//! It may be away, slow, or answer nonsense: a call is over within its time limit and takes little memory, and whoever asked
//! goes on without. What it said is in no error.

use super::answer::{FetchedProfile, profiles};
use super::key::ProfileKey;
use super::names::{KIND, USER, view};
use crate::base::error::{Error, Fault, Result};
use crate::base::http::{HttpClient, HttpFailure, body};
use crate::domain::{Domain, InputOf};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use serde_json::{Map, Value, json};
use std::iter;
use std::time::Duration;
use tokio::time::timeout;

/// Begins its addresses; `https` for `http` where it is behind TLS.
const SCHEMES: [(&str, &str); 2] = [("feast+http://", "http"), ("feast+https://", "https")];
/// Where features are.
const ROUTE: &str = "/get-online-features";
/// Longest time limit that may be set, in milliseconds.
const MAX_TIME_LIMIT_MS: u64 = 10_000;
/// Users and kinds that are asked for at once, at most.
const MAX_ROWS: usize = 10_000;
/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// A feature server as options state it.
#[derive(Debug, Clone)]
pub struct RawFeastSettings {
    /// Its address, `feast+http://HOST:PORT`.
    pub url: String,
    /// Longest time that it is waited for, in milliseconds.
    pub time_limit_ms: u64,
}

/// A feature server, checked.
#[derive(Debug, Clone)]
pub struct FeastSettings {
    uri: Uri,
    time_limit: Duration,
}

impl TryFrom<RawFeastSettings> for FeastSettings {
    type Error = Error;

    /// # Errors
    /// An address that is none, or has a password; a time limit that is out of range.
    fn try_from(raw: RawFeastSettings) -> Result<Self> {
        let at_command_line = |fault: Fault| fault.at("command line");
        let uri = address(&raw.url).ok_or_else(|| {
            let allowed = "feast+http://HOST:PORT or feast+https://HOST:PORT, with a path or without, and no user, \
                           password or query";
            at_command_line(Fault::new("--features", "no such address", allowed))
        })?;
        if !(1..=MAX_TIME_LIMIT_MS).contains(&raw.time_limit_ms) {
            let allowed = format!("1 to {MAX_TIME_LIMIT_MS} milliseconds");
            return Err(at_command_line(Fault::new("--features-timeout", raw.time_limit_ms, allowed)));
        }
        Ok(Self { uri, time_limit: Duration::from_millis(raw.time_limit_ms) })
    }
}

/// Where calls go; `None` where that is no address.
fn address(url: &str) -> Option<Uri> {
    let (rest, scheme) =
        SCHEMES.into_iter().find_map(|(prefix, scheme)| Some((url.strip_prefix(prefix)?, scheme)))?;
    let uri: Uri = format!("{scheme}://{rest}").parse().ok()?;
    let authority = uri.authority().filter(|a| !a.as_str().contains('@') && !a.host().is_empty())?;
    if uri.query().is_some() {
        return None;
    }
    format!("{scheme}://{authority}{}{ROUTE}", uri.path().trim_end_matches('/')).parse().ok()
}

/// Why nothing is known of users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeastFailure {
    /// There is no connection.
    Unreachable,
    /// The connection ended before the answer did.
    Broken,
    /// No answer within the time limit.
    TimeOut,
    /// Another status than 200.
    Status,
    /// An answer that is longer than any should be.
    TooLarge,
    /// An answer that is not about what was asked.
    Malformed,
    /// More users and kinds than are asked for at once.
    TooMany,
}

impl FeastFailure {
    /// Its name, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Broken => "broken",
            Self::TimeOut => "time-out",
            Self::Status => "status",
            Self::TooLarge => "too-large",
            Self::Malformed => "malformed",
            Self::TooMany => "too-many",
        }
    }
}

impl From<HttpFailure> for FeastFailure {
    fn from(failure: HttpFailure) -> Self {
        match failure {
            HttpFailure::Unreachable => Self::Unreachable,
            HttpFailure::Broken => Self::Broken,
            HttpFailure::TooLarge => Self::TooLarge,
        }
    }
}

/// A feature server that can be asked.
pub struct Feast {
    settings: FeastSettings,
    client: HttpClient,
}

impl Feast {
    /// A feature server. Nothing is sent yet.
    ///
    /// # Errors
    /// An address with TLS on a machine that trusts no certificate authorities.
    pub fn new(settings: FeastSettings) -> Result<Self> {
        let client = HttpClient::new(settings.uri.scheme_str() == Some("https"))?;
        Ok(Self { settings, client })
    }

    /// What is known of these users, in their order, by the inputs of a domain: one call within the time limit.
    ///
    /// # Errors
    /// No answer, or none about them.
    pub async fn fetch(
        &self,
        domain: &Domain,
        keys: &[ProfileKey],
    ) -> Result<Vec<FetchedProfile>, FeastFailure> {
        if keys.iter().map(ProfileKey::rows).sum::<usize>() > MAX_ROWS {
            return Err(FeastFailure::TooMany);
        }
        let answer = timeout(self.settings.time_limit, async {
            let answer = self.client.send(self.request(domain, keys)).await?;
            if answer.status() != 200 {
                return Err(FeastFailure::Status);
            }
            Ok(body(answer, MAX_ANSWER_BYTES).await?)
        });
        let text = answer.await.unwrap_or(Err(FeastFailure::TimeOut))?;
        profiles(domain, keys, &text).ok_or(FeastFailure::Malformed)
    }

    fn request(&self, domain: &Domain, keys: &[ProfileKey]) -> Request<Full<Bytes>> {
        let view = view(domain);
        let features: Vec<String> =
            domain.inputs_of(InputOf::Profile).map(|input| format!("{view}:{}", input.name)).collect();
        let mut entities = Map::new();
        let users = keys.iter().flat_map(|key| iter::repeat_n(key.user.as_str(), key.rows()));
        entities.insert(USER.to_owned(), users.collect::<Value>());
        if domain.kind_position().is_some() {
            entities.insert(KIND.to_owned(), keys.iter().flat_map(ProfileKey::each_row).collect());
        }
        let body = json!({"features": features, "entities": entities, "full_feature_names": false});
        let mut request = Request::new(Full::new(Bytes::from(body.to_string())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.settings.uri.clone();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json.clone());
        request.headers_mut().insert(ACCEPT, json);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_no_secret() {
        let of = |url: &str| address(url).map(|uri| uri.to_string());
        assert_eq!(of("feast+http://h:6566").as_deref(), Some("http://h:6566/get-online-features"));
        assert_eq!(of("feast+https://h/a/").as_deref(), Some("https://h/a/get-online-features"));
        for bad in
            ["", "http://h:6566", "feast+http://", "feast+http://u:p@h", "feast+http://h?x=1", "feast://h"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_time_limit_has_both_its_bounds() {
        let of = |time_limit_ms| {
            let url = "feast+http://h:6566".to_owned();
            FeastSettings::try_from(RawFeastSettings { url, time_limit_ms }).is_ok()
        };
        assert!(!of(0) && of(1) && of(MAX_TIME_LIMIT_MS) && !of(MAX_TIME_LIMIT_MS + 1));
    }
}
