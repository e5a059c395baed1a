//! The gateway: an OpenAI-compatible server that passes calls on to language models, such as LiteLLM's proxy.
//!
//! It is somebody else's: it may be slow, answer nonsense or without end, or send us elsewhere. Whatever it does, a call is
//! over within its time limit and takes little memory; it goes to the gateway's own address and nowhere else, and its key
//! with it. Neither the key nor what a gateway said stands in any error.

use super::completion::{Completion, Usage};
use super::retry::Retries;
use super::unused::UnusedReason;
use crate::base::error::{Error, Fault, Result};
use crate::base::http::{HttpClient, HttpFailure, body};
use crate::base::read;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Uri};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Where chat completions are.
const ROUTE: &str = "/v1/chat/completions";
/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 4_096;
/// Longest time limit that may be set, in milliseconds.
const MAX_TIME_LIMIT_MS: u64 = 600_000;
/// Most calls that may be under way at once.
const MAX_CONCURRENCY: usize = 4_096;

/// A gateway as options state it.
#[derive(Clone, Default)]
pub struct RawGatewaySettings {
    /// Its address, `http://` or `https://`; `/v1/chat/completions` is added where it is not there.
    pub url: String,
    /// The key that calls carry.
    pub key: Option<String>,
    /// A file with that key.
    pub key_file: Option<PathBuf>,
    /// The model for prompts that name none.
    pub model: Option<String>,
    /// Longest time that a call may take with all its repetitions, in milliseconds.
    pub time_limit_ms: u64,
    /// Tokens that a user may take in a day.
    pub tokens_per_day: Option<u64>,
    /// So many calls may be under way at once.
    pub concurrency: usize,
}

/// A gateway, checked.
#[derive(Clone)]
pub struct GatewaySettings {
    uri: Uri,
    authorization: Option<HeaderValue>,
    model: Option<String>,
    time_limit: Duration,
    tokens_per_day: Option<u64>,
    concurrency: usize,
}

impl TryFrom<RawGatewaySettings> for GatewaySettings {
    type Error = Error;

    /// # Errors
    /// An address that is none, or has a password; a key that cannot be sent; a limit that is out of range.
    fn try_from(raw: RawGatewaySettings) -> Result<Self> {
        let at_command_line = |fault: Fault| fault.at("command line");
        let uri = address(&raw.url).map_err(at_command_line)?;
        if !(1..=MAX_TIME_LIMIT_MS).contains(&raw.time_limit_ms) {
            let allowed = format!("1 to {MAX_TIME_LIMIT_MS} milliseconds");
            return Err(at_command_line(Fault::new("--gateway-time-limit-ms", raw.time_limit_ms, allowed)));
        }
        if !(1..=MAX_CONCURRENCY).contains(&raw.concurrency) {
            let allowed = format!("1 to {MAX_CONCURRENCY} calls");
            return Err(at_command_line(Fault::new("--gateway-concurrency", raw.concurrency, allowed)));
        }
        let (key, origin) = match (&raw.key_file, raw.key) {
            (Some(path), _) => (Some(read::text(path)?), path.display().to_string()),
            (None, key) => (key, "REHEARSAL_GATEWAY_KEY".to_owned()),
        };
        let authorization = key.map(|key| {
            let key = key.trim_end_matches(['\n', '\r']);
            let fine = (1..=MAX_KEY_BYTES).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
            let header = HeaderValue::from_str(&format!("Bearer {key}")).ok().filter(|_| fine);
            let mut header = header.ok_or_else(|| {
                let allowed = format!("one line of 1 to {MAX_KEY_BYTES} visible characters of ASCII");
                Fault::new("the key of the gateway", format!("{} bytes", key.len()), allowed).at(origin)
            })?;
            header.set_sensitive(true);
            Ok::<_, Error>(header)
        });
        let (authorization, time_limit) =
            (authorization.transpose()?, Duration::from_millis(raw.time_limit_ms));
        let RawGatewaySettings { model, tokens_per_day, concurrency, .. } = raw;
        Ok(Self { uri, authorization, model, time_limit, tokens_per_day, concurrency })
    }
}

