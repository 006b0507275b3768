//! An open loudspeaker: does the server hear itself, and does it still hear the person?

use sotto::pipeline::conversation::{Ask, Event, Notice};
use sotto::pipeline::frame::Samples;
use sotto::pipeline::rehearsal::{MIC_STEP, Output};
use sotto::pipeline::text::Text;

use super::sounds::{levelled, trimmed};
use super::stage::{Chance, Person, RATE, STORY, Stage};

const CASES: usize = 200;

/// A room: the direct sound, and what comes later and softer.
fn room(chance: &mut Chance) -> Vec<f32> {
    let reverberation = chance.between(0.1, 0.4);
    let length = (reverberation * RATE as f64 * 0.6) as usize;
    let mut room = vec![0.0; length];
    room[0] = 1.0;
    for (i, tap) in room.iter_mut().enumerate().skip(20) {
        let time = i as f64 / RATE as f64;
        *tap = (0.12 * chance.normal() * 10_f64.powf(-3.0 * time / reverberation)) as f32;
    }
    room
}

/// A voice for the reply: recordings one after the other, at 24 kHz.
fn voice(stage: &Stage, chance: &mut Chance) -> Vec<f32> {
    let mut voice = Vec::new();
    while voice.len() < 40 * 24_000 {
        let clip = &stage.clips[chance.below(stage.clips.len())];
        let sound = levelled(clip.sound.clone(), 0.1);
        // 16 to 24 kHz by lines between samples: an image far up that no 16 kHz microphone hears.
        voice.extend((0..sound.len() * 3 / 2 - 2).map(|i| {
            let at = i as f32 * 2.0 / 3.0;
            let (index, part) = (at as usize, at.fract());
            sound[index] * (1.0 - part) + sound[(index + 1).min(sound.len() - 1)] * part
        }));
    }
    voice
}

struct Outcome {
    interrupted: bool,
    ducked: bool,
}

fn play(stage: &Stage, seed: u64, person: Option<(f64, Vec<f32>)>, output: Output) -> Outcome {
    let chance = &mut Chance::new(seed);
    let delay = chance.log_between(0.02, 0.4);
    let level = 10_f64.powf(chance.between(-30.0, -6.0) / 20.0) as f32;
    let room = room(chance);
    let (_, noise) = &stage.noises[chance.below(stage.noises.len())];
    let noise =
        levelled(noise.clone(), 10_f64.powf(-chance.between(15.0, 40.0) / 20.0) as f32 * 0.08);
    let begin = person.as_ref().map(|(at, _)| (at * RATE as f64) as usize);
    let end = begin.zip(person.as_ref()).map(|(begin, (_, sound))| begin + sound.len());
    let said = begin.zip(end).map(|(begin, end)| {
        (Samples(begin as u64), Samples(end as u64), "no wait a moment please".to_owned())
    });
    let actor = Person {
        said: said.into_iter().collect(),
        reply: "Fine.".to_owned(),
        voice: Some(voice(stage, chance)),
    };
    let mut call = stage.call(actor, output);
    call.handle(Event::Asked(Ask::Say(Text::from(STORY))));
    let delay = (delay * RATE as f64) as usize;
    let steps = 12 * RATE / MIC_STEP;
    for step in 0..steps {
        let from = step * MIC_STEP;
        let heard = call.heard();
        let at = |i: usize| -> f32 {
            // What the loudspeaker plays, at the microphone's rate.
            let place = i as f32 * 1.5;
            let (index, part) = (place as usize, place.fract());
            let sample = |i: usize| heard.get(i).copied().unwrap_or(0.0);
            sample(index) * (1.0 - part) + sample(index + 1) * part
        };
        let mut mic = [0.0; MIC_STEP];
        let taps: Vec<(usize, f32)> =
            room.iter().copied().enumerate().filter(|(_, tap)| tap.abs() > 1e-3).collect();
        let lead = (from + MIC_STEP).saturating_sub(delay);
        let first = lead.saturating_sub(MIC_STEP + room.len());
        let played: Vec<f32> = (first..lead).map(at).collect();
        for (i, sample) in mic.iter_mut().enumerate() {
            let now = from + i;
            if now >= delay {
                let place = now - delay;
                let echo: f32 = taps
                    .iter()
                    .filter_map(|(tap, value)| {
                        Some(value * played.get(place.checked_sub(*tap)?.checked_sub(first)?)?)
                    })
                    .sum();
                *sample += level * echo;
            }
            *sample += noise[now % noise.len()];
            if let Some((begin, (_, sound))) = begin.zip(person.as_ref())
                && let Some(near) = now.checked_sub(begin).and_then(|i| sound.get(i))
            {
                *sample += near;
            }
        }
        if call.step(&mic).is_err() {
            println!("voice activity failed");
        }
        if call.notices().iter().any(|(_, n)| matches!(n, Notice::Truncated { .. })) {
            break;
        }
    }
    let overlaps =
        || call.notices().iter().filter(|(_, n)| matches!(n, Notice::SpeechStarted { .. }));
    let interrupted = call.notices().iter().any(|(_, n)| matches!(n, Notice::Truncated { .. }));
    Outcome { interrupted, ducked: overlaps().next().is_some() }
}

pub fn run(stage: &Stage) {
    println!("| output | self-interruptions | ducked by itself | a person interrupts |");
    println!("|---|---|---|---|");
    let clips: Vec<_> = stage.clips.iter().filter(|clip| clip.sound.len() > 2 * RATE).collect();
    for output in [Output::Track, Output::Blobs] {
        let (mut alone, mut ducked, mut through) = (0, 0, 0);
        for case in 0..CASES as u64 {
            let outcome = play(stage, 100 + case, None, output);
            alone += usize::from(outcome.interrupted);
            ducked += usize::from(outcome.ducked);
            let chance = &mut Chance::new(9_000 + case);
            let clip = clips[chance.below(clips.len())];
            let level = 0.1 * 10_f64.powf(-chance.between(3.0, 15.0) / 20.0) as f32;
            let sound = trimmed(clip.sound.clone());
            let sound = levelled(sound[..sound.len().min(3 * RATE)].to_vec(), level);
            let person = Some((chance.between(1.5, 4.0), sound));
            through += usize::from(play(stage, 100 + case, person, output).interrupted);
        }
        println!("| {output:?} | {alone} of {CASES} | {ducked} | {through} of {CASES} |");
    }
}
