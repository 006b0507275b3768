//! 200 calls in which only the reply is heard, and 200 in which a person talks over it: what the canceller makes of them.
//!
//! `SOTTO_SHARED=… cargo run --release -p sotto-echo --example echo_cases [-v]`

#[path = "../tests/cases/mod.rs"]
mod cases;

use cases::call::{Heard, REPLY_AT, Script, Sounds};
use sotto_echo::FRAME;

fn main() {
    let Some(folder) = cases::shared() else {
        println!("SKIPPED: no recordings");
        return;
    };
    let verbose = std::env::args().any(|a| a == "-v");
    let sounds = Sounds::load(&folder);
    let count: u64 = std::env::var("COUNT").ok().and_then(|c| c.parse().ok()).unwrap_or(200);
    let mut runs = 0;
    let mut unsure_runs = 0;
    let (mut frames, mut speech, mut voiced) = (0, 0, 0);
    let mut gains = Vec::new();
    let mut echo_scores: Vec<f32> = Vec::new();
    let (mut busy, mut idle) = (Vec::new(), Vec::new());
    let only: Option<u64> = std::env::var("CASE").ok().and_then(|c| c.parse().ok());
    for index in only.map_or(0..count, |c| c..c + 1) {
        let script = Script::alone(index);
        let call = script.call(&sounds);
        let heard = call.run();
        for h in &heard { if h.verdict.playing { busy.push(h.took) } else { idle.push(h.took) } }
        let from = REPLY_AT / FRAME;
        let longest = longest(&heard[from..], |h| h.is_itself());
        let bare = self::longest(&heard[from..], |h| h.verdict.echo < 0.5 && h.left > h.noise);
        echo_scores.extend(heard[from + 30..].iter().filter(|h| h.voice && !h.noise_voice && h.left > h.noise ).map(|h| h.verdict.echo));
        runs += usize::from(longest >= 5);
        unsure_runs += usize::from(bare >= 5);
        frames += heard.len() - from;
        speech += heard[from..].iter().filter(|h| h.is_itself()).count();
        voiced += heard[from..].iter().filter(|h| h.voice).count();
        let since = (REPLY_AT + 32_000 + (script.delay_ms * 16.0) as usize) / FRAME;
        let upto = 8 * 16_000 / FRAME;
        let echo: f32 = heard[since..upto].iter().map(|h| h.echo).sum();
        let left: f32 = heard[since..upto].iter().map(|h| h.left).sum();
        gains.push(10.0 * (echo / left).log10());
        if std::env::var("CASE").ok().as_deref() == Some(&index.to_string()) {
            for (i, h) in heard.iter().enumerate().skip(30) {
                let db = |p: f32| 10.0 * p.max(1e-12).log10();
                println!("  {i:3} {:5} {:5} voice {:5} echo {:.2} near {:6.1} | noise {:6.1} echo {:6.1} left {:6.1} {}", h.verdict.playing, h.verdict.certain, h.voice, h.verdict.echo, h.verdict.near_db, db(h.noise), db(h.echo), db(h.left), if h.is_itself() {"<<<"} else {""});
            }
        }
        let sure = heard[from..].iter().position(|h| h.verdict.certain && h.verdict.playing);
        if verbose || longest >= 5 {
            println!(
                "alone {index:3} delay {:3.0} level {:5.1} rt {:.2} noise {:5.1} jump {:3.0} {:?}: longest {longest} bare {bare} erle {:.1} sure {:?}",
                script.delay_ms, script.level_db, script.rt60_s, script.noise_db, script.jump_ms,
                script.driven, gains.last().unwrap(), sure
            );
        }
    }
    if only.is_some() { return; }
    println!("alone: runs {runs}, bare runs {unsure_runs}, speech {speech} voiced {voiced} of {frames}");
    gains.sort_by(f32::total_cmp);
    println!("erle 10% {:.1} median {:.1}", gains[gains.len() / 10], gains[gains.len() / 2]);
    for (name, mut times) in [("playing", busy), ("idle", idle)] {
        times.sort_unstable();
        println!("us a frame {name}: median {:?} 99% {:?}", times[times.len() / 2], times[times.len() * 99 / 100]);
    }
    let mut near_scores: Vec<f32> = Vec::new();
    let mut delays = Vec::new();
    for index in 0..count {
        let script = Script::together(index);
        let call = script.call(&sounds);
        let heard = call.run();
        let at = REPLY_AT + (script.person.unwrap().0 * 16_000.0) as usize;
        // Milliseconds of energetic speech.
        let gain = 10_f32.powf(script.person.unwrap().1 / 20.0);
        let mut loud = 0.0;
        let mut run = 0;
        let mut found = None;
        let mut before = 0;
        for (i, h) in heard.iter().enumerate().skip(REPLY_AT / FRAME) {
            let person = &call.person[i * FRAME..][..FRAME];
            let power = person.iter().map(|s| s * s).sum::<f32>() / FRAME as f32;
            if power > (0.08 * gain).powi(2) * 0.05 { loud += 32.0; }
            if power > (0.08 * gain).powi(2) * 0.2 { near_scores.push(h.verdict.echo); }
            run = if h.is_speech() { run + 1 } else { 0 };
            if run >= 5 && (i + 1) * FRAME > at + 1000 && found.is_none() {
                found = Some(loud);
            }
            if run >= 5 && (i + 1) * FRAME <= at { before += 1; }
        }
        let late = found.is_none_or(|f| f > 400.0);
        let during = &heard[at / FRAME..][..30];
        let sure = during.iter().filter(|h| h.verdict.certain).count();
        if verbose || late || before > 0 {
            println!(
                "together {index:3} delay {:3.0} level {:5.1} rt {:.2} noise {:5.1} {:?} person {:?}: {found:?} before {before} sure {sure}/30",
                script.delay_ms, script.level_db, script.rt60_s, script.noise_db, script.driven, script.person
            );
        }
        delays.push(found.unwrap_or(f32::MAX));
    }
    let quantiles = |scores: &[f32], of: fn(&f32) -> f32| {
        let mut v: Vec<f32> = scores.iter().map(of).collect();
        v.sort_by(f32::total_cmp);
        [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99].map(|q| (v[(q * (v.len() - 1) as f64) as usize] * 100.0).round() / 100.0)
    };
    println!("echo: share {:?}", quantiles(&echo_scores, |s| *s));
    println!("near: share {:?}", quantiles(&near_scores, |s| *s));
    delays.sort_by(f32::total_cmp);
    println!(
        "together: {} of 200 within 400 ms, median {:.0}, 90% {:.0}",
        delays.iter().filter(|d| **d <= 400.0).count(), delays[delays.len() / 2], delays[delays.len() * 9 / 10]
    );
}

fn longest(heard: &[Heard], is: impl Fn(&Heard) -> bool) -> usize {
    let (mut run, mut most) = (0, 0);
    for h in heard {
        run = if is(h) { run + 1 } else { 0 };
        most = most.max(run);
    }
    most
}
