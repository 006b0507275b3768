//! The lane for the person's sound. It never makes the network wait: when the pipeline is behind, the oldest
//! sound is dropped and counted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::pipeline::codec::jitter::Packet;

/// Pieces that may wait: two seconds of packets.
const CAPACITY: usize = 100;

/// Sound as it arrives.
#[derive(Debug, Clone, PartialEq)]
pub enum Sound {
    /// An Opus packet.
    Packet(Packet),
    /// Samples at 24 kHz.
    Samples(Vec<f32>),
}

/// A piece of sound that was taken out of the lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// The sound.
    pub sound: Sound,
    /// When it was put in.
    pub at: Instant,
}

#[derive(Default)]
struct Lane {
    queue: VecDeque<Arrival>,
    dropped: u64,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    lane: Mutex<Lane>,
    arrived: Notify,
}

/// The transport's end. Dropping it ends the sound.
pub struct Sender(Arc<Shared>);

/// The pipeline's end.
pub struct Receiver(Arc<Shared>);

/// A lane, empty.
pub fn lane() -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl Shared {
    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// Hands sound over.
    pub fn send(&self, sound: Sound) {
        let mut lane = self.0.lane();
        if lane.queue.len() == CAPACITY {
            lane.queue.pop_front();
            lane.dropped += 1;
        }
        lane.queue.push_back(Arrival { sound, at: Instant::now() });
        drop(lane);
        self.0.arrived.notify_one();
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.lane().closed = true;
        self.0.arrived.notify_one();
    }
}

impl Receiver {
    /// The next piece of sound; `None` when there will be no more. Cancel safe.
    pub async fn recv(&mut self) -> Option<Arrival> {
        loop {
            let arrived = self.0.arrived.notified();
            {
                let mut lane = self.0.lane();
                if let Some(arrival) = lane.queue.pop_front() {
                    return Some(arrival);
                }
                if lane.closed {
                    return None;
                }
            }
            arrived.await;
        }
    }

    /// Pieces dropped so far because the pipeline was behind.
    pub fn dropped(&self) -> u64 {
        self.0.lane().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(receiver: &mut Receiver) -> Option<Sound> {
        receiver.recv().await.map(|arrival| arrival.sound)
    }

    #[tokio::test]
    async fn sound_comes_in_order_and_ends() {
        let (sender, mut receiver) = lane();
        sender.send(Sound::Samples(vec![1.0]));
        sender.send(Sound::Samples(vec![2.0]));
        drop(sender);
        assert_eq!(next(&mut receiver).await, Some(Sound::Samples(vec![1.0])));
        assert_eq!(next(&mut receiver).await, Some(Sound::Samples(vec![2.0])));
        assert_eq!(next(&mut receiver).await, None);
    }

    #[tokio::test]
    async fn the_oldest_sound_is_dropped_and_counted() {
        let (sender, mut receiver) = lane();
        for i in 0..CAPACITY + 3 {
            sender.send(Sound::Samples(vec![i as f32]));
        }
        assert_eq!(next(&mut receiver).await, Some(Sound::Samples(vec![3.0])));
        assert_eq!(receiver.dropped(), 3);
    }
}
