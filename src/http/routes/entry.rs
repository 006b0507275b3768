//! Coming in and going.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::me::{browser, gone, welcome};
use crate::auth::password::Password;
use crate::auth::people::{NewAccount, Visit};
use crate::http::identity::{Actor, By, Client};
use crate::http::json::Json;
use crate::http::{ApiError, AppState};

/// `POST /api/v1/guest`: comes in without an account.
#[utoipa::path(post, path = "/api/v1/guest", tag = "people", responses((status = 201, body = Object)))]
pub async fn guest(
    State(state): State<AppState>,
    Client(address): Client,
    actor: Actor,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    state.limits.sign_in(address)?;
    let label = browser(&headers);
    if let Some(known) = &actor.known {
        let text = "you are in already";
        tracing::debug!(kind = ?known.person.kind, "somebody who is known came as a guest");
        return Err(ApiError::new(StatusCode::CONFLICT, "signed_in", text));
    }
    let entered = state.people.guest(visit(&actor, &label)).await?;
    welcome(&state, &entered, StatusCode::CREATED)
}

/// `POST /api/v1/sign-up`: makes an account; of a guest, the guest's.
#[utoipa::path(post, path = "/api/v1/sign-up", request_body = NewAccount, tag = "people", responses((status = 201, body = Object)))]
pub async fn sign_up(
    State(state): State<AppState>,
    Client(address): Client,
    actor: Actor,
    headers: HeaderMap,
    Json(new): Json<NewAccount>,
) -> Result<Response, ApiError> {
    state.limits.sign_in(address)?;
    let label = browser(&headers);
    let entered = state.people.sign_up(new, visit(&actor, &label)).await?;
    welcome(&state, &entered, StatusCode::CREATED)
}

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Credentials {
    name: String,
    #[schema(value_type = String)]
    password: Password,
    #[serde(default)]
    remember: bool,
}

/// `POST /api/v1/login`.
#[utoipa::path(post, path = "/api/v1/login", request_body = Credentials, tag = "people", responses((status = 200, body = Object)))]
pub async fn log_in(
    State(state): State<AppState>,
    Client(address): Client,
    actor: Actor,
    headers: HeaderMap,
    Json(credentials): Json<Credentials>,
) -> Result<Response, ApiError> {
    state.limits.sign_in(address)?;
    let Credentials { name, password, remember } = credentials;
    let label = browser(&headers);
    let entered = state.people.log_in(&name, password, remember, visit(&actor, &label)).await?;
    welcome(&state, &entered, StatusCode::OK)
}

/// `POST /api/v1/logout`. Who is not signed in is signed out afterwards, too.
#[utoipa::path(post, path = "/api/v1/logout", tag = "people", responses((status = 204)))]
pub async fn log_out(State(state): State<AppState>, actor: Actor) -> Result<Response, ApiError> {
    if let Some(By::Login(login)) = actor.known.as_ref().map(|known| &known.by) {
        state.people.log_out(login).await?;
    }
    Ok(gone())
}

/// Who the browser was until now. A program's token is nobody at a browser.
fn visit<'a>(actor: &'a Actor, label: &'a str) -> Visit<'a> {
    let known = actor.known.as_ref().and_then(|known| match &known.by {
        By::Login(login) => Some((&*known.person, &**login)),
        By::Token(_) => None,
    });
    Visit { known, label }
}
