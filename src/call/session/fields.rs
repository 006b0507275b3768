//! How the fields are read that a client sets, and what is said of those that cannot be taken.

use serde_json::{Map, Value};

/// A setting that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SessionError {
    /// `invalid_value`, `unknown_parameter` or `unsupported_value`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub param: String,
}

/// A limit of tokens: a number, or `inf`.
pub fn max_tokens(value: &Value, param: &str) -> Result<Option<u32>, SessionError> {
    if value == "inf" {
        return Ok(None);
    }
    let tokens = value.as_u64().filter(|tokens| (1..=65_536).contains(tokens));
    tokens.map(|t| Some(t as u32)).ok_or_else(|| invalid(param, r#"needs 1 to 65536, or "inf""#))
}

/// A field that is there and not null.
pub(super) fn given<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

pub(super) fn object<'a>(
    value: &'a Value,
    param: &str,
) -> Result<&'a Map<String, Value>, SessionError> {
    value.as_object().ok_or_else(|| invalid(param, "needs an object"))
}

pub(super) fn string<'a>(value: &'a Value, param: &str) -> Result<&'a str, SessionError> {
    value.as_str().ok_or_else(|| invalid(param, "needs a string"))
}

pub(super) fn expect(holds: bool, param: &str, problem: &str) -> Result<(), SessionError> {
    if holds { Ok(()) } else { Err(invalid(param, problem)) }
}

pub(super) fn invalid(param: &str, problem: &str) -> SessionError {
    let message = format!("{param}: {problem}");
    SessionError { code: "invalid_value", message, param: param.to_owned() }
}

pub(super) fn unsupported(param: &str, problem: &str) -> SessionError {
    SessionError { code: "unsupported_value", ..invalid(param, problem) }
}
