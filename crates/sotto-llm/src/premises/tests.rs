use std::{io, net::Ipv4Addr};

use futures_util::{FutureExt, future::BoxFuture};

use super::*;

fn url(host: &str) -> Url {
    Url::parse(&format!("http://{host}:1/v1")).expect(host)
}

#[test]
fn the_usual_premises_are_loopback_and_private_networks() {
    let premises = Premises::default();
    for inside in [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "::1",
        "fc00::1",
        "fdff:ffff::1",
        "::ffff:10.1.2.3",
        "::ffff:127.0.0.1",
    ] {
        assert!(premises.contains(inside.parse().unwrap()), "{inside}");
    }
    for outside in [
        "0.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.64.0.1",
        "169.254.169.254",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::2",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "fbff::1",
        "2001:db8::1",
        "::ffff:8.8.8.8",
        "::ffff:169.254.169.254",
        // IPv4 addresses that other machines would unwrap.
        "::10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::",
    ] {
        assert!(!premises.contains(outside.parse().unwrap()), "{outside}");
    }
}

#[test]
fn an_address_is_one_in_every_spelling() {
    let premises = Premises::default();
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0x7f000001",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
    ] {
        let loopback = url(host);
        assert!(literal(&loopback).is_some(), "{host}: {loopback}");
        assert_eq!(premises.admit(&loopback), Ok(()), "{host}");
    }
    for host in [
        "8.8.8.8",
        "8.8.8.8.",
        "8.8.2056",
        "0x8.0x8.0x8.0x8",
        "010.010.010.010",
        "134744072",
        "0x08080808",
        "%38.8.8.8",
        "８.８.８.８",
        "169.254.169.254",
        "0",
        "0.0.0.0",
        "[::]",
        "[::ffff:8.8.8.8]",
        "[::ffff:808:808]",
        "[2001:db8::1]",
        "[fe80::1]",
    ] {
        let outside = url(host);
        assert!(literal(&outside).is_some(), "{host}: {outside}");
        assert_eq!(premises.admit(&outside), Err(NotOnPremises), "{host}");
    }
    for name in ["localhost", "localhost.", "example.com", "8.8.8.8.example.com", "dead.beef"] {
        assert_eq!(literal(&url(name)), None, "{name}");
        assert_eq!(premises.admit(&url(name)), Ok(()), "the resolver judges {name}");
    }
}

/// Knows a few names.
struct Names;

impl Resolver for Names {
    fn resolve(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let (inside, outside) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(8, 8, 8, 8));
        let addresses = match name {
            "inside" => Ok(vec![inside.into()]),
            "outside" => Ok(vec![outside.into()]),
            "mapped" => Ok(vec![outside.to_ipv6_mapped().into()]),
            "both" => Ok(vec![outside.into(), inside.into()]),
            "empty" => Ok(vec![]),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        };
        async move { addresses }.boxed()
    }
}

#[tokio::test]
async fn a_name_leads_only_to_what_is_on_the_premises() {
    let guard = Guard { premises: Premises::default().with_resolver(Names) };
    let resolve = async |name: &str| {
        let found = guard.resolve(name.parse().unwrap()).await;
        found.map(|found| found.map(|address| address.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(resolve("inside").await.unwrap(), ["10.0.0.1:0"]);
    assert_eq!(resolve("both").await.unwrap(), ["10.0.0.1:0"]);
    for name in ["outside", "mapped"] {
        assert!(is_refusal(&*resolve(name).await.unwrap_err()), "{name}");
    }
    // Nobody knows it: that is another matter.
    assert!(resolve("empty").await.unwrap().is_empty());
    assert!(!is_refusal(&*resolve("unknown").await.unwrap_err()));
}

#[tokio::test]
async fn a_server_is_called_on_premises_only_if_it_is_with_all_its_addresses() {
    let premises = Premises::default().with_resolver(Names);
    for (host, expected) in [
        ("inside", true),
        ("127.1", true),
        ("both", false),
        ("outside", false),
        ("mapped", false),
        ("empty", false),
        ("unknown", false),
        ("8.8.8.8", false),
    ] {
        assert_eq!(premises.contains_server(&url(host)).await, expected, "{host}");
    }
}
