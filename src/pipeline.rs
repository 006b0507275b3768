//! The pipeline of one call. Read this first.
//!
//! ```text
//! transport ─▶ codec ─▶ vad ─▶ turn ─▶ stt ─▶ llm ─▶ tts ─▶ playout ─▶ codec ─▶ transport
//!    (ear: jitter, Opus, voice activity)   │          │        │
//!                                          └── conversation ───┘   decides; nobody else does
//! ```
//!
//! One task a call runs [`Pipeline::run`]: it takes what arrives (sound, client events, results of engines,
//! progress of playout), hands it to the [`Conversation`](conversation::Conversation) as events, and carries
//! out the commands that come back. Work that takes time runs beside it (`jobs`) and reports back over one
//! bounded channel.
//!
//! Invariants:
//! * `conversation` has no `async`, no clock and no channel; it decides everything.
//! * A stage knows its own input and output and nothing of its neighbours.
//! * Traits here do not name ort, candle or axum; nothing here knows HTTP, people or SQL.
//! * Everything a reply makes carries its number. What belongs to a reply that is over is dropped here, at
//!   the one place where results come in.

pub mod cancel;
pub mod failure;
pub mod frame;
pub mod meter;
pub mod text;
pub mod took;

pub mod conversation;
pub mod history;

pub mod codec;
pub mod ear;
pub mod echo;
pub mod handling;
pub mod llm;
pub mod load;
pub mod mel;
pub mod network;
pub mod playout;
pub mod reading;
pub mod recording;
pub mod rehearsal;
pub mod stt;
pub mod transport;
pub mod tts;
pub mod turn;
pub mod vad;

mod jobs;
mod mouth;

use std::sync::Arc;
use std::time::Duration;

use sotto_llm::Reach;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::conversation::{Ask, Command, Conversation, Event, Frame, Notice, ReplyId, Settings};
use self::ear::{Ear, EarError};
use self::handling::{Handling, Part};
use self::history::History;
use self::jobs::{Jobs, Result as JobResult};
use self::load::Load;
use self::meter::{Heard, Telling};
use self::mouth::{Mouth, MouthError};
use self::network::{Arrivals, Lookout, Network};
use self::playout::Progress;
use self::text::Text;
use self::transport::microphone::{Arrival, Sound};
use self::transport::{Control, HangUp, Line, NotStored};
use self::tts::WordTiming;
use self::vad::GateSettings;
use crate::engine::Engines;
use crate::engine::handles::{Expected, Manner};

/// Everything that can be set for a call, and changed while it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSettings {
    /// What the conversation goes by.
    pub conversation: Settings,
    /// When sound is speech.
    pub gate: GateSettings,
    /// What the person is expected to say.
    pub expected: Expected,
    /// How replies are said.
    pub manner: Manner,
    /// How far the words of the call may go. Holds from its beginning to its end: a change is not heeded.
    pub reach: Reach,
    /// The model that answers, instead of the usual one. Holds like `reach`.
    pub model: Option<String>,
}

/// How a call begins.
#[derive(Debug)]
pub struct Beginning {
    /// What is set.
    pub settings: CallSettings,
    /// What was said in the conversation before.
    pub history: History,
    /// Said first; nothing if it is empty.
    pub greeting: Text,
    /// Where it is counted how quickly sound is handled.
    pub handling: Arc<Handling>,
    /// What there is time for, in all calls of the server.
    pub load: Arc<Load>,
}

/// A chunk of speech, for the client that plays it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk<'a> {
    /// The reply.
    pub reply: ReplyId,
    /// The clause of the reply.
    pub clause: u32,
    /// Its words.
    pub text: &'a Text,
    /// When they are spoken, as far as that is known.
    pub words: &'a [WordTiming],
    /// The size of its WAV.
    pub bytes: usize,
    /// How long it lasts.
    pub duration: Duration,
}

/// How a reply is played while somebody may be speaking over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hush {
    /// Quietly.
    Duck,
    /// Not for now.
    Hold,
    /// As before; if it was held, from this clause and so much of it.
    Resume(Option<(u32, Duration)>),
}

