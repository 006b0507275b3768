//! The person's side: from frames of sound to turns with transcripts.
//!
//! A turn opens where speech begins. At every pause recognition and end-of-turn detection start side by
//! side, over the whole turn so far; if speech goes on, recognition is taken back. When the turn is over,
//! the transcript that was begun at the last pause is the final one: only silence has followed.
//!
//! While somebody speaks, what there is by then is recognised for captions (`interim`), as far as the engine has
//! time for it.
//!
//! Whisper hears at most 30 s at once, so a longer turn is cut into segments at its longest silences, and
//! their transcripts are joined.

use std::collections::VecDeque;
use std::time::Duration;

use super::interim::{Interim, Interims};
use super::overlap::Evidence;
use super::segment::Segment;
use super::{Command, Decision, Failure, Frame, Recognition, Settings, TurnId};
use crate::pipeline::frame::Samples;
use crate::pipeline::load::{Shed, Shedding};
use crate::pipeline::stt::{Agreement, MIN_SPEECH_MS, Rejection, Transcript};
use crate::pipeline::text::Text;
use crate::pipeline::turn::WINDOW;
use crate::pipeline::turn::endpointing::{Endpointing, Policy, Reason, Verdict};
use crate::pipeline::turn::patience::patience;
use crate::pipeline::vad::Change;

/// Where only the client ends turns, the sound of a silence longer than this is not kept.
const LONG_SILENCE: Samples = Samples::from_ms(2_000);
/// Sound kept while nobody speaks, beyond the pre-roll: speech is noticed a little after it begins.
const NOTICE: Samples = Samples::from_ms(1_000);
/// Less speech than this is not worth a caption.
const LEAST_SPEECH: Samples = Samples::from_ms(MIN_SPEECH_MS);
/// In so long a silence a turn that sounds finished is not over before its words are there.
const WAIT_FOR_WORDS: Samples = Samples::from_ms(700);
/// A language that is at least this probable is that of the call.
const SURE_OF_LANGUAGE: f32 = 0.5;

/// What the person's side has found out.
#[derive(Debug)]
pub(super) enum Heard {
    /// A turn began here.
    Started { turn: TurnId, at: Samples },
    /// The turn was a click or a cough.
    Forgotten { turn: TurnId, at: Samples },
    /// The turn is over.
    Committed(Committed),
}

/// A turn that is over.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Committed {
    pub turn: TurnId,
    /// Where the last speech ended.
    pub speech_end: Samples,
    pub decision: Decision,
}

/// All of a committed turn's words.
#[derive(Debug)]
pub(super) struct Transcribed {
    pub turn: TurnId,
    pub result: Result<Text, Failure>,
    /// Why there are no words although something was heard.
    pub rejected: Option<Rejection>,
    /// How much speech the turn held.
    pub speech: Duration,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    position: Samples,
    /// Where the last turn ended: the next one's pre-roll must not reach into it.
    last_end: Samples,
    open: Option<Open>,
    /// Turns that are over, in order, whose transcripts are not complete.
    awaiting: VecDeque<Awaiting>,
    interims: Interims,
    /// What there is no time for.
    pub(super) shedding: Shedding,
    /// What is spoken in this call, once it was heard. Short turns are guessed wrong too easily.
    language: Option<String>,
    next_turn: u32,
}

#[derive(Debug)]
struct Open {
    turn: TurnId,
    start: Samples,
    /// Where its first speech began.
    began: Samples,
    endpointing: Endpointing,
    segments: Vec<Segment>,
    /// What the captions may rely on.
    agreement: Agreement,
    speaking: bool,
    /// Where the last stretch of speech ended.
    speech_end: Samples,
    /// How much speech it holds: frames that were speech themselves.
    speech: Samples,
    questions: u32,
}

#[derive(Debug)]
struct Awaiting {
    turn: TurnId,
    segments: Vec<Segment>,
    speech: Duration,
}

