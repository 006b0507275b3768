//! A guess at what has been heard: sound is played from when it was sent, without gaps.
//!
//! For clients that get samples faster than they play them and do not say how far they are.

use std::collections::VecDeque;
use std::time::Duration;

use super::Progress;
use crate::pipeline::conversation::ReplyId;

/// How often progress is told.
const STEP: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug, Default)]
pub struct Clock {
    /// Clauses that are being played or wait: their reply, number, and length so far.
    queue: VecDeque<(ReplyId, u32, Duration)>,
    /// When the first of them began.
    began: Option<Duration>,
    next_step: Duration,
    ending: Option<ReplyId>,
    /// Since when nothing is played for now.
    held: Option<Duration>,
}

impl Clock {
    /// Sound of a clause was sent.
    pub fn add(&mut self, reply: ReplyId, clause: u32, duration: Duration, now: Duration) {
        let queued: Duration = self.queue.iter().map(|(_, _, length)| *length).sum();
        match &mut self.began {
            // What comes after everything was played begins when it comes.
            Some(began) if *began + queued < now => *began = now.saturating_sub(queued),
            Some(_) => {}
            None => {
                self.began = Some(now);
                self.next_step = now;
            }
        }
        match self.queue.back_mut() {
            Some((r, c, length)) if (*r, *c) == (reply, clause) => *length += duration,
            _ => self.queue.push_back((reply, clause, duration)),
        }
    }

    /// Nothing more is sent for this reply.
    pub fn end(&mut self, reply: ReplyId) {
        self.ending = Some(reply);
    }

    /// Nothing more is played for now.
    pub fn hold(&mut self, now: Duration) {
        self.held.get_or_insert(now);
    }

    /// It goes on where it was.
    pub fn resume(&mut self, now: Duration) {
        if let Some(since) = self.held.take() {
            let missed = now.saturating_sub(since);
            self.next_step += missed;
            if let Some(began) = &mut self.began {
                *began += missed;
            }
        }
    }

    /// The reply is cut.
    pub fn cancel(&mut self) {
        *self = Self::default();
    }

    /// When there is progress to tell.
    pub fn deadline(&self) -> Option<Duration> {
        let idle = self.held.is_some() || self.queue.is_empty() && self.ending.is_none();
        (!idle).then_some(if self.queue.is_empty() { Duration::ZERO } else { self.next_step })
    }

    /// Progress, if there is any to tell.
    pub fn poll(&mut self, now: Duration) -> Option<Progress> {
        if self.held.is_some() {
            return None;
        }
        if self.queue.is_empty() {
            let reply = self.ending.take()?;
            self.began = None;
            return Some(Progress { reply, clause: 0, played: Duration::ZERO, ended: true });
        }
        if now < self.next_step {
            return None;
        }
        let began = self.began?;
        let (reply, clause, length) = *self.queue.front()?;
        let played = now.saturating_sub(began).min(length);
        let rest = length.saturating_sub(played);
        self.next_step = if rest.is_zero() { now + STEP } else { now + STEP.min(rest) };
        // A clause that may still grow is not over.
        let complete = self.queue.len() > 1 || self.ending == Some(reply);
        if rest.is_zero() && complete {
            self.queue.pop_front();
            self.began = Some(began + length);
            self.next_step = now;
            let ended = self.queue.is_empty() && self.ending.take_if(|r| *r == reply).is_some();
            if ended {
                self.began = None;
            }
            return Some(Progress { reply, clause, played: length, ended });
        }
        Some(Progress { reply, clause, played, ended: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn run(clock: &mut Clock, from: u64, to: u64) -> Vec<(u64, Progress)> {
        (from..=to).filter_map(|now| Some((now, clock.poll(ms(now))?))).collect()
    }

    #[test]
    fn clauses_play_one_after_the_other() {
        let mut clock = Clock::default();
        let reply = ReplyId(0);
        clock.add(reply, 0, ms(250), ms(1_000));
        clock.add(reply, 1, ms(300), ms(1_010));
        clock.end(reply);
        let progress = run(&mut clock, 1_000, 2_000);
        let (at, last) = progress.last().copied().unwrap_or_else(|| panic!("no progress"));
        assert!(last.ended && last.clause == 1 && last.played == ms(300));
        assert!((1_550..=1_552).contains(&at), "{at}");
        let second = progress.iter().find(|(_, p)| p.clause == 1).map(|(at, _)| *at);
        assert!(second.is_some_and(|at| (1_250..=1_252).contains(&at)), "{second:?}");
    }

    #[test]
    fn a_late_clause_begins_when_it_comes() {
        let mut clock = Clock::default();
        let reply = ReplyId(0);
        clock.add(reply, 0, ms(100), ms(0));
        run(&mut clock, 0, 499);
        clock.add(reply, 1, ms(100), ms(500));
        clock.end(reply);
        let progress = run(&mut clock, 500, 1_000);
        let ended = progress.iter().find(|(_, p)| p.ended).map(|(at, _)| *at);
        assert!(ended.is_some_and(|at| (600..=605).contains(&at)), "{ended:?}");
    }

    #[test]
    fn a_held_reply_makes_none_until_it_goes_on() {
        let mut clock = Clock::default();
        clock.add(ReplyId(0), 0, ms(500), ms(0));
        clock.end(ReplyId(0));
        run(&mut clock, 0, 200);
        clock.hold(ms(200));
        assert_eq!(clock.deadline(), None);
        assert_eq!(run(&mut clock, 201, 1_000), []);
        clock.resume(ms(1_000));
        let ended = run(&mut clock, 1_000, 2_000).into_iter().find(|(_, p)| p.ended);
        assert!(ended.is_some_and(|(at, p)| (1_300..=1_302).contains(&at) && p.played == ms(500)));
    }

    #[test]
    fn a_cut_reply_makes_no_more_progress() {
        let mut clock = Clock::default();
        clock.add(ReplyId(0), 0, ms(500), ms(0));
        run(&mut clock, 0, 100);
        clock.cancel();
        assert_eq!(run(&mut clock, 101, 1_000), []);
        assert_eq!(clock.deadline(), None);
    }
}
