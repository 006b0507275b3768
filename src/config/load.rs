//! From text and environment to a [`Config`].

use std::path::Path;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::{Map, Value};

use super::{Config, ConfigError};

/// Environment variables that begin with this set keys: `SOTTO__LLM__MODEL=…`.
const ENVIRONMENT_PREFIX: &str = "SOTTO__";

/// Loads `path` (or only the defaults), then the environment, and checks the result.
///
/// `environment` is the process's, or a test's.
pub fn load(
    path: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let (text, origin) = match path {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
            (text, path.display().to_string())
        }
        None => (String::new(), "defaults".to_owned()),
    };
    parse(&text, &origin, environment)
}

/// Parses the text of a configuration file named `origin`, then applies the environment.
pub fn parse(
    text: &str,
    origin: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    // The file alone first: its mistakes have lines, which the merged value no longer knows.
    let from_file: Config =
        if has_content(text) { from_yaml(text, origin)? } else { Config::default() };
    let mut variables: Vec<_> =
        environment.into_iter().filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX)).collect();
    variables.sort();
    let config = if variables.is_empty() {
        from_file
    } else {
        let mut merged =
            if has_content(text) { from_yaml(text, origin)? } else { Value::Object(Map::new()) };
        apply_environment(&mut merged, &variables)?
    };
    config.validate()?;
    Ok(config)
}

/// Whether anything but comments and blank lines is there; a file without is the defaults.
fn has_content(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'))
}

fn from_yaml<'de, T: Deserialize<'de>>(text: &'de str, origin: &str) -> Result<T, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        let message = error.to_string();
        let mut problem = in_words(strip_location(&message));
        let before = text.lines().nth(line as usize - 1).and_then(|l| l.get(..column as usize - 1));
        if let Some(key) = before.and_then(key_of).filter(|_| problem.starts_with("needs ")) {
            problem = format!("`{key}` {problem}");
        }
        if let Some(nearest) = nearest_key(&problem) {
            problem = format!("{problem}. Did you mean `{nearest}`?");
        }
        ConfigError::Text { origin: origin.to_owned(), line, column, problem }
    })
}

/// The parser names the types of Rust; people know other words.
fn in_words(problem: &str) -> String {
    match problem.strip_prefix("invalid ") {
        Some("u8" | "u16" | "u32" | "u64" | "usize") => {
            "needs a whole number, 0 or more".to_owned()
        }
        Some("f32" | "f64") => "needs a number".to_owned(),
        Some("bool") => "needs true or false".to_owned(),
        _ => problem.to_owned(),
    }
}

/// The key of a value, from the line as far as where the value begins.
fn key_of(before: &str) -> Option<&str> {
    let key = before.trim_end().strip_suffix(':')?;
    key.rsplit([' ', '{', ',']).next().filter(|key| !key.is_empty())
}