impl Hearing {
    /// Whether a turn is being spoken.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether words of a turn that is over are still to come.
    pub(super) fn is_awaiting(&self) -> bool {
        !self.awaiting.is_empty()
    }

    /// How much has been heard by now.
    pub(super) fn position(&self) -> Samples {
        self.position
    }

    /// The turn that is being spoken.
    pub(super) fn turn(&self) -> Option<TurnId> {
        self.open.as_ref().map(|open| open.turn)
    }

    /// What the turn that is being spoken tells of whether it is to stop a reply.
    pub(super) fn evidence(&self) -> Option<Evidence<'_>> {
        let open = self.open.as_ref()?;
        let understood = open.segments.last().and_then(Segment::understood);
        Some(Evidence {
            speech: open.speech,
            passed: self.position.saturating_sub(open.began),
            silence: if open.speaking {
                Samples(0)
            } else {
                self.position.saturating_sub(open.speech_end).max(Samples(1))
            },
            words: understood.map(|(words, _)| words),
            complete: understood.is_some_and(|(_, complete)| complete),
            saying: "",
        })
    }

    /// Recognises what there is of the open turn as soon as the engine has time: somebody waits for its words.
    pub(super) fn listen(&mut self, commands: &mut VecDeque<Command>) {
        let Some(open) = self.open.as_mut().filter(|open| open.speaking) else { return };
        if self.interims.is_free() {
            open.recognise_interim(
                self.position,
                self.language.as_deref(),
                &mut self.interims,
                commands,
            );
        }
    }

    /// Sound before this position is no longer needed.
    pub(super) fn keep_from(&self, settings: &Settings) -> Samples {
        let recent = self.position.saturating_sub(settings.pre_roll + NOTICE);
        let Some(open) = &self.open else { return recent };
        let window = open.start.max(self.position.saturating_sub(Samples(WINDOW as u64)));
        let segment = open.segments.last().filter(|segment| !segment.is_closed());
        segment.map_or(recent, Segment::start).min(window).min(recent)
    }

    /// Another frame was heard. While it is `undecided` whether it is meant for us, a turn does not end by itself.
    pub(super) fn frame(
        &mut self,
        frame: &Frame,
        undecided: bool,
        settings: &Settings,
        commands: &mut VecDeque<Command>,
    ) -> Option<Heard> {
        let before = std::mem::replace(&mut self.position, frame.position);
        if let Some(open) = self.open.as_mut().filter(|_| frame.voiced) {
            open.add_speech(frame.position.saturating_sub(before));
        }
        let started = match frame.change {
            Some(Change::Started { at }) => self.started(at, settings, commands),
            Some(Change::Paused { at }) => {
                self.paused(at, commands);
                None
            }
            None => None,
        };
        self.bound_segment(settings, commands);
        let decides = !undecided && started.is_none();
        let heard = if decides { self.decide(settings, commands) } else { started };
        self.caption(settings, commands);
        heard
    }

    /// The model's answer to a question about the open turn; `None` if it failed.
    pub(super) fn predicted(&mut self, turn: TurnId, question: u32, probability: Option<f32>) {
        let position = self.position;
        if let Some(open) = &mut self.open
            && open.turn == turn
            && open.questions == question
        {
            open.endpointing.answer(probability, position.saturating_sub(open.speech_end));
        }
    }

    /// What was said by the pause that the open turn is in, if all of it is understood and it may be over.
    pub(super) fn provisional(&self) -> Option<(TurnId, Text)> {
        let open = self.open.as_ref().filter(|open| !open.speaking)?;
        let complete = open.segments.iter().all(|s| matches!(s.result(), Some(Ok(_))));
        let text = open.words();
        let may_be_over = complete && open.endpointing.may_be_over() && !text.is_empty();
        may_be_over.then_some((open.turn, text))
    }

    /// The result of a recognition of a turn that may answer what was `asked`. What the captions of the open turn are from now on, if they changed.
    pub(super) fn recognised(
        &mut self,
        job: Recognition,
        result: Result<Transcript, Failure>,
        asked: &str,
        settings: &Settings,
    ) -> Option<Interim> {
        let heard = result.as_ref().is_ok_and(|transcript| !transcript.text.is_empty());
        if self.interims.ended(job, self.position, result.is_ok(), settings.interim) {
            let segments = self.open.iter_mut().flat_map(|turn| &mut turn.segments);
            let segment = segments.into_iter().find(|segment| segment.is_of(job))?;
            // Nobody is told of a caption that cannot be had.
            segment.hear(&result.ok()?);
        } else {
            let awaiting = self.awaiting.iter_mut().flat_map(|turn| &mut turn.segments);
            let open = self.open.iter_mut().flat_map(|turn| &mut turn.segments);
            let segment = awaiting.chain(open).find(|segment| segment.awaits(job))?;
            if let Ok(transcript) = &result {
                learn_language(&mut self.language, transcript);
            }
            segment.accept(result);
            if let Some(open) = self.open.as_mut().filter(|open| open.turn == job.turn) {
                let said = open.words();
                let language = self.language.as_deref();
                open.endpointing.be_patient(patience(said.as_str(), asked, language));
            }
        }
        let open = self.open.as_mut().filter(|open| open.turn == job.turn)?;
        if heard && settings.interim > Samples(0) { open.interim() } else { None }
    }

    /// The next turn whose words are all there, in the order in which turns were spoken.
    pub(super) fn next_transcribed(&mut self) -> Option<Transcribed> {
        let first = self.awaiting.front()?;
        if await_words(&first.segments) {
            return None;
        }
        let Awaiting { turn, segments, speech } = self.awaiting.pop_front()?;
        let mut text = Text::default();
        let mut result = Ok(());
        let mut rejected = None;
        for outcome in segments.iter().filter_map(Segment::result) {
            match outcome {
                Ok(heard) => {
                    text.push_phrase(heard.text.as_str());
                    rejected = rejected.or(heard.rejection);
                }
                Err(failure) => result = Err(failure.clone()),
            }
        }
        let rejected = rejected.filter(|_| text.is_empty());
        Some(Transcribed { turn, result: result.map(|()| text), rejected, speech })
    }

    /// Ends the open turn now. `None` if nothing was said.
    pub(super) fn commit(
        &mut self,
        reason: Reason,
        settings: &Settings,
        commands: &mut VecDeque<Command>,
    ) -> Option<Heard> {
        let mut open = self.open.take()?;
        self.last_end = self.position;
        self.interims.cancel(commands);
        let speech = open.speech;
        if reason != Reason::Client && speech < settings.min_speech {
            open.cancel(commands);
            return Some(Heard::Forgotten { turn: open.turn, at: open.speech_end });
        }
        if open.speaking {
            open.speech_end = self.position;
            open.recognise(self.position, self.language.as_deref(), commands);
        }
        let silence = self.position.saturating_sub(open.speech_end);
        let committed = Committed {
            turn: open.turn,
            speech_end: open.speech_end,
            decision: Decision {
                reason,
                silence_ms: silence.as_ms(),
                checks: open.endpointing.checks().to_vec(),
                patience: open.endpointing.patience(),
            },
        };
        self.awaiting.push_back(Awaiting {
            turn: open.turn,
            segments: open.segments,
            speech: Duration::from_millis(speech.as_ms()),
        });
        Some(Heard::Committed(committed))
    }

    /// Forgets the open turn: it was not meant for us.
    pub(super) fn forget(&mut self, commands: &mut VecDeque<Command>) -> Option<Heard> {
        let at = self.open.as_ref()?.speech_end;
        self.clear(commands).map(|turn| Heard::Forgotten { turn, at })
    }

    /// Forgets the open turn, if there is one, and says which it was.
    pub(super) fn clear(&mut self, commands: &mut VecDeque<Command>) -> Option<TurnId> {
        self.last_end = self.position;
        self.interims.cancel(commands);
        let mut open = self.open.take()?;
        open.cancel(commands);
        Some(open.turn)
    }

    /// The call is over: nobody reads captions any more.
    pub(super) fn close(&mut self, commands: &mut VecDeque<Command>) {
        self.interims.cancel(commands);
    }

    fn started(
        &mut self,
        at: Samples,
        settings: &Settings,
        commands: &mut VecDeque<Command>,
    ) -> Option<Heard> {
        let start = at.saturating_sub(settings.pre_roll).max(self.last_end);
        let since = self.position.saturating_sub(at);
        self.interims.speech_began(at, settings.interim);
        if let Some(open) = &mut self.open {
            open.resume(at, start, since, commands);
            return None;
        }
        let turn = TurnId(self.next_turn);
        self.next_turn += 1;
        let mut open = Open {
            turn,
            start,
            began: at,
            endpointing: Endpointing::new(settings.endpointing_in(self.language.as_deref())),
            segments: vec![Segment::new(turn, 0, start)],
            agreement: Agreement::default(),
            speaking: true,
            speech_end: at,
            speech: Samples(0),
            questions: 0,
        };
        open.add_speech(since);
        self.open = Some(open);
        Some(Heard::Started { turn, at })
    }

    fn paused(&mut self, at: Samples, commands: &mut VecDeque<Command>) {
        if let Some(open) = &mut self.open {
            open.speech_end = at;
            open.speaking = false;
            open.endpointing.pause();
            self.interims.cancel(commands);
            open.recognise(self.position, self.language.as_deref(), commands);
        }
    }

    /// In a pause: is the turn over, or is the model to be asked?
    pub(super) fn decide(
        &mut self,
        settings: &Settings,
        commands: &mut VecDeque<Command>,
    ) -> Option<Heard> {
        let position = self.position;
        let open = self.open.as_mut().filter(|open| !open.speaking)?;
        let silence = position.saturating_sub(open.speech_end);
        match open.endpointing.at(silence) {
            Verdict::Wait => None,
            // Nobody can be answered before the words are there, and these may say that more is to come.
            Verdict::End(Reason::Model)
                if silence < WAIT_FOR_WORDS && await_words(&open.segments) =>
            {
                None
            }
            Verdict::Ask => {
                open.questions += 1;
                let start = open.start.max(position.saturating_sub(Samples(WINDOW as u64)));
                let (turn, question) = (open.turn, open.questions);
                commands.push_back(Command::Predict { turn, question, audio: start..position });
                None
            }
            Verdict::End(reason) => self.commit(reason, settings, commands),
        }
    }

    /// Begins to recognise the open segment for a caption, if it is time.
    fn caption(&mut self, settings: &Settings, commands: &mut VecDeque<Command>) {
        let Some(open) = self.open.as_mut().filter(|open| open.speaking) else { return };
        // They would not be shown before the words of a cut segment are there, and would keep these waiting.
        let is_behind = open.segments.iter().any(|cut| cut.is_closed() && cut.result().is_none());
        let least = LEAST_SPEECH.max(settings.min_speech);
        if settings.interim == Samples(0)
            || open.speech < least
            || is_behind
            || !self.interims.is_due(self.position)
        {
            return;
        }
        if !self.shedding.interims_allowed() {
            self.interims.leave_out(self.position, settings.interim);
            commands.push_back(Command::Shed(Shed::Interim));
            return;
        }
        open.recognise_interim(
            self.position,
            self.language.as_deref(),
            &mut self.interims,
            commands,
        );
    }

    /// Keeps the last segment short enough to be recognised at once.
    fn bound_segment(&mut self, settings: &Settings, commands: &mut VecDeque<Command>) {
        let position = self.position;
        let Some(open) = &mut self.open else { return };
        let Some(last) = open.segments.last_mut() else { return };
        if open.speaking && last.is_full(position) {
            let cut = last.best_cut(position);
            let next = last.after(cut);
            self.interims.cancel(commands);
            last.recognise(cut, self.language.as_deref(), commands);
            last.close();
            open.segments.push(next);
        } else if !open.speaking
            && settings.endpointing == Policy::Manual
            && position.saturating_sub(open.speech_end) > LONG_SILENCE
        {
            // The transcript begun at the pause is final; speech to come opens another segment.
            last.close();
        }
    }
}

