//! The language model.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, Secret, require, require_url};

/// What to answer?
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Llm {
    /// The provider.
    pub provider: LlmProvider,
    /// Address of an OpenAI-compatible server up to and with `/v1`.
    pub base_url: String,
    /// Sent as a bearer token, if set.
    pub api_key: Secret,
    /// The model to ask for; empty: the first chat model that the server lists.
    pub model: String,
    /// What the model is told before the conversation begins.
    pub prompt: String,
    /// The same for conversations in writing.
    pub chat_prompt: String,
    /// How much of the conversation the model is given, in tokens (estimated).
    pub context_tokens: usize,
    /// Longest reply, in tokens; 0: the model's own limit.
    pub max_tokens: u32,
    /// Randomness of the answer, 0 to 2; unset: the server's default.
    pub temperature: Option<f32>,
    /// No connection after this is a failure.
    pub connect_timeout_ms: u64,
    /// No first token after this is a failure.
    pub first_token_timeout_ms: u64,
    /// No next token after this is a failure.
    pub idle_timeout_ms: u64,
}

/// Who answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LlmProvider {
    /// `openai` when `base_url` is set; else a server of Ollama, LM Studio or llama.cpp found on this
    /// machine; else `echo`.
    #[default]
    Auto,
    /// Any OpenAI-compatible server.
    #[serde(rename = "openai")]
    OpenAi,
    /// Says what you said. For trying the voice path without a model.
    Echo,
}

/// A default prompt for speech: models write for the eye unless they are told otherwise.
const PROMPT: &str = "You are a friendly voice assistant. Your words are spoken aloud, so answer the way people talk: \
in one to three short sentences, without lists, headings, Markdown, emoji or links. \
Write numbers, dates and units the way they are said. \
What you read is a transcript and may hold mistakes; if something makes no sense, ask briefly. \
Answer in the language of the person you talk with.";

/// A default prompt for reading.
const CHAT_PROMPT: &str = "You are a friendly, capable assistant. Your words are read, so use Markdown where it helps: \
lists, tables, code blocks with their language. Be brief where a brief answer is enough. \
Answer in the language of the person you write with.";

impl Default for Llm {
    fn default() -> Self {
        Self {
            provider: LlmProvider::Auto,
            base_url: String::new(),
            api_key: Secret::default(),
            model: String::new(),
            prompt: PROMPT.to_owned(),
            chat_prompt: CHAT_PROMPT.to_owned(),
            context_tokens: 4_096,
            max_tokens: 0,
            temperature: None,
            connect_timeout_ms: 3_000,
            first_token_timeout_ms: 10_000,
            idle_timeout_ms: 15_000,
        }
    }
}

impl Llm {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if self.provider == LlmProvider::OpenAi || !self.base_url.is_empty() {
            require_url("llm.base_url", &self.base_url)?;
        }
        require(self.context_tokens >= 256, "llm.context_tokens", "must be at least 256")?;
        require(
            self.temperature.is_none_or(|t| (0.0..=2.0).contains(&t)),
            "llm.temperature",
            "must be between 0 and 2",
        )
    }
}
