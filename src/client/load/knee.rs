//! How many calls a server holds: the search, and what it means to hold them. Pure.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Report;

/// The search ends when the numbers that held and that did not are as near as one part in so many.
const PRECISION: usize = 20;
/// Of what is said one thing in so many may be lost without an answer: recognition is not perfect without load either.
const FORGIVEN: u64 = 50;
/// Of the answers one in so many may be late: 95 % come in time.
const LATE: u64 = 20;
/// So many answers are waited for, if that does not take too long: among fewer, which are late is chance.
pub(super) const ENOUGH: u64 = 40;

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It is known how many calls hold, or that as many hold as may be tried.
    Known,
    /// Time was over.
    Time,
    /// So little was said that nothing can be said about it: more calls would not tell more.
    Nothing,
}

/// The search for the largest number of calls that holds: twice as many as long as they hold, then the middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    first: usize,
    most: usize,
    held: usize,
    broke: Option<usize>,
}

impl Search {
    /// Begins with `first` calls, and never tries more than `most`.
    pub fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        Self { first: first.clamp(1, most), most, held: 0, broke: None }
    }

    /// The number to try next; `None` when it is known well enough.
    pub fn next(&self) -> Option<usize> {
        match self.broke {
            None if self.held == 0 => Some(self.first),
            None => (self.held < self.most).then(|| (self.held * 2).min(self.most)),
            Some(broke) => {
                let gap = broke - self.held;
                (gap > (self.held / PRECISION).max(1)).then(|| self.held + gap / 2)
            }
        }
    }

    /// So many calls held, or did not.
    pub fn tried(&mut self, calls: usize, held: bool) {
        if held {
            self.held = self.held.max(calls);
        } else {
            self.broke = Some(self.broke.map_or(calls, |broke| broke.min(calls)));
        }
    }

    /// The largest number that has held; 0: none.
    pub fn held(&self) -> usize {
        self.held
    }

    /// The smallest that has not, if any.
    pub fn broke(&self) -> Option<usize> {
        self.broke
    }
}

/// Why so many calls do not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Broke {
    /// Calls were refused, or failed.
    NotPlaced {
        /// How many, by the name of the reason.
        reasons: Vec<(String, u64)>,
    },
    /// Calls were lost.
    Lost {
        /// How many.
        calls: u64,
    },
    /// Packets were thrown away by the server.
    Dropped {
        /// How many.
        packets: u64,
    },
    /// Too much was said without an answer.
    Unanswered {
        /// How many times.
        talks: u64,
        /// Of so many.
        of: u64,
    },
    /// Answers came too late.
    Late {
        /// How many, those included that had not come yet.
        answers: u64,
        /// Of so many.
        of: u64,
        /// When 95 % of those that came had come, in milliseconds after the last speech.
        p95_ms: Option<u64>,
    },
    /// Nothing was answered at all, nor long awaited: nothing can be said.
    Nothing,
}

impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlaced { reasons } => {
                let named: Vec<String> =
                    reasons.iter().map(|(name, times)| format!("{times} × {name}")).collect();
                write!(f, "calls did not come about: {}", named.join(", "))
            }
            Self::Lost { calls } => write!(f, "{calls} calls were lost"),
            Self::Dropped { packets } => write!(f, "the server dropped {packets} packets"),
            Self::Unanswered { talks, of } => write!(f, "{talks} of {of} had no answer"),
            Self::Late { answers, of, p95_ms } => {
                write!(f, "{answers} of {of} answers were late")?;
                p95_ms.map_or(Ok(()), |p95| write!(f, " (p95 {p95} ms)"))
            }
            Self::Nothing => f.write_str("nothing was answered in the time; hold for longer"),
        }
    }
}

