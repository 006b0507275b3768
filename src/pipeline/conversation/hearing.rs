//! The person's side: from frames of sound to turns with transcripts.
//!
//! A turn opens where speech begins. At every pause recognition and end-of-turn detection start side by
//! side, over the whole turn so far; if speech goes on, recognition is taken back. When the turn is over,
//! the transcript that was begun at the last pause is the final one: only silence has followed.
//!
//! Whisper hears at most 30 s at once, so a longer turn is cut into segments at its longest silences, and
//! their transcripts are joined.

use std::collections::VecDeque;
use std::time::Duration;

use super::segment::Segment;
use super::{Command, Decision, Failure, Frame, Recognition, Settings, TurnId};
use crate::pipeline::frame::Samples;
use crate::pipeline::text::Text;
use crate::pipeline::turn::WINDOW;
use crate::pipeline::turn::endpointing::{Endpointing, Policy, Reason, Verdict};
use crate::pipeline::vad::Change;

/// Where only the client ends turns, the sound of a silence longer than this is not kept.
const LONG_SILENCE: Samples = Samples::from_ms(2_000);
/// Sound kept while nobody speaks, beyond the pre-roll: speech is noticed a little after it begins.
const NOTICE: Samples = Samples::from_ms(1_000);

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
    next_turn: u32,
}

#[derive(Debug)]
struct Open {
    turn: TurnId,
    start: Samples,
    endpointing: Endpointing,
    segments: Vec<Segment>,
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

    /// How much speech the open turn holds by now.
    pub(super) fn speech_so_far(&self) -> Samples {
        self.open.as_ref().map_or(Samples(0), |open| open.speech)
    }

    /// Sound before this position is no longer needed.
    pub(super) fn keep_from(&self, settings: &Settings) -> Samples {
        let recent = self.position.saturating_sub(settings.pre_roll + NOTICE);
        let Some(open) = &self.open else { return recent };
        let window = open.start.max(self.position.saturating_sub(Samples(WINDOW as u64)));
        let segment = open.segments.last().filter(|segment| !segment.is_closed());
        segment.map_or(recent, Segment::start).min(window).min(recent)
    }

