//! What gets better while the server runs: models that are fetched in the background, and a model server that
//! is started after Sotto. Calls that go on keep what they have; those that begin afterwards get the better.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_llm::discover::Candidate;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::call::Calls;
use crate::config::Config;
use crate::engine::{Engines, llm, wanted};
use crate::models::{PullError, Puller, Status, Store};

/// Fetches models that would make the next calls better, if that is wanted, and loads them.
pub(super) fn fetch_models(
    config: &Arc<Config>,
    store: Arc<Store>,
    calls: &Arc<Calls>,
    own_address: SocketAddr,
    tracker: &TaskTracker,
    stopping: CancellationToken,
) {
    if config.models.offline || !config.models.pull {
        return;
    }
    let (config, calls) = (Arc::clone(config), Arc::clone(calls));
    let runtime = tokio::runtime::Handle::current();
    // On a thread that may wait: a GPU is looked for, files are written and summed up.
    tracker.spawn_blocking(move || {
        let missing: Vec<String> = wanted(&config, store.manifest())
            .into_iter()
            .filter(|model| store.status(model) != Status::Here)
            .map(|model| model.name.clone())
            .collect();
        if missing.is_empty() {
            return;
        }
        let improve = improve(&config, &store, &calls, own_address, missing);
        runtime.block_on(stopping.run_until_cancelled(improve));
    });
}

/// Looks among `candidates` for a model server as long as `echo` stands in for one.
///
/// A refused connection on loopback costs microseconds, so it can be done often.
pub async fn find_model_server(
    config: &Config,
    calls: &Calls,
    candidates: &[Candidate],
    own_address: SocketAddr,
    every: Duration,
) {
    loop {
        tokio::time::sleep(every).await;
        if calls.engines().llm.name() != "echo" {
            continue;
        }
        match llm::find(config, candidates, own_address).await {
            Ok(Some(found)) => {
                tracing::info!("llm: {} ({})", found.choice.name, found.choice.for_operator());
                calls.change_engines(|engines| engines.set_llm(found));
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "a model server cannot be used"),
        }
    }
}

/// Fetches models and gives the calls that follow engines that use them.
async fn improve(
    config: &Arc<Config>,
    store: &Arc<Store>,
    calls: &Calls,
    own_address: SocketAddr,
    missing: Vec<String>,
) {
    if fetch(config, store, missing).await == 0 {
        return;
    }
    match Engines::load(Arc::clone(config), Arc::clone(store), own_address).await {
        Ok(engines) => {
            for choice in &engines.choices {
                tracing::info!("{}: {} ({})", choice.stage, choice.name, choice.for_operator());
            }
            calls.change_engines(|current| *current = engines);
            tracing::info!("calls from now on use the new models");
        }
        Err(error) => tracing::warn!(%error, "the new models cannot be used"),
    }
}

/// Fetches models one after the other; how many came.
async fn fetch(config: &Config, store: &Store, names: Vec<String>) -> usize {
    let puller = match puller(config) {
        Ok(puller) => puller,
        Err(error) => {
            tracing::warn!(%error, "models cannot be fetched");
            return 0;
        }
    };
    let mut fetched = 0;
    for model in names.iter().filter_map(|name| store.manifest().get(name)) {
        tracing::info!(model = model.name, "fetching a model in the background");
        match puller.pull(model, &store.target(model), &mut ()).await {
            Ok(()) => fetched += 1,
            Err(error @ PullError::Network { .. }) => {
                // What cannot be reached for one model will not be for the next.
                tracing::info!("models were not fetched: {error}");
                break;
            }
            Err(error) => tracing::warn!("a model was not fetched: {error}"),
        }
    }
    fetched
}

/// Fetches models as configured. `HF_ENDPOINT` names another hub, as it does for everybody else.
pub fn puller(config: &Config) -> Result<Puller, reqwest::Error> {
    let hub = std::env::var("HF_ENDPOINT").ok().filter(|hub| !hub.is_empty());
    let hub = hub.unwrap_or_else(|| config.models.hub.clone());
    let client = crate::engine::http::client(&hub, None)?;
    Ok(Puller::new(client, &hub, config.models.offline))
}
