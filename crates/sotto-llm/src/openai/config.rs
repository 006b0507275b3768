//! How to reach an OpenAI-compatible server.

use std::{fmt, time::Duration};

use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};

use crate::{ApiKey, Error, Premises, redact::Secrets};

/// Which server to ask, and for how long to wait.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// Address up to and with `/v1`, with or without a slash at the end.
    pub base_url: String,
    /// Sent as a bearer token; an empty key is not sent.
    pub api_key: Option<ApiKey>,
    /// The model to ask for; empty: the first chat model that the server lists.
    pub model: String,
    /// Asked for in requests that ask for no temperature themselves.
    pub temperature: Option<f32>,
    /// When to give up.
    pub timeouts: Timeouts,
    /// Sent with every request. The values are treated as secrets.
    pub extra_headers: Vec<(String, String)>,
    /// Which addresses are on the premises, for requests that may not leave them.
    pub premises: Premises,
}

/// When to give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// No connection, TLS included, after this is a failure.
    pub connect: Duration,
    /// No token this long after the request was begun is a failure. Keep-alives are no tokens; thinking is.
    /// It is also the limit for asking which models there are.
    pub first_token: Duration,
    /// No further piece of the reply this long after the last is a failure. Keep-alives are no pieces.
    pub idle: Duration,
}

impl Default for Timeouts {
    /// Three seconds to connect, ten to the first token, fifteen from one token to the next.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            first_token: Duration::from_secs(10),
            idle: Duration::from_secs(15),
        }
    }
}

impl OpenAiConfig {
    /// Creates a configuration without a key and with the default timeouts.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            model: model.into(),
            temperature: None,
            timeouts: Timeouts::default(),
            extra_headers: Vec::new(),
            premises: Premises::default(),
        }
    }

    /// Parses the address.
    pub(super) fn url(&self) -> Result<Url, Error> {
        let wrong = |why: &str| Error::Config(format!("base_url {why}"));
        let url = Url::parse(self.base_url.trim())
            .map_err(|error| wrong(&format!("is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // It would be printed wherever the address is.
            return Err(wrong("must not hold a password; use the API key or a header"));
        }
        Ok(url)
    }

    /// Builds the headers of every request, values marked as secret.
    pub(super) fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        if let Some(key) = self.key() {
            // The value is not repeated: it is the key.
            let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| {
                Error::Config("the API key holds characters that no key has".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        for (name, value) in &self.extra_headers {
            let wrong = || Error::Config(format!("the extra header {name:?} is not valid"));
            let mut value = HeaderValue::try_from(value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::try_from(name).map_err(|_| wrong())?, value);
        }
        Ok(headers)
    }

    /// Everything that must not be repeated, wherever a server quotes it.
    pub(super) fn secrets(&self) -> Result<Secrets, Error> {
        let headers = self.extra_headers.iter().map(|(_, value)| value.as_str());
        let keys = self.key().into_iter().chain(headers).map(str::to_owned).collect();
        let mut secrets = Secrets { keys, ..Secrets::default() };
        secrets.add_address(&self.url()?);
        Ok(secrets)
    }

    fn key(&self) -> Option<&str> {
        self.api_key.as_ref().map(ApiKey::reveal).filter(|key| !key.is_empty())
    }
}

impl fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.extra_headers.iter().map(|(name, _)| name.as_str()).collect();
        // Some gateways take a key in the query, and people put passwords in addresses.
        let address = self.url().map(|mut url| {
            url.set_query(None);
            url.to_string()
        });
        f.debug_struct("OpenAiConfig")
            .field("base_url", &address.as_deref().unwrap_or("(not valid)"))
            .field("api_key", &self.api_key)
            .field("model", &self.model)
            .field("temperature", &self.temperature)
            .field("timeouts", &self.timeouts)
            .field("extra_headers", &names)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secrets() {
        let mut config = OpenAiConfig::new("https://example.com/v1?key=hunter2", "m");
        config.api_key = Some(ApiKey::new("hunter2"));
        config.extra_headers = vec![("x-key".into(), "hunter2".into())];
        let debug = format!("{config:?}");
        assert!(!debug.contains("hunter2"), "{debug}");
        assert!(debug.contains("https://example.com/v1") && debug.contains("x-key"), "{debug}");
        config.base_url = "https://me:hunter2@example.com/v1".into();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        for url in ["", "localhost:1234/v1", "ftp://example.com", "http://me:hunter2@example.com"] {
            let error = OpenAiConfig::new(url, "").url().expect_err(url).to_string();
            assert!(error.starts_with("base_url ") && !error.contains("hunter2"), "{error}");
        }
        let mut config = OpenAiConfig::new("http://localhost", "");
        config.api_key = Some(ApiKey::new("hunter2\nx"));
        assert!(!config.headers().expect_err("a line feed").to_string().contains("hunter2"));
        config.api_key = None;
        config.extra_headers = vec![("bad name".into(), "hunter2".into())];
        let error = config.headers().expect_err("a space").to_string();
        assert!(error.contains("bad name") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn headers_are_marked_as_secret_and_an_empty_key_is_not_sent() {
        let mut config = OpenAiConfig::new("http://localhost", "");
        config.api_key = Some(ApiKey::new(" "));
        assert!(config.headers().expect("valid").is_empty());
        config.api_key = Some(ApiKey::new("hunter2"));
        assert!(!format!("{:?}", config.headers()).contains("hunter2"));
    }
}
