//! The server: what is built in which order, and taken down in the reverse one.

mod better;
mod people;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_llm::discover::usual;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::clock::Clock;
use crate::auth::{AuthError, People};
use crate::call::{Calls, admission};
use crate::chat::{ChatError, Chats};
use crate::config::{Config, PublicIp};
use crate::engine::{EngineLoadError, Engines, llm};
use crate::http::tls::{TlsError, TlsListener};
use crate::http::undelayed::Undelayed;
use crate::http::{self, AppState};
use crate::models::Store;
use crate::pipeline::transport::webrtc::{WebRtc, WebRtcError};
use crate::store::StoreError;
use crate::telemetry::{Metrics, Telemetry, Traces, TracesError};
use crate::vault::keyring::Keyring;

pub use self::better::{find_model_server, puller};
pub use self::people::people;

/// Everything is asked to end within this when the calls have ended.
const LAST_TASKS: Duration = Duration::from_secs(5);
/// How long requests may go on when all calls have ended.
const LAST_REQUESTS: Duration = Duration::from_secs(2);
/// How often a model server is looked for while there is none.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The server cannot start, or has failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// As configured.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The media port, or WebRTC.
    #[error(transparent)]
    WebRtc(#[from] WebRtcError),
    /// HTTPS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An engine that was asked for.
    #[error(transparent)]
    Engine(#[from] EngineLoadError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server's keys, and what they open.
    #[error(transparent)]
    Chats(#[from] ChatError),
    /// What people sign in with.
    #[error(transparent)]
    People(#[from] AuthError),
    /// Where traces go.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Serving.
    #[error("serving HTTP: {0}")]
    Serve(#[source] io::Error),
}

/// A server that listens, with its engines loaded.
pub struct Server {
    config: Arc<Config>,
    listener: TcpListener,
    address: SocketAddr,
    /// Where metrics are, if they have a port of their own.
    metrics: Option<(TcpListener, SocketAddr)>,
    /// HTTPS, if that is wanted.
    tls: Option<Arc<rustls::ServerConfig>>,
    calls: Arc<Calls>,
    people: Arc<People>,
    chats: Chats,
    tracker: TaskTracker,
    /// Ends what is not a call: the media port, handshakes, background work.
    stopping: CancellationToken,
}

impl Server {
    /// Binds the ports and loads the engines.
    pub async fn start(
        config: Arc<Config>,
        keyring: Arc<Keyring>,
        store: Arc<Store>,
    ) -> Result<Self, ServerError> {
        let (listener, address) = bind(config.server.bind).await?;
        let engines = Engines::load(Arc::clone(&config), Arc::clone(&store), address).await?;
        let bound = (listener, address);
        let server = Self::assemble(config, keyring, bound, engines, Clock::system()).await?;
        server.keep_watch();
        server.get_better(store);
        Ok(server)
    }

    /// Binds the ports and uses these engines, with a clock for what ends by the time of day.
    pub async fn with_engines(
        config: Arc<Config>,
        keyring: Arc<Keyring>,
        engines: Engines,
        clock: Clock,
    ) -> Result<Self, ServerError> {
        let bound = bind(config.server.bind).await?;
        Self::assemble(config, keyring, bound, engines, clock).await
    }

    async fn assemble(
        config: Arc<Config>,
        keyring: Arc<Keyring>,
        (listener, address): (TcpListener, SocketAddr),
        engines: Engines,
        clock: Clock,
    ) -> Result<Self, ServerError> {
        let (tracker, stopping) = (TaskTracker::new(), CancellationToken::new());
        let settings = &config.server;
        let tls = if settings.tls.enabled() {
            Some(http::tls::load(&settings.tls, &settings.data_dir)?)
        } else {
            None
        };
        let (people, chats) =
            people::open(&config, keyring, clock, &tracker, stopping.child_token()).await?;
        let people = Arc::new(people);
        let metrics = match config.telemetry.metrics.bind {
            Some(own) => Some(bind(own).await?),
            None => None,
        };
        let telemetry = telemetry(&config, &tracker, stopping.child_token())?;
        chats.count_in(&telemetry.metrics);
        let public = match &config.webrtc.public_ip {
            PublicIp::Auto => None,
            PublicIp::Fixed(addresses) => Some(addresses.as_slice()),
        };
        let loopback = address.ip().is_loopback();
        let port = config.webrtc.udp_port;
        let webrtc =
            WebRtc::start(port, public, loopback, &tracker, stopping.child_token()).await?;
        let calls = Calls::new(
            Arc::clone(&config),
            engines,
            webrtc,
            tracker.clone(),
            stopping.child_token(),
            CancellationToken::new(),
        );
        let calls = Arc::new(calls.with_telemetry(telemetry));
        let server = Self {
            config,
            listener,
            address,
            metrics,
            tls,
            calls,
            people,
            chats,
            tracker,
            stopping,
        };
        Ok(server)
    }

    /// Looks from now on how the machine copes, and takes on less when it does not.
    fn keep_watch(&self) {
        let (calls, stopping) = (Arc::clone(&self.calls), self.stopping.child_token());
        self.tracker.spawn(async move {
            stopping.run_until_cancelled(admission::watch(&calls)).await;
        });
    }

    /// Begins what makes the next calls better.
    fn get_better(&self, store: Arc<Store>) {
        let Self { config, address, calls, tracker, stopping, .. } = self;
        better::fetch_models(config, store, calls, *address, tracker, stopping.child_token());
        if llm::is_looked_for(&config.llm) {
            let (config, calls, address) = (Arc::clone(config), Arc::clone(calls), *address);
            let stopping = stopping.child_token();
            tracker.spawn(async move {
                let candidates = usual();
                let look = find_model_server(&config, &calls, &candidates, address, LOOK_AGAIN);
                stopping.run_until_cancelled(look).await;
            });
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` is, if it has a port of its own.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, address)| *address)
    }

    /// Where the page is.
    pub fn url(&self) -> String {
        let scheme = if self.config.server.tls.enabled() { "https" } else { "http" };
        let host = match self.address.ip() {
            ip if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
            ip => ip.to_string(),
        };
        format!("{scheme}://{host}:{}", self.address.port())
    }

    /// Its calls.
    pub fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    /// Its conversations.
    pub fn chats(&self) -> &Chats {
        &self.chats
    }

    /// Its people.
    pub fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// Serves until `shutdown` is done: then no new calls are taken, those that go on are told and given
    /// their grace, and everything is closed.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServerError> {
        let Self {
            config, listener, metrics, tls, calls, people, chats, tracker, stopping, ..
        } = self;
        let db = chats.db().clone();
        let state =
            AppState::new(Arc::clone(&config), Arc::clone(&calls), Arc::clone(&people), chats);
        let (limits, ending) = (state.clone(), stopping.child_token());
        tracker.spawn(async move {
            let forgetting = async { tokio::join!(limits.keep_sweeping(), people.keep_sweeping()) };
            ending.run_until_cancelled(forgetting).await;
        });
        if let Some((listener, _)) = metrics {
            let serving = http::metrics::serve(listener, state.clone(), stopping.child_token());
            tracker.spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "metrics are no longer served");
                }
            });
        }
        let grace = Duration::from_millis(config.server.shutdown_grace_ms);
        let stop = stopping.clone();
        let draining = Arc::clone(&calls);
        // Requests that are being answered are finished; the calls they opened are drained first.
        let drained = async move {
            shutdown.await;
            draining.drain(grace).await;
            stop.cancel();
        };
        let serving = async {
            match tls {
                Some(tls) => {
                    let ending = stopping.child_token();
                    let listener = TlsListener::new(listener, tls, &tracker, ending)?;
                    http::serve(listener, state, drained).await
                }
                None => http::serve(Undelayed(listener), state, drained).await,
            }
        };
        // A client that never finishes its request must not hold up the end.
        let late = async {
            stopping.cancelled().await;
            tokio::time::sleep(LAST_REQUESTS).await;
        };
        let served = tokio::select! {
            served = serving => served,
            () = late => Ok(()),
        };
        stopping.cancel();
        tracker.close();
        if tokio::time::timeout(LAST_TASKS, tracker.wait()).await.is_err() {
            tracing::warn!(tasks = tracker.len(), "some tasks did not end in time");
        }
        db.close().await;
        served.map_err(ServerError::Serve)
    }
}

/// Who is told what the server does.
fn telemetry(
    config: &Config,
    tracker: &TaskTracker,
    stopping: CancellationToken,
) -> Result<Telemetry, TracesError> {
    let metrics = Arc::<Metrics>::default();
    let traces = Traces::start(&config.telemetry.traces, &metrics, tracker, stopping)?;
    Ok(Telemetry { metrics, traces })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |source| ServerError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
