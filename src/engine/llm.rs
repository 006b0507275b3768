//! Which language model answers: the configured one, one that runs on this machine, or `echo`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_llm::Provider;
use sotto_llm::discover::{Candidate, PATIENCE, discover, usual};
use sotto_llm::echo::Echo;
use sotto_llm::openai::{OpenAi, OpenAiConfig, Timeouts};

use super::{Choice, EngineLoadError};
use crate::config::{Llm, LlmProvider};

/// A provider, and why it.
pub type Chosen = (Arc<dyn Provider>, Choice);

/// Whether a model server of this machine is looked for.
pub fn is_looked_for(config: &Llm) -> bool {
    config.provider != LlmProvider::Echo && config.base_url.is_empty()
}

pub(super) async fn choose(
    config: &Llm,
    own_address: SocketAddr,
) -> Result<Chosen, EngineLoadError> {
    if config.provider == LlmProvider::Echo {
        return Ok((Arc::new(Echo), choice("echo", "configured".to_owned())));
    }
    if !is_looked_for(config) {
        let provider = open_ai(config, &config.base_url, &config.model)?;
        let name = if config.model.is_empty() { "openai" } else { &config.model };
        return Ok((Arc::new(provider), choice(name, config.base_url.clone())));
    }
    if let Some(found) = find(config, &usual(), own_address).await? {
        return Ok(found);
    }
    let why = "no model server on this machine (Ollama, LM Studio, llama.cpp); \
               set llm.base_url to use another";
    Ok((Arc::new(Echo), choice("echo", why.to_owned())))
}

/// Looks for a model server among `candidates`.
pub async fn find(
    config: &Llm,
    candidates: &[Candidate],
    own_address: SocketAddr,
) -> Result<Option<Chosen>, EngineLoadError> {
    let Some(found) = discover(candidates, &[own_address], PATIENCE).await else {
        return Ok(None);
    };
    let model = if config.model.is_empty() { &found.model } else { &config.model };
    let provider = open_ai(config, &found.base_url, model)?;
    let why = format!("found {} at {}", found.kind.as_str(), found.base_url);
    Ok(Some((Arc::new(provider), choice(model, why))))
}

fn choice(name: &str, why: String) -> Choice {
    Choice { stage: "llm", name: name.to_owned(), why }
}

fn open_ai(config: &Llm, base_url: &str, model: &str) -> Result<OpenAi, EngineLoadError> {
    let mut settings = OpenAiConfig::new(base_url, model);
    settings.api_key = config.api_key.reveal().map(sotto_llm::ApiKey::new);
    settings.temperature = config.temperature;
    settings.timeouts = Timeouts {
        connect: Duration::from_millis(config.connect_timeout_ms),
        first_token: Duration::from_millis(config.first_token_timeout_ms),
        idle: Duration::from_millis(config.idle_timeout_ms),
    };
    Ok(OpenAi::new(&settings)?)
}
