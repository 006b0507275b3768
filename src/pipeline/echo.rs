//! What the person hears of us, as the ear has to know it: so that an open loudspeaker is not taken for somebody who speaks.
//!
//! A reply is made ahead of time. When each sample of it is played is known from playout, now and then and a little late; in
//! between sound goes on at its own pace. What was fed to the canceller wrongly, because a reply was held or cut or the
//! network stood still, is taken back.

use std::collections::VecDeque;
use std::time::Duration;

use sotto_echo::EchoCanceller;

use super::Hush;
use super::codec::resample::{ResampleError, Resampler};
use super::conversation::ReplyId;
use super::frame::{MIC_RATE_HZ, SPEECH_RATE_HZ, Samples};
use super::playout::{DUCKED, Progress};

/// So much is fed beyond what has been played: progress is told at least this often.
const AHEAD: Duration = Duration::from_millis(500);
/// Samples of a reply that are resampled at once: 20 ms, which takes far less than half a millisecond.
const PIECE: usize = SPEECH_RATE_HZ as usize / 50;
/// Playout that is further off than this from where it was thought to be has jumped, in samples of the microphone: 80 ms.
const JUMP: u64 = MIC_RATE_HZ as u64 * 80 / 1_000;
/// See the module.
pub struct Reference {
    reply: Option<ReplyId>,
    clauses: VecDeque<Clause>,
    resampler: Option<Resampler>,
    /// Where on the microphone's clock the next sample that is fed leaves.
    next_at: u64,
    /// What is fed next, within the first clause.
    fed: usize,
    gain: f32,
    held: bool,
    /// Where playout is has to be learned from its next progress.
    lost: bool,
}

struct Clause {
    number: u32,
    samples: Vec<f32>,
}

impl Default for Reference {
    fn default() -> Self {
        Self {
            reply: None,
            clauses: VecDeque::new(),
            resampler: None,
            next_at: 0,
            fed: 0,
            gain: 1.0,
            held: false,
            lost: true,
        }
    }
}

impl Reference {
    /// More of a reply was made.
    pub fn add(&mut self, reply: ReplyId, clause: u32, samples: &[f32]) {
        if self.reply != Some(reply) {
            *self =
                Self { reply: Some(reply), resampler: self.resampler.take(), ..Self::default() };
        }
        match self.clauses.back_mut().filter(|last| last.number == clause) {
            Some(last) => last.samples.extend_from_slice(samples),
            None => self.clauses.push_back(Clause { number: clause, samples: samples.to_vec() }),
        }
    }

    /// Playout has come this far, when the microphone is at `position`.
    pub fn progress(
        &mut self,
        progress: &Progress,
        position: Samples,
        canceller: &mut EchoCanceller,
    ) -> Result<(), ResampleError> {
        if self.reply != Some(progress.reply) || self.held {
            return Ok(());
        }
        let played = progress.played.as_micros() as usize * 24 / 1_000;
        let old = self.clauses.iter().take_while(|clause| clause.number < progress.clause).count();
        for clause in self.clauses.drain(..old) {
            // What is left of it was played in the meantime.
            self.fed = self.fed.saturating_sub(clause.samples.len());
        }
        let Some(front) = self.clauses.front().filter(|front| front.number == progress.clause)
        else {
            return Ok(());
        };
        // Where the next sample to be fed leaves, as it looks now.
        let ahead = self.fed as i64 - played as i64;
        let looks = position.0.saturating_add_signed(ahead * 2 / 3);
        if std::mem::take(&mut self.lost) || looks.abs_diff(self.next_at) > JUMP {
            canceller.cut(position.0);
            self.fed = played.min(front.samples.len());
            self.next_at = position.0;
        }
        self.feed(played, canceller)
    }

    /// Feeds up to a little beyond what was `played` of the first clause.
    fn feed(&mut self, played: usize, canceller: &mut EchoCanceller) -> Result<(), ResampleError> {
        let resampler = match &mut self.resampler {
            Some(resampler) => resampler,
            None => self.resampler.insert(Resampler::new(SPEECH_RATE_HZ, MIC_RATE_HZ)?),
        };
        let until = played + AHEAD.as_micros() as usize * 24 / 1_000;
        let (mut skipped, mut out) = (0, Vec::new());
        for clause in &self.clauses {
            if self.fed < skipped {
                break;
            }
            let end = clause.samples.len().min(until.saturating_sub(skipped));
            while self.fed < skipped + end {
                let from = self.fed - skipped;
                let piece = &clause.samples[from..end.min(from + PIECE)];
                out.clear();
                resampler.push(piece, &mut out);
                for sample in &mut out {
                    *sample *= self.gain;
                }
                canceller.play(self.next_at, &out);
                self.next_at += out.len() as u64;
                self.fed += piece.len();
            }
            skipped += clause.samples.len();
        }
        Ok(())
    }

