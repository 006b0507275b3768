//! A call on a clock that is turned by hand: scripted sound goes through the real ear, the real conversation and the
//! real playout, and comes out as what the person hears.
//!
//! Engines run inline, and each is charged a stated time: the same script gives the same call on every machine,
//! however slow. Tests of taking turns and the figures of docs/turn-taking.md are made with it.

mod far;
mod usual;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use self::far::Far;
use super::Hush;
use super::codec::opus::SPEECH_FRAME;
use super::conversation::{
    Command, Conversation, Event, Finish, Hints, Notice, Recognition, ReplyId, Settings,
};
use super::ear::{Ear, EarError};
use super::frame::{MIC_RATE_HZ, Samples};
use super::history::Role;
use super::playout::Progress;
use super::playout::track::queue;
use super::stt::{Transcript, Urgency};
use super::text::Text;
use super::took::Took;
use super::tts::{Speech, WordTiming};
use super::vad::{GateSettings, VadModel};

pub use self::far::Output;
pub use self::usual::{GATE, POLICY, settings};

/// A step of the clock: a packet of the microphone, and a frame of the reply.
pub const STEP: Duration = Duration::from_millis(20);
/// Samples of the microphone in a step.
pub const MIC_STEP: usize = MIC_RATE_HZ as usize / 50;

/// What runs the models of a rehearsal.
pub trait Cast {
    /// Whether the turn is complete, for `audio` as [`TurnDetector`](super::turn::TurnDetector) takes it.
    fn complete(&mut self, audio: &[f32]) -> f32;
    /// The words of `audio`, which ends at `end` on the microphone's clock.
    fn transcribe(&mut self, audio: &[f32], end: Samples, hints: &Hints) -> Transcript;
    /// What the model writes, token by token.
    fn answer(&mut self, messages: &[(Role, Text)]) -> Vec<String>;
    /// A clause, spoken.
    fn speak(&mut self, text: &str) -> Speech;
}

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    /// Asking whether a turn is complete.
    pub prediction: Duration,
    /// Recognition, whatever its length.
    pub recognition: Duration,
    /// Up to the model's first token.
    pub first_token: Duration,
    /// From one token to the next.
    pub token: Duration,
    /// A clause of speech.
    pub speech: Duration,
    /// From the server to the person, and from the person to the server.
    pub network: Duration,
}

impl Default for Costs {
    /// A small machine: what the engines take on two cores with a small Whisper.
    fn default() -> Self {
        Self {
            prediction: Duration::from_millis(30),
            recognition: Duration::from_millis(150),
            first_token: Duration::from_millis(150),
            token: Duration::from_millis(20),
            speech: Duration::from_millis(120),
            network: Duration::from_millis(20),
        }
    }
}

/// See the module.
pub struct Rehearsal<C> {
    cast: C,
    costs: Costs,
    conversation: Conversation,
    ear: Ear,
    far: Far,
    now: Duration,
    due: BTreeMap<(Duration, u64), Due>,
    sequence: u64,
    cancelled: HashSet<ReplyId>,
    given_up: HashSet<Recognition>,
    notices: Vec<(Duration, Notice)>,
    asked: VecDeque<Vec<(Role, Text)>>,
}

enum Due {
    Event(Event),
    Clause { reply: ReplyId, clause: u32, speech: Speech },
    Progress(Progress),
}

impl<C: Cast> Rehearsal<C> {
    /// A call that begins now.
    pub fn new(
        cast: C,
        costs: Costs,
        settings: Settings,
        vad: &Arc<dyn VadModel>,
        gate: GateSettings,
        output: Output,
    ) -> Self {
        Self {
            cast,
            costs,
            conversation: Conversation::new(settings),
            ear: Ear::new(vad, gate),
            far: Far::new(output, costs.network),
            now: Duration::ZERO,
            due: BTreeMap::new(),
            sequence: 0,
            cancelled: HashSet::new(),
            given_up: HashSet::new(),
            notices: Vec::new(),
            asked: VecDeque::new(),
        }
    }

    /// What the microphone hears, from now on. The last step is filled with silence.
    pub fn hear(&mut self, sound: &[f32]) -> Result<(), EarError> {
        for step in sound.chunks(MIC_STEP) {
            let mut frame = [0.0; MIC_STEP];
            frame[..step.len()].copy_from_slice(step);
            self.step(&frame)?;
        }
        Ok(())
    }

