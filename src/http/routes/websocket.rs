//! `GET /v1/realtime`: a call on a WebSocket.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::{SinkExt, StreamExt};

use super::calls::apply_query;
use crate::call::Session;
use crate::http::guard::Admitted;
use crate::http::seat;
use crate::http::{ApiError, AppState};
use crate::pipeline::transport::websocket::Ends;
use crate::pipeline::transport::{Control, HangUp};

/// The largest message: a minute of sound in base64.
const MAX_MESSAGE: usize = 4 * 1_024 * 1_024;
/// A client that says nothing, and does not answer pings, is gone after three of these.
const PING_EVERY: Duration = Duration::from_secs(15);
/// What `OpenAI`'s browser client asks for, beside its key.
const PROTOCOL: &str = "realtime";

/// Opens a call on a WebSocket.
pub async fn open(
    admitted: Admitted,
    State(state): State<AppState>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|error| {
        let text = format!("this is a WebSocket: {}", error.body_text());
        ApiError::new(StatusCode::UPGRADE_REQUIRED, "not_a_websocket", text)
    })?;
    state.limits.offer(admitted.address)?;
    // Before the upgrade, so that a full server answers with a status.
    let apply = |session: &mut Session| apply_query(session, &query);
    let (opening, permit, begun_for) = seat::open(&state, &admitted, apply).await?;
    let ends = match state.calls.open_websocket(opening, permit) {
        Ok(ends) => ends,
        Err(error) => {
            seat::give_up(&state, begun_for).await;
            return Err(error.into());
        }
    };
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| carry(socket, ends)))
}

/// Carries events in both directions until either side is done.
async fn carry(socket: WebSocket, ends: Ends) {
    let Ends { control, mut events } = ends;
    let (mut sink, mut stream) = socket.split();
    if control.send(Control::Opened).await.is_err() {
        return;
    }
    let reading = async {
        let mut quiet = 0;
        loop {
            let message = match tokio::time::timeout(PING_EVERY, stream.next()).await {
                Ok(message) => message,
                Err(_) if quiet < 2 => {
                    quiet += 1;
                    continue;
                }
                Err(_) => return HangUp::ConnectionLost,
            };
            quiet = 0;
            let text = match message {
                Some(Ok(Message::Text(text))) => text.to_string(),
                // No event is binary; it is read as one and answered with an error.
                Some(Ok(Message::Binary(bytes))) => String::from_utf8_lossy(&bytes).into_owned(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return HangUp::ChannelClosed,
            };
            if control.send(Control::Text(text)).await.is_err() {
                return HangUp::ChannelClosed;
            }
        }
    };
    let writing = async {
        let mut ping = tokio::time::interval(PING_EVERY);
        loop {
            let message = tokio::select! {
                event = events.recv() => match event {
                    Some(event) => Message::Text(event.into()),
                    // The pipeline has ended.
                    None => return,
                },
                _ = ping.tick() => Message::Ping(Vec::new().into()),
            };
            if sink.send(message).await.is_err() {
                return;
            }
        }
    };
    let how = tokio::select! {
        how = reading => how,
        () = writing => HangUp::ChannelClosed,
    };
    // The pipeline may be gone already, and the client too.
    let _ = control.send(Control::HungUp(how)).await;
    let frame = CloseFrame { code: close_code::NORMAL, reason: "the call is over".into() };
    let _ = sink.send(Message::Close(Some(frame))).await;
}
