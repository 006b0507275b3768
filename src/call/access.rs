//! Who may call without credentials.

use std::net::SocketAddr;

use crate::config::OpenCalls;
use crate::loopback::is_loopback;

/// What is known of a request.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Who opened the connection.
    pub peer: SocketAddr,
    /// The `Host` header.
    pub host: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// Whether a proxy says that it passed the request on.
    pub forwarded: bool,
}

impl Caller<'_> {
    /// Whether this caller may call.
    ///
    /// With `loopback` everything about the request must be of this machine: a page from elsewhere that a
    /// browser here shows has another `Origin`, a name that was made to point here has another `Host`, and
    /// a proxy here speaks for somebody else.
    pub fn may_call(&self, policy: OpenCalls) -> bool {
        match policy {
            OpenCalls::Never => false,
            OpenCalls::Any => true,
            OpenCalls::Loopback => {
                self.peer.ip().to_canonical().is_loopback()
                    && !self.forwarded
                    && self.host.is_some_and(is_loopback)
                    && self.origin.is_none_or(|origin| {
                        origin.split_once("://").is_some_and(|(_, host)| is_loopback(host))
                    })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller<'a>(peer: [u8; 4], host: &'a str, origin: Option<&'a str>) -> Caller<'a> {
        Caller { peer: (peer, 5_000).into(), host: Some(host), origin, forwarded: false }
    }

    const HERE: [u8; 4] = [127, 0, 0, 1];

    #[test]
    fn this_machine_may_call() {
        for (host, origin) in [
            ("localhost:8080", None),
            ("127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("[::1]:8080", Some("http://[::1]:8080")),
            ("LOCALHOST", Some("https://localhost")),
        ] {
            assert!(caller(HERE, host, origin).may_call(OpenCalls::Loopback), "{host} {origin:?}");
        }
    }

    #[test]
    fn nobody_else_may() {
        for (peer, host, origin) in [
            ([192, 0, 2, 1], "localhost:8080", None),
            (HERE, "sotto.example.org", None),
            (HERE, "localhost.example.org", None),
            (HERE, "localhost:8080", Some("https://evil.example.org")),
            (HERE, "localhost:8080", Some("null")),
            (HERE, "127.0.0.1.example.org:80", None),
        ] {
            assert!(!caller(peer, host, origin).may_call(OpenCalls::Loopback), "{host} {origin:?}");
        }
        let behind_proxy = Caller { forwarded: true, ..caller(HERE, "localhost", None) };
        assert!(!behind_proxy.may_call(OpenCalls::Loopback));
        let nameless = Caller { host: None, ..caller(HERE, "", None) };
        assert!(!nameless.may_call(OpenCalls::Loopback));
    }

    #[test]
    fn the_operator_may_decide_otherwise() {
        let far = caller([192, 0, 2, 1], "sotto.example.org", Some("https://sotto.example.org"));
        assert!(far.may_call(OpenCalls::Any));
        assert!(!caller(HERE, "localhost", None).may_call(OpenCalls::Never));
    }
}
