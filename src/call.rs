//! Calls: opening, looking after and ending them.
//!
//! A call holds a permit (`admission`), a token and an entry in the registry from the moment it is answered until its task
//! has ended, whichever way it ends. The token is a child of the server's, and everything that the call
//! started is a child of it.

pub mod access;
pub mod admission;
mod keep;
mod realtime;
mod record;
mod registry;
mod remains;
mod seat;
mod session;
mod turn_log;

use std::convert::Infallible;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use sotto_llm::ChatRequest;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

pub use self::registry::{CallId, Info};
pub use self::remains::Resumption;
pub use self::seat::Seat;
pub use self::session::{OutputKind, Session, SessionError};

use self::admission::estimate::estimate_here;
use self::admission::{Admission, Caller, Permit, Refused, Why};
use self::keep::Namer;
use self::realtime::Realtime;
use self::registry::{Entry, Registration, Registry};
use self::remains::{Home, Shelf};
use self::seat::Place;
use crate::config::Config;
use crate::engine::Engines;
use crate::engine::handles::Voice;
use crate::pipeline::handling::Handling;
use crate::pipeline::history::History;
use crate::pipeline::meter::{Meter as _, Metered, Shed};
use crate::pipeline::text::Text;
use crate::pipeline::transport::webrtc::{self, Connection, Signalling, WebRtc, WebRtcError};
use crate::pipeline::transport::{Control, HangUp, Line, websocket};
use crate::pipeline::{Beginning, Left, Pipeline};
use crate::store::turns;
use crate::telemetry::metrics::Transport;
use crate::telemetry::{Metrics, Telemetry, Told};

/// A call that goes on in another ends by itself within this time; then it is ended.
const ENDS_WITHIN: Duration = Duration::from_secs(1);
/// So long is waited for what was said in it to be stored. Longer: its conversation is in use.
const STORED_WITHIN: Duration = Duration::from_secs(5);
/// So often the path of a call is measured, and its client told how its sound arrives.
const PATH_EVERY: Duration = Duration::from_secs(5);

/// A call that was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// As many calls as the server takes are going on, or it is too busy for another.
    #[error(transparent)]
    AtCapacity(#[from] Refused),
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
    /// There is nothing left of such a call.
    #[error("there is no call to resume; it may have ended more than a minute ago")]
    NothingToResume,
}

/// All calls of this server.
pub struct Calls {
    config: Arc<Config>,
    /// What calls that begin now are given.
    engines: RwLock<Arc<Engines>>,
    webrtc: WebRtc,
    admission: Arc<Admission>,
    registry: Arc<Registry>,
    /// What is left of calls that were lost.
    shelf: Arc<Shelf>,
    /// How quickly sound is handled in all of them.
    handling: Arc<Handling>,
    telemetry: Telemetry,
    tracker: TaskTracker,
    /// No new calls …
    closing: CancellationToken,
    /// … and the end of those that go on.
    ending: CancellationToken,
}

