//! What a server says when it refuses or fails.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::{Error, http, redact::Redactor};

/// More than this of an error page helps nobody.
const MAX_BYTES: usize = 16 << 10;
/// The status says most of it: the explanation is not worth a long wait.
const PATIENCE: Duration = Duration::from_millis(500);

/// Reads why a request was refused.
pub(super) async fn from_response(response: Response, redactor: &Redactor) -> Error {
    let status = response.status();
    let body = tokio::time::timeout(PATIENCE, http::read_prefix(response, MAX_BYTES)).await;
    Error::Status {
        status: status.as_u16(),
        message: words(&body.unwrap_or_default())
            .map(|words| redactor.clean(&words))
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| standard_words(status)),
    }
}

/// Reads an error object that came in place of a reply.
pub(super) fn from_object(error: &Value, redactor: &Redactor) -> Error {
    let message = message(error).map(|words| redactor.clean(words)).unwrap_or_default();
    Error::Reported {
        status: error
            .get("code")
            .and_then(Value::as_u64)
            .filter(|code| (400..600).contains(code))
            .map(|code| code as u16),
        message: if message.is_empty() { "no reason given".to_owned() } else { message },
    }
}

/// Finds words for a person: in the JSON where such servers put them, else the text as it is. JSON of
/// another shape is left out, for it may hold anything.
fn words(body: &[u8]) -> Option<String> {
    if let Ok(json) = serde_json::from_slice::<Value>(body) {
        return json.get("error").and_then(message).or_else(|| message(&json)).map(str::to_owned);
    }
    let text = String::from_utf8_lossy(body);
    // JSON that was cut is JSON of a shape unknown.
    (!text.trim_start().starts_with(['{', '['])).then(|| text.into_owned())
}

fn message(error: &Value) -> Option<&str> {
    error.as_str().or_else(|| ["message", "detail"].iter().find_map(|key| error.get(key)?.as_str()))
}

fn standard_words(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or("no reason given").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::redact::Secrets;

    #[test]
    fn words_are_found_where_servers_put_them() {
        for (body, expected) in [
            (r#"{"error":{"message":"bad key","code":"invalid_api_key"}}"#, Some("bad key")),
            (r#"{"error":"model not found"}"#, Some("model not found")),
            (r#"{"object":"error","message":"too long","code":400}"#, Some("too long")),
            (r#"{"detail":"Not Found"}"#, Some("Not Found")),
            (r#"{"detail":[{"input":"what the person said"}]}"#, None),
            (r#"{"detail":[{"input":"what the per"#, None),
            ("Bad Gateway", Some("Bad Gateway")),
        ] {
            assert_eq!(words(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn a_code_that_is_a_status_is_one() {
        let status = |error| match from_object(&error, &Redactor::default()) {
            Error::Reported { status, .. } => status,
            other => panic!("{other}"),
        };
        assert_eq!(status(json!({"code": 502, "message": "overloaded"})), Some(502));
        assert_eq!(status(json!({"code": "server_error"})), None);
        assert_eq!(status(json!({"code": 7})), None);
        assert_eq!(status(json!("oops")), None);
    }

    #[test]
    fn quotes_are_taken_out() {
        let redactor = Redactor::new(["my doctor is Jane Roe".to_owned()], Secrets::default());
        let error = from_object(&json!({"message": "blocked: my doctor is Jane Roe"}), &redactor);
        assert_eq!(error.to_string(), "the provider reported a failure: blocked: […]");
    }
}