/// A number of calls that was tried.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// What was found.
    pub report: Report,
    /// Why it does not hold, if it does not.
    pub broke: Option<Broke>,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { calls, answered, server, caller, frames, .. } = &self.report;
        write!(f, "{calls:>5} calls ")?;
        match &self.broke {
            None => f.write_str("hold")?,
            Some(broke) => write!(f, "do not hold: {broke}")?,
        }
        if let Some(p95) = self.report.p95_ms() {
            write!(f, "; first sound p95 {p95} ms of {answered}")?;
        }
        if let Some(frames) = frames {
            write!(f, "; frames p99 {:.1} ms", frames.p99_us as f64 / 1_000.0)?;
        }
        for (who, used) in [("server", server), ("callers", caller)] {
            used.map_or(Ok(()), |used| write!(f, "; {who} {:.0} % of a core", used.cpu_percent))?;
        }
        Ok(())
    }
}

/// Whether the calls of a report hold: none missing, none lost, nothing dropped, nearly everything answered, and 95 % of
/// the answers, or all but one of fewer than forty, heard within `target` of the last speech.
pub fn judge(report: &Report, target: Duration) -> Result<(), Broke> {
    let reasons: Vec<_> = report.refused.iter().chain(&report.failed).collect();
    if !reasons.is_empty() {
        let reasons = reasons.into_iter().map(|(name, times)| (name.clone(), *times)).collect();
        return Err(Broke::NotPlaced { reasons });
    }
    if report.lost > 0 {
        return Err(Broke::Lost { calls: report.lost });
    }
    let packets = report.frames.as_ref().map_or(0, |frames| frames.dropped);
    if packets > 0 {
        return Err(Broke::Dropped { packets });
    }
    let (talks, of) = (report.unheard + report.unanswered.values().sum::<u64>(), report.talks);
    if talks > 1.max(of / FORGIVEN) {
        return Err(Broke::Unanswered { talks, of });
    }
    // Who still waits for longer than that will hear nothing in time: they count.
    let target_ms = target.as_millis() as u64;
    let late = |values: &[u64]| values.iter().filter(|ms| **ms > target_ms).count() as u64;
    let waiting = late(&report.waiting_ms);
    let of = report.answers_ms.len() as u64 + waiting;
    let answers = late(&report.answers_ms) + waiting;
    if of == 0 {
        return Err(Broke::Nothing);
    }
    // One is chance, unless it is the only one.
    if answers > 1.max(of / LATE).min(of - 1) {
        return Err(Broke::Late { answers, of, p95_ms: report.p95_ms() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches where `capacity` calls hold and more do not.
    fn search(first: usize, most: usize, capacity: usize) -> (Search, Vec<usize>) {
        let mut search = Search::new(first, most);
        let mut tried = Vec::new();
        while let Some(calls) = search.next() {
            tried.push(calls);
            assert!(tried.len() < 100, "{tried:?}");
            search.tried(calls, calls <= capacity);
        }
        (search, tried)
    }

    #[test]
    fn it_doubles_and_then_halves_the_gap() {
        let (search, tried) = search(1, 1_000, 3);
        assert_eq!(tried, [1, 2, 4, 3]);
        assert_eq!((search.held(), search.broke()), (3, Some(4)));
    }

    #[test]
    fn a_server_that_holds_everything_is_tried_with_the_most() {
        let (search, tried) = search(4, 50, 1_000);
        assert_eq!(tried, [4, 8, 16, 32, 50]);
        assert_eq!((search.held(), search.broke()), (50, None));
    }

    #[test]
    fn a_server_that_holds_nothing_is_not_asked_for_ever() {
        let (search, tried) = search(8, 50, 0);
        assert_eq!(tried, [8, 4, 2, 1]);
        assert_eq!((search.held(), search.broke()), (0, Some(1)));
    }

    proptest! {
        #[test]
        fn what_is_found_holds_and_little_more_does_not(
            first in 1_usize..200, most in 1_usize..3_000, capacity in 0_usize..4_000,
        ) {
            let (search, tried) = search(first, most, capacity);
            let capacity = capacity.min(most);
            let found = search.held();
            prop_assert!(found <= capacity);
            prop_assert!(found + (found / PRECISION).max(1) >= capacity, "{found} of {capacity}");
            prop_assert!(tried.iter().all(|calls| (1..=most).contains(calls)));
            prop_assert!(tried.len() <= 2 * (most.ilog2() as usize + 2), "{tried:?}");
        }

        #[test]
        fn it_ends_whatever_happens(first in 1_usize..50, held in prop::collection::vec(any::<bool>(), 100)) {
            let mut search = Search::new(first, 500);
            let mut steps = held.into_iter();
            let mut number = 0;
            while let Some(calls) = search.next() {
                search.tried(calls, steps.next().unwrap());
                prop_assert!(search.broke().is_none_or(|broke| search.held() < broke));
                number += 1;
            }
            prop_assert!(number <= 20, "{number}");
        }
    }

    #[test]
    fn a_number_that_was_tried_is_one_line() {
        let mut report = Report { calls: 12, ..report(&[500; 20]) };
        let tried = Tried { report: report.clone(), broke: None };
        assert_eq!(tried.to_string(), "   12 calls hold");
        report.frames = Some(super::super::Frames { p99_us: 1_500, ..Default::default() });
        let tried = Tried { report, broke: Some(Broke::Lost { calls: 2 }) };
        let line = "   12 calls do not hold: 2 calls were lost; frames p99 1.5 ms";
        assert_eq!(tried.to_string(), line);
    }

    fn report(answers_ms: &[u64]) -> Report {
        let answered = answers_ms.len() as u64;
        let answers_ms = answers_ms.to_vec();
        Report { talks: answered, answered, answers_ms, ..Report::default() }
    }

    const TARGET: Duration = Duration::from_millis(900);

    #[test]
    fn one_late_answer_in_twenty_is_in_time() {
        let mut answers = vec![500; 19];
        answers.push(5_000);
        assert_eq!(judge(&report(&answers), TARGET), Ok(()));
        answers.push(901);
        let late = judge(&report(&answers), TARGET).unwrap_err();
        assert!(matches!(late, Broke::Late { answers: 2, of: 21, .. }), "{late}");
    }

    #[test]
    fn one_of_few_is_chance_and_one_of_one_is_not() {
        assert_eq!(judge(&report(&[500, 5_000]), TARGET), Ok(()));
        for late in [&[5_000][..], &[5_000, 5_000], &[500, 5_000, 5_000]] {
            let broke = judge(&report(late), TARGET);
            assert!(matches!(broke, Err(Broke::Late { .. })), "{late:?}");
        }
    }

    #[test]
    fn answers_that_have_not_come_count_once_they_are_late() {
        let waiting = Report { waiting_ms: vec![800, 950, 4_000], ..report(&[500; 20]) };
        let late = judge(&waiting, TARGET).unwrap_err();
        assert!(matches!(late, Broke::Late { answers: 2, of: 22, .. }), "{late}");
        assert_eq!(judge(&Report { waiting_ms: vec![800], ..report(&[500; 20]) }, TARGET), Ok(()));
        assert_eq!(judge(&report(&[]), TARGET), Err(Broke::Nothing));
    }

    #[test]
    fn nothing_may_be_missing() {
        let good = || report(&[500; 100]);
        let refused = Report { refused: [("503 at_capacity".to_owned(), 2)].into(), ..good() };
        let error = judge(&refused, TARGET).unwrap_err().to_string();
        assert_eq!(error, "calls did not come about: 2 × 503 at_capacity");
        let lost = judge(&Report { lost: 1, ..good() }, TARGET);
        assert_eq!(lost, Err(Broke::Lost { calls: 1 }));
        let dropped = Some(super::super::Frames { dropped: 7, ..Default::default() });
        let dropped = judge(&Report { frames: dropped, ..good() }, TARGET);
        assert_eq!(dropped, Err(Broke::Dropped { packets: 7 }));
        assert_eq!(judge(&Report { unheard: 2, ..good() }, TARGET), Ok(()));
        let unheard = judge(&Report { unheard: 3, ..good() }, TARGET);
        assert_eq!(unheard, Err(Broke::Unanswered { talks: 3, of: 100 }));
    }
}
