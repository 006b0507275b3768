//! How well the person's sound arrives.

use std::time::Duration;

use super::codec::jitter::Stats;

/// What happened to the packets of the person's sound since somebody looked last, and how the path is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Network {
    /// Packets that arrived.
    pub packets: u64,
    /// Packets that had not arrived when their sound was needed.
    pub lost: u64,
    /// Packets that arrived after that, or twice.
    pub late: u64,
    /// Packets that arrived in order to be thrown away: the server was too slow for them.
    pub dropped: u64,
    /// Sound that was made up for what was missing.
    pub concealed_ms: u64,
    /// How unevenly packets arrive now: the interarrival jitter of [RFC 3550](https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1).
    pub jitter_ms: u64,
    /// The way to the client and back, if it was measured.
    pub rtt_ms: Option<u64>,
}

/// What was counted by now, since the call began.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrivals {
    pub stats: Stats,
    pub jitter: Duration,
    /// Packets that could not be decoded.
    pub broken: u64,
    pub dropped: u64,
}

/// Somebody who looks from time to time.
#[derive(Debug, Default)]
pub(super) struct Lookout {
    before: Arrivals,
}

impl Lookout {
    /// What is new, and how things are.
    pub(super) fn look(&mut self, now: Arrivals, rtt: Option<Duration>) -> Network {
        let before = std::mem::replace(&mut self.before, now);
        let since = |count: fn(&Arrivals) -> u64| count(&now).saturating_sub(count(&before));
        Network {
            packets: since(|counted| counted.stats.received),
            lost: since(|counted| counted.stats.lost),
            late: since(|counted| counted.stats.late),
            dropped: since(|counted| counted.dropped),
            concealed_ms: since(|counted| counted.stats.concealed_ticks) / 48,
            jitter_ms: rounded_ms(now.jitter),
            rtt_ms: rtt.map(rounded_ms),
        }
    }
}

fn rounded_ms(time: Duration) -> u64 {
    (time + Duration::from_micros(500)).as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_look_tells_what_is_new() {
        let mut lookout = Lookout::default();
        let stats = Stats { received: 50, lost: 2, concealed_ticks: 1_920, ..Stats::default() };
        let jitter = Duration::from_micros(3_600);
        let first = Arrivals { stats, jitter, dropped: 1, broken: 0 };
        let told = lookout.look(first, None);
        let expected = Network {
            packets: 50,
            lost: 2,
            dropped: 1,
            concealed_ms: 40,
            jitter_ms: 4,
            ..Network::default()
        };
        assert_eq!(told, expected);
        let stats = Stats { received: 90, late: 1, ..stats };
        let rtt = Some(Duration::from_millis(23));
        let told = lookout.look(Arrivals { stats, ..first }, rtt);
        let expected =
            Network { packets: 40, late: 1, jitter_ms: 4, rtt_ms: Some(23), ..Network::default() };
        assert_eq!(told, expected);
    }
}
