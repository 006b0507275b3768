//! Replies over a body that is made here: every split, and time that is not waited for.

use tokio::time::sleep;

use super::*;
use crate::{Finish, Usage, redact::Redactor};

const TRANSCRIPT: &str = concat!(
    ": ping\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"<think>no</th\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ink>Grüße, \"}}]}\n\n",
    ":\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"你好 🙂\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n",
    "data: [DONE]\n\n",
);

fn clock() -> Clock {
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { connect: second, first_token: 10 * second, idle: 15 * second };
    Clock { started: Instant::now(), timeouts }
}

fn read(parts: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Collected {
    let decoder = Decoder::new(Redactor::default());
    Box::pin(streamed(body(parts), decoder, clock()).collect())
}

type Collected = futures_util::future::BoxFuture<'static, Vec<Result<Delta, Error>>>;

async fn read_parts(parts: Vec<Bytes>) -> Vec<Delta> {
    let deltas = read(stream::iter(parts.into_iter().map(Ok))).await;
    deltas.into_iter().map(Result::unwrap).collect()
}

/// Sends each text after so many seconds, then leaves the connection open.
fn timed(parts: &'static [(u64, &'static str)]) -> impl Stream<Item = Result<Bytes, BodyError>> {
    stream::iter(parts)
        .then(|&(seconds, text)| async move {
            sleep(Duration::from_secs(seconds)).await;
            Ok(Bytes::from_static(text.as_bytes()))
        })
        .chain(stream::pending())
}

const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hello\"}}]}\n\n";
const THOUGHT: &str = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const PING: &str = ": ping\n\n";

fn expect_reply(deltas: &[Delta]) {
    let (done, texts) = deltas.split_last().unwrap();
    let text: String = texts
        .iter()
        .map(|delta| match delta {
            Delta::Text(text) => text.as_str(),
            Delta::Done { .. } => panic!("done twice"),
        })
        .collect();
    assert_eq!(text, "Grüße, 你好 🙂");
    let usage = Some(Usage { input_tokens: 9, output_tokens: 4 });
    assert_eq!(*done, Delta::Done { finish: Finish::Stop, usage });
}

#[tokio::test(start_paused = true)]
async fn it_does_not_matter_where_the_bytes_are_split() {
    for transcript in
        [TRANSCRIPT.to_owned(), TRANSCRIPT.replace('\n', "\r\n"), TRANSCRIPT.replace('\n', "\r")]
    {
        let bytes = Bytes::from(transcript);
        for at in 0..=bytes.len() {
            expect_reply(&read_parts(vec![bytes.slice(..at), bytes.slice(at..)]).await);
        }
        let single = (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
        expect_reply(&read_parts(single).await);
    }
}

#[tokio::test(start_paused = true)]
async fn keep_alives_do_not_count_as_a_first_token() {
    let started = Instant::now();
    let deltas = read(timed(&[(4, PING), (4, PING), (4, PING), (4, HELLO)])).await;
    assert!(matches!(
        deltas[..],
        [Err(Error::Timeout { phase: Phase::FirstToken, after })] if after.as_secs() == 10
    ));
    assert_eq!(started.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_stalls_is_given_up() {
    let started = Instant::now();
    let deltas = read(timed(&[(1, HELLO), (8, PING), (8, PING)])).await;
    assert!(matches!(
        deltas[..],
        [Ok(Delta::Text(_)), Err(Error::Timeout { phase: Phase::Idle, .. })]
    ));
    assert_eq!(started.elapsed().as_secs(), 16);
}

#[tokio::test(start_paused = true)]
async fn thinking_keeps_a_reply_alive() {
    let script = &[(9, THOUGHT), (14, THOUGHT), (14, THOUGHT), (14, HELLO), (14, STOP)];
    let deltas = read(timed(script)).await;
    assert!(matches!(
        deltas[..],
        [Ok(Delta::Text(_)), Ok(Delta::Done { finish: Finish::Stop, usage: None })]
    ));
}

#[tokio::test(start_paused = true)]
async fn a_finished_reply_is_not_held_up_by_a_connection_that_stays_open() {
    let mut reply = Box::pin(streamed(
        body(timed(&[(0, HELLO), (0, STOP)])),
        Decoder::new(Redactor::default()),
        clock(),
    ));
    let started = Instant::now();
    reply.next().await.unwrap().unwrap();
    assert!(matches!(reply.next().await, Some(Ok(Delta::Done { .. }))));
    assert!(started.elapsed() <= TAIL + Duration::from_millis(1));
    assert!(reply.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_not_the_servers_fault() {
    let script = &[(0, HELLO), (0, HELLO), (0, STOP)];
    let mut reply =
        Box::pin(streamed(body(timed(script)), Decoder::new(Redactor::default()), clock()));
    let mut seen = 0;
    while let Some(delta) = reply.next().await {
        delta.unwrap();
        seen += 1;
        sleep(Duration::from_mins(1)).await;
    }
    assert_eq!(seen, 3);
}

#[tokio::test(start_paused = true)]
async fn the_end_counts_only_after_a_reason_to_finish() {
    let parts = |parts: &[&'static str]| {
        stream::iter(
            parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect::<Vec<_>>(),
        )
    };
    let deltas = read(parts(&[HELLO])).await;
    assert!(matches!(deltas[..], [Ok(_), Err(Error::Interrupted)]));
    let deltas = read(parts(&[HELLO, STOP])).await;
    assert!(matches!(deltas[..], [Ok(_), Ok(Delta::Done { .. })]));
    let deltas = read(parts(&[HELLO, "data: [DONE]\n\n"])).await;
    assert!(matches!(deltas[..], [Ok(_), Ok(Delta::Done { finish: Finish::Stop, .. })]));
    let broken = parts(&[HELLO]).chain(stream::once(async { Err(BodyError::Broken) }));
    assert!(matches!(read(broken).await[..], [Ok(_), Err(Error::Interrupted)]));
}

#[tokio::test(start_paused = true)]
async fn a_body_without_end_does_not_fill_the_memory() {
    let megabyte = Bytes::from(vec![b'x'; 1 << 20]);
    let endless = stream::repeat_with(move || Ok(megabyte.clone()));
    assert!(matches!(read(endless).await[..], [Err(Error::Decode { .. })]));
}

#[tokio::test(start_paused = true)]
async fn text_that_is_not_utf8_is_an_error() {
    let parts = stream::iter([Ok(Bytes::from_static(b"data: \xff\xfe\n\n"))]);
    assert!(matches!(read(parts).await[..], [Err(Error::Decode { .. })]));
}
