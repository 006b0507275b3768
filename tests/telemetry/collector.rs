//! A collector on loopback that keeps what it is sent.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::task::JoinSet;

/// What it does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes it.
    Takes,
    /// Takes it and never answers.
    Hangs,
}

/// See the module. Dropping it stops it.
pub struct Collector {
    /// Where traces go.
    pub endpoint: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
    _tasks: JoinSet<()>,
}

type Shared = (Manner, Arc<Mutex<Vec<Bytes>>>);

impl Collector {
    pub async fn start(manner: Manner) -> Self {
        let bodies: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let router =
            Router::new().route("/v1/traces", post(take)).with_state((manner, Arc::clone(&bodies)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, bodies, _tasks: tasks }
    }

    /// What was sent, as it came.
    pub fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap().clone()
    }

    /// All spans, with the service that sent them.
    pub fn spans(&self) -> Vec<(String, Span)> {
        let mut spans = Vec::new();
        for body in self.bodies() {
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            for sent in request.resource_spans {
                let resource = sent.resource.unwrap();
                let service = attribute(&resource.attributes, "service.name").unwrap();
                let scopes = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
                spans.extend(scopes.map(|span| (service.clone(), span)));
            }
        }
        spans
    }

    /// Waits until something was sent.
    pub async fn wait(&self) {
        for _ in 0..250 {
            if !self.bodies().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("nothing was sent");
    }
}

/// The value of an attribute, as text.
pub fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    Some(match found.value.clone()?.value? {
        Value::StringValue(text) => text,
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        other => panic!("{other:?}"),
    })
}

async fn take(
    State((manner, bodies)): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    assert_eq!(headers[header::CONTENT_TYPE], "application/x-protobuf");
    bodies.lock().unwrap().push(body);
    if manner == Manner::Hangs {
        std::future::pending::<()>().await;
    }
    StatusCode::OK
}
