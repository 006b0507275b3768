//! How long speaking takes: see `benches/peers/README.md`.
//!
//! `kokoro_times MODEL_FOLDER VOICE_FILE [SAMPLES_FILE]` answers each line of tokens on standard input, separated by blanks,
//! with the milliseconds of the plan, of the sound and of all processors for both, the samples, and the most memory used
//! so far in MiB. The samples of the last line go to the file, if there is one (f32, little endian).

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use candle_core::Device;
use sotto_kokoro::{Kokoro, Settings, Voice};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (folder, voice) =
        arguments.next().zip(arguments.next()).ok_or("two arguments are needed")?;
    let kokoro = Kokoro::load(Path::new(&folder), &Device::Cpu, Settings::default())?;
    let (voice, file) = (Voice::read(Path::new(&voice))?, arguments.next());
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let ids: Vec<u32> = line?.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let busy = processors();
        let start = Instant::now();
        let plan = kokoro.plan(&ids, &voice, 1.0, &|| false)?.ok_or("nobody stopped it")?;
        let planned = start.elapsed().as_secs_f64() * 1e3;
        let start = Instant::now();
        let samples = kokoro.speak(&plan, 1, &|| false)?.unwrap_or_default();
        let spoken = start.elapsed().as_secs_f64() * 1e3;
        let busy = processors() - busy;
        if let Some(file) = &file {
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            std::fs::write(file, bytes)?;
        }
        writeln!(out, "{planned:.1} {spoken:.1} {busy} {} {}", samples.len(), peak())?;
        out.flush()?;
    }
    Ok(())
}

/// The most memory that this process has had, in MiB; 0 where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0_u64) / 1_024
}

/// The milliseconds that processors have worked for this process, in steps of 10; 0 where the system does not tell.
fn processors() -> u64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before may hold blanks.
    let figures = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    figures.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}
