//! How people talk: what a turn is made of, drawn at random.

use super::random::Random;

/// Nobody's pause before the next turn is shorter.
const SHORTEST_THOUGHT_S: f64 = 0.3;
/// Turns are cut into segments at this length, and so short a sound is no turn.
const TURN_S: (f64, f64) = (0.4, 28.0);
/// A pause within a turn is at least as long as it takes to be one (`vad.pause_ms`).
pub const PAUSE_S: f64 = 0.096;

/// How people talk, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Talk {
    /// The part of the time that a person speaks.
    pub share: f64,
    /// Length of a turn, and how much it varies (standard deviation / mean).
    pub turn_s: f64,
    pub turn_variation: f64,
    /// Pauses within a turn, for each second of it, and their length.
    pub pauses_per_s: f64,
    pub pause_s: f64,
    /// The part of turns that the model calls finished at the first pause.
    pub sure: f64,
    /// Length of a reply, and of one of its clauses, as sound.
    pub reply_s: f64,
    pub clause_s: f64,
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            share: 0.2,
            turn_s: 3.0,
            turn_variation: 0.6,
            pauses_per_s: 0.25,
            pause_s: 0.35,
            // docs/benchmarks.md: 30 of 38, or 33 of 38 with those that were over early.
            sure: 0.8,
            reply_s: 7.0,
            clause_s: 2.5,
        }
    }
}

/// A turn as it will be, and what follows it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    /// Speech, pauses included.
    pub speech_s: f64,
    /// Pauses within it: from where, and how long.
    pub pauses: Vec<(f64, f64)>,
    /// Which question to the model ends it; `None`: none does, and the longest silence has to.
    pub decided_by: Option<usize>,
    /// The clauses of the reply, as sound.
    pub clauses_s: Vec<f64>,
    /// From the end of the reply to the next turn.
    pub thought_s: f64,
}

impl Talk {
    /// Draws a turn. `between_s` is what passes from its end to the reply, about.
    pub fn turn(&self, between_s: f64, random: &mut Random) -> Turn {
        let speech_s = random.lognormal(self.turn_s, self.turn_variation).clamp(TURN_S.0, TURN_S.1);
        let mut pauses = Vec::new();
        let mut at = TURN_S.0;
        loop {
            at += random.exponential(1.0 / self.pauses_per_s.max(1e-9));
            let length = PAUSE_S + random.exponential((self.pause_s - PAUSE_S).max(0.0));
            if at + length + TURN_S.0 > speech_s {
                break;
            }
            pauses.push((at, length));
            at += length;
        }
        let mut decided_by = Some(0);
        // At each later question most of the rest are decided.
        while random.uniform() > self.sure {
            decided_by = decided_by.map(|question| question + 1).filter(|next| *next < 5);
            if decided_by.is_none() {
                break;
            }
        }
        let clauses = (self.reply_s / self.clause_s).round().max(1.0);
        let clauses_s =
            (0..clauses as usize).map(|_| random.lognormal(self.reply_s / clauses, 0.35)).collect();
        let thought = self.turn_s / self.share - self.turn_s - self.reply_s - between_s;
        let thought_s =
            SHORTEST_THOUGHT_S + random.exponential((thought - SHORTEST_THOUGHT_S).max(0.1));
        Turn { speech_s, pauses, decided_by, clauses_s, thought_s }
    }
}
