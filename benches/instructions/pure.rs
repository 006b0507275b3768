//! Stages that are arithmetic and decisions and nothing else, each with a fixed input: the same steps every time.
//!
//! `benches/stages.rs` says how long they take, `benches/instructions` how many instructions that is. Models, C
//! libraries, files and threads are not here.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sotto::pipeline::codec::jitter::{JitterBuffer, Packet};
use sotto::pipeline::codec::resample::Resampler;
use sotto::pipeline::codec::wav;
use sotto::pipeline::conversation::{Hints, Settings};
use sotto::pipeline::frame::Samples;
use sotto::pipeline::history::Role;
use sotto::pipeline::mel::LogMel;
use sotto::pipeline::rehearsal::{Cast, Costs, GATE, Output, POLICY, Rehearsal, drone, settings};
use sotto::pipeline::stt::{Agreement, Transcript};
use sotto::pipeline::text::Text;
use sotto::pipeline::tts::Speech;
use sotto::pipeline::tts::clauses::Clauses;
use sotto::pipeline::tts::speakable::speakable;
use sotto::pipeline::turn::backchannel;
use sotto::pipeline::turn::endpointing::{Endpointing, Verdict};
use sotto::pipeline::vad::{Energy, FRAME, VadModel};
use sotto::vault::chain::Head;
use sotto::vault::key::Key;
use sotto::vault::record::{Binding, TAG, open, seal};
use sotto_echo::EchoCanceller;
use sotto_phonemes::{FrontEnd, Language, Lexicon};

const MIC_RATE_HZ: usize = 16_000;
const REPLY: &str = "Well, **that** is a good question. The tide follows the moon, which passes overhead \
fifty minutes later every day, so high water is later too. Shall I say more about it?";
const TEN_WORDS: &str = "The tide follows the moon, which passes fifty minutes later.";
const QUESTION: &str = "and could you tell me when the tide is high tomorrow in the evening";
const MESSAGE: Binding<'_> = Binding::Message {
    conversation: "conv_00112233445566778899aabbccddeeff",
    item: "item_00112233445566778899aabbccddeeff",
    seq: 12,
    role: "assistant",
};
/// A stage.
pub struct Stage {
    /// What it is called, and what one step of it is.
    pub name: &'static str,
    /// Steps that are counted together, so that they are some millions of instructions.
    pub steps: u32,
    /// One step.
    pub step: Box<dyn FnMut()>,
}

/// All of them.
pub fn all() -> Vec<Stage> {
    let mut stages = vec![
        stage("jitter buffer: a packet", 4_000, jitter()),
        stage("resample: 20 ms, 24 to 16 kHz", 100, resample()),
        stage("mel: 10 s", 1, mel()),
        stage("echo: a frame of 32 ms", 40, echo()),
        stage("endpointing: a pause", 1_000, endpointing()),
        stage("captions: a pass over 13 words", 100, captions()),
        stage("overlap: what was said over a reply", 500, overlap()),
        stage("clauses: a reply of 35 words", 50, clauses()),
        stage("call: ten seconds of talk", 1, call()),
        stage("wav: a clause of 3 s", 5, wave()),
    ];
    stages.extend(phonemes().map(|step| stage("phonemes: ten words", 5, step)));
    stages.extend(vault());
    stages
}

fn stage(name: &'static str, steps: u32, step: impl FnMut() + 'static) -> Stage {
    Stage { name, steps, step: Box::new(step) }
}

/// Something like a voice: two tones that swell and fade four times a second.
fn sound(rate_hz: usize, samples: usize) -> Vec<f32> {
    let at = |i: usize| i as f32 * std::f32::consts::TAU / rate_hz as f32;
    (0..samples)
        .map(|i| {
            (0.5 + 0.5 * (at(i) * 4.0).sin())
                * 0.2
                * ((at(i) * 180.0).sin() + (at(i) * 1_370.0).sin())
        })
        .collect()
}

/// Packets in order but for every tenth, which comes late, and every fiftieth, which is lost.
fn jitter() -> impl FnMut() {
    let payload = Bytes::from_static(&[0x78; 60]);
    let mut buffer = JitterBuffer::default();
    let (mut number, mut late) = (0_u32, None);
    move || {
        let now = Duration::from_millis(20) * number;
        let packet = Packet {
            sequence: number as u16,
            timestamp: number.wrapping_mul(960),
            ticks: 960,
            payload: payload.clone(),
        };
        match number % 50 {
            25 => {}
            n if n % 10 == 3 => late = Some(packet),
            _ => {
                buffer.push(packet, now);
                if let Some(packet) = late.take() {
                    buffer.push(packet, now);
                }
            }
        }
        number += 1;
        while let Some(unit) = buffer.pop(now) {
            black_box(unit);
        }
    }
}

fn resample() -> impl FnMut() {
    let input = sound(24_000, 480);
    let mut resampler = Resampler::new(24_000, MIC_RATE_HZ as u32).ok();
    let mut out = Vec::new();
    move || {
        out.clear();
        if let Some(resampler) = &mut resampler {
            resampler.push(black_box(&input), &mut out);
        }
    }
}

