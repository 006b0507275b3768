//! The HTTP door: routes, limits, headers, errors. It knows calls; calls do not know it.

mod body;
mod error;
mod guard;
mod headers;
mod limits;
mod router;
pub mod tls;

mod routes {
    pub(super) mod calls;
    pub(super) mod health;
    pub(super) mod web;
    pub(super) mod websocket;
}

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};

pub use self::error::ApiError;

use self::limits::OfferLimit;
use crate::call::Calls;
use crate::config::Config;

/// What handlers share.
#[derive(Clone)]
pub struct AppState {
    config: Arc<Config>,
    calls: Arc<Calls>,
    offers: Arc<OfferLimit>,
}

impl AppState {
    /// For these calls.
    pub fn new(config: Arc<Config>, calls: Arc<Calls>) -> Self {
        let offers = Arc::new(OfferLimit::new(config.limits.offers_per_minute));
        Self { config, calls, offers }
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
