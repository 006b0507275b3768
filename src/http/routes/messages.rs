//! Typed messages and the replies to them, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::chat::Use;
use crate::chat::reply::{Answerer, Progress, Said, answer};
use crate::http::identity::Person;
use crate::http::json::Json;
use crate::http::{ApiError, AppState};
use crate::pipeline::history::Role;
use crate::pipeline::text::Text;

/// A proxy in between must not take a thinking model for a dead connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What a browser may say of an earlier private conversation.
const MOST_CONTEXT: usize = 400;

/// A message, or the wish for another reply.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Message {
    /// What is said. Left out with `regenerate`.
    #[schema(value_type = Option<String>)]
    text: Option<Text>,
    /// The item that this takes the place of; it and all that followed are deleted.
    replaces: Option<String>,
    /// The last reply is made again.
    #[serde(default)]
    regenerate: bool,
    /// What was said before, of a private conversation: the server cannot read it.
    #[serde(default)]
    context: Vec<Earlier>,
}

/// Something that was said before.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Earlier {
    /// `user`, `assistant` or `system`.
    #[schema(value_type = String)]
    role: Role,
    /// The words.
    #[schema(value_type = String)]
    text: Text,
}

/// Stores a message and streams the reply: `stored`, `started`, `delta`, `done`, `stored`, `title`, `error`.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages", params(("id" = String, Path)),
    request_body = Message, tag = "messages",
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub async fn send(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Json(message): Json<Message>,
) -> Result<impl IntoResponse, ApiError> {
    let said = said(message)?;
    let writer = state.chats.writer(person.id.as_str(), &id, Use::Reply).await?;
    let answerer = answerer(&state, &writer);
    let progress = answer(writer, said, answerer).await?;
    let events = stream::unfold(progress, |mut progress: mpsc::Receiver<Progress>| async {
        let event = event(progress.recv().await?);
        Some((Ok::<_, Infallible>(event), progress))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Stops the reply that is being written. What was written stays.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/stop", params(("id" = String, Path)),
    tag = "messages", responses((status = 204)))]
pub async fn stop(
    Person(person): Person,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.chats.stop(person.id.as_str(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn said(message: Message) -> Result<Said, ApiError> {
    let Message { text, replaces, regenerate, context } = message;
    let refuse = |param: &str, text: &str| {
        Err(ApiError::bad_request("invalid_value", text).with_param(param))
    };
    if text.is_some() == regenerate {
        return refuse("text", "needs either a text, or regenerate: true");
    }
    if context.len() > MOST_CONTEXT {
        return refuse("context", "is too long; send the latest items");
    }
    let context = context.into_iter().map(|earlier| (earlier.role, earlier.text)).collect();
    Ok(Said { text, replaces, context })
}

/// Who answers in this conversation, and how.
fn answerer(state: &AppState, writer: &crate::chat::Writer) -> Answerer {
    let (engines, config, meta) = (state.calls.engines(), &state.config.llm, writer.meta());
    let provider = engines.llm.clone();
    let model = meta.model.clone().unwrap_or_else(|| match provider.model() {
        "" => provider.name().to_owned(),
        model => model.to_owned(),
    });
    let request = sotto_llm::ChatRequest {
        model: meta.model,
        reach: writer.tier().reach(),
        max_tokens: Some(config.max_tokens).filter(|tokens| *tokens > 0),
        ..sotto_llm::ChatRequest::default()
    };
    let instructions = meta.instructions.unwrap_or_else(|| Text::from(config.chat_prompt.as_str()));
    Answerer { provider, request, instructions, context_tokens: config.context_tokens, model }
}

fn event(progress: Progress) -> Event {
    let (name, data): (&str, Value) = match progress {
        Progress::Stored { item, seq } => ("stored", json!({ "item_id": item, "seq": seq })),
        Progress::Started { item } => ("started", json!({ "item_id": item })),
        Progress::Delta(text) => ("delta", json!({ "text": text })),
        Progress::Done { item, text, interrupted } => {
            let status = if interrupted { "interrupted" } else { "completed" };
            ("done", json!({ "item_id": item, "status": status, "text": text }))
        }
        Progress::Title(title) => ("title", json!({ "title": title })),
        Progress::Failed(failure) => {
            ("error", json!({ "code": failure.code, "message": failure.message }))
        }
    };
    // JSON has no line breaks outside of its strings, so the data is one line.
    Event::default().event(name).data(data.to_string())
}