    /// One step: time passes, and this arrives from the microphone.
    pub fn step(&mut self, frame: &[f32; MIC_STEP]) -> Result<(), EarError> {
        self.now += STEP;
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= self.now) {
            match entry.remove() {
                Due::Event(event) => self.handle(event),
                Due::Clause { reply, clause, speech } => self.spoke(reply, clause, speech),
                Due::Progress(progress) => self.progress(progress),
            }
        }
        if let Some(progress) = self.far.step(self.now) {
            let at = self.now + self.far.report_delay();
            self.later(at, Due::Progress(progress));
        }
        for frame in self.ear.microphone(frame)? {
            self.handle(Event::Frame(frame));
        }
        self.ear.forget(self.conversation.keep_from());
        if self.conversation.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.handle(Event::Tick);
        }
        Ok(())
    }

    /// Something happens now.
    pub fn handle(&mut self, event: Event) {
        if let Event::Recognised { job, .. } = &event
            && self.given_up.remove(job)
        {
            return;
        }
        self.conversation.handle(event, self.now);
        while let Some(command) = self.conversation.poll_command() {
            self.execute(command);
        }
    }

    /// What the client was told, and when.
    pub fn notices(&self) -> &[(Duration, Notice)] {
        &self.notices
    }

    /// What the model was asked last.
    pub fn asked(&self) -> Option<&[(Role, Text)]> {
        self.asked.back().map(Vec::as_slice)
    }

    /// What the person heard, at 24 kHz, from the beginning of the call on.
    pub fn heard(&self) -> &[f32] {
        self.far.heard()
    }

    /// How far the person has heard a reply: the last clause of which anything was audible, and how much of it.
    pub fn audible(&self, reply: ReplyId) -> Option<(u32, Duration)> {
        self.far.audible(reply)
    }

    fn later(&mut self, at: Duration, due: Due) {
        self.sequence += 1;
        self.due.insert((at, self.sequence), due);
    }

    fn after(&mut self, delay: Duration, event: Event) {
        self.later(self.now + delay, Due::Event(event));
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Predict { turn, question, audio } => {
                let probability = Some(self.cast.complete(&self.ear.copy(audio)));
                let took = Took { worked: self.costs.prediction, ..Took::default() };
                let event = Event::Predicted { turn, question, probability, took };
                self.after(self.costs.prediction, event);
            }
            Command::Recognise { job, audio, hints } => {
                let end = audio.end;
                let result = Ok(self.cast.transcribe(&self.ear.copy(audio), end, &hints));
                let interim = hints.urgency == Urgency::Interim;
                // What people wait for goes first; captions take what is left.
                let delay =
                    if interim { self.costs.recognition * 2 } else { self.costs.recognition };
                self.after(delay, Event::Recognised { job, result });
            }
            Command::CancelRecognition { job } => {
                self.given_up.insert(job);
            }
            Command::Write { reply, messages, .. } => self.write(reply, messages),
            Command::Speak { reply, clause, text } => {
                let speech = self.cast.speak(text.as_str());
                self.later(self.now + self.costs.speech, Due::Clause { reply, clause, speech });
            }
            Command::EndSpeech { reply } => self.play(queue::Command::End(reply)),
            Command::Duck { .. } => {
                self.ear.hush(Hush::Duck);
                self.play(queue::Command::Duck);
            }
            Command::Hold { .. } => {
                self.ear.hush(Hush::Hold);
                self.play(queue::Command::Hold);
            }
            Command::Resume { from, .. } => {
                self.ear.hush(Hush::Resume(from));
                self.play(queue::Command::Resume(from));
            }
            Command::Cancel { reply } => {
                self.cancelled.insert(reply);
                self.ear.stops();
                self.play(queue::Command::Cancel);
            }
            // Nobody else is on this machine.
            Command::Shed(_) => {}
            Command::Tell(notice) => self.notices.push((self.now, notice)),
        }
    }

    fn play(&mut self, command: queue::Command) {
        self.far.send(command, self.now);
    }

    fn write(&mut self, reply: ReplyId, messages: Vec<(Role, Text)>) {
        let mut delay = self.costs.first_token;
        for token in self.cast.answer(&messages) {
            self.after(delay, Event::Wrote { reply, delta: Text::from(token) });
            delay += self.costs.token;
        }
        self.after(delay, Event::Written { reply, result: Ok((Finish::Stop, None)) });
        self.asked.push_back(messages);
    }

    /// A clause is made: it goes to the person, as the pipeline sends it.
    fn spoke(&mut self, reply: ReplyId, clause: u32, speech: Speech) {
        if self.cancelled.contains(&reply) {
            return;
        }
        let Speech { samples, words } = speech;
        self.ear.plays(reply, clause, &samples);
        let duration = Duration::from_micros(samples.len() as u64 * 1_000 / 24);
        self.play(queue::Command::Play { reply, clause, samples });
        let took = Took { worked: self.costs.speech, ..Took::default() };
        self.handle(Event::Spoke { reply, duration, words, took, last: true });
    }

    fn progress(&mut self, progress: Progress) {
        // Resampling fails only for rates that nobody asks for.
        let _ = self.ear.played(&progress);
        let Progress { reply, clause, played, ended } = progress;
        if self.cancelled.contains(&reply) {
            return;
        }
        if !(ended && played.is_zero()) {
            self.handle(Event::Playing { reply, clause, played });
        }
        if ended {
            self.handle(Event::Played { reply });
        }
    }
}

/// A voice for rehearsals: a constant sound, so that its loudness is read off what is heard, and words that take as
/// long as their letters.
pub fn drone(text: &str) -> Speech {
    const MS_PER_LETTER: u32 = 60;
    let mut words = Vec::new();
    let (mut at, mut end) = (0, 0);
    for word in text.split_inclusive(char::is_whitespace) {
        end += word.len();
        let length = word.trim_end().chars().count() as u32 * MS_PER_LETTER;
        words.push(WordTiming { text_end: end, start_ms: at, end_ms: at + length });
        // A little silence belongs to each.
        at += length + MS_PER_LETTER / 2;
    }
    let samples = (at as usize * 24).next_multiple_of(SPEECH_FRAME);
    Speech { samples: vec![0.5; samples], words }
}
