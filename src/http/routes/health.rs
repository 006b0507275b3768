//! Whether the server lives, whether it takes calls, and what it does it with.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::call::CallError;
use crate::engine::desk::Counts;
use crate::http::guard::Admitted;
use crate::http::{ApiError, AppState};
use crate::pipeline::stt::Rejection;

/// `GET /healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: a call would be taken.
pub async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    state.calls.ready()?;
    state.chats.db().ping().await?;
    state.calls.admission().would_admit().map_err(CallError::from)?;
    Ok("ready\n")
}

/// `GET /api/v1/status`: what the page shows before a call.
///
/// For those who may call: it names addresses, and may hold the password of a relay.
#[utoipa::path(get, path = "/api/v1/status", tag = "choices", responses((status = 200, body = Object)))]
pub async fn status(_: Admitted, State(state): State<AppState>) -> Json<Value> {
    let engines = state.calls.engines();
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "calls": state.calls.admission().standing(),
        "engines": engines.choices,
        "recognition": engines.recogniser.as_ref().map(|recogniser| recognition(&recogniser.counts())),
        "frames": state.calls.handling().handled(),
        "ice_servers": state.config.webrtc.ice_servers,
    }))
}

/// What happened to utterances, with a name for each reason why words were doubtful.
fn recognition(counts: &Counts) -> Value {
    let mut told = json!(counts);
    let rejected = Rejection::ALL.iter().zip(counts.rejected).filter_map(|(reason, times)| {
        let name = json!(reason).as_str()?.to_owned();
        Some((name, json!(times)))
    });
    told["rejected"] = Value::Object(rejected.collect());
    told
}
