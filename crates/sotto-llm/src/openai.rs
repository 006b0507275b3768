//! OpenAI-compatible servers: the original, vLLM, llama.cpp, Ollama, LM Studio, routers.

mod config;

mod reply;

mod decoder;
mod failure;
mod request;

use std::{fmt, sync::Arc};

use futures_util::{FutureExt, StreamExt, TryFutureExt, future::BoxFuture};
use reqwest::{
    Client, Response, Url,
    header::{CONTENT_TYPE, HeaderMap},
};
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout_at},
};

use crate::{
    ChatRequest, Error, Premises, Provider, Reach, ReplyStream, http, models,
    openai::{decoder::Decoder, reply::Clock},
    redact::{Redactor, Secrets},
};

pub use config::{OpenAiConfig, Timeouts};

/// A model behind an OpenAI-compatible server.
///
/// Clones share the connections and the model that was found. Replies are streamed with
/// `POST {base_url}/chat/completions`; servers that ignore `stream` are understood too. Thinking is left
/// out, be it in fields of its own or between tags (see [`ThinkFilter`](crate::ThinkFilter)).
#[derive(Clone)]
pub struct OpenAi {
    server: Arc<Server>,
}

struct Server {
    client: Client,
    /// For requests that may not leave the premises. Apart from the other, so that no connection that was
    /// made without a look at the address is used for them.
    guarded: Client,
    premises: Premises,
    base_url: Url,
    headers: HeaderMap,
    secrets: Secrets,
    temperature: Option<f32>,
    timeouts: Timeouts,
    model: OnceCell<String>,
}

impl OpenAi {
    /// Checks the configuration. Connects to nothing yet.
    ///
    /// Where the application has not chosen a process-wide rustls crypto provider, this installs *ring*.
    pub fn new(config: &OpenAiConfig) -> Result<Self, Error> {
        let base_url = config.url()?;
        let model = config.model.trim();
        Ok(Self {
            server: Arc::new(Server {
                client: http::client(&base_url, config.timeouts.connect)?,
                guarded: http::guarded(&base_url, config.timeouts.connect, &config.premises)?,
                premises: config.premises.clone(),
                headers: config.headers()?,
                secrets: config.secrets()?,
                temperature: config.temperature,
                timeouts: config.timeouts,
                model: OnceCell::new_with((!model.is_empty()).then(|| model.to_owned())),
                base_url,
            }),
        })
    }

    /// Returns the model that answers. Asks the server if the configuration names none and it was not asked
    /// before; [`chat`](Provider::chat) does the same. Good for telling at start what was chosen.
    pub async fn find_model(&self) -> Result<&str, Error> {
        self.server.find_model(&self.server.client).await
    }
}

impl Provider for OpenAi {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn model(&self) -> &str {
        self.server.model.get().map_or("", String::as_str)
    }

    /// Asks the server, which answers within the limit for the first token or not at all.
    fn models(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        self.server.models(&self.server.client).boxed()
    }

    fn on_premises(&self) -> BoxFuture<'_, bool> {
        self.server.premises.contains_server(&self.server.base_url).boxed()
    }

    fn chat(&self, request: ChatRequest) -> ReplyStream {
        let server = Arc::clone(&self.server);
        async move { server.chat(request).await }.try_flatten_stream().boxed()
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi").field("model", &self.model()).finish_non_exhaustive()
    }
}

impl Server {
    async fn chat(&self, mut request: ChatRequest) -> Result<ReplyStream, Error> {
        request.temperature = request.temperature.or(self.temperature);
        let client = self.client(request.reach)?;
        let named = request.model.take();
        let model = match &named {
            Some(model) => model,
            None => self.find_model(client).await?,
        };
        let clock = Clock { started: Instant::now(), timeouts: self.timeouts };
        let sending = client
            .post(self.url("chat/completions"))
            .headers(self.headers.clone())
            .json(&request::Body::new(model, &request, &self.base_url))
            .send();
        let response = self.response(sending, clock).await?;
        let status = response.status();
        tracing::debug!(model, status = status.as_u16(), "provider answers");
        let said = request.messages.into_iter().map(|message| message.content);
        let redactor = Redactor::new(said, self.secrets.clone());
        if !status.is_success() {
            return Err(failure::from_response(response, &redactor).await);
        }
        let json = is_json(&response);
        let body = reply::body(response.bytes_stream());
        let decoder = Decoder::new(redactor);
        if json {
            Ok(reply::whole(body, decoder, clock).await?.boxed())
        } else {
            Ok(reply::streamed(body, decoder, clock).boxed())
        }
    }

    /// The client for requests that may go so far.
    fn client(&self, reach: Reach) -> Result<&Client, Error> {
        match reach {
            Reach::Anywhere => Ok(&self.client),
            Reach::OnPremises => match self.premises.admit(&self.base_url) {
                Ok(()) => Ok(&self.guarded),
                Err(_) => Err(Error::NotOnPremises),
            },
        }
    }

    async fn find_model(&self, client: &Client) -> Result<&str, Error> {
        self.model.get_or_try_init(|| self.first_model(client)).await.map(String::as_str)
    }

    async fn first_model(&self, client: &Client) -> Result<String, Error> {
        let model = self.models(client).await?.into_iter().next().ok_or_else(|| {
            Error::Config("the provider lists no chat model; name one".to_owned())
        })?;
        tracing::debug!(model, "provider's first chat model");
        Ok(model)
    }

    async fn models(&self, client: &Client) -> Result<Vec<String>, Error> {
        let clock = Clock { started: Instant::now(), timeouts: self.timeouts };
        let sending = client.get(self.url("models")).headers(self.headers.clone()).send();
        let response = self.response(sending, clock).await?;
        if !response.status().is_success() {
            let redactor = Redactor::new([], self.secrets.clone());
            return Err(failure::from_response(response, &redactor).await);
        }
        timeout_at(clock.first_token_deadline(), models::chat(response))
            .await
            .map_err(|_| clock.first_token_error())?
    }

    /// Waits for the head of a response. A failure names the server, never what was sent.
    async fn response(
        &self,
        sending: impl Future<Output = Result<Response, reqwest::Error>>,
        clock: Clock,
    ) -> Result<Response, Error> {
        timeout_at(clock.first_token_deadline(), sending)
            .await
            .map_err(|_| clock.first_token_error())?
            .map_err(|error| http::send_error(error, &self.base_url, self.timeouts.connect))
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}/{path}", self.base_url.path().trim_end_matches('/')));
        url
    }
}

fn is_json(response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(
        |value| value.trim_start().to_ascii_lowercase().starts_with("application/json"),
    )
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn paths_are_added_with_and_without_a_slash_and_a_query_stays() {
        for (base, expected) in [
            ("http://localhost:1/v1", "http://localhost:1/v1/models"),
            ("http://localhost:1/v1//", "http://localhost:1/v1/models"),
            ("http://localhost:1", "http://localhost:1/models"),
            ("https://a.example/x/?v=1", "https://a.example/x/models?v=1"),
        ] {
            let openai = OpenAi::new(&OpenAiConfig::new(base, "m")).unwrap();
            assert_eq!(openai.server.url("models").as_str(), expected);
        }
    }

    #[test]
    fn the_model_is_known_if_it_is_named() {
        assert_eq!(
            OpenAi::new(&OpenAiConfig::new("http://localhost", " m ")).unwrap().model(),
            "m"
        );
        assert_eq!(OpenAi::new(&OpenAiConfig::new("http://localhost", "")).unwrap().model(), "");
    }
}
