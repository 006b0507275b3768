//! A canceller from outside: what passes, what is found, what never happens; with recordings, where they are.

mod cases;

use std::time::Duration;

use cases::Random;
use cases::call::{REPLY_AT, Script, Sounds, longest_run, noticed_after_ms};
use sotto_echo::{EchoCanceller, FRAME, Verdict};

/// From here on a verdict says echo.
const ECHO: f32 = 0.6;

/// Noise in syllables.
fn babble(seed: u64, seconds: usize, level: f32) -> Vec<f32> {
    let random = &mut Random::new(seed);
    let mut loud = 0.0;
    (0..seconds * 16_000)
        .map(|i| {
            if i % 2000 == 0 {
                loud = random.unit();
            }
            level * loud * random.normal()
        })
        .collect()
}

/// Plays and hears, a frame at a time.
fn run(canceller: &mut EchoCanceller, played: &[f32], mic: &mut [f32]) -> Vec<Verdict> {
    let frames = mic.as_chunks_mut::<FRAME>().0.iter_mut().zip(played.chunks(FRAME)).enumerate();
    frames
        .map(|(i, (frame, played))| {
            canceller.play((i * FRAME) as u64, played);
            canceller.process(frame)
        })
        .collect()
}

fn energy(samples: &[f32]) -> f32 {
    samples.iter().map(|s| s * s).sum()
}

/// `played`, `delay` samples later and at `gain`, with a reflection, over some noise.
fn echo(played: &[f32], delay: usize, gain: f32) -> Vec<f32> {
    let random = &mut Random::new(9);
    (0..played.len())
        .map(|i| {
            let late = |by: usize| i.checked_sub(by).map_or(0.0, |i| played[i]);
            gain * (late(delay) + 0.4 * late(delay + 333)) + 1e-4 * random.normal()
        })
        .collect()
}

#[test]
fn a_frame_passes_as_it_is_while_nothing_is_played() {
    let mut canceller = EchoCanceller::new();
    let mic = babble(1, 6, 0.1);
    let mut out = mic.clone();
    let mut played = babble(2, 1, 0.1);
    played.resize(mic.len(), 0.0);
    let verdicts = run(&mut canceller, &played, &mut out);
    let over = 70 * FRAME;
    assert!(verdicts[..30].iter().all(|verdict| verdict.playing));
    assert!(verdicts[70..].iter().all(|verdict| !verdict.playing && verdict.echo == 0.0));
    assert_eq!(out[over..], mic[over..]);
    // Silence is nothing that is played.
    let (mut canceller, mut out) = (EchoCanceller::new(), mic.clone());
    assert!(run(&mut canceller, &vec![0.0; mic.len()], &mut out).iter().all(|v| !v.playing));
    assert_eq!(out, mic);
}

#[test]
fn the_delay_and_the_loss_are_found_and_the_echo_goes_away() {
    for delay_ms in [25, 150, 600] {
        let mut canceller = EchoCanceller::new();
        assert_eq!(canceller.estimate(), None);
        let played = babble(3, 6, 0.1);
        let mic = echo(&played, delay_ms * 16, 0.2);
        let mut out = mic.clone();
        let verdicts = run(&mut canceller, &played, &mut out);
        let estimate = canceller.estimate().unwrap();
        assert!((estimate.delay_ms - delay_ms as f32).abs() < 1.0, "{estimate:?}");
        assert!((estimate.echo_return_loss_db - 13.3).abs() < 2.0, "{estimate:?}");
        assert!(estimate.converged);
        let last = 5 * 16_000..187 * FRAME;
        let left = energy(&out[last.clone()]) / energy(&mic[last]);
        assert!(left < 0.003, "{left} at {delay_ms} ms");
        assert!(verdicts.iter().all(|verdict| verdict.echo > ECHO));
    }
}

#[test]
fn an_echo_that_moves_is_found_again_within_half_a_second() {
    let played = babble(4, 8, 0.1);
    let (before, after) = (echo(&played, 3200, 0.2), echo(&played, 3520, 0.2));
    let jump = 4 * 16_000;
    let mut out = [&before[..jump], &after[jump..]].concat();
    let mut canceller = EchoCanceller::new();
    run(&mut canceller, &played, &mut out);
    let later = jump + 8_000..jump + 24_000;
    assert!(energy(&out[later.clone()]) < 0.03 * energy(&after[later]));
    assert!((canceller.estimate().unwrap().delay_ms - 220.0).abs() < 1.0);
}

