//! A stretch of a turn that is recognised at once, and where to cut when it grows too long.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::{Command, Failure, Hints, Recognition, TurnId};
use crate::pipeline::frame::Samples;
use crate::pipeline::stt::{MAX_UTTERANCE_MS, Transcript, Urgency};
use crate::pipeline::text::Text;

const LONGEST: Samples = Samples::from_ms(MAX_UTTERANCE_MS);
/// A segment is not cut before this, so that none is too short to be understood.
const SHORTEST: Samples = Samples::from_ms(8_000);

/// See the module.
#[derive(Debug)]
pub(super) struct Segment {
    turn: TurnId,
    index: u32,
    start: Samples,
    /// The recognition begun last, and its result.
    job: Option<Recognition>,
    result: Option<Result<Transcript, Failure>>,
    /// Whether nothing more is added to it.
    closed: bool,
    attempts: u32,
    /// How much speech it holds.
    speech: Samples,
    silences: Vec<Silence>,
    /// The last words that were heard in it, final or not, and their tokens.
    words: Text,
    draft: Vec<u32>,
    /// Whether any recognition of it has come back, with words or without.
    heard: bool,
}

/// A silence inside a segment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Silence {
    at: Range<Samples>,
    /// How much speech the segment held before it.
    speech: Samples,
}

/// Where a segment is cut in two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cut {
    pub at: Samples,
    /// How much speech comes before.
    pub speech: Samples,
}

impl Segment {
    pub(super) fn new(turn: TurnId, index: u32, start: Samples) -> Self {
        Self {
            turn,
            index,
            start,
            job: None,
            result: None,
            closed: false,
            attempts: 0,
            speech: Samples(0),
            silences: Vec::new(),
            words: Text::default(),
            draft: Vec::new(),
            heard: false,
        }
    }

