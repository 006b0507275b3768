//! Who makes a request: a visitor, somebody who is signed in, or somebody's program with an API token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::guard::Peer;
use super::{ApiError, AppState, address, cookie};
use crate::auth;
use crate::auth::api_token::{Scope, is_ours};
use crate::auth::login::Login;
use crate::auth::people::ApiToken;
use crate::auth::token::Token;

/// The address of the client, as limits count it; of a trusted proxy's client that client's.
#[derive(Debug, Clone, Copy)]
pub struct Client(pub IpAddr);

/// Who makes a request. Every handler below `/api/v1` and `/v1` can have it.
#[derive(Debug, Clone, Default)]
pub struct Actor {
    /// The browser's session, whether or not it is anybody's.
    pub session: Option<Token>,
    /// Who it is, if that is known.
    pub known: Option<Known>,
}

/// Somebody who is known, and by what.
#[derive(Debug, Clone)]
pub struct Known {
    /// Who.
    pub person: Arc<auth::Person>,
    /// By what.
    pub by: By,
}

/// By what somebody is known.
#[derive(Debug, Clone)]
pub enum By {
    /// Their browser's cookie.
    Login(Arc<Login>),
    /// A token that a program shows.
    Token(Arc<ApiToken>),
}

/// Somebody, signed in or by a token that allows what is asked for: below `/api/v1` reading or writing
/// conversations. Else the request is answered with 401 `sign_in` or 403 `insufficient_scope`.
pub struct Person(pub Arc<auth::Person>);

/// Somebody at a browser. What people do about their account takes this: no token may.
pub struct SignedIn {
    /// Who.
    pub person: Arc<auth::Person>,
    /// Their login.
    pub login: Arc<Login>,
}

/// Counts the request, finds out who makes it, and says so to what follows.
///
/// A request with a bearer token is that token's: its cookie is not looked at, which is why it needs no proof
/// against forgery. What is no token of ours counts for nothing where calls are opened, because clients of the
/// protocol send some key to every server; below `/api/` it is refused.
pub async fn recognise(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match find(&state, &parts).await {
        Ok((client, actor)) => {
            parts.extensions.insert(client);
            parts.extensions.insert(actor);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    }
}

async fn find(state: &AppState, parts: &Parts) -> Result<(Client, Actor), ApiError> {
    let Some(ConnectInfo(Peer(peer))) = parts.extensions.get().copied() else {
        return Err(ApiError::internal());
    };
    let headers = &parts.headers;
    let client = address::client(peer.ip(), headers, &state.config.server.trusted_proxies);
    state.limits.request(client)?;
    let actor = match bearer(headers) {
        Some(shown) => by_token(state, shown, parts.uri.path()).await?,
        None => by_cookie(state, headers).await?,
    };
    if let Some(known) = &actor.known {
        state.limits.person(&known.person.id)?;
    }
    Ok((Client(client), actor))
}

async fn by_token(state: &AppState, shown: &str, path: &str) -> Result<Actor, ApiError> {
    if let Some((person, token)) = state.people.by_api_token(shown).await? {
        let known = Known { person: Arc::new(person), by: By::Token(Arc::new(token)) };
        return Ok(Actor { session: None, known: Some(known) });
    }
    if is_ours(shown) || path.starts_with("/api/") {
        let text = "this token does not hold, or no longer";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_token", text));
    }
    Ok(Actor::default())
}

async fn by_cookie(state: &AppState, headers: &HeaderMap) -> Result<Actor, ApiError> {
    let Some(session) = cookie::read(headers) else { return Ok(Actor::default()) };
    let known = state
        .people
        .by_cookie(&session)
        .await?
        .map(|(person, login)| Known { person: Arc::new(person), by: By::Login(Arc::new(login)) });
    Ok(Actor { session: Some(session), known })
}

/// What stands behind `Authorization: Bearer`. Other schemes are a proxy's affair.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, shown) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then_some(shown.trim())
}

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Missing only where `recognise` does not run, and nobody is known there.
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get().copied().ok_or_else(ApiError::internal)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let known = Actor::from_request_parts(parts, state).await?.known.ok_or_else(sign_in)?;
        if let By::Token(token) = &known.by {
            let reads = parts.method == Method::GET || parts.method == Method::HEAD;
            let needed = if reads { Scope::ChatsRead } else { Scope::Chats };
            if !token.scopes.allow(needed) {
                return Err(out_of_scope());
            }
        }
        Ok(Self(known.person))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let known = Actor::from_request_parts(parts, state).await?.known.ok_or_else(sign_in)?;
        match known.by {
            By::Login(login) => Ok(Self { person: known.person, login }),
            By::Token(_) => Err(out_of_scope()),
        }
    }
}

impl Known {
    /// Whether this somebody may call.
    pub fn may_call(&self) -> bool {
        match &self.by {
            By::Login(_) => true,
            By::Token(token) => token.scopes.allow(Scope::Calls),
        }
    }
}

fn sign_in() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "sign_in", "sign in, or come as a guest, first")
}

fn out_of_scope() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "insufficient_scope", "this token may not do that")
}
