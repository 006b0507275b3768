//! A call: a reply on the loudspeaker, its echo, perhaps a person who talks over it.

use std::path::Path;
use std::time::{Duration, Instant};

use sotto_echo::{EchoCanceller, FRAME, Verdict};

use super::Random;
use super::room::{driven, room, through};
use super::voice::Voice;

/// The level of speech that is played, and of a person who speaks up: -22 dB of full scale.
const SPEECH: f32 = 0.08;
/// The reply begins here.
pub const REPLY_AT: usize = 16_000;
/// A call is this long.
const LENGTH: usize = 10 * 16_000;
/// Recordings, at 16 kHz.
pub struct Sounds {
    replies: Vec<Vec<f32>>,
    people: Vec<Vec<f32>>,
    noises: Vec<Vec<f32>>,
}

/// What a call is made from.
#[derive(Debug, Clone)]
pub struct Script {
    pub seed: u64,
    pub delay_ms: f32,
    pub level_db: f32,
    pub rt60_s: f32,
    pub noise_db: f32,
    /// The delay changes by this in the middle.
    pub jump_ms: f32,
    /// The loudspeaker clips hard, softly, or not.
    pub driven: Option<bool>,
    /// When a person begins, after the reply, and how loud.
    pub person: Option<(f32, f32)>,
}

/// The sound of a call.
pub struct Call {
    pub played: Vec<f32>,
    pub echo: Vec<f32>,
    pub person: Vec<f32>,
    pub noise: Vec<f32>,
}

/// What came of a frame.
pub struct Heard {
    pub verdict: Verdict,
    pub voice: bool,
    /// Voice activity of the noise alone, and of noise and person.
    pub noise_voice: bool,
    pub near_voice: bool,
    /// Mean squares of the person, of the echo, and of what is neither person nor noise afterwards.
    pub person: f32,
    pub echo: f32,
    pub left: f32,
    /// What it took.
    pub took: Duration,
}

impl Heard {
    /// Whether a caller would take it for a person who speaks.
    pub fn is_speech(&self, threshold: f32) -> bool {
        self.voice && self.verdict.echo < threshold
    }

    /// Whether it would be the echo that is taken for a person, and not the noise.
    pub fn is_itself(&self, threshold: f32) -> bool {
        self.is_speech(threshold) && !self.noise_voice
    }
}

impl Sounds {
    pub fn load(folder: &Path) -> Self {
        let read = |name: &str| {
            let mut reader = hound::WavReader::open(folder.join(name)).unwrap();
            reader.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32768.0).collect::<Vec<_>>()
        };
        let mut names: Vec<String> = std::fs::read_dir(folder.join("speech"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let starts = |name: &str, with: &[&str]| with.iter().any(|w| name.starts_with(w));
        let speech = |with: &[&str]| -> Vec<Vec<f32>> {
            let chosen = names.iter().filter(|name| starts(name, with));
            chosen.map(|name| spoken(&read(&format!("speech/{name}")))).collect()
        };
        let noises = ["noise_1", "noise_2", "noise_3", "noise_office", "noise_lk_keyboard-typing"];
        Self {
            replies: speech(&["lj_", "jfk", "ss_", "pv_es", "pv_de", "libri_1089-134686"]),
            people: speech(&[
                "libri_1272",
                "libri_1089-134691",
                "sb_",
                "cards",
                "gcp_2",
                "gcp_half",
                "gcp_hello_g",
                "sr_",
                "pv_ja",
                "gs_",
            ]),
            noises: noises.iter().map(|name| read(&format!("noise/{name}.wav"))).collect(),
        }
    }
}

/// A recording at the level of speech, without the silence at its ends.
fn spoken(samples: &[f32]) -> Vec<f32> {
    let powers: Vec<f32> =
        samples.chunks(160).map(|c| c.iter().map(|s| s * s).sum::<f32>() / 160.0).collect();
    let loudest = powers.iter().copied().fold(0.0, f32::max);
    let is_loud = |power: &&f32| **power > 0.01 * loudest;
    let first = powers.iter().take_while(|p| !is_loud(p)).count() * 160;
    let last = powers.iter().rev().take_while(|p| !is_loud(p)).count() * 160;
    let loud: Vec<f32> = powers.iter().filter(is_loud).copied().collect();
    let level = (loud.iter().sum::<f32>() / loud.len() as f32).sqrt();
    samples[first..samples.len().saturating_sub(last)].iter().map(|s| s * SPEECH / level).collect()
}

impl Script {
    /// The `index`th call in which only the reply is heard.
    pub fn alone(index: u64) -> Self {
        let seed = 0x5077_0000 + index;
        let random = &mut Random::new(seed);
        let log = random.between(20_f32.ln(), 400_f32.ln());
        Self {
            seed,
            delay_ms: log.exp(),
            level_db: random.between(-30.0, -6.0),
            rt60_s: random.between(0.1, 0.4),
            noise_db: random.between(-40.0, -15.0),
            jump_ms: [0.0, 0.0, 0.0, 20.0, -20.0][random.below(5)],
            driven: [None, None, None, Some(true), Some(false)][random.below(5)],
            person: None,
        }
    }

    /// The `index`th call in which a person talks over the reply.
    pub fn together(index: u64) -> Self {
        let random = &mut Random::new(0xD0_0000 + index);
        let person = (random.between(1.5, 4.0), random.between(-15.0, -3.0));
        Self { person: Some(person), jump_ms: 0.0, ..Self::alone(index + 10_000) }
    }