/// What a client asks for, once it has been understood.
#[derive(Debug)]
pub enum Request {
    /// For the conversation.
    Ask(Ask),
    /// New settings.
    Configure(Box<CallSettings>),
    /// Sound at 24 kHz.
    Sound(Vec<f32>),
    /// A page has played so much of a chunk.
    Played {
        /// The reply.
        reply: ReplyId,
        /// The clause.
        clause: u32,
        /// How much of it.
        played: Duration,
    },
}

/// The language spoken with a client: its events, and ours. It answers mistakes by itself.
pub trait Dialect: Send {
    /// What a client is told when its events channel opens.
    fn opened(&mut self, events: &mut Vec<String>);
    /// Reads an event of the client's.
    fn read(&mut self, text: &str, events: &mut Vec<String>) -> Option<Request>;
    /// Tells the client something.
    fn tell(&mut self, notice: &Notice, events: &mut Vec<String>);
    /// Sends samples of a reply (24 kHz), where sound travels inside events.
    fn speech(&mut self, reply: ReplyId, samples: &[f32], events: &mut Vec<String>);
    /// The header of a chunk.
    fn chunk(&mut self, chunk: &Chunk<'_>) -> String;
    /// How a reply is to be played from now on, for a client that plays chunks.
    fn hush(&mut self, reply: ReplyId, hush: Hush) -> String;
    /// The news that the server will end the call.
    fn ending(&mut self, reason: HangUp, within: Duration) -> String;
    /// How the person's sound arrives.
    fn network(&mut self, network: &Network) -> String;
    /// The news of what became of an item that was to be stored.
    fn stored(&mut self, item: &str, result: Result<u64, NotStored>) -> String;
}

/// A call's pipeline, ready to run.
pub struct Pipeline<D> {
    engines: Engines,
    dialect: D,
    line: Line,
    conversation: Conversation,
    ear: Ear,
    mouth: Mouth,
    jobs: Jobs,
    expected: Expected,
    manner: Manner,
    greeting: Text,
    load: Arc<Load>,
    /// Whether the client has opened its events channel.
    listening: bool,
    /// When the last packet of the person's sound came, after the call began.
    last_packet: Option<Duration>,
    handling: Part,
    path: Path,
    /// What was told of the person's sound to whoever counts.
    telling: Telling,
    began: Instant,
}

/// The way of the person's sound, and who looks how it is.
#[derive(Default)]
struct Path {
    rtt: Option<Duration>,
    /// For the reports of turns, and for news in between.
    turns: Lookout,
    news: Lookout,
}

/// What is left of a call that is over.
pub struct Left<D> {
    /// How it ended.
    pub how: HangUp,
    /// What was said and heard.
    pub history: History,
    /// What was made and not heard of the reply that the end has cut.
    pub missed: Text,
    /// What was spoken with the client.
    pub dialect: D,
}

/// Packets come every 20 ms; a pause of less than this says nothing about the path.
const PATH_IS_FINE: Duration = Duration::from_millis(500);

/// Why a pipeline could not go on.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Ear(#[from] EarError),
    #[error("the client does not keep up with its events")]
    SlowClient,
    #[error("hung up")]
    HungUp(HangUp),
}

impl From<MouthError> for Stop {
    fn from(_: MouthError) -> Self {
        Self::SlowClient
    }
}

impl<D: Dialect> Pipeline<D> {
    /// A pipeline over `line`. Its jobs run on `tracker` and end with `cancel`.
    pub fn new(
        engines: Engines,
        line: Line,
        dialect: D,
        beginning: Beginning,
        tracker: TaskTracker,
        cancel: CancellationToken,
    ) -> Self {
        let Beginning { settings, history, greeting, handling, load } = beginning;
        Self {
            ear: Ear::new(&engines.vad, settings.gate),
            conversation: Conversation::continued(settings.conversation, history),
            mouth: Mouth::default(),
            jobs: Jobs::new(tracker, cancel, settings.reach, settings.model),
            expected: settings.expected,
            manner: settings.manner,
            engines,
            dialect,
            line,
            greeting,
            load,
            listening: false,
            last_packet: None,
            handling: Part::new(handling),
            path: Path::default(),
            telling: Telling::default(),
            began: Instant::now(),
        }
    }

