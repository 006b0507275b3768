//! The HTTP door: routes, who is asking, limits, headers, errors. It knows calls and people; they do not know it.

mod router;

mod address;
mod body;
mod cookie;
mod error;
mod forgery;
mod guard;
mod headers;
mod identity;
mod json;
mod limits;
pub mod metrics;
mod openapi;
mod origin;
mod seat;
pub mod tls;
pub mod undelayed;

mod routes {
    pub(super) mod calls;
    pub(super) mod conversations;
    pub(super) mod entry;
    pub(super) mod health;
    pub(super) mod logins;
    pub(super) mod me;
    pub(super) mod messages;
    pub(super) mod models;
    pub(super) mod speech;
    pub(super) mod tokens;
    pub(super) mod transcriptions;
    pub(super) mod vault;
    pub(super) mod web;
    pub(super) mod websocket;
}

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};

pub use self::error::ApiError;
pub use self::router::routes;

use self::limits::Limits;
use self::routes::speech::Readings;
use self::routes::transcriptions::Recordings;
use crate::auth::People;
use crate::call::Calls;
use crate::chat::Chats;
use crate::config::Config;
use crate::engine::models::Models;

/// What handlers share.
#[derive(Clone)]
pub struct AppState {
    config: Arc<Config>,
    calls: Arc<Calls>,
    people: Arc<People>,
    chats: Chats,
    models: Arc<Models>,
    limits: Arc<Limits>,
    recordings: Recordings,
    readings: Readings,
}

impl AppState {
    /// For these calls, these people and their conversations.
    pub fn new(config: Arc<Config>, calls: Arc<Calls>, people: Arc<People>, chats: Chats) -> Self {
        let limits = Arc::new(Limits::new(&config.limits));
        let recordings = Recordings::new(config.limits.queue);
        let readings = Readings::new(config.limits.queue);
        let models = Arc::default();
        Self { config, calls, people, chats, models, limits, recordings, readings }
    }

    /// Forgets what limits no longer need to remember, for ever.
    pub async fn keep_sweeping(&self) {
        self.limits.keep_sweeping().await;
    }
}

/// Serves HTTP on `listener` until `shutdown` is done, then finishes what was begun.
pub async fn serve<L>(
    listener: L,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    guard::Peer: for<'a> Connected<IncomingStream<'a, L>>,
{
    let service = router::router(state).into_make_service_with_connect_info::<guard::Peer>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await
}
