//! What the operator says, checked.

use crate::base::error::{Error, Fault, Result};
use crate::base::read;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Largest body that may be allowed, in bytes.
const MAX_BODY_BYTES: u64 = 32 << 20;
/// Longest time limit that may be set, in milliseconds.
const MAX_TIME_LIMIT_MS: u64 = 600_000;
/// Length of a token, in bytes.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 16..=1_024;

/// Settings as options state them.
#[derive(Debug, Clone)]
pub struct RawSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A file with the token that requests must carry.
    pub token_file: Option<PathBuf>,
    /// Whether anybody who reaches the port may ask.
    pub insecure: bool,
    /// Largest body of a request, in bytes.
    pub max_body_bytes: u64,
    /// Longest time that a request may take, in milliseconds.
    pub time_limit_ms: u64,
    /// Whether scores wait until their decisions are safe from a power cut.
    pub durable_decisions: bool,
}

/// A secret that requests must carry, kept as its digest: comparing digests takes as long whatever was sent.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token of this text.
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Whether this is the token.
    pub(super) fn is(&self, sent: &[u8]) -> bool {
        *self == Self(Sha256::digest(sent).into())
    }
}

/// How to serve, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    listen: SocketAddr,
    token: Option<Token>,
    max_body_bytes: usize,
    time_limit: Duration,
    durable_decisions: bool,
}

impl TryFrom<RawSettings> for Settings {
    type Error = Error;

    /// # Errors
    /// A body or time limit out of range, a token file that has no token, and an address that others reach without
    /// a token.
    fn try_from(raw: RawSettings) -> Result<Self> {
        let at_command_line = |fault: Fault| fault.at("command line");
        if !(1..=MAX_BODY_BYTES).contains(&raw.max_body_bytes) {
            let allowed = format!("1 to {MAX_BODY_BYTES} bytes");
            return Err(at_command_line(Fault::new("--max-body-bytes", raw.max_body_bytes, allowed)));
        }
        if !(1..=MAX_TIME_LIMIT_MS).contains(&raw.time_limit_ms) {
            let allowed = format!("1 to {MAX_TIME_LIMIT_MS} milliseconds");
            return Err(at_command_line(Fault::new("--time-limit-ms", raw.time_limit_ms, allowed)));
        }
        let token = raw.token_file.map(|path| {
            let text = read::text(&path)?;
            let token = text.trim_end_matches(['\n', '\r']);
            if !TOKEN_BYTES.contains(&token.len()) || !token.bytes().all(|b| b.is_ascii_graphic()) {
                let (value, allowed) = (
                    format!("{} bytes", token.len()),
                    format!(
                        "one line of {} to {} visible characters of ASCII",
                        TOKEN_BYTES.start(),
                        TOKEN_BYTES.end()
                    ),
                );
                return Err(Fault::new("the token", value, allowed).at(path.display()));
            }
            Ok(Token::of(token))
        });
        let token = token.transpose()?;
        if token.is_none() && !raw.insecure && !raw.listen.ip().is_loopback() {
            let allowed = "an address of loopback; --token-file for any other, or --insecure if whoever reaches it may ask";
            return Err(at_command_line(Fault::new("--listen", raw.listen, allowed)));
        }
        Ok(Self {
            listen: raw.listen,
            token,
            max_body_bytes: raw.max_body_bytes as usize,
            time_limit: Duration::from_millis(raw.time_limit_ms),
            durable_decisions: raw.durable_decisions,
        })
    }
}

impl Settings {
    /// Where to listen.
    pub(super) fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// What requests must carry, if anything.
    pub(super) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Largest body, in bytes.
    pub(super) fn max_body_bytes(&self) -> usize {
        self.max_body_bytes
    }

    /// Longest time that a request may take.
    pub(super) fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Whether scores wait until their decisions are safe.
    pub(super) fn durable_decisions(&self) -> bool {
        self.durable_decisions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn raw() -> RawSettings {
        RawSettings {
            listen: "127.0.0.1:0".parse().unwrap(),
            token_file: None,
            insecure: false,
            max_body_bytes: 1 << 20,
            time_limit_ms: 5_000,
            durable_decisions: false,
        }
    }

    #[test]
    fn others_need_a_token_or_the_operators_word() {
        assert!(Settings::try_from(raw()).is_ok());
        let open = RawSettings { listen: "0.0.0.0:80".parse().unwrap(), ..raw() };
        assert!(Settings::try_from(open.clone()).unwrap_err().to_string().contains("--listen is 0.0.0.0:80"));
        assert!(Settings::try_from(RawSettings { insecure: true, ..open.clone() }).is_ok());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "0123456789abcdef").unwrap();
        let settings =
            Settings::try_from(RawSettings { token_file: Some(file.path().to_owned()), ..open }).unwrap();
        let token = settings.token().unwrap();
        assert!(token.is(b"0123456789abcdef") && !token.is(b"0123456789abcdef\n") && !token.is(b""));
    }

    #[test]
    fn a_token_is_one_visible_line() {
        for bad in ["", "short", "0123456789 abcdef", "0123456789abcdef\nmore", "0123456789abcdé"] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(bad.as_bytes()).unwrap();
            let settings =
                Settings::try_from(RawSettings { token_file: Some(file.path().to_owned()), ..raw() });
            assert!(settings.unwrap_err().to_string().contains("the token is"), "{bad:?}");
        }
    }

    #[test]
    fn limits_have_both_their_bounds() {
        let bytes = |n| Settings::try_from(RawSettings { max_body_bytes: n, ..raw() }).is_ok();
        assert!(!bytes(0) && bytes(1) && bytes(MAX_BODY_BYTES) && !bytes(MAX_BODY_BYTES + 1));
        let time = |n| Settings::try_from(RawSettings { time_limit_ms: n, ..raw() }).is_ok();
        assert!(!time(0) && time(1) && time(MAX_TIME_LIMIT_MS) && !time(MAX_TIME_LIMIT_MS + 1));
    }
}
