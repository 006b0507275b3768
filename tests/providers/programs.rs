//! Recognition and speech by programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sotto::client::{Call, HangUp, Recording};
use sotto::config::{Config, SttEngine, TtsEngine};
use sotto::engine::handles::Manner;
use sotto::engine::program::{Runner, find};
use sotto::pipeline::cancel::Cancel;
use sotto::pipeline::codec::wav;
use sotto::pipeline::failure::EngineError;
use tempfile::TempDir;

use super::audio_server::tone;
use super::stage::{SOON, answer, ask, config, failure, is, load, serve};
use crate::support::fakes::voice_like;
use crate::support::shared;

/// Does what the file `mode` says. Its folder is `$0`; what it is given ends up in the file `input`.
const SCRIPT: &str = r#"
cd "$0" && echo "$@" > args
case "$(cat mode)" in
    good) cat > input; cat output ;;
    fail) exit 3 ;;
    nothing) cat > input ;;
    garbage) cat > input; printf '\377\376\001 \000 garbage' ;;
    hang) echo $$ > pid; exec sleep 60 ;;
esac
"#;

/// A folder in which the script does as it is told.
struct Script(TempDir);

impl Script {
    fn new(output: &[u8]) -> Self {
        let script = Self(tempfile::tempdir().unwrap());
        std::fs::write(script.path("output"), output).unwrap();
        script.will("good");
        script
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn will(&self, mode: &str) {
        std::fs::write(self.path("mode"), mode).unwrap();
    }

    fn args(&self, more: &[&str]) -> Vec<String> {
        let folder = self.0.path().to_str().unwrap();
        ["-c", SCRIPT, folder].iter().chain(more).map(|arg| (*arg).to_owned()).collect()
    }

    /// The process that hangs, once there is one.
    async fn pid(&self) -> u32 {
        for _ in 0..300 {
            let pid = std::fs::read_to_string(self.path("pid")).unwrap_or_default();
            if let Ok(pid) = pid.trim().parse() {
                return pid;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the program was not started");
    }
}

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
    let heard = engines.recogniser.unwrap().transcribe(audio, &Cancel::default()).await.unwrap();
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
    // On a clock that runs as fast as nothing happens.
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
    if let Ok(pid) = std::fs::read_to_string(script.path("pid")) {
        runtime.block_on(wait_until_gone(pid.trim().parse().unwrap()));
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn espeak_speaks() {
    if find("espeak-ng").is_none() {
        return shared::skip("espeak-ng is not installed");
    }
    let mut config = config();
    config.tts.command.program.clear();
    config.tts.engine = TtsEngine::Auto;
    let engines = load(&config).await.unwrap();
    let voice = engines.voice.unwrap();
    assert_eq!(voice.name(), "espeak-ng");
    let mut lengths = Vec::new();
    for speed in [1.0, 1.5] {
        let manner = Manner { voice: None, speed };
        let text = "Four score and seven years ago.".to_owned();
        let (mut pieces, speaking) = voice.speak(text, manner, Cancel::default());
        let (said, piece) = tokio::join!(speaking, pieces.recv());
        said.unwrap();
        let samples = piece.unwrap().samples;
        assert!(samples.iter().any(|sample| sample.abs() > 0.1));
        lengths.push(samples.len());
    }
    assert!((24_000..96_000).contains(&lengths[0]), "{lengths:?}");
    assert!(lengths[1] * 10 < lengths[0] * 9, "faster is shorter: {lengths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pocketsphinx_recognises() {
    if find("pocketsphinx_continuous").is_none() {
        return shared::skip("pocketsphinx_continuous is not installed");
    }
    if shared::file("audio/speech/jfk.wav").is_none() {
        return;
    }
    let mut config = config();
    config.stt.command.program.clear();
    config.stt.engine = SttEngine::Auto;
    let recogniser = load(&config).await.unwrap().recogniser.unwrap();
    assert_eq!(recogniser.name(), "pocketsphinx_continuous");
    let audio = shared::samples("speech/jfk.wav");
    let heard = recogniser.transcribe(audio, &Cancel::default()).await.unwrap();
    // It is no Whisper; one word of the speech that every version gets right is enough.
    assert!(heard.text.as_str().contains("country"), "{}", heard.text.as_str());
}