/// With what a call is opened.
pub struct Opening {
    /// What is set.
    pub session: Session,
    /// Where it goes on in a conversation.
    pub seat: Option<Seat>,
    /// Who calls, if that is known.
    pub person: Option<Arc<str>>,
    /// What it goes on with.
    pub resumed: Option<Resumption>,
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
        let shelf = Arc::new(Shelf::default());
        let (expiring, until) = (Arc::clone(&shelf), ending.clone());
        tracker.spawn(async move { expiring.expire(until).await });
        Self {
            admission: Admission::new(config.limits.calls, estimate_here(&engines.choices)),
            engines: RwLock::new(Arc::new(engines)),
            registry: Arc::default(),
            handling: Arc::default(),
            shelf,
            config,
            webrtc,
            telemetry: Telemetry::default(),
            tracker,
            closing,
            ending,
        }
    }

    /// What happens in them is told there.
    #[must_use]
    pub fn with_telemetry(mut self, telemetry: Telemetry) -> Self {
        self.telemetry = telemetry;
        self.change_engines(|_| ());
        self
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.telemetry.metrics
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
        next.set_meter(&Metered::by(Arc::clone(self.metrics()) as _));
        self.admission.measured(estimate_here(&next.choices));
        *engines = Arc::new(next);
    }

    /// Who may come in, and what is left out while the machine is behind.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// A place for a new call.
    pub fn admit(&self) -> Result<Permit, CallError> {
        self.ready()?;
        self.admission.admit(Caller::New).map_err(|refused| {
            if refused.why == Why::Pressure {
                self.metrics().shed(Shed::Call);
            }
            refused.into()
        })
    }

    /// How quickly sound is handled in all calls.
    pub fn handling(&self) -> &Handling {
        &self.handling
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

    /// What is left of a lost call of this person, to go on with, and a place for it; one that still goes on is ended for
    /// it, and gives its own.
    ///
    /// Cancel safe: until a call begins with it, it can be had again.
    pub async fn resume(
        &self,
        id: &str,
        person: Option<&str>,
    ) -> Result<(Resumption, Permit), CallError> {
        self.ready()?;
        let mut permit = None;
        if let Some((over, its)) = self.registry.take_over(id, person) {
            permit = its;
            if tokio::time::timeout(ENDS_WITHIN, over.cancelled()).await.is_err() {
                // It is not connected yet, or hangs.
                self.registry.end(id, HangUp::Resumed);
                let _ = tokio::time::timeout(ENDS_WITHIN, over.cancelled()).await;
            }
        }
        let taken = self.shelf.take(id, person).ok_or(CallError::NothingToResume)?;
        let resumption = Resumption::new(Arc::clone(&self.shelf), id, taken);
        let permit = permit.map_or_else(|| self.admission.admit(Caller::Back), Ok)?;
        if let Some(home) = resumption.home() {
            let stored = home.stored.clone();
            // If it takes longer, the conversation says that it is in use.
            let _ = tokio::time::timeout(STORED_WITHIN, stored.cancelled()).await;
        }
        Ok((resumption, permit))
    }

    /// What is left of calls that end from now on is kept for this long instead of a minute.
    pub fn keep_remains_for(&self, time: Duration) {
        self.shelf.keep_for(time);
    }

    /// Answers an offer. The call goes on by itself until it ends, in a conversation if it has a seat in one.
    pub async fn answer(
        &self,
        offer: &str,
        mut opening: Opening,
        permit: Permit,
    ) -> Result<Answered, CallError> {
        self.ready()?;
        let (id, cancel) = (CallId::random(), self.ending.child_token());
        // Unless the call's task takes it over, everything begun for it ends here.
        let guard = cancel.clone().drop_guard();
        let wants_blobs = opening.session.output() == OutputKind::Blob;
        let call = self.webrtc.answer(offer, wants_blobs, &self.tracker, &cancel).await?;
        let webrtc::Call { answer, line, mut connection, control } = call;
        if !matches!(line.output, crate::pipeline::transport::Output::Blobs { .. }) {
            opening.session.set_output(OutputKind::Track);
        }
        let person = opening.person.clone();
        let signalling = Some(connection.signalling());
        let entry = Entry::new(cancel.clone(), control.clone(), signalling, person, permit);
        let etag = entry.etag();
        let registration = Registry::register(&self.registry, id.clone(), entry);
        let (pipeline, over) =
            self.pipeline(line, opening, registration, control.clone(), cancel.clone());
        let (connect_timeout, patience) = (
            Duration::from_millis(self.config.webrtc.connect_timeout_ms),
            Duration::from_millis(self.config.webrtc.disconnect_timeout_ms),
        );
        let task = async move {
            let _guard = guard;
            let connecting = cancel.run_until_cancelled(connection.connected());
            let connecting = tokio::time::timeout(connect_timeout, connecting);
            let left = if let Ok(Some(())) = connecting.await {
                look_after(pipeline, connection, control, patience).await
            } else {
                tracing::info!("call never connected");
                pipeline.abandon(HangUp::NeverConnected)
            };
            over.keep(left);
        };
        self.tracker.spawn(task.instrument(tracing::info_span!("call", %id)));
        self.metrics().calls.opened(Transport::WebRtc);
        Ok(Answered { id, answer, etag })
    }

    /// Opens a call on a WebSocket. Whoever owns the socket drives the ends that come back; the call ends with
    /// them.
    pub fn open_websocket(
        &self,
        mut opening: Opening,
        permit: Permit,
    ) -> Result<websocket::Ends, CallError> {
        self.ready()?;
        let (id, cancel) = (CallId::random(), self.ending.child_token());
        let guard = cancel.clone().drop_guard();
        opening.session.set_output(OutputKind::Events);
        let (line, ends) = websocket::line();
        let person = opening.person.clone();
        let entry = Entry::new(cancel.clone(), ends.control.clone(), None, person, permit);
        let registration = Registry::register(&self.registry, id.clone(), entry);
        let control = ends.control.clone();
        let (pipeline, over) = self.pipeline(line, opening, registration, control, cancel);
        let task = async move {
            let _guard = guard;
            over.keep(pipeline.run().await);
        };
        self.tracker.spawn(task.instrument(tracing::info_span!("call", %id)));
        self.metrics().calls.opened(Transport::WebSocket);
        Ok(ends)
    }

    /// Ends a call because its client asked for it: nothing is left of it. The connection may have been closed first.
    pub fn hang_up(&self, id: &str) -> Result<(), CallError> {
        let known = self.registry.end(id, HangUp::Deleted) | self.shelf.forget(id);
        known.then_some(()).ok_or(CallError::Unknown)
    }

    /// The signalling of a call over WebRTC, and the version of its ICE session.
    pub fn signalling(&self, id: &str) -> Result<(Signalling, String), CallError> {
        self.registry.signalling(id).ok_or(CallError::Unknown)
    }

    /// The ICE session of a call has begun anew; gives its new version.
    pub fn restarted(&self, id: &str) -> String {
        self.registry.restarted(id).unwrap_or_default()
    }

    /// How the last turns of a call of this person went. It goes on, or can be resumed.
    pub fn turns(&self, id: &str, person: Option<&str>) -> Result<Vec<turns::Row>, CallError> {
        let found = self.registry.turns(id, person).or_else(|| self.shelf.turns(id, person));
        found.map(|turns| turns.rows()).ok_or(CallError::Unknown)
    }

    /// The calls that go on.
    pub fn list(&self) -> Vec<Info> {
        self.registry.list()
    }

    /// Takes no new calls, tells those that go on, gives them `grace`, and ends them.
    pub async fn drain(&self, grace: Duration) {
        self.closing.cancel();
        self.registry.tell_all(&Control::Ending { reason: HangUp::ServerStopping, within: grace });
        // Nobody is in when all calls have ended by themselves.
        if tokio::time::timeout(grace, self.admission.empty()).await.is_err() {
            tracing::info!(
                calls = self.admission.standing().active,
                "ending the calls that still go on"
            );
            self.registry.end_all(HangUp::ServerStopping);
        }
        self.ending.cancel();
    }

    fn pipeline(
        &self,
        line: Line,
        opening: Opening,
        registration: Registration,
        control: mpsc::Sender<Control>,
        cancel: CancellationToken,
    ) -> (Pipeline<Realtime>, Over) {
        let Opening { mut session, seat, person, resumed } = opening;
        let (mut history, mut place, mut home) = (History::default(), Place::default(), None);
        let was = resumed.as_ref().map(|resumed| (resumed.call_id.clone(), resumed.until));
        if let Some(seat) = seat {
            session.settle(&seat);
            let request = ChatRequest {
                model: session.settings().model,
                reach: seat.tier().reach(),
                ..ChatRequest::default()
            };
            let namer = Namer { provider: Arc::clone(&self.engines().llm), request };
            let before = resumed.as_ref().and_then(Resumption::home);
            let (said, taken, at) =
                seat.sit(namer, control, &self.tracker, self.ending.clone(), before);
            (history, place, home) = (said, taken, Some(at));
        }
        place.turns = Arc::clone(registration.turns());
        let mut greeting = Text::from(self.config.conversation.greeting.trim());
        if let Some(remains) = resumed.and_then(Resumption::begin) {
            let lost = was.as_ref().map_or("", |(call_id, _)| call_id);
            history = remains.join(lost, &history, &mut place);
            // They have been greeted.
            greeting = Text::default();
        }
        let settings = session.settings();
        let told = Told::new(self.telemetry.clone());
        let dialect = Realtime::new(session, registration.id().as_str(), place, told);
        let engines = (*self.engines()).clone();
        let (handling, load) = (Arc::clone(&self.handling), Arc::clone(self.admission.load()));
        let beginning = Beginning { settings, history, greeting, handling, load };
        let pipeline =
            Pipeline::new(engines, line, dialect, beginning, self.tracker.clone(), cancel);
        let (shelf, metrics) = (Arc::clone(&self.shelf), Arc::clone(self.metrics()));
        let began = Instant::now();
        (pipeline, Over { shelf, registration, person, home, was, metrics, began })
    }
}

