//! Opening, changing and ending calls over WebRTC.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::call::{CallError, Session};
use crate::http::guard::Admitted;
use crate::http::routes::conversations::Turns;
use crate::http::seat;
use crate::http::{ApiError, AppState};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// `POST /v1/realtime/calls`: an offer, as it is or with session settings beside it.
pub async fn open(
    admitted: Admitted,
    State(state): State<AppState>,
    Query(query): Query<HashMap<String, String>>,
    request: Request,
) -> Result<Response, ApiError> {
    state.limits.offer(admitted.address)?;
    // Before the body is looked at.
    apply_query(&mut state.calls.session(), &query)?;
    let mut settings = None;
    let offer = match content_type(request.headers()).as_deref() {
        Some(SDP) => text(request).await?,
        Some("multipart/form-data") => {
            let (offer, session) = parts(request).await?;
            settings = session;
            offer
        }
        other => return Err(wrong_type(other, "application/sdp or multipart/form-data")),
    };
    let apply = |session: &mut Session| {
        apply_query(session, &query)?;
        let update = settings.as_ref().map_or(Ok(()), |settings| session.update(settings));
        Ok(update.map_err(CallError::from)?)
    };
    let (opening, permit, begun_for) = seat::open(&state, &admitted, apply).await?;
    let answered = match state.calls.answer(&offer, opening, permit).await {
        Ok(answered) => answered,
        Err(error) => {
            seat::give_up(&state, begun_for).await;
            return Err(error.into());
        }
    };
    let headers = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, format!("/v1/realtime/calls/{}", answered.id.as_str())),
        (header::ETAG, answered.etag),
    ];
    Ok((StatusCode::CREATED, headers, answered.answer).into_response())
}

/// `GET`: RFC 9725 wants an answer without content.
pub async fn look(
    _: Admitted,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.calls.signalling(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// How the last turns of a call went, in numbers, for whoever called: while it goes on, and as long as it can be resumed.
#[utoipa::path(get, path = "/api/v1/calls/{id}/turns", params(("id" = String, Path)), tag = "calls",
    responses((status = 200, body = Turns), (status = 404, description = "`call_not_found`")))]
pub async fn turns(
    admitted: Admitted,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<axum::Json<Turns>, ApiError> {
    let person = admitted.person.as_ref().map(|person| person.id.as_str());
    Ok(axum::Json(state.calls.turns(&id, person)?.into()))
}

/// `PATCH`: candidates that the client found later, or an ICE restart.
pub async fn patch(
    _: Admitted,
    State(state): State<AppState>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let (signalling, etag) = state.calls.signalling(&id)?;
    if !matches(request.headers(), &etag) {
        let text = "the connection has been restarted since; use its new ETag, or *";
        return Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "etag_mismatch", text));
    }
    let kind = content_type(request.headers());
    let restarted = |kind: &'static str, body: String| {
        let headers =
            [(header::CONTENT_TYPE, kind.to_owned()), (header::ETAG, state.calls.restarted(&id))];
        (StatusCode::OK, headers, body).into_response()
    };
    match kind.as_deref() {
        Some(SDP) => {
            let offer = text(request).await?;
            Ok(restarted(SDP, signalling.restart(&offer).await?))
        }
        Some(FRAGMENT) => {
            let fragment = text(request).await?;
            Ok(match signalling.fragment(&fragment).await? {
                Some(answer) => restarted(FRAGMENT, answer),
                None => StatusCode::NO_CONTENT.into_response(),
            })
        }
        other => Err(wrong_type(other, "application/trickle-ice-sdpfrag or application/sdp")),
    }
}

/// `DELETE`, or `POST …/hangup`: the call is over.
pub async fn hang_up(
    _: Admitted,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.calls.hang_up(&id)?;
    Ok(StatusCode::OK)
}

/// Settings of ours that came as query parameters; others (`model`) are for other servers.
pub fn apply_query(session: &mut Session, query: &HashMap<String, String>) -> Result<(), ApiError> {
    for name in Session::OF_OURS {
        if let Some(value) = query.get(name) {
            session.set(name, value).map_err(CallError::from)?;
        }
    }
    Ok(())
}

/// The media type of the body, without its parameters.
pub(super) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_ascii_lowercase())
}

pub(super) fn wrong_type(found: Option<&str>, needed: &str) -> ApiError {
    let found = found.unwrap_or("nothing").chars().take(100).collect::<String>();
    let text = format!("the Content-Type must be {needed}, not {found}");
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", text)
}

/// The body, which `http::body` has read already.
async fn text(request: Request) -> Result<String, ApiError> {
    let bytes = Bytes::from_request(request, &())
        .await
        .map_err(|error| ApiError::new(error.status(), "invalid_body", error.body_text()))?;
    String::from_utf8(bytes.into())
        .map_err(|_| ApiError::bad_request("invalid_sdp", "the body is not UTF-8"))
}

/// The fields `sdp` and `session` of a form.
async fn parts(request: Request) -> Result<(String, Option<Value>), ApiError> {
    let failed = |error: MultipartError| {
        ApiError::new(error.status(), "invalid_multipart", error.body_text())
    };
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| ApiError::new(error.status(), "invalid_multipart", error.body_text()))?;
    let (mut offer, mut session) = (None, None);
    while let Some(field) = form.next_field().await.map_err(failed)? {
        match field.name() {
            Some("sdp") => offer = Some(field.text().await.map_err(failed)?),
            Some("session") => {
                let text = field.text().await.map_err(failed)?;
                let value = serde_json::from_str(&text).map_err(|error| {
                    ApiError::bad_request("invalid_json", format!("session: {error}"))
                        .with_param("session")
                })?;
                session = Some(value);
            }
            _ => {}
        }
    }
    let missing =
        || ApiError::bad_request("missing_sdp", "the form has no field sdp").with_param("sdp");
    Ok((offer.ok_or_else(missing)?, session))
}

/// Whether `If-Match` allows a change: absent, a star, or the present version, in quotes or not.
fn matches(headers: &HeaderMap, etag: &str) -> bool {
    let Some(wanted) = headers.get(header::IF_MATCH) else { return true };
    let Ok(wanted) = wanted.to_str() else { return false };
    let bare = |text: &str| text.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    wanted.split(',').map(bare).any(|wanted| wanted == "*" || wanted == bare(etag))
}
