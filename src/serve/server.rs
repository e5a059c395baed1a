//! Starting, listening, and ending in order.

use super::analyses::Analyses;
use super::app::App;
use super::deciders::{Deciders, Lane};
use super::generations::Generations;
use super::metrics::Metrics;
use super::profile_lookups::ProfileLookups;
use super::rewards_over_time::RewardsOverTime;
use super::routes;
use super::settings::Settings;
use super::shadows::Shadows;
use super::upkeep;
use super::writer::Writer;
use crate::base::error::{Cause, Error, ErrorKind, Result};
use crate::model::feast::Feast;
use crate::policy::Policy;
use crate::prompt::Generator;
use crate::service::{Service, ServiceError};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Whoever has not sent the head of a request within this time, and whoever says nothing for as long, is hung up on.
const HEAD_LIMIT: Duration = Duration::from_secs(60);
/// Largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// So many connections are open at once, at most; fewer where the system allows fewer files.
const MAX_CONNECTIONS: usize = 16_384;
/// Files that are needed beside connections.
const OTHER_FILES: usize = 128;
/// After a failure to accept, which is about files that are used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Beyond the time limit of a request, those in work get so long to finish when the server is to end.
const GRACE: Duration = Duration::from_secs(1);
/// At most so many threads decide.
const MAX_DECIDERS: usize = 8;

/// Why a server ends in disorder.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store could not be written to the end.
    #[error("the store could not be written: {count} decisions that were answered are not kept")]
    NotKept {
        /// How many decisions.
        count: usize,
    },
}

impl Cause for ServeError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }
}

/// A server that listens.
pub struct Server {
    settings: Settings,
    service: Arc<Service>,
    shadows: Vec<Arc<Policy>>,
    generator: Generator,
    feast: Option<Feast>,
    listener: std::net::TcpListener,
}

impl Server {
    /// Listens; nothing is answered before [`Self::run`]. Shadows decide after the answer, and learn nothing. What requests
    /// do not say of the profile is asked of `feast`.
    ///
    /// # Errors
    /// An address that cannot be listened on, two shadows of one name, and a shadow with the name of another policy
    /// that decides: in the log the two could not be told apart.
    pub fn bind(
        settings: Settings,
        service: Service,
        shadows: Vec<Arc<Policy>>,
        generator: Generator,
        feast: Option<Feast>,
    ) -> Result<Self> {
        for (i, shadow) in shadows.iter().enumerate() {
            let twice =
                |what| Err(Error::because(ServiceError::NamedTwice { what, name: shadow.name().to_owned() }));
            if shadows[..i].iter().any(|other| other.name() == shadow.name()) {
                return twice("shadow");
            }
            if service.policies().find(shadow.name()).is_ok_and(|policy| policy != shadow) {
                return twice("policy");
            }
        }
        let address = settings.listen();
        let listener = std::net::TcpListener::bind(address)
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(Error::io("listen on", address.to_string()))?;
        Ok(Self { settings, service: Arc::new(service), shadows, generator, feast, listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(Error::io("listen on", self.settings.listen().to_string()))
    }

    /// Answers until the process is asked to end (SIGTERM, SIGINT): then it stops accepting, finishes what it has begun, and
    /// keeps what it has answered.
    ///
    /// # Errors
    /// Threads that cannot be started, and decisions that cannot be kept.
    pub fn run(self) -> Result<()> {
        let Self { settings, service, shadows, generator, feast, listener } = self;
        if generator.gateway().is_some() {
            service.store().find_rewards_by_state()?;
        }
        let metrics = Arc::new(Metrics::new());
        let rewards = Arc::new(RewardsOverTime::new(service.policies().given()));
        let writer = Arc::new(Writer::new(Arc::clone(&service), Arc::clone(&metrics), Arc::clone(&rewards)));
        let (shadows, shadow_thread) =
            Shadows::new(shadows, Arc::clone(&service), Arc::clone(&writer), Arc::clone(&metrics));
        let shadows = Arc::new(shadows);
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let lane = Lane {
            service: Arc::clone(&service),
            writer: Arc::clone(&writer),
            shadows: Arc::clone(&shadows),
            metrics: Arc::clone(&metrics),
            durable: settings.durable_decisions(),
        };
        let (deciders, decider_threads) = Deciders::new(&lane, cores.clamp(1, MAX_DECIDERS));
        let lookups = Arc::new(ProfileLookups::new(feast, Arc::clone(&metrics)));
        let generations =
            Generations::new(generator, Arc::clone(&service), Arc::clone(&metrics), Arc::clone(&lookups));
        let grace = settings.time_limit().max(generations.time_limit()) + GRACE;
        let app = Arc::new(App {
            settings,
            service: Arc::clone(&service),
            deciders,
            writer: Arc::clone(&writer),
            shadows,
            generations: Arc::new(generations),
            lookups,
            metrics,
            rewards,
            analyses: Arc::new(Analyses::default()),
            began: Instant::now(),
            stopping: AtomicBool::new(false),
        });

        can_start(cores)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(Error::io("start", "threads"))?;
        let (running, stopped) = mpsc::channel();
        let own = (Arc::clone(&service), Arc::clone(&writer));
        let upkeep = start("upkeep", move || upkeep::run(&own.0, &own.1, &stopped))?;
        let own = Arc::clone(&writer);
        let writing = start("writer", move || own.run())?;
        let mut others = vec![start("shadows", move || shadow_thread.run())?];
        for decider in decider_threads {
            others.push(start("decider", move || decider.run())?);
        }

        runtime.block_on(accept(listener, &app, grace))?;
        // Whoever has not finished by now is hung up on.
        runtime.shutdown_timeout(GRACE);
        drop(app);
        // Nobody can ask any more: each thread finishes what it has and ends, in the order in which they hand on.
        others.into_iter().for_each(join);
        writer.close();
        let count = join(writing);
        drop(running);
        join(upkeep);
        tracing::info!(unkept_decisions = count, "stopped");
        if count > 0 { Err(Error::because(ServeError::NotKept { count })) } else { Ok(()) }
    }
}

fn start<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<thread::JoinHandle<T>> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Error::io("start", "threads"))
}