/// Where calls go.
fn address(url: &str) -> Result<Uri, Fault> {
    const ALLOWED: &str =
        "http://HOST:PORT or https://HOST:PORT, with a path or without, and no user, password or query";
    // What is no address may be a key that was put in the wrong place.
    let fault = || Fault::new("--gateway", "no address", ALLOWED);
    let uri: Uri = url.parse().map_err(|_| fault())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(fault()) };
    if !["http", "https"].contains(&scheme) || authority.as_str().contains('@') || uri.query().is_some() {
        return Err(fault());
    }
    // A colon within brackets is one of IPv6.
    let behind = authority.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    if behind.is_some_and(|(_, port)| !port.parse().is_ok_and(|port: u16| port > 0)) {
        return Err(fault());
    }
    let path = uri.path().trim_end_matches('/');
    let route = if path.ends_with("/chat/completions") {
        path.to_owned()
    } else if let Some(before) = path.strip_suffix("/v1") {
        format!("{before}{ROUTE}")
    } else {
        format!("{path}{ROUTE}")
    };
    format!("{scheme}://{authority}{route}").parse().map_err(|_| fault())
}

/// A gateway that can be asked.
pub struct Gateway {
    settings: GatewaySettings,
    client: HttpClient,
}

/// What came of asking: a completion or why there is none, and what it took.
pub(super) struct GatewayReply {
    pub(super) outcome: Result<Completion, UnusedReason>,
    pub(super) usage: Usage,
}

/// How one attempt failed.
struct Failure {
    reason: UnusedReason,
    usage: Usage,
    again: Again,
}

/// Whether a failure is worth another attempt.
#[derive(Clone, Copy)]
enum Again {
    Never,
    /// After a pause of our own.
    Soon,
    /// After as long as the other side asks for.
    After(Duration),
}

impl Gateway {
    /// A gateway. Nothing is sent yet.
    ///
    /// # Errors
    /// An address with `https://` on a machine that trusts no certificate authorities.
    pub fn new(settings: GatewaySettings) -> Result<Self> {
        let client = HttpClient::new(settings.uri.scheme_str() == Some("https"))?;
        Ok(Self { settings, client })
    }

    /// The model for prompts that name none.
    pub fn model(&self) -> Option<&str> {
        self.settings.model.as_deref()
    }

    /// Longest time that a call may take with all its repetitions.
    pub fn time_limit(&self) -> Duration {
        self.settings.time_limit
    }

    /// Tokens that a user may take in a day.
    pub fn tokens_per_day(&self) -> Option<u64> {
        self.settings.tokens_per_day
    }

    /// So many calls may be under way at once.
    pub fn concurrency(&self) -> usize {
        self.settings.concurrency
    }

    /// Asks, and again where that may help, until `deadline`.
    pub(super) async fn ask(&self, body: &Bytes, deadline: Instant, retries: &mut Retries) -> GatewayReply {
        let mut usage = Usage::NONE;
        loop {
            let left = |now: Instant| deadline.saturating_duration_since(now);
            let attempt = tokio::time::timeout_at(deadline, self.attempt(body));
            let failure = match attempt.await {
                Ok(Ok(completion)) => {
                    usage = usage.and(completion.usage);
                    return GatewayReply { outcome: Ok(completion), usage };
                }
                Ok(Err(failure)) => failure,
                // What was asked may have been answered, and paid for.
                Err(_) => Failure {
                    reason: UnusedReason::TimeOut { limit: self.settings.time_limit },
                    usage: Usage::UNKNOWN,
                    again: Again::Never,
                },
            };
            usage = usage.and(failure.usage);
            let mut pause = |asked| retries.pause(asked, left(Instant::now()));
            let pause = match failure.again {
                Again::Never => None,
                Again::Soon => pause(None),
                Again::After(asked) => pause(Some(asked)),
            };
            match pause {
                Some(pause) => sleep(pause).await,
                None => return GatewayReply { outcome: Err(failure.reason), usage },
            }
        }
    }

