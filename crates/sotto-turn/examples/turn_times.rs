//! How long an answer takes: see `benches/peers/README.md`.
//!
//! `turn_times MODEL_FOLDER` answers each line on standard input, the number of a sound of the formula and its samples,
//! with the milliseconds of an answer, those of all processors for it, the same of the same answer computed on 16 s as
//! the reference does it, and both answers.

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use candle_core::Device;
use sotto_turn::seeded::{predict_padded, sound};
use sotto_turn::{Error, SmartTurn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("an argument is needed")?;
    let model = SmartTurn::load(Path::new(&folder), &Device::Cpu)?;
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (index, samples) = line.split_once(' ').ok_or("two numbers are needed")?;
        let audio = sound(index.parse()?, samples.parse()?);
        let (trimmed, trimmed_ms, trimmed_busy) = timed(|| model.predict(&audio))?;
        let (padded, padded_ms, padded_busy) = timed(|| predict_padded(&model, &audio))?;
        write!(out, "{trimmed_ms:.1} {trimmed_busy} {padded_ms:.1} {padded_busy} ")?;
        writeln!(out, "{trimmed} {padded}")?;
        out.flush()?;
    }
    Ok(())
}

fn timed(answer: impl FnOnce() -> Result<f32, Error>) -> Result<(f32, f64, u64), Error> {
    let (start, busy) = (Instant::now(), processors());
    let answer = answer()?;
    Ok((answer, start.elapsed().as_secs_f64() * 1e3, processors() - busy))
}

/// The milliseconds that processors have worked for this process, in steps of 10; 0 where the system does not tell.
fn processors() -> u64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before may hold blanks.
    let figures = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    figures.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}
