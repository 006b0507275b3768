//! What can go wrong inside an engine, in words that do not depend on which engine it is.

use std::error::Error;

/// An engine did not give a result. It ends the job, at worst the call, never the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Too much work is waiting already.
    #[error("{0} is overloaded")]
    Overloaded(&'static str),
    /// Nobody waits for the result any more.
    #[error("cancelled")]
    Cancelled,
    /// It took too long.
    #[error("{0} did not answer in time")]
    Timeout(&'static str),
    /// The conversation may not leave the premises, and this is not on them. Nothing was sent there.
    #[error(
        "this conversation stays on the premises, and {0} is not on them; begin a standard conversation, \
         or ask whoever runs this server for one that is (privacy.on_premises says where that may be)"
    )]
    NotOnPremises(&'static str),
    /// The input cannot be processed.
    #[error("{0}")]
    Input(String),
    /// The engine itself failed.
    #[error("{what}: {source}")]
    Failed {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl EngineError {
    /// For `map_err`: wraps a failure of `what`.
    pub fn failed<E: Into<Box<dyn Error + Send + Sync>>>(what: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::Failed { what, source: source.into() }
    }

    /// A short word for protocols and counters.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Overloaded(_) => "engine_overloaded",
            Self::Cancelled => "cancelled",
            Self::Timeout(_) => "engine_timeout",
            Self::NotOnPremises(_) => "not_on_premises",
            Self::Input(_) => "bad_input",
            Self::Failed { .. } => "engine_failed",
        }
    }
}
