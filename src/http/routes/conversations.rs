//! Conversations: begun, listed, read, renamed, deleted; searched, taken out and brought in.

#![expect(unused_qualifications, reason = "utoipa writes them around the types of queries")]

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::chat::search::Match;
use crate::chat::transfer::Document;
use crate::chat::vaults::{AdoptedKey, NewPrivate};
use crate::chat::view::{Opened, Page, Summary};
use crate::chat::{NewConversation, Settings, Tier};
use crate::http::identity::Person;
use crate::http::json::{Json, Query};
use crate::http::{ApiError, AppState};
use crate::pipeline::text::Text;
use crate::store::turns;

/// Conversations of a page, and items.
const USUAL: i64 = 50;
/// The most of them.
const MOST: i64 = 1_000;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many; 50 if it is left out.
    limit: Option<i64>,
    /// `next` of the page before.
    before: Option<String>,
}

/// Which items.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ItemsQuery {
    /// How many; 50 if it is left out.
    limit: Option<i64>,
    /// Only items before this place.
    before: Option<u64>,
}

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words that must all be in a title or a text.
    q: String,
}

/// A new conversation. A private one has `id`, `key` and `meta`, made by the browser, and nothing else.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Create {
    /// Who can read it; the person's default if it is left out.
    tier: Option<Tier>,
    #[schema(value_type = Option<String>)]
    title: Option<Text>,
    #[schema(value_type = Option<String>)]
    instructions: Option<Text>,
    model: Option<String>,
    voice: Option<String>,
    id: Option<String>,
    key: Option<String>,
    meta: Option<String>,
}

/// Changes. What is left out stays; an empty text takes a value back. Of a private one only `meta`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Update {
    #[schema(value_type = Option<String>)]
    title: Option<Text>,
    #[schema(value_type = Option<String>)]
    instructions: Option<Text>,
    model: Option<String>,
    voice: Option<String>,
    meta: Option<String>,
    /// A new generation of a private conversation's key.
    key: Option<AdoptedKey>,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct Matches {
    matches: Vec<Match>,
}

/// What was brought in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Imported {
    conversations: Vec<Summary>,
}

/// How a turn went.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnView {
    id: String,
    item_id: String,
    at_ms: i64,
    /// As in the event `sotto.turn`: `response_id`, `timings`, `work`, `decision`, `eager`, `rejected`, `network`.
    #[schema(value_type = Object)]
    report: serde_json::Value,
}

/// How turns went.
#[derive(Debug, Serialize, ToSchema)]
pub struct Turns {
    turns: Vec<TurnView>,
}

impl From<Vec<turns::Row>> for Turns {
    fn from(rows: Vec<turns::Row>) -> Self {
        let turns = rows.into_iter().map(|row| TurnView {
            id: row.id,
            item_id: row.item,
            at_ms: row.created_ms,
            report: serde_json::from_str(&row.report).unwrap_or_default(),
        });
        Self { turns: turns.collect() }
    }
}

/// A page of the person's conversations, the latest first.
#[utoipa::path(get, path = "/api/v1/conversations", params(ListQuery), tag = "conversations",
    responses((status = 200, body = Page)))]
pub async fn list(
    Person(person): Person,
    State(state): State<AppState>,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<Page>, ApiError> {
    let limit = within(query.limit);
    let page = state.chats.list(person.id.as_str(), query.before.as_deref(), limit).await?;
    Ok(axum::Json(page))
}

/// Begins a conversation.
#[utoipa::path(post, path = "/api/v1/conversations", request_body = Create, tag = "conversations",
    responses((status = 201, body = Summary)))]
pub async fn create(
    Person(person): Person,
    State(state): State<AppState>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<Summary>), ApiError> {
    let usual = || Tier::parse(&person.default_tier).unwrap_or_default();
    let tier = body.tier.unwrap_or_else(usual);
    let person = person.id.as_str();
    let summary = if tier == Tier::Private {
        let (Some(id), Some(key), Some(meta)) = (body.id, body.key, body.meta) else {
            let text = "a private conversation is made by the browser: it needs id, key and meta";
            return Err(ApiError::bad_request("invalid_value", text).with_param("key"));
        };
        state.chats.create_private(person, NewPrivate { id, key, meta }).await?
    } else {
        let Create { title, instructions, model, voice, .. } = body;
        let settings = Settings { title, instructions, model, voice };
        state.chats.create(person, NewConversation { tier, settings }).await?
    };
    Ok((StatusCode::CREATED, axum::Json(summary)))
}

