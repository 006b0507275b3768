//! The jitter buffer: packets in any order in, time without holes out.
//!
//! It feeds recognition, not an ear. A packet that is next goes through at once; only a hole makes it
//! wait, for as long as packets have been late on this network. What is still missing then is recovered
//! from the following packet (Opus in-band FEC), concealed, and after [`MAX_CONCEALMENT`] replaced by
//! silence. When a sender falls silent without a word (DTX, a stalled network) time goes on all the same,
//! or a pause would never be noticed.
//!
//! It is a state machine without a clock: `now` is an argument, and [`JitterBuffer::deadline`] says when to
//! come back. RTP timestamps tick at 48 kHz whatever is inside ([RFC 7587]).
//!
//! [RFC 7587]: https://www.rfc-editor.org/rfc/rfc7587

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

/// RTP ticks in a second.
const CLOCK_HZ: u64 = 48_000;
/// A frame of the usual length, in ticks.
const FRAME_TICKS: u32 = 960;
const FRAME: Duration = Duration::from_millis(20);
/// How long a hole may be before the packets after it are played: at first, at least, at most.
const FIRST_WAIT: Duration = Duration::from_millis(40);
const MIN_WAIT: Duration = Duration::from_millis(20);
const MAX_WAIT: Duration = Duration::from_millis(120);
/// More than the usual lateness, so that the packet that is a little later still counts.
const WAIT_MARGIN: Duration = Duration::from_millis(10);
/// Concealment invents sound from what came before; longer than this it is no longer true.
const MAX_CONCEALMENT: u32 = 60 * 48;
/// Silence without packets before time goes on by itself. Longer than the usual burst of Wi-Fi.
const STARVED_AFTER: Duration = Duration::from_millis(60);
/// Packets held back at most; beyond it the hole is given up.
const MAX_HELD: usize = 100;
/// Lateness is judged over this many packets: two seconds of 20 ms.
const LATENESS_WINDOW: usize = 100;
/// A leap of this size is a new stream, not a hole.
const MAX_LEAP_TICKS: i64 = 10 * CLOCK_HZ as i64;

/// An RTP packet that carries Opus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp, 48 kHz.
    pub timestamp: u32,
    /// How much sound it holds, in ticks of 48 kHz.
    pub ticks: u32,
    /// The Opus packet.
    pub payload: Bytes,
}

/// What to decode next. Lengths are in ticks of 48 kHz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// A packet that arrived.
    Packet(Bytes),
    /// A lost packet of this length; `next` may hold a copy of it (in-band FEC).
    Recover {
        /// The packet after the lost one.
        next: Bytes,
        /// Length of the lost one.
        ticks: u32,
    },
    /// Lost for good: to be concealed.
    Conceal {
        /// How much.
        ticks: u32,
    },
    /// Nothing was said.
    Silence {
        /// How much.
        ticks: u32,
    },
}

/// What happened to the packets of a stream so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Packets accepted.
    pub received: u64,
    /// Packets that came after their place had been filled, or twice.
    pub late: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Ticks of sound that were concealed.
    pub concealed_ticks: u64,
    /// Times the stream began anew.
    pub resets: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct JitterBuffer {
    stream: Option<Stream>,
    held: BTreeMap<i64, Held>,
    ready: VecDeque<Unit>,
    lateness: VecDeque<i64>,
    /// Microseconds, smoothed as RFC 3550 does it.
    jitter: f64,
    stats: Stats,
}

/// Where the output stands.
#[derive(Debug)]
struct Stream {
    /// Extended sequence number of the packet that is next.
    next: i64,
    /// Extended timestamp at which it is expected to begin.
    next_ticks: i64,
    /// When the output last moved.
    moved_at: Duration,
    /// Ticks put out beyond `next_ticks` while nothing arrived.
    invented: i64,
    /// Ticks concealed since the last packet.
    concealed: u32,
}

#[derive(Debug)]
struct Held {
    timestamp: i64,
    ticks: u32,
    payload: Bytes,
    arrived_at: Duration,
}

impl JitterBuffer {
    /// Takes a packet that arrived at `now`.
    pub fn push(&mut self, packet: Packet, now: Duration) {
        let ticks = if packet.ticks == 0 { FRAME_TICKS } else { packet.ticks };
        let stream = self.stream.get_or_insert_with(|| Stream {
            next: i64::from(packet.sequence),
            next_ticks: i64::from(packet.timestamp),
            moved_at: now,
            invented: 0,
            concealed: 0,
        });
        let sequence =
            stream.next + i64::from(packet.sequence.wrapping_sub(stream.next as u16) as i16);
        let timestamp = stream.next_ticks
            + i64::from(packet.timestamp.wrapping_sub(stream.next_ticks as u32) as i32);
        if (timestamp - stream.next_ticks).abs() > MAX_LEAP_TICKS {
            self.restart(Packet { ticks, ..packet }, now);
            return;
        }
        self.stats.received += 1;
        self.judge_lateness(timestamp, now);
        let Some(stream) = &mut self.stream else { return };
        if sequence < stream.next {
            self.stats.late += 1;
            return;
        }
        let held = Held { timestamp, ticks, payload: packet.payload, arrived_at: now };
        if self.held.insert(sequence, held).is_some() {
            self.stats.late += 1;
        }
        self.release(now);
    }