/// The parser appends " at line 3, column 5", which we say in front.
fn strip_location(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// From "unknown field `a`, expected one of b, c" (names with or without back quotes): the expected
/// name nearest to `a`.
fn nearest_key(problem: &str) -> Option<&str> {
    let (unknown, expected) = problem.strip_prefix("unknown ")?.split_once(", expected ")?;
    let given = unknown.split('`').nth(1)?;
    expected
        .trim_start_matches("one of ")
        .split([',', ' ', '`'])
        .filter(|candidate| !candidate.is_empty() && *candidate != "or")
        .map(|candidate| (strsim::jaro_winkler(given, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn apply_environment(
    merged: &mut Value,
    variables: &[(String, String)],
) -> Result<Config, ConfigError> {
    let mut config = None;
    // One at a time, so that a mistake can be blamed on the variable that brought it.
    for (variable, value) in variables {
        let blame =
            |problem: String| ConfigError::Environment { variable: variable.clone(), problem };
        let path: Vec<String> =
            variable[ENVIRONMENT_PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
        set(merged, &path, scalar(value));
        let parsed = Config::deserialize(merged.clone().into_deserializer()).or_else(|first| {
            // "8080" may be meant as a text: try that before complaining.
            set(merged, &path, Value::String(value.clone()));
            Config::deserialize(merged.clone().into_deserializer()).map_err(|_| first)
        });
        config = Some(parsed.map_err(|error| {
            let problem = error.to_string();
            match nearest_key(&problem) {
                Some(nearest) => blame(format!("{problem}. Did you mean `{nearest}`?")),
                None => blame(problem),
            }
        })?);
    }
    Ok(config.unwrap_or_default())
}

/// A value of the environment as YAML reads it: numbers, booleans and lists are themselves.
fn scalar(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn set(target: &mut Value, path: &[String], value: Value) {
    let Some((key, rest)) = path.split_first() else {
        *target = value;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(map) = target {
        set(map.entry(key.clone()).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CallLimit, LlmProvider, OpenCalls, PublicIp};

    fn read(text: &str) -> Result<Config, ConfigError> {
        parse(text, "config.yml", [])
    }

    fn with_environment(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        parse(text, "config.yml", pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(read("").unwrap(), Config::default());
        assert_eq!(read("# only a comment\n\n").unwrap(), Config::default());
    }

    #[test]
    fn keys_are_read() {
        let config = read("llm:\n  provider: openai\n  base_url: http://127.0.0.1:1234/v1\nwebrtc:\n  public_ip: 203.0.113.7\n").unwrap();
        assert_eq!(config.llm.provider, LlmProvider::OpenAi);
        assert_eq!(config.webrtc.public_ip, PublicIp::Fixed(vec!["203.0.113.7".parse().unwrap()]));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_right_one() {
        let message =
            read("server:\n  bind: 127.0.0.1:80\n  data_dri: x\n").unwrap_err().to_string();
        assert!(message.starts_with("config.yml:3:3: "), "{message}");
        assert!(message.contains("unknown field `data_dri`"), "{message}");
        assert!(message.contains("Did you mean `data_dir`?"), "{message}");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line() {
        let message = read("vad:\n  pause_ms: soon\n").unwrap_err().to_string();
        assert!(message.starts_with("config.yml:2:13: "), "{message}");
        let message = read("llm:\n  provider: opnai\n").unwrap_err().to_string();
        assert!(message.contains("Did you mean `openai`?"), "{message}");
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_key() {
        let message = read("vad:\n  threshold: 1.5\n").unwrap_err().to_string();
        assert!(message.starts_with("vad.threshold: "), "{message}");
    }

    #[test]
    fn broken_yaml_is_named_with_its_line() {
        let message = read("llm:\n  model: [a, b\nvad: {}\n").unwrap_err().to_string();
        assert!(message.starts_with("config.yml:"), "{message}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = with_environment(
            "auth:\n  open_calls: never\nllm:\n  model: a\n",
            &[("SOTTO__AUTH__OPEN_CALLS", "any"), ("SOTTO__LIMITS__CALLS", "7"), ("OTHER", "x")],
        )
        .unwrap();
        assert_eq!(config.auth.open_calls, OpenCalls::Any);
        assert_eq!(config.limits.calls, CallLimit::Fixed(7));
        assert_eq!(config.llm.model, "a");
    }

    #[test]
    fn how_many_calls_is_a_number_or_left_to_the_server() {
        let calls = |value: &str| read(&format!("limits:\n  calls: {value}\n"));
        assert_eq!(calls("auto").unwrap().limits.calls, CallLimit::Auto);
        assert_eq!(calls("12").unwrap().limits.calls, CallLimit::Fixed(12));
        for wrong in ["many", "-3", "2.5", "[1]"] {
            let message = calls(wrong).unwrap_err().to_string();
            assert!(message.starts_with("config.yml:2:"), "{message}");
            assert!(message.contains("auto"), "{message}");
        }
        assert!(calls("0").unwrap_err().to_string().starts_with("limits.calls: "));
    }

    #[test]
    fn the_environment_may_hold_numbers_meant_as_text() {
        let config = with_environment("", &[("SOTTO__LLM__API_KEY", "12345")]).unwrap();
        assert_eq!(config.llm.api_key.reveal(), Some("12345"));
        let config = with_environment("", &[("SOTTO__LLM__MODEL", "true")]).unwrap();
        assert_eq!(config.llm.model, "true");
    }

    #[test]
    fn a_wrong_variable_is_named() {
        let message = with_environment("", &[("SOTTO__LLM__MODLE", "x")]).unwrap_err().to_string();
        assert!(message.starts_with("SOTTO__LLM__MODLE (environment): "), "{message}");
        assert!(message.contains("Did you mean `model`?"), "{message}");
    }
}
