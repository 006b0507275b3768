//! The table of contents: every route of the server.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use super::routes::{
    calls, conversations, entry, health, logins, me, messages, models, speech, tokens,
    transcriptions, vault, web, websocket,
};
use super::{ApiError, AppState, body, forgery, headers, identity, metrics, openapi};

/// A route: what it answers to, and who answers.
struct Route {
    method: Method,
    path: &'static str,
    handler: MethodRouter<AppState>,
}

impl Route {
    fn new(method: Method, path: &'static str, handler: MethodRouter<AppState>) -> Self {
        Self { method, path, handler }
    }
}

/// The realtime API: what `OpenAI`'s clients and phones use.
fn realtime() -> Vec<Route> {
    const CALL: &str = "/v1/realtime/calls/{id}";
    vec![
        Route::new(Method::GET, "/v1/realtime", get(websocket::open)),
        Route::new(Method::POST, "/v1/realtime/calls", post(calls::open)),
        Route::new(Method::GET, CALL, get(calls::look)),
        Route::new(Method::PATCH, CALL, patch(calls::patch)),
        Route::new(Method::DELETE, CALL, delete(calls::hang_up)),
        Route::new(Method::POST, "/v1/realtime/calls/{id}/hangup", post(calls::hang_up)),
    ]
}

/// Single stages, as `OpenAI`'s clients use them. Bodies are bounded where they are read.
fn audio() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/v1/audio/transcriptions", post(transcriptions::open)),
        Route::new(Method::POST, "/v1/audio/speech", post(speech::open)),
        Route::new(Method::GET, "/v1/audio/voices", get(speech::voices)),
    ]
}

/// What the page uses. Everything that is not GET needs a proof against forgery, with no exception.
fn api() -> Vec<Route> {
    const CONVERSATION: &str = "/api/v1/conversations/{id}";
    vec![
        Route::new(Method::GET, "/api/v1/status", get(health::status)),
        Route::new(Method::GET, "/api/v1/openapi.json", get(openapi::document)),
        Route::new(Method::GET, "/api/v1/calls/{id}/turns", get(calls::turns)),
        // People.
        Route::new(Method::GET, "/api/v1/csrf", get(me::csrf)),
        Route::new(Method::GET, "/api/v1/me", get(me::look)),
        Route::new(Method::PATCH, "/api/v1/me", patch(me::change)),
        Route::new(Method::DELETE, "/api/v1/me", delete(me::remove)),
        Route::new(Method::POST, "/api/v1/me/password", post(me::change_password)),
        Route::new(Method::POST, "/api/v1/guest", post(entry::guest)),
        Route::new(Method::POST, "/api/v1/sign-up", post(entry::sign_up)),
        Route::new(Method::POST, "/api/v1/login", post(entry::log_in)),
        Route::new(Method::POST, "/api/v1/logout", post(entry::log_out)),
        Route::new(Method::GET, "/api/v1/logins", get(logins::list)),
        Route::new(Method::DELETE, "/api/v1/logins", delete(logins::end_others)),
        Route::new(Method::DELETE, "/api/v1/logins/{id}", delete(logins::end)),
        Route::new(Method::GET, "/api/v1/tokens", get(tokens::list)),
        Route::new(Method::POST, "/api/v1/tokens", post(tokens::make)),
        Route::new(Method::DELETE, "/api/v1/tokens/{id}", delete(tokens::end)),
        // What they may choose from.
        Route::new(Method::GET, "/api/v1/models", get(models::models)),
        Route::new(Method::GET, "/api/v1/voices", get(models::voices)),
        // What they keep.
        Route::new(Method::GET, "/api/v1/conversations", get(conversations::list)),
        Route::new(Method::POST, "/api/v1/conversations", post(conversations::create)),
        Route::new(Method::GET, CONVERSATION, get(conversations::open)),
        Route::new(Method::PATCH, CONVERSATION, patch(conversations::update)),
        Route::new(Method::DELETE, CONVERSATION, delete(conversations::delete)),
        Route::new(Method::GET, "/api/v1/conversations/{id}/turns", get(conversations::turns)),
        Route::new(Method::POST, "/api/v1/conversations/{id}/messages", post(messages::send)),
        Route::new(Method::POST, "/api/v1/conversations/{id}/stop", post(messages::stop)),
        Route::new(Method::GET, "/api/v1/search", get(conversations::search)),
        Route::new(
            Method::GET,
            "/api/v1/conversations/{id}/export",
            get(conversations::export_one),
        ),
        Route::new(Method::GET, "/api/v1/export", get(conversations::export_all)),
        Route::new(Method::POST, "/api/v1/import", post(conversations::import)),
        // What only their browsers can open.
        Route::new(Method::GET, "/api/v1/vault", get(vault::get)),
        Route::new(Method::PUT, "/api/v1/vault", put(vault::set_up)),
        Route::new(Method::PUT, "/api/v1/vault/slots/{id}", put(vault::put_slot)),
        Route::new(Method::DELETE, "/api/v1/vault/slots/{id}", delete(vault::delete_slot)),
        Route::new(Method::POST, "/api/v1/conversations/{id}/adopt", post(vault::adopt)),
    ]
}

/// Method and path of every route of the APIs.
pub fn routes() -> Vec<(Method, &'static str)> {
    let all = realtime().into_iter().chain(audio()).chain(api());
    all.map(|route| (route.method, route.path)).collect()
}

const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";

/// The route with this path, as it stands here.
pub(super) fn route(path: &str) -> Option<&'static str> {
    static PATHS: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let apis = routes().into_iter().map(|(_, path)| path);
        apis.chain([ALIVE, READY, metrics::PATH]).collect()
    });
    PATHS.iter().copied().find(|route| *route == path)
}

/// All routes.
pub fn router(state: AppState) -> Router {
    let realtime = together(realtime())
        .route("/v1/{*rest}", any(no_route))
        // Before the layers, so that they see the preflights, whose method no route has.
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(body::read_small))
        .merge(
            together(audio())
                .method_not_allowed_fallback(wrong_method)
                .layer(DefaultBodyLimit::disable()),
        )
        .layer(from_fn_with_state(state.clone(), forgery::disown))
        .layer(from_fn_with_state(state.clone(), identity::recognise))
        .layer(from_fn_with_state(state.clone(), headers::cross_origin));

    let api = together(api())
        .route("/api/{*rest}", any(no_route))
        .method_not_allowed_fallback(wrong_method)
        // Bodies are bounded where they are read, which is after it is known who sends them.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(body::read))
        .layer(from_fn_with_state(state.clone(), forgery::refuse))
        .layer(from_fn_with_state(state.clone(), identity::recognise));

    // What everybody sees.
    let mut open = Router::new().route(ALIVE, get(health::alive)).route(READY, get(health::ready));
    if state.config.telemetry.metrics.on_main_port() {
        open = open.route(metrics::PATH, get(metrics::show));
    }
    let open = open.fallback(web::page);

    realtime
        .merge(api)
        .merge(open)
        .method_not_allowed_fallback(wrong_method)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn_with_state(state.clone(), headers::secure))
        .layer(from_fn_with_state(state.clone(), metrics::count))
        .with_state(state)
}

fn together(routes: Vec<Route>) -> Router<AppState> {
    routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler))
}

async fn no_route(request: Request) -> ApiError {
    ApiError::not_found(&format!("there is no {}", request.uri().path()))
}

async fn wrong_method(method: Method) -> ApiError {
    let text = format!("{method} is not served here");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text)
}

fn panicked() -> Response {
    ApiError::internal().into_response()
}
