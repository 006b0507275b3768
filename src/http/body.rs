//! Small bodies: read whole before a handler sees them, and refused politely when they are too large.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::ApiError;

/// The largest body of a request: session descriptions are a few kilobytes.
const LIMIT: usize = 256 * 1_024;
/// So much of a larger one is read and thrown away: a client that is still writing would not read our answer,
/// but see its connection break.
const DRAINED: usize = 8 * 1_024 * 1_024;
/// A body that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the body of a request, or refuses it.
pub async fn read_small(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match timeout(PATIENCE, collect(body)).await {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(error)) => error.into_response(),
        Err(_) => {
            let text = format!("the body did not arrive within {} s", PATIENCE.as_secs());
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", text).into_response()
        }
    }
}

async fn collect(body: Body) -> Result<Vec<u8>, ApiError> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut total) = (Vec::new(), 0);
    while let Some(part) = stream.next().await {
        let part = part.map_err(|_| {
            ApiError::bad_request("broken_body", "the body ended before it was complete")
        })?;
        total += part.len();
        if total <= LIMIT {
            bytes.extend_from_slice(&part);
        } else if total > DRAINED {
            break;
        }
    }
    if total <= LIMIT {
        return Ok(bytes);
    }
    let text = format!("the body is larger than {} kB", LIMIT / 1_024);
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text))
}
