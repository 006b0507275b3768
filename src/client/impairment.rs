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
        let packet = self.inner.packet(slot, marker, payload);
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
