//! Many callers at once: what they find is what the server did.

use std::sync::Arc;
use std::time::Duration;

use sotto::client::load::knee::{Broke, Search, judge};
use sotto::client::load::{Aim, Crowd, Load};
use sotto::client::phases::Phase;
use sotto::client::process::Process;
use sotto::client::script::{Script, Step};
use sotto::client::{Background, Call, CallOptions, HangUp, Impairment, Recording};
use sotto::config::CallLimit;

use crate::support::engines;
use crate::support::fakes::{self, voice_like};
use crate::support::server::TestServer;

const MOMENT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_mins(1);

fn speech() -> Recording {
    Recording::new(voice_like(700)).encoded().unwrap()
}

fn load(server: &TestServer, steps: Vec<Step<Recording>>) -> Load {
    Load {
        call: CallOptions { background: Some(Background::silence().unwrap()), ..server.options() },
        script: Arc::new(Script::new(steps)),
        repeats: true,
        seed: 1,
        server: Some(Process::this()),
    }
}

fn talk() -> Vec<Step<Recording>> {
    vec![Step::Talk(speech()), Step::Pause(MOMENT, MOMENT)]
}

async fn limited(calls: usize) -> TestServer {
    let mut config = engines::config();
    config.limits.calls = CallLimit::Fixed(calls);
    TestServer::with(config, fakes::engines(&["hello there"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_callers_say_is_answered_counted_and_timed() {
    let server = TestServer::fake().await;
    let mut crowd = Crowd::new(load(&server, talk())).unwrap();
    let report = crowd.hold(3, MOMENT, Duration::from_secs(6)).await;
    assert_eq!(server.lines().0, 3, "they are still in their calls");
    crowd.disband().await;
    server.wait_for_quiet(5).await;
    assert_eq!((report.connected, report.missing()), (3, 0), "{report}");
    assert!(report.answered >= 3 && report.answered == report.talks, "{report}");
    let p50 = |phase| report.after_speech_ms[&phase].p50;
    assert!(p50(Phase::Endpoint) <= p50(Phase::Transcript), "{report}");
    assert!(p50(Phase::FirstToken) <= p50(Phase::FirstSpeech), "{report}");
    assert!(p50(Phase::FirstSpeech) <= p50(Phase::FirstAudio), "{report}");
    // Six seconds of three calls are 560 frames.
    let frames = report.frames.unwrap();
    assert!((300..900).contains(&frames.handled) && frames.dropped == 0, "{report}");
    assert!(frames.p50_us > 0 && frames.p50_us <= frames.p99_us, "{report}");
    let caller = report.caller.unwrap();
    assert!(caller.cpu_percent > 0.0 && report.server.unwrap().memory_mib > 1.0, "{report}");
    assert_eq!(judge(&report, LONG), Ok(()));
    assert!(matches!(judge(&report, Duration::ZERO), Err(Broke::Late { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_is_done_once_and_its_interruption_cuts_the_answer() {
    // Its answer lasts for four seconds.
    let long =
        "well, that is a story that takes quite a while to tell, so sit down, and listen to it";
    let server = TestServer::start(fakes::engines(&[long, "please stop now"])).await;
    let half = Duration::from_millis(500);
    let steps = vec![Step::Talk(speech()), Step::Interrupt(speech(), half)];
    let once = Load { repeats: false, ..load(&server, steps) };
    let mut crowd = Crowd::new(once).unwrap();
    let report = crowd.once(1, Duration::ZERO).await;
    crowd.disband().await;
    assert_eq!((report.talks, report.answered, report.cut), (2, 2, 1), "{report}");
    assert!(report.waiting_ms.is_empty() && report.missing() == 0, "{report}");
    server.wait_for_quiet(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_refused_are_counted_by_why() {
    let server = limited(2).await;
    let mut crowd = Crowd::new(load(&server, talk())).unwrap();
    let report = crowd.hold(4, MOMENT, Duration::from_secs(1)).await;
    assert_eq!((report.connected, report.lost), (2, 0), "{report}");
    let refused: Vec<_> = report.refused.iter().collect();
    assert_eq!(refused, [(&"503 at_capacity".to_owned(), &2)]);
    // Fewer callers than that are taken again.
    let report = crowd.hold(2, MOMENT, Duration::from_secs(1)).await;
    assert_eq!((report.missing(), server.lines().0), (0, 2), "{report}");
    crowd.disband().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_end_without_their_callers_are_lost() {
    let server = TestServer::fake().await;
    let mut crowd = Crowd::new(load(&server, talk())).unwrap();
    let ending = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.begin_stop();
    };
    let (report, ()) = tokio::join!(crowd.hold(2, MOMENT, Duration::from_secs(15)), ending);
    assert_eq!((report.connected, report.lost, report.missing()), (2, 2, 2), "{report}");
    assert_eq!(judge(&report, LONG), Err(Broke::Lost { calls: 2 }));
    crowd.disband().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_door_is_a_failure_of_its_own_kind() {
    let server = TestServer::fake().await;
    let nowhere = Load { call: CallOptions::new("http://127.0.0.1:9"), ..load(&server, talk()) };
    let mut crowd = Crowd::new(nowhere).unwrap();
    let report = crowd.hold(1, Duration::ZERO, MOMENT).await;
    assert_eq!(report.failed.iter().collect::<Vec<_>>(), [(&"http".to_owned(), &1)]);
    assert_eq!((report.frames, report.talks), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_capacity_of_a_server_that_takes_three_calls_is_three() {
    let server = limited(3).await;
    let mut crowd = Crowd::new(load(&server, talk())).unwrap();
    let hold = Duration::from_secs(4);
    let aim = Aim { target: LONG, hold, ramp: Some(MOMENT), within: LONG };
    let mut search = Search::new(1, 100);
    let mut tried = Vec::new();
    crowd.search(&mut search, aim, |step| tried.push((step.report.calls, step.broke))).await;
    crowd.disband().await;
    assert_eq!((search.held(), search.broke(), search.next()), (3, Some(4), None), "{tried:?}");
    let numbers: Vec<usize> = tried.iter().map(|(calls, _)| *calls).collect();
    assert_eq!(numbers, [1, 2, 4, 3]);
    assert!(matches!(&tried[2].1, Some(Broke::NotPlaced { reasons }) if reasons[0].1 == 1));
    server.wait_for_quiet(5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_is_late_is_understood_later() {
    let server = TestServer::fake().await;
    let ms = Duration::from_millis;
    let impairment =
        Impairment { delay: ms(400), jitter: ms(30), seed: 2, ..Impairment::default() };
    let options = CallOptions { impairment, ..server.options() };
    let mut call = Call::place(options).await.unwrap();
    call.say(speech()).await;
    let turn = call.turns(0).pop().unwrap();
    let after = turn.endpoint_ms.unwrap() - turn.speech_end_ms.unwrap();
    // The grace of a turn comes on top.
    assert!((600..3_000).contains(&after), "{turn:?}");
    assert_eq!((turn.user_text.as_str(), turn.error), ("hello there", None));
    call.hang_up(HangUp::Close).await.unwrap();
}
