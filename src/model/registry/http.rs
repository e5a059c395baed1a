//! Asking a server of models, one call at a time.
//!
//! It is somebody else's: a call is over within its time limit, reads a bounded answer, and follows no redirection.

use super::refusal::RegistryRefusal;
use crate::base::error::{Error, Fault, Result};
use crate::base::http::{HttpClient, HttpFailure, body as body_of};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use std::time::Duration;

/// Longest time that a call may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Longest answer.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// The variable of the environment with a token for the server, as its own programs know it.
const TOKEN: &str = "MLFLOW_TRACKING_TOKEN";

/// A server by its address.
#[derive(Clone)]
pub(super) struct Server {
    /// `http://HOST:PORT`, without a path's end.
    address: String,
    authorization: Option<HeaderValue>,
}

/// What a server said.
pub(super) struct HttpReply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Server {
    /// # Errors
    /// An address that is none or has a password, a token that cannot be sent.
    pub(super) fn new(address: &str) -> Result<Self> {
        let fault = || {
            let allowed = "http://HOST:PORT, with a path or without, and no user or password";
            Fault::new("--registry", "no such address", allowed).at("command line")
        };
        let uri: hyper::Uri = address.parse().map_err(|_| fault())?;
        if uri.scheme_str() != Some("http") || uri.authority().is_none_or(|a| a.as_str().contains('@')) {
            return Err(fault());
        }
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        let authorization = token.map(|token| {
            let mut header = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                Fault::new(TOKEN, "a text", "visible characters of ASCII").at("the environment")
            })?;
            header.set_sensitive(true);
            Ok::<_, Error>(header)
        });
        Ok(Self {
            address: address.trim_end_matches('/').to_owned(),
            authorization: authorization.transpose()?,
        })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// A server that cannot be reached, or does not answer in time.
    pub(super) fn send(
        &self,
        method: Method,
        path: &str,
        kind: &'static str,
        body: Vec<u8>,
    ) -> Result<HttpReply> {
        let failed = |what: String| {
            let place = self.address.clone();
            Error::because(RegistryRefusal::Server { place, what, passes: true })
        };
        let uri = format!("{}{path}", self.address);
        let mut request = Request::builder().method(method).uri(uri).header(CONTENT_TYPE, kind);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request =
            request.body(Full::new(Bytes::from(body))).map_err(|error| failed(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let client = HttpClient::new(false)?;
        let call = async {
            let answer = client.send(request).await?;
            let status = answer.status().as_u16();
            let body = body_of(answer, MAX_ANSWER_BYTES).await?.to_vec();
            Ok(HttpReply { status, body })
        };
        let said = |failure| match failure {
            HttpFailure::Unreachable => "it cannot be reached",
            HttpFailure::Broken => "its answer breaks off",
            HttpFailure::TooLarge => "its answer is too long",
        };
        let answer = runtime.block_on(async { tokio::time::timeout(TIME_LIMIT, call).await });
        match answer {
            Ok(answer) => answer.map_err(|failure| failed(said(failure).to_owned())),
            Err(_) => Err(failed(format!("no answer within {} s", TIME_LIMIT.as_secs()))),
        }
    }
}

/// A text as part of a query or path.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
