//! The media path of calls.

use std::net::{IpAddr, Ipv4Addr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::{ConfigError, require};

/// How media finds its way to this machine.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebRtc {
    /// The one UDP port of all calls: open it in the firewall. Port 0 picks a free one.
    pub udp_port: u16,
    /// The addresses told to callers: `auto` (this machine's own), or an address or a list of
    /// addresses that callers can reach, as behind NAT, in Docker or in a cloud.
    pub public_ip: PublicIp,
    /// STUN and TURN servers that the page uses, for callers whose networks block UDP.
    pub ice_servers: Vec<IceServer>,
    /// A call that has not connected after this is closed.
    pub connect_timeout_ms: u64,
    /// A call whose network is gone for this long is closed. Until then an ICE restart saves it.
    pub disconnect_timeout_ms: u64,
}

/// A STUN or TURN server, in the words of `RTCIceServer`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct IceServer {
    /// For example `turn:turn.example.org:3478`.
    pub urls: Vec<String>,
    /// TURN user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN password. It is told to every caller, so use short-lived ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl Default for WebRtc {
    fn default() -> Self {
        Self {
            udp_port: 8189,
            public_ip: PublicIp::Auto,
            ice_servers: Vec::new(),
            connect_timeout_ms: 15_000,
            disconnect_timeout_ms: 10_000,
        }
    }
}

impl WebRtc {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        require(self.connect_timeout_ms > 0, "webrtc.connect_timeout_ms", "must be at least 1")?;
        if let PublicIp::Fixed(addresses) = &self.public_ip {
            require(!addresses.is_empty(), "webrtc.public_ip", "an empty list reaches nobody")?;
            require(
                addresses.iter().all(|ip| !ip.is_unspecified()),
                "webrtc.public_ip",
                "0.0.0.0 is no address that a caller can reach",
            )?;
        }
        Ok(())
    }
}

/// The addresses told to callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicIp {
    /// This machine's own addresses.
    Auto,
    /// These.
    Fixed(Vec<Ipv4Addr>),
}

impl<'de> Deserialize<'de> for PublicIp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum OneOrMany {
            One(String),
            Many(Vec<String>),
        }
        let given = match OneOrMany::deserialize(deserializer)? {
            OneOrMany::One(word) if word == "auto" => return Ok(Self::Auto),
            OneOrMany::One(address) => vec![address],
            OneOrMany::Many(addresses) => addresses,
        };
        let addresses = given.iter().map(|text| match text.parse() {
            Ok(IpAddr::V4(address)) => Ok(address),
            Ok(IpAddr::V6(_)) => {
                Err(de::Error::custom(format!("`{text}`: the media path is IPv4 only")))
            }
            Err(_) => Err(de::Error::custom(format!("`{text}` is neither `auto` nor an address"))),
        });
        addresses.collect::<Result<_, _>>().map(Self::Fixed)
    }
}

impl JsonSchema for PublicIp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PublicIp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "oneOf": [
                { "const": "auto" },
                { "type": "string", "format": "ipv4" },
                { "type": "array", "items": { "type": "string", "format": "ipv4" } }
            ]
        })
    }
}
