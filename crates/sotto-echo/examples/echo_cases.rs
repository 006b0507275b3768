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
    let mut runs = 0;
    let mut unsure_runs = 0;
    let (mut frames, mut speech, mut voiced) = (0, 0, 0);
    let mut gains = Vec::new();
    let mut busy = 0.0;
    for index in 0..200 {
        let script = Script::alone(index);
        let call = script.call(&sounds);
        let (heard, time) = call.run();
        busy += time.as_secs_f64();
        let from = REPLY_AT / FRAME;
        let longest = longest(&heard[from..], |h| h.is_speech());
        let bare = self::longest(&heard[from..], |h| h.verdict.echo < 0.5);
        runs += usize::from(longest >= 5);
        unsure_runs += usize::from(bare >= 5);
        frames += heard.len() - from;
        speech += heard[from..].iter().filter(|h| h.is_speech()).count();
        voiced += heard[from..].iter().filter(|h| h.voice).count();
        let power = |samples: &mut dyn Iterator<Item = f32>| samples.map(|s| s * s).sum::<f32>();
        let since = REPLY_AT + 32_000 + (script.delay_ms * 16.0) as usize;
        let since = since / FRAME;
        let upto = 8 * 16_000 / FRAME;
        let echo = power(&mut call.echo[since * FRAME..upto * FRAME].iter().copied());
        let left = power(&mut (since..upto).flat_map(|i| {
            let noise = &call.noise[i * FRAME..][..FRAME];
            heard[i].frame.iter().zip(noise).map(|(a, b)| a - b).collect::<Vec<_>>()
        }));
        gains.push(10.0 * (echo / left).log10());
        let sure = heard[from..].iter().position(|h| h.verdict.certain && h.verdict.playing);
        if verbose || longest >= 5 {
            println!(
                "alone {index:3} delay {:3.0} level {:5.1} rt {:.2} noise {:5.1} jump {:3.0} {:?}: longest {longest} bare {bare} erle {:.1} sure {:?}",
                script.delay_ms, script.level_db, script.rt60_s, script.noise_db, script.jump_ms,
                script.driven, gains.last().unwrap(), sure
            );
        }
    }
    println!("alone: runs {runs}, bare runs {unsure_runs}, speech {speech} voiced {voiced} of {frames}");
    gains.sort_by(f32::total_cmp);
    println!("erle 10% {:.1} median {:.1}", gains[20], gains[100]);
    let frames = 200.0 * 312.0;
    println!("{:.1} us a frame", busy * 1e6 / frames);
    let mut delays = Vec::new();
    for index in 0..200 {
        let script = Script::together(index);
        let call = script.call(&sounds);
        let (heard, _) = call.run();
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
            run = if h.is_speech() { run + 1 } else { 0 };
            if run >= 5 && (i + 1) * FRAME > at + 1000 && found.is_none() {
                found = Some(loud);
            }
            if run >= 5 && (i + 1) * FRAME <= at { before += 1; }
        }
        let late = found.is_none_or(|f| f > 400.0);
        if verbose || late || before > 0 {
            println!(
                "together {index:3} delay {:3.0} level {:5.1} rt {:.2} noise {:5.1} {:?} person {:?}: {found:?} before {before}",
                script.delay_ms, script.level_db, script.rt60_s, script.noise_db, script.driven, script.person
            );
        }
        delays.push(found.unwrap_or(f32::MAX));
    }
    delays.sort_by(f32::total_cmp);
    println!(
        "together: {} of 200 within 400 ms, median {:.0}, 90% {:.0}",
        delays.iter().filter(|d| **d <= 400.0).count(), delays[100], delays[180]
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
