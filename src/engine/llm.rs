//! Which language model answers: the configured one, one that runs on this machine, or `echo`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_llm::Provider;
use sotto_llm::discover::{Candidate, PATIENCE, discover, usual};
use sotto_llm::echo::Echo;
use sotto_llm::openai::{OpenAi, OpenAiConfig, Timeouts};

use super::http::premises;
use super::{Choice, EngineLoadError};
use crate::config::{Config, Llm, LlmProvider};

/// A provider, why it, and whether it is on the premises.
pub struct Chosen {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// Why it.
    pub choice: Choice,
    /// Whether it is on the premises with all its addresses, as far as is known now.
    pub is_near: bool,
}

impl Chosen {
    async fn new(provider: impl Provider, choice: Choice) -> Self {
        let is_near = provider.on_premises().await;
        Self { provider: Arc::new(provider), choice, is_near }
    }
}

/// Whether a model server of this machine is looked for.
pub fn is_looked_for(config: &Llm) -> bool {
    config.provider != LlmProvider::Echo && config.base_url.is_empty()
}

pub(super) async fn choose(
    config: &Config,
    own_address: SocketAddr,
) -> Result<Chosen, EngineLoadError> {
    let llm = &config.llm;
    if llm.provider == LlmProvider::Echo {
        return Ok(Chosen::new(Echo, choice("echo", "configured".to_owned())).await);
    }
    if !is_looked_for(llm) {
        let provider = open_ai(config, &llm.base_url, &llm.model)?;
        let name = if llm.model.is_empty() { "openai" } else { &llm.model };
        let choice = choice(name, "configured".to_owned()).at(&llm.base_url);
        return Ok(Chosen::new(provider, choice).await);
    }
    if let Some(found) = find(config, &usual(), own_address).await? {
        return Ok(found);
    }
    let why = "no model server on this machine (Ollama, LM Studio, llama.cpp); \
               set llm.base_url to use another";
    Ok(Chosen::new(Echo, choice("echo", why.to_owned())).await)
}

/// Looks for a model server among `candidates`.
pub async fn find(
    config: &Config,
    candidates: &[Candidate],
    own_address: SocketAddr,
) -> Result<Option<Chosen>, EngineLoadError> {
    let Some(found) = discover(candidates, &[own_address], PATIENCE).await else {
        return Ok(None);
    };
    let llm = &config.llm;
    let model = if llm.model.is_empty() { &found.model } else { &llm.model };
    let provider = open_ai(config, &found.base_url, model)?;
    let why = format!("found {} on this machine", found.kind.as_str());
    Ok(Some(Chosen::new(provider, choice(model, why).at(&found.base_url)).await))
}

fn choice(name: &str, why: String) -> Choice {
    Choice::new("llm", name, why)
}

fn open_ai(config: &Config, base_url: &str, model: &str) -> Result<OpenAi, EngineLoadError> {
    let mut settings = OpenAiConfig::new(base_url, model);
    settings.premises = premises(&config.privacy);
    let config = &config.llm;
    settings.api_key = config.api_key.reveal().map(sotto_llm::ApiKey::new);
    settings.temperature = config.temperature;
    settings.timeouts = Timeouts {
        connect: Duration::from_millis(config.connect_timeout_ms),
        first_token: Duration::from_millis(config.first_token_timeout_ms),
        idle: Duration::from_millis(config.idle_timeout_ms),
    };
    Ok(OpenAi::new(&settings)?)
}
