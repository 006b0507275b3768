//! Servers as engines: anything that speaks `OpenAI`'s HTTP API.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sotto_llm::{Premises, Reach, premises};

use crate::config::{Privacy, Remote, Secret};
use crate::loopback::is_loopback;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What it is called in errors.
const REMOTE: &str = "the remote engine";
/// Codes of errors are short.
const CODE_LIMIT: usize = 64;
/// No more of an error's body is read.
const ERROR_LIMIT: usize = 64 * 1_024;

/// A server, and how to ask it. Runs on worker threads, which may wait.
#[derive(Clone)]
pub struct Server {
    client: Client,
    /// For what may not leave the premises, with connections of its own.
    guarded: Client,
    premises: Premises,
    config: Remote,
    runtime: tokio::runtime::Handle,
}

impl Server {
    /// A server as configured, which may be on the premises or not.
    pub fn new(
        config: Remote,
        premises: Premises,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, reqwest::Error> {
        let timeout = Some(Duration::from_millis(config.timeout_ms));
        let client = client(&config.base_url, timeout)?;
        let guarded = premises.guard(builder(&config.base_url, timeout)).build()?;
        Ok(Self { client, guarded, premises, config, runtime })
    }

    /// The model to ask for, if one is configured.
    pub fn model(&self) -> Option<&str> {
        Some(self.config.model.as_str()).filter(|model| !model.is_empty())
    }

    /// A request to `path` below the base address, for a conversation that may go as far as `reach` says.
    pub fn post(&self, path: &str, reach: Reach) -> Result<RequestBuilder, EngineError> {
        let url = format!("{}{path}", self.config.base_url.trim_end_matches('/'));
        // The parser's words would quote the address.
        let not_valid = |_| EngineError::failed(REMOTE)("its address is not valid");
        let url = Url::parse(&url).map_err(not_valid)?;
        let client = match reach {
            Reach::Anywhere => &self.client,
            Reach::OnPremises => {
                self.premises.admit(&url).map_err(|_| EngineError::NotOnPremises(REMOTE))?;
                &self.guarded
            }
        };
        let request = client.post(url);
        Ok(match self.config.api_key.reveal() {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
    }

    /// Sends `request` and gives the answer, of which the body is still to come.
    pub fn send(&self, request: RequestBuilder, cancel: &Cancel) -> Result<Response, EngineError> {
        self.wait(cancel, async {
            let response = request.send().await.map_err(|error| failure(&error))?;
            self.refused(response).await
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

    /// An answer with an error status, as a failure with the server's code for it. Its message is not
    /// repeated: it may quote what was to be spoken.
    async fn refused(&self, mut response: Response) -> Result<Response, EngineError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let mut body = Vec::new();
        while let Ok(Some(part)) = response.chunk().await {
            body.extend_from_slice(&part);
            if body.len() > ERROR_LIMIT {
                break;
            }
        }
        // Keys look like codes.
        let key = self.config.api_key.reveal();
        let code = error_code(&body).filter(|code| key.is_none_or(|key| !code.contains(key)));
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        let source = format!("it answered {status}{code}").into();
        Err(EngineError::Failed { what: REMOTE, source })
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

/// An HTTP client for the server at `url`. The one way to make one, so that all of them connect, and encrypt,
/// alike.
pub fn client(url: &str, timeout: Option<Duration>) -> Result<Client, reqwest::Error> {
    builder(url, timeout).build()
}

/// A client that shows `token` to the server at `url`.
pub fn client_with_token(
    url: &str,
    timeout: Option<Duration>,
    token: &Secret,
) -> Result<Client, reqwest::Error> {
    let mut headers = HeaderMap::new();
    // A token that no header can hold is none of ours, and the server says so.
    let value = token.reveal().and_then(|t| HeaderValue::try_from(format!("Bearer {t}")).ok());
    if let Some(mut value) = value {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    builder(url, timeout).default_headers(headers).build()
}

/// The premises as configured, with the system's resolver.
pub fn premises(privacy: &Privacy) -> Premises {
    let privacy = privacy.clone();
    Premises::new(move |address| privacy.is_on_premises(address))
}

fn builder(url: &str, timeout: Option<Duration>) -> ClientBuilder {
    install_crypto();
    let mut builder = Client::builder().connect_timeout(CONNECT_TIMEOUT);
    if let Some(timeout) = timeout {
        builder = builder.timeout(timeout);
    }
    let url = Url::parse(url).ok();
    if url.as_ref().and_then(Url::host_str).is_some_and(is_loopback) {
        // A proxy from the environment must not see what stays on this machine.
        builder = builder.no_proxy();
    }
    builder
}

/// Chooses the process's TLS implementation, unless that has been done.
pub fn install_crypto() {
    // An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn failure(error: &reqwest::Error) -> EngineError {
    if premises::is_refusal(error) {
        return EngineError::NotOnPremises(REMOTE);
    }
    if error.is_timeout() {
        return EngineError::Timeout(REMOTE);
    }
    // The cause would quote what was said.
    if error.is_decode() {
        let source = "its answer is not what such a server sends".into();
        return EngineError::Failed { what: REMOTE, source };
    }
    // The address may hold a key; the cause never does.
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let source = cause.unwrap_or_else(|| "no answer".to_owned()).into();
    EngineError::Failed { what: REMOTE, source }
}

/// The code, or else the type, of an error in `OpenAI`'s form, if it looks like one.
fn error_code(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        code: Option<Value>,
        r#type: Option<Value>,
    }
    let reason = serde_json::from_slice::<Body>(body).ok()?.error;
    let is_code = |code: &&str| {
        code.len() <= CODE_LIMIT && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let word = |value: &Value| value.as_str().filter(is_code).map(str::to_owned);
    reason.code.as_ref().and_then(word).or_else(|| reason.r#type.as_ref().and_then(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_named_and_not_quoted() {
        let code = |body: &str| error_code(body.as_bytes());
        assert_eq!(
            code(r#"{"error":{"code":"no_voice","message":"cannot say hello"}}"#).unwrap(),
            "no_voice"
        );
        assert_eq!(
            code(r#"{"error":{"code":null,"type":"server_error"}}"#).unwrap(),
            "server_error"
        );
        assert_eq!(code(r#"{"error":{"code":"cannot say hello"}}"#), None);
        assert_eq!(code(r#"{"error":{"code":7}}"#), None);
        assert_eq!(code("<html>"), None);
    }
}
