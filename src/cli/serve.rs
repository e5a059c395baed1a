//! `rehearsal serve`: the online scorer.

use super::error::UsageError;
use super::exit;
use super::experiment_args::active;
use super::prompt_args::{GatewayArgs, PromptArgs};
use super::registry_args::RegistryArgs;
use super::store_args::Global;
use crate::base::error::{Fault, Result};
use crate::model::feast::{Feast, FeastSettings, RawFeastSettings};
use crate::model::registry::{ModelAddress, VersionChoice, resolve, unpack};
use crate::policy::Policy;
use crate::serve::{RawSettings, Server, Settings};
use crate::service::PolicySwitch;
use crate::store::Pace;
use clap::ValueEnum;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tracing::level_filters::LevelFilter;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    /// A policy that answers: a name, or a TOML file; a request may name any that is given, the first one is the default
    #[arg(long = "policy", value_name = "NAME|FILE", env = "REHEARSAL_POLICIES", value_delimiter = ',')]
    pub(super) policies: Vec<String>,
    /// A policy that decides too, after the answer, unseen and without learning
    #[arg(long = "shadow", value_name = "NAME|FILE", env = "REHEARSAL_SHADOWS", value_delimiter = ',')]
    shadows: Vec<String>,
    /// Experiments that users are in: a folder of TOML files; who is in one is decided by the variant's policy
    #[arg(long, value_name = "DIR", env = "REHEARSAL_EXPERIMENTS")]
    experiments: Option<PathBuf>,
    /// How often to look whether an alias of `registry:NAME@ALIAS` has moved; the new version decides from then on
    #[arg(long, value_name = "SECONDS", env = "REHEARSAL_FOLLOW_SECONDS", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    follow_seconds: u64,
    /// Where to listen; port 0 takes a free one, which the log says
    #[arg(long, value_name = "ADDRESS", env = "REHEARSAL_LISTEN", default_value = "127.0.0.1:8080",
          value_parser = listen_address)]
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
    /// A Feast feature server, `feast+http://HOST:PORT`, that is asked for profile features which requests lack
    #[arg(long, value_name = "URL", env = "REHEARSAL_FEATURES")]
    features: Option<String>,
    /// Longest time that the feature server is waited for; then decisions are made without it
    #[arg(long, value_name = "MILLISECONDS", env = "REHEARSAL_FEATURES_TIMEOUT", default_value_t = 20)]
    features_timeout: u64,
    #[command(flatten)]
    prompts: PromptArgs,
    #[command(flatten)]
    gateway: GatewayArgs,
}

/// From which level on events are logged.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// Where to listen: names are not looked up.
fn listen_address(text: &str) -> std::result::Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "allowed: an address and a port, as 127.0.0.1:8080 or [::1]:8080")
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
    let prompts = args.prompts.load()?;
    let feast = args.features.clone().filter(|url| !url.is_empty()).map(|url| {
        Feast::new(FeastSettings::try_from(RawFeastSettings { url, time_limit_ms: args.features_timeout })?)
    });
    let feast = feast.transpose()?;
    let all = args.registry.policies(&args.policies)?;
    let shadows = args.shadows.iter().map(|name| args.registry.shared(&all, name)).collect::<Result<_>>()?;
    let mut policies = args.registry.policies(&args.policies)?.only_given();
    let experiments = active(args.experiments.as_deref(), &mut policies)?;
    if let Some(experiments) = &experiments {
        prompts.check_experiments(experiments.experiments())?;
    }
    let generator = args.gateway.generator(prompts)?;
    policies
        .given()
        .iter()
        .filter_map(|policy| policy.program())
        .try_for_each(|program| program.prepare())?;
    let mut service = global.service(global.to_write(Pace::Server)?, policies, Vec::new())?;
    if let Some(experiments) = experiments {
        service = service.with_experiments(experiments)?;
    }
    let level = match args.log {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_target(false);
    log.with_max_level(level).with_writer(io::stderr).init();
    follow(args, service.policy_switch())?;
    Server::bind(settings, service, shadows, generator, feast)?.run()?;
    Ok(exit::DONE)
}

/// Looks, by a thread of its own, whether aliases of the registry have moved, and puts the new versions in their places.
fn follow(args: &Args, switch: PolicySwitch) -> Result<()> {
    let mut followed = Vec::new();
    for name in &args.policies {
        if let Some(address) = RegistryArgs::address(name)?
            && matches!(address.wanted, VersionChoice::Alias(_))
        {
            let registry = args.registry.open()?;
            // Which policy it is was found out when it was loaded.
            let version = resolve(&*registry, &address)?;
            let policy = unpack(&*registry, &address.name, version)?;
            followed.push((address, version, policy.name().to_owned()));
        }
    }
    if followed.is_empty() {
        return Ok(());
    }
    let (args, pause) = (args.registry.clone(), Duration::from_secs(args.follow_seconds));
    let followed = thread::Builder::new().name("follow".to_owned()).spawn(move || {
        loop {
            thread::sleep(pause);
            for (address, version, name) in &mut followed {
                match newer(&args, address, *version, name) {
                    Ok(Some((number, policy))) => {
                        tracing::info!(policy = %name, from = *version, to = number, "a newer model version decides");
                        *version = number;
                        switch.put(&Arc::new(policy));
                    }
                    Ok(None) => {}
                    Err(error) => {
                        tracing::warn!(policy = %name, %error, "the model registry cannot be followed")
                    }
                }
            }
        }
    });
    followed.map(drop).map_err(UsageError::system("start a thread"))
}

/// The version that an alias has now, if it is another one than before.
fn newer(
    args: &RegistryArgs,
    address: &ModelAddress,
    before: u64,
    name: &str,
) -> Result<Option<(u64, Policy)>> {
    let registry = args.open()?;
    let version = resolve(&*registry, address)?;
    if version == before {
        return Ok(None);
    }
    let policy = unpack(&*registry, &address.name, version)?;
    if policy.name() != name {
        let allowed = format!("{name:?}, which is served: restart with the other one");
        return Err(
            Fault::new("name", format!("{:?}", policy.name()), allowed).at(format!("version {version}"))
        );
    }
    Ok(Some((version, policy)))
}