    /// Runs the call until the client hangs up or it cannot go on.
    ///
    /// Not cancel safe; to end it, cancel the token that it was made with.
    pub async fn run(mut self) -> Left<D> {
        // Whatever way this ends, its jobs end with it.
        let _jobs = self.jobs.call().clone().drop_guard();
        let end = loop {
            if let Err(stop) = self.turn_once().await {
                break stop;
            }
        };
        let how = match &end {
            Stop::HungUp(how) => *how,
            Stop::SlowClient => HangUp::SlowClient,
            Stop::Ear(error) => {
                tracing::error!(%error, "the call cannot hear");
                HangUp::EngineFailed
            }
        };
        self.close(how);
        let Arrivals { stats, broken, dropped, .. } = self.arrivals().unwrap_or_default();
        self.tell_heard();
        tracing::info!(
            seconds = self.began.elapsed().as_secs(),
            packets = stats.received,
            lost = stats.lost,
            late = stats.late,
            broken,
            dropped,
            "call ended: {end}"
        );
        if matches!(how, HangUp::SlowClient | HangUp::EngineFailed | HangUp::Resumed) {
            // If there is still room for it.
            let _ = self.line.events.send(self.dialect.ending(how, Duration::ZERO));
        }
        self.abandon(how)
    }

    /// Ends a call that never ran: all that it began with is left.
    pub fn abandon(self, how: HangUp) -> Left<D> {
        let (history, missed) = self.conversation.into_left();
        Left { how, history, missed, dialect: self.dialect }
    }

    /// Lets the conversation say what stays of a reply that the end of the call has cut.
    fn close(&mut self, how: HangUp) {
        let now = self.began.elapsed();
        // Of a path that broke it is known by the person's sound since when; whoever hangs up has heard what they heard.
        let broken = matches!(how, HangUp::ConnectionLost | HangUp::Resumed);
        let quiet = self.last_packet.filter(|_| broken).map(|at| now.saturating_sub(at));
        let unheard = quiet.filter(|quiet| *quiet > PATH_IS_FINE).unwrap_or_default();
        self.conversation.handle(Event::Closed { unheard }, now);
        while let Some(command) = self.conversation.poll_command() {
            if let Command::Tell(notice) = command {
                self.tell(notice);
            }
        }
    }

