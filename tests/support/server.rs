//! A server in this process, on a free port, and the ways to reach it.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, OnceLock};

use reqwest::{Client, RequestBuilder};
use sotto::auth::People;
use sotto::auth::clock::Clock;
use sotto::call::Calls;
use sotto::client::{Call, CallOptions};
use sotto::config::{Config, Secret};
use sotto::engine::Engines;
use sotto::server::Server;
use sotto::vault::keyring::Keyring;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::database::SECRET_KEYS;
use super::{engines, fakes};

/// A running server. Dropping it stops it.
pub struct TestServer {
    pub url: String,
    /// Where metrics are, if they have a port of their own.
    pub metrics: Option<SocketAddr>,
    pub calls: Arc<Calls>,
    pub people: Arc<People>,
    pub http: Client,
    /// Its files, unless the configuration names a folder.
    _folder: Option<TempDir>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// Keys that are nobody's.
pub fn keyring() -> Arc<Keyring> {
    Arc::new(Keyring::parse(SECRET_KEYS).unwrap())
}

impl TestServer {
    /// With these engines and the test configuration.
    pub async fn start(engines: Engines) -> Self {
        Self::with(engines::config(), engines).await
    }

    /// With fake engines that hear one text.
    pub async fn fake() -> Self {
        Self::start(fakes::engines(&["hello there"])).await
    }

    /// With this configuration and these engines.
    pub async fn with(config: Config, engines: Engines) -> Self {
        Self::with_clock(config, engines, Clock::system()).await
    }

    /// With fake engines, this configuration, and a clock for what ends by the time of day.
    pub async fn at(config: Config, clock: Clock) -> Self {
        Self::with_clock(config, fakes::engines(&["hello there"]), clock).await
    }

    async fn with_clock(mut config: Config, engines: Engines, clock: Clock) -> Self {
        let mut folder = None;
        if config.server.data_dir == Config::default().server.data_dir {
            let made = tempfile::tempdir().unwrap();
            made.path().clone_into(&mut config.server.data_dir);
            folder = Some(made);
        }
        // The same stories on PostgreSQL (scripts/test.sh).
        let elsewhere = std::env::var("SOTTO_TEST_STORE").is_ok_and(|store| store == "postgres");
        if elsewhere && config.database.url.reveal().is_none() {
            let url = super::database::postgres_url().await.expect("a PostgreSQL to test on");
            config.database.url = Secret::new(url);
            config.database.connections = 3;
        }
        let server =
            Server::with_engines(Arc::new(config), keyring(), engines, clock).await.unwrap();
        let url = format!("http://127.0.0.1:{}", server.address().port());
        let metrics = server.metrics_address();
        let calls = Arc::clone(server.calls());
        let people = Arc::clone(server.people());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        #[expect(clippy::disallowed_methods, reason = "`stop` joins it")]
        let task = tokio::spawn(async move {
            server.run(async move { stopped.cancelled().await }).await.unwrap();
        });
        let http = sotto::engine::http::client(&url, None).unwrap();
        Self { url, metrics, calls, people, http, _folder: folder, stop, task: Some(task) }
    }

    /// Asks the server to stop and waits until it has.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.await.unwrap();
        }
    }

    /// Asks the server to stop.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Calls the server as `sotto call` does.
    pub async fn call(&self) -> Call {
        Call::place(self.options()).await.unwrap()
    }

    /// The options of such a call.
    pub fn options(&self) -> CallOptions {
        CallOptions::new(self.url.clone())
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url))
    }

    /// How many calls go on, and how many may.
    pub fn lines(&self) -> (usize, usize) {
        let standing = self.calls.admission().standing();
        (standing.active, standing.limit)
    }

    /// Waits until no call goes on and nothing is left of any; fails after `seconds`.
    pub async fn wait_for_quiet(&self, seconds: u64) {
        for _ in 0..seconds * 50 {
            if self.lines().0 == 0 && self.calls.webrtc().counts() == (0, 0) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("left over: {} calls, {:?}", self.lines().0, self.calls.webrtc().counts());
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The engines on real weights, loaded once; `None` if tests with them have to be skipped.
pub async fn real() -> Option<TestServer> {
    static ENGINES: OnceLock<Engines> = OnceLock::new();
    /// Engines that are programs need a runtime that outlives the test that came first.
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    let config = engines::real_config()?;
    let wanted = config.clone();
    let load = move || ENGINES.get_or_init(|| RUNTIME.block_on(engines::load(&wanted))).clone();
    let engines = tokio::task::spawn_blocking(load).await.unwrap();
    Some(TestServer::with(config, engines).await)
}
