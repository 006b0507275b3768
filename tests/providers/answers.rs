//! Calls in which a model behind HTTP answers.

use std::time::Duration;

use serde_json::{Value, json};
use sotto::client::{HangUp, Recording};
use sotto::config::Secret;

use super::model_server::{Answer, ModelServer};
use super::stage::{SOON, answer, is, talks_to};
use crate::support::fakes::voice_like;

const MARKED_UP: [&str; 10] = [
    "<th",
    "ink>The person greets me. **Be brief.**</thi",
    "nk>\n\n",
    "## Hello!\n\n**Nice** to ",
    "hear you; see [the _plan_](http://127.0.0.1/plan.html)",
    ":\n\n- one `egg`\n",
    "- two cups 🥚\n\n",
    "| a | b |\n|---|---|\n",
    "```\nboil()\n```\n",
    "Good luck. <thinking>Was that brief?</thinking>",
];

#[tokio::test(flavor = "multi_thread")]
async fn thinking_is_not_heard_and_marks_are_not_spoken() {
    let answers = vec![Answer::Says(MARKED_UP.to_vec(), Duration::from_millis(5))];
    let model = ModelServer::start(answers).await;
    let (server, said) = talks_to(&model, |config| {
        config.llm.api_key = Secret::new("sesame");
        config.llm.temperature = Some(0.5);
        config.llm.max_tokens = 77;
    })
    .await;
    let mut call = server.call().await;
    call.say(Recording::new(voice_like(700))).await;
    let turns = call.turns(0);
    assert_eq!((turns.len(), turns[0].user_text.as_str()), (1, "hello there"));
    let shown = turns[0].reply_text.clone();
    let spoken = said.lock().unwrap().join(" ");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&shown), words(&spoken), "captions are what is spoken");
    for part in ["Hello!", "Nice to hear you", "the plan", "one egg", "two cups", "Good luck."] {
        assert!(spoken.contains(part), "{part} in {spoken}");
    }
    for mark in ["*", "_", "`", "#", "|", "[", "]", "<", ">", "http", "think", "brief", "🥚"] {
        assert!(!spoken.contains(mark), "{mark} in {spoken}");
    }
    assert!(turns[0].first_audio_ms.is_some());
    let request = &model.requests()[0];
    assert_eq!(request["model"], "chatty:7b");
    assert_eq!(request["stream"], true);
    assert_eq!((&request["temperature"], &request["max_tokens"]), (&json!(0.5), &json!(77)));
    assert_eq!(request["messages"][0]["role"], "system");
    assert_eq!(request["messages"][1], json!({ "role": "user", "content": "hello there" }));
    assert_eq!(model.keys(), [Some("Bearer sesame".to_owned())]);
    assert_eq!(model.left(), 0);
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn speaking_over_a_reply_hangs_up_on_the_model() {
    let endless = vec!["And then another thing happened. "; 2_000];
    let endless = Answer::Says(endless, Duration::from_millis(20));
    let model = ModelServer::start(vec![endless, Answer::says("Yes?")]).await;
    let (server, _) = talks_to(&model, |_| {}).await;
    let mut call = server.call().await;
    call.say_only(Recording::new(voice_like(700))).await;
    call.wait_until(SOON, is("output_audio_buffer.started")).await.unwrap();
    assert_eq!(model.left(), 0);
    call.say_only(Recording::new(voice_like(700))).await;
    model.wait_until_left(Duration::from_secs(1)).await;
    // The next turn is answered, and the model knows what was heard of the story.
    call.wait_until(SOON, |event| event["response"]["status"] == "completed").await.unwrap();
    let messages = model.requests()[1]["messages"].clone();
    assert!(messages[2]["content"].as_str().unwrap().starts_with("And then"), "{messages}");
    assert_eq!(messages.as_array().unwrap().len(), 4);
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_hangs_up_on_the_model_too() {
    for writes in [Answer::Hangs, Answer::Stalls(vec!["Well, "])] {
        let model = ModelServer::start(vec![writes]).await;
        let (server, _) = talks_to(&model, |_| {}).await;
        let call = server.call().await;
        super::stage::ask(&call, "Are you there?").await;
        let asked = async {
            while model.requests().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(SOON, asked).await.unwrap();
        call.hang_up(HangUp::Delete).await.unwrap();
        model.wait_until_left(Duration::from_secs(1)).await;
        server.wait_for_quiet(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_given_what_fits_its_context() {
    const LIMIT: usize = 300;
    let model = ModelServer::start(vec![Answer::says("I see.")]).await;
    let (server, _) = talks_to(&model, |config| {
        config.llm.context_tokens = LIMIT;
        config.llm.prompt = "Be brief.".to_owned();
    })
    .await;
    let mut call = server.call().await;
    for number in 0..5 {
        let question = format!("{number}: {}", "many words ".repeat(40));
        assert_eq!(answer(&mut call, &question).await["status"], "completed");
        call.wait_until(SOON, is("output_audio_buffer.stopped")).await.unwrap();
    }
    let requests = model.requests();
    let messages = |request: &Value| request["messages"].as_array().unwrap().clone();
    assert_eq!(messages(&requests[1]).len(), 4, "two questions fit");
    let last = messages(&requests[4]);
    let length: usize = last.iter().map(|m| m["content"].as_str().unwrap().len()).sum();
    assert!(length / 4 < LIMIT, "{length} bytes");
    assert_eq!(last[0], json!({ "role": "system", "content": "Be brief." }));
    let texts: Vec<&str> = last.iter().map(|m| m["content"].as_str().unwrap()).collect();
    assert!(texts.last().unwrap().starts_with("4: "), "the latest is there");
    assert!(!texts.iter().any(|text| text.starts_with("0: ")), "the oldest is not");
    call.hang_up(HangUp::Close).await.unwrap();
}
