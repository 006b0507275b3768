//! Speaking over a reply: real interruptions, words of listeners, noises.

use std::collections::BTreeMap;

use sotto::pipeline::conversation::{Ask, Event, Notice, Overlap};
use sotto::pipeline::frame::Samples;
use sotto::pipeline::rehearsal::{MIC_STEP, Output};
use sotto::pipeline::text::Text;

use super::sounds::{Sound, first_energetic, first_sustained, levelled, sounds, trimmed};
use super::stage::{Chance, Person, RATE, STORY, Stage, quantile};

const CASES: usize = 200;

struct Case {
    /// After the sound began, in ms.
    ducked: Option<f64>,
    stopped: Option<f64>,
    overlap: Option<Overlap>,
    /// Whether all of the reply was heard, word by word.
    whole: bool,
}

/// A reply is played, and after a while this comes from the microphone.
fn speak_over(
    stage: &Stage,
    (sound, onset): (&[f32], usize),
    words: &str,
    after: f64,
    output: Output,
) -> Case {
    let begin = (after * RATE as f64) as usize / MIC_STEP * MIC_STEP;
    let (from, to) = (begin as u64, (begin + sound.len()) as u64);
    let person = Person {
        said: vec![(Samples(from), Samples(to), words.to_owned())],
        reply: "Go on.".to_owned(),
        voice: None,
    };
    let mut call = stage.call(person, output);
    call.handle(Event::Asked(Ask::Say(Text::from(STORY))));
    let mut mic = vec![0.0; begin];
    mic.extend_from_slice(sound);
    mic.resize(mic.len() + 32 * RATE, 0.0);
    let mut chance = Chance::new(3);
    for sample in &mut mic {
        *sample += 2e-4 * chance.normal() as f32;
    }
    if call.hear(&mic).is_err() {
        println!("voice activity failed");
    }
    let energetic = (begin + onset) as f64 / RATE as f64;
    // 10 ms of what the person heard, beside the sound that it is made of.
    let heard: Vec<f32> = call
        .heard()
        .chunks(240)
        .map(|piece| piece.iter().map(|s| s.abs()).sum::<f32>() / 240.0)
        .collect();
    let at = |seconds: f64| ((seconds * 100.0) as usize).min(heard.len());
    let since = |i: usize| (i as f64 / 100.0 - energetic) * 1_000.0;
    let ducked = (at(energetic)..at(energetic + 2.0)).find(|i| heard[*i] < 0.2);
    let stopped = (at(energetic)..at(energetic + 2.0))
        .find(|i| heard[*i..(*i + 30).min(heard.len())].iter().all(|level| *level < 0.005));
    let mut overlaps = call.notices().iter().filter_map(|(_, notice)| match notice {
        Notice::Overlapped { overlap, .. } => Some(*overlap),
        _ => None,
    });
    // Whether it was stopped at some time; later words are said over the next reply.
    let overlap = overlaps.clone().find(|overlap| overlap.stopped).or(overlaps.next_back());
    let whole = call.notices().iter().any(|(_, notice)| {
        matches!(notice, Notice::Kept { text, interrupted: false, .. } if text.as_str() == STORY)
    });
    Case { ducked: ducked.map(since), stopped: stopped.map(since), overlap, whole }
}

pub fn run(stage: &Stage) {
    interruptions(stage);
    listeners(stage);
}

