//! What has come of calls, and of what was said in them, as the callers tell it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::phases::{Phase, Phases};
use crate::client::{ClientError, Spoken, Turn};

/// How often something happened, by its name.
pub(super) type ByName = BTreeMap<String, u64>;

/// See the module. Shared by all callers.
#[derive(Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
    /// Calls of which it is known whether they connected, since the last beginning.
    settled: watch::Sender<usize>,
}

/// What has been counted since the last beginning.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    /// What was begun to be said before is not counted.
    pub from: Option<Instant>,
    pub connect_ms: Vec<u64>,
    pub refused: ByName,
    pub failed: ByName,
    pub lost: u64,
    pub talks: u64,
    pub answered: u64,
    pub unheard: u64,
    pub unanswered: ByName,
    pub early: u64,
    pub cut: u64,
    /// When phases were over, in the order of [`Phase::ALL`].
    pub phases_ms: [Vec<u64>; Phase::ALL.len()],
    /// Of callers who wait for an answer: when they began to speak, and had finished.
    pub waiting: HashMap<usize, (Instant, Instant)>,
    /// How long those have waited who wait.
    pub waiting_ms: Vec<u64>,
}

/// What came of something that was said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// An answer was heard; perhaps it was cut.
    Answered { phases: Phases, cut: bool },
    /// The server took the turn for over before the recording was.
    Early,
    /// It was a turn, and no answer was heard, for this reason.
    Unanswered(String),
    /// The server has noticed no turn.
    Unheard,
}

impl Outcome {
    /// What came of `spoken`, by the turns since then.
    pub(super) fn of(spoken: &Spoken, turns: &[Turn]) -> Self {
        let belongs = |turn: &&Turn| turn.speech_end_ms == Some(spoken.speech_end_ms);
        // Cut in two by a pause, it is the last part that is answered.
        let Some(turn) = turns.iter().rfind(belongs) else { return Self::Unheard };
        match (&turn.error, Phases::of(turn)) {
            (Some(code), _) => Self::Unanswered(code.clone()),
            (None, None) => Self::Early,
            (None, Some(phases)) if phases.at(Phase::FirstAudio).is_some() => {
                Self::Answered { phases, cut: turn.interrupted }
            }
            (None, Some(_)) => Self::Unanswered(silence(turn).to_owned()),
        }
    }
}

/// Why a turn without an error has no answer.
fn silence(turn: &Turn) -> &'static str {
    if turn.transcript_ms.is_none() {
        "no_transcript"
    } else if turn.user_text.trim().is_empty() {
        "no_words"
    } else {
        "no_sound"
    }
}

impl Tally {
    /// Forgets everything but who waits.
    pub(super) fn begin(&self) {
        let mut counts = self.counts();
        let waiting = std::mem::take(&mut counts.waiting);
        *counts = Counts { waiting, ..Counts::default() };
        drop(counts);
        self.settled.send_replace(0);
    }

    /// Counts what is begun to be said from now on.
    pub(super) fn count_from(&self, now: Instant) {
        self.counts().from = Some(now);
    }

    /// Waits until it is known of so many calls whether they connected.
    pub(super) async fn wait_for(&self, calls: usize) {
        let mut settled = self.settled.subscribe();
        // The sender is ours.
        let _ = settled.wait_for(|settled| *settled >= calls).await;
    }

    /// A call has connected.
    pub(super) fn connected(&self, after: Duration) {
        self.counts().connect_ms.push(after.as_millis() as u64);
        self.settled.send_modify(|settled| *settled += 1);
    }

    /// A call could not be placed.
    pub(super) fn not_placed(&self, error: &ClientError) {
        let mut counts = self.counts();
        match error {
            ClientError::Refused { status, code, .. } => {
                let name = format!("{} {code}", status.as_u16());
                *counts.refused.entry(name.trim_end().to_owned()).or_default() += 1;
            }
            error => *counts.failed.entry(kind(error).to_owned()).or_default() += 1,
        }
        drop(counts);
        self.settled.send_modify(|settled| *settled += 1);
    }

    /// A call is over, and its caller had not hung up.
    pub(super) fn lost(&self) {
        self.counts().lost += 1;
    }

    /// A caller has said something and waits.
    pub(super) fn waits(&self, caller: usize, began: Instant, ended: Instant) {
        self.counts().waiting.insert(caller, (began, ended));
    }

    /// A caller waits no longer.
    pub(super) fn rests(&self, caller: usize) {
        self.counts().waiting.remove(&caller);
    }

    /// This came of what was said since `began`.
    pub(super) fn talked(&self, began: Instant, outcome: Outcome) {
        let mut counts = self.counts();
        if counts.from.is_none_or(|from| began < from) {
            return;
        }
        counts.talks += 1;
        match outcome {
            Outcome::Answered { phases, cut } => {
                counts.answered += 1;
                counts.cut += u64::from(cut);
                for phase in Phase::ALL {
                    counts.phases_ms[phase as usize].extend(phases.at(phase));
                }
            }
            Outcome::Early => counts.early += 1,
            Outcome::Unanswered(why) => *counts.unanswered.entry(why).or_default() += 1,
            Outcome::Unheard => counts.unheard += 1,
        }
    }

