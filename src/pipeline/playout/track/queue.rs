//! What is to be played on a track, frame by frame: how loud, and from where.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::DUCKED;
use super::Progress;
use crate::pipeline::codec::opus::SPEECH_FRAME;
use crate::pipeline::conversation::ReplyId;
use crate::pipeline::frame::SPEECH_RATE_HZ;

/// Frames of silence after speech, so that a receiver's jitter buffer does not invent a rest of it.
pub(in crate::pipeline) const TAIL_FRAMES: u32 = 6;
/// Progress is told every so many frames.
const PROGRESS_FRAMES: u32 = 5;
/// How much louder or quieter one sample may be than the one before: all of it takes 10 ms, which is not heard as a
/// click.
const RAMP: f32 = 1.0 / (SPEECH_RATE_HZ as f32 / 100.0);

/// What a player is told.
pub(in crate::pipeline) enum Command {
    Play { reply: ReplyId, clause: u32, samples: Vec<f32> },
    End(ReplyId),
    Duck,
    Hold,
    Resume(Option<(u32, Duration)>),
    Cancel,
}

/// See the module.
pub(in crate::pipeline) struct Queue {
    /// The reply that is played.
    reply: Option<ReplyId>,
    clauses: VecDeque<Clause>,
    /// The clause that was played last, to go back to.
    before: Option<Clause>,
    ending: Option<ReplyId>,
    gain: f32,
    /// What the gain is on its way to.
    target: f32,
    held: bool,
    /// Frames of silence still to be sent.
    tail: u32,
    frames_since_progress: u32,
}

struct Clause {
    reply: ReplyId,
    number: u32,
    samples: Vec<f32>,
    played: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            reply: None,
            clauses: VecDeque::new(),
            before: None,
            ending: None,
            gain: 1.0,
            target: 1.0,
            held: false,
            tail: 0,
            frames_since_progress: 0,
        }
    }
}

impl Clause {
    fn is_over(&self) -> bool {
        self.played >= self.samples.len()
    }

    fn progress(&self) -> Progress {
        let played = Duration::from_micros(self.played as u64 * 1_000 / 24);
        Progress { reply: self.reply, clause: self.number, played, ended: false }
    }
}

impl Queue {
    pub(in crate::pipeline) fn take(&mut self, command: Command) {
        match command {
            Command::Play { reply, clause, samples } => self.play(reply, clause, samples),
            Command::End(reply) => self.ending = Some(reply),
            Command::Duck => self.target = DUCKED,
            Command::Hold => (self.target, self.held) = (0.0, true),
            Command::Resume(from) => {
                (self.target, self.held) = (1.0, false);
                if let Some((clause, at)) = from {
                    self.go_back(clause, at);
                }
            }
            Command::Cancel => self.cancel(),
        }
    }

    fn play(&mut self, reply: ReplyId, clause: u32, samples: Vec<f32>) {
        if self.reply != Some(reply) {
            // Whatever the one before was, this one begins as it should.
            (self.reply, self.before) = (Some(reply), None);
            (self.target, self.held) = (1.0, false);
            if self.clauses.is_empty() {
                self.gain = 1.0;
            }
        }
        let is_this = |other: &Clause| (other.reply, other.number) == (reply, clause);
        match self.clauses.back_mut() {
            Some(last) if is_this(last) => last.samples.extend(samples),
            None if self.before.as_ref().is_some_and(is_this) => {
                // A piece that comes late belongs where the one before ended.
                self.clauses.extend(self.before.take());
                if let Some(last) = self.clauses.back_mut() {
                    last.samples.extend(samples);
                }
            }
            _ => self.clauses.push_back(Clause { reply, number: clause, samples, played: 0 }),
        }
    }

    /// Goes on from here. What is older than one clause is gone.
    fn go_back(&mut self, clause: u32, at: Duration) {
        if self.clauses.front().is_none_or(|front| front.number != clause)
            && let Some(before) = self.before.take_if(|before| before.number == clause)
        {
            self.clauses.push_front(before);
        }
        if let Some(front) = self.clauses.front_mut().filter(|front| front.number == clause) {
            let at = at.as_micros() as usize * 24 / 1_000;
            front.played = front.played.min(at);
        }
    }

    /// Keeps only as much as fades out within a frame.
    fn cancel(&mut self) {
        const FADE: usize = SPEECH_FRAME / 2;
        (self.ending, self.before) = (None, None);
        self.clauses.truncate(1);
        if self.held {
            self.clauses.clear();
        }
        if let Some(clause) = self.clauses.front_mut() {
            clause.samples.truncate(clause.played + FADE);
            let rest = &mut clause.samples[clause.played..];
            let length = rest.len();
            for (i, sample) in rest.iter_mut().enumerate() {
                *sample *= 1.0 - (i + 1) as f32 / length as f32;
            }
        }
        (self.reply, self.held) = (None, false);
    }

    /// Where it is: the reply, the clause, and how much of it was played.
    pub(in crate::pipeline) fn position(&self) -> Option<(ReplyId, u32, Duration)> {
        let clause = self.clauses.front().or(self.before.as_ref())?;
        let Progress { reply, clause, played, .. } = clause.progress();
        Some((reply, clause, played))
    }

    pub(in crate::pipeline) fn is_held(&self) -> bool {
        self.held
    }

    pub(in crate::pipeline) fn is_idle(&self) -> bool {
        self.clauses.is_empty() && self.ending.is_none() && self.tail == 0
    }

