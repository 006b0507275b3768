//! Questions to an end-of-turn model. One that gains from it, on a GPU, is given those together that wait together; and it
//! stops when nobody listens any more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::worker::{Awaited, Worker, outcome};
use crate::engine;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::failure::EngineError;
use crate::pipeline::meter::{Metered, Work, duration};
use crate::pipeline::took::Took;
use crate::pipeline::turn::TurnDetector;

const WHAT: &str = "end-of-turn detection";

/// A model and what waits for it. Clones ask the same one.
#[derive(Clone)]
pub struct Questions {
    worker: Worker<Box<dyn TurnDetector>>,
    waiting: Arc<Waiting>,
    meter: Metered,
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
    asked: Instant,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<Answer, EngineError>>;

/// The answer to a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// That the turn is complete.
    pub probability: f32,
    /// How long the question waited, and how long the model thought.
    pub took: Took,
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
        Self { worker, waiting: Arc::default(), meter: Metered::default() }
    }

    /// Tells `meter` of the questions that are asked here.
    pub fn set_meter(&mut self, meter: &Metered) {
        self.meter = meter.clone();
    }

    /// Questions that wait, and that may.
    pub fn waiting(&self) -> engine::Waiting {
        let (jobs, limit) = self.worker.waiting();
        engine::Waiting { work: Work::EndOfTurn, jobs, limit }
    }

    /// How long the question that has waited longest has been waiting.
    pub fn longest_wait(&self) -> Duration {
        self.worker.longest_wait()
    }

    /// The probability that the turn that ends with `audio` is complete. Refused at once if too many wait.
    pub async fn ask(&self, audio: Vec<f32>, cancel: &Cancel) -> Result<Answer, EngineError> {
        let job = self.meter.job(Work::EndOfTurn);
        let answer = self.answer(audio, cancel).await;
        job.ended(&answer);
        answer
    }

    async fn answer(&self, audio: Vec<f32>, cancel: &Cancel) -> Result<Answer, EngineError> {
        let (reply, answer) = oneshot::channel();
        let place = self.waiting.add(audio, reply);
        let (number, waiting) = (place.number, Arc::clone(&self.waiting));
        let (meter, asked) = (self.meter.clone(), Instant::now());
        let work = move |detector: &mut Box<dyn TurnDetector>| {
            let questions = waiting.take(number, detector.together());
            let sound: usize = questions.iter().map(|question| question.audio.len()).sum();
            let begun = Instant::now();
            // None are left where this one was answered with another.
            if sound > 0 {
                let waited = begun.saturating_duration_since(asked);
                meter.tell(|meter| meter.waited(Work::EndOfTurn, waited));
            }
            serve(questions, &mut **detector);
            if sound > 0 {
                meter.tell(|m| m.worked(Work::EndOfTurn, begun.elapsed(), Some(duration(sound))));
            }
            Ok(())
        };
        self.worker.run(cancel, Awaited::Now, work).await?;
        // Answered by that job, or with the question of somebody else.
        outcome(WHAT, answer, cancel).await
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(self: &Arc<Self>, audio: Vec<f32>, reply: Reply) -> Place {
        let mut state = self.lock();
        let number = state.next_number;
        state.next_number += 1;
        let asked = Instant::now();
        state.questions.push_back(Question { number, audio, asked, reply });
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
    let began = Instant::now();
    let turns: Vec<&[f32]> = questions.iter().map(|question| &*question.audio).collect();
    let stop = || questions.iter().all(|question| question.reply.is_closed());
    match detector.predict_batch(&turns, &stop) {
        Ok(answers) => {
            for (question, probability) in questions.into_iter().zip(answers.into_iter().flatten())
            {
                let took = Took::until_now(question.asked, began);
                // Nobody may listen any more.
                let _ = question.reply.send(Ok(Answer { probability, took }));
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

    fn probability(answer: Result<Answer, EngineError>) -> Option<f32> {
        answer.ok().map(|answer| answer.probability)
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
        let answers = join_all(asking).await.into_iter().map(probability).collect();
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
        // So long the first is thought about, and the others wait.
        let long = Duration::from_millis(5);
        tokio::time::sleep(long).await;
        open.send(()).unwrap();
        open.send(()).unwrap();
        let first = first.await.unwrap();
        assert_eq!(Some(first.probability), Some(0.1));
        assert!(first.took.worked >= long, "{first:?}");
        let answers: Vec<Answer> = join_all(rest).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            answers.iter().map(|answer| answer.probability).collect::<Vec<_>>(),
            [0.2, 0.3, 0.4, 0.5]
        );
        assert!(answers.iter().all(|answer| answer.took.waited >= long), "{answers:?}");
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
        assert_eq!(probability(first.await), Some(0.1));
        assert_eq!(probability(third.await), Some(0.3));
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
        assert_eq!(probability(second.await), Some(0.2));
    }
}
