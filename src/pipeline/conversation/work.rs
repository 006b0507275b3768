//! What the jobs of a turn took. It looks on: commands go out, their results come in, and nothing depends on it.

use std::collections::VecDeque;
use std::time::Duration;

use super::report::{Job, Stage, ms_after};
use super::{Command, Event, Recognition, ReplyId, TurnId};
use crate::pipeline::stt::Urgency;
use crate::pipeline::took::Took;

/// Jobs that are remembered: those of a turn that is answered, and of one that is spoken meanwhile.
const KEPT: usize = 32;
/// So many questions whether a turn is over stand in its report: the last ones.
pub(super) const MOST_QUESTIONS: usize = 4;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Work {
    jobs: VecDeque<Asked>,
}

#[derive(Debug)]
struct Asked {
    what: What,
    at: Duration,
    /// What it took, once it is done.
    took: Option<Took>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Question(TurnId, u32),
    Recognition(Recognition),
    Writing(ReplyId),
    /// The first clause.
    Speech(ReplyId),
}

impl Work {
    /// Something is asked for, at `now`.
    pub(super) fn asked(&mut self, command: &Command, now: Duration) {
        let what = match command {
            Command::Predict { turn, question, .. } => What::Question(*turn, *question),
            // Nobody waits for captions.
            Command::Recognise { job, hints, .. } if hints.urgency != Urgency::Interim => {
                What::Recognition(*job)
            }
            Command::Write { reply, .. } => What::Writing(*reply),
            Command::Speak { reply, clause: 0, .. } => What::Speech(*reply),
            _ => return,
        };
        if self.jobs.len() == KEPT {
            self.jobs.pop_front();
        }
        self.jobs.push_back(Asked { what, at: now, took: None });
    }

    /// Something happened at `now`: perhaps it is the first result of a job.
    pub(super) fn happened(&mut self, event: &Event, now: Duration) {
        let (what, took) = match event {
            Event::Predicted { turn, question, probability: Some(_), took } => {
                (What::Question(*turn, *question), Some(*took))
            }
            Event::Recognised { job, result: Ok(transcript) } => {
                (What::Recognition(*job), Some(transcript.took))
            }
            Event::Wrote { reply, .. } => (What::Writing(*reply), None),
            Event::Spoke { reply, took, .. } => (What::Speech(*reply), Some(*took)),
            _ => return,
        };
        let asked = self.jobs.iter_mut().rev().find(|asked| asked.what == what);
        if let Some(asked) = asked.filter(|asked| asked.took.is_none()) {
            let all = || Took { waited: Duration::ZERO, worked: now.saturating_sub(asked.at) };
            asked.took = Some(took.unwrap_or_else(all));
        }
    }

    /// The jobs of this turn and of the reply to it, in milliseconds after `zero`, in the order in which they were asked
    /// for. Those without a result are left out, and so is what was asked for in vain.
    pub(super) fn of(&self, turn: TurnId, reply: Option<ReplyId>, zero: Duration) -> Vec<Job> {
        let mut jobs: Vec<Job> = Vec::new();
        for Asked { what, at, took } in self.jobs.iter().rev() {
            let Some(took) = took else { continue };
            let stage = match what {
                What::Question(of, _) if *of == turn => Stage::Turn,
                What::Recognition(job) if job.turn == turn => Stage::Stt,
                What::Writing(of) if Some(*of) == reply => Stage::Llm,
                What::Speech(of) if Some(*of) == reply => Stage::Tts,
                _ => continue,
            };
            let most = if stage == Stage::Turn { MOST_QUESTIONS } else { 1 };
            if jobs.iter().filter(|job| job.stage == stage).count() < most {
                jobs.push(Job {
                    stage,
                    asked_ms: ms_after(zero, *at),
                    waited_ms: took.waited.as_millis() as u64,
                    worked_ms: took.worked.as_millis() as u64,
                });
            }
        }
        jobs.reverse();
        jobs
    }
}
