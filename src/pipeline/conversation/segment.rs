//! A stretch of a turn that is recognised at once, and where to cut when it grows too long.

use std::collections::VecDeque;
use std::ops::Range;

use super::{Command, Failure, Recognition, TurnId};
use crate::pipeline::frame::Samples;
use crate::pipeline::stt::MAX_UTTERANCE_MS;
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
    result: Option<Result<Text, Failure>>,
    /// Whether nothing more is added to it.
    closed: bool,
    attempts: u32,
    silences: Vec<Range<Samples>>,
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
            silences: Vec::new(),
        }
    }

    pub(super) fn start(&self) -> Samples {
        self.start
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The transcript, once it is there.
    pub(super) fn result(&self) -> Option<&Result<Text, Failure>> {
        self.result.as_ref()
    }

    /// Begins to recognise what there is up to `end`. Anything begun before is stale.
    pub(super) fn recognise(&mut self, end: Samples, commands: &mut VecDeque<Command>) {
        self.cancel(commands);
        self.attempts += 1;
        let job = Recognition { turn: self.turn, segment: self.index, attempt: self.attempts };
        self.job = Some(job);
        let start = self.start.max(end.saturating_sub(LONGEST));
        commands.push_back(Command::Recognise { job, audio: start..end });
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

    /// A result came in. Whether it was this segment's.
    pub(super) fn accept(&mut self, job: Recognition, result: &mut Option<Result<Text, Failure>>) {
        if self.job == Some(job) && self.result.is_none() {
            self.result = result.take();
        }
    }

    /// Speech went on after a silence.
    pub(super) fn note_silence(&mut self, silence: Range<Samples>) {
        self.silences.push(silence);
    }

    /// Whether it is as long as one may be.
    pub(super) fn is_full(&self, position: Samples) -> bool {
        !self.closed && position.saturating_sub(self.start) >= LONGEST
    }

    /// Where to cut a full segment: in the middle of its longest silence, or, without one, here.
    pub(super) fn best_cut(&self, position: Samples) -> Samples {
        self.silences
            .iter()
            .filter(|silence| silence.start >= self.start + SHORTEST)
            .max_by_key(|silence| silence.end.saturating_sub(silence.start))
            .map_or(position, |silence| Samples(u64::midpoint(silence.start.0, silence.end.0)))
    }

    /// The silences after `cut`, for the segment that follows.
    pub(super) fn silences_after(&self, cut: Samples) -> Vec<Range<Samples>> {
        self.silences.iter().filter(|silence| silence.start > cut).cloned().collect()
    }

    pub(super) fn with_silences(mut self, silences: Vec<Range<Samples>>) -> Self {
        self.silences = silences;
        self
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
        segment.note_silence(s(12)..s(16));
        segment.note_silence(s(20)..s(22));
        segment.note_silence(s(30)..s(31));
        assert!(!segment.is_full(s(37)));
        assert!(segment.is_full(s(38)));
        assert_eq!(segment.best_cut(s(38)), s(21), "the one at 12 s is too early");
        assert_eq!(segment.silences_after(s(21)), [s(30)..s(31)]);
    }

    #[test]
    fn without_a_silence_it_is_cut_where_it_is() {
        assert_eq!(Segment::new(TurnId(0), 0, s(0)).best_cut(s(28)), s(28));
    }

    #[test]
    fn a_new_recognition_replaces_the_one_before() {
        let mut commands = VecDeque::new();
        let mut segment = Segment::new(TurnId(3), 1, s(0));
        segment.recognise(s(1), &mut commands);
        segment.recognise(s(2), &mut commands);
        let job = |attempt| Recognition { turn: TurnId(3), segment: 1, attempt };
        assert_eq!(
            commands,
            [
                Command::Recognise { job: job(1), audio: s(0)..s(1) },
                Command::CancelRecognition { job: job(1) },
                Command::Recognise { job: job(2), audio: s(0)..s(2) }
            ]
        );
        let mut stale = Some(Ok(Text::from("old")));
        segment.accept(job(1), &mut stale);
        assert!(segment.result().is_none() && stale.is_some());
        segment.accept(job(2), &mut stale);
        assert!(segment.result().is_some() && stale.is_none());
    }
}
