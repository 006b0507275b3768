//! Calls: opening, looking after and ending them.
//!
//! A call holds a permit, a token and an entry in the registry from the moment it is answered until its task
//! has ended, whichever way it ends. The token is a child of the server's, and everything that the call
//! started is a child of it.

pub mod access;
mod keep;
mod realtime;
mod record;
mod registry;
mod seat;
mod session;

use std::convert::Infallible;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use sotto_llm::ChatRequest;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub use self::registry::{CallId, Info};
pub use self::seat::Seat;
pub use self::session::{OutputKind, Session, SessionError};

use self::keep::Namer;
use self::realtime::Realtime;
use self::registry::{Entry, Registry};
use crate::config::Config;
use crate::engine::Engines;
use crate::engine::handles::Voice;
use crate::pipeline::history::History;
use crate::pipeline::text::Text;
use crate::pipeline::transport::webrtc::{self, Connection, Signalling, WebRtc, WebRtcError};
use crate::pipeline::transport::{Control, HangUp, Line, websocket};
use crate::pipeline::{Beginning, Pipeline};

/// A call that was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// As many calls as the server takes are going on.
    #[error("all {0} lines are busy; try again in a moment")]
    Full(usize),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// Nothing here can recognise speech.
    #[error("no recognition engine is installed on this server: {0}")]
    NoRecogniser(String),
    /// Nothing here can speak.
    #[error("no voice is installed on this server: {0}")]
    NoVoice(String),
    /// A setting that cannot be taken.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The connection.
    #[error(transparent)]
    WebRtc(#[from] WebRtcError),
    /// There is no such call.
    #[error("there is no such call; it may have ended")]
    Unknown,
}

/// All calls of this server.
pub struct Calls {
    config: Arc<Config>,
    /// What calls that begin now are given.
    engines: RwLock<Arc<Engines>>,
    webrtc: WebRtc,
    permits: Arc<Semaphore>,
    registry: Arc<Registry>,
    tracker: TaskTracker,
    /// No new calls …
    closing: CancellationToken,
    /// … and the end of those that go on.
    ending: CancellationToken,
}

/// A call over WebRTC that was answered.
#[derive(Debug)]
pub struct Answered {
    /// Its id.
    pub id: CallId,
    /// The answer.
    pub answer: String,
    /// The version of its ICE session, for `If-Match`.
    pub etag: String,
}

