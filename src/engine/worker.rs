//! The one place with threads of our own: heavy work leaves the async runtime here.
//!
//! A worker owns engines, one a thread, and a bounded queue. A job waits its turn; when the queue is full it
//! is refused at once, and when nobody waits for its result any more it is skipped. A panic inside an engine
//! fails its job, not the worker.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;

type Job<E> = Box<dyn FnOnce(&mut E) + Send>;

/// A handle to the threads. When the last one is dropped, they finish what they do and end.
pub struct Worker<E> {
    name: &'static str,
    width: usize,
    queue: mpsc::Sender<Job<E>>,
    waiting: Waiting,
}

/// Whether anybody notices when a job is begun late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Somebody in a call hears nothing until it is done.
    Now,
    /// It is done ahead of time, or for nobody in a call.
    Later,
}

/// The jobs that nobody has begun, the oldest first.
#[derive(Clone, Default)]
struct Waiting(Arc<Mutex<VecDeque<Waiter>>>);

struct Waiter {
    since: Instant,
    awaited: Awaited,
    cancel: Cancel,
}

impl<E> Clone for Worker<E> {
    fn clone(&self) -> Self {
        let (queue, waiting) = (self.queue.clone(), self.waiting.clone());
        Self { name: self.name, width: self.width, queue, waiting }
    }
}

impl<E: Send + 'static> Worker<E> {
    /// Starts a thread for each engine; `waiting` jobs may wait.
    pub fn start(name: &'static str, engines: Vec<E>, waiting: usize) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(waiting.max(1));
        let jobs = Arc::new(Mutex::new(jobs));
        let (width, waiting) = (engines.len(), Waiting::default());
        for engine in engines {
            let (jobs, waiting) = (Arc::clone(&jobs), waiting.clone());
            thread(name, move || run_jobs(name, engine, &jobs, &waiting))?;
        }
        Ok(Self { name, width, queue, waiting })
    }

    /// Jobs that run at once.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Jobs that wait, and that may.
    pub fn waiting(&self) -> (usize, usize) {
        let limit = self.queue.max_capacity();
        (limit - self.queue.capacity(), limit)
    }

    /// How long the job that somebody waits for longest has been waiting to be begun.
    pub fn longest_wait(&self) -> Duration {
        let noticed =
            |waiter: &&Waiter| waiter.awaited == Awaited::Now && !waiter.cancel.is_cancelled();
        self.waiting.lock().iter().find(noticed).map_or(Duration::ZERO, |w| w.since.elapsed())
    }

    /// Runs `work` on the next free thread.
    ///
    /// Dropping the future, or cancelling, gives the result up; work that has begun sees `cancel` only if it
    /// looks.
    pub async fn run<T: Send + 'static>(
        &self,
        cancel: &Cancel,
        awaited: Awaited,
        work: impl FnOnce(&mut E) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (reply, result) = oneshot::channel();
        let given_up = cancel.clone();
        let job: Job<E> = Box::new(move |engine| {
            if !given_up.is_cancelled() && !reply.is_closed() {
                // Nobody listening is the same as being cancelled.
                let _ = reply.send(work(engine));
            }
        });
        let waiter = Waiter { since: Instant::now(), awaited, cancel: cancel.clone() };
        self.waiting.add(waiter, || self.queue.try_send(job).is_ok(), self.name)?;
        outcome(self.name, result, cancel).await
    }
}

/// What a job came to. Engines answer every job but those that were cancelled, unless they panic.
pub(super) async fn outcome<T>(
    name: &'static str,
    result: oneshot::Receiver<Result<T, EngineError>>,
    cancel: &Cancel,
) -> Result<T, EngineError> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::Cancelled),
        result = result => match result {
            Ok(result) => result,
            Err(_) if cancel.is_cancelled() => Err(EngineError::Cancelled),
            Err(_) => Err(EngineError::Failed { what: name, source: "it panicked".into() }),
        },
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a job in. Whoever begins it waits until that is noted.
    fn add(
        &self,
        waiter: Waiter,
        hand_in: impl FnOnce() -> bool,
        name: &'static str,
    ) -> Result<(), EngineError> {
        let mut waiting = self.lock();
        if !hand_in() {
            return Err(EngineError::Overloaded(name));
        }
        waiting.push_back(waiter);
        Ok(())
    }
}

