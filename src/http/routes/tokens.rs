//! API tokens of somebody's programs. A token is shown once, when it is made; no token makes tokens.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::auth::api_token::{Scope, Scopes};
use crate::auth::people::ApiToken;
use crate::http::identity::SignedIn;
use crate::http::json::Json;
use crate::http::{ApiError, AppState};

/// The longest name of a token, in letters.
const LONGEST_LABEL: usize = 100;
/// The longest life of a token that ends.
const MOST_DAYS: u32 = 3_650;

/// `GET /api/v1/tokens`: the latest made first.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "people", responses((status = 200, body = Object)))]
pub async fn list(
    State(state): State<AppState>,
    signed_in: SignedIn,
) -> Result<axum::Json<Value>, ApiError> {
    let tokens = state.people.tokens(&signed_in.person.id).await?;
    let shown: Vec<Value> = tokens.iter().map(show).collect();
    Ok(axum::Json(json!({ "tokens": shown })))
}

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Wanted {
    label: String,
    /// `calls`, `chats` or `chats:read`.
    #[schema(value_type = Vec<String>)]
    scopes: Vec<Scope>,
    days: Option<u32>,
}

/// `POST /api/v1/tokens`.
#[utoipa::path(post, path = "/api/v1/tokens", request_body = Wanted, tag = "people", responses((status = 201, body = Object)))]
pub async fn make(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    let wrong =
        |text: &str, param| Err(ApiError::bad_request("invalid_value", text).with_param(param));
    let label = wanted.label.trim();
    let letters = label.chars().count();
    if letters == 0 || letters > LONGEST_LABEL || label.chars().any(char::is_control) {
        return wrong("a label has 1 to 100 letters", "label");
    }
    let scopes = Scopes::new(wanted.scopes);
    if scopes.is_empty() {
        return wrong("a token needs something that it may do", "scopes");
    }
    if wanted.days.is_some_and(|days| days == 0 || days > MOST_DAYS) {
        return wrong("a token ends after 1 to 3650 days, or not at all", "days");
    }
    let made = state.people.make_token(&signed_in.person.id, label, scopes, wanted.days).await?;
    let mut body = show(&made.token);
    body["token"] = json!(*made.shown);
    Ok((StatusCode::CREATED, axum::Json(body)))
}

/// `DELETE /api/v1/tokens/{id}`.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", params(("id" = String, Path)), tag = "people", responses((status = 204)))]
pub async fn end(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.people.end_token(&signed_in.person.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show(token: &ApiToken) -> Value {
    json!({
        "id": token.id,
        "label": token.label,
        "scopes": token.scopes,
        "created_ms": token.created_ms,
        "used_ms": token.used_ms,
        "expires_ms": token.expires_ms,
    })
}