    /// The reply is played quietly, or not for now, or as before.
    pub fn hush(&mut self, hush: Hush, position: Samples, canceller: &mut EchoCanceller) {
        // What was fed beyond this is played otherwise: it is fed again with the next progress.
        canceller.cut(position.0);
        self.lost = true;
        match hush {
            Hush::Duck => self.gain = DUCKED,
            Hush::Hold => self.held = true,
            Hush::Resume(_) => (self.gain, self.held) = (1.0, false),
        }
    }

    /// The reply is cut, or over.
    pub fn cancel(&mut self, position: Samples, canceller: &mut EchoCanceller) {
        canceller.cut(position.0);
        *self = Self { resampler: self.resampler.take(), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: ReplyId = ReplyId(3);

    fn noise(count: usize) -> Vec<f32> {
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| 0.2 * next()).collect()
    }

    /// Ten seconds of a reply, whose echo comes back after 60 ms at half its loudness.
    fn run(hold: bool) -> (EchoCanceller, f32) {
        let (mut reference, mut canceller) = (Reference::default(), EchoCanceller::new());
        let reply = noise(24_000 * 10);
        let mut resampler = Resampler::new(24_000, 16_000).unwrap();
        let mut played = Vec::new();
        resampler.push(&reply, &mut played);
        reference.add(REPLY, 0, &reply[..24_000]);
        reference.add(REPLY, 1, &reply[24_000..]);
        // The whole begins when the microphone is at 8,000, and is held for a second in between.
        let (begin, held) = (8_000_usize, 56_000..72_000_usize);
        let sounding = |at: usize| {
            let at = at.checked_sub(begin + 960)?;
            match hold {
                true if at + begin >= held.end => played.get(at - 16_000),
                true if at + begin >= held.start => None,
                _ => played.get(at),
            }
        };
        let (mut before, mut after) = (0.0, 0.0);
        for frame in 0..250_usize {
            let now = frame * 512;
            let position = Samples(now as u64);
            if hold && (held.start..held.start + 512).contains(&now) {
                reference.hush(Hush::Hold, position, &mut canceller);
            }
            if hold && (held.end..held.end + 512).contains(&now) {
                reference.hush(Hush::Resume(None), position, &mut canceller);
            }
            let pause = if hold && now >= held.end { 16_000 } else { 0 };
            let heard = now.saturating_sub(begin + pause);
            let silent = hold && held.contains(&now);
            if now >= begin && frame % 4 == 0 && !silent {
                let (clause, at) = if heard < 16_000 { (0, heard) } else { (1, heard - 16_000) };
                let played = Duration::from_micros(at as u64 * 1_000 / 16);
                let progress = Progress { reply: REPLY, clause, played, ended: false };
                reference.progress(&progress, position, &mut canceller).unwrap();
            }
            let mut mic: [f32; 512] =
                std::array::from_fn(|i| 0.5 * sounding(now + i).copied().unwrap_or(0.0));
            let energy = |frame: &[f32]| frame.iter().map(|s| s * s).sum::<f32>();
            let loud = energy(&mic);
            canceller.process(&mut mic);
            if now > 110_000 {
                before += loud;
                after += energy(&mic);
            }
        }
        (canceller, 10.0 * (before / after.max(1e-9)).log10())
    }

    #[test]
    fn what_is_played_is_known_where_it_is_played() {
        let (canceller, reduction) = run(false);
        let estimate = canceller.estimate().unwrap();
        // The resampler's own delay, on both ways, is part of it.
        assert!((50.0..70.0).contains(&estimate.delay_ms), "{estimate:?}");
        assert!(reduction > 20.0, "{reduction}");
    }

    #[test]
    fn a_reply_that_was_held_is_known_where_it_goes_on() {
        let (canceller, reduction) = run(true);
        assert!(canceller.estimate().is_some());
        assert!(reduction > 15.0, "{reduction}");
    }
}