/// A conversation and its last items.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", params(("id" = String, Path), ItemsQuery),
    tag = "conversations", responses((status = 200, body = Opened)))]
pub async fn open(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<ItemsQuery>,
) -> Result<axum::Json<Opened>, ApiError> {
    let limit = within(query.limit);
    let opened = state.chats.open(person.id.as_str(), &id, query.before, limit).await?;
    Ok(axum::Json(opened))
}

/// Renames a conversation, or sets something for it.
#[utoipa::path(patch, path = "/api/v1/conversations/{id}", params(("id" = String, Path)),
    request_body = Update, tag = "conversations", responses((status = 200, body = Summary)))]
pub async fn update(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Json(body): Json<Update>,
) -> Result<axum::Json<Summary>, ApiError> {
    let person = person.id.as_str();
    if let Some(meta) = body.meta {
        let summary = state.chats.set_private_meta(person, &id, meta, body.key).await?;
        return Ok(axum::Json(summary));
    }
    let Update { title, instructions, model, voice, .. } = body;
    let settings = Settings { title, instructions, model, voice };
    Ok(axum::Json(state.chats.update(person, &id, settings).await?))
}

/// Deletes a conversation for good.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}", params(("id" = String, Path)),
    tag = "conversations", responses((status = 204)))]
pub async fn delete(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.chats.delete(person.id.as_str(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the last spoken turns of a conversation went, in numbers.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/turns", params(("id" = String, Path), ItemsQuery),
    tag = "conversations", responses((status = 200, body = Turns)))]
pub async fn turns(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<ItemsQuery>,
) -> Result<axum::Json<Turns>, ApiError> {
    let rows = state.chats.turns(person.id.as_str(), &id, within(query.limit)).await?;
    Ok(axum::Json(rows.into()))
}

/// Looks for words in titles and texts. Private conversations are searched in the browser.
#[utoipa::path(get, path = "/api/v1/search", params(SearchQuery), tag = "conversations",
    responses((status = 200, body = Matches)))]
pub async fn search(
    Person(person): Person,
    State(state): State<AppState>,
    Query(query): Query<SearchQuery>,
) -> Result<axum::Json<Matches>, ApiError> {
    let matches = state.chats.search(person.id.as_str(), &query.q).await?;
    Ok(axum::Json(Matches { matches }))
}

/// One conversation as a document.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/export", params(("id" = String, Path)),
    tag = "conversations", responses((status = 200, body = Document)))]
pub async fn export_one(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<axum::Json<Document>, ApiError> {
    Ok(axum::Json(state.chats.export(person.id.as_str(), Some(&id)).await?))
}

/// All standard and ephemeral conversations as one document.
#[utoipa::path(get, path = "/api/v1/export", tag = "conversations",
    responses((status = 200, body = Document)))]
pub async fn export_all(
    Person(person): Person,
    State(state): State<AppState>,
) -> Result<axum::Json<Document>, ApiError> {
    Ok(axum::Json(state.chats.export(person.id.as_str(), None).await?))
}

/// Brings a document in, as standard conversations.
#[utoipa::path(post, path = "/api/v1/import", request_body = Document, tag = "conversations",
    responses((status = 201, body = Imported)))]
pub async fn import(
    Person(person): Person,
    State(state): State<AppState>,
    Json(document): Json<Document>,
) -> Result<(StatusCode, axum::Json<Imported>), ApiError> {
    let conversations = state.chats.import(person.id.as_str(), document).await?;
    Ok((StatusCode::CREATED, axum::Json(Imported { conversations })))
}

fn within(limit: Option<i64>) -> i64 {
    limit.unwrap_or(USUAL).clamp(1, MOST)
}
