//! The server's part of vaults: it keeps what browsers made.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use crate::auth::{AuthError, Kind};
use crate::chat::vaults::{Adoption, Vault};
use crate::http::identity::{Person, SignedIn};
use crate::http::json::Json;
use crate::http::{ApiError, AppState};

/// The person's vault: its slots and its identity.
#[utoipa::path(get, path = "/api/v1/vault", tag = "vault", responses((status = 200, body = Vault)))]
pub async fn get(
    Person(person): Person,
    State(state): State<AppState>,
) -> Result<axum::Json<Vault>, ApiError> {
    Ok(axum::Json(state.chats.vault(person.id.as_str()).await?))
}

/// Sets the vault up. Needs an account: a guest who loses the cookie would lose everything.
#[utoipa::path(put, path = "/api/v1/vault", request_body = Vault, tag = "vault",
    responses((status = 204)))]
pub async fn set_up(
    SignedIn { person, .. }: SignedIn,
    State(state): State<AppState>,
    Json(vault): Json<Vault>,
) -> Result<StatusCode, ApiError> {
    if person.kind != Kind::Account {
        return Err(AuthError::AccountNeeded.into());
    }
    state.chats.set_up_vault(person.id.as_str(), vault).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds or changes a slot.
#[utoipa::path(put, path = "/api/v1/vault/slots/{id}", params(("id" = String, Path)), tag = "vault",
    request_body = Object, responses((status = 204)))]
pub async fn put_slot(
    SignedIn { person, .. }: SignedIn,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Json(slot): Json<Value>,
) -> Result<StatusCode, ApiError> {
    state.chats.put_slot(person.id.as_str(), &id, &slot).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a slot, except the last passphrase and the last recovery key.
#[utoipa::path(delete, path = "/api/v1/vault/slots/{id}", params(("id" = String, Path)),
    tag = "vault", responses((status = 204)))]
pub async fn delete_slot(
    SignedIn { person, .. }: SignedIn,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.chats.delete_slot(person.id.as_str(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts the browser's records in the place of those that the server sealed.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/adopt", params(("id" = String, Path)),
    request_body = Adoption, tag = "vault", responses((status = 204)))]
pub async fn adopt(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Json(adoption): Json<Adoption>,
) -> Result<StatusCode, ApiError> {
    state.chats.adopt(person.id.as_str(), &id, adoption).await?;
    Ok(StatusCode::NO_CONTENT)
}