    async fn attempt(&self, asked: &Bytes) -> Result<Completion, Failure> {
        let refused = |reason, again| Failure { reason, usage: Usage::NONE, again };
        let lost = |reason, again| Failure { reason, usage: Usage::UNKNOWN, again };
        let failed = |failure| match failure {
            HttpFailure::Unreachable => refused(UnusedReason::Unreachable, Again::Soon),
            HttpFailure::Broken => lost(UnusedReason::Unreachable, Again::Soon),
            HttpFailure::TooLarge => lost(UnusedReason::TooLarge { bytes: MAX_ANSWER_BYTES }, Again::Never),
        };
        let answer = self.client.send(self.request(asked.clone())).await.map_err(failed)?;
        let status = answer.status();
        if !status.is_success() {
            let (number, asked) = (status.as_u16(), retry_after(answer.headers()));
            let reason = if status.is_redirection() {
                UnusedReason::Redirect { status: number }
            } else {
                UnusedReason::Status { status: number }
            };
            let passes = number == 429 || status.is_server_error();
            let again = match asked {
                _ if !passes => Again::Never,
                None => Again::Soon,
                Some(asked) => Again::After(asked),
            };
            return Err(refused(reason, again));
        }
        let body = body(answer, MAX_ANSWER_BYTES).await.map_err(failed)?;
        Completion::from_json(&body).ok_or_else(|| lost(UnusedReason::NoCompletion, Again::Never))
    }

    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.settings.uri.clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers
            .insert(USER_AGENT, HeaderValue::from_static(concat!("rehearsal/", env!("CARGO_PKG_VERSION"))));
        if let Some(authorization) = &self.settings.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

/// How long the other side asks to wait: seconds. A date is left to our own pauses.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(url: &str) -> RawGatewaySettings {
        RawGatewaySettings {
            url: url.to_owned(),
            time_limit_ms: 1_000,
            concurrency: 1,
            ..RawGatewaySettings::default()
        }
    }

    #[test]
    fn the_route_is_added_where_it_is_not_there() {
        let route = "http://127.0.0.1:4000/v1/chat/completions";
        for url in ["", "/", "/v1", "/v1/", "/v1/chat/completions"] {
            let url = format!("http://127.0.0.1:4000{url}");
            assert_eq!(address(&url).unwrap().to_string(), route, "{url}");
        }
        assert_eq!(
            address("https://x.example/llm").unwrap().to_string(),
            "https://x.example/llm/v1/chat/completions"
        );
        assert!(address("http://[::1]").is_ok() && address("http://[::1]:65535").is_ok());
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_cited() {
        for bad in [
            "",
            "http://127.0.0.1:99999",
            "http://h:0",
            "sk-secret",
            "ftp://h",
            "http://u:sk-secret@h",
            "http://h?key=sk-secret",
            "http://",
            "/v1",
        ] {
            let message = GatewaySettings::try_from(raw(bad)).err().expect(bad).to_string();
            assert!(message.contains("--gateway") && !message.contains("sk-secret"), "{message}");
        }
    }

    #[test]
    fn a_key_is_one_visible_line_and_is_shown_nowhere() {
        for bad in ["", "two\nlines-sk", "caf\u{e9}", "a b"] {
            let raw = RawGatewaySettings { key: Some(bad.to_owned()), ..raw("http://h") };
            let message = GatewaySettings::try_from(raw).err().expect(bad).to_string();
            assert!(message.contains("visible characters") && !message.contains("-sk"), "{message}");
        }
        let raw = RawGatewaySettings { key: Some("sk-secret\n".to_owned()), ..raw("http://h") };
        let settings = GatewaySettings::try_from(raw).unwrap();
        assert_eq!(settings.authorization.as_ref().unwrap(), "Bearer sk-secret");
        assert!(!format!("{:?}", settings.authorization).contains("secret"));
    }

    #[test]
    fn seconds_are_heeded_and_what_is_none_is_not() {
        let of = |value: &str| {
            retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]))
        };
        assert_eq!(of("3"), Some(Duration::from_secs(3)));
        for other in ["-1", "soon", "1.5", "Wed, 21 Oct 2015 07:28:00 GMT", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
