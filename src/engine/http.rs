//! Servers as engines: anything that speaks `OpenAI`'s HTTP API.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::Remote;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// More of a server's words than this is not repeated.
const MESSAGE_LIMIT: usize = 200;

/// A server, and how to ask it. Runs on worker threads, which may wait.
#[derive(Clone)]
pub struct Server {
    client: Client,
    config: Remote,
    runtime: tokio::runtime::Handle,
}

impl Server {
    /// A server as configured.
    pub fn new(config: Remote, runtime: tokio::runtime::Handle) -> Result<Self, reqwest::Error> {
        let client = client(Some(Duration::from_millis(config.timeout_ms)))?;
        Ok(Self { client, config, runtime })
    }

    /// The model to ask for, if one is configured.
    pub fn model(&self) -> Option<&str> {
        Some(self.config.model.as_str()).filter(|model| !model.is_empty())
    }

    /// A request to `path` below the base address.
    pub fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.config.base_url.trim_end_matches('/'));
        let request = self.client.post(url);
        match self.config.api_key.reveal() {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Sends `request` and gives the answer, of which the body is still to come.
    pub fn send(&self, request: RequestBuilder, cancel: &Cancel) -> Result<Response, EngineError> {
        self.wait(cancel, async {
            let response = request.send().await.map_err(|error| failure(&error))?;
            refused(response).await
        })
    }

    /// The next piece of an answer's body; `None` at its end.
    pub fn next(
        &self,
        answer: &mut Response,
        cancel: &Cancel,
    ) -> Result<Option<Bytes>, EngineError> {
        self.wait(cancel, async { answer.chunk().await.map_err(|error| failure(&error)) })
    }

    /// An answer's body as JSON.
    pub fn json<T: DeserializeOwned>(
        &self,
        answer: Response,
        cancel: &Cancel,
    ) -> Result<T, EngineError> {
        self.wait(cancel, async { answer.json().await.map_err(|error| failure(&error)) })
    }

    /// Waits for the network, unless the job is cancelled.
    fn wait<T>(
        &self,
        cancel: &Cancel,
        work: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        self.runtime.block_on(async {
            tokio::select! {
                result = work => result,
                () = cancel.cancelled() => Err(EngineError::Cancelled),
            }
        })
    }
}

/// An HTTP client. The one way to make one, so that all of them connect, and encrypt, alike.
pub fn client(timeout: Option<Duration>) -> Result<Client, reqwest::Error> {
    install_crypto();
    let builder = Client::builder().connect_timeout(CONNECT_TIMEOUT);
    match timeout {
        Some(timeout) => builder.timeout(timeout),
        None => builder,
    }
    .build()
}

/// Chooses the process's TLS implementation, unless that has been done.
pub fn install_crypto() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn failure(error: &reqwest::Error) -> EngineError {
    if error.is_timeout() {
        return EngineError::Timeout("the remote engine");
    }
    // The cause would quote what was said.
    if error.is_decode() {
        let source = "its answer is not what such a server sends".into();
        return EngineError::Failed { what: "the remote engine", source };
    }
    // The address may hold a key; the cause never does.
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let source = cause.unwrap_or_else(|| "no answer".to_owned()).into();
    EngineError::Failed { what: "the remote engine", source }
}

/// An answer with an error status, as a failure with the server's reason.
async fn refused(response: Response) -> Result<Response, EngineError> {
    #[derive(Deserialize)]
    struct Body {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        message: String,
    }
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.bytes().await.unwrap_or_default();
    let reason = serde_json::from_slice::<Body>(&body).map(|body| body.error.message);
    let reason: String = reason.unwrap_or_default().chars().take(MESSAGE_LIMIT).collect();
    let source = format!("it answered {status} {reason}").trim_end().to_owned().into();
    Err(EngineError::Failed { what: "the remote engine", source })
}
