//! Recognition and speech by programs.

use std::path::Path;
use std::time::Duration;

use sotto::client::{Call, HangUp, Recording};
use sotto::config::Config;
use sotto::engine::program::{Runner, find};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::codec::wav;
use sotto::pipeline::failure::EngineError;
use sotto::pipeline::stt;

use super::audio_server::tone;
use super::script::Script;
use super::stage::{SOON, answer, ask, config, failure, is, load, serve};
use crate::support::fakes::voice_like;

/// Waits until a process is gone, not even a zombie.
async fn wait_until_gone(pid: u32) {
    let process = Path::new("/proc").join(pid.to_string());
    for _ in 0..150 {
        if !process.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still there: {:?}", std::fs::read_to_string(process.join("stat")));
}

/// Recognition and speech by these, and the echo between them.
fn scripted(ear: &Script, mouth: &Script) -> Config {
    let mut config = config();
    "sh".clone_into(&mut config.stt.command.program);
    config.stt.command.args = ear.args(&["{language}"]);
    "sh".clone_into(&mut config.tts.command.program);
    config.tts.command.args = mouth.args(&["{voice}", "{speed}"]);
    "claire".clone_into(&mut config.tts.voice);
    config
}

fn scripts() -> (Script, Script) {
    (Script::new(b" good\n morning \n"), Script::new(&wav::encode(&tone(400), 24_000)))
}

fn speech() -> Recording {
    Recording::new(voice_like(700))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_call() {
    let (ear, mouth) = scripts();
    let server = serve(scripted(&ear, &mouth)).await;
    let mut call = server.call().await;
    call.say(speech()).await;
    let turns = call.turns(0);
    assert_eq!((turns.len(), turns[0].user_text.as_str()), (1, "good morning"));
    assert!(turns[0].first_audio_ms > turns[0].transcript_ms, "{turns:?}");
    let heard = wav::decode(&std::fs::read(ear.path("input")).unwrap(), 16_000).unwrap();
    assert!((8_000..32_000).contains(&heard.len()), "{} samples", heard.len());
    let read = |script: &Script, file| std::fs::read_to_string(script.path(file)).unwrap();
    assert_eq!(read(&mouth, "input"), "good morning");
    assert_eq!((read(&ear, "args"), read(&mouth, "args")), ("en\n".into(), "claire 1\n".into()));
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_given_by_its_name_and_does_not_stay() {
    let (_, mouth) = scripts();
    let mut config = scripted(&mouth, &mouth);
    config.stt.command.args = ["-c", "echo $0; test -s $0", "{file}"].map(str::to_owned).to_vec();
    let engines = load(&config).await.unwrap();
    let audio = voice_like(300);
    let heard = engines
        .recogniser
        .unwrap()
        .transcribe(audio, stt::Options::default(), &Cancel::default())
        .await
        .unwrap();
    let path = Path::new(heard.text.as_str());
    assert!(path.extension().is_some_and(|end| end == "wav") && !path.exists(), "{path:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recognition_that_fails_is_told_and_the_call_lives_on() {
    let (ear, mouth) = scripts();
    let server = serve(scripted(&ear, &mouth)).await;
    let mut call = server.call().await;
    ear.will("fail");
    call.say_only(speech()).await;
    let failed = is("conversation.item.input_audio_transcription.failed");
    let event = call.wait_until(SOON, failed).await.expect("a failure");
    let message = event["error"]["message"].as_str().unwrap();
    assert!(message.contains("sh ended with exit status: 3"), "{message}");
    // Nothing is nothing said; what cannot be read is at least no harm.
    for mode in ["nothing", "garbage"] {
        ear.will(mode);
        call.say_only(speech()).await;
        let completed = is("conversation.item.input_audio_transcription.completed");
        let event = call.wait_until(SOON, completed).await.expect(mode);
        let text = event["transcript"].as_str().unwrap();
        assert_eq!(text.contains("garbage"), mode == "garbage", "{text}");
    }
    call.wait_until(SOON, is("output_audio_buffer.stopped")).await.unwrap();
    ear.will("good");
    call.say(speech()).await;
    assert_eq!(call.turns(0).last().unwrap().user_text, "good morning");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voice_that_fails_is_told_and_the_call_lives_on() {
    let (ear, mouth) = scripts();
    let server = serve(scripted(&ear, &mouth)).await;
    let mut call = server.call().await;
    let cases = [("fail", "exit status: 3"), ("nothing", "WAV"), ("garbage", "not a WAV file")];
    for (mode, part) in cases {
        mouth.will(mode);
        let (code, message) = failure(&answer(&mut call, "Say this.").await);
        assert_eq!(code, "engine_failed", "{message}");
        assert!(message.contains(part), "{mode}: {message}");
    }
    mouth.will("good");
    assert_eq!(answer(&mut call, "And this.").await["status"], "completed");
    call.hang_up(HangUp::Close).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_hang_are_killed_when_nobody_waits_for_them() {
    let (ear, mouth) = scripts();
    let server = serve(scripted(&ear, &mouth)).await;
    let mut call = server.call().await;
    mouth.will("hang");
    ask(&call, "Say this.").await;
    let pid = mouth.pid().await;
    call.send(&serde_json::json!({ "type": "response.cancel" })).await.unwrap();
    wait_until_gone(pid).await;
    let done = call.wait_until(SOON, is("response.done")).await.unwrap();
    assert_eq!(done["response"]["status"], "cancelled");
    ear.will("hang");
    call.say_only(speech()).await;
    let pid = ear.pid().await;
    call.hang_up(HangUp::Delete).await.unwrap();
    wait_until_gone(pid).await;
    server.wait_for_quiet(2).await;
}

#[test]
fn a_program_that_takes_too_long_has_failed() {
    // On a clock that jumps to where something happens next. That its process ends is the test before.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    let script = Script::new(b"");
    script.will("hang");
    let runner = Runner::new(find("sh").unwrap(), runtime.handle().clone());
    let args = script.args(&[]);
    let (result, virtual_time) = runtime.block_on(async {
        let begun = tokio::time::Instant::now();
        let run = move || runner.run(&args, Vec::new(), &Cancel::default());
        let (done, mut result) = tokio::sync::mpsc::channel(1);
        std::thread::Builder::new().spawn(move || done.blocking_send(run())).unwrap();
        (result.recv().await.unwrap(), begun.elapsed())
    });
    assert!(matches!(result, Err(EngineError::Timeout(_))), "{result:?}");
    assert!(virtual_time >= Duration::from_secs(30), "{virtual_time:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_removed_while_the_server_runs_is_named() {
    let (ear, mouth) = scripts();
    let mut config = scripted(&ear, &mouth);
    let program = mouth.path("voice");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    config.tts.command.program = program.to_str().unwrap().to_owned();
    let server = serve(config).await;
    std::fs::remove_file(&program).unwrap();
    let mut call: Call = server.call().await;
    let (code, message) = failure(&answer(&mut call, "Say this.").await);
    assert_eq!(code, "engine_failed");
    assert!(message.contains("No such file"), "{message}");
    call.hang_up(HangUp::Close).await.unwrap();
}
