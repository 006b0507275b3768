//! The world around a conversation: sound, engines with a stated delay, and a loudspeaker.
//!
//! It checks on the way what must always hold: a command never concerns a reply that was cancelled, and
//! sound that is asked for is still kept.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use super::super::*;
use crate::pipeline::load::{Shed, Shedding};
use crate::pipeline::rehearsal;
use crate::pipeline::stt::{Rejection, Spoken, Transcript, Urgency};
use crate::pipeline::took::Took;
use crate::pipeline::vad::{FRAME, SpeechGate};

pub(super) fn settings() -> Settings {
    Settings {
        instructions: Text::from("Be brief."),
        interim: Samples(0),
        context_tokens: 100_000,
        ..rehearsal::settings()
    }
}

/// What the engines answer, and how long they take.
#[derive(Debug, Clone)]
pub(super) struct Engines {
    pub says: HashMap<u32, String>,
    pub reply: String,
    /// Answers of the end-of-turn model, one after the other, the last one for ever; none: always sure.
    pub complete: Vec<f32>,
    pub prediction: Duration,
    pub recognition: Duration,
    pub recognition_fails: Vec<u32>,
    /// Captions take so long, and cannot be had.
    pub interim: Duration,
    pub interim_fails: bool,
    pub language: Option<Spoken>,
    pub first_token: Duration,
    pub speech: Duration,
    pub model_failure: Option<Failure>,
    /// Results come although they were cancelled.
    pub ignores_cancellation: bool,
}

impl Default for Engines {
    fn default() -> Self {
        Self {
            says: HashMap::new(),
            reply: "It is late. Go to bed.".to_owned(),
            complete: Vec::new(),
            prediction: Duration::from_millis(40),
            recognition: Duration::from_millis(150),
            recognition_fails: Vec::new(),
            interim: Duration::from_millis(80),
            interim_fails: false,
            language: None,
            first_token: Duration::from_millis(100),
            speech: Duration::from_millis(50),
            model_failure: None,
            ignores_cancellation: false,
        }
    }
}

impl Engines {
    pub(super) fn says(mut self, turn: u32, words: &str) -> Self {
        self.says.insert(turn, words.to_owned());
        self
    }

    pub(super) fn replies(mut self, words: &str) -> Self {
        self.reply = words.to_owned();
        self
    }
}

/// See the module.
pub(super) struct Sim {
    conversation: Conversation,
    engines: Engines,
    gate: SpeechGate,
    now: Duration,
    due: BTreeMap<(Duration, u64), Event>,
    sequence: u64,
    predictions: usize,
    notices: Vec<Notice>,
    ranges: Vec<Range<Samples>>,
    interims: Vec<(Range<Samples>, Hints)>,
    finals: Vec<Hints>,
    interim_under_way: Option<Recognition>,
    cancelled_recognitions: usize,
    cancelled: HashSet<ReplyId>,
    /// Replies that the model was asked for.
    written: HashSet<ReplyId>,
    messages: Vec<(Role, Text)>,
    spoken: usize,
    loudspeaker: VecDeque<Queued>,
    ended: HashSet<ReplyId>,
    /// Replies that the client was told to forget.
    cleared: HashSet<ReplyId>,
    /// Sound before this is gone.
    forgotten: Samples,
    /// The reply that is to be silent.
    held: Option<ReplyId>,
    /// The reply that is quieter than it should be, and for how long nobody has said anything meanwhile.
    quieter: Option<(ReplyId, Duration)>,
    /// How replies were hushed, and when.
    hushes: Vec<(Duration, &'static str)>,
    sheds: Vec<Shed>,
}

struct Queued {
    reply: ReplyId,
    clause: u32,
    duration: Duration,
    played: Duration,
}

impl Sim {
    pub(super) fn new(engines: Engines, settings: Settings) -> Self {
        let gate = SpeechGate::new(rehearsal::GATE);
        Self {
            conversation: Conversation::new(settings),
            engines,
            gate,
            now: Duration::ZERO,
            due: BTreeMap::new(),
            sequence: 0,
            predictions: 0,
            notices: Vec::new(),
            ranges: Vec::new(),
            interims: Vec::new(),
            finals: Vec::new(),
            interim_under_way: None,
            cancelled_recognitions: 0,
            cancelled: HashSet::new(),
            written: HashSet::new(),
            messages: Vec::new(),
            spoken: 0,
            loudspeaker: VecDeque::new(),
            ended: HashSet::new(),
            cleared: HashSet::new(),
            forgotten: Samples(0),
            held: None,
            quieter: None,
            hushes: Vec::new(),
            sheds: Vec::new(),
        }
    }

