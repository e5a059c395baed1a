//! Who may ask: whoever has the token; without one, programs of this machine.

use super::app::App;
use super::problem::Problem;
use super::settings::Token;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::IpAddr;

/// Probes carry no token.
const OPEN: &str = "/health/";

/// Why a request may not pass, if it may not.
pub(super) fn refusal(app: &App, request: &Request) -> Option<Problem> {
    match app.settings.token() {
        _ if request.uri().path().starts_with(OPEN) => None,
        Some(token) => (!carries(request.headers(), token)).then(|| {
            let detail =
                "send the header `authorization: Bearer TOKEN`; a browser sends the token as a password";
            Problem::new(StatusCode::UNAUTHORIZED, detail)
                .with_header(header::WWW_AUTHENTICATE, "Bearer, Basic realm=\"rehearsal\"")
        }),
        // A page of another site may have its own name resolve to this machine, so that a browser takes us for it.
        None if app.settings.listen().ip().is_loopback()
            && !is_of_loopback(request.headers(), request.uri()) =>
        {
            let detail =
                "without a token only this machine is served: ask for localhost or an address of loopback";
            Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
        }
        None => None,
    }
}

/// Whether the token is there, as a bearer's or as the password of anybody.
fn carries(headers: &HeaderMap, token: &Token) -> bool {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return false };
    let Some((scheme, credentials)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let credentials = credentials.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return token.is(credentials.as_bytes());
    }
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials).ok()).flatten();
    let password =
        decoded.and_then(|pair| pair.iter().position(|b| *b == b':').map(|at| pair[at + 1..].to_vec()));
    password.is_some_and(|password| token.is(&password))
}

/// Whether the host that is asked for is this machine under a name of its own.
fn is_of_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
    let host = uri.authority().map(Authority::as_str);
    let Some(host) = host.or_else(|| headers.get(header::HOST)?.to_str().ok()) else {
        // Browsers always name one.
        return true;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_names_of_this_machine_are_ours() {
        let ours = |host: &str| is_of_loopback(&headers(header::HOST, host), &Uri::from_static("/score"));
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "[::1]"] {
            assert!(ours(host), "{host}");
        }
        for host in
            ["example.org", "localhost.example.org", "10.0.0.1:80", "[::2]", "127.0.0.1.example.org", ""]
        {
            assert!(!ours(host), "{host}");
        }
    }

    #[test]
    fn the_token_comes_once_and_whole() {
        let token = Token::of("0123456789abcdef");
        let sent = |value: &str| carries(&headers(header::AUTHORIZATION, value), &token);
        assert!(sent("Bearer 0123456789abcdef") && sent("bearer 0123456789abcdef"));
        assert!(sent(&format!("Basic {}", STANDARD.encode("me:0123456789abcdef"))));
        for bad in
            ["Bearer 0123456789abcde", "Bearer", "0123456789abcdef", "Basic 0123456789abcdef", "Bearer "]
        {
            assert!(!sent(bad), "{bad}");
        }
        let mut twice = headers(header::AUTHORIZATION, "Bearer 0123456789abcdef");
        twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer 0123456789abcdef"));
        assert!(!carries(&twice, &token));
        assert!(!carries(&HeaderMap::new(), &token));
    }
}
