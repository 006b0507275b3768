//! Bodies: read whole before a handler sees them, and refused politely when they are too large.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::ApiError;
use super::identity::Actor;

/// The largest body where calls are opened: session descriptions are a few kilobytes.
const SMALL: Bounds = Bounds { bytes: 256 * 1_024, patience: Duration::from_secs(10) };
/// The largest text to read aloud: much larger than what is read, so that one that is too long is refused in words.
const TEXT: Bounds = Bounds { bytes: 1_024 * 1_024, patience: Duration::from_secs(30) };
/// The largest message, with what a browser tells of a private conversation.
const USUAL: Bounds = Bounds { bytes: 4 * 1_024 * 1_024, patience: Duration::from_secs(30) };
/// The largest document that is brought in: years of conversations.
const DOCUMENT: Bounds = Bounds { bytes: 64 * 1_024 * 1_024, patience: Duration::from_mins(2) };
/// Where documents are brought in.
const IMPORT: &str = "/api/v1/import";
/// So much of a larger one is read and thrown away: a client that is still writing would not read our answer,
/// but see its connection break.
const DRAINED: usize = 8 * 1_024 * 1_024;

/// What a body may be.
#[derive(Clone, Copy)]
struct Bounds {
    bytes: usize,
    /// One that takes longer is given up.
    patience: Duration,
}

/// Reads the small body of a request, or refuses it.
pub async fn read_small(request: Request, next: Next) -> Response {
    read_within(SMALL, request, next).await
}

/// The same for what the page sends.
pub async fn read(request: Request, next: Next) -> Response {
    let known = request.extensions().get::<Actor>().is_some_and(|actor| actor.known.is_some());
    let bounds = if known && request.uri().path() == IMPORT { DOCUMENT } else { USUAL };
    read_within(bounds, request, next).await
}

/// Reads a recording of at most `bytes`. Its handler does that, when it is known who sends it.
pub async fn read_recording(bytes: usize, request: Request) -> Result<Request, ApiError> {
    within(Bounds { bytes, ..DOCUMENT }, request).await
}

/// Reads a text to read aloud. Its handler does that, when it is known who sends it.
pub async fn read_text(request: Request) -> Result<Request, ApiError> {
    within(TEXT, request).await
}

async fn read_within(bounds: Bounds, request: Request, next: Next) -> Response {
    match within(bounds, request).await {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn within(bounds: Bounds, request: Request) -> Result<Request, ApiError> {
    let (parts, body) = request.into_parts();
    let arrived = timeout(bounds.patience, collect(body, bounds.bytes)).await;
    let bytes = arrived.unwrap_or_else(|_| {
        let text = format!("the body did not arrive within {} s", bounds.patience.as_secs());
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", text))
    })?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| {
            ApiError::bad_request("broken_body", "the body ended before it was complete")
        })?;
        total += part.len();
        if total <= limit {
            bytes.extend_from_slice(&part);
        } else if total > limit + DRAINED {
            break;
        }
    }
    if total <= limit {
        return Ok(bytes);
    }
    let text = format!("the body is larger than {} kB", limit / 1_024);
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text))
}