    /// The next 20 ms and the progress that they make; no frame when there is nothing to send.
    pub(in crate::pipeline) fn next(&mut self) -> (Option<[f32; SPEECH_FRAME]>, Option<Progress>) {
        let mut frame = [0.0; SPEECH_FRAME];
        let mut filled = 0;
        let mut progress = None;
        while let Some(clause) = self.clauses.front_mut() {
            let mut take = (clause.samples.len() - clause.played).min(SPEECH_FRAME - filled);
            if self.held {
                // Until it is silent.
                take = take.min((self.gain / RAMP).ceil() as usize);
            }
            let from = &clause.samples[clause.played..clause.played + take];
            for (slot, sample) in frame[filled..].iter_mut().zip(from) {
                self.gain += (self.target - self.gain).clamp(-RAMP, RAMP);
                *slot = sample * self.gain;
            }
            filled += take;
            let first = clause.played == 0;
            clause.played += take;
            let report = clause.progress();
            if self.held {
                progress = (take > 0).then_some(report);
                break;
            }
            if clause.is_over() && (self.clauses.len() > 1 || self.ending.is_some()) {
                self.before = self.clauses.pop_front();
                progress = Some(report);
                continue;
            }
            if first || self.frames_since_progress >= PROGRESS_FRAMES {
                progress = Some(report);
            }
            break;
        }
        if self.clauses.is_empty()
            && let Some(reply) = self.ending.take()
        {
            let (clause, played) =
                progress.map_or((0, Duration::ZERO), |p: Progress| (p.clause, p.played));
            progress = Some(Progress { reply, clause, played, ended: true });
        }
        self.frames_since_progress =
            if progress.is_some() { 0 } else { self.frames_since_progress + 1 };
        if filled > 0 {
            self.tail = TAIL_FRAMES;
            return (Some(frame), progress);
        }
        // A clause that is played to its end and may still grow is silence for now.
        let is_waiting = |clause: &Clause| clause.is_over() && clause.played > 0 && !self.held;
        if self.clauses.front().is_some_and(is_waiting) {
            self.before = self.clauses.pop_front();
        }
        let silence = self.tail > 0;
        self.tail = self.tail.saturating_sub(1);
        (silence.then_some(frame), progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: ReplyId = ReplyId(1);

    fn play(clause: u32, ms: usize) -> Command {
        Command::Play { reply: REPLY, clause, samples: vec![0.5; 24 * ms] }
    }

    #[test]
    fn pieces_of_a_clause_are_one_clause() {
        let mut queue = Queue::default();
        queue.take(play(0, 10));
        queue.take(play(0, 30));
        queue.take(Command::End(REPLY));
        assert!(queue.next().1.is_some_and(|p| p.played.as_millis() == 20 && !p.ended));
        assert!(queue.next().1.is_some_and(|p| p.played.as_millis() == 40 && p.ended));
    }

    #[test]
    fn a_late_piece_of_a_clause_goes_on_where_the_last_one_ended() {
        let mut queue = Queue::default();
        queue.take(play(0, 20));
        queue.next();
        assert!(queue.next().0.is_some_and(|frame| frame.iter().all(|sample| sample.abs() < 1e-9)));
        queue.take(play(0, 20));
        queue.take(Command::End(REPLY));
        assert!(queue.next().1.is_some_and(|p| p.played.as_millis() == 40 && p.ended));
    }

    #[test]
    fn it_is_ducked_and_held_and_resumed_without_a_click_or_a_loss() {
        let mut queue = Queue::default();
        queue.take(play(0, 400));
        queue.take(play(1, 400));
        queue.take(Command::End(REPLY));
        let mut last = 0.5;
        let mut steps = |queue: &mut Queue| {
            let (frame, progress) = queue.next();
            for sample in frame.into_iter().flatten() {
                assert!((sample - last).abs() < 0.01, "{last} {sample}");
                last = sample;
            }
            (last, progress)
        };
        steps(&mut queue);
        queue.take(Command::Duck);
        assert!((steps(&mut queue).0 - 0.125).abs() < 1e-3);
        queue.take(Command::Hold);
        let (silent, progress) = steps(&mut queue);
        assert!(silent.abs() < 1e-6);
        let held = progress.unwrap().played;
        assert!((40..60).contains(&held.as_millis()), "{held:?}");
        for _ in 0..20 {
            assert!(steps(&mut queue).0.abs() < 1e-6);
        }
        queue.take(Command::Resume(Some((0, Duration::from_millis(20)))));
        let mut frames = 0;
        let end = loop {
            frames += 1;
            if let Some(end) = steps(&mut queue).1.filter(|p| p.ended) {
                break end;
            }
        };
        assert_eq!((frames, end.clause, end.played.as_millis()), (39, 1, 400));
    }

    #[test]
    fn it_goes_back_into_the_clause_before() {
        let mut queue = Queue::default();
        queue.take(play(0, 40));
        queue.take(play(1, 400));
        for _ in 0..3 {
            queue.next();
        }
        queue.take(Command::Hold);
        queue.next();
        queue.take(Command::Resume(Some((0, Duration::from_millis(20)))));
        let progress = queue.next().1.unwrap();
        assert_eq!((progress.clause, progress.played.as_millis()), (0, 40));
        assert_eq!(queue.clauses.len(), 1);
    }

    #[test]
    fn the_next_reply_is_as_loud_as_ever() {
        let mut queue = Queue::default();
        queue.take(play(0, 400));
        queue.next();
        queue.take(Command::Hold);
        queue.next();
        queue.take(Command::Cancel);
        assert!(queue.clauses.is_empty());
        queue.take(Command::Play { reply: ReplyId(2), clause: 0, samples: vec![0.5; 480] });
        assert!(queue.next().0.is_some_and(|frame| frame.iter().all(|s| (s - 0.5).abs() < 1e-6)));
    }
}