    pub(super) fn start(&self) -> Samples {
        self.start
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The transcript, once it is there.
    pub(super) fn result(&self) -> Option<&Result<Transcript, Failure>> {
        self.result.as_ref()
    }

    /// The last words that were heard in it, final or not.
    pub(super) fn words(&self) -> &Text {
        &self.words
    }

    /// What is understood of it by now, if anything has come back, and whether that is all of it.
    pub(super) fn understood(&self) -> Option<(&str, bool)> {
        match &self.result {
            Some(Ok(transcript)) => Some((transcript.text.as_str(), true)),
            _ => self.heard.then_some((self.words.as_str(), false)),
        }
    }

    /// Where all of it that there is by now ends.
    pub(super) fn here(&self, at: Samples) -> Cut {
        Cut { at, speech: self.speech }
    }

    /// Begins to recognise what there is up to `end`. Anything begun before is stale.
    pub(super) fn recognise(
        &mut self,
        end: Cut,
        language: Option<&str>,
        commands: &mut VecDeque<Command>,
    ) {
        self.cancel(commands);
        self.job = Some(self.ask(end, Urgency::Final, language, commands));
    }

    /// Recognises what there is up to `end` for a caption. It is not waited for.
    pub(super) fn recognise_interim(
        &mut self,
        end: Samples,
        language: Option<&str>,
        commands: &mut VecDeque<Command>,
    ) -> Recognition {
        self.ask(self.here(end), Urgency::Interim, language, commands)
    }

    fn ask(
        &mut self,
        end: Cut,
        urgency: Urgency,
        language: Option<&str>,
        commands: &mut VecDeque<Command>,
    ) -> Recognition {
        self.attempts += 1;
        let job = Recognition { turn: self.turn, segment: self.index, attempt: self.attempts };
        let audio = self.start.max(end.at.saturating_sub(LONGEST))..end.at;
        let hints = Hints {
            urgency,
            speech: Duration::from_millis(end.speech.as_ms()),
            draft: self.draft.clone(),
            language: language.map(str::to_owned),
        };
        commands.push_back(Command::Recognise { job, audio, hints });
        job
    }

    /// Takes back a recognition that covers too little by now.
    pub(super) fn cancel(&mut self, commands: &mut VecDeque<Command>) {
        if let Some(job) = self.job.take()
            && self.result.is_none()
        {
            commands.push_back(Command::CancelRecognition { job });
        }
        self.result = None;
    }

    /// Nothing more is added; the recognition begun last is final.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether this is the recognition whose result it waits for.
    pub(super) fn awaits(&self, job: Recognition) -> bool {
        self.job == Some(job) && self.result.is_none()
    }

    /// Whether this is a recognition of this segment.
    pub(super) fn is_of(&self, job: Recognition) -> bool {
        (self.turn, self.index) == (job.turn, job.segment)
    }

    /// The result that was waited for.
    pub(super) fn accept(&mut self, result: Result<Transcript, Failure>) {
        if let Ok(transcript) = &result {
            self.hear(transcript);
        }
        self.result = Some(result);
    }

    /// What a pass heard, final or not. One that heard nothing takes nothing away.
    pub(super) fn hear(&mut self, transcript: &Transcript) {
        self.heard = true;
        if !transcript.text.is_empty() {
            self.words = transcript.text.clone();
        }
        if !transcript.tokens.is_empty() {
            self.draft.clone_from(&transcript.tokens);
        }
    }

    /// More speech.
    pub(super) fn add_speech(&mut self, speech: Samples) {
        self.speech = self.speech + speech;
    }

    /// Speech goes on after a silence; `since` of it was counted before that was known.
    pub(super) fn note_silence(&mut self, at: Range<Samples>, since: Samples) {
        let speech = self.speech.saturating_sub(since);
        self.silences.push(Silence { at, speech });
    }

    /// Whether it is as long as one may be.
    pub(super) fn is_full(&self, position: Samples) -> bool {
        !self.closed && position.saturating_sub(self.start) >= LONGEST
    }

    /// Where to cut a full segment: in the middle of its longest silence, or, without one, here.
    pub(super) fn best_cut(&self, position: Samples) -> Cut {
        self.silences
            .iter()
            .filter(|silence| silence.at.start >= self.start + SHORTEST)
            .max_by_key(|silence| silence.at.end.saturating_sub(silence.at.start))
            .map_or(self.here(position), |Silence { at, speech }| Cut {
                at: Samples(u64::midpoint(at.start.0, at.end.0)),
                speech: *speech,
            })
    }

    /// The segment that follows after `cut`.
    pub(super) fn after(&self, cut: Cut) -> Self {
        let mut next = Self::new(self.turn, self.index + 1, cut.at);
        next.speech = self.speech.saturating_sub(cut.speech);
        next.silences =
            self.silences.iter().filter(|silence| silence.at.start > cut.at).cloned().collect();
        for silence in &mut next.silences {
            silence.speech = silence.speech.saturating_sub(cut.speech);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Samples {
        Samples::from_ms(seconds * 1_000)
    }

    #[test]
    fn a_full_segment_is_cut_at_its_longest_silence() {
        let mut segment = Segment::new(TurnId(0), 0, s(10));
        for (silence, speech) in [(s(12)..s(16), s(2)), (s(20)..s(22), s(4)), (s(30)..s(31), s(8))]
        {
            segment.add_speech(speech);
            segment.note_silence(silence, s(0));
        }
        segment.add_speech(s(7));
        assert!(!segment.is_full(s(37)));
        assert!(segment.is_full(s(38)));
        let cut = segment.best_cut(s(38));
        assert_eq!(cut, Cut { at: s(21), speech: s(6) }, "the one at 12 s is too early");
        let next = segment.after(cut);
        assert_eq!(next.silences, [Silence { at: s(30)..s(31), speech: s(8) }]);
        assert_eq!((next.start, next.speech), (s(21), s(15)));
    }

    #[test]
    fn without_a_silence_it_is_cut_where_it_is() {
        assert_eq!(Segment::new(TurnId(0), 0, s(0)).best_cut(s(28)).at, s(28));
    }

    #[test]
    fn a_new_recognition_replaces_the_one_before_and_builds_on_it() {
        let mut commands = VecDeque::new();
        let mut segment = Segment::new(TurnId(3), 1, s(0));
        segment.add_speech(s(1));
        segment.recognise(segment.here(s(1)), None, &mut commands);
        let job = |attempt| Recognition { turn: TurnId(3), segment: 1, attempt };
        let heard = Transcript { tokens: vec![7, 8], ..Transcript::default() };
        segment.hear(&heard);
        segment.hear(&Transcript::default());
        segment.recognise(segment.here(s(2)), Some("de"), &mut commands);
        let hints = |draft: &[u32], language: Option<&str>| Hints {
            urgency: Urgency::Final,
            speech: Duration::from_secs(1),
            draft: draft.to_vec(),
            language: language.map(str::to_owned),
        };
        assert_eq!(
            commands,
            [
                Command::Recognise { job: job(1), audio: s(0)..s(1), hints: hints(&[], None) },
                Command::CancelRecognition { job: job(1) },
                Command::Recognise {
                    job: job(2),
                    audio: s(0)..s(2),
                    hints: hints(&[7, 8], Some("de"))
                }
            ]
        );
        assert!(!segment.awaits(job(1)) && segment.awaits(job(2)));
        segment.accept(Ok(heard));
        assert!(segment.result().is_some() && !segment.awaits(job(2)));
    }
}
