//! A server for tests: answers each request with the next script, and tells what it saw.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::{interval, sleep},
};

/// What to do about a request.
#[derive(Clone)]
pub enum Step {
    /// Send these bytes as they are.
    Send(Vec<u8>),
    /// Send these bytes as one chunk of a chunked body.
    Chunk(Vec<u8>),
    /// End a chunked body; the connection stays open.
    End,
    /// Do nothing for a while.
    Pause(Duration),
    /// Send this chunk over and over until the client goes away.
    Repeat(Vec<u8>),
    /// Do nothing until the client goes away.
    Hang,
    /// Close the connection.
    Close,
}

/// Listens on a free port until it is dropped.
pub struct Server {
    pub addr: SocketAddr,
    seen: Arc<Seen>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    /// Head and body of each request.
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    client_left: Notify,
}

impl Server {
    /// Answers every request with the same steps.
    pub async fn always(steps: Vec<Step>) -> Self {
        Self::scripted(vec![steps]).await
    }

    /// Answers each request with the next script, and with the last one from then on.
    pub async fn scripted(scripts: Vec<Vec<Step>>) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), scripts).await.unwrap()
    }

    /// The same at an address that may be taken.
    pub async fn at(addr: SocketAddr, scripts: Vec<Vec<Step>>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            let scripts = Arc::new(scripts);
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                connections.spawn(serve(stream, Arc::clone(&scripts), Arc::clone(&shared)));
            }
        });
        Ok(Self { addr, seen, _tasks: tasks })
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Waits until a client went away in the middle of an answer.
    pub async fn client_left(&self) {
        self.seen.client_left.notified().await;
    }
}

/// The head of a streamed answer.
pub fn sse() -> Step {
    head("200 OK", "text/event-stream")
}

/// The head of a chunked answer.
pub fn head(status: &str, content_type: &str) -> Step {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    Step::Send(head.into_bytes())
}

/// A whole answer of known length.
pub fn answer(status: &str, content_type: &str, body: &str) -> Vec<Step> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    vec![Step::Send(head.into_bytes())]
}

/// A whole answer as a stream, in one chunk.
pub fn stream(transcript: &str) -> Vec<Step> {
    vec![sse(), chunk(transcript), Step::End]
}

pub fn chunk(text: &str) -> Step {
    Step::Chunk(text.as_bytes().to_vec())
}

/// An event that says something.
pub fn says(text: &str) -> String {
    let delta = serde_json::json!({"choices": [{"index": 0, "delta": {"content": text}}]});
    format!("data: {delta}\n\n")
}

async fn serve(mut stream: TcpStream, scripts: Arc<Vec<Vec<Step>>>, seen: Arc<Seen>) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request);
            requests.len() - 1
        };
        for step in &scripts[number.min(scripts.len() - 1)] {
            if !play(step, &mut stream).await {
                seen.client_left.notify_one();
                return;
            }
            if matches!(step, Step::Close) {
                return;
            }
        }
    }
}

/// Plays one step. Returns false if the client went away.
async fn play(step: &Step, stream: &mut TcpStream) -> bool {
    match step {
        Step::Send(bytes) => stream.write_all(bytes).await.is_ok(),
        Step::Chunk(bytes) => stream.write_all(&chunked(bytes)).await.is_ok(),
        Step::End => stream.write_all(b"0\r\n\r\n").await.is_ok(),
        Step::Pause(time) => {
            sleep(*time).await;
            true
        }
        Step::Repeat(bytes) => {
            let bytes = chunked(bytes);
            let mut ticks = interval(Duration::from_millis(2));
            loop {
                let mut byte = [0];
                tokio::select! {
                    _ = ticks.tick() => if stream.write_all(&bytes).await.is_err() { return false },
                    // A client that waits for an answer sends nothing: this is the end, or an error.
                    _ = stream.read(&mut byte) => return false,
                }
            }
        }
        Step::Hang => {
            let _ = stream.read(&mut [0]).await;
            false
        }
        Step::Close => true,
    }
}

fn chunked(bytes: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
