//! For a machine with an NVIDIA GPU (`scripts/check-gpu.sh`): the shape of large-v3-turbo, on weights from a formula,
//! writes the same with and without graphs, and how long it takes is printed.

use std::collections::HashSet;
use std::time::Instant;

use candle_core::{DType, Device};

use super::graph;
use super::model::{Caches, Model};
use super::sample::{AHEAD, Chosen, Sampler};
use super::shapes;
use super::steps::Steps;
use crate::pipeline::mel::LogMel;

const SLOTS: usize = 32;
/// Tokens that are told to the first slot; each has one more than the one before.
const TOLD: usize = 3;
/// Steps of a text: some end beyond the usual length, so that graphs of both lengths are used.
const STEPS: usize = 30;
/// Texts of which the quickest counts.
const RUNS: usize = 5;

struct Gpu {
    model: Model,
    caches: Caches,
    steps: Steps,
}

impl Gpu {
    fn new() -> Self {
        let device = Device::new_cuda_with_stream(0).unwrap();
        #[expect(
            unsafe_code,
            reason = "everything that is computed here runs on one stream, in order"
        )]
        unsafe {
            device.as_cuda_device().unwrap().disable_event_tracking();
        }
        let (model, config) = shapes::model("large-v3-turbo", &device, DType::F16);
        let mut caches = model.caches(SLOTS).unwrap();
        model.prepare(&mut caches, false).unwrap();
        let sampler = Sampler::of(&vec![0.0; config.vocab_size], &device).unwrap();
        let steps = Steps::new(sampler, (SLOTS, model.max_tokens()), &device).unwrap();
        Self { model, caches, steps }
    }

    /// Everybody has a sound of their own.
    fn hear(&mut self) {
        let (context, bands) = (self.model.context(), 128);
        let mel = LogMel::<f32>::new(bands);
        for slot in 0..SLOTS {
            let sound = shapes::audio(16_000 * (1 + slot % 20));
            let features = mel.compute(&sound, 2 * context);
            let features = self.model.features(features, (1, bands, 2 * context)).unwrap();
            let encoded = self.model.encode(&features, &|| false).unwrap().unwrap();
            self.model.remember(&mut self.caches, slot, &encoded).unwrap();
        }
    }

    /// The tokens that the first slots write, and milliseconds for each token of all of them.
    fn write(&mut self, slots: usize) -> (Chosen, f64) {
        for slot in 0..slots {
            self.caches.rewind(slot, 0);
            let told: Vec<u32> = (0..(TOLD + slot) as u32).map(|i| 50 + 7 * i).collect();
            self.model.read(&mut self.caches, slot, &told).unwrap();
        }
        self.model.device().synchronize().unwrap();
        let mut written = vec![Vec::new(); slots];
        let mut last: Vec<u32> = (0..slots as u32).collect();
        let started = Instant::now();
        for _ in 0..STEPS {
            let chosen = self.steps.write(&self.model, &self.caches, &last).unwrap();
            for (slot, chosen) in chosen.into_iter().enumerate() {
                last[slot] = chosen[AHEAD - 1].0;
                written[slot].extend(chosen);
                self.caches.advance(slot, AHEAD);
            }
        }
        let ms = started.elapsed().as_secs_f64() * 1e3 / (STEPS * AHEAD) as f64;
        (written, ms)
    }

    fn best(&mut self, slots: usize) -> (Chosen, f64) {
        let (written, mut best) = self.write(slots);
        for _ in 1..RUNS {
            let (again, ms) = self.write(slots);
            assert_eq!(tokens(&again), tokens(&written), "the same way writes something else");
            best = best.min(ms);
        }
        (written, best)
    }
}

fn tokens(written: &[Vec<(u32, f32)>]) -> Vec<Vec<u32>> {
    written.iter().map(|row| row.iter().map(|(token, _)| *token).collect()).collect()
}

#[test]
#[ignore = "needs an NVIDIA GPU"]
fn graphs_write_the_same() {
    let mut gpu = Gpu::new();
    gpu.hear();
    let counts = [1, 2, 8, SLOTS];
    let plain = counts.map(|slots| gpu.best(slots));
    let started = Instant::now();
    let count = gpu.steps.record(&gpu.model, &gpu.caches, graph::record).unwrap();
    println!("{count} graphs, recorded and tried in {:.1?}", started.elapsed());
    gpu.hear();
    println!(
        "{:>5} {:>14} {:>14} {:>22}",
        "slots", "plain ms/token", "graph ms/token", "log-probabilities off"
    );
    for (slots, (plain, plain_ms)) in counts.into_iter().zip(plain) {
        let (written, ms) = gpu.best(slots);
        assert!(gpu.steps.has_graphs(), "a graph failed");
        assert_eq!(tokens(&written), tokens(&plain), "{slots} slots");
        let pairs = written.iter().flatten().zip(plain.iter().flatten());
        let off = pairs.map(|(a, b)| (a.1 - b.1).abs()).fold(0.0, f32::max);
        println!("{slots:>5} {plain_ms:>14.3} {ms:>14.3} {off:>22.1e}");
        let different: HashSet<u32> = tokens(&written).into_iter().flatten().collect();
        assert!(different.len() > 3, "a text of {different:?} proves nothing");
    }
}
