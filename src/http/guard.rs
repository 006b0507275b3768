//! Who is asking, and whether they may.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::serve::IncomingStream;

use super::identity::{Actor, Client, Known};
use super::tls::TlsListener;
use super::undelayed::Undelayed;
use super::{ApiError, AppState};
use crate::auth::Person;
use crate::call::access::Caller;

/// Headers by which proxies say for whom they speak.
const FORWARDING: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

/// Who opened the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Undelayed>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Undelayed>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A caller that may call: somebody who is known, or anybody where open calls let them in. Handlers that open or
/// touch calls take it.
pub struct Admitted {
    /// The address that limits count.
    pub address: IpAddr,
    /// Who calls, if that is known.
    pub person: Option<Arc<Person>>,
}

impl FromRequestParts<AppState> for Admitted {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let Some(ConnectInfo(Peer(peer))) = parts.extensions.get().copied() else {
            return Err(ApiError::internal());
        };
        let Client(address) = Client::from_request_parts(parts, state).await?;
        let known = Actor::from_request_parts(parts, state).await?.known;
        if let Some(known) = known.filter(Known::may_call) {
            return Ok(Self { address, person: Some(known.person) });
        }
        if caller(peer, &parts.headers).may_call(state.config.auth.open_calls) {
            return Ok(Self { address, person: None });
        }
        Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "not_allowed",
            "this server takes calls without credentials only from its own machine: sign in, show an \
             API token, or ask its operator, who can open it with auth.open_calls in config.yml",
        ))
    }
}

/// What is known of a request.
pub fn caller(peer: SocketAddr, headers: &HeaderMap) -> Caller<'_> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // An `Origin` that is no text is somebody else's.
    let origin = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("null"));
    Caller {
        peer,
        host: text(header::HOST),
        origin,
        forwarded: FORWARDING.iter().any(|name| headers.contains_key(*name)),
    }
}