#[test]
fn the_next_reply_is_known_from_its_first_word_on() {
    let mut played = babble(11, 4, 0.1);
    played.resize(7 * 16_000, 0.0);
    played.extend(babble(12, 3, 0.1));
    let mic = echo(&played, 2000, 0.2);
    let mut out = mic.clone();
    let verdicts = run(&mut EchoCanceller::new(), &played, &mut out);
    let second = 7 * 16_000..8 * 16_000;
    assert!(verdicts[200..216].iter().all(|verdict| !verdict.playing));
    assert!(energy(&out[second.clone()]) < 0.01 * energy(&mic[second]));
    assert!(verdicts[220..].iter().all(|verdict| verdict.certain && verdict.echo > ECHO));
}

#[test]
fn with_headphones_a_person_is_left_alone() {
    let mut canceller = EchoCanceller::new();
    let played = babble(5, 6, 0.1);
    let random = &mut Random::new(6);
    let person = babble(7, 6, 0.03);
    let speaks = 3 * 16_000;
    let mic: Vec<f32> = (0..person.len())
        .map(|i| 1e-4 * random.normal() + if i < speaks { 0.0 } else { person[i] })
        .collect();
    let mut out = mic.clone();
    let verdicts = run(&mut canceller, &played, &mut out);
    let off: Vec<f32> = out.iter().zip(&mic).map(|(out, mic)| out - mic).collect();
    assert!(energy(&off) < 0.01 * energy(&mic));
    let heard = verdicts[speaks / FRAME + 1..].iter().filter(|v| v.echo < ECHO).count();
    assert!(heard * 10 > 8 * (verdicts.len() - speaks / FRAME), "{heard}");
}

#[test]
fn what_is_cut_is_not_expected() {
    let mut canceller = EchoCanceller::new();
    canceller.play(0, &babble(8, 5, 0.1));
    canceller.cut(8_000);
    let verdicts: Vec<_> = (0..100).map(|_| canceller.process(&mut [0.0; FRAME])).collect();
    assert!(verdicts[15].playing && verdicts[55..].iter().all(|verdict| !verdict.playing));
}

#[test]
fn no_number_that_is_none_gets_in_or_out() {
    let mut canceller = EchoCanceller::new();
    let mut played = babble(10, 6, 0.1);
    let mut mic = echo(&played, 1600, 0.3);
    for i in (0..played.len()).step_by(997) {
        played[i] = [f32::NAN, f32::INFINITY, -1e30][i % 3];
        mic[(i + 13) % played.len()] = [f32::NAN, f32::NEG_INFINITY, 1e30][i % 3];
    }
    let verdicts = run(&mut canceller, &played, &mut mic);
    assert!(mic.iter().all(|sample| sample.is_finite()));
    assert!(verdicts.iter().all(|v| (0.0..=1.0).contains(&v.echo) && v.near_db.is_finite()));
}

/// Every fifth of the calls of `examples/echo_cases.rs`.
#[test]
fn a_reply_is_not_taken_for_a_person_and_a_person_is_heard_over_it() {
    let Some(folder) = cases::shared() else {
        println!("SKIPPED: no recordings");
        return;
    };
    let sounds = Sounds::load(&folder);
    let (mut echo, mut left, mut took) = (0.0, 0.0, Duration::ZERO);
    for index in (0..200).step_by(5) {
        let script = Script::alone(index);
        let heard = script.call(&sounds).run();
        echo += heard.iter().map(|h| h.echo).sum::<f32>();
        left += heard.iter().map(|h| h.left).sum::<f32>();
        took += heard.iter().map(|h| h.took).sum::<Duration>();
        let longest = longest_run(&heard[REPLY_AT / FRAME..], |h| h.is_itself(ECHO));
        assert!(longest < 5, "{longest} frames of {script:?}");
    }
    // From the first word on, when nothing is known yet.
    assert!(left < 0.3 * echo, "{left} of {echo}");
    println!("{took:?} for six minutes and a half");
    let (mut noticed, mut possible) = (0, 0);
    for index in (0..200).step_by(5) {
        let script = Script::together(index);
        let heard = script.call(&sounds).run();
        let early = |ms: Option<u32>| usize::from(ms.is_some_and(|ms| ms <= 400));
        noticed += early(noticed_after_ms(&heard, &script, |h| h.is_speech(ECHO)));
        possible += early(noticed_after_ms(&heard, &script, |h| h.near_voice));
    }
    assert!(noticed * 100 >= 93 * possible, "{noticed} of {possible}");
}
