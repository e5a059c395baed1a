//! Asking other programs' servers over HTTP: the one client that there is.
//!
//! Servers are somebody else's: whoever asks says how long an answer may be and for how long it waits. No redirection is
//! followed, so that what a request carries goes to the address that it was meant for and nowhere else.

use crate::base::error::Result;
use crate::base::tls;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::Duration;

/// A connection that nobody needs is kept so long.
const IDLE: Duration = Duration::from_secs(30);

/// Connections to one server, which are kept.
pub(crate) struct HttpClient(Transport);

enum Transport {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpFailure {
    /// There is no connection, so that nothing was asked.
    Unreachable,
    /// The connection ended before the answer did.
    Broken,
    /// The answer is longer than it may be.
    TooLarge,
}

impl HttpClient {
    /// A client of an address that begins with `https://`, or else with `http://`. Nothing is sent yet.
    ///
    /// # Errors
    /// TLS on a machine that trusts no certificate authorities.
    pub(crate) fn new(is_tls: bool) -> Result<Self> {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
        Ok(Self(if is_tls {
            let connector = HttpsConnectorBuilder::new().with_tls_config(tls::client(None)?);
            Transport::Tls(builder.build(connector.https_only().enable_http1().build()))
        } else {
            let mut connector = HttpConnector::new();
            connector.set_nodelay(true);
            Transport::Plain(builder.build(connector))
        }))
    }

    /// Sends a request; the answer's body is yet to be read.
    ///
    /// # Errors
    /// A server that cannot be reached, or hangs up.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, HttpFailure> {
        let answer = match &self.0 {
            Transport::Plain(client) => client.request(request),
            Transport::Tls(client) => client.request(request),
        };
        answer.await.map_err(
            |error| {
                if error.is_connect() { HttpFailure::Unreachable } else { HttpFailure::Broken }
            },
        )
    }
}

/// The body of an answer, of so many bytes at most.
///
/// # Errors
/// One that is longer, or breaks off.
pub(crate) async fn body(answer: Response<Incoming>, max_bytes: usize) -> Result<Bytes, HttpFailure> {
    let body = Limited::new(answer.into_body(), max_bytes).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            HttpFailure::TooLarge
        } else {
            HttpFailure::Broken
        }
    })
}
