//! Who somebody is, and what they change about themselves.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::auth;
use crate::auth::Kind;
use crate::auth::login::label;
use crate::auth::password::{LEAST_LETTERS, Password};
use crate::auth::people::Entered;
use crate::auth::token::Token;
use crate::http::identity::{Actor, By, Client, SignedIn};
use crate::http::json::Json;
use crate::http::{ApiError, AppState, cookie};

/// Tiers that may be the one of new conversations.
const TIERS: [&str; 3] = ["standard", "private", "ephemeral"];

/// `GET /api/v1/csrf`: a proof against forgery for this browser's requests.
#[utoipa::path(get, path = "/api/v1/csrf", tag = "people", responses((status = 200, body = Object)))]
pub async fn csrf(State(state): State<AppState>, actor: Actor) -> Result<Response, ApiError> {
    with_session(&state, &actor, |proof| json!({ "token": proof }))
}

/// `GET /api/v1/me`: who this is, and how people may come here.
#[utoipa::path(get, path = "/api/v1/me", tag = "people", responses((status = 200, body = Object)))]
pub async fn look(State(state): State<AppState>, actor: Actor) -> Result<Response, ApiError> {
    let known = actor.known.as_ref();
    let config = state.people.config();
    let mut response = with_session(&state, &actor, |proof| {
        json!({
            "person": known.map(|known| show(&state, &known.person)),
            "guests": config.guests,
            "sign_up": config.sign_up,
            "csrf": proof,
            "default_tier": known.map_or("standard", |known| known.person.default_tier.as_str()),
            "minimum_password": LEAST_LETTERS,
            "guest_days": config.guest_days,
        })
    })?;
    // A guest's cookie lasts for as long as the guest comes back.
    if let (Some(known), Some(session)) = (known, &actor.session)
        && known.person.kind == Kind::Guest
        && matches!(known.by, By::Login(_))
    {
        let kept = state.people.lifetimes().cookie(Kind::Guest, false);
        cookie::set(&mut response, session, kept)?;
    }
    Ok(response)
}

/// What can be changed.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Change {
    default_tier: Option<String>,
}

/// `PATCH /api/v1/me`.
#[utoipa::path(patch, path = "/api/v1/me", request_body = Change, tag = "people", responses((status = 200, body = Object)))]
pub async fn change(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Json(change): Json<Change>,
) -> Result<axum::Json<Value>, ApiError> {
    let id = &signed_in.person.id;
    if let Some(tier) = change.default_tier {
        if !TIERS.contains(&tier.as_str()) {
            let text = format!("default_tier is one of {}", TIERS.join(", "));
            return Err(ApiError::bad_request("invalid_value", text).with_param("default_tier"));
        }
        state.people.set_default_tier(id, &tier).await?;
    }
    let person = state.people.get(id).await?;
    Ok(axum::Json(json!({ "person": show(&state, &person) })))
}

/// A change of password.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewPassword {
    #[schema(value_type = String)]
    current: Password,
    #[schema(value_type = String)]
    new: Password,
}

/// `POST /api/v1/me/password`.
#[utoipa::path(post, path = "/api/v1/me/password", request_body = NewPassword, tag = "people", responses((status = 200, body = Object)))]
pub async fn change_password(
    State(state): State<AppState>,
    Client(address): Client,
    signed_in: SignedIn,
    headers: HeaderMap,
    Json(change): Json<NewPassword>,
) -> Result<Response, ApiError> {
    state.limits.sign_in(address)?;
    let SignedIn { person, login } = signed_in;
    let NewPassword { current, new } = change;
    let label = browser(&headers);
    let entered = state.people.change_password(&person, &login, current, new, &label).await?;
    let csrf = proof(&state, &entered.token)?;
    let mut response = axum::Json(json!({ "csrf": csrf })).into_response();
    cookie::set(&mut response, &entered.token, entered.kept)?;
    Ok(response)
}

/// What confirms that somebody wants to go.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Removal {
    #[schema(value_type = Option<String>)]
    password: Option<Password>,
}

/// `DELETE /api/v1/me`: everything of this person is deleted.
#[utoipa::path(delete, path = "/api/v1/me", request_body = Option<Removal>, tag = "people", responses((status = 204)))]
pub async fn remove(
    State(state): State<AppState>,
    Client(address): Client,
    signed_in: SignedIn,
    body: Option<Json<Removal>>,
) -> Result<Response, ApiError> {
    state.limits.sign_in(address)?;
    let password = body.and_then(|Json(removal)| removal.password);
    state.people.remove(&signed_in.person, password).await?;
    Ok(gone())
}

/// Nothing of a person who has gone stays in the browser.
pub fn gone() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookie::clear(&mut response);
    let value = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", value);
    response
}

/// The answer to somebody who has come in: who they are, their cookie, and a proof for their next requests.
pub fn welcome(
    state: &AppState,
    entered: &Entered,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let body = json!({
        "person": show(state, &entered.person),
        "csrf": proof(state, &entered.token)?,
    });
    let mut response = (status, axum::Json(body)).into_response();
    cookie::set(&mut response, &entered.token, entered.kept)?;
    Ok(response)
}

/// The browser that asks, in words.
pub fn browser(headers: &HeaderMap) -> String {
    label(headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()))
}

/// Somebody, as the page sees them.
fn show(state: &AppState, person: &auth::Person) -> Value {
    json!({
        "id": person.id,
        "kind": person.kind,
        "name": person.name,
        "admin": person.admin,
        "default_tier": person.default_tier,
        "created_ms": person.created_ms,
        "expires_ms": state.people.expires_ms(person),
        "private": person.has_vault,
    })
}

fn proof(state: &AppState, session: &Token) -> Result<String, ApiError> {
    state.people.csrf().make(session).map_err(|_| ApiError::internal())
}

/// Answers with a proof for the browser's session. A browser that has none is given one; a program with a token
/// needs none.
fn with_session(
    state: &AppState,
    actor: &Actor,
    body: impl FnOnce(Option<String>) -> Value,
) -> Result<Response, ApiError> {
    let by_token = actor.known.as_ref().is_some_and(|known| matches!(known.by, By::Token(_)));
    if by_token {
        return Ok(axum::Json(body(None)).into_response());
    }
    if let Some(session) = &actor.session {
        return Ok(axum::Json(body(Some(proof(state, session)?))).into_response());
    }
    let session = Token::random().map_err(|_| ApiError::internal())?;
    let mut response = axum::Json(body(Some(proof(state, &session)?))).into_response();
    cookie::set(&mut response, &session, None)?;
    Ok(response)
}