    /// Another frame was heard.
    pub(super) fn frame(
        &mut self,
        frame: &Frame,
        settings: &Settings,
        commands: &mut VecDeque<Command>,
    ) -> Option<Heard> {
        let before = std::mem::replace(&mut self.position, frame.position);
        if let Some(open) = self.open.as_mut().filter(|_| frame.voiced) {
            open.speech = open.speech + (frame.position.saturating_sub(before));
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
        started.or_else(|| self.decide(settings, commands))
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

    /// The result of a recognition.
    pub(super) fn recognised(&mut self, job: Recognition, result: Result<Text, Failure>) {
        let mut result = Some(result);
        let awaiting = self.awaiting.iter_mut().flat_map(|turn| &mut turn.segments);
        let open = self.open.iter_mut().flat_map(|turn| &mut turn.segments);
        for segment in awaiting.chain(open) {
            segment.accept(job, &mut result);
        }
    }

    /// The next turn whose words are all there, in the order in which turns were spoken.
    pub(super) fn next_transcribed(&mut self) -> Option<Transcribed> {
        let first = self.awaiting.front()?;
        if first.segments.iter().any(|segment| segment.result().is_none()) {
            return None;
        }
        let Awaiting { turn, segments, speech } = self.awaiting.pop_front()?;
        let mut text = Text::default();
        let mut result = Ok(());
        for outcome in segments.iter().filter_map(Segment::result) {
            match outcome {
                Ok(words) => text.push_phrase(words.as_str()),
                Err(failure) => result = Err(failure.clone()),
            }
        }
        Some(Transcribed { turn, result: result.map(|()| text), speech })
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
        let speech = open.speech;
        if reason != Reason::Client && speech < settings.min_speech {
            open.cancel(commands);
            return Some(Heard::Forgotten { turn: open.turn, at: open.speech_end });
        }
        if open.speaking {
            open.speech_end = self.position;
            open.recognise(self.position, commands);
        }
        let silence = self.position.saturating_sub(open.speech_end);
        let committed = Committed {
            turn: open.turn,
            speech_end: open.speech_end,
            decision: Decision {
                reason,
                silence_ms: silence.as_ms(),
                checks: open.endpointing.checks().to_vec(),
            },
        };
        self.awaiting.push_back(Awaiting {
            turn: open.turn,
            segments: open.segments,
            speech: Duration::from_millis(speech.as_ms()),
        });
        Some(Heard::Committed(committed))
    }

    /// Forgets the open turn, if there is one, and says which it was.
    pub(super) fn clear(&mut self, commands: &mut VecDeque<Command>) -> Option<TurnId> {
        self.last_end = self.position;
        let mut open = self.open.take()?;
        open.cancel(commands);
        Some(open.turn)
    }

    fn started(
        &mut self,
        at: Samples,
        settings: &Settings,
        commands: &mut VecDeque<Command>,
    ) -> Option<Heard> {
        let start = at.saturating_sub(settings.pre_roll).max(self.last_end);
        if let Some(open) = &mut self.open {
            open.resume(at, start, commands);
            return None;
        }
        let turn = TurnId(self.next_turn);
        self.next_turn += 1;
        self.open = Some(Open {
            turn,
            start,
            endpointing: Endpointing::new(settings.endpointing),
            segments: vec![Segment::new(turn, 0, start)],
            speaking: true,
            speech_end: at,
            speech: self.position.saturating_sub(at),
            questions: 0,
        });
        Some(Heard::Started { turn, at })
    }

    fn paused(&mut self, at: Samples, commands: &mut VecDeque<Command>) {
        if let Some(open) = &mut self.open {
            open.speech_end = at;
            open.speaking = false;
            open.endpointing.pause();
            open.recognise(self.position, commands);
        }
    }

    /// In a pause: is the turn over, or is the model to be asked?
    fn decide(&mut self, settings: &Settings, commands: &mut VecDeque<Command>) -> Option<Heard> {
        let position = self.position;
        let open = self.open.as_mut().filter(|open| !open.speaking)?;
        match open.endpointing.at(position.saturating_sub(open.speech_end)) {
            Verdict::Wait => None,
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

    /// Keeps the last segment short enough to be recognised at once.
    fn bound_segment(&mut self, settings: &Settings, commands: &mut VecDeque<Command>) {
        let position = self.position;
        let Some(open) = &mut self.open else { return };
        let (turn, next) = (open.turn, open.segments.len() as u32);
        let Some(last) = open.segments.last_mut() else { return };
        if open.speaking && last.is_full(position) {
            let cut = last.best_cut(position);
            let silences = last.silences_after(cut);
            last.recognise(cut, commands);
            last.close();
            open.segments.push(Segment::new(turn, next, cut).with_silences(silences));
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
    /// Speech goes on at `at`; a new segment would begin at `start`.
    fn resume(&mut self, at: Samples, start: Samples, commands: &mut VecDeque<Command>) {
        let next = self.segments.len() as u32;
        match self.segments.last_mut() {
            Some(last) if !last.is_closed() => {
                last.note_silence(self.speech_end..at);
                last.cancel(commands);
            }
            _ => self.segments.push(Segment::new(self.turn, next, start.max(self.speech_end))),
        }
        self.endpointing.resume();
        self.speaking = true;
    }

    fn recognise(&mut self, end: Samples, commands: &mut VecDeque<Command>) {
        if let Some(last) = self.segments.last_mut() {
            last.recognise(end, commands);
        }
    }

    fn cancel(&mut self, commands: &mut VecDeque<Command>) {
        for segment in &mut self.segments {
            segment.cancel(commands);
        }
    }
}