/// Starts a thread of an engine.
pub(super) fn thread(name: &'static str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

fn run_jobs<E>(
    name: &'static str,
    mut engine: E,
    jobs: &Mutex<mpsc::Receiver<Job<E>>>,
    waiting: &Waiting,
) {
    loop {
        // One idle thread waits for the channel, the others for it.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = job else { return };
        waiting.lock().pop_front();
        // Engines keep no state between jobs that a panic could leave half changed.
        if catch_unwind(AssertUnwindSafe(|| job(&mut engine))).is_err() {
            tracing::error!(engine = name, "engine panicked; its job has failed");
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test joins its tasks")]

    use std::sync::mpsc as blocking;
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn work_is_done_and_its_result_comes_back() {
        let worker = Worker::start("counter", vec![0], 4).unwrap();
        for expected in 1..=3 {
            let result = worker
                .run(&Cancel::default(), Awaited::Now, |count| {
                    *count += 1;
                    Ok(*count)
                })
                .await;
            assert_eq!(result.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let worker = Worker::start("slow", vec![()], 1).unwrap();
        let (release, gate) = blocking::channel::<()>();
        let (begun, started) = oneshot::channel();
        let busy = worker.clone();
        let first = tokio::spawn(async move {
            busy.run(&Cancel::default(), Awaited::Now, move |()| {
                begun.send(()).unwrap();
                let _: () = gate.recv().unwrap();
                Ok(())
            })
            .await
        });
        started.await.unwrap();
        let waiting = worker.clone();
        let given_up = CancellationToken::new();
        let cancel = Cancel::new(given_up.clone());
        let mut second = Box::pin(waiting.run(&cancel, Awaited::Now, |()| Ok(())));
        assert_eq!(worker.longest_wait(), Duration::ZERO, "the first is being done");
        // Polled once, it is in the queue.
        assert!(futures_util::poll!(&mut second).is_pending());
        std::thread::sleep(Duration::from_millis(5));
        assert!(worker.longest_wait() >= Duration::from_millis(5));
        given_up.cancel();
        assert_eq!(worker.longest_wait(), Duration::ZERO, "nobody waits for it any more");
        let third = worker.run(&Cancel::default(), Awaited::Now, |()| Ok(())).await;
        assert!(matches!(third, Err(EngineError::Overloaded("slow"))));
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        assert!(matches!(second.await, Err(EngineError::Cancelled)));
    }

    #[tokio::test]
    async fn only_what_somebody_notices_counts_as_waiting() {
        let worker = Worker::start("slow", vec![()], 8).unwrap();
        let (release, gate) = blocking::channel::<()>();
        let (begun, started) = oneshot::channel();
        let cancel = Cancel::default();
        let mut first = Box::pin(worker.run(&cancel, Awaited::Now, move |()| {
            begun.send(()).unwrap();
            let _: () = gate.recv().unwrap();
            Ok(())
        }));
        assert!(futures_util::poll!(&mut first).is_pending());
        started.await.unwrap();
        let mut ahead = Box::pin(worker.run(&cancel, Awaited::Later, |()| Ok(())));
        assert!(futures_util::poll!(&mut ahead).is_pending());
        assert_eq!((worker.waiting().0, worker.longest_wait()), (1, Duration::ZERO));
        let mut noticed = Box::pin(worker.run(&cancel, Awaited::Now, |()| Ok(())));
        assert!(futures_util::poll!(&mut noticed).is_pending());
        std::thread::sleep(Duration::from_millis(5));
        assert!(worker.longest_wait() >= Duration::from_millis(5));
        release.send(()).unwrap();
        for result in [first.await, ahead.await, noticed.await] {
            result.unwrap();
        }
        assert_eq!(worker.longest_wait(), Duration::ZERO);
    }

    #[tokio::test]
    async fn cancelled_work_is_skipped() {
        let worker = Worker::start("slow", vec![()], 8).unwrap();
        let (release, gate) = blocking::channel::<()>();
        let busy = worker.clone();
        let first = tokio::spawn(async move {
            busy.run(&Cancel::default(), Awaited::Now, move |()| {
                let _: () = gate.recv().unwrap();
                Ok(())
            })
            .await
        });
        let token = CancellationToken::new();
        let (ran, done) = blocking::channel();
        let cancelled = Cancel::new(token.clone());
        let second = worker.run(&cancelled, Awaited::Now, move |()| {
            let _: () = ran.send(()).unwrap();
            Ok(())
        });
        token.cancel();
        assert!(matches!(second.await, Err(EngineError::Cancelled)));
        release.send(()).unwrap();
        first.await.unwrap().unwrap();
        worker.run(&Cancel::default(), Awaited::Now, |()| Ok(())).await.unwrap();
        assert!(done.recv_timeout(Duration::from_millis(10)).is_err(), "it never ran");
    }

    #[tokio::test]
    async fn a_panic_fails_its_job_and_nothing_else() {
        let worker = Worker::start("shaky", vec![()], 4).unwrap();
        let result =
            worker.run::<()>(&Cancel::default(), Awaited::Now, |()| panic!("as planned")).await;
        assert!(matches!(result, Err(EngineError::Failed { what: "shaky", .. })));
        worker.run(&Cancel::default(), Awaited::Now, |()| Ok(())).await.unwrap();
    }
}
