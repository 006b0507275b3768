//! The table of contents: every route of the server.

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use super::routes::{calls, health, web, websocket};
use super::{ApiError, AppState, body, headers};

/// All routes.
pub fn router(state: AppState) -> Router {
    // The realtime API: what OpenAI's clients and phones use.
    let realtime = Router::new()
        .route("/v1/realtime", get(websocket::open))
        .route("/v1/realtime/calls", post(calls::open))
        .route(
            "/v1/realtime/calls/{id}",
            get(calls::look).patch(calls::patch).delete(calls::hang_up),
        )
        .route("/v1/realtime/calls/{id}/hangup", post(calls::hang_up))
        // Before the layer, so that it sees the preflights, whose method no route has.
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(body::read_small))
        .layer(from_fn_with_state(state.clone(), headers::cross_origin));

    // What the page and the operator use.
    let own = Router::new()
        .route("/api/v1/status", get(health::status))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/v1/{*rest}", any(no_route))
        .route("/api/{*rest}", any(no_route))
        .fallback(web::page);

    realtime
        .merge(own)
        .method_not_allowed_fallback(wrong_method)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn(headers::secure))
        .with_state(state)
}

async fn no_route(request: Request) -> ApiError {
    ApiError::not_found(&format!("there is no {}", request.uri().path()))
}

async fn wrong_method(method: Method) -> ApiError {
    let text = format!("{method} is not served here");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text)
}

fn panicked() -> Response {
    let text = "the server made a mistake; its log says which";
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", text).into_response()
}
