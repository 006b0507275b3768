//! A bad network, in process: packets of the caller's sound are lost, late or overtaken, the same ones every time.
//!
//! Only sound on its way to the server is impaired. Events and the connection itself are not: what is measured is what
//! the server makes of a bad network, not whether SCTP retransmits.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::pipeline::playout::track::PacketSink;
use crate::pipeline::transport::webrtc::peer::OpusPackets;

/// Packets on their way: ten seconds. A network that holds more loses them.
const ON_THE_WAY: usize = 500;

/// How bad it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Impairment {
    /// Part of the packets that is lost, 0 to 1.
    pub loss: f64,
    /// Part of the packets that is overtaken by the next one, 0 to 1.
    pub reorder: f64,
    /// Part of the packets whose payload is no Opus but noise, 0 to 1.
    pub garbage: f64,
    /// How long every packet is on its way.
    pub delay: Duration,
    /// At most how much longer than that it is: each by another part of it. As in a queue, nobody overtakes by it.
    pub jitter: Duration,
    /// Which packets these are.
    pub seed: u64,
}

/// What becomes of packets: chance, and nothing else.
struct Fates {
    how: Impairment,
    chance: SmallRng,
}

/// What becomes of one packet.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Lost,
    /// The next one overtakes it.
    Overtaken,
    /// It arrives after so long.
    Arrives(Duration),
}

impl Fates {
    fn new(how: Impairment) -> Self {
        Self { how, chance: SmallRng::seed_from_u64(how.seed) }
    }

    /// What arrives instead of a packet that is garbled.
    fn garbage(&mut self) -> Option<Vec<u8>> {
        if !self.chance.random_bool(self.how.garbage) {
            return None;
        }
        let length = self.chance.random_range(0..200);
        Some((0..length).map(|_| self.chance.random::<u8>()).collect())
    }

    /// The fate of the next packet, while another is being overtaken or not.
    fn next(&mut self, holds_one: bool) -> Fate {
        if self.chance.random_bool(self.how.loss) {
            return Fate::Lost;
        }
        if !holds_one && self.chance.random_bool(self.how.reorder) {
            return Fate::Overtaken;
        }
        let Impairment { delay, jitter, .. } = self.how;
        if jitter.is_zero() {
            return Fate::Arrives(delay);
        }
        Fate::Arrives(delay + jitter.mul_f64(self.chance.random()))
    }
}

/// A track on a bad network.
pub(super) struct Impaired {
    inner: OpusPackets,
    fates: Fates,
    /// A packet that the next one overtakes.
    held: Option<rtc::rtp::Packet>,
    /// The way of packets that take their time.
    way: Option<mpsc::Sender<(Instant, rtc::rtp::Packet)>>,
    /// When the packet before arrives.
    last: Instant,
}

impl Impaired {
    /// A track, and the task that delivers what takes its time, if anything does.
    pub(super) fn new(
        inner: OpusPackets,
        how: Impairment,
    ) -> (Self, Option<impl Future<Output = ()> + Send + 'static>) {
        let takes_time = !(how.delay + how.jitter).is_zero();
        let (way, delivering) = takes_time.then(|| delayed(inner.clone())).unzip();
        let (fates, last) = (Fates::new(how), Instant::now());
        (Self { inner, fates, held: None, way, last }, delivering)
    }

    async fn write(&mut self, packet: rtc::rtp::Packet, after: Duration) -> bool {
        let Some(way) = &self.way else { return self.inner.write(packet).await };
        self.last = self.last.max(Instant::now() + after);
        !matches!(way.try_send((self.last, packet)), Err(mpsc::error::TrySendError::Closed(_)))
    }
}

/// A way on which packets arrive when they are due, until the track is gone.
fn delayed(
    track: OpusPackets,
) -> (mpsc::Sender<(Instant, rtc::rtp::Packet)>, impl Future<Output = ()> + Send + 'static) {
    let (way, mut packets) = mpsc::channel::<(Instant, rtc::rtp::Packet)>(ON_THE_WAY);
    let delivering = async move {
        while let Some((due, packet)) = packets.recv().await {
            sleep_until(due).await;
            if !track.write(packet).await {
                return;
            }
        }
    };
    (way, delivering)
}

impl PacketSink for Impaired {
    async fn send(&mut self, slot: u64, marker: bool, payload: Vec<u8>) -> bool {
        let mut packet = self.inner.packet(slot, marker, payload);
        if let Some(garbage) = self.fates.garbage() {
            packet.payload = garbage.into();
        }
        let after = match self.fates.next(self.held.is_some()) {
            Fate::Lost => return true,
            Fate::Overtaken => {
                self.held = Some(packet);
                return true;
            }
            Fate::Arrives(after) => after,
        };
        let sent = self.write(packet, after).await;
        match self.held.take() {
            Some(held) => self.write(held, after).await && sent,
            None => sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(how: Impairment) -> Vec<Fate> {
        let mut fates = Fates::new(how);
        let mut holds_one = false;
        let all = (0..10_000).map(|_| {
            assert_eq!(fates.garbage(), None);
            let fate = fates.next(holds_one);
            holds_one = fate == Fate::Overtaken || (holds_one && fate == Fate::Lost);
            fate
        });
        all.collect()
    }

    fn part(fates: &[Fate], wanted: impl Fn(&Fate) -> bool) -> f64 {
        fates.iter().filter(|fate| wanted(fate)).count() as f64 / fates.len() as f64
    }

    #[test]
    fn a_good_network_does_nothing() {
        let fates = fates(Impairment::default());
        assert!(fates.iter().all(|fate| *fate == Fate::Arrives(Duration::ZERO)));
    }

    #[test]
    fn packets_are_lost_late_and_overtaken_as_often_as_wanted() {
        let ms = Duration::from_millis;
        let how = Impairment {
            loss: 0.05,
            reorder: 0.1,
            delay: ms(40),
            jitter: ms(30),
            seed: 9,
            ..Impairment::default()
        };
        let fates = fates(how);
        let lost = part(&fates, |fate| *fate == Fate::Lost);
        assert!((0.04..0.06).contains(&lost), "{lost}");
        // One that follows such a packet is not overtaken itself.
        let overtaken = part(&fates, |fate| *fate == Fate::Overtaken);
        assert!((0.07..0.1).contains(&overtaken), "{overtaken}");
        let late = |from, to| {
            part(&fates, |fate| matches!(fate, Fate::Arrives(t) if (from..to).contains(t)))
        };
        assert!(late(ms(0), ms(40)) == 0.0 && late(ms(70), ms(10_000)) < 0.001);
        assert!((late(ms(40), ms(55)) - late(ms(55), ms(70))).abs() < 0.03);
    }

    #[test]
    fn the_same_seed_is_the_same_network() {
        let how = Impairment { loss: 0.2, reorder: 0.2, seed: 4, ..Impairment::default() };
        assert_eq!(fates(how), fates(how));
        assert_ne!(fates(how), fates(Impairment { seed: 5, ..how }));
    }
}
