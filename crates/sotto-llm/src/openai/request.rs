//! The request as it goes over the wire.

use reqwest::Url;
use serde::Serialize;

use crate::{ChatRequest, Role};

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(model: &'a str, request: &'a ChatRequest, server: &Url) -> Self {
        // OpenAI's newer models refuse the old name; most other servers know no other.
        let newer = server
            .host_str()
            .is_some_and(|host| host == "api.openai.com" || host.ends_with(".openai.azure.com"));
        Self {
            model,
            messages: request
                .messages
                .iter()
                .map(|message| Message { role: role(message.role), content: &message.content })
                .collect(),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            max_tokens: request.max_tokens.filter(|_| !newer),
            max_completion_tokens: request.max_tokens.filter(|_| newer),
            temperature: request.temperature,
        }
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

#[cfg(test)]
mod tests {

    use serde_json::{Value, json};

    use super::*;
    use crate::Message;

    fn body(request: &ChatRequest, server: &str) -> Value {
        serde_json::to_value(Body::new("m", request, &Url::parse(server).unwrap())).unwrap()
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        let request = ChatRequest::new([Message::system("Be brief."), Message::user("Hi")]);
        assert_eq!(
            body(&request, "http://localhost/v1"),
            json!({
                "model": "m",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                ],
                "stream": true,
                "stream_options": {"include_usage": true},
            })
        );
    }

    #[test]
    fn the_limit_of_tokens_has_the_name_that_the_server_knows() {
        let request =
            ChatRequest { max_tokens: Some(7), temperature: Some(0.5), ..ChatRequest::default() };
        let local = body(&request, "http://localhost/v1");
        assert_eq!((&local["max_tokens"], &local["temperature"]), (&json!(7), &json!(0.5)));
        assert_eq!(local.get("max_completion_tokens"), None);
        let openai = body(&request, "https://api.openai.com/v1");
        assert_eq!(openai["max_completion_tokens"], json!(7));
        assert_eq!(openai.get("max_tokens"), None);
    }
}