/// What happens when a call is over.
struct Over {
    shelf: Arc<Shelf>,
    registration: Registration,
    person: Option<Arc<str>>,
    home: Option<Home>,
    /// The lost call that it goes on with, and until when that can be resumed.
    was: Option<(String, Instant)>,
    metrics: Arc<Metrics>,
    began: Instant,
}

impl Over {
    /// What is left of a call that was lost is kept for a while. Nothing is left of one that somebody ended, and of
    /// one that never began there is only what it went on with.
    fn keep(self, left: Left<Realtime>) {
        let Self { shelf, registration, person, home, was, metrics, began } = self;
        let how = registration.reason().unwrap_or(left.how);
        tracing::debug!(?how, "call over");
        metrics.calls.ended(how, began.elapsed());
        let id = registration.id().as_str();
        match (how, left.how, was) {
            (_, HangUp::NeverConnected, Some((lost, until))) => {
                shelf.put_until(&lost, until, Realtime::remains(left, person, home));
            }
            (HangUp::Deleted | HangUp::ServerStopping, ..) | (_, HangUp::NeverConnected, None) => {}
            _ => shelf.put(id, Realtime::remains(left, person, home)),
        }
        if registration.reason() == Some(HangUp::Deleted) {
            // They hung up in this very moment.
            shelf.forget(id);
        }
    }
}

/// Runs a connected call over WebRTC to its end.
async fn look_after(
    pipeline: Pipeline<Realtime>,
    mut connection: Connection,
    control: mpsc::Sender<Control>,
    patience: Duration,
) -> Left<Realtime> {
    tracing::info!("connected");
    let signalling = connection.signalling();
    let watch = async {
        let how = connection.lost(patience).await;
        // The pipeline ends itself, as with every other way to hang up.
        let _ = control.send(Control::HungUp(how)).await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        left = pipeline.run() => left,
        never = watch => match never {},
        never = measure(signalling, &control) => match never {},
    }
}

/// Measures the path from time to time.
async fn measure(signalling: Signalling, control: &mpsc::Sender<Control>) -> Infallible {
    let mut every = interval(PATH_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let rtt = signalling.round_trip().await;
        // Where the call has more to do than it can, there will be another time.
        let _ = control.try_send(Control::Path { rtt });
    }
}
