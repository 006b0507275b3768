//! Which models a server has, as `GET …/models` tells.

use reqwest::Response;
use serde::Deserialize;

use crate::{Error, http};

/// Long lists of routers have some hundred kilobytes.
const MAX_BYTES: usize = 4 << 20;

/// Parts of names of models that do not chat.
const NOT_CHAT: [&str; 6] = ["embed", "rerank", "whisper", "tts", "bge-", "minilm"];

#[derive(Deserialize)]
struct List {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
}

/// Reads the list and returns the models that chat, in the server's order.
pub(crate) async fn chat(response: Response) -> Result<Vec<String>, Error> {
    parse(&http::read_prefix(response, MAX_BYTES).await)
}

fn parse(body: &[u8]) -> Result<Vec<String>, Error> {
    let list: List = serde_json::from_slice(body)
        .map_err(|_| Error::Decode { reason: "the list of models is not one" })?;
    Ok(list.data.into_iter().map(|entry| entry.id).filter(|id| chats(id)).collect())
}

fn chats(id: &str) -> bool {
    let id = id.to_ascii_lowercase();
    !id.is_empty() && !NOT_CHAT.iter().any(|part| id.contains(part))
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn models_that_do_not_chat_are_skipped() {
        for id in ["nomic-embed-text", "Rerank-v3", "whisper-1", "gpt-4o-mini-tts", "bge-m3", ""] {
            assert!(!chats(id), "{id}");
        }
        let body = br#"{"object":"list","data":[{"id":"all-minilm:latest"},{"id":"qwen3:8b"},{"id":"b"}]}"#;
        assert_eq!(parse(body).unwrap(), ["qwen3:8b", "b"]);
    }

    #[test]
    fn a_list_without_chat_models_differs_from_no_list() {
        for none in [br#"{"data":[{"id":"whisper-1"}]}"#.as_slice(), br#"{"data":[]}"#] {
            assert!(parse(none).unwrap().is_empty());
        }
        parse(b"<html>").unwrap_err();
        parse(br#"{"status":"ok"}"#).unwrap_err();
    }
}