    /// What to decode next, if anything is due at `now`.
    pub fn pop(&mut self, now: Duration) -> Option<Unit> {
        if self.ready.is_empty() {
            self.release(now);
            self.starve(now);
        }
        self.ready.pop_front()
    }

    /// When [`JitterBuffer::pop`] will have something even if no packet arrives.
    pub fn deadline(&self) -> Option<Duration> {
        let stream = self.stream.as_ref()?;
        if !self.ready.is_empty() {
            return Some(stream.moved_at);
        }
        Some(match self.held.first_key_value() {
            Some((_, first)) => first.arrived_at + self.wait(),
            None if stream.invented == 0 => stream.moved_at + FRAME + STARVED_AFTER,
            None => stream.moved_at + FRAME,
        })
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// How unevenly packets arrive now: the interarrival jitter of [RFC 3550].
    ///
    /// [RFC 3550]: https://www.rfc-editor.org/rfc/rfc3550#section-6.4.1
    pub fn jitter(&self) -> Duration {
        Duration::from_micros(self.jitter as u64)
    }

    /// How long a hole may stay open now.
    pub fn wait(&self) -> Duration {
        if self.lateness.len() < 10 {
            return FIRST_WAIT;
        }
        let mut sorted: Vec<_> = self.lateness.iter().copied().collect();
        sorted.sort_unstable();
        let earliest = sorted[0];
        let p95 = sorted[(sorted.len() * 95 / 100).min(sorted.len() - 1)];
        let late = Duration::from_micros((p95 - earliest).max(0) as u64);
        (late + WAIT_MARGIN).clamp(MIN_WAIT, MAX_WAIT)
    }

    /// Remembers how long after its timestamp the packet came, in microseconds on an arbitrary scale.
    fn judge_lateness(&mut self, timestamp: i64, now: Duration) {
        let sent_us = timestamp * 1_000_000 / CLOCK_HZ as i64;
        let late_us = now.as_micros() as i64 - sent_us;
        if let Some(before) = self.lateness.back() {
            self.jitter += (late_us.abs_diff(*before) as f64 - self.jitter) / 16.0;
        }
        if self.lateness.len() == LATENESS_WINDOW {
            self.lateness.pop_front();
        }
        self.lateness.push_back(late_us);
    }

    /// Moves everything that is in order, or overdue, to `ready`.
    fn release(&mut self, now: Duration) {
        while let Some((&sequence, first)) = self.held.first_key_value() {
            let missing = self.stream.as_ref().map_or(0, |stream| sequence - stream.next);
            let overdue = || now >= first.arrived_at + self.wait() || self.held.len() > MAX_HELD;
            if missing > 0 && !overdue() {
                return;
            }
            let Some((_, packet)) = self.held.pop_first() else { return };
            let Some(stream) = &mut self.stream else { return };
            // What was invented meanwhile has filled a part of the hole.
            let hole = packet.timestamp - stream.next_ticks - stream.invented;
            if missing > 0 {
                self.stats.lost += missing as u64;
                fill_loss(&mut self.ready, &mut self.stats, stream, hole, &packet.payload);
            } else if hole > 0 {
                // A gap in time without a gap in sequence is silence (DTX).
                self.ready.push_back(Unit::Silence { ticks: hole as u32 });
            }
            self.ready.push_back(Unit::Packet(packet.payload));
            *stream = Stream {
                next: sequence + 1,
                next_ticks: packet.timestamp + i64::from(packet.ticks),
                moved_at: now,
                invented: 0,
                concealed: 0,
            };
        }
    }

    /// Lets time go on while nothing arrives.
    fn starve(&mut self, now: Duration) {
        let due = self.held.is_empty() && self.deadline().is_some_and(|deadline| now >= deadline);
        let Some(stream) = self.stream.as_mut().filter(|_| due && self.ready.is_empty()) else {
            return;
        };
        // The first time the whole wait is made good at once, then it goes frame by frame.
        let behind = now.saturating_sub(stream.moved_at);
        let ticks =
            (behind.as_micros() as u64 * CLOCK_HZ / 1_000_000) as u32 / FRAME_TICKS * FRAME_TICKS;
        let mut left = ticks.max(FRAME_TICKS);
        stream.moved_at += Duration::from_micros(u64::from(left) * 1_000_000 / CLOCK_HZ);
        stream.invented += i64::from(left);
        while left > 0 {
            let part = left.min(FRAME_TICKS);
            left -= part;
            if stream.concealed < MAX_CONCEALMENT {
                stream.concealed += part;
                self.stats.concealed_ticks += u64::from(part);
                self.ready.push_back(Unit::Conceal { ticks: part });
            } else {
                self.ready.push_back(Unit::Silence { ticks: part });
            }
        }
    }

    fn restart(&mut self, packet: Packet, now: Duration) {
        let stats = Stats { resets: self.stats.resets + 1, ..self.stats };
        *self = Self { stats, ..Self::default() };
        self.push(packet, now);
    }
}

/// Fills `hole` ticks of lost packets: concealment, then silence, and the last frame from the packet
/// that follows, which may carry a copy of it.
fn fill_loss(
    ready: &mut VecDeque<Unit>,
    stats: &mut Stats,
    stream: &mut Stream,
    hole: i64,
    next: &Bytes,
) {
    let mut left = u32::try_from(hole).unwrap_or(0);
    let recovered = left.min(FRAME_TICKS);
    left -= recovered;
    while left > 0 {
        let part = left.min(FRAME_TICKS);
        left -= part;
        if stream.concealed < MAX_CONCEALMENT {
            stream.concealed += part;
            stats.concealed_ticks += u64::from(part);
            ready.push_back(Unit::Conceal { ticks: part });
        } else {
            ready.push_back(Unit::Silence { ticks: part });
        }
    }
    if recovered > 0 {
        ready.push_back(Unit::Recover { next: next.clone(), ticks: recovered });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Packet number `n` of a stream that begins close to both wrap-arounds.
    fn packet(n: u16) -> Packet {
        Packet {
            sequence: n.wrapping_sub(3),
            timestamp: u32::from(n).wrapping_mul(960).wrapping_sub(2_000),
            ticks: 960,
            payload: Bytes::from(vec![n as u8; 3]),
        }
    }

    fn is_packet(unit: Option<Unit>, n: u16) -> bool {
        unit == Some(Unit::Packet(packet(n).payload))
    }

    fn ticks(unit: &Unit) -> u32 {
        match unit {
            Unit::Packet(_) => 960,
            Unit::Recover { ticks, .. } | Unit::Conceal { ticks } | Unit::Silence { ticks } => {
                *ticks
            }
        }
    }

    #[test]
    fn packets_in_order_pass_at_once() {
        let mut buffer = JitterBuffer::default();
        for n in 0..10 {
            buffer.push(packet(n), ms(20 * u64::from(n)));
            assert!(is_packet(buffer.pop(ms(20 * u64::from(n))), n));
            assert_eq!(buffer.pop(ms(20 * u64::from(n))), None);
        }
    }

    #[test]
    fn reordered_packets_are_put_right_without_loss() {
        let mut buffer = JitterBuffer::default();
        for (n, at) in [(0, 0), (2, 25), (1, 30), (3, 60)] {
            buffer.push(packet(n), ms(at));
        }
        for n in 0..4 {
            assert!(is_packet(buffer.pop(ms(60)), n), "{n}");
        }
        assert_eq!(buffer.stats().lost, 0);
    }

    #[test]
    fn one_lost_packet_is_recovered_from_the_next() {
        let mut buffer = JitterBuffer::default();
        buffer.push(packet(0), ms(0));
        assert!(is_packet(buffer.pop(ms(0)), 0));
        buffer.push(packet(2), ms(40));
        assert_eq!(buffer.pop(ms(50)), None, "it may still come");
        assert_eq!(buffer.deadline(), Some(ms(80)));
        assert_eq!(buffer.pop(ms(80)), Some(Unit::Recover { next: packet(2).payload, ticks: 960 }));
        assert!(is_packet(buffer.pop(ms(80)), 2));
        buffer.push(packet(1), ms(81));
        assert_eq!(buffer.pop(ms(81)), None, "its place is taken");
        assert_eq!(buffer.stats(), Stats { received: 3, late: 1, lost: 1, ..Stats::default() });
    }

    #[test]
    fn a_long_loss_is_concealed_then_silent_and_keeps_its_length() {
        let mut buffer = JitterBuffer::default();
        buffer.push(packet(0), ms(0));
        buffer.pop(ms(0));
        buffer.push(packet(10), ms(70));
        let units: Vec<_> = std::iter::from_fn(|| buffer.pop(ms(110))).collect();
        assert_eq!(units.iter().map(ticks).sum::<u32>(), 10 * 960);
        assert_eq!(units.iter().filter(|u| matches!(u, Unit::Conceal { .. })).count(), 3);
        assert_eq!(units.iter().filter(|u| matches!(u, Unit::Silence { .. })).count(), 5);
        assert!(matches!(units[8], Unit::Recover { .. }));
    }

    #[test]
    fn a_gap_in_time_without_a_gap_in_sequence_is_silence() {
        let mut buffer = JitterBuffer::default();
        buffer.push(packet(0), ms(0));
        buffer.pop(ms(0));
        let mut after = packet(1);
        after.timestamp = after.timestamp.wrapping_add(960 * 2);
        buffer.push(after, ms(60));
        assert_eq!(buffer.pop(ms(60)), Some(Unit::Silence { ticks: 1_920 }));
        assert!(is_packet(buffer.pop(ms(60)), 1));
        assert_eq!(buffer.stats().lost, 0);
    }

    #[test]
    fn time_goes_on_while_nothing_arrives_and_is_not_counted_twice() {
        let mut buffer = JitterBuffer::default();
        buffer.push(packet(0), ms(0));
        let mut heard = 0;
        for now in (0..=400).step_by(10) {
            while let Some(unit) = buffer.pop(ms(now)) {
                heard += ticks(&unit);
            }
        }
        let invented = heard - 960;
        assert!((18 * 960..=20 * 960).contains(&invented), "{invented}");
        // The sender was silent for 25 frames: what is still missing of them is made up, and no more.
        let mut after = packet(1);
        after.timestamp = after.timestamp.wrapping_add(960 * 25);
        buffer.push(after, ms(520));
        while let Some(unit) = buffer.pop(ms(520)) {
            heard += ticks(&unit);
        }
        assert_eq!(heard, 27 * 960);
    }

    #[test]
    fn a_stalled_network_loses_no_packet() {
        let mut buffer = JitterBuffer::default();
        let mut packets = 0;
        buffer.push(packet(0), ms(0));
        for now in (0..500).step_by(10) {
            while let Some(unit) = buffer.pop(ms(now)) {
                packets += usize::from(matches!(unit, Unit::Packet(_)));
            }
        }
        // Half a second of packets arrives in one burst.
        for n in 1..=25 {
            buffer.push(packet(n), ms(500));
        }
        while let Some(unit) = buffer.pop(ms(500)) {
            packets += usize::from(matches!(unit, Unit::Packet(_)));
        }
        assert_eq!(packets, 26);
        assert_eq!(buffer.stats().late, 0);
    }

    #[test]
    fn the_wait_follows_the_network() {
        let mut calm = JitterBuffer::default();
        let mut rough = JitterBuffer::default();
        for n in 0..100_u16 {
            let sent = 20 * u64::from(n);
            calm.push(packet(n), ms(sent));
            rough.push(packet(n), ms(sent + u64::from(n % 10) * 8));
            while calm.pop(ms(sent)).is_some() || rough.pop(ms(sent + 72)).is_some() {}
        }
        assert_eq!((calm.wait(), calm.jitter()), (MIN_WAIT, Duration::ZERO));
        // Nine times in ten a packet is 8 ms later than the one before it, and once 72 ms earlier.
        assert!(rough.jitter() > ms(10) && rough.jitter() < ms(20), "{:?}", rough.jitter());
        assert!(rough.wait() >= ms(70) && rough.wait() <= MAX_WAIT, "{:?}", rough.wait());
    }

    #[test]
    fn a_leap_is_a_new_stream() {
        let mut buffer = JitterBuffer::default();
        buffer.push(packet(0), ms(0));
        buffer.pop(ms(0));
        let mut other = packet(5_000);
        other.timestamp = other.timestamp.wrapping_add(48_000 * 60);
        let payload = other.payload.clone();
        buffer.push(other, ms(20));
        assert_eq!(buffer.pop(ms(20)), Some(Unit::Packet(payload)));
        assert_eq!(buffer.stats().resets, 1);
    }

    #[test]
    fn a_flood_of_packets_behind_a_hole_is_bounded() {
        let mut buffer = JitterBuffer::default();
        buffer.push(packet(0), ms(0));
        buffer.pop(ms(0));
        for n in 2..300 {
            buffer.push(packet(n), ms(1));
        }
        assert!(buffer.held.len() <= MAX_HELD);
        assert_eq!(buffer.stats().lost, 1);
    }

    proptest::proptest! {
        /// Whatever a network does, time comes out without holes and nothing panics.
        #[test]
        fn time_never_runs_backwards(order in proptest::collection::vec((0u16..400, 0u64..30), 1..300)) {
            let mut buffer = JitterBuffer::default();
            let mut now = 0;
            for (n, step) in order {
                now += step;
                buffer.push(packet(n), ms(now));
                while let Some(unit) = buffer.pop(ms(now)) {
                    proptest::prop_assert!(ticks(&unit) > 0);
                }
                proptest::prop_assert!(buffer.held.len() <= MAX_HELD);
                proptest::prop_assert!(buffer.deadline().is_some_and(|d| d <= ms(now) + ms(200)));
            }
        }
    }
}
