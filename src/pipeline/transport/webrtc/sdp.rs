//! Session descriptions, as far as we look into them ourselves: what an offer wants, which candidates an
//! answer names, and the fragments of trickled candidates ([RFC 8840]).
//!
//! [RFC 8840]: https://www.rfc-editor.org/rfc/rfc8840

use std::net::SocketAddr;

/// More candidates than this in one fragment are ignored.
const MAX_CANDIDATES: usize = 50;

/// An offer that cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// Not a session description.
    #[error("the body is not an SDP offer")]
    NotSdp,
    /// No audio.
    #[error("the offer has no audio; a call needs one audio track")]
    NoAudio,
    /// Audio that flows in no direction.
    #[error("the offer's audio is inactive")]
    InactiveAudio,
    /// Audio without Opus.
    #[error("the offer's audio has no Opus, which is the codec of calls here")]
    NoOpus,
    /// Video.
    #[error("the offer has video; only audio is served, so leave the video out")]
    Video,
}

/// What an offer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The client sends sound.
    pub speaks: bool,
    /// The client takes sound.
    pub listens: bool,
    /// The client wants data channels.
    pub data: bool,
}

impl Offer {
    /// Looks at an offer.
    pub fn parse(sdp: &str) -> Result<Self, OfferError> {
        if !sdp.trim_start().starts_with("v=0") || !sdp.contains("\no=") {
            return Err(OfferError::NotSdp);
        }
        // The part before the first m-line holds for all.
        let mut sections = sdp.split("\nm=");
        let session = direction(sections.next().unwrap_or_default());
        let mut offer = None;
        let mut data = false;
        for section in sections {
            if section.starts_with("audio ") {
                if offer.is_some() {
                    continue;
                }
                if !section.to_ascii_lowercase().contains(" opus/48000") {
                    return Err(OfferError::NoOpus);
                }
                offer = Some(direction(section).or(session).unwrap_or("sendrecv"));
            } else if section.starts_with("video ") {
                return Err(OfferError::Video);
            } else if section.starts_with("application ") {
                data = true;
            }
        }
        let (speaks, listens) = match offer.ok_or(OfferError::NoAudio)? {
            "sendonly" => (true, false),
            "recvonly" => (false, true),
            "inactive" => return Err(OfferError::InactiveAudio),
            _ => (true, true),
        };
        Ok(Self { speaks, listens, data })
    }
}

fn direction(section: &str) -> Option<&'static str> {
    section.lines().find_map(|line| match line.trim_end() {
        "a=sendonly" => Some("sendonly"),
        "a=recvonly" => Some("recvonly"),
        "a=inactive" => Some("inactive"),
        "a=sendrecv" => Some("sendrecv"),
        _ => None,
    })
}

/// The answer with our public addresses in place of whatever the connection gathered: every candidate, once,
/// in the first section (the others are bundled with it).
pub fn with_candidates(answer: &str, addresses: &[SocketAddr]) -> String {
    let mut out = String::with_capacity(answer.len() + 80 * addresses.len());
    let mut done = false;
    for line in answer.lines() {
        let is_candidate = line.starts_with("a=candidate:") || line == "a=end-of-candidates";
        if !is_candidate {
            out.extend([line, "\r\n"]);
            continue;
        }
        if !done {
            done = true;
            for candidate in candidate_lines(addresses) {
                out.push_str(&candidate);
            }
        }
    }
    out
}

fn candidate_lines(addresses: &[SocketAddr]) -> impl Iterator<Item = String> + '_ {
    let lines = addresses.iter().enumerate().map(|(i, address)| {
        // Host candidates, in the order of our preference (RFC 8445, section 5.1.2.1).
        let priority = (126_u32 << 24) + ((65_535 - i as u32) << 8) + 255;
        let (ip, port) = (address.ip(), address.port());
        format!("a=candidate:{} 1 udp {priority} {ip} {port} typ host\r\n", i + 1)
    });
    lines.chain(std::iter::once("a=end-of-candidates\r\n".to_owned()))
}

/// The value of the first line `a={name}:…`.
pub fn attribute<'a>(sdp: &'a str, name: &str) -> Option<&'a str> {
    sdp.lines()
        .find_map(|line| line.trim_end().strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'))
}

/// A fragment that a client sends while a call is being connected, or to restart ICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The client's ICE user name and password, if the fragment names them.
    pub credentials: Option<(String, String)>,
    /// Candidates, as in `a=candidate:…` without the `a=`.
    pub candidates: Vec<String>,
}

impl Fragment {
    /// Parses a fragment; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let candidates: Vec<String> = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("a=candidate:"))
            .take(MAX_CANDIDATES)
            .map(|rest| format!("candidate:{rest}"))
            .collect();
        let ufrag = attribute(text, "ice-ufrag").map(str::to_owned);
        let pwd = attribute(text, "ice-pwd").map(str::to_owned);
        let known = ["a=candidate:", "a=end-of-candidates", "a=ice-", "a=mid:", "m="];
        let fragment = text.lines().any(|line| known.iter().any(|k| line.starts_with(k)));
        fragment.then(|| Self { credentials: ufrag.zip(pwd), candidates })
    }

    /// Our answer to a restart.
    pub fn answer(ufrag: &str, pwd: &str, addresses: &[SocketAddr]) -> String {
        let mut out = format!(
            "a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        );
        out.extend(candidate_lines(addresses));
        out
    }
}