impl Open {
    /// Speech goes on at `at`; a new segment would begin at `start`. `since` of it was heard before that was known.
    fn resume(
        &mut self,
        at: Samples,
        start: Samples,
        since: Samples,
        commands: &mut VecDeque<Command>,
    ) {
        let next = self.segments.len() as u32;
        match self.segments.last_mut() {
            Some(last) if !last.is_closed() => {
                last.note_silence(self.speech_end..at, since);
                last.cancel(commands);
            }
            _ => {
                let mut segment = Segment::new(self.turn, next, start.max(self.speech_end));
                segment.add_speech(since);
                self.segments.push(segment);
            }
        }
        self.endpointing.resume();
        self.speaking = true;
    }

    fn recognise(
        &mut self,
        end: Samples,
        language: Option<&str>,
        commands: &mut VecDeque<Command>,
    ) {
        if let Some(last) = self.segments.last_mut() {
            last.recognise(last.here(end), language, commands);
        }
    }

    /// Recognises what there is of the open segment; nobody waits for it as for the final words.
    fn recognise_interim(
        &mut self,
        position: Samples,
        language: Option<&str>,
        interims: &mut Interims,
        commands: &mut VecDeque<Command>,
    ) {
        if let Some(last) = self.segments.last_mut().filter(|segment| !segment.is_closed()) {
            let job = last.recognise_interim(position, language, commands);
            interims.began(job, position);
        }
    }

