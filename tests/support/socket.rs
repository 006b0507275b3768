//! Calls on a WebSocket, as a program makes them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sotto::pipeline::codec::resample::resample;
use sotto::pipeline::codec::wav::to_i16;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::server::TestServer;

/// A call on a WebSocket.
pub struct Socket {
    pub inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub log: Vec<Value>,
}

impl Socket {
    /// Opens one as nobody.
    pub async fn open(server: &TestServer) -> Self {
        Self::open_as(&server.url, "model=any", &[]).await.unwrap()
    }

    /// Opens one with these query parameters and headers; what the server answers if it refuses.
    pub async fn open_as(
        url: &str,
        query: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, (u16, Value)> {
        let url = format!("{}/v1/realtime?{query}", url.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let inner = match connect_async(request).await {
            Ok((inner, _)) => inner,
            Err(tungstenite::Error::Http(refused)) => {
                let body = refused.body().clone().unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                return Err((refused.status().as_u16(), body));
            }
            Err(other) => panic!("{other}"),
        };
        let mut socket = Self { inner, log: Vec::new() };
        socket.until("session.created").await;
        Ok(socket)
    }

    /// The id of the call.
    pub fn call_id(&self) -> &str {
        self.log[0]["session"]["sotto"]["call_id"].as_str().unwrap()
    }

    /// Types something.
    pub async fn type_in(&mut self, text: &str) {
        assert!(self.try_type(text).await, "the call is over");
    }

    /// Types something. Whether the call goes on.
    pub async fn try_type(&mut self, text: &str) -> bool {
        let content = [json!({ "type": "input_text", "text": text })];
        let item = json!({ "type": "message", "role": "user", "content": content });
        let event = json!({ "type": "conversation.item.create", "item": item });
        self.inner.send(Message::Text(event.to_string().into())).await.is_ok()
    }

    /// Hangs up.
    pub async fn close(mut self) {
        let _ = self.inner.close(None).await;
    }

    /// Sends an event.
    pub async fn send(&mut self, event: Value) {
        self.inner.send(Message::Text(event.to_string().into())).await.unwrap();
    }

    /// Sends sound (16 kHz) as fast as it goes.
    pub async fn say(&mut self, samples: &[f32]) {
        let samples = resample(samples, 16_000, 24_000).unwrap();
        for piece in samples.chunks(24_000 / 5) {
            let bytes: Vec<u8> = piece.iter().flat_map(|s| to_i16(*s).to_le_bytes()).collect();
            let audio = BASE64.encode(bytes);
            self.send(json!({ "type": "input_audio_buffer.append", "audio": audio })).await;
        }
    }

    /// The next event; none if the server closed.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let message = tokio::time::timeout(Duration::from_secs(15), self.inner.next()).await;
            match message.expect("an event in time")? {
                Ok(Message::Text(text)) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    self.log.push(event.clone());
                    return Some(event);
                }
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The next event of this kind.
    pub async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("closed before {kind}"));
            if event["type"] == kind {
                return event;
            }
        }
    }
}
