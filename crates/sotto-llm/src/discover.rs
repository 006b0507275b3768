//! Finds a language model that already runs on this machine.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use reqwest::Url;
use tokio::time::timeout;

use crate::{http, models};

/// How long to look for a server of this machine: one that runs answers in a few milliseconds.
pub const PATIENCE: Duration = Duration::from_millis(400);

/// Where to look, and what to expect there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// What usually listens there.
    pub kind: Kind,
    /// Where.
    pub addr: SocketAddr,
}

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Ollama.
    Ollama,
    /// LM Studio.
    LmStudio,
    /// The server of llama.cpp.
    LlamaCpp,
}

impl Kind {
    /// Returns the name as people know it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "Ollama",
            Self::LmStudio => "LM Studio",
            Self::LlamaCpp => "llama.cpp",
        }
    }
}

/// A server that was found, ready for [`OpenAiConfig::new`](crate::openai::OpenAiConfig::new).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it most likely is, going by the port.
    pub kind: Kind,
    /// Its address up to and with `/v1`.
    pub base_url: String,
    /// Its first chat model.
    pub model: String,
}

/// Returns the usual ports on loopback, in order of preference: Ollama, LM Studio, llama.cpp.
pub fn usual() -> Vec<Candidate> {
    let at = |kind, port| Candidate { kind, addr: (Ipv4Addr::LOCALHOST, port).into() };
    vec![at(Kind::Ollama, 11434), at(Kind::LmStudio, 1234), at(Kind::LlamaCpp, 8080)]
}

/// Asks all candidates at once for their models and returns the first in the list that has one to chat
/// with. It takes no longer than `patience`, and no longer than a better candidate takes to answer.
///
/// `exclude` names addresses not to ask, such as those the caller itself listens on; the unspecified
/// address stands for every address with that port.
pub async fn discover(
    candidates: &[Candidate],
    exclude: &[SocketAddr],
    patience: Duration,
) -> Option<Found> {
    // Collected, so that the future can be sent to another thread whatever it borrows.
    let asked: Vec<_> = candidates
        .iter()
        .filter(|candidate| !exclude.iter().any(|addr| covers(*addr, candidate.addr)))
        .map(|&candidate| timeout(patience, probe(candidate, patience)))
        .collect();
    let mut answers = stream::iter(asked).buffered(candidates.len().max(1));
    while let Some(answer) = answers.next().await {
        if let Ok(Some(found)) = answer {
            tracing::debug!(kind = found.kind.as_str(), model = found.model, "provider found");
            return Some(found);
        }
    }
    None
}

fn covers(excluded: SocketAddr, addr: SocketAddr) -> bool {
    excluded.port() == addr.port() && (excluded.ip() == addr.ip() || excluded.ip().is_unspecified())
}

async fn probe(candidate: Candidate, patience: Duration) -> Option<Found> {
    let base_url = format!("http://{}/v1", candidate.addr);
    let url = Url::parse(&format!("{base_url}/models")).ok()?;
    let client = http::client(&url, patience).ok()?;
    let response = client.get(url).send().await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let model = models::chat(response).await.ok()?.into_iter().next()?;
    Some(Found { kind: candidate.kind, base_url, model })
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn an_unspecified_address_excludes_its_port_everywhere() {
        let addr = |text: &str| text.parse::<SocketAddr>().unwrap();
        let llama = usual()[2].addr;
        assert_eq!(llama, addr("127.0.0.1:8080"));
        for yes in ["127.0.0.1:8080", "0.0.0.0:8080", "[::]:8080"] {
            assert!(covers(addr(yes), llama), "{yes}");
        }
        for no in ["127.0.0.1:8081", "0.0.0.0:80", "10.0.0.1:8080"] {
            assert!(!covers(addr(no), llama), "{no}");
        }
    }
}
