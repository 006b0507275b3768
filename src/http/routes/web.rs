//! The page, built into the program.

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::http::ApiError;

/// What `make web` built (see build.rs).
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/web"]
struct Page;

/// Files whose names change with their content are kept by browsers.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Serves the page and its files.
pub async fn page(method: Method, uri: Uri) -> Response {
    if method != Method::GET && method != Method::HEAD {
        let text = format!("{method} is not served here");
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text)
            .into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(file) = Page::get(path) else {
        return ApiError::not_found("there is no such page").into_response();
    };
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = Body::from(file.data).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    if path.starts_with("assets/") {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    }
    response
}
