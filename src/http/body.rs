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

/// The largest body where calls are opened: session descriptions are a few kilobytes.
const SMALL: Bounds = Bounds { bytes: 256 * 1_024, patience: Duration::from_secs(10) };
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
    let bounds = if request.uri().path() == IMPORT { DOCUMENT } else { USUAL };
    read_within(bounds, request, next).await
}

async fn read_within(bounds: Bounds, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match timeout(bounds.patience, collect(body, bounds.bytes)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(error)) => error.into_response(),
        Err(_) => {
            let text = format!("the body did not arrive within {} s", bounds.patience.as_secs());
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", text).into_response()
        }
    }
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
