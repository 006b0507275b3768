//! A model hub on loopback: it redirects `resolve/<revision>/<file>` to where the bytes are, as the real one
//! does, and can be told to misbehave.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use tokio::task::JoinSet;

use super::loopback;

/// Pieces that the bytes travel in.
const PIECE: usize = 16 * 1024;

/// How the hub behaves.
#[derive(Debug, Clone, Default)]
pub enum Manner {
    /// As the real one.
    #[default]
    Good,
    /// Breaks the connection after so many bytes of an answer, once.
    Breaks(usize),
    /// Sends everything, whatever part was asked for.
    NoRanges,
    /// Has something else under the name.
    Has(Vec<u8>),
    /// Refuses.
    Refuses(StatusCode),
    /// Takes this long for each piece.
    Slow(Duration),
    /// Takes the request and says nothing.
    Silent,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub path: String,
    pub range: Option<String>,
}

#[derive(Default)]
struct Inner {
    files: Vec<(String, Vec<u8>)>,
    manner: Mutex<Manner>,
    asked: Mutex<Vec<Asked>>,
}

/// See the module. Dropping it stops it.
pub struct Hub {
    pub url: String,
    inner: Arc<Inner>,
    _tasks: JoinSet<()>,
}

impl Hub {
    /// A hub with these files, under any repository and revision.
    pub async fn start(files: Vec<(&str, Vec<u8>)>) -> Self {
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes)).collect();
        let inner = Arc::new(Inner { files, ..Inner::default() });
        let router = Router::new()
            .route("/{owner}/{name}/resolve/{revision}/{*file}", get(resolve))
            .route("/cdn/{*file}", get(content))
            .with_state(Arc::clone(&inner));
        let (address, tasks) = loopback::serve(router).await;
        Self { url: format!("http://{address}"), inner, _tasks: tasks }
    }

    /// From now on it behaves like this.
    pub fn behave(&self, manner: Manner) {
        *self.inner.manner.lock().unwrap() = manner;
    }

    /// The files that were asked for, in order, without what redirects led to.
    pub fn asked(&self) -> Vec<Asked> {
        self.inner.asked.lock().unwrap().clone()
    }
}

async fn resolve(
    State(hub): State<Arc<Inner>>,
    Path((owner, name, revision, file)): Path<(String, String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let range = headers.get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    let path = format!("{owner}/{name}@{revision}/{file}");
    hub.asked.lock().unwrap().push(Asked { path, range });
    let manner = hub.manner.lock().unwrap().clone();
    match manner {
        Manner::Silent => std::future::pending().await,
        Manner::Refuses(status) => (status, "refused").into_response(),
        _ if !hub.files.iter().any(|(name, _)| *name == file) => {
            (StatusCode::NOT_FOUND, "Entry not found").into_response()
        }
        _ => {
            let location = (header::LOCATION, format!("/cdn/{file}"));
            (StatusCode::FOUND, [location, (header::ETAG, "\"linked\"".to_owned())]).into_response()
        }
    }
}

async fn content(
    State(hub): State<Arc<Inner>>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let manner = {
        let mut manner = hub.manner.lock().unwrap();
        // Breaking is for one answer.
        if matches!(*manner, Manner::Breaks(_)) {
            std::mem::take(&mut *manner)
        } else {
            manner.clone()
        }
    };
    let (_, bytes) = hub.files.iter().find(|(name, _)| *name == file).unwrap();
    let bytes = if let Manner::Has(other) = &manner { other } else { bytes };
    let range = headers.get(header::RANGE).filter(|_| !matches!(manner, Manner::NoRanges));
    let from: usize = range.map_or(0, |range| {
        let range = range.to_str().unwrap();
        range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap()
    });
    if range.is_some() && from >= bytes.len() {
        return StatusCode::RANGE_NOT_SATISFIABLE.into_response();
    }
    let rest = Bytes::copy_from_slice(&bytes[from..]);
    let length = rest.len();
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = Response::new(body(&rest, &manner));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::ETAG, "\"bytes\"".parse().unwrap());
    headers.insert(header::CONTENT_LENGTH, length.into());
    if range.is_some() {
        let part = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
        headers.insert(header::CONTENT_RANGE, part.parse().unwrap());
    }
    response
}

fn body(bytes: &Bytes, manner: &Manner) -> Body {
    let end = if let Manner::Breaks(after) = manner { *after } else { bytes.len() };
    let pause = if let Manner::Slow(pause) = manner { *pause } else { Duration::ZERO };
    let broken = end < bytes.len();
    let pieces: Vec<Bytes> = bytes.slice(..end).chunks(PIECE).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(piece)
    });
    let end = stream::iter(broken.then(|| Err(std::io::Error::other("as planned"))));
    Body::from_stream(pieces.chain(end))
}