    pub(super) fn speak(&mut self, ms: u64) -> &mut Self {
        self.sound(ms, 0.95)
    }

    pub(super) fn quiet(&mut self, ms: u64) -> &mut Self {
        self.sound(ms, 0.02)
    }

    /// Something that may become speech.
    pub(super) fn stir(&mut self, ms: u64) -> &mut Self {
        self.sound(ms, 0.4)
    }

    pub(super) fn ask(&mut self, ask: Ask) -> &mut Self {
        self.handle(Event::Asked(ask));
        self
    }

    /// From now on there is no time for this.
    pub(super) fn shed(&mut self, shedding: Shedding) -> &mut Self {
        self.conversation.shed(shedding);
        self
    }

    /// What was left out for that.
    pub(super) fn sheds(&self, which: Shed) -> usize {
        self.sheds.iter().filter(|shed| **shed == which).count()
    }

    pub(super) fn notices(&self) -> impl Iterator<Item = &Notice> {
        self.notices.iter()
    }

    pub(super) fn count(&self, wanted: impl Fn(&Notice) -> bool) -> usize {
        self.notices.iter().filter(|notice| wanted(notice)).count()
    }

    pub(super) fn last_index(&self, wanted: impl Fn(&Notice) -> bool) -> Option<usize> {
        self.notices.iter().rposition(wanted)
    }

    pub(super) fn state(&self) -> State {
        self.conversation.state()
    }

    pub(super) fn last_messages(&self) -> &[(Role, Text)] {
        &self.messages
    }

    pub(super) fn recognised_ranges(&self) -> &[Range<Samples>] {
        &self.ranges
    }

    /// What was recognised for captions.
    pub(super) fn interims(&self) -> &[(Range<Samples>, Hints)] {
        &self.interims
    }

    /// What was said about sound that was recognised for good.
    pub(super) fn finals(&self) -> &[Hints] {
        &self.finals
    }

    /// From now on nothing is understood.
    pub(super) fn mishears(&mut self) -> &mut Self {
        self.engines.says.insert(0, String::new());
        self
    }

    /// The call is over.
    pub(super) fn close(&mut self) {
        self.handle(Event::Closed { unheard: Duration::ZERO });
    }

    /// The call is over, and for so long before nothing was heard of it. What was heard, and what was missed.
    pub(super) fn lose(mut self, unheard_ms: u64) -> (Option<String>, String) {
        self.handle(Event::Closed { unheard: Duration::from_millis(unheard_ms) });
        let (history, missed) = self.conversation.into_left();
        (history.last_reply().map(|text| text.as_str().to_owned()), missed.into_string())
    }

    /// Whether a caption is being recognised.
    pub(super) fn has_interim_under_way(&self) -> bool {
        self.interim_under_way.is_some()
    }

    pub(super) fn cancelled_recognitions(&self) -> usize {
        self.cancelled_recognitions
    }

    /// Time passes, and nothing is heard of the microphone any more.
    pub(super) fn stand_still(&mut self, ms: u64) -> &mut Self {
        self.now += Duration::from_millis(ms);
        if self.conversation.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.handle(Event::Tick);
        }
        self
    }

