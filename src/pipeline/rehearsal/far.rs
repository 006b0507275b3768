//! The other end of a rehearsed call: what comes out of the person's loudspeaker, and what the server is told of it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::pipeline::codec::opus::SPEECH_FRAME;
use crate::pipeline::conversation::ReplyId;
use crate::pipeline::playout::Progress;
use crate::pipeline::playout::track::queue::{Command, Queue};

/// How often the page tells how far it is.
const REPORT: Duration = Duration::from_millis(200);

/// How a reply is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The server paces a track: what it is told takes effect at once, and is heard after the network's delay.
    Track,
    /// The page plays chunks: it is told after the network's delay, and its reports take as long.
    Blobs,
}

/// See the module.
pub(super) struct Far {
    output: Output,
    delay: Duration,
    queue: Queue,
    on_their_way: VecDeque<(Duration, Command)>,
    /// Samples, from the beginning of the call on, as they leave the loudspeaker.
    heard: Vec<f32>,
    audible: HashMap<ReplyId, (u32, Duration)>,
    /// When the page reports next.
    reports_at: Duration,
}

impl Far {
    pub(super) fn new(output: Output, delay: Duration) -> Self {
        let lead = delay.as_micros() as usize * 24 / 1_000;
        Self {
            output,
            delay,
            queue: Queue::default(),
            on_their_way: VecDeque::new(),
            heard: match output {
                Output::Track => vec![0.0; lead],
                Output::Blobs => Vec::new(),
            },
            audible: HashMap::new(),
            reports_at: Duration::ZERO,
        }
    }

    /// The server says this to whatever plays.
    pub(super) fn send(&mut self, command: Command, now: Duration) {
        match self.output {
            Output::Track => self.queue.take(command),
            Output::Blobs => self.on_their_way.push_back((now + self.delay, command)),
        }
    }

    /// How long a report takes to the server.
    pub(super) fn report_delay(&self) -> Duration {
        match self.output {
            Output::Track => Duration::ZERO,
            Output::Blobs => self.delay,
        }
    }

    /// Plays up to `now`.
    pub(super) fn step(&mut self, now: Duration) -> Option<Progress> {
        while let Some((_, command)) = self.on_their_way.pop_front_if(|(at, _)| *at <= now) {
            self.queue.take(command);
        }
        let (frame, progress) = self.queue.next();
        let frame = frame.unwrap_or([0.0; SPEECH_FRAME]);
        if let Some((reply, clause, played)) = self.queue.position()
            && frame.iter().any(|sample| sample.abs() > 1e-3)
        {
            let furthest = self.audible.entry(reply).or_insert((clause, played));
            *furthest = (*furthest).max((clause, played));
        }
        self.heard.extend(frame);
        let progress = progress?;
        // The page tells the beginning and the end of each chunk, and now and then how far it is.
        let often = self.output == Output::Track || progress.ended || self.queue.is_held();
        if often || now >= self.reports_at {
            self.reports_at = now + REPORT;
            return Some(progress);
        }
        None
    }

    pub(super) fn heard(&self) -> &[f32] {
        &self.heard
    }

    pub(super) fn audible(&self, reply: ReplyId) -> Option<(u32, Duration)> {
        self.audible.get(&reply).copied()
    }
}
