//! Calls: how many, how they began and ended, and what the network did to their sound.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Now;
use super::family::{Family, jitter, lengths, plain, steps};
use crate::pipeline::meter::Heard;
use crate::pipeline::transport::HangUp;
use crate::telemetry::codes;

/// Why calls are usually refused, and the reasons that alerts name: the codes that callers are answered with. Others
/// appear when they happen.
const REFUSALS: [&str; 7] = [
    "at_capacity",
    "server_stopping",
    "no_recogniser",
    "rate_limit_exceeded",
    "not_allowed",
    "unavailable",
    "internal_error",
];

/// See the module.
pub struct Calls {
    active: Gauge,
    limit: Gauge,
    strain: Gauge<f64, AtomicU64>,
    shedding: Gauge,
    opened: Family<Counter, 1>,
    refused: Family<Counter, 1>,
    ended: Family<Counter, 1>,
    length: Histogram,
    received: Counter,
    lost: Counter,
    late: Counter,
    broken: Counter,
    dropped: Counter,
    concealed: Counter<f64, AtomicU64>,
    jitter: Histogram,
    handling: Histogram,
}

/// How a call reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// WebRTC.
    WebRtc,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    fn code(self) -> &'static str {
        match self {
            Self::WebRtc => "webrtc",
            Self::WebSocket => "websocket",
        }
    }
}

impl Calls {
    pub(super) fn new(r: &mut Registry) -> Self {
        let transports = [Transport::WebRtc, Transport::WebSocket].map(|kind| [kind.code()]);
        let ends = codes::HANG_UPS.map(|how| [codes::hang_up(how)]);
        let ended = ("calls_ended", "Calls that are over, by how they ended");
        let lost = ("packets_lost", "Packets of the callers' sound that never came");
        let broken = ("packets_broken", "Packets of the callers' sound that could not be decoded");
        let dropped = (
            "sound_dropped",
            "Pieces of the callers' sound that were thrown away because their call was behind",
        );
        let handling = (
            "sound_handling_seconds",
            "From the last packet of a frame (32 ms) to its decision, waiting for a core included",
        );
        let uneven =
            ("jitter_seconds", "How unevenly packets come (RFC 3550), once a second of each call");
        Self {
            active: plain(r, ("calls", "Calls that go on"), Gauge::default()),
            limit: plain(r, ("calls_limit", "Calls that may go on at once"), Gauge::default()),
            strain: plain(
                r,
                ("strain", "How far behind the machine is: at 1 and more it is"),
                Gauge::default(),
            ),
            shedding: plain(
                r,
                (
                    "shedding",
                    "What is left out while it is: 0 nothing, 1 captions, 2 early replies, 3 new calls",
                ),
                Gauge::default(),
            ),
            opened: Family::new(
                r,
                ("calls_opened", "Calls that were taken, by transport"),
                ["transport"],
                Counter::default,
                transports,
            ),
            refused: Family::new(
                r,
                ("calls_refused", "Calls that were refused, by the code of the answer"),
                ["reason"],
                Counter::default,
                REFUSALS.map(|reason| [reason]),
            ),
            ended: Family::new(r, ended, ["how"], Counter::default, ends),
            length: plain(r, ("call_length_seconds", "How long calls were"), lengths()),
            received: plain(
                r,
                ("packets_received", "Packets of the callers' sound that came"),
                Counter::default(),
            ),
            lost: plain(r, lost, Counter::default()),
            late: plain(
                r,
                ("packets_late", "Packets of the callers' sound that came too late, or twice"),
                Counter::default(),
            ),
            broken: plain(r, broken, Counter::default()),
            dropped: plain(r, dropped, Counter::default()),
            concealed: plain(
                r,
                ("concealed_seconds", "Sound that was made up for packets that did not come"),
                Counter::default(),
            ),
            jitter: plain(r, uneven, jitter()),
            handling: plain(r, handling, steps()),
        }
    }

    /// A call was taken.
    pub fn opened(&self, transport: Transport) {
        self.opened.of([transport.code()]).inc();
    }

    /// A call was refused with this code.
    pub fn refused(&self, code: &'static str) {
        self.refused.of([code]).inc();
    }

    /// A call is over.
    pub fn ended(&self, how: HangUp, length: Duration) {
        self.ended.of([codes::hang_up(how)]).inc();
        self.length.observe(length.as_secs_f64());
    }

    /// So many go on, so many may, and so far is the machine behind.
    pub(super) fn set(&self, now: &Now) {
        let (active, limit) = now.calls;
        self.active.set(active as i64);
        self.limit.set(limit as i64);
        self.strain.set(now.strain);
        self.shedding.set(now.shedding as i64);
    }

    pub(super) fn heard(&self, heard: &Heard) {
        self.received.inc_by(heard.received);
        self.lost.inc_by(heard.lost);
        self.late.inc_by(heard.late);
        self.broken.inc_by(heard.broken);
        self.dropped.inc_by(heard.dropped);
        self.concealed.inc_by(heard.concealed.as_secs_f64());
        if heard.received > 0 {
            self.jitter.observe(heard.jitter.as_secs_f64());
        }
    }

    pub(super) fn handled(&self, took: Duration) {
        self.handling.observe(took.as_secs_f64());
    }
}
