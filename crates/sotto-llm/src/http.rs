//! Clients that neither leak nor hang.

use std::{net::IpAddr, time::Duration};

use reqwest::{Client, ClientBuilder, Url, redirect::Policy};

use crate::{Error, Phase, Premises, premises};

/// Builds a client for one server.
pub(crate) fn client(server: &Url, connect: Duration) -> Result<Client, Error> {
    build(builder(server, connect))
}

/// Builds a client for requests to one server that may not leave the premises.
pub(crate) fn guarded(
    server: &Url,
    connect: Duration,
    premises: &Premises,
) -> Result<Client, Error> {
    build(premises.guard(builder(server, connect)))
}

/// Redirects are not followed: they would carry conversations and keys to a place that nobody named.
fn builder(server: &Url, connect: Duration) -> ClientBuilder {
    install_crypto_provider();
    let mut builder = Client::builder()
        .user_agent(concat!("sotto-llm/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(connect);
    if server.scheme() == "http" {
        // Reading the system's certificates takes time, and fails on a machine that has none.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(server) {
        // A proxy from the environment must not see what stays on this machine.
        builder = builder.no_proxy();
    }
    builder
}

fn build(client: ClientBuilder) -> Result<Client, Error> {
    client.build().map_err(|error| Error::Config(format!("cannot set up HTTP: {}", chain(&error))))
}

/// reqwest panics without a process-wide provider. One that the application installed is left alone;
/// losing the race to install one is as good as winning it.
fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        host == "localhost"
            || host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    })
}

/// Translates a failure to get a response at all.
pub(crate) fn send_error(error: reqwest::Error, server: &Url, connect: Duration) -> Error {
    if premises::is_refusal(&error) {
        Error::NotOnPremises
    } else if error.is_connect() && error.is_timeout() {
        Error::Timeout { phase: Phase::Connect, after: connect }
    } else if error.is_connect() {
        Error::Connect { endpoint: endpoint(server), source: error.without_url().into() }
    } else if error.is_builder() {
        Error::Config(format!("cannot make the request: {}", chain(&error.without_url())))
    } else {
        Error::Interrupted
    }
}

/// Host and port: all of a URL that is safe to print.
fn endpoint(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port_or_known_default().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// An error and its causes in one line; reqwest says little without them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Reads a body up to `limit` bytes. What is beyond is left unread; a body that breaks off ends there.
pub(crate) async fn read_prefix(mut response: reqwest::Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < limit
        && let Ok(Some(part)) = response.chunk().await
    {
        body.extend_from_slice(&part);
    }
    body.truncate(limit);
    body
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:8080/v1", true),
            ("http://127.1/v1", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn an_endpoint_holds_no_path_and_no_query() {
        let url = Url::parse("https://api.example.com/v1?key=secret").unwrap();
        assert_eq!(endpoint(&url), "api.example.com:443");
    }

    #[test]
    fn building_clients_needs_no_crypto_provider_set_up_before() {
        for url in ["http://127.0.0.1", "https://example.com"] {
            client(&Url::parse(url).unwrap(), Duration::from_secs(1)).unwrap();
        }
    }
}