/// An offer that the client could have made to restart ICE: the one before, with new credentials and
/// candidates.
pub fn restarted(offer: &str, ufrag: &str, pwd: &str, candidates: &[String]) -> String {
    let mut out = String::with_capacity(offer.len());
    let mut first_section = true;
    for line in offer.lines() {
        if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        }
        if line.starts_with("a=ice-ufrag:") {
            out.extend(["a=ice-ufrag:", ufrag, "\r\n"]);
        } else if line.starts_with("a=ice-pwd:") {
            out.extend(["a=ice-pwd:", pwd, "\r\n"]);
            if std::mem::take(&mut first_section) {
                for candidate in candidates {
                    out.extend(["a=", candidate, "\r\n"]);
                }
            }
        } else {
            out.extend([line, "\r\n"]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(lines: &str) -> String {
        format!("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n{lines}")
    }

    const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n";

    #[test]
    fn what_an_offer_wants() {
        let both = Offer { speaks: true, listens: true, data: false };
        assert_eq!(Offer::parse(&offer(AUDIO)), Ok(both));
        let with_data = format!("{AUDIO}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n");
        assert_eq!(Offer::parse(&offer(&with_data)), Ok(Offer { data: true, ..both }));
        let whip = format!("{AUDIO}a=sendonly\r\n");
        assert_eq!(Offer::parse(&offer(&whip)), Ok(Offer { listens: false, ..both }));
        let session_level = format!("a=recvonly\r\n{AUDIO}");
        assert_eq!(Offer::parse(&offer(&session_level)), Ok(Offer { speaks: false, ..both }));
    }

    #[test]
    fn offers_that_cannot_be_served() {
        assert_eq!(Offer::parse("hello"), Err(OfferError::NotSdp));
        assert_eq!(Offer::parse(&offer("")), Err(OfferError::NoAudio));
        let video = format!("{AUDIO}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
        assert_eq!(Offer::parse(&offer(&video)), Err(OfferError::Video));
        let other = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtpmap:0 PCMU/8000\r\n";
        assert_eq!(Offer::parse(&offer(other)), Err(OfferError::NoOpus));
        let inactive = format!("{AUDIO}a=inactive\r\n");
        assert_eq!(Offer::parse(&offer(&inactive)), Err(OfferError::InactiveAudio));
    }

    #[test]
    fn the_answer_names_our_addresses_once() {
        let answer = "v=0\r\nm=audio 9 x 1\r\na=candidate:1 1 udp 1 127.0.0.1 5 typ host\r\na=candidate:1 2 udp 1 127.0.0.1 5 typ host\r\na=mid:0\r\nm=application 9 x\r\na=candidate:1 1 udp 1 127.0.0.1 5 typ host\r\n";
        let addresses = ["203.0.113.7:8189".parse().ok(), "192.0.2.1:8189".parse().ok()];
        let addresses: Vec<SocketAddr> = addresses.into_iter().flatten().collect();
        let rewritten = with_candidates(answer, &addresses);
        assert_eq!(rewritten.matches("a=candidate:").count(), 2);
        assert!(rewritten.contains("a=candidate:1 1 udp 2130706431 203.0.113.7 8189 typ host\r\n"));
        assert!(rewritten.contains("a=end-of-candidates\r\na=mid:0\r\n"));
        assert!(!rewritten.contains("127.0.0.1"));
    }

    #[test]
    fn fragments() {
        let text = "a=ice-ufrag:abcd\r\na=ice-pwd:0123\r\nm=audio 9 x 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 7 typ host\r\n";
        let fragment = Fragment::parse(text);
        let expected = Fragment {
            credentials: Some(("abcd".to_owned(), "0123".to_owned())),
            candidates: vec!["candidate:1 1 udp 1 192.0.2.9 7 typ host".to_owned()],
        };
        assert_eq!(fragment, Some(expected));
        assert_eq!(Fragment::parse("hello"), None);
    }

    #[test]
    fn a_restart_keeps_everything_but_credentials_and_candidates() {
        let before = offer(&format!(
            "{AUDIO}a=ice-ufrag:old\r\na=ice-pwd:oldpwd\r\na=candidate:1 1 udp 1 192.0.2.9 7 typ host\r\na=mid:0\r\n"
        ));
        let after = restarted(
            &before,
            "new",
            "newpwd",
            &["candidate:2 1 udp 1 192.0.2.8 7 typ host".to_owned()],
        );
        assert!(after.contains("a=ice-ufrag:new\r\n") && after.contains("a=ice-pwd:newpwd\r\n"));
        assert!(after.contains("192.0.2.8") && !after.contains("192.0.2.9"));
        assert!(after.contains("a=mid:0\r\n") && !after.contains("old"));
    }
}