fn interruptions(stage: &Stage) {
    println!(
        "### {CASES} interruptions: the beginnings of recordings, with and without background noise\n"
    );
    println!(
        "| output | from | ducked ≤ 200 ms | median, 99 % | silent ≤ 450 ms | median, 99 % | stopped | why |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let clips: Vec<_> = stage.clips.iter().filter(|clip| clip.sound.len() > RATE).collect();
    for output in [Output::Track, Output::Blobs] {
        let chance = &mut Chance::new(1);
        let (mut times, mut earlier, mut stopped) = (Vec::new(), Vec::new(), 0);
        let mut reasons = BTreeMap::new();
        for case in 0..CASES {
            let clip = clips[case % clips.len()];
            let sound = trimmed(clip.sound.clone());
            let length = sound.len().min(3 * RATE);
            let words = clip.text.split_whitespace().count() * length / sound.len().max(1);
            let words: Vec<&str> = clip.text.split_whitespace().take(words.max(1)).collect();
            let level = 0.1 * 10_f64.powf(-chance.between(0.0, 12.0) / 20.0) as f32;
            let mut sound = levelled(sound[..length].to_vec(), level);
            let (_, noise) = &stage.noises[case % stage.noises.len()];
            let softer = 10_f64.powf(-chance.between(15.0, 35.0) / 20.0) as f32 * level;
            let noise = levelled(noise.clone(), softer);
            let onset = first_sustained(&sound);
            earlier.push((onset - first_energetic(&sound)) as f64 * 1_000.0 / RATE as f64);
            for (sample, noise) in sound.iter_mut().zip(noise.iter().cycle()) {
                *sample += noise;
            }
            let after = chance.between(1.0, 8.0);
            let result = speak_over(stage, (&sound, onset), &words.join(" "), after, output);
            let after = |at: Option<f64>| at.unwrap_or(f64::INFINITY);
            times.push((after(result.ducked), after(result.stopped)));
            stopped += usize::from(result.overlap.is_some_and(|overlap| overlap.stopped));
            let why =
                result.overlap.map_or("none".to_owned(), |overlap| format!("{:?}", overlap.why));
            *reasons.entry(why).or_insert(0) += 1;
        }
        let share = |values: &[f64], most: f64| {
            100.0 * values.iter().filter(|value| **value <= most).count() as f64 / CASES as f64
        };
        let earliest = vec![0.0; CASES];
        for (from, earlier) in [("sound that goes on", &earliest), ("first 10 ms", &earlier)] {
            let all = times.iter().zip(earlier);
            let (mut ducks, mut stops): (Vec<f64>, Vec<f64>) =
                all.map(|((duck, stop), earlier)| (duck + earlier, stop + earlier)).unzip();
            println!(
                "| {output:?} | {from} | {:.1} % | {:.0}, {:.0} ms | {:.1} % | {:.0}, {:.0} ms | {stopped} of {CASES} | {reasons:?} |",
                share(&ducks, 200.0),
                quantile(&mut ducks, 0.5),
                quantile(&mut ducks, 0.99),
                share(&stops, 450.0),
                quantile(&mut stops, 0.5),
                quantile(&mut stops, 0.99),
            );
        }
    }
}

fn listeners(stage: &Stage) {
    let sounds = sounds(stage);
    println!("\n### {CASES} words of listeners and noises, of {} distinct sounds\n", sounds.len());
    println!(
        "| output | half | resumed or not noticed | all words heard | noticed | wrongly stopped |"
    );
    println!("|---|---|---|---|---|---|");
    for output in [Output::Track, Output::Blobs] {
        for half in 0..2 {
            let chance = &mut Chance::new(2 + half as u64);
            let of_half: Vec<&Sound> = sounds.iter().skip(half).step_by(2).collect();
            let (mut resumed, mut whole, mut noticed) = (0, 0, 0);
            let mut wrong = BTreeMap::new();
            for case in 0..CASES / 2 {
                let sound = of_half[case % of_half.len()];
                let after = chance.between(1.0, 8.0);
                let what = (&sound.samples[..], first_energetic(&sound.samples));
                let result = speak_over(stage, what, sound.words, after, output);
                noticed += usize::from(result.overlap.is_some());
                whole += usize::from(result.whole);
                match result.overlap {
                    Some(overlap) if overlap.stopped => {
                        *wrong.entry(format!("{} {:?}", sound.name, overlap.why)).or_insert(0) += 1;
                    }
                    _ => resumed += 1,
                }
            }
            println!(
                "| {output:?} | {} | {resumed} of {} | {whole} | {noticed} | {wrong:?} |",
                half + 1,
                CASES / 2
            );
        }
    }
}
