//! Where conversations may go that must not leave the premises.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Where private and ephemeral conversations may go.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// The networks in which language models and remote engines may see private and ephemeral conversations.
    pub on_premises: Vec<Network>,
}

/// Loopback, RFC 1918, and the unique local addresses of IPv6. Not link-local ones: the metadata services of
/// clouds live there.
const ON_PREMISES: [&str; 6] =
    ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

impl Default for Privacy {
    fn default() -> Self {
        // A test reads all of them.
        Self { on_premises: ON_PREMISES.iter().filter_map(|text| text.parse().ok()).collect() }
    }
}

impl Privacy {
    /// Whether an address is on the premises. IPv4 inside IPv6 is taken for what it is.
    pub fn is_on_premises(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.on_premises.iter().any(|network| network.0.contains(&address))
    }
}

/// A network, as `10.0.0.0/8` or `fc00::/7`; an address alone is the network of that one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub struct Network(IpNet);

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
            .ok_or_else(|| format!("`{text}` is no network; needs one such as 10.0.0.0/8"))?;
        if network.trunc() != network {
            // Whoever writes this means either the address or the network; guessing could open too much.
            let (trunc, address) = (network.trunc(), network.addr());
            return Err(format!(
                "`{text}` is neither the network {trunc} nor the address {address}"
            ));
        }
        if network.prefix_len() == 0 {
            return Err(format!("`{text}` is everywhere, not the premises"));
        }
        let is_mapped = match network {
            IpNet::V4(_) => false,
            IpNet::V6(network) => network.addr().to_ipv4_mapped().is_some(),
        };
        if is_mapped {
            return Err(format!("`{text}` would never match: write it as an IPv4 network"));
        }
        Ok(Self(network))
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(Error::custom)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(networks: &str) -> Result<Privacy, String> {
        let text = format!("privacy: {{on_premises: {networks}}}");
        let config = crate::config::parse(&text, "config.yml", []);
        config.map(|config| config.privacy).map_err(|error| error.to_string())
    }

    fn holds(privacy: &Privacy, address: &str) -> bool {
        privacy.is_on_premises(address.parse().unwrap())
    }

    #[test]
    fn the_usual_premises_hold_what_the_provider_crate_takes_for_them() {
        let privacy = Privacy::default();
        assert_eq!(privacy.on_premises.len(), ON_PREMISES.len());
        let others = sotto_llm::Premises::default();
        for address in [
            "127.0.0.1",
            "127.255.255.255",
            "128.0.0.0",
            "9.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.168.0.0",
            "192.168.255.255",
            "192.169.0.0",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "8.8.8.8",
            "::1",
            "::",
            "fbff::",
            "fc00::",
            "fdff::1",
            "fe80::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "::10.0.0.1",
            "64:ff9b::10.0.0.1",
        ] {
            let expected = others.contains(address.parse().unwrap());
            assert_eq!(holds(&privacy, address), expected, "{address}");
        }
    }

    #[test]
    fn a_list_replaces_the_usual_one() {
        let privacy = read("[192.0.2.0/24, \"2001:db8:7::/48\", 198.51.100.7]").unwrap();
        for inside in ["192.0.2.1", "2001:db8:7::1", "198.51.100.7", "::ffff:192.0.2.1"] {
            assert!(holds(&privacy, inside), "{inside}");
        }
        for outside in ["127.0.0.1", "10.0.0.1", "192.0.3.1", "2001:db8:8::1", "198.51.100.8"] {
            assert!(!holds(&privacy, outside), "{outside}");
        }
        assert!(!holds(&read("[]").unwrap(), "127.0.0.1"), "nothing but what runs in this process");
    }

    #[test]
    fn a_network_that_cannot_be_meant_is_named() {
        for (networks, part) in [
            ("[example.org]", "`example.org` is no network"),
            ("[10.0.0.0/33]", "`10.0.0.0/33` is no network"),
            ("[10.1.2.3/8]", "neither the network 10.0.0.0/8 nor the address 10.1.2.3"),
            ("[0.0.0.0/0]", "is everywhere"),
            ("[\"::/0\"]", "is everywhere"),
            ("[\"::ffff:10.0.0.0/104\"]", "write it as an IPv4 network"),
        ] {
            let error = read(networks).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