fn mel() -> impl FnMut() {
    let input = sound(MIC_RATE_HZ, 10 * MIC_RATE_HZ);
    let mel = LogMel::<f32>::new(80);
    move || {
        black_box(mel.compute(black_box(&input), 1_000));
    }
}

/// While a reply is played, and comes back softer and 64 ms later.
fn echo() -> impl FnMut() {
    let played = sound(MIC_RATE_HZ, 60 * MIC_RATE_HZ);
    let mut canceller = EchoCanceller::new();
    let mut at = 0_usize;
    move || {
        let frame = &played[at % (played.len() - FRAME)..][..FRAME];
        canceller.play(at as u64, frame);
        let back = at.saturating_sub(1_024) % (played.len() - FRAME);
        let mut heard = [0.0; FRAME];
        for (slot, sample) in heard.iter_mut().zip(&played[back..]) {
            *slot = 0.3 * sample;
        }
        at += FRAME;
        black_box(canceller.process(&mut heard));
    }
}

/// The model is never sure, so that it is asked as often as it may be.
fn endpointing() -> impl FnMut() {
    move || {
        let mut endpointing = Endpointing::new(POLICY);
        endpointing.pause();
        for silence_ms in (0..3_000).step_by(32) {
            let silence = Samples::from_ms(silence_ms);
            match endpointing.at(silence) {
                Verdict::Ask => endpointing.answer(Some(black_box(0.05)), silence),
                Verdict::End(_) => break,
                Verdict::Wait => {}
            }
        }
        black_box(endpointing.checks().len());
    }
}

fn captions() -> impl FnMut() {
    let words: Vec<&str> = QUESTION.split(' ').collect();
    let passes: Vec<Text> = (1..=words.len()).map(|n| Text::from(words[..n].join(" "))).collect();
    let mut agreement = Agreement::default();
    let mut passes = passes.into_iter().cycle().enumerate();
    move || {
        let Some((number, pass)) = passes.next() else { return };
        if number % words.len() == 0 {
            agreement = Agreement::default();
        }
        black_box(agreement.hear(&pass));
    }
}

fn overlap() -> impl FnMut() {
    let said = ["mhm", "yes, right", "no wait, stop", QUESTION];
    let mut said = said.into_iter().cycle();
    move || {
        black_box(backchannel::hear(black_box(said.next().unwrap_or_default())));
    }
}

fn clauses() -> impl FnMut() {
    move || {
        let mut clauses = Clauses::default();
        for token in REPLY.split_inclusive(' ') {
            for clause in clauses.push(black_box(token)) {
                black_box(speakable(&clause));
            }
        }
        black_box(clauses.finish().map(|clause| speakable(&clause)));
    }
}

fn wave() -> impl FnMut() {
    let input = sound(24_000, 3 * 24_000);
    move || {
        black_box(wav::encode(black_box(&input), 24_000));
    }
}

fn phonemes() -> Option<impl FnMut()> {
    let front_end = FrontEnd::load(Language::EnglishUs, Lexicon::default(), None).ok()?;
    Some(move || {
        black_box(front_end.phonemes(black_box(TEN_WORDS)).map(|tokens| tokens.len()).ok());
    })
}

fn vault() -> Vec<Stage> {
    let key = || Key::from_bytes([0x5a; Key::LEN]);
    let content = [b'a'; 1024];
    let sealing = key();
    let mut stages = vec![stage("seal: 1 KiB", 100, move || {
        black_box(seal(&sealing, 1, &MESSAGE, black_box(&content)).ok());
    })];
    let opening = key();
    if let Ok(record) = seal(&opening, 1, &MESSAGE, &content) {
        stages.push(stage("open: 1 KiB", 100, move || {
            black_box(open(&opening, &MESSAGE, black_box(&record)).ok());
        }));
    }
    let mut head = Head::EMPTY;
    stages.push(stage("chain: a record", 500, move || {
        black_box(head.push_tag(head.last_seq + 1, &[7; TAG]).ok());
    }));
    stages
}

/// The ear without a model, the conversation and playout: somebody asks, is answered, talks over the answer.
fn call() -> impl FnMut() {
    let voice = sound(MIC_RATE_HZ, 2 * MIC_RATE_HZ);
    let silence = vec![0.0; 3 * MIC_RATE_HZ];
    let vad: Arc<dyn VadModel> = Arc::new(Energy);
    move || {
        let settings = Settings { eager_per_minute: 6, ..settings() };
        let mut call =
            Rehearsal::new(Script, Costs::default(), settings, &vad, GATE, Output::Track);
        for sound in
            [&silence[..MIC_RATE_HZ], &voice, &silence, &voice, &silence[..2 * MIC_RATE_HZ]]
        {
            black_box(call.hear(sound).ok());
        }
        black_box(call.notices().len());
    }
}

struct Script;

impl Cast for Script {
    fn complete(&mut self, _: &[f32]) -> f32 {
        0.95
    }

    fn transcribe(&mut self, _: &[f32], _: Samples, _: &Hints) -> Transcript {
        Transcript { text: Text::from(QUESTION), ..Transcript::default() }
    }

    fn answer(&mut self, _: &[(Role, Text)]) -> Vec<String> {
        REPLY.split_inclusive(' ').map(str::to_owned).collect()
    }

    fn speak(&mut self, text: &str) -> Speech {
        drone(text)
    }
}