    /// What is heard and played.
    pub fn call(&self, sounds: &Sounds) -> Call {
        let random = &mut Random::new(self.seed ^ 0xCA11);
        let mut played = vec![0.0; REPLY_AT];
        while played.len() < LENGTH - 16_000 {
            played.extend(&sounds.replies[random.below(sounds.replies.len())]);
            played.resize(played.len() + 3200, 0.0);
        }
        played.truncate(LENGTH - 16_000);
        played.resize(LENGTH, 0.0);
        let spoken = self.driven.map_or_else(|| played.clone(), |hard| driven(&played, hard));
        let room = room(random, self.rt60_s);
        let dry = through(&spoken, &room);
        let level = |samples: &[f32]| samples.iter().map(|s| s * s).sum::<f32>().sqrt();
        let gain = level(&played) / level(&dry) * 10_f32.powf(self.level_db / 20.0);
        let late = |ms: f32| (ms * 16.0) as usize;
        let jump = REPLY_AT + (random.between(3.0, 5.0) * 16_000.0) as usize;
        let echo = (0..LENGTH)
            .map(|i| {
                let jumped = if i >= jump { self.jump_ms } else { 0.0 };
                let delay = late((self.delay_ms + jumped).max(1.0));
                i.checked_sub(delay).map_or(0.0, |i| dry[i] * gain)
            })
            .collect();
        let noise = &sounds.noises[random.below(sounds.noises.len())];
        let start = random.below(noise.len());
        let noise: Vec<f32> = noise.iter().cycle().skip(start).take(LENGTH).copied().collect();
        let gain =
            SPEECH * 10_f32.powf(self.noise_db / 20.0) * (LENGTH as f32).sqrt() / level(&noise);
        let noise = noise.iter().map(|s| s * gain).collect();
        let mut person = vec![0.0; LENGTH];
        if let Some((at_s, level_db)) = self.person {
            let at = REPLY_AT + (at_s * 16_000.0) as usize;
            let gain = 10_f32.powf(level_db / 20.0);
            let speech = &sounds.people[random.below(sounds.people.len())];
            for (slot, sample) in person[at..].iter_mut().zip(speech) {
                *slot = sample * gain;
            }
        }
        Call { played, echo, person, noise }
    }
}

impl Call {
    /// The microphone.
    pub fn mic(&self) -> Vec<f32> {
        let sum = self.echo.iter().zip(&self.person).map(|(e, p)| e + p);
        sum.zip(&self.noise).map(|(sum, n)| (sum + n).clamp(-1.0, 1.0)).collect()
    }

    /// Runs the call through a canceller: what came of each frame.
    pub fn run(&self) -> Vec<Heard> {
        let (mut canceller, mut voice) = (EchoCanceller::new(), Voice::new());
        let (mut noise_voice, mut near_voice) = (Voice::new(), Voice::new());
        // The reply leaves the server in packets of 20 ms.
        let mut packets = self.played.chunks(320).enumerate();
        let mut sent = 0;
        let mut out = Vec::new();
        for (i, chunk) in self.mic().as_chunks::<FRAME>().0.iter().enumerate() {
            while sent < (i + 1) * FRAME {
                let Some((n, packet)) = packets.next() else { break };
                canceller.play(n as u64 * 320, packet);
                sent += packet.len();
            }
            let mut frame = *chunk;
            let start = Instant::now();
            let verdict = canceller.process(&mut frame);
            let took = start.elapsed();
            let part =
                |of: &[f32]| -> [f32; FRAME] { of[i * FRAME..][..FRAME].try_into().unwrap() };
            let (noise, echo, person) = (part(&self.noise), part(&self.echo), part(&self.person));
            let near: [f32; FRAME] = std::array::from_fn(|n| noise[n] + person[n]);
            let left: [f32; FRAME] = std::array::from_fn(|n| frame[n] - near[n]);
            out.push(Heard {
                verdict,
                voice: voice.hears(&frame),
                noise_voice: noise_voice.hears(&noise),
                near_voice: near_voice.hears(&near),
                person: power(&person),
                echo: power(&echo),
                left: power(&left),
                took,
            });
        }
        out
    }
}

/// The mean square.
pub fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum::<f32>() / samples.len() as f32
}

/// The longest run of frames that are so, in frames.
pub fn longest_run(heard: &[Heard], is: impl Fn(&Heard) -> bool) -> usize {
    let (mut run, mut longest) = (0, 0);
    for frame in heard {
        run = if is(frame) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// How much the person had said, in milliseconds of energetic speech, when five frames (160 ms) in a row were so.
/// None if that never happened.
pub fn noticed_after_ms(
    heard: &[Heard],
    script: &Script,
    is: impl Fn(&Heard) -> bool,
) -> Option<u32> {
    let (at_s, level_db) = script.person?;
    let first = (REPLY_AT + (at_s * 16_000.0) as usize) / FRAME;
    // Within 10 dB of the level of all of it.
    let energetic = (SPEECH * 10_f32.powf(level_db / 20.0)).powi(2) / 10.0;
    let (mut said, mut run) = (0, 0);
    for frame in &heard[first..] {
        said += u32::from(frame.person > energetic);
        run = if is(frame) { run + 1 } else { 0 };
        if run >= 5 {
            return Some(32 * said);
        }
    }
    None
}