impl Calls {
    /// No calls yet.
    pub fn new(
        config: Arc<Config>,
        engines: Engines,
        webrtc: WebRtc,
        tracker: TaskTracker,
        closing: CancellationToken,
        ending: CancellationToken,
    ) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(config.limits.calls)),
            engines: RwLock::new(Arc::new(engines)),
            registry: Arc::default(),
            config,
            webrtc,
            tracker,
            closing,
            ending,
        }
    }

    /// What calls that begin now are given.
    pub fn engines(&self) -> Arc<Engines> {
        let engines = self.engines.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&engines)
    }

    /// Gives calls that begin from now on other engines. Those that go on keep theirs.
    pub fn change_engines(&self, change: impl FnOnce(&mut Engines)) {
        let mut engines = self.engines.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut next = (**engines).clone();
        change(&mut next);
        *engines = Arc::new(next);
    }

    /// How many calls go on, and how many may.
    pub fn load(&self) -> (usize, usize) {
        let limit = self.config.limits.calls;
        (limit - self.permits.available_permits(), limit)
    }

    /// Whether a call would be taken now.
    pub fn ready(&self) -> Result<(), CallError> {
        if self.closing.is_cancelled() {
            return Err(CallError::Stopping);
        }
        let engines = self.engines();
        if engines.recogniser.is_some() {
            return Ok(());
        }
        let choice = engines.choices.iter().find(|choice| choice.stage == "stt");
        Err(CallError::NoRecogniser(choice.map_or_else(String::new, |c| c.why.clone())))
    }

    /// The voice, if there is one and the server does not end.
    pub fn voice(&self) -> Result<Voice, CallError> {
        if self.closing.is_cancelled() {
            return Err(CallError::Stopping);
        }
        let engines = self.engines();
        let choice = engines.choices.iter().find(|choice| choice.stage == "tts");
        let why = || choice.map_or_else(String::new, |choice| choice.why.clone());
        engines.voice.clone().ok_or_else(|| CallError::NoVoice(why()))
    }

    /// Cancelled when the server ends what still goes on.
    pub fn ending(&self) -> CancellationToken {
        self.ending.child_token()
    }

    /// The shared media port.
    pub fn webrtc(&self) -> &WebRtc {
        &self.webrtc
    }

    /// A session as a client gets it that asks for nothing.
    pub fn session(&self) -> Session {
        Session::new(&self.config, &self.engines())
    }

    /// Answers an offer. The call goes on by itself until it ends, in a conversation if it has a seat in one.
    pub async fn answer(
        &self,
        offer: &str,
        mut session: Session,
        seat: Option<Seat>,
    ) -> Result<Answered, CallError> {
        let permit = self.admit()?;
        let (id, cancel) = (CallId::random(), self.ending.child_token());
        // Unless the call's task takes it over, everything begun for it ends here.
        let guard = cancel.clone().drop_guard();
        let wants_blobs = session.output() == OutputKind::Blob;
        let call = self.webrtc.answer(offer, wants_blobs, &self.tracker, &cancel).await?;
        let webrtc::Call { answer, line, mut connection, control } = call;
        if !matches!(line.output, crate::pipeline::transport::Output::Blobs { .. }) {
            session.set_output(OutputKind::Track);
        }
        let entry = Entry::new(cancel.clone(), control.clone(), Some(connection.signalling()));
        let etag = entry.etag();
        let registration = Registry::register(&self.registry, id.clone(), entry);
        let pipeline = self.pipeline(line, session, &id, seat, control.clone(), cancel.clone());
        let (connect_timeout, patience) = (
            Duration::from_millis(self.config.webrtc.connect_timeout_ms),
            Duration::from_millis(self.config.webrtc.disconnect_timeout_ms),
        );
        let task = async move {
            let _held = (permit, guard);
            let connecting = cancel.run_until_cancelled(connection.connected());
            let connecting = tokio::time::timeout(connect_timeout, connecting);
            let how = if let Ok(Some(())) = connecting.await {
                look_after(pipeline, connection, control, patience).await
            } else {
                tracing::info!("call never connected");
                HangUp::NeverConnected
            };
            tracing::debug!(how = ?registration.reason().unwrap_or(how), "call over");
        };
        self.tracker.spawn(task.instrument(tracing::info_span!("call", %id)));
        Ok(Answered { id, answer, etag })
    }

    /// Opens a call on a WebSocket. Whoever owns the socket drives the ends that come back; the call ends with
    /// them.
    pub fn open_websocket(
        &self,
        mut session: Session,
        seat: Option<Seat>,
    ) -> Result<websocket::Ends, CallError> {
        let permit = self.admit()?;
        let (id, cancel) = (CallId::random(), self.ending.child_token());
        let guard = cancel.clone().drop_guard();
        session.set_output(OutputKind::Events);
        let (line, ends) = websocket::line();
        let entry = Entry::new(cancel.clone(), ends.control.clone(), None);
        let registration = Registry::register(&self.registry, id.clone(), entry);
        let pipeline = self.pipeline(line, session, &id, seat, ends.control.clone(), cancel);
        let task = async move {
            let _held = (permit, guard);
            let how = pipeline.run().await;
            tracing::debug!(how = ?registration.reason().unwrap_or(how), "call over");
        };
        self.tracker.spawn(task.instrument(tracing::info_span!("call", %id)));
        Ok(ends)
    }

    /// Ends a call because its client asked for it.
    pub fn hang_up(&self, id: &str) -> Result<(), CallError> {
        self.registry.end(id, HangUp::Deleted).then_some(()).ok_or(CallError::Unknown)
    }

    /// The signalling of a call over WebRTC, and the version of its ICE session.
    pub fn signalling(&self, id: &str) -> Result<(Signalling, String), CallError> {
        self.registry.signalling(id).ok_or(CallError::Unknown)
    }

    /// The ICE session of a call has begun anew; gives its new version.
    pub fn restarted(&self, id: &str) -> String {
        self.registry.restarted(id).unwrap_or_default()
    }

    /// The calls that go on.
    pub fn list(&self) -> Vec<Info> {
        self.registry.list()
    }

    /// Takes no new calls, tells those that go on, gives them `grace`, and ends them.
    pub async fn drain(&self, grace: Duration) {
        self.closing.cancel();
        self.registry.tell_all(&Control::Ending { reason: HangUp::ServerStopping, within: grace });
        let all = u32::try_from(self.config.limits.calls).unwrap_or(u32::MAX);
        // All permits are back when all calls have ended by themselves.
        let ended = tokio::time::timeout(grace, self.permits.acquire_many(all)).await.is_ok();
        if !ended {
            tracing::info!(calls = self.load().0, "ending the calls that still go on");
            self.registry.end_all(HangUp::ServerStopping);
        }
        self.ending.cancel();
    }

    fn admit(&self) -> Result<OwnedSemaphorePermit, CallError> {
        self.ready()?;
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        permit.map_err(|_| CallError::Full(self.config.limits.calls))
    }

    fn pipeline(
        &self,
        line: Line,
        mut session: Session,
        id: &CallId,
        seat: Option<Seat>,
        control: mpsc::Sender<Control>,
        cancel: CancellationToken,
    ) -> Pipeline<Realtime> {
        let (mut history, mut place) = (History::default(), None);
        if let Some(seat) = seat {
            session.settle(&seat);
            let request = ChatRequest {
                model: session.settings().model,
                reach: seat.tier().reach(),
                ..ChatRequest::default()
            };
            let namer = Namer { provider: Arc::clone(&self.engines().llm), request };
            let (said, taken) = seat.sit(namer, control, &self.tracker, self.ending.clone());
            (history, place) = (said, Some(taken));
        }
        let settings = session.settings();
        let greeting = Text::from(self.config.conversation.greeting.trim());
        let dialect = Realtime::new(session, id.as_str(), place);
        let engines = (*self.engines()).clone();
        let beginning = Beginning { settings, history, greeting };
        Pipeline::new(engines, line, dialect, beginning, self.tracker.clone(), cancel)
    }
}

/// Runs a connected call over WebRTC to its end.
async fn look_after(
    pipeline: Pipeline<Realtime>,
    mut connection: Connection,
    control: mpsc::Sender<Control>,
    patience: Duration,
) -> HangUp {
    tracing::info!("connected");
    let watch = async {
        let how = connection.lost(patience).await;
        // The pipeline ends itself, as with every other way to hang up.
        let _ = control.send(Control::HungUp(how)).await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        how = pipeline.run() => how,
        never = watch => match never {},
    }
}
