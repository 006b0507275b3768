//! What can go wrong, in words that are safe to log.

use std::{fmt, time::Duration};

/// Why there is no reply, or not all of it.
///
/// Neither the text nor the fields hold prompts, replies or keys. What a server says about a failure
/// is kept, shortened and with every echo of the request taken out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection: nobody listens, no such name, or the server's certificate is not trusted.
    #[error("cannot connect to {endpoint}")]
    Connect {
        /// Host and port.
        endpoint: String,
        /// What the operating system or TLS says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The request may not leave the premises, and the provider is not on them. Nothing was sent, and no
    /// connection made.
    #[error(
        "the provider is not on the premises, and this request may not leave them; ask one that is, or \
         count the provider's network among the premises"
    )]
    NotOnPremises,
    /// Nothing came for too long.
    #[error("no {phase} within {} ms", after.as_millis())]
    Timeout {
        /// What was waited for.
        phase: Phase,
        /// For how long.
        after: Duration,
    },
    /// The server refused the request.
    #[error("the provider answered {status}: {message}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The server's own words, at most 300 characters.
        message: String,
    },
    /// The server accepted the request and then reported a failure in place of the (rest of the) reply.
    #[error("the provider reported a failure: {message}")]
    Reported {
        /// The HTTP status it would have been, if the server says so.
        status: Option<u16>,
        /// The server's own words, at most 300 characters.
        message: String,
    },
    /// The answer is not what an OpenAI-compatible server sends.
    #[error("cannot read the provider's answer: {reason}")]
    Decode {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The connection ended before the reply did.
    #[error("the reply broke off")]
    Interrupted,
    /// The provider cannot be used as it is configured.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// Tells whether the same request may well succeed a little later, or elsewhere.
    ///
    /// True for failures of the network and the provider. False where only a change of the request or of
    /// the configuration can help. Text that came before the failure stays said: who retries then has to
    /// decide what to do about it.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout { .. } | Self::Interrupted => true,
            Self::Status { status, .. } => passes(*status),
            Self::Reported { status, .. } => status.is_none_or(passes),
            Self::Decode { .. } | Self::Config(_) | Self::NotOnPremises => false,
        }
    }
}

/// Request timeout, too early, too many requests, and everything that is the server's own trouble.
fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// What a [`Error::Timeout`] waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The connection, TLS included.
    Connect,
    /// The first token of the reply, thinking included.
    FirstToken,
    /// The next piece of a reply that had begun.
    Idle,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection",
            Self::FirstToken => "first token",
            Self::Idle => "further token",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_request_cannot_help_is_retryable() {
        let status = |status| Error::Status { status, message: String::new() };
        let reported = |status| Error::Reported { status, message: String::new() };
        for yes in [
            Error::Interrupted,
            Error::Timeout { phase: Phase::Idle, after: Duration::from_secs(1) },
            Error::Connect { endpoint: String::new(), source: "refused".into() },
            status(429),
            status(503),
            reported(None),
        ] {
            assert!(yes.is_retryable(), "{yes}");
        }
        for no in [
            status(400),
            status(401),
            status(404),
            reported(Some(400)),
            Error::Decode { reason: "" },
            Error::NotOnPremises,
            Error::Config(String::new()),
        ] {
            assert!(!no.is_retryable(), "{no}");
        }
    }

    #[test]
    fn a_timeout_says_what_was_waited_for() {
        let error = Error::Timeout { phase: Phase::FirstToken, after: Duration::from_secs(10) };
        assert_eq!(error.to_string(), "no first token within 10000 ms");
    }
}
