//! The HTTP door.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{ConfigError, require};

/// Where the server listens and where it keeps its files.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address and port of the page and the API. Port 0 picks a free one.
    pub bind: SocketAddr,
    /// The server's own files (a self-signed certificate, for example).
    pub data_dir: PathBuf,
    /// HTTPS. Browsers give a microphone only to HTTPS pages and to localhost.
    pub tls: Tls,
    /// Proxies that are believed when they say for whom they speak, as networks (`192.0.2.0/24`).
    #[schemars(with = "Vec<String>")]
    pub trusted_proxies: Vec<IpNet>,
    /// How long calls may go on after the server was asked to stop.
    pub shutdown_grace_ms: u64,
}

/// HTTPS: a certificate of your own, or one made here.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain, PEM.
    pub cert: Option<PathBuf>,
    /// Its private key, PEM.
    pub key: Option<PathBuf>,
    /// Makes a certificate once and keeps it in `data_dir`. Browsers warn about it, and then work.
    pub self_signed: bool,
}

impl Tls {
    /// Whether the door speaks HTTPS.
    pub fn enabled(&self) -> bool {
        self.self_signed || self.cert.is_some()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("data"),
            tls: Tls::default(),
            trusted_proxies: Vec::new(),
            shutdown_grace_ms: 5_000,
        }
    }
}

impl Server {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(
            self.tls.cert.is_some() == self.tls.key.is_some(),
            "server.tls",
            "cert and key go together",
        )?;
        require(
            !(self.tls.self_signed && self.tls.cert.is_some()),
            "server.tls",
            "either cert and key, or self_signed: true",
        )
    }
}
