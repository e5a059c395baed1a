//! `rehearsal serve`: the online scorer.

use super::error::UsageError;
use super::exit;
use super::store_args::Global;
use crate::base::error::Result;
use crate::serve::{RawSettings, Server, Settings};
use crate::service::Policies;
use crate::store::Pace;
use clap::ValueEnum;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use tracing::level_filters::LevelFilter;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A policy that answers: a name, or a TOML file; a request may name any that is given, the first one is the default
    #[arg(long = "policy", value_name = "NAME|FILE", env = "REHEARSAL_POLICIES", value_delimiter = ',')]
    pub(super) policies: Vec<String>,
    /// A policy that decides too, after the answer, unseen and without learning
    #[arg(long = "shadow", value_name = "NAME|FILE", env = "REHEARSAL_SHADOWS", value_delimiter = ',')]
    shadows: Vec<String>,
    /// Where to listen; port 0 takes a free one, which the log says
    #[arg(long, value_name = "ADDRESS", env = "REHEARSAL_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A file with the token that requests must carry (`authorization: Bearer TOKEN`)
    #[arg(long, value_name = "FILE", env = "REHEARSAL_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Listen beyond this machine without a token: whoever reaches the port may ask
    #[arg(long, env = "REHEARSAL_INSECURE")]
    insecure: bool,
    /// Answer a score only once its decision is safe from a power cut; otherwise it is kept a moment later
    #[arg(long, env = "REHEARSAL_DURABLE_DECISIONS")]
    durable_decisions: bool,
    /// Largest body of a request
    #[arg(long, value_name = "BYTES", env = "REHEARSAL_MAX_BODY_BYTES", default_value_t = 1 << 20)]
    max_body_bytes: u64,
    /// Longest time that a request may take
    #[arg(long, value_name = "MILLISECONDS", env = "REHEARSAL_TIME_LIMIT_MS", default_value_t = 5_000)]
    time_limit_ms: u64,
    /// What is logged, as JSON lines on stderr; each request from `debug` on
    #[arg(long, value_name = "LEVEL", env = "REHEARSAL_LOG", value_enum, default_value_t = Level::Info)]
    log: Level,
}

/// From which level on events are logged.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<u8> {
    if args.policies.is_empty() {
        return Err(UsageError::no_policy());
    }
    let settings = Settings::try_from(RawSettings {
        listen: args.listen,
        token_file: args.token_file.clone(),
        insecure: args.insecure,
        max_body_bytes: args.max_body_bytes,
        time_limit_ms: args.time_limit_ms,
        durable_decisions: args.durable_decisions,
    })?;
    let all = Policies::new(&args.policies)?;
    let shadows = args.shadows.iter().map(|name| all.of_operator(name)).collect::<Result<_>>()?;
    let policies = Policies::exactly(&args.policies)?;
    let service = global.service(global.to_write(Pace::Server)?, policies, Vec::new())?;
    let level = match args.log {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_target(false);
    log.with_max_level(level).with_writer(io::stderr).init();
    Server::bind(settings, service, shadows)?.run()?;
    Ok(exit::DONE)
}
