//! A model that refuses, hangs or is gone: the person is told, and the next turn works.

use std::time::{Duration, Instant};

use sotto::client::{HangUp, Recording};
use sotto::config::Secret;

use super::model_server::{Answer, ModelServer};
use super::stage::{SOON, answer, failure, is, talks_to};
use crate::support::fakes::voice_like;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_and_the_next_turn_works() {
    let refusals = [
        (401, "Incorrect API key provided: sesame-sesame"),
        (404, "The model `chatty:7b` does not exist"),
        (429, "Rate limit reached"),
        (500, "out of memory"),
    ];
    let mut answers: Vec<_> =
        refusals.iter().map(|(status, words)| Answer::Refuses(*status, words)).collect();
    answers.push(Answer::says("Here I am again."));
    let model = ModelServer::start(answers).await;
    let (server, said) = talks_to(&model, |config| {
        config.llm.api_key = Secret::new("sesame-sesame");
    })
    .await;
    let mut call = server.call().await;
    for (status, words) in refusals {
        let (code, message) = failure(&answer(&mut call, "Are you there?").await);
        assert_eq!(code, "llm_refused");
        assert!(message.contains(&status.to_string()), "{message}");
        assert!(message.contains(&words[..12]) && !message.contains("sesame"), "{message}");
    }
    // Spoken this time: the ear was not hurt either.
    call.say(Recording::new(voice_like(700))).await;
    assert_eq!(call.turns(0).last().unwrap().reply_text.trim(), "Here I am again.");
    assert_eq!(*said.lock().unwrap(), ["Here I am again."]);
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_hangs_is_given_up_in_time() {
    let answers = vec![
        Answer::Hangs,
        Answer::Stalls(Vec::new()),
        Answer::Stalls(vec!["This much came. "]),
        Answer::says("Sorry."),
    ];
    let model = ModelServer::start(answers).await;
    let (server, said) = talks_to(&model, |config| {
        config.llm.first_token_timeout_ms = 300;
        config.llm.idle_timeout_ms = 400;
    })
    .await;
    let mut call = server.call().await;
    let begun = Instant::now();
    for expected in ["no first token within 300 ms", "no first token within 300 ms"] {
        let (code, message) = failure(&answer(&mut call, "Are you there?").await);
        assert_eq!(code, "llm_timeout");
        assert!(message.contains(expected), "{message}");
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "two of 300 ms");
    // What was said before the model fell silent is heard, and the failure is told.
    let (code, message) = failure(&answer(&mut call, "Go on.").await);
    assert_eq!(code, "llm_timeout");
    assert!(message.contains("no further token within 400 ms"), "{message}");
    assert_eq!(*said.lock().unwrap(), ["This much came."]);
    call.wait_until(SOON, is("output_audio_buffer.stopped")).await.unwrap();
    assert_eq!(answer(&mut call, "And now?").await["status"], "completed");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_gone_is_told_without_its_address() {
    let model = ModelServer::start(vec![Answer::says("Hello.")]).await;
    let (server, _) = talks_to(&model, |_| {}).await;
    let mut call = server.call().await;
    assert_eq!(answer(&mut call, "Are you there?").await["status"], "completed");
    call.wait_until(SOON, is("output_audio_buffer.stopped")).await.unwrap();
    let address = model.address;
    model.stop().await;
    // The connection that was kept may be found broken first.
    let mut last = (String::new(), String::new());
    for _ in 0..2 {
        last = failure(&answer(&mut call, "Are you still there?").await);
    }
    assert_eq!(last.0, "llm_unreachable");
    assert!(last.1.contains("cannot be reached"), "{}", last.1);
    assert!(!last.1.contains(&address.port().to_string()), "{}", last.1);
    call.hang_up(HangUp::Close).await.unwrap();
}
