//! Whose address counts: the peer's, or the one that a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The address of the client. `trusted` are the proxies that are believed: going back from the peer, the first
/// that is none of them is the client. What a client writes into these headers itself stands further on and
/// is not reached.
///
/// If `X-Forwarded-For` and `Forwarded` name different clients, one of them is not the proxy's, and neither counts.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return peer;
    }
    let lists = [
        list(headers, "x-forwarded-for", address),
        list(headers, "forwarded", |element| {
            element.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                if name.trim().eq_ignore_ascii_case("for") { address(value) } else { None }
            })
        }),
    ];
    let mut named = lists.iter().flatten().map(|list| go_back(peer, list, trusted));
    match (named.next(), named.next()) {
        (Some(one), None) => one,
        (Some(one), Some(other)) if one == other => one,
        _ => peer,
    }
}

/// The host that the client asked for: the proxy's word for it, if it is trusted.
pub fn host<'a>(peer: IpAddr, headers: &'a HeaderMap, trusted: &[IpNet]) -> Option<&'a str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let named = if is_trusted(peer.to_canonical(), trusted) {
        text("x-forwarded-host").filter(|host| !host.contains(','))
    } else {
        None
    };
    named.or_else(|| text("host"))
}

/// What stands for an address where addresses are counted: of IPv6 the network, because every customer has 2^64.
pub fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// The last address of the list, from the right, up to which all before are trusted.
fn go_back(peer: IpAddr, list: &[Option<IpAddr>], trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for named in list.iter().rev() {
        match named {
            Some(address) if is_trusted(client, trusted) => client = *address,
            // Behind something that is no address nothing can be believed.
            _ => break,
        }
    }
    client
}

/// The elements of all headers of this name; `None` if there is no such header.
fn list(
    headers: &HeaderMap,
    name: &str,
    read: impl Fn(&str) -> Option<IpAddr>,
) -> Option<Vec<Option<IpAddr>>> {
    let values: Vec<_> = headers.get_all(name).iter().collect();
    if values.is_empty() {
        return None;
    }
    let elements = values.iter().flat_map(|value| match value.to_str() {
        Ok(text) => text.split(',').map(|element| read(element.trim())).collect(),
        Err(_) => vec![None],
    });
    Some(elements.collect())
}

/// An address, with or without port, quotes and brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let parsed = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|s| s.ip()));
    parsed.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const PROXY: [u8; 4] = [10, 0, 0, 1];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn found(peer: impl Into<IpAddr>, lines: &[(&'static str, &str)]) -> IpAddr {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_str(value).unwrap();
            headers.append(HeaderName::from_static(name), value);
        }
        client(peer.into(), &headers, &trusted)
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let peer = ip("203.0.113.9");
        assert_eq!(found(peer, &[("x-forwarded-for", "192.0.2.1")]), peer);
        assert_eq!(found(peer, &[("forwarded", "for=192.0.2.1")]), peer);
    }

    #[test]
    fn a_trusted_proxy_is_believed() {
        for value in ["192.0.2.1", "192.0.2.1:4711", " 192.0.2.1 ", "1.1.1.1, 192.0.2.1, 10.9.9.9"]
        {
            assert_eq!(found(PROXY, &[("x-forwarded-for", value)]), ip("192.0.2.1"), "{value}");
        }
        for value in
            ["for=192.0.2.1;proto=https", "For=\"192.0.2.1:80\"", "for=1.1.1.1, for=192.0.2.1"]
        {
            assert_eq!(found(PROXY, &[("forwarded", value)]), ip("192.0.2.1"), "{value}");
        }
        let six = found(PROXY, &[("forwarded", "for=\"[2001:db8::1]:4711\"")]);
        assert_eq!(six, ip("2001:db8::1"));
        let lines = [("x-forwarded-for", "9.9.9.9"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(found(PROXY, &lines), ip("192.0.2.1"));
        assert_eq!(found(ip("::ffff:10.0.0.1"), &lines), ip("192.0.2.1"));
    }

    #[test]
    fn what_makes_no_sense_leaves_the_proxy() {
        for lines in [
            &[("x-forwarded-for", "unknown")][..],
            &[("x-forwarded-for", "192.0.2.1, unknown")],
            &[("x-forwarded-for", "")],
            &[("forwarded", "for=_hidden")],
            &[("forwarded", "proto=https")],
            &[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.2")],
            &[],
        ] {
            assert_eq!(found(PROXY, lines), IpAddr::from(PROXY), "{lines:?}");
        }
        let agree = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(found(PROXY, &agree), ip("192.0.2.1"));
    }

    #[test]
    fn networks_are_counted_not_addresses() {
        assert_eq!(counted(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(counted(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    }
}
