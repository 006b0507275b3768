//! Headers that every answer has, and those that let pages of another origin call.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::guard::{Peer, caller};

/// Nothing from elsewhere, no inline script, no text that becomes markup except through the policy `sotto`;
/// sound also from memory. `'wasm-unsafe-eval'` lets WebAssembly run (a passphrase is hashed by it) and no script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
style-src 'self'; img-src 'self' data: blob:; font-src 'self'; media-src 'self' blob:; connect-src 'self'; \
worker-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
object-src 'none'; require-trusted-types-for 'script'; trusted-types sotto";

/// Of the page that shows the API: its library writes styles and markup of its own. It sees nothing but the
/// description, and nothing leads from there to what the page above protects.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'none'; \
frame-ancestors 'none'; base-uri 'none'; object-src 'none'";
/// Where it is.
const DOCS: &str = "/docs";

const PERMISSIONS: &str = "microphone=(self), camera=(), geolocation=(), \
publickey-credentials-get=(self), publickey-credentials-create=(self)";

/// A year.
const STRICT_TRANSPORT: &str = "max-age=31536000; includeSubDomains";

/// Adds the headers of every answer.
pub async fn secure(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let docs = request.uri().path().starts_with(DOCS);
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", if docs { DOCS_POLICY } else { CONTENT_SECURITY_POLICY }),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", PERMISSIONS),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Not with a certificate of our own making: browsers would no longer let anybody past their warning.
    let tls = &state.config.server.tls;
    if tls.enabled() && !tls.self_signed {
        let value = HeaderValue::from_static(STRICT_TRANSPORT);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Lets pages of other origins use the realtime API where their callers may call: answers preflights and
/// names the origin.
pub async fn cross_origin(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let allowed = allowed_origin(&state, &request);
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed {
        allow(headers, origin, preflight);
    }
    response
}

fn allowed_origin(state: &AppState, request: &Request) -> Option<HeaderValue> {
    let origin = request.headers().get(header::ORIGIN)?.clone();
    let ConnectInfo(Peer(peer)) = request.extensions().get().copied()?;
    caller(peer, request.headers()).may_call(state.config.auth.open_calls).then_some(origin)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue, preflight: bool) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    let exposed = HeaderValue::from_static("location, etag, retry-after");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    if preflight {
        let methods = HeaderValue::from_static("GET, POST, PATCH, DELETE");
        let names =
            HeaderValue::from_static("authorization, content-type, if-match, x-openai-agents-sdk");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        headers.insert("accept-post", HeaderValue::from_static("application/sdp"));
    }
}
