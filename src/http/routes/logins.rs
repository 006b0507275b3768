//! Where somebody is signed in, and how to end that.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::http::identity::SignedIn;
use crate::http::{ApiError, AppState};

/// `GET /api/v1/logins`: the latest used first.
#[utoipa::path(get, path = "/api/v1/logins", tag = "people", responses((status = 200, body = Object)))]
pub async fn list(
    State(state): State<AppState>,
    signed_in: SignedIn,
) -> Result<Json<Value>, ApiError> {
    let logins = state.people.logins(&signed_in.person.id).await?;
    let shown: Vec<Value> = logins
        .iter()
        .map(|login| {
            json!({
                "id": login.id,
                "current": login.id == signed_in.login.id,
                "label": login.label,
                "created_ms": login.created_ms,
                "seen_ms": login.seen_ms,
                "expires_ms": login.expires_ms,
            })
        })
        .collect();
    Ok(Json(json!({ "logins": shown })))
}

/// `DELETE /api/v1/logins/{id}`.
#[utoipa::path(delete, path = "/api/v1/logins/{id}", params(("id" = String, Path)), tag = "people", responses((status = 204)))]
pub async fn end(
    State(state): State<AppState>,
    signed_in: SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.people.end_login(&signed_in.person.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/logins`: all but this one.
#[utoipa::path(delete, path = "/api/v1/logins", tag = "people", responses((status = 204)))]
pub async fn end_others(
    State(state): State<AppState>,
    signed_in: SignedIn,
) -> Result<StatusCode, ApiError> {
    state.people.end_other_logins(&signed_in.person.id, &signed_in.login.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
