//! What people may choose from: language models and voices. Never where they are, or with what key.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::models::ModelList;
use crate::http::identity::Person;
use crate::http::{ApiError, AppState};
use crate::pipeline::tts::cast::Speaker;

/// A voice.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoiceView {
    /// What it is asked for by.
    id: String,
    /// What people see.
    name: String,
    /// What it speaks, such as `en-us`; empty if that is not known.
    language: String,
}

/// The voices that replies can have.
#[derive(Debug, Serialize, ToSchema)]
pub struct Voices {
    voices: Vec<VoiceView>,
    /// The id of the usual one; null: there is no voice here.
    default: Option<String>,
}

/// The language models: name, tier and abilities.
#[utoipa::path(get, path = "/api/v1/models", tag = "choices",
    responses((status = 200, body = ModelList)))]
pub async fn models(_: Person, State(state): State<AppState>) -> Result<Json<ModelList>, ApiError> {
    let engines = state.calls.engines();
    Ok(Json((*state.models.of(&engines.llm).await).clone()))
}

/// The voices.
#[utoipa::path(get, path = "/api/v1/voices", tag = "choices",
    responses((status = 200, body = Voices)))]
pub async fn voices(_: Person, State(state): State<AppState>) -> Result<Json<Voices>, ApiError> {
    let engines = state.calls.engines();
    let Some(voice) = &engines.voice else {
        return Ok(Json(Voices { voices: Vec::new(), default: None }));
    };
    let view = |Speaker { id, name, language }: Speaker| VoiceView { id, name, language };
    let voices = voice.cast().speakers().iter().cloned().map(view).collect();
    Ok(Json(Voices { voices, default: Some(voice.cast().default().to_owned()) }))
}
