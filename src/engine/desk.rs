//! The queue before recognition: who waits in a call goes first, captions go last.
//!
//! Engines take the most urgent job. One that works on a single utterance at a time is interrupted for a final:
//! an interim is given up, a recording waits and begins again. A full queue refuses at once, and what has waited
//! too long is answered with that, not done late.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{self, Duration};

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::worker::{outcome, thread};
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::meter::{Metered, Shed, duration};
use crate::pipeline::stt::{Job, Options, Queue, Rejection, SpeechToText, Transcript, Urgency};
use crate::pipeline::took::Took;

const NAME: &str = "recognition";
/// A recording that was interrupted so often is no longer.
const INTERRUPTIONS: u32 = 3;

/// What happened to utterances since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Recognised.
    pub recognised: u64,
    /// Not taken, because too much was waiting.
    pub refused: u64,
    /// Waited too long.
    pub expired: u64,
    /// Interims given up, and recordings interrupted, for something more urgent.
    pub interrupted: u64,
    /// Failed.
    pub failed: u64,
    /// Without words because these were doubtful, in the order of [`Rejection::ALL`].
    pub rejected: [u64; Rejection::ALL.len()],
}

/// A handle to the queue. When the last one is dropped, engines finish what they do and end.
pub struct Desk(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ready: Condvar,
    /// Jobs of one urgency that may wait.
    capacity: usize,
}

#[derive(Default)]
struct State {
    /// By urgency, the oldest first.
    waiting: [VecDeque<Waiting>; 3],
    running: Vec<Running>,
    next_number: u64,
    /// Utterances that all engines together can work on.
    width: usize,
    /// Handles that can still bring jobs.
    handles: usize,
    counts: Counts,
}

struct Waiting {
    audio: Arc<Vec<f32>>,
    options: Options,
    cancel: Cancel,
    asked: time::Instant,
    expires: Instant,
    interruptions: u32,
    meter: Metered,
    reply: oneshot::Sender<Result<Transcript, EngineError>>,
}

struct Running {
    number: u64,
    urgency: Urgency,
    /// Ends the job for something more urgent; `None` if nothing may.
    interrupt: Option<CancellationToken>,
}

impl Desk {
    /// Starts a thread for each engine; `capacity` jobs of one urgency may wait.
    pub fn start(engines: Vec<Box<dyn SpeechToText>>, capacity: usize) -> io::Result<Self> {
        let width = engines.iter().map(|engine| engine.width()).sum();
        let state = State { width, handles: 1, ..State::default() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            ready: Condvar::new(),
            capacity: capacity.max(1),
        });
        for mut engine in engines {
            let mut queue = Seat { shared: Arc::clone(&shared), alone: engine.width() == 1 };
            thread(NAME, move || {
                // Engines keep no state between jobs that a panic could leave half changed.
                while catch_unwind(AssertUnwindSafe(|| engine.serve(&mut queue))).is_err() {
                    tracing::error!(engine = NAME, "engine panicked; its jobs have failed");
                }
            })?;
        }
        Ok(Self(shared))
    }

    /// What happened to utterances since the start.
    pub fn counts(&self) -> Counts {
        self.0.lock().counts.clone()
    }

    /// How long the utterance that somebody in a call waits for longest has been waiting.
    pub fn longest_wait(&self) -> Duration {
        let state = self.0.lock();
        let finals = &state.waiting[Urgency::Final as usize];
        let oldest = finals.iter().find(|waiting| !waiting.is_given_up());
        oldest.map_or(Duration::ZERO, |waiting| waiting.asked.elapsed())
    }

    /// Utterances that all engines together work on side by side.
    pub fn width(&self) -> usize {
        self.0.lock().width
    }

    /// Utterances that wait, by urgency.
    pub fn waiting(&self) -> [usize; 3] {
        let state = self.0.lock();
        [0, 1, 2].map(|lane| state.waiting[lane].iter().filter(|job| !job.is_given_up()).count())
    }

    /// Utterances of one urgency that may wait.
    pub fn capacity(&self) -> usize {
        self.0.capacity
    }

    /// Recognises one utterance, and tells `meter` of it. Dropping the future, or cancelling, gives the result up.
    pub async fn recognise(
        &self,
        audio: Vec<f32>,
        options: Options,
        cancel: &Cancel,
        meter: &Metered,
    ) -> Result<Transcript, EngineError> {
        let (reply, result) = oneshot::channel();
        let expires = Instant::now() + patience(options.urgency);
        let (audio, cancel, asked) = (Arc::new(audio), cancel.clone(), time::Instant::now());
        let given_up = cancel.clone();
        let meter = meter.clone();
        let waiting =
            Waiting { audio, options, cancel, asked, expires, interruptions: 0, meter, reply };
        self.0.submit(waiting)?;
        outcome(NAME, result, &given_up).await
    }
}

impl Clone for Desk {
    fn clone(&self) -> Self {
        self.0.lock().handles += 1;
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.0.lock().handles -= 1;
        self.0.ready.notify_all();
    }
}

