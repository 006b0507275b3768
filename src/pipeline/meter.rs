//! What calls and their engines tell of their work, in numbers, to whoever counts it. They do not know who that is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::failure::EngineError;
use super::frame::MIC_RATE_HZ;
use super::load;
use super::network::Arrivals;
use super::stt::Urgency;

/// How often a call tells what came of its sound.
pub const HEARD_EVERY: Duration = Duration::from_secs(1);

/// What an engine is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Whether a turn is over.
    EndOfTurn,
    /// The words of somebody in a call who has finished.
    Final,
    /// The words of a recording.
    Recording,
    /// Captions of somebody who is still speaking.
    Interim,
    /// Speech.
    Speech,
}

impl From<Urgency> for Work {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Interim => Self::Interim,
            Urgency::Recording => Self::Recording,
            Urgency::Final => Self::Final,
        }
    }
}

/// What is left undone so that the rest stays good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shed {
    /// Captions.
    Interim,
    /// An answer that would have been begun before the turn is over.
    Eager,
    /// A new call.
    Call,
}

impl From<load::Shed> for Shed {
    fn from(shed: load::Shed) -> Self {
        match shed {
            load::Shed::Interim => Self::Interim,
            load::Shed::Eager => Self::Eager,
        }
    }
}

/// What came of a call's sound since this was told last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heard {
    /// Packets that came.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came too late, or twice.
    pub late: u64,
    /// Packets that could not be decoded.
    pub broken: u64,
    /// Pieces of sound that were thrown away because the call was behind.
    pub dropped: u64,
    /// Sound that was made up for what was lost.
    pub concealed: Duration,
    /// How unevenly packets come now.
    pub jitter: Duration,
}

/// Whoever counts. It is told by calls' tasks and engines' threads, so it must not block.
pub trait Meter: Send + Sync {
    /// About once a second of each call with packets, and at its end.
    fn heard(&self, heard: &Heard);
    /// A frame of a call's sound took so long, from the arrival of the packet that completed it to the decision about it.
    fn handled(&self, took: Duration);
    /// A job has waited so long for its engine, which begins now.
    fn waited(&self, work: Work, waited: Duration);
    /// An engine has worked so long, on so much sound if it came to an end with it.
    fn worked(&self, work: Work, took: Duration, audio: Option<Duration>);
    /// A job is over: `ok`, or the code of [`EngineError`].
    fn ended(&self, work: Work, outcome: &'static str);
    /// Something was left undone.
    fn shed(&self, what: Shed);
}

/// The way to a meter. By default there is none, and nothing is counted.
#[derive(Clone, Default)]
pub struct Metered(Option<Arc<dyn Meter>>);

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Metered" } else { "Metered(by nobody)" })
    }
}

impl Metered {
    /// Tells this one.
    pub fn by(meter: Arc<dyn Meter>) -> Self {
        Self(Some(meter))
    }

    /// Tells it something, if there is one.
    pub fn tell(&self, tell: impl FnOnce(&dyn Meter)) {
        if let Some(meter) = &self.0 {
            tell(&**meter);
        }
    }

    /// A job that is handed over now.
    pub fn job(&self, work: Work) -> Job {
        Job { meter: self.clone(), work, outcome: "cancelled" }
    }
}

/// A job of an engine, seen from whoever waits for its result. Dropped without one, it was cancelled.
pub struct Job {
    meter: Metered,
    work: Work,
    outcome: &'static str,
}

impl Job {
    /// It is over with this result.
    pub fn ended<T>(mut self, result: &Result<T, EngineError>) {
        self.outcome = result.as_ref().map_or_else(EngineError::code, |_| "ok");
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.meter.tell(|meter| meter.ended(self.work, self.outcome));
    }
}

/// What a call has told of its sound, so that it tells the rest.
#[derive(Debug, Default)]
pub(super) struct Telling {
    told: Heard,
    next: Duration,
}

impl Telling {
    /// Whether it is time to tell.
    pub fn is_due(&self, now: Duration) -> bool {
        now >= self.next
    }

    /// What is new since the last time.
    pub fn news(&mut self, all: &Heard, now: Duration) -> Heard {
        self.next = now + HEARD_EVERY;
        let told = std::mem::replace(&mut self.told, *all);
        Heard {
            received: all.received.saturating_sub(told.received),
            lost: all.lost.saturating_sub(told.lost),
            late: all.late.saturating_sub(told.late),
            broken: all.broken.saturating_sub(told.broken),
            dropped: all.dropped.saturating_sub(told.dropped),
            concealed: all.concealed.saturating_sub(told.concealed),
            jitter: all.jitter,
        }
    }
}

impl From<Arrivals> for Heard {
    fn from(Arrivals { stats, jitter, broken, dropped }: Arrivals) -> Self {
        Self {
            received: stats.received,
            lost: stats.lost,
            late: stats.late,
            broken,
            dropped,
            concealed: Duration::from_micros(stats.concealed_ticks * 1_000 / 48),
            jitter,
        }
    }
}

/// How long so many samples of the microphone last.
pub fn duration(samples: usize) -> Duration {
    Duration::from_secs_f64(samples as f64 / f64::from(MIC_RATE_HZ))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Notes(Mutex<Vec<&'static str>>);

    impl Meter for Notes {
        fn heard(&self, _: &Heard) {}
        fn handled(&self, _: Duration) {}
        fn waited(&self, _: Work, _: Duration) {}
        fn worked(&self, _: Work, _: Duration, _: Option<Duration>) {}
        fn ended(&self, _: Work, outcome: &'static str) {
            self.0.lock().unwrap().push(outcome);
        }
        fn shed(&self, _: Shed) {}
    }

    #[test]
    fn every_job_ends_once() {
        let notes = Arc::new(Notes::default());
        let metered = Metered::by(Arc::clone(&notes) as Arc<dyn Meter>);
        metered.job(Work::Speech).ended(&Ok(()));
        metered.job(Work::Speech).ended(&Err::<(), _>(EngineError::Timeout("it")));
        drop(metered.job(Work::Speech));
        Metered::default().job(Work::Speech).ended(&Ok(()));
        assert_eq!(*notes.0.lock().unwrap(), ["ok", "engine_timeout", "cancelled"]);
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let second = Duration::from_secs(1);
        let mut telling = Telling::default();
        let all = Heard { received: 50, lost: 2, concealed: second, ..Heard::default() };
        assert!(telling.is_due(Duration::ZERO));
        assert_eq!(telling.news(&all, second), all);
        assert!(!telling.is_due(second + HEARD_EVERY / 2) && telling.is_due(second + HEARD_EVERY));
        let more = Heard { received: 90, dropped: 1, ..all };
        let news = Heard { received: 40, dropped: 1, ..Heard::default() };
        assert_eq!(telling.news(&more, second * 2), news);
    }
}
