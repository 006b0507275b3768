//! What people may choose from: language models and voices. Never where they are, or with what key.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::models::ModelList;
use crate::http::identity::Person;
use crate::http::{ApiError, AppState};

/// A voice.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoiceView {
    name: String,
}

/// The voices that replies can have.
#[derive(Debug, Serialize, ToSchema)]
pub struct Voices {
    voices: Vec<VoiceView>,
    /// The usual one; null: there is no voice here.
    default: Option<String>,
}

/// The language models: name, tier and abilities.
#[utoipa::path(get, path = "/api/v1/models", tag = "choices",
    responses((status = 200, body = ModelList)))]
pub async fn models(_: Person, State(state): State<AppState>) -> Result<Json<ModelList>, ApiError> {
    let engines = state.calls.engines();
    Ok(Json((*state.models.of(&engines.llm).await).clone()))
}

/// The voices. The engines of today have one each.
#[utoipa::path(get, path = "/api/v1/voices", tag = "choices",
    responses((status = 200, body = Voices)))]
pub async fn voices(_: Person, State(state): State<AppState>) -> Result<Json<Voices>, ApiError> {
    let configured = state.config.tts.voice.as_str();
    let name = if configured.is_empty() { "default" } else { configured };
    let default = state.calls.engines().voice.as_ref().map(|_| name.to_owned());
    let voices = default.iter().map(|name| VoiceView { name: name.clone() }).collect();
    Ok(Json(Voices { voices, default }))
}
