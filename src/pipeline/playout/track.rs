//! Speech as an Opus track, paced by a clock: a frame every 20 ms, nothing while nobody speaks.
//!
//! Sequence numbers count packets and timestamps count time, so a pause is a gap in time only and no
//! receiver takes it for loss. A cut reply fades out within one frame, which is heard as a stop, not as a
//! click.

pub(in crate::pipeline) mod queue;

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use self::queue::{Command, Queue};
use super::Progress;
use crate::pipeline::codec::opus::Encoder;
use crate::pipeline::conversation::ReplyId;

const FRAME: Duration = Duration::from_millis(20);
/// Commands that wait for the player, which takes them at once.
const QUEUE: usize = 256;

/// Takes the packets of a track.
pub trait PacketSink: Send + 'static {
    /// Sends a packet for the 20 ms slot `slot` (counted from any fixed beginning). `false` if the track
    /// is gone.
    fn send(
        &mut self,
        slot: u64,
        marker: bool,
        packet: Vec<u8>,
    ) -> impl Future<Output = bool> + Send;
}

/// A handle to the task that paces a track.
#[derive(Clone)]
pub struct TrackPlayer {
    commands: mpsc::Sender<Command>,
    progress: watch::Receiver<Option<Progress>>,
}

impl TrackPlayer {
    /// A player and the task that it needs, which ends when `cancel` is cancelled or the track is gone.
    pub fn new(
        sink: impl PacketSink,
        cancel: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (commands, receiver) = mpsc::channel(QUEUE);
        let (progress, watcher) = watch::channel(None);
        let task = async move {
            tokio::select! {
                () = pace(sink, receiver, progress) => {}
                () = cancel.cancelled() => {}
            }
        };
        (Self { commands, progress: watcher }, task)
    }

    /// Plays samples after those before. `false` if the player cannot take them.
    #[must_use]
    pub fn play(&self, reply: ReplyId, clause: u32, samples: Vec<f32>) -> bool {
        self.commands.try_send(Command::Play { reply, clause, samples }).is_ok()
    }

    /// Nothing more comes for this reply.
    pub fn end(&self, reply: ReplyId) {
        // A player that is gone has nothing to say about the end.
        let _ = self.commands.try_send(Command::End(reply));
    }

    /// Goes on quietly.
    pub fn duck(&self) {
        let _ = self.commands.try_send(Command::Duck);
    }

    /// Is silent from now on, and keeps its place.
    pub fn hold(&self) {
        let _ = self.commands.try_send(Command::Hold);
    }

    /// Goes on as loud as before, from this clause and so much of it if it is named.
    pub fn resume(&self, from: Option<(u32, Duration)>) {
        let _ = self.commands.try_send(Command::Resume(from));
    }

    /// Stops at once.
    pub fn cancel(&self) {
        let _ = self.commands.try_send(Command::Cancel);
    }

    /// Waits for progress. Cancel safe.
    pub async fn progress(&mut self) -> Option<Progress> {
        self.progress.changed().await.ok()?;
        *self.progress.borrow_and_update()
    }
}

