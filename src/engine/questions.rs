//! Questions to an end-of-turn model. One that gains from it, on a GPU, is given those together that wait together; and it
//! stops when nobody listens any more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::worker::Worker;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::turn::TurnDetector;

const WHAT: &str = "end-of-turn detection";

/// A model and what waits for it. Clones ask the same one.
#[derive(Clone)]
pub struct Questions {
    worker: Worker<Box<dyn TurnDetector>>,
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting(Mutex<State>);

#[derive(Default)]
struct State {
    next_number: u64,
    /// The oldest first.
    questions: VecDeque<Question>,
}

struct Question {
    number: u64,
    audio: Vec<f32>,
    reply: oneshot::Sender<Result<f32, EngineError>>,
}

/// A place in the queue. Whoever gives up takes their question with them.
struct Place {
    waiting: Arc<Waiting>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.lock().questions.retain(|question| question.number != self.number);
    }
}

impl Questions {
    /// For the models of `worker`.
    pub fn new(worker: Worker<Box<dyn TurnDetector>>) -> Self {
        Self { worker, waiting: Arc::default() }
    }

    /// The probability that the turn that ends with `audio` is complete. Refused at once if too many wait.
    pub async fn ask(&self, audio: Vec<f32>, cancel: &Cancel) -> Result<f32, EngineError> {
        let (reply, answer) = oneshot::channel();
        let place = self.waiting.add(audio, reply);
        let (number, waiting) = (place.number, Arc::clone(&self.waiting));
        let work = move |detector: &mut Box<dyn TurnDetector>| {
            serve(waiting.take(number, detector.together()), &mut **detector);
            Ok(())
        };
        self.worker.run(cancel, work).await?;
        // Answered by that job, or with the question of somebody else.
        tokio::select! {
            answer = answer => answer.unwrap_or_else(|_| {
                Err(EngineError::Failed { what: WHAT, source: "it panicked".into() })
            }),
            () = cancel.cancelled() => Err(EngineError::Cancelled),
        }
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(
        self: &Arc<Self>,
        audio: Vec<f32>,
        reply: oneshot::Sender<Result<f32, EngineError>>,
    ) -> Place {
        let mut state = self.lock();
        let number = state.next_number;
        state.next_number += 1;
        state.questions.push_back(Question { number, audio, reply });
        Place { waiting: Arc::clone(self), number }
    }

    /// Takes a question, if nobody else has, and others that wait.
    fn take(&self, number: u64, most: usize) -> Vec<Question> {
        let mut state = self.lock();
        let own = state.questions.iter().position(|question| question.number == number);
        let Some(own) = own.and_then(|index| state.questions.remove(index)) else {
            return Vec::new();
        };
        let more = state.questions.len().min(most.saturating_sub(1));
        std::iter::once(own).chain(state.questions.drain(..more)).collect()
    }
}

/// Answers questions together, and each by itself where one of them spoils that.
fn serve(mut questions: Vec<Question>, detector: &mut dyn TurnDetector) {
    if questions.is_empty() {
        return;
    }
    let turns: Vec<&[f32]> = questions.iter().map(|question| &*question.audio).collect();
    let stop = || questions.iter().all(|question| question.reply.is_closed());
    match detector.predict_batch(&turns, &stop) {
        Ok(answers) => {
            for (question, answer) in questions.into_iter().zip(answers.into_iter().flatten()) {
                // Nobody may listen any more.
                let _ = question.reply.send(Ok(answer));
            }
        }
        Err(_) if questions.len() > 1 => {
            for question in questions {
                serve(vec![question], detector);
            }
        }
        Err(error) => {
            if let Some(question) = questions.pop() {
                let _ = question.reply.send(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio_util::sync::CancellationToken;

    use super::*;

    /// Answers with the first sample, when it is let; says how many it was given at once.
    struct Slow {
        together: usize,
        gate: mpsc::Receiver<()>,
        given: mpsc::Sender<usize>,
    }

    impl TurnDetector for Slow {
        fn predict(&mut self, _: &[f32]) -> Result<f32, EngineError> {
            panic!("it is asked for batches")
        }

        fn together(&self) -> usize {
            self.together
        }

        fn predict_batch(
            &mut self,
            turns: &[&[f32]],
            stop: &dyn Fn() -> bool,
        ) -> Result<Option<Vec<f32>>, EngineError> {
            self.given.send(turns.len()).unwrap();
            // Only one that is alone waits, so that it is known how often the gate has to be opened.
            while turns.len() == 1 && self.gate.recv_timeout(Duration::from_millis(1)).is_err() {
                if stop() {
                    return Ok(None);
                }
            }
            let answers = turns.iter().map(|turn| turn.first().copied());
            let answers: Option<Vec<f32>> = answers.collect();
            answers.map(Some).ok_or_else(|| EngineError::Input("one is empty".to_owned()))
        }
    }

    fn slow(together: usize) -> (Questions, mpsc::Sender<()>, mpsc::Receiver<usize>) {
        let ((open, gate), (given, sizes)) = (mpsc::channel(), mpsc::channel());
        let detector: Box<dyn TurnDetector> = Box::new(Slow { together, gate, given });
        (Questions::new(Worker::start("slow", vec![detector], 8).unwrap()), open, sizes)
    }

    /// Asks for all of them before one is answered. How many were heard at once, and the answers.
    async fn asked(together: usize, turns: [&[f32]; 4]) -> (Vec<usize>, Vec<Option<f32>>) {
        let (questions, open, sizes) = slow(together);
        let cancel = Cancel::default();
        let mut asking = turns.map(|turn| Box::pin(questions.ask(turn.to_vec(), &cancel)));
        for ask in &mut asking {
            assert!(futures_util::poll!(ask).is_pending());
        }
        for _ in 0..turns.len() {
            open.send(()).unwrap();
        }
        let answers = join_all(asking).await.into_iter().map(Result::ok).collect();
        drop(questions);
        (sizes.try_iter().collect(), answers)
    }

    #[tokio::test]
    async fn what_waits_together_is_heard_together_and_answered_apart() {
        let (questions, open, sizes) = slow(3);
        let cancel = Cancel::default();
        let ask = |value: f32| Box::pin(questions.ask(vec![value], &cancel));
        let mut first = ask(0.1);
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(sizes.recv().unwrap(), 1, "the first is being heard");
        let mut rest = [ask(0.2), ask(0.3), ask(0.4), ask(0.5)];
        for ask in &mut rest {
            assert!(futures_util::poll!(ask).is_pending());
        }
        open.send(()).unwrap();
        open.send(()).unwrap();
        assert_eq!(first.await.ok(), Some(0.1));
        let answers: Vec<f32> = join_all(rest).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [0.2, 0.3, 0.4, 0.5]);
        assert_eq!(sizes.try_iter().collect::<Vec<_>>(), [3, 1]);
    }

    #[tokio::test]
    async fn where_one_spoils_it_the_others_are_answered() {
        let (_, answers) = asked(4, [&[0.1], &[0.2], &[], &[0.4]]).await;
        assert_eq!(answers, [Some(0.1), Some(0.2), None, Some(0.4)]);
    }

    #[tokio::test]
    async fn a_model_that_gains_nothing_hears_one_at_a_time() {
        let (sizes, answers) = asked(1, [&[0.1], &[0.2], &[0.3], &[0.4]]).await;
        assert_eq!(answers, [Some(0.1), Some(0.2), Some(0.3), Some(0.4)]);
        assert!(sizes.iter().all(|size| *size == 1), "{sizes:?}");
    }

    #[tokio::test]
    async fn who_gives_up_is_not_heard() {
        let (questions, open, sizes) = slow(4);
        let cancel = Cancel::default();
        let mut first = Box::pin(questions.ask(vec![0.1], &cancel));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(sizes.recv().unwrap(), 1);
        let token = CancellationToken::new();
        let given_up = Cancel::new(token.clone());
        let mut second = Box::pin(questions.ask(vec![0.2], &given_up));
        let mut third = Box::pin(questions.ask(vec![0.3], &cancel));
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(futures_util::poll!(&mut third).is_pending());
        token.cancel();
        assert!(matches!(second.await, Err(EngineError::Cancelled)));
        assert_eq!(questions.waiting.lock().questions.len(), 1);
        open.send(()).unwrap();
        open.send(()).unwrap();
        assert_eq!((first.await.unwrap(), third.await.unwrap()), (0.1, 0.3));
        assert_eq!(sizes.try_iter().collect::<Vec<_>>(), [1]);
    }

    #[tokio::test]
    async fn who_gives_up_while_it_is_heard_makes_room() {
        let (questions, open, sizes) = slow(4);
        let token = CancellationToken::new();
        let given_up = Cancel::new(token.clone());
        let mut first = Box::pin(questions.ask(vec![0.1], &given_up));
        assert!(futures_util::poll!(&mut first).is_pending());
        assert_eq!(sizes.recv().unwrap(), 1);
        token.cancel();
        assert!(matches!(first.await, Err(EngineError::Cancelled)));
        let cancel = Cancel::default();
        let mut second = Box::pin(questions.ask(vec![0.2], &cancel));
        assert!(futures_util::poll!(&mut second).is_pending());
        // It began although the gate was never opened for the first.
        assert_eq!(sizes.recv().unwrap(), 1);
        open.send(()).unwrap();
        assert_eq!(second.await.ok(), Some(0.2));
    }
}
