//! A bad network, in process: packets of the caller are lost or overtaken, the same ones every time.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::pipeline::playout::track::PacketSink;
use crate::pipeline::transport::webrtc::peer::OpusPackets;

/// How bad it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Impairment {
    /// Part of the packets that is lost, 0 to 1.
    pub loss: f64,
    /// Part of the packets that is overtaken by the next one, 0 to 1.
    pub reorder: f64,
    /// Part of the packets whose payload is no Opus but noise, 0 to 1.
    pub garbage: f64,
    /// Which packets these are.
    pub seed: u64,
}

/// A track on a bad network.
pub(super) struct Impaired {
    inner: OpusPackets,
    how: Impairment,
    chance: SmallRng,
    /// A packet that the next one overtakes.
    held: Option<rtc::rtp::Packet>,
}

impl Impaired {
    pub(super) fn new(inner: OpusPackets, how: Impairment) -> Self {
        Self { inner, how, chance: SmallRng::seed_from_u64(how.seed), held: None }
    }
}

impl PacketSink for Impaired {
    async fn send(&mut self, slot: u64, marker: bool, payload: Vec<u8>) -> bool {
        let mut packet = self.inner.packet(slot, marker, payload);
        if self.chance.random_bool(self.how.garbage) {
            let length = self.chance.random_range(0..200);
            packet.payload = (0..length).map(|_| self.chance.random::<u8>()).collect();
        }
        if self.chance.random_bool(self.how.loss) {
            return true;
        }
        if self.held.is_none() && self.chance.random_bool(self.how.reorder) {
            self.held = Some(packet);
            return true;
        }
        let sent = self.inner.write(packet).await;
        match self.held.take() {
            Some(held) => self.inner.write(held).await && sent,
            None => sent,
        }
    }
}