    fn add_speech(&mut self, speech: Samples) {
        self.speech = self.speech + speech;
        if let Some(last) = self.segments.last_mut() {
            last.add_speech(speech);
        }
    }

    /// The words that are there by now.
    fn words(&self) -> Text {
        let mut text = Text::default();
        for heard in self.segments.iter().filter_map(|segment| segment.result()?.as_ref().ok()) {
            text.push_phrase(heard.text.as_str());
        }
        text
    }

    /// What has been heard by now: closed segments first. Nothing new while the words of one of them are to come.
    fn interim(&mut self) -> Option<Interim> {
        let (last, closed) = self.segments.split_last()?;
        let mut text = Text::default();
        for segment in closed {
            text.push_phrase(segment.result()?.as_ref().ok()?.text.as_str());
        }
        text.push_phrase(last.words().as_str());
        let before = self.agreement.tail();
        let delta = self.agreement.hear(&text);
        let tail = self.agreement.tail();
        if delta.is_empty() && tail == before {
            return None;
        }
        let stable = self.agreement.stable().clone();
        Some(Interim { turn: self.turn, delta, stable, tail })
    }

    fn cancel(&mut self, commands: &mut VecDeque<Command>) {
        for segment in &mut self.segments {
            segment.cancel(commands);
        }
    }
}

/// Whether words of these are still to come.
fn await_words(segments: &[Segment]) -> bool {
    segments.iter().any(|segment| segment.result().is_none())
}

/// The first language that was heard with words, and surely enough, is that of the call. One that was asked for
/// says nothing.
fn learn_language(language: &mut Option<String>, transcript: &Transcript) {
    let spoken = transcript.language.as_ref().filter(|_| !transcript.text.is_empty());
    if let Some(spoken) = spoken
        && language.is_none()
        && spoken.probability.is_some_and(|probability| probability >= SURE_OF_LANGUAGE)
    {
        *language = Some(spoken.code.clone());
    }
}
