//! When captions of somebody who is still speaking are recognised: one at a time, and never so often that those
//! who have finished speaking would wait for them.
//!
//! Time is the microphone's: what counts is how much sound has passed.

use std::collections::VecDeque;

use super::{Command, Recognition, TurnId};
use crate::pipeline::frame::Samples;
use crate::pipeline::text::Text;

/// While they fail they are tried less often, down to this.
const RAREST: Samples = Samples::from_ms(3_200);

/// What is heard of a turn that goes on.
#[derive(Debug)]
pub(super) struct Interim {
    pub turn: TurnId,
    /// What has become stable just now.
    pub delta: Text,
    /// All that is stable.
    pub stable: Text,
    /// What follows it and may change.
    pub tail: Text,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Interims {
    /// Which is under way, and where its sound ended.
    under_way: Option<(Recognition, Samples)>,
    /// None begins before this.
    due: Samples,
    /// How often the interval was doubled because one failed.
    doublings: u32,
}

impl Interims {
    /// Speech began at `at`: there is something to recognise when an interval of it was heard.
    pub(super) fn speech_began(&mut self, at: Samples, interval: Samples) {
        self.due = self.due.max(at + self.interval(interval));
    }

    /// Whether the next one may begin.
    pub(super) fn is_due(&self, position: Samples) -> bool {
        self.under_way.is_none() && position >= self.due
    }

    /// Whether none is under way.
    pub(super) fn is_free(&self) -> bool {
        self.under_way.is_none()
    }

    pub(super) fn began(&mut self, job: Recognition, position: Samples) {
        self.under_way = Some((job, position));
    }

    /// The one that is due is not made.
    pub(super) fn leave_out(&mut self, position: Samples, interval: Samples) {
        self.due = position + self.interval(interval);
    }

    /// A recognition ended, well or not. Whether it was the interim under way.
    pub(super) fn ended(
        &mut self,
        job: Recognition,
        position: Samples,
        well: bool,
        interval: Samples,
    ) -> bool {
        let Some((_, began)) = self.under_way.take_if(|(current, _)| *current == job) else {
            return false;
        };
        if well {
            self.doublings = self.doublings.saturating_sub(1);
        } else if self.interval(interval) < RAREST {
            self.doublings += 1;
        }
        // As much sound again as this one took: the engine is free for others half of the time.
        let took = position.saturating_sub(began);
        self.due = (began + self.interval(interval)).max(position + took);
        true
    }

    /// Takes back the one under way.
    pub(super) fn cancel(&mut self, commands: &mut VecDeque<Command>) {
        if let Some((job, _)) = self.under_way.take() {
            commands.push_back(Command::CancelRecognition { job });
        }
    }

    fn interval(&self, interval: Samples) -> Samples {
        Samples(interval.0 << self.doublings).min(RAREST).max(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Samples = Samples::from_ms(400);

    fn ms(ms: u64) -> Samples {
        Samples::from_ms(ms)
    }

    fn job(attempt: u32) -> Recognition {
        Recognition { turn: TurnId(0), segment: 0, attempt }
    }

    /// Begins one at `at` that takes `took`, and gives when the next is due.
    fn next(interims: &mut Interims, at: u64, took: u64, well: bool) -> u64 {
        assert!(interims.is_due(ms(at)));
        interims.began(job(1), ms(at));
        assert!(!interims.is_due(ms(at + 60_000)), "one at a time");
        assert!(interims.ended(job(1), ms(at + took), well, INTERVAL));
        interims.due.as_ms()
    }

    #[test]
    fn a_slow_engine_is_asked_half_of_the_time() {
        let mut interims = Interims::default();
        interims.speech_began(ms(100), INTERVAL);
        assert!(!interims.is_due(ms(499)));
        assert_eq!(next(&mut interims, 500, 50, true), 900);
        assert_eq!(next(&mut interims, 900, 300, true), 1_500);
        assert_eq!(next(&mut interims, 1_500, 1_000, true), 3_500);
    }

    #[test]
    fn failures_double_the_interval_and_successes_halve_it() {
        let mut interims = Interims::default();
        let mut at = 1_000;
        let mut pauses = Vec::new();
        for well in [false, false, false, false, true, true, true, true] {
            let due = next(&mut interims, at, 0, well);
            pauses.push(due - at);
            at = due;
        }
        assert_eq!(pauses, [800, 1_600, 3_200, 3_200, 1_600, 800, 400, 400]);
    }

    #[test]
    fn a_result_of_something_else_changes_nothing() {
        let mut interims = Interims::default();
        interims.began(job(1), ms(0));
        assert!(!interims.ended(job(2), ms(10), true, INTERVAL));
        let mut commands = VecDeque::new();
        interims.cancel(&mut commands);
        interims.cancel(&mut commands);
        assert_eq!(commands, [Command::CancelRecognition { job: job(1) }]);
        assert!(!interims.ended(job(1), ms(10), true, INTERVAL), "too late");
    }
}
