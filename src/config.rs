//! Configuration: one section a file, every key optional, every mistake named with its place.
//!
//! Order of precedence, weakest first: the defaults here, `config.yml`, the environment
//! (`SOTTO__SECTION__KEY`), the command line. A key that does not exist or a value of the wrong kind
//! is refused with the file, the line and the nearest key that does exist.

mod auth;
mod conversation;
mod database;
mod error;
mod limits;
mod llm;
mod load;
mod models;
mod privacy;
mod secret;
mod server;
mod stt;
mod telemetry;
mod tts;
mod turn;
mod vad;
mod webrtc;

use schemars::JsonSchema;
use serde::Deserialize;

pub use auth::{Auth, OpenCalls, Password, Sessions, SignUp};
pub use conversation::{Conversation, Eager, Interruption};
pub use database::Database;
pub use error::ConfigError;
pub use limits::{CallLimit, Limits, Requests};
pub use llm::{Llm, LlmProvider};
pub use load::{load, parse};
pub use models::Models;
pub use privacy::{Network, Privacy};
pub use secret::Secret;
pub use server::{Server, Tls};
pub(crate) use stt::is_code as is_language;
pub use stt::{Device, Stt, SttContext, SttEngine};
pub use telemetry::{LogFormat, Metrics, Telemetry, Traces};
pub use tts::{Tts, TtsEngine};
pub(crate) use turn::SMART_TURN_V2;
pub use turn::{Turn, TurnEngine};
pub use vad::{Vad, VadEngine};
pub use webrtc::{PublicIp, WebRtc};

/// Everything that can be configured, in the order of `config.yml.example`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The HTTP door.
    pub server: Server,
    /// The media path of calls.
    pub webrtc: WebRtc,
    /// Who may call, and who may sign in.
    pub auth: Auth,
    /// Where weights live and where they come from.
    pub models: Models,
    /// Voice activity detection: is somebody speaking?
    pub vad: Vad,
    /// End of turn: has the person finished?
    pub turn: Turn,
    /// Recognition: what was said?
    pub stt: Stt,
    /// The language model: what to answer?
    pub llm: Llm,
    /// Speech: the answer as a voice.
    pub tts: Tts,
    /// How the assistant behaves in a conversation.
    pub conversation: Conversation,
    /// Where conversations may go that must not leave the premises.
    pub privacy: Privacy,
    /// Where people and conversations are kept.
    pub database: Database,
    /// How much one machine takes on.
    pub limits: Limits,
    /// Logs, metrics and traces.
    pub telemetry: Telemetry,
}

impl Config {
    /// Checks what the types cannot: ranges, and keys that need each other.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.server.validate()?;
        self.webrtc.validate()?;
        self.auth.validate()?;
        self.vad.validate()?;
        self.turn.validate()?;
        self.stt.validate()?;
        self.llm.validate()?;
        self.tts.validate()?;
        self.conversation.validate()?;
        self.database.validate()?;
        self.limits.validate()?;
        self.telemetry.validate()
    }
}

/// A program to run as an engine, and how.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Program {
    /// The program; empty: the first known one found on this machine.
    pub program: String,
    /// Its arguments. `{voice}`, `{speed}` and `{language}` are replaced.
    pub args: Vec<String>,
}

/// A server that speaks `OpenAI`'s HTTP API.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Remote {
    /// Address up to and with `/v1`, for example `http://10.0.0.5:8000/v1`.
    pub base_url: String,
    /// Sent as a bearer token, if set.
    pub api_key: Secret,
    /// The model to ask for; empty: the server's own default.
    pub model: String,
    /// A request that takes longer has failed.
    pub timeout_ms: u64,
    /// Requests at once, over all calls.
    pub concurrency: usize,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            base_url: String::new(),
            api_key: Secret::default(),
            model: String::new(),
            timeout_ms: 10_000,
            concurrency: 8,
        }
    }
}

impl Remote {
    fn validate(&self, section: &str) -> Result<(), ConfigError> {
        require_url(&format!("{section}.remote.base_url"), &self.base_url)?;
        require(
            self.concurrency > 0,
            &format!("{section}.remote.concurrency"),
            "must be at least 1",
        )?;
        require(self.timeout_ms > 0, &format!("{section}.remote.timeout_ms"), "must be at least 1")
    }
}

fn require(holds: bool, key: &str, problem: &str) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        Err(ConfigError::Value { key: key.to_owned(), problem: problem.to_owned() })
    }
}

fn require_url(key: &str, url: &str) -> Result<(), ConfigError> {
    let well_formed = reqwest::Url::parse(url)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    require(well_formed, key, "needs an address such as http://127.0.0.1:8000/v1")
}
