//! Against requests that a page of somebody else makes a browser send (CSRF).
//!
//! Below `/api/v1` everything that may change something is refused unless it proves that it comes from a page of
//! ours, or carries a token instead of a cookie. Below `/v1`, where open calls need no proof, a request without one
//! is treated as one without credentials: its cookie counts for nothing.

use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::guard::Peer;
use super::identity::{Actor, By, Known};
use super::origin::{Site, site};
use super::{ApiError, AppState, address};

/// Where the proof stands.
const HEADER: &str = "x-csrf-token";
/// Where it stands in a form.
const FIELD: &str = "csrf_token=";

/// Refuses what may change something and does not prove where it comes from. For everything below `/api/`.
pub async fn refuse(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match check(&state, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn check(state: &AppState, request: Request) -> Result<Request, ApiError> {
    let actor = request.extensions().get::<Actor>().cloned().unwrap_or_default();
    let by_token = matches!(actor.known, Some(Known { by: By::Token(_), .. }));
    if is_safe(request.method()) || by_token {
        return Ok(request);
    }
    if from(state, &request) == Site::Other {
        let text = "this was sent by a page of another site";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "cross_site", text));
    }
    let (request, proof) = match header_proof(request.headers()) {
        Some(proof) => {
            let proof = proof.to_owned();
            (request, Some(proof))
        }
        None => form_proof(request).await?,
    };
    if holds(state, &actor, proof.as_deref()) {
        return Ok(request);
    }
    let text = "the header X-CSRF-Token is missing or does not hold; GET /api/v1/csrf gives one";
    Err(ApiError::new(StatusCode::FORBIDDEN, "csrf", text))
}

/// Takes the identity of its cookie from a request that does not prove where it comes from. For calls.
pub async fn disown(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let by_cookie = request.extensions().get::<Actor>().is_some_and(|actor| {
        matches!(actor.known, Some(Known { by: By::Login(_), .. }))
            && !is_proven(&state, &request, actor)
    });
    if by_cookie && let Some(actor) = request.extensions_mut().get_mut::<Actor>() {
        actor.known = None;
    }
    next.run(request).await
}

fn is_proven(state: &AppState, request: &Request, actor: &Actor) -> bool {
    let from = from(state, request);
    if !is_safe(request.method()) {
        return from != Site::Other && holds(state, actor, header_proof(request.headers()));
    }
    // Pages can open WebSockets to anywhere, and cookies travel along.
    let opens_socket = request.headers().contains_key(header::UPGRADE);
    if opens_socket { from == Site::Ours } else { from != Site::Other }
}

fn is_safe(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

fn from(state: &AppState, request: &Request) -> Site {
    let peer = request.extensions().get().map(|ConnectInfo(Peer(peer))| peer.ip());
    let trusted = &state.config.server.trusted_proxies;
    let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    site(request.headers(), address::host(peer, request.headers(), trusted))
}

fn holds(state: &AppState, actor: &Actor, proof: Option<&str>) -> bool {
    actor
        .session
        .as_ref()
        .zip(proof)
        .is_some_and(|(session, proof)| state.people.csrf().holds(session, proof))
}

fn header_proof(headers: &HeaderMap) -> Option<&str> {
    headers.get(HEADER)?.to_str().ok()
}

/// The proof in a form; the body stays as it is. A form is small: axum refuses to read more than 2 MB of one.
async fn form_proof(request: Request) -> Result<(Request, Option<String>), ApiError> {
    let is_form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if !is_form {
        return Ok((request, None));
    }
    let (parts, body) = request.into_parts();
    let bytes = Bytes::from_request(Request::new(body), &())
        .await
        .map_err(|error| ApiError::new(error.status(), "invalid_body", error.body_text()))?;
    // A proof has no letter that a form would write in another way.
    let proof = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.split('&').find_map(|pair| pair.strip_prefix(FIELD)))
        .map(str::to_owned);
    Ok((Request::from_parts(parts, Body::from(bytes)), proof))
}
