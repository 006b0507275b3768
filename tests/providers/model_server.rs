//! A language model's server on loopback: `OpenAI`'s API, streamed, with answers that tests prepare.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What it does with a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Writes these deltas, with a pause before each.
    Says(Vec<&'static str>, Duration),
    /// Writes these deltas and then nothing more.
    Stalls(Vec<&'static str>),
    /// Takes the request and does not answer.
    Hangs,
    /// Refuses, with these words.
    Refuses(u16, &'static str),
}

impl Answer {
    /// Writes all of it at once.
    pub fn says(text: &'static str) -> Self {
        Self::Says(vec![text], Duration::ZERO)
    }
}

#[derive(Default)]
struct Inner {
    /// The answers to come; the last one is repeated.
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Value>>,
    keys: Mutex<Vec<Option<String>>>,
    left: AtomicUsize,
}

/// See the module. Dropping it stops it.
pub struct ModelServer {
    /// Up to and with `/v1`.
    pub url: String,
    pub address: std::net::SocketAddr,
    inner: Arc<Inner>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl ModelServer {
    pub async fn start(answers: Vec<Answer>) -> Self {
        let inner = Arc::new(Inner { answers: Mutex::new(answers.into()), ..Inner::default() });
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/models", get(models))
            .with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let stopped = stop.clone().cancelled_owned();
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
        tasks.spawn(async move { serving.await.unwrap() });
        Self { url: format!("http://{address}/v1"), address, inner, stop, tasks }
    }

    /// Ends, and closes the connections that nobody uses at the moment.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.join_all().await;
    }

    /// The bodies of the requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// What the requests gave as authorization.
    pub fn keys(&self) -> Vec<Option<String>> {
        self.inner.keys.lock().unwrap().clone()
    }

    /// How often somebody left before an answer was complete.
    pub fn left(&self) -> usize {
        self.inner.left.load(Ordering::Relaxed)
    }

    /// Waits until somebody has left; fails if nobody does.
    pub async fn wait_until_left(&self, longest: Duration) {
        let left = async {
            while self.left() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(tokio::time::timeout(longest, left).await.is_ok(), "nobody left");
    }
}

async fn models() -> Json<Value> {
    Json(json!({ "object": "list", "data": [{ "id": "nomic-embed" }, { "id": "chatty:7b" }] }))
}

async fn chat(
    State(server): State<Arc<Inner>>,
    headers: HeaderMap,
    Json(request): Json<Value>,
) -> Response {
    let key = headers.get(header::AUTHORIZATION).map(|key| key.to_str().unwrap().to_owned());
    server.keys.lock().unwrap().push(key);
    server.requests.lock().unwrap().push(request);
    let answer = {
        let mut answers = server.answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }
    };
    let mut presence = Presence { server, complete: false };
    match answer.unwrap() {
        Answer::Says(deltas, pause) => events(presence, &deltas, pause, true),
        Answer::Stalls(deltas) => events(presence, &deltas, Duration::ZERO, false),
        Answer::Hangs => std::future::pending().await,
        Answer::Refuses(status, words) => {
            presence.finish();
            let body = json!({ "error": { "message": words, "type": "error" } });
            (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
        }
    }
}

/// Notices when whoever asked has gone.
struct Presence {
    server: Arc<Inner>,
    complete: bool,
}

impl Presence {
    /// Everything was said: leaving is no loss now.
    fn finish(&mut self) {
        self.complete = true;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if !self.complete {
            self.server.left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn events(presence: Presence, deltas: &[&str], pause: Duration, ends: bool) -> Response {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        format!("data: {}\n\n", json!({ "object": "chat.completion.chunk", "choices": [choice] }))
    };
    let mut events = vec![chunk(json!({ "role": "assistant", "content": "" }), Value::Null)];
    events.extend(deltas.iter().map(|delta| chunk(json!({ "content": delta }), Value::Null)));
    if ends {
        events.push(chunk(json!({}), json!("stop")));
        events.push("data: [DONE]\n\n".to_owned());
    }
    let begun = (presence, events.into_iter(), ends);
    let stream = stream::unfold(begun, move |(mut presence, mut events, ends)| async move {
        let Some(event) = events.next() else {
            if !ends {
                std::future::pending::<()>().await;
            }
            presence.finish();
            return None;
        };
        tokio::time::sleep(pause).await;
        Some((Ok::<_, std::io::Error>(event), (presence, events, ends)))
    });
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(stream)).into_response()
}
