//! Whether a request comes from a page of this server.

use axum::http::{HeaderMap, header};

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// A page of ours, or the address bar.
    Ours,
    /// A page of somebody else.
    Other,
    /// It does not say: no browser, or an old one.
    Unsaid,
}

/// Reads `Sec-Fetch-Site`, which no page can forge, and without it `Origin`. `host` is the host that was asked for.
pub fn site(headers: &HeaderMap, host: Option<&str>) -> Site {
    match headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => return Site::Ours,
        Some(_) => return Site::Other,
        None => {}
    }
    match headers.get(header::ORIGIN) {
        None => Site::Unsaid,
        Some(origin) => {
            let same = origin.to_str().ok().zip(host).is_some_and(|(o, h)| is_same(o, h));
            if same { Site::Ours } else { Site::Other }
        }
    }
}

/// Whether `origin` (`https://host:port`) is at `host` (`host:port`). A port that is the usual one may be missing.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, named)) = origin.split_once("://") else { return false };
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let bare = |name: &str| name.strip_suffix(usual).unwrap_or(name).to_ascii_lowercase();
    bare(named) == bare(host)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_browser_says_where_it_comes_from() {
        for (pairs, expected) in [
            (&[("sec-fetch-site", "same-origin")][..], Site::Ours),
            (&[("sec-fetch-site", "none")], Site::Ours),
            (&[("sec-fetch-site", "same-site")], Site::Other),
            (
                &[("sec-fetch-site", "cross-site"), ("origin", "https://sotto.example.org")],
                Site::Other,
            ),
            (&[("origin", "https://sotto.example.org")], Site::Ours),
            (&[("origin", "https://SOTTO.example.org:443")], Site::Ours),
            (&[("origin", "https://sotto.example.org:8443")], Site::Other),
            (&[("origin", "https://evil.example.org")], Site::Other),
            (&[("origin", "https://sotto.example.org.evil.org")], Site::Other),
            (&[("origin", "null")], Site::Other),
            (&[], Site::Unsaid),
        ] {
            assert_eq!(site(&headers(pairs), Some("sotto.example.org")), expected, "{pairs:?}");
        }
        assert_eq!(site(&headers(&[("origin", "http://a")]), None), Site::Other);
        let local = headers(&[("origin", "http://127.0.0.1:8080")]);
        assert_eq!(site(&local, Some("127.0.0.1:8080")), Site::Ours);
    }
}
