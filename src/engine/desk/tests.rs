#![expect(clippy::disallowed_methods, reason = "a test joins its tasks")]

use std::sync::mpsc as blocking;

use super::*;
use crate::pipeline::stt::Utterance;
use crate::pipeline::text::Text;

/// Tells when it begins, and goes on when it is let.
struct Stepped {
    begun: blocking::Sender<String>,
    go_on: blocking::Receiver<()>,
}

impl SpeechToText for Stepped {
    fn transcribe(
        &mut self,
        utterance: Utterance<'_>,
        cancel: &Cancel,
    ) -> Result<Transcript, EngineError> {
        let name = utterance.options.prompt.clone();
        assert_ne!(name.as_str(), "panic");
        self.begun.send(name.as_str().to_owned()).unwrap();
        loop {
            if cancel.is_cancelled() {
                return Err(EngineError::Cancelled);
            }
            if self.go_on.recv_timeout(Duration::from_millis(1)).is_ok() {
                let rejection = (name.as_str() == "nothing").then_some(Rejection::NoSpeech);
                return Ok(Transcript { text: name, rejection, ..Transcript::default() });
            }
        }
    }
}

struct Scene {
    desk: Desk,
    begun: blocking::Receiver<String>,
    go_on: blocking::Sender<()>,
}

type Task = tokio::task::JoinHandle<Result<Transcript, EngineError>>;

impl Scene {
    fn new(capacity: usize) -> Self {
        let (begun, names) = blocking::channel();
        let (go_on, steps) = blocking::channel();
        let desk = Desk::start(vec![Box::new(Stepped { begun, go_on: steps })], capacity).unwrap();
        Self { desk, begun: names, go_on }
    }

    /// Hands in a job, and comes back when it is in the queue or with the engine.
    async fn submit(&self, name: &'static str, urgency: Urgency, cancel: &Cancel) -> Task {
        let (desk, cancel) = (self.desk.clone(), cancel.clone());
        let options = Options { urgency, prompt: Text::from(name), ..Options::default() };
        let mut work = Box::pin(async move {
            desk.recognise(vec![0.0], options, &cancel, &Metered::default()).await
        });
        match futures_util::poll!(&mut work) {
            std::task::Poll::Ready(result) => tokio::spawn(async move { result }),
            std::task::Poll::Pending => tokio::spawn(work),
        }
    }

    fn begun(&self) -> String {
        self.begun.recv_timeout(Duration::from_secs(5)).unwrap()
    }

    async fn finish(&self, task: Task) -> String {
        self.go_on.send(()).unwrap();
        task.await.unwrap().unwrap().text.into_string()
    }
}

#[tokio::test]
async fn the_most_urgent_goes_first_and_an_interim_gives_way() {
    let scene = Scene::new(8);
    let cancel = Cancel::default();
    let interim = scene.submit("interim", Urgency::Interim, &cancel).await;
    assert_eq!(scene.begun(), "interim");
    let last = scene.submit("final", Urgency::Final, &cancel).await;
    assert!(matches!(interim.await.unwrap(), Err(EngineError::Overloaded(_))));
    assert_eq!(scene.begun(), "final");
    let recording = scene.submit("recording", Urgency::Recording, &cancel).await;
    let second = scene.submit("second final", Urgency::Final, &cancel).await;
    assert_eq!(scene.finish(last).await, "final");
    assert_eq!(scene.begun(), "second final");
    assert_eq!(scene.finish(second).await, "second final");
    assert_eq!(scene.begun(), "recording");
    assert_eq!(scene.finish(recording).await, "recording");
    let counts = scene.desk.counts();
    assert_eq!((counts.recognised, counts.interrupted, counts.failed), (3, 1, 0));
}

#[tokio::test]
async fn an_interrupted_recording_begins_again() {
    let scene = Scene::new(8);
    let cancel = Cancel::default();
    let recording = scene.submit("recording", Urgency::Recording, &cancel).await;
    assert_eq!(scene.begun(), "recording");
    let last = scene.submit("final", Urgency::Final, &cancel).await;
    assert_eq!(scene.begun(), "final");
    assert_eq!(scene.finish(last).await, "final");
    assert_eq!(scene.begun(), "recording");
    assert_eq!(scene.finish(recording).await, "recording");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_captions_are_not_made_by_whoever_is_behind() {
    let scene = Scene::new(1);
    let cancel = Cancel::default();
    let first = scene.submit("first", Urgency::Final, &cancel).await;
    assert_eq!(scene.begun(), "first");
    assert_eq!(scene.desk.longest_wait(), Duration::ZERO, "it is being done");
    let second = scene.submit("second", Urgency::Final, &cancel).await;
    let third = scene.submit("third", Urgency::Final, &cancel).await;
    let interim = scene.submit("interim", Urgency::Interim, &cancel).await;
    for refused in [third, interim] {
        assert!(matches!(refused.await.unwrap(), Err(EngineError::Overloaded("recognition"))));
    }
    assert_eq!(scene.desk.counts().refused, 2);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(scene.desk.longest_wait() >= Duration::from_millis(5));
    scene.finish(first).await;
    scene.finish(second).await;
}

#[tokio::test]
async fn what_is_cancelled_while_it_waits_is_never_begun() {
    let scene = Scene::new(1);
    let first = scene.submit("first", Urgency::Final, &Cancel::default()).await;
    assert_eq!(scene.begun(), "first");
    let token = CancellationToken::new();
    let given_up = scene.submit("given up", Urgency::Final, &Cancel::new(token.clone())).await;
    token.cancel();
    assert!(matches!(given_up.await.unwrap(), Err(EngineError::Cancelled)));
    // Its place is free again.
    let third = scene.submit("third", Urgency::Final, &Cancel::default()).await;
    scene.finish(first).await;
    assert_eq!(scene.begun(), "third");
    scene.finish(third).await;
}

#[tokio::test]
async fn a_panic_fails_its_job_and_nothing_else() {
    let scene = Scene::new(4);
    let cancel = Cancel::default();
    let panicked = scene.submit("panic", Urgency::Final, &cancel).await;
    assert!(matches!(panicked.await.unwrap(), Err(EngineError::Failed { .. })));
    let next = scene.submit("nothing", Urgency::Final, &cancel).await;
    scene.finish(next).await;
    let counts = scene.desk.counts();
    assert_eq!((counts.recognised, counts.failed), (1, 1));
    let no_speech = Rejection::ALL.iter().position(|r| *r == Rejection::NoSpeech).unwrap();
    assert_eq!(counts.rejected[no_speech], 1);
}

#[tokio::test]
async fn engines_end_with_the_last_handle() {
    let Scene { desk, begun, .. } = Scene::new(4);
    let other = desk.clone();
    drop(desk);
    assert_eq!(
        begun.recv_timeout(Duration::from_millis(20)),
        Err(blocking::RecvTimeoutError::Timeout)
    );
    drop(other);
    // The engine is dropped with its thread, and with it its end of the channel.
    let gone = begun.recv_timeout(Duration::from_secs(5));
    assert_eq!(gone, Err(blocking::RecvTimeoutError::Disconnected));
}