    /// How replies were hushed, and when.
    pub(super) fn hushes(&self) -> Vec<&'static str> {
        self.hushes.iter().map(|(_, how)| *how).collect()
    }

    /// Whether the model works on something that nobody will hear of.
    pub(super) fn writes_in_vain(&self) -> bool {
        let told: HashSet<ReplyId> = self
            .notices()
            .filter_map(|notice| match notice {
                Notice::ReplyStarted { reply, .. } => Some(*reply),
                _ => None,
            })
            .collect();
        self.written.iter().any(|reply| !told.contains(reply) && !self.cancelled.contains(reply))
    }

    pub(super) fn spoken_clauses(&self) -> usize {
        self.spoken
    }

    fn sound(&mut self, ms: u64, probability: f32) -> &mut Self {
        let frame = Duration::from_millis(32);
        for _ in 0..ms.div_ceil(32) {
            let end = self.now + frame;
            while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= end) {
                self.now = self.now.max(entry.key().0);
                let event = entry.remove();
                self.handle(event);
            }
            self.now = end;
            self.play(frame);
            self.check_loudness(frame, probability);
            if self.conversation.deadline().is_some_and(|deadline| deadline <= self.now) {
                self.handle(Event::Tick);
            }
            let change = self.gate.push(probability);
            assert_eq!(self.gate.position().0 % FRAME as u64, 0);
            let (position, voiced) = (self.gate.position(), self.gate.is_voiced());
            let stirs = probability >= 0.3;
            self.handle(Event::Frame(Frame { position, voiced, stirs, change }));
        }
        self
    }

    /// Nothing stays quiet for long when nobody says anything.
    fn check_loudness(&mut self, passed: Duration, probability: f32) {
        let plays = |reply: ReplyId| self.loudspeaker.front().is_some_and(|f| f.reply == reply);
        if let Some((reply, since)) = self.quieter.as_mut().filter(|(reply, _)| plays(*reply)) {
            *since = if probability < 0.1 { *since + passed } else { Duration::ZERO };
            assert!(*since < Duration::from_secs(6), "{reply:?} stays quiet");
        }
    }

    fn handle(&mut self, event: Event) {
        if let Event::Recognised { job, .. } = &event {
            self.interim_under_way.take_if(|current| current == job);
        }
        self.conversation.handle(event, self.now);
        while let Some(command) = self.conversation.poll_command() {
            self.execute(command);
        }
        self.forgotten = self.forgotten.max(self.conversation.keep_from());
    }

    fn later(&mut self, delay: Duration, event: Event) {
        self.sequence += 1;
        self.due.insert((self.now + delay, self.sequence), event);
    }

    fn execute(&mut self, command: Command) {
        match command {
            Command::Predict { turn, question, audio } => {
                self.check_kept(&audio);
                let answers = &self.engines.complete;
                let answer = answers.get(self.predictions).or(answers.last()).copied();
                self.predictions += 1;
                let probability = Some(answer.unwrap_or(0.95));
                let took = took(self.engines.prediction);
                self.later(
                    self.engines.prediction,
                    Event::Predicted { turn, question, probability, took },
                );
            }
            Command::Recognise { job, audio, hints } if hints.urgency == Urgency::Interim => {
                self.check_kept(&audio);
                assert_eq!(self.interim_under_way, None, "one at a time");
                self.interim_under_way = Some(job);
                let words = self.said(job, (audio.end - audio.start).as_ms() as usize / 250);
                self.interims.push((audio, hints));
                let result = if self.engines.interim_fails {
                    Err(Failure { code: "engine_overloaded", message: String::new() })
                } else {
                    Ok(self.heard(&words))
                };
                self.later(self.engines.interim, Event::Recognised { job, result });
            }
            Command::Recognise { job, audio, hints } => {
                self.check_kept(&audio);
                self.ranges.push(audio);
                self.finals.push(hints);
                let result = if self.engines.recognition_fails.contains(&job.turn.0) {
                    Err(Failure { code: "engine_failed", message: String::new() })
                } else {
                    let took = took(self.engines.recognition);
                    Ok(Transcript { took, ..self.heard(&self.said(job, usize::MAX)) })
                };
                self.later(self.engines.recognition, Event::Recognised { job, result });
            }
            Command::CancelRecognition { job } => {
                self.cancelled_recognitions += 1;
                self.interim_under_way.take_if(|current| *current == job);
                self.drop_due(
                    |event| matches!(event, Event::Recognised { job: j, .. } if *j == job),
                );
            }
            Command::Write { reply, messages, .. } => self.write(reply, messages),
            Command::Speak { reply, clause, text } => {
                self.check_alive(reply);
                self.spoken += 1;
                let duration = Duration::from_millis(60 * text.as_str().len() as u64);
                self.loudspeaker.push_back(Queued {
                    reply,
                    clause,
                    duration,
                    played: Duration::ZERO,
                });
                let (words, took) = (Vec::new(), took(self.engines.speech));
                self.later(
                    self.engines.speech,
                    Event::Spoke { reply, duration, words, took, last: true },
                );
            }
            Command::EndSpeech { reply } => {
                self.check_alive(reply);
                self.ended.insert(reply);
            }
            Command::Duck { reply } => {
                self.check_alive(reply);
                self.hushes.push((self.now, "duck"));
                self.quieter = Some((reply, Duration::ZERO));
            }
            Command::Hold { reply } => {
                self.check_alive(reply);
                self.hushes.push((self.now, "hold"));
                self.held = Some(reply);
            }
            Command::Resume { reply, from } => {
                self.check_alive(reply);
                self.hushes.push((self.now, "resume"));
                self.quieter = None;
                assert_eq!(self.held.take().is_some(), from.is_some(), "held or not");
                if let (Some((clause, at)), Some(front)) = (from, self.loudspeaker.front_mut())
                    && front.clause == clause
                {
                    assert!(at <= front.played + Duration::from_millis(40), "nothing is skipped");
                    front.played = front.played.min(at);
                }
            }
            Command::Cancel { reply } => {
                self.cancelled.insert(reply);
                self.held.take_if(|held| *held == reply);
                self.quieter.take_if(|(quieter, _)| *quieter == reply);
                self.loudspeaker.retain(|queued| queued.reply != reply);
                self.drop_due(|event| reply_of(event) == Some(reply));
            }
            Command::Shed(shed) => self.sheds.push(shed),
            Command::Tell(notice) => {
                if let Notice::AudioCleared { reply } = notice {
                    self.cleared.insert(reply);
                }
                self.notices.push(notice);
            }
        }
    }

    /// The first words of what is said in a turn.
    fn said(&self, job: Recognition, words: usize) -> String {
        let said = self.engines.says.get(&job.turn.0).cloned();
        let said = said.unwrap_or_else(|| format!("turn {}", job.turn.0));
        said.split(' ').take(words).collect::<Vec<_>>().join(" ")
    }

    /// A transcript with one token a word.
    fn heard(&self, words: &str) -> Transcript {
        Transcript {
            text: Text::from(words),
            tokens: (0..words.split_whitespace().count() as u32).collect(),
            language: self.engines.language.clone(),
            rejection: words.is_empty().then_some(Rejection::Unsure),
            ..Transcript::default()
        }
    }

    fn write(&mut self, reply: ReplyId, messages: Vec<(Role, Text)>) {
        self.check_alive(reply);
        self.written.insert(reply);
        self.messages = messages;
        let text = self.engines.reply.clone();
        let mut delay = self.engines.first_token;
        if let Some(failure) = self.engines.model_failure.clone() {
            self.later(delay, Event::Written { reply, result: Err(failure) });
            return;
        }
        for word in text.split_inclusive(' ') {
            self.later(delay, Event::Wrote { reply, delta: Text::from(word) });
            delay += Duration::from_millis(20);
        }
        self.later(delay, Event::Written { reply, result: Ok((Finish::Stop, None)) });
    }

    /// The loudspeaker plays for `time`, and says so.
    fn play(&mut self, time: Duration) {
        let speaking = |due: &BTreeMap<_, Event>, reply| {
            due.values().any(|event| matches!(event, Event::Spoke { reply: r, .. } if *r == reply))
        };
        if self.held.is_some() {
            return;
        }
        let Some(front) = self.loudspeaker.front_mut() else {
            let ended: Vec<_> = self.ended.drain().collect();
            for reply in ended {
                self.handle(Event::Played { reply });
            }
            return;
        };
        // Its sound has not been made yet.
        if speaking(&self.due, front.reply) && front.played.is_zero() {
            return;
        }
        assert!(!self.cleared.contains(&front.reply), "{:?} was cut and still plays", front.reply);
        front.played += time;
        let played = front.played.min(front.duration);
        let event = Event::Playing { reply: front.reply, clause: front.clause, played };
        if front.played >= front.duration {
            self.loudspeaker.pop_front();
        }
        self.handle(event);
    }

    fn drop_due(&mut self, gone: impl Fn(&Event) -> bool) {
        if !self.engines.ignores_cancellation {
            self.due.retain(|_, event| !gone(event));
        }
    }

    fn check_alive(&self, reply: ReplyId) {
        assert!(!self.cancelled.contains(&reply), "{reply:?} was cancelled");
    }

    fn check_kept(&self, audio: &Range<Samples>) {
        assert!(audio.start <= audio.end, "{audio:?}");
        assert!(audio.end <= self.gate.position(), "{audio:?}");
        assert!(audio.end - audio.start <= Samples::from_ms(28_000), "{audio:?}");
        assert!(audio.start >= self.forgotten, "{audio:?} is forgotten up to {:?}", self.forgotten);
    }
}

/// A quarter of the time is spent in a queue.
fn took(delay: Duration) -> Took {
    Took { waited: delay / 4, worked: delay * 3 / 4 }
}

fn reply_of(event: &Event) -> Option<ReplyId> {
    match event {
        Event::Wrote { reply, .. }
        | Event::Written { reply, .. }
        | Event::Spoke { reply, .. }
        | Event::SpeechFailed { reply, .. }
        | Event::Playing { reply, .. }
        | Event::Played { reply } => Some(*reply),
        _ => None,
    }
}
