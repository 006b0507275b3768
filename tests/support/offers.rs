//! Session descriptions, as a client would send them; nobody is behind them.

/// One audio track and nothing else.
pub fn audio() -> String {
    format!("{SESSION}{AUDIO}{TRANSPORT}")
}

/// A video track beside the audio.
pub fn with_video() -> String {
    let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=rtpmap:96 VP8/90000\r\n\
                 a=mid:1\r\na=sendrecv\r\na=rtcp-mux\r\n";
    format!("{}{video}{TRANSPORT}", audio())
}

/// A data channel only.
pub fn without_audio() -> String {
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
                a=sctp-port:5000\r\n";
    format!("{SESSION}{data}{TRANSPORT}")
}

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n";

const AUDIO: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n\
a=rtpmap:111 opus/48000/2\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n";

const TRANSPORT: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\n\
a=setup:actpass\r\na=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:\
00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n";