    /// Waits for one thing to happen and deals with it.
    async fn turn_once(&mut self) -> Result<(), Stop> {
        let deadlines = [self.ear.deadline(), self.mouth.deadline(), self.conversation.deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        let wake = deadline.map(|at| self.began + at);
        let call = self.jobs.call().clone();
        tokio::select! {
            // Control first: a hang-up must not wait behind sound.
            biased;
            () = call.cancelled() => return Err(Stop::HungUp(HangUp::Deleted)),
            message = self.line.control.recv() => self.client(message)?,
            Some(result) = self.jobs.next() => self.result(result)?,
            Some(progress) = self.mouth.track_progress() => self.progress(progress)?,
            Some(arrival) = self.line.microphone.recv() => self.sound(arrival)?,
            () = until(wake) => {}
        }
        self.time_passes()
    }

    /// What is due by now.
    fn time_passes(&mut self) -> Result<(), Stop> {
        let now = self.now();
        if let Some(due) = self.ear.deadline().filter(|deadline| now >= *deadline) {
            let frames = self.ear.advance(now)?;
            self.frames(frames, self.began + due)?;
        }
        while let Some(progress) = self.mouth.poll(now) {
            self.progress(progress)?;
        }
        if self.conversation.deadline().is_some_and(|deadline| now >= deadline) {
            self.handle(Event::Tick)?;
        }
        Ok(())
    }

    fn client(&mut self, message: Option<Control>) -> Result<(), Stop> {
        let mut events = Vec::new();
        let request = match message {
            None => return Err(Stop::HungUp(HangUp::ChannelClosed)),
            Some(Control::HungUp(how)) => return Err(Stop::HungUp(how)),
            Some(Control::Opened) => {
                self.listening = true;
                self.dialect.opened(&mut events);
                let greeting = std::mem::take(&mut self.greeting);
                (!greeting.is_empty()).then_some(Request::Ask(Ask::Say(greeting)))
            }
            Some(Control::Text(text)) => self.dialect.read(&text, &mut events),
            Some(Control::Stored { item, result }) => {
                events.push(self.dialect.stored(&item, result));
                None
            }
            Some(Control::Path { rtt }) => {
                self.path.rtt = rtt;
                if let Some(arrivals) = self.arrivals() {
                    events.push(self.dialect.network(&self.path.news.look(arrivals, rtt)));
                }
                None
            }
            Some(Control::Ending { reason, within }) => {
                events.push(self.dialect.ending(reason, within));
                None
            }
        };
        self.send(events)?;
        match request {
            None => Ok(()),
            Some(Request::Ask(ask)) => self.handle(Event::Asked(ask)),
            Some(Request::Configure(settings)) => {
                self.ear.configure(settings.gate);
                self.expected = settings.expected;
                self.manner = settings.manner;
                self.handle(Event::Asked(Ask::Configure(Box::new(settings.conversation))))
            }
            Some(Request::Sound(samples)) => {
                self.sound(Arrival { sound: Sound::Samples(samples), at: Instant::now() })
            }
            Some(Request::Played { reply, clause, played }) => {
                match self.mouth.report(reply, clause, played, self.now()) {
                    Some(progress) => self.progress(progress),
                    None => Ok(()),
                }
            }
        }
    }

    fn sound(&mut self, arrival: Arrival) -> Result<(), Stop> {
        let now = self.now();
        let frames = match arrival.sound {
            Sound::Packet(packet) => {
                self.last_packet = Some(now);
                self.ear.packet(packet, now)?
            }
            Sound::Samples(samples) => self.ear.samples(&samples, now)?,
        };
        self.frames(frames, arrival.at)?;
        if self.telling.is_due(now) {
            self.tell_heard();
        }
        Ok(())
    }

    /// Tells whoever counts what came of the person's sound.
    fn tell_heard(&mut self) {
        let Some(arrivals) = self.arrivals() else { return };
        let news = self.telling.news(&Heard::from(arrivals), self.now());
        self.engines.meter.tell(|meter| meter.heard(&news));
    }

    /// Hands frames to the conversation that could be had since `since`.
    fn frames(&mut self, frames: Vec<Frame>, since: Instant) -> Result<(), Stop> {
        let number = frames.len();
        for frame in frames {
            self.handle(Event::Frame(frame))?;
        }
        self.ear.forget(self.conversation.keep_from());
        let lost = self.ear.arrivals().map_or(0, |arrivals| arrivals.stats.lost);
        // What comes all at once, as over a WebSocket, is shared out.
        let took = since.elapsed() / u32::try_from(number.max(1)).unwrap_or(u32::MAX);
        let dropped = self.handling.note(number, took, self.line.microphone.dropped(), lost);
        if dropped > 0 {
            self.load.count_dropped(dropped);
        }
        for _ in 0..number {
            self.engines.meter.tell(|meter| meter.handled(took));
        }
        Ok(())
    }

    fn result(&mut self, result: JobResult) -> Result<(), Stop> {
        match result {
            JobResult::Event(event) => self.handle(event),
            JobResult::Speech { reply, clause, speech, last } => {
                if !self.jobs.is_current(reply) {
                    return Ok(());
                }
                let now = self.now();
                let duration = speech.duration();
                let (words, took) = (speech.words.clone(), speech.took);
                let mut events = Vec::new();
                let Self { ear, mouth, line, dialect, .. } = self;
                ear.plays(reply, clause, &speech.samples);
                mouth.say(reply, clause, speech, last, now, &line.output, dialect, &mut events)?;
                self.send(events)?;
                self.handle(Event::Spoke { reply, duration, words, took, last })
            }
        }
    }

    fn progress(&mut self, progress: Progress) -> Result<(), Stop> {
        self.ear.played(&progress)?;
        let Progress { reply, clause, played, ended } = progress;
        // An end without sound is no sound that begins.
        if !(ended && played.is_zero()) {
            self.handle(Event::Playing { reply, clause, played })?;
        }
        if ended { self.handle(Event::Played { reply }) } else { Ok(()) }
    }

    /// Hands an event to the conversation and carries out what it decides.
    fn handle(&mut self, event: Event) -> Result<(), Stop> {
        self.conversation.shed(self.load.shedding());
        self.conversation.handle(event, self.began.elapsed());
        while let Some(command) = self.conversation.poll_command() {
            self.execute(command)?;
        }
        Ok(())
    }

    fn execute(&mut self, command: Command) -> Result<(), Stop> {
        match command {
            Command::Predict { turn, question, audio } => {
                self.jobs.predict(&self.engines.turn, turn, question, self.ear.copy(audio));
            }
            Command::Recognise { job, audio, hints } => {
                let audio = self.ear.copy(audio);
                let engine = self.engines.recogniser.as_ref();
                self.jobs.recognise(engine, job, audio, hints, self.expected.clone());
            }
            Command::CancelRecognition { job } => self.jobs.cancel_recognition(job),
            Command::Write { reply, messages, max_tokens } => {
                self.jobs.write(&self.engines.llm, reply, messages, max_tokens);
            }
            Command::Speak { reply, clause, text } => {
                self.mouth.begin(clause, &text);
                let voice = self.engines.voice.as_ref();
                self.jobs.speak(voice, reply, clause, text, self.manner.clone());
            }
            Command::EndSpeech { reply } => self.mouth.end(reply),
            Command::Duck { reply } => self.hush(reply, Hush::Duck)?,
            Command::Hold { reply } => self.hush(reply, Hush::Hold)?,
            Command::Resume { reply, from } => self.hush(reply, Hush::Resume(from))?,
            Command::Cancel { reply } => {
                self.jobs.cancel_reply(reply);
                self.ear.stops();
                self.mouth.cancel(reply)?;
            }
            Command::Shed(shed) => {
                self.load.count(shed);
                self.engines.meter.tell(|meter| meter.shed(shed.into()));
            }
            Command::Tell(notice) => {
                let events = self.tell(notice);
                self.send(events)?;
            }
        }
        Ok(())
    }

    /// A notice in the client's language. How its sound arrived belongs to the report of a turn, and is known only here.
    fn tell(&mut self, mut notice: Notice) -> Vec<String> {
        if let Notice::Turn(report) = &mut notice {
            let (arrivals, rtt) = (self.arrivals(), self.path.rtt);
            report.network = arrivals.map(|arrivals| self.path.turns.look(arrivals, rtt));
        }
        let mut events = Vec::new();
        self.dialect.tell(&notice, &mut events);
        events
    }

    /// What happened to the packets of the person's sound, if there are any.
    fn arrivals(&self) -> Option<Arrivals> {
        let arrivals = self.ear.arrivals()?;
        Some(Arrivals { dropped: self.line.microphone.dropped(), ..arrivals })
    }

    fn hush(&mut self, reply: ReplyId, hush: Hush) -> Result<(), Stop> {
        let (now, mut events) = (self.now(), Vec::new());
        self.ear.hush(hush);
        self.mouth.hush(reply, hush, now, &mut self.dialect, &mut events);
        self.send(events)
    }

    /// Sends events, if the client has a channel for them.
    fn send(&self, events: Vec<String>) -> Result<(), Stop> {
        if !self.listening {
            return Ok(());
        }
        let sent = events.into_iter().all(|event| self.line.events.send(event));
        if sent { Ok(()) } else { Err(Stop::SlowClient) }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