/// Whether the system starts so many threads: the runtime ends the process where it does not.
fn can_start(threads: usize) -> Result<()> {
    let held: Vec<_> = (0..threads)
        .map(|_| {
            let (let_go, wait) = mpsc::channel::<()>();
            start("probe", move || wait.recv().is_ok()).map(|thread| (let_go, thread))
        })
        .collect();
    held.into_iter().try_for_each(|started| {
        let (let_go, thread) = started?;
        drop(let_go);
        join(thread);
        Ok(())
    })
}

fn join<T>(thread: thread::JoinHandle<T>) -> T {
    thread.join().expect("nothing panics in it")
}

/// Accepts connections until the process is asked to end, and lets those that are in work finish.
async fn accept(listener: std::net::TcpListener, app: &Arc<App>, grace: Duration) -> Result<()> {
    let system = |action| move |error| Error::io(action, "connections")(error);
    let listener = TcpListener::from_std(listener).map_err(system("accept"))?;
    let mut ends = [SignalKind::terminate(), SignalKind::interrupt()]
        .map(|kind| signal(kind).map_err(Error::io("handle", "signals")));
    let [Ok(terminate), Ok(interrupt)] = &mut ends else {
        return Err(ends.into_iter().find_map(Result::err).expect("one of them failed"));
    };
    let address = listener.local_addr().map_err(system("accept"))?;
    let all = app.service.policies();
    let policies: Vec<&str> = all.given().iter().map(|policy| policy.name()).collect();
    let shadows: Vec<&str> = app.shadows.policies().iter().map(|policy| policy.name()).collect();
    tracing::info!(
        %address,
        store = %app.service.store().origin().display(),
        policies = policies.join(" "),
        shadows = shadows.join(" "),
        "listening"
    );
    let router = routes::router(app);
    let connections = Arc::new(Semaphore::new(connection_limit()));
    let graceful = GracefulShutdown::new();
    loop {
        let connection = async {
            let permit = Arc::clone(&connections).acquire_owned().await.expect("it is never closed");
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            connection = connection => connection,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = serve_connection(stream, router.clone(), graceful.watcher());
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    app.stopping.store(true, Ordering::Relaxed);
    drop(listener);
    tracing::info!("asked to end");
    if timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections that did not finish are closed");
    }
    Ok(())
}

async fn serve_connection(stream: TcpStream, router: Router, watcher: hyper_util::server::graceful::Watcher) {
    // Answers are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_header_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // What goes wrong with a connection is the other end's affair.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Whether an error is about one connection, which is gone.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionRefused | ConnectionAborted | ConnectionReset)
}

/// How many connections may be open, once the process may open as many files as it can be allowed to.
fn connection_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = getrlimit(Resource::Nofile).current.map_or(usize::MAX, |files| files as usize);
    files.saturating_sub(OTHER_FILES).clamp(1, MAX_CONNECTIONS)
}