    /// Answers that were heard since the beginning.
    pub(super) fn answered(&self) -> u64 {
        self.counts().answered
    }

    /// What has been counted since the beginning.
    pub(super) fn take(&self) -> Counts {
        let mut counts = self.counts().clone();
        let from = counts.from;
        let waiting =
            counts.waiting.values().filter(|(began, _)| from.is_some_and(|f| *began >= f));
        let waiting = waiting.map(|(_, ended)| ended.elapsed().as_millis() as u64);
        counts.waiting_ms = waiting.collect();
        counts
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What kind of failure it is: few names, whatever the words.
fn kind(error: &ClientError) -> &'static str {
    match error {
        ClientError::Http(error) if error.is_timeout() => "http_timeout",
        ClientError::Http(_) => "http",
        ClientError::NotConnected => "not_connected",
        ClientError::WebRtc(_) => "webrtc",
        ClientError::Opus(_) => "opus",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;

    const SPOKEN: Spoken = Spoken { begin_ms: 100, speech_end_ms: 1_000, end_ms: 1_200 };

    fn turn(endpoint_ms: u64) -> Turn {
        Turn {
            call: 0,
            turn: 0,
            user_text: "hello".to_owned(),
            reply_text: "hi".to_owned(),
            speech_end_ms: Some(1_000),
            endpoint_ms: Some(endpoint_ms),
            transcript_ms: Some(endpoint_ms + 10),
            first_audio_ms: Some(endpoint_ms + 300),
            interrupted: false,
            early: false,
            error: None,
            server: None,
        }
    }

    #[test]
    fn the_last_part_of_what_was_said_is_what_is_answered() {
        let first = Turn { interrupted: true, first_audio_ms: None, ..turn(600) };
        let Outcome::Answered { phases, cut } = Outcome::of(&SPOKEN, &[first, turn(1_300)]) else {
            panic!("not answered")
        };
        assert_eq!((phases.at(Phase::FirstAudio), cut), (Some(600), false));
    }

    #[test]
    fn silence_has_a_reason() {
        let of = |turn: Turn| Outcome::of(&SPOKEN, &[turn]);
        let unanswered = |why: &str| Outcome::Unanswered(why.to_owned());
        let silent = Turn { first_audio_ms: None, ..turn(1_300) };
        assert_eq!(Outcome::of(&SPOKEN, &[]), Outcome::Unheard);
        let elsewhere = Turn { speech_end_ms: Some(99), ..turn(1_300) };
        assert_eq!(of(elsewhere), Outcome::Unheard);
        assert_eq!(of(turn(900)), Outcome::Early);
        assert_eq!(of(silent.clone()), unanswered("no_sound"));
        assert_eq!(of(Turn { user_text: " ".into(), ..silent.clone() }), unanswered("no_words"));
        assert_eq!(of(Turn { transcript_ms: None, ..silent.clone() }), unanswered("no_transcript"));
        let failed = Turn { error: Some("engine_overloaded".into()), ..silent };
        assert_eq!(of(failed), unanswered("engine_overloaded"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_said_in_time_is_counted_and_who_waits_is_seen() {
        let tally = Tally::default();
        tally.begin();
        let before = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        let from = Instant::now();
        tally.count_from(from);
        tally.talked(before, Outcome::Unheard);
        tally.talked(from, Outcome::Early);
        tally.waits(1, before, from);
        tally.waits(2, from, from);
        tally.waits(3, from, from);
        tally.rests(3);
        tokio::time::advance(Duration::from_secs(2)).await;
        let counts = tally.take();
        assert_eq!((counts.talks, counts.early, counts.unheard), (1, 1, 0));
        assert_eq!(counts.waiting_ms, [2_000]);
    }

    #[tokio::test]
    async fn calls_are_settled_by_connecting_and_by_failing() {
        let tally = Tally::default();
        tally.begin();
        tally.connected(Duration::from_millis(30));
        let refused = |code: &str| ClientError::Refused {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: code.to_owned(),
            message: String::new(),
        };
        tally.not_placed(&refused("at_capacity"));
        tally.not_placed(&refused("at_capacity"));
        tally.not_placed(&refused(""));
        tally.not_placed(&ClientError::NotConnected);
        tally.wait_for(5).await;
        let counts = tally.take();
        let refused: Vec<_> = counts.refused.into_iter().collect();
        assert_eq!(refused, [("503".to_owned(), 1), ("503 at_capacity".to_owned(), 2)]);
        assert_eq!(counts.failed["not_connected"], 1);
        assert_eq!(counts.connect_ms, [30]);
    }
}
