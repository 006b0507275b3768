//! `/metrics`: what is counted, for Prometheus. On a port of its own, or on the server's own port for who shows a token;
//! and the counting of requests.

use std::io;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::error::Code;
use super::identity::bearer;
use super::router::route;
use super::{ApiError, AppState};
use crate::telemetry::metrics::{Answered, MEDIA_TYPE, Now};

/// Where it is.
pub(super) const PATH: &str = "/metrics";
/// Where calls are opened: what is refused there is a refused call.
const OPENING: [(&str, &str); 2] = [("GET", "/v1/realtime"), ("POST", "/v1/realtime/calls")];

/// Serves them on a port of their own until `stopping`.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    stopping: CancellationToken,
) -> io::Result<()> {
    let router = Router::new().route(PATH, get(show)).with_state(state);
    axum::serve(listener, router).with_graceful_shutdown(stopping.cancelled_owned()).await
}

/// `GET /metrics`.
pub async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    if let Some(token) = state.config.telemetry.metrics.token.reveal() {
        let shown = bearer(&headers).unwrap_or_default();
        if !bool::from(shown.as_bytes().ct_eq(token.as_bytes())) {
            let text = "show the token of telemetry.metrics.token as bearer token";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "metrics_token", text));
        }
    }
    let calls = &state.calls;
    let standing = calls.admission().standing();
    let now = Now {
        calls: (standing.active, standing.limit),
        strain: standing.strain,
        shedding: standing.shedding,
        waiting: calls.engines().waiting(),
        pools: state.chats.db().pools(),
    };
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], calls.metrics().text(&now)).into_response())
}

/// Counts every request of the server's own port.
pub async fn count(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = method(request.method());
    let response = next.run(request).await;
    // Whatever no route is for is the page's, or nothing.
    let route = path.and_then(|path| route(path.as_str())).unwrap_or("other");
    let code = response.extensions().get::<Code>().map(|code| code.0);
    let status = class(response.status());
    let metrics = state.calls.metrics();
    metrics.http.answered(Answered { method, route, status, code, took: began.elapsed() });
    if let Some(code) = code.filter(|_| OPENING.contains(&(method, route))) {
        metrics.calls.refused(code);
    }
    response
}

/// A method as a label. Clients may make up their own.
fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