/// How long a job may wait before it begins: after that its result would come too late to be of use.
fn patience(urgency: Urgency) -> Duration {
    match urgency {
        Urgency::Interim => Duration::from_millis(500),
        Urgency::Recording => Duration::from_mins(1),
        Urgency::Final => Duration::from_secs(10),
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, job: Waiting) -> Result<(), EngineError> {
        let mut state = self.lock();
        let urgency = job.options.urgency;
        // Whoever is behind makes no captions.
        let behind = urgency == Urgency::Interim
            && state.waiting[Urgency::Recording as usize..].iter().any(|lane| !lane.is_empty());
        let lane = &mut state.waiting[urgency as usize];
        lane.retain(|waiting| !waiting.is_given_up());
        if behind || lane.len() >= self.capacity {
            state.counts.refused += 1;
            if urgency == Urgency::Interim {
                job.meter.tell(|meter| meter.shed(Shed::Interim));
            }
            return Err(EngineError::Overloaded(NAME));
        }
        lane.push_back(job);
        if urgency == Urgency::Final && state.running.len() >= state.width {
            state.interrupt();
        }
        drop(state);
        self.ready.notify_one();
        Ok(())
    }

    /// The most urgent job of those that are still wanted.
    fn take(self: &Arc<Self>, state: &mut State, alone: bool) -> Option<Job> {
        let now = Instant::now();
        let mut expired = 0;
        let next = state.waiting.iter_mut().rev().find_map(|lane| {
            loop {
                let job = lane.pop_front()?;
                if job.is_given_up() {
                    continue;
                }
                if job.expires > now {
                    return Some(job);
                }
                expired += 1;
                let _ = job.reply.send(Err(EngineError::Timeout(NAME)));
            }
        });
        state.counts.expired += expired;
        let job = next?;
        let number = state.next_number;
        state.next_number += 1;
        let urgency = job.options.urgency;
        let may_interrupt = alone && urgency < Urgency::Final && job.interruptions < INTERRUPTIONS;
        let token = job.cancel.child_token();
        state.running.push(Running {
            number,
            urgency,
            interrupt: may_interrupt.then(|| token.clone()),
        });
        let (audio, options) = (Arc::clone(&job.audio), job.options.clone());
        let began = time::Instant::now();
        job.meter
            .tell(|meter| meter.waited(urgency.into(), began.saturating_duration_since(job.asked)));
        let held = Held { shared: Arc::clone(self), number, began, job: Some(job) };
        let reply = Box::new(move |result| held.finish(result));
        Some(Job { audio, options, cancel: Cancel::new(token), reply })
    }
}

impl State {
    /// Ends the least urgent of the jobs that may be interrupted.
    fn interrupt(&mut self) {
        let least = self.running.iter_mut().filter(|job| job.interrupt.is_some());
        if let Some(token) =
            least.min_by_key(|job| job.urgency).and_then(|job| job.interrupt.take())
        {
            self.counts.interrupted += 1;
            token.cancel();
        }
    }
}

impl Waiting {
    fn is_given_up(&self) -> bool {
        self.cancel.is_cancelled() || self.reply.is_closed()
    }
}

/// A job that an engine works on. Dropped without a result, it has failed.
struct Held {
    shared: Arc<Shared>,
    number: u64,
    began: time::Instant,
    job: Option<Waiting>,
}

impl Held {
    fn finish(mut self, mut result: Result<Transcript, EngineError>) {
        let Some(mut job) = self.job.take() else { return };
        if let Ok(transcript) = &mut result {
            transcript.took = Took::until_now(job.asked, self.began);
        }
        let work = job.options.urgency.into();
        let audio = result.is_ok().then(|| duration(job.audio.len()));
        job.meter.tell(|meter| meter.worked(work, self.began.elapsed(), audio));
        let mut state = self.shared.lock();
        let interrupted = matches!(result, Err(EngineError::Cancelled)) && !job.is_given_up();
        if interrupted && job.options.urgency == Urgency::Recording {
            job.interruptions += 1;
            job.asked = time::Instant::now();
            state.waiting[Urgency::Recording as usize].push_front(job);
            drop(state);
            self.shared.ready.notify_one();
            return;
        }
        match &result {
            Ok(transcript) => {
                state.counts.recognised += 1;
                let reason = transcript.rejection;
                let place = Rejection::ALL.iter().position(|r| Some(*r) == reason);
                if let Some(place) = place {
                    state.counts.rejected[place] += 1;
                }
            }
            Err(EngineError::Cancelled) => {}
            Err(_) => state.counts.failed += 1,
        }
        drop(state);
        if interrupted {
            job.meter.tell(|meter| meter.shed(Shed::Interim));
        }
        let result = if interrupted { Err(EngineError::Overloaded(NAME)) } else { result };
        // Nobody listening is the same as being cancelled.
        let _ = job.reply.send(result);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.running.retain(|job| job.number != self.number);
        if self.job.is_some() {
            state.counts.failed += 1;
        }
    }
}

/// An engine's place at the desk.
struct Seat {
    shared: Arc<Shared>,
    /// Whether the engine works on one utterance at a time.
    alone: bool,
}

impl Queue for Seat {
    fn next(&mut self) -> Option<Job> {
        let mut state = self.shared.lock();
        loop {
            if let Some(job) = self.shared.take(&mut state, self.alone) {
                return Some(job);
            }
            if state.handles == 0 {
                return None;
            }
            state = self.shared.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn poll(&mut self) -> Option<Job> {
        self.shared.take(&mut self.shared.lock(), self.alone)
    }
}

#[cfg(test)]
mod tests;
