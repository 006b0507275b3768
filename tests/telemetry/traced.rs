//! Turns of real calls, as a collector gets them.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use sotto::client::{HangUp, Recording};
use sotto::engine::Engines;
use sotto::telemetry::metrics::Now;
use sotto_llm::scripted::Scripted;

use super::collector::{Collector, Manner, attribute};
use crate::support::engines;
use crate::support::exposition::Exposition;
use crate::support::fakes::{self, voice_like};
use crate::support::server::TestServer;

const HEARD: &str = "the heard canary sings of marmalade";
const PHASES: [&str; 6] =
    ["endpoint", "transcript", "first_token", "first_clause", "first_speech", "first_audio"];

async fn server(endpoint: &str, engines: Engines) -> TestServer {
    let mut config = engines::config();
    endpoint.clone_into(&mut config.telemetry.traces.endpoint);
    TestServer::with(config, engines).await
}

fn canaries() -> Engines {
    let model = Scripted::new(["The answering canary recommends soup."]);
    fakes::with_llm(&[HEARD], Arc::new(model))
}

/// A call with one turn.
async fn talk(server: &TestServer) {
    let mut call = server.call().await;
    call.say(Recording::new(voice_like(800))).await;
    call.hang_up(HangUp::Close).await.unwrap();
    server.wait_for_quiet(2).await;
}

fn nanos(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_a_span_with_its_phases_below() {
    let collector = Collector::start(Manner::Takes).await;
    let server = server(&collector.endpoint, canaries()).await;
    let begun = nanos(SystemTime::now());
    talk(&server).await;
    collector.wait().await;
    let over = nanos(SystemTime::now());
    let spans = collector.spans();
    assert!(spans.iter().all(|(service, _)| service == "sotto"));
    let names: Vec<&str> = spans.iter().map(|(_, span)| span.name.as_str()).collect();
    assert_eq!(names, ["turn"].into_iter().chain(PHASES).collect::<Vec<_>>());
    let (turn, phases) = spans.split_first().unwrap();
    let turn = &turn.1;
    assert!(turn.parent_span_id.is_empty() && turn.trace_id.len() == 16);
    assert!(begun < turn.start_time_unix_nano && turn.end_time_unix_nano < over, "{turn:?}");
    let mut from = turn.start_time_unix_nano;
    for (_, phase) in phases {
        assert_eq!(phase.parent_span_id, turn.span_id);
        assert_eq!(phase.trace_id, turn.trace_id);
        assert_eq!(phase.start_time_unix_nano, from, "{}", phase.name);
        from = phase.end_time_unix_nano;
    }
    assert_eq!(from, turn.end_time_unix_nano);
    // A turn of a person who has stopped speaking takes as long as the silence that was waited for, at least.
    let took = Duration::from_nanos(turn.end_time_unix_nano - turn.start_time_unix_nano);
    let silence = attribute(&turn.attributes, "sotto.endpoint.silence_ms").unwrap();
    assert!(took >= Duration::from_millis(silence.parse().unwrap()), "{took:?}, {silence}");
    assert_eq!(attribute(&turn.attributes, "sotto.endpoint.reason").unwrap(), "model");
    assert_eq!(attribute(&turn.attributes, "sotto.answered").unwrap(), "true");
    for stage in ["turn", "stt", "llm", "tts"] {
        for took in ["waited_ms", "worked_ms"] {
            let key = format!("sotto.work.{stage}.{took}");
            let ms: u64 = attribute(&turn.attributes, &key).expect(&key).parse().unwrap();
            assert!(ms < 10_000, "{key}: {ms}");
        }
    }
    // Nobody's words are in what was sent.
    let sent: Vec<u8> = collector.bodies().concat();
    let sent = String::from_utf8_lossy(&sent);
    for word in HEARD.split(' ').chain(["canary", "soup", "call_", "item_", "127.0.0.1"]) {
        assert!(word.len() < 4 || !sent.contains(word), "{word}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_turns_are_sent_when_the_server_stops() {
    let collector = Collector::start(Manner::Takes).await;
    let server = server(&collector.endpoint, canaries()).await;
    let metrics = Arc::clone(server.calls.metrics());
    talk(&server).await;
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(collector.spans().len(), 1 + PHASES.len());
    let counted = Exposition::parse(&metrics.text(&Now::default()));
    assert_eq!(counted.count("sotto_traces_sent_total", &[]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_its_traces_and_nothing_else() {
    let hangs = Collector::start(Manner::Hangs).await;
    // Nobody listens there: the port was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for endpoint in [hangs.endpoint.clone(), format!("http://{free}/v1/traces")] {
        let server = server(&endpoint, canaries()).await;
        let metrics = Arc::clone(server.calls.metrics());
        talk(&server).await;
        let begun = Instant::now();
        server.stop().await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{endpoint}: {:?}", begun.elapsed());
        let counted = Exposition::parse(&metrics.text(&Now::default()));
        let dropped = counted.count("sotto_traces_dropped_total", &[("reason", "not_taken")]);
        assert_eq!(dropped, 1, "{endpoint}");
        assert_eq!(counted.count("sotto_traces_sent_total", &[]), 0);
        let replies = counted.count("sotto_replies_total", &[("outcome", "completed")]);
        assert_eq!(replies, 1, "the turn itself was answered");
    }
}