async fn pace(
    mut sink: impl PacketSink,
    mut commands: mpsc::Receiver<Command>,
    progress: watch::Sender<Option<Progress>>,
) {
    let began = Instant::now();
    let mut queue = Queue::default();
    let mut encoder = None;
    let mut next_slot = 0;
    // Whether the next packet follows a pause.
    let mut marker = true;
    loop {
        if queue.is_idle() {
            // Nothing to send, nothing to wake up for.
            let Some(command) = commands.recv().await else { return };
            queue.take(command);
            let slot = (began.elapsed().as_micros() / FRAME.as_micros()) as u64;
            marker |= slot > next_slot;
            next_slot = next_slot.max(slot);
        }
        while let Ok(command) = commands.try_recv() {
            queue.take(command);
        }
        let (frame, report) = queue.next();
        if let Some(frame) = frame {
            // Made with the first speech: most of a call's life it is not needed.
            let encoder = match &mut encoder {
                Some(encoder) => encoder,
                None => match Encoder::new() {
                    Ok(new) => encoder.insert(new),
                    Err(error) => return tracing::error!(%error, "no Opus encoder"),
                },
            };
            match encoder.encode(&frame) {
                Ok(packet) => {
                    if !sink.send(next_slot, marker, packet).await {
                        return;
                    }
                    marker = false;
                }
                Err(error) => tracing::warn!(%error, "a frame was not encoded"),
            }
        } else {
            marker = true;
        }
        if report.is_some() {
            progress.send_replace(report);
        }
        next_slot += 1;
        let due = began + FRAME * u32::try_from(next_slot).unwrap_or(u32::MAX);
        sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test joins its tasks, or ends with them")]

    use std::sync::{Arc, Mutex};

    use super::queue::TAIL_FRAMES;
    use super::*;

    const REPLY: ReplyId = ReplyId(1);

    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<(u64, bool, Duration)>>>);

    impl PacketSink for (Recorder, Instant) {
        async fn send(&mut self, slot: u64, marker: bool, _: Vec<u8>) -> bool {
            self.0.0.lock().unwrap().push((slot, marker, self.1.elapsed()));
            true
        }
    }

    fn start() -> (TrackPlayer, Recorder, CancellationToken) {
        let recorder = Recorder::default();
        let cancel = CancellationToken::new();
        let sink = (recorder.clone(), Instant::now());
        let (player, task) = TrackPlayer::new(sink, cancel.clone());
        tokio::spawn(task);
        (player, recorder, cancel)
    }

    fn sound(ms: usize) -> Vec<f32> {
        vec![0.5; 24 * ms]
    }

    async fn ended(player: &mut TrackPlayer) -> Progress {
        loop {
            let progress = player.progress().await.unwrap();
            if progress.ended {
                return progress;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_paced_and_the_end_is_told() {
        let (mut player, recorder, _cancel) = start();
        let begun = Instant::now();
        assert!(player.play(REPLY, 0, sound(100)) && player.play(REPLY, 1, sound(110)));
        player.end(REPLY);
        let end = ended(&mut player).await;
        assert_eq!((end.clause, end.played.as_millis()), (1, 110));
        assert!((180..=220).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let sent = recorder.0.lock().unwrap().clone();
        assert_eq!(sent.len(), 11 + TAIL_FRAMES as usize, "then nothing is sent");
        for (i, (slot, marker, at)) in sent.iter().enumerate() {
            assert_eq!((*slot, *marker), (i as u64, i == 0));
            assert!(at.as_millis().abs_diff(20 * i as u128) <= 2, "{i}: {at:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_a_gap_in_time_with_a_marker_after_it() {
        let (mut player, recorder, _cancel) = start();
        assert!(player.play(REPLY, 0, sound(20)));
        player.end(REPLY);
        ended(&mut player).await;
        tokio::time::sleep(Duration::from_millis(1_005)).await;
        assert!(player.play(ReplyId(2), 0, sound(20)));
        player.end(ReplyId(2));
        ended(&mut player).await;
        let sent = recorder.0.lock().unwrap().clone();
        let (slot, marker, at) = sent[1 + TAIL_FRAMES as usize];
        assert!(marker && (50..=53).contains(&slot), "{slot}");
        assert!(at.as_millis().abs_diff(20 * u128::from(slot)) <= 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_reply_stops_within_a_frame() {
        let (mut player, recorder, _cancel) = start();
        assert!(player.play(REPLY, 0, sound(5_000)));
        tokio::time::sleep(Duration::from_millis(500)).await;
        player.cancel();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let sent = recorder.0.lock().unwrap().len();
        assert!((26..=28 + TAIL_FRAMES as usize).contains(&sent), "{sent}");
        // What follows is not held up by it.
        assert!(player.play(ReplyId(2), 0, sound(20)));
        player.end(ReplyId(2));
        assert_eq!(ended(&mut player).await.reply, ReplyId(2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_ends_when_it_is_told() {
        let sink = (Recorder::default(), Instant::now());
        let cancel = CancellationToken::new();
        let (player, task) = TrackPlayer::new(sink, cancel.clone());
        let task = tokio::spawn(task);
        assert!(player.play(REPLY, 0, sound(5_000)));
        cancel.cancel();
        task.await.unwrap();
        assert!(!player.play(REPLY, 0, sound(20)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_reply_sends_nothing_and_goes_on_where_it_is_told() {
        let (mut player, recorder, _cancel) = start();
        assert!(player.play(REPLY, 0, sound(1_000)));
        player.end(REPLY);
        tokio::time::sleep(Duration::from_millis(300)).await;
        player.hold();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let sent = recorder.0.lock().unwrap().len();
        assert!((15..=17 + TAIL_FRAMES as usize).contains(&sent), "{sent}");
        let held = player.progress().await.unwrap();
        assert!((300..=340).contains(&held.played.as_millis()) && !held.ended, "{held:?}");
        player.resume(Some((0, Duration::from_millis(250))));
        let begun = Instant::now();
        let end = ended(&mut player).await;
        assert_eq!(end.played.as_millis(), 1_000, "nothing is lost");
        let took = begun.elapsed().as_millis();
        assert!((730..=790).contains(&took), "{took}");
    }
}
