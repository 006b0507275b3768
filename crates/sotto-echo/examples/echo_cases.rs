//! 200 calls in which only the reply is heard, and 200 in which a person talks over it: what is made of them.
//!
//! `SOTTO_SHARED=… cargo run --release -p sotto-echo --example echo_cases [NUMBER [FIRST]]` does them all, or others.
//! Constants were chosen on the first 200; from 1000 on nothing was. A call in which the reply was taken for a
//! person, or a person was missed, has a line of its own.

#[path = "../tests/cases/mod.rs"]
mod cases;

use std::ops::Range;

use cases::call::{Heard, REPLY_AT, Script, Sounds, longest_run, noticed_after_ms};
use sotto_echo::FRAME;

/// What of a verdict counts as echo: what is tried.
const THRESHOLDS: [f32; 5] = [0.4, 0.5, 0.6, 0.7, 0.8];
/// The one that is recommended.
const CHOSEN: f32 = 0.6;

fn main() {
    let Some(folder) = cases::shared() else {
        println!("SKIPPED: no recordings");
        return;
    };
    let argument = |i| std::env::args().nth(i).and_then(|arg| arg.parse::<u64>().ok());
    let (number, first) = (argument(1).unwrap_or(200), argument(2).unwrap_or(0));
    let sounds = Sounds::load(&folder);
    alone(first..first + number, &sounds);
    together(first..first + number, &sounds);
}

fn alone(calls: Range<u64>, sounds: &Sounds) {
    let number = calls.end - calls.start;
    let mut runs = [0; THRESHOLDS.len()];
    let (mut frames, mut voiced, mut taken) = (0, 0, 0);
    let (mut enhancement, mut sure) = (Vec::new(), Vec::new());
    let (mut playing, mut idle) = (Vec::new(), Vec::new());
    for index in calls {
        let script = Script::alone(index);
        let all = script.call(sounds).run();
        let heard = &all[REPLY_AT / FRAME..];
        for (runs, threshold) in runs.iter_mut().zip(THRESHOLDS) {
            *runs += usize::from(longest_run(heard, |h| h.is_itself(threshold)) >= 5);
        }
        let longest = longest_run(heard, |h| h.is_itself(CHOSEN));
        if longest >= 5 {
            println!("takes itself for a person, {longest} frames: {script:?}");
        }
        frames += heard.len();
        voiced += heard.iter().filter(|h| h.voice && !h.noise_voice).count();
        taken += heard.iter().filter(|h| h.is_itself(CHOSEN)).count();
        // From two seconds after the echo began, in calls whose echo is louder than the noise and stays where it is.
        if script.level_db > script.noise_db && script.jump_ms == 0.0 {
            let later = &heard[(32_000 + (script.delay_ms * 16.0) as usize) / FRAME..220];
            let sum = |of: fn(&Heard) -> f32| later.iter().map(of).sum::<f32>();
            enhancement.push(10.0 * (sum(|h| h.echo) / sum(|h| h.left)).log10());
        }
        let first = heard.iter().position(|h| h.verdict.playing && h.verdict.certain);
        sure.push(first.map_or(f32::INFINITY, |first| 32.0 * first as f32));
        for h in &all {
            let times = if h.verdict.playing { &mut playing } else { &mut idle };
            times.push(h.took.as_secs_f32() * 1e6);
        }
    }
    println!("{number} calls in which only the reply is heard:");
    for (runs, threshold) in runs.iter().zip(THRESHOLDS) {
        println!(
            "  {runs} have 160 ms of themselves as speech, with {threshold} as the most of echo"
        );
    }
    println!(
        "  of {frames} frames, voice activity calls {voiced} speech, of which {taken} are left"
    );
    print("echo return loss enhancement after 2 s, dB", &mut enhancement);
    print("certain after, ms", &mut sure);
    print("a frame while playing, us", &mut playing);
    print("a frame otherwise, us", &mut idle);
}

fn together(calls: Range<u64>, sounds: &Sounds) {
    let number = calls.end - calls.start;
    let mut noticed: [Vec<f32>; THRESHOLDS.len()] = Default::default();
    let mut possible = Vec::new();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for index in calls {
        let script = Script::together(index);
        let heard = script.call(sounds).run();
        let ms = |is: &dyn Fn(&Heard) -> bool| {
            noticed_after_ms(&heard, &script, is).map_or(f32::INFINITY, |ms| ms as f32)
        };
        for (noticed, threshold) in noticed.iter_mut().zip(THRESHOLDS) {
            noticed.push(ms(&|h| h.is_speech(threshold)));
        }
        possible.push(ms(&|h| h.near_voice));
        let (found, could) = (ms(&|h| h.is_speech(CHOSEN)), possible.last().copied());
        if found > 400.0 && could.is_some_and(|ms| ms <= 400.0) {
            println!("a person is noticed late, after {found} ms: {script:?}");
        }
        let sum = |of: fn(&Heard) -> f32| {
            heard.iter().filter(|h| h.person > 1e-6).map(of).sum::<f32>().max(1e-12)
        };
        before.push(10.0 * (sum(|h| h.person) / sum(|h| h.echo)).log10());
        after.push(10.0 * (sum(|h| h.person) / sum(|h| h.left)).log10());
    }
    println!("{number} calls in which a person talks over the reply:");
    let line = |ms: &mut Vec<f32>, what: &str| {
        let early = ms.iter().filter(|ms| **ms <= 400.0).count();
        println!("  {early} noticed within 400 ms of energetic speech, {what}");
        print("of it, ms", ms);
    };
    for (noticed, threshold) in noticed.iter_mut().zip(THRESHOLDS) {
        line(noticed, &format!("with {threshold} as the most of echo"));
    }
    line(&mut possible, "by the same voice activity if nothing were played");
    print("person to echo before, dB", &mut before);
    print("person to what is left of it, and distortion, dB", &mut after);
}

fn print(what: &str, values: &mut [f32]) {
    values.sort_by(f32::total_cmp);
    let at = |part: f32| values[((values.len() - 1) as f32 * part) as usize];
    println!(
        "    {what}: 5% {:.1}, 10% {:.1}, half {:.1}, 90% {:.1}, 95% {:.1}, 99% {:.1}",
        at(0.05),
        at(0.1),
        at(0.5),
        at(0.9),
        at(0.95),
        at(0.99)
    );
}
