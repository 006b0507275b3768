//! The page, built into the program. Each time it is served it holds a proof against forgery for its browser.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::auth::token::Token;
use crate::http::{ApiError, AppState, cookie};

/// What `make web` built (see build.rs).
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/web"]
struct Page;

/// Files whose names change with their content are kept by browsers.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The page itself.
const INDEX: &str = "index.html";
/// The page that shows the API.
const DOCS: &str = "docs/index.html";
/// Addresses of conversations.
const CONVERSATIONS: &str = "c/";
/// The proof stands behind the title.
const BEFORE_PROOF: &str = "</title>";

/// Serves the page and its files.
pub async fn page(
    State(state): State<AppState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if method != Method::GET && method != Method::HEAD {
        let text = format!("{method} is not served here");
        return Err(ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", text));
    }
    let path = uri.path().trim_start_matches('/');
    // The page knows by itself which conversation an address names.
    let path = match path {
        "" => INDEX,
        "docs" | "docs/" => DOCS,
        path if path.starts_with(CONVERSATIONS) => INDEX,
        path => path,
    };
    let file = Page::get(path).ok_or_else(|| ApiError::not_found("there is no such page"))?;
    let kind = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let mut response = if path == INDEX {
        with_proof(&state, &headers, &file.data)?
    } else {
        Body::from(file.data).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    if path.starts_with("assets/") {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_EVER));
    }
    Ok(response)
}

/// The page with a proof for the browser's session; one that has none is given one.
fn with_proof(state: &AppState, headers: &HeaderMap, page: &[u8]) -> Result<Response, ApiError> {
    let shown = cookie::read(headers);
    let session = match &shown {
        Some(session) => session.clone(),
        None => Token::random().map_err(|_| ApiError::internal())?,
    };
    let proof = state.people.csrf().make(&session).map_err(|_| ApiError::internal())?;
    let page = String::from_utf8_lossy(page);
    let (head, rest) = page.split_once(BEFORE_PROOF).unwrap_or(("", &page));
    let before = if head.is_empty() { "" } else { BEFORE_PROOF };
    let text = format!("{head}{before}<meta name=\"csrf-token\" content=\"{proof}\">{rest}");
    let mut response = Body::from(text).into_response();
    if shown.is_none() {
        cookie::set(&mut response, &session, None)?;
    }
    Ok(response)
}
