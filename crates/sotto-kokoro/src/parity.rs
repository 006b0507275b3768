//! The model on weights from a formula, against `PyTorch`: see `tests/reference/kokoro_model.py`.

use std::collections::HashMap;
use std::f32::consts::PI;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::{DType, Device};
use serde::Deserialize;
use sotto_kernels::seeded::{scaled, uniform};

use crate::checkpoint::Checkpoint;
use crate::config::{Config, PER_PITCH};
use crate::generator::Generator;
use crate::maths::{self, Maths};
use crate::seeded::{made, tensor};
use crate::source::HARMONICS;
use crate::spectrum::{BINS, Spectrum, WIDTH};
use crate::{Error, Kokoro, Plan, Precision, Settings, Sound};

/// Of what a step makes, as a part of the largest value, or of 1 if that is smaller.
const EXACT: f32 = 1e-4;

/// The mean distance of logarithms of spectra of the same sound. The reference itself, with the phase of its source in
/// f64 instead of f32, is 0.10 and 0.16 from itself; with other noise it is 0.62.
const SAME_SOUND: f32 = 0.25;

#[derive(Deserialize)]
struct Reference {
    weights: HashMap<String, Sample>,
    short: Run,
    long: Run,
    parts: Parts,
}

#[derive(Deserialize)]
struct Run {
    ids: Vec<u32>,
    speed: f32,
    durations: Vec<u32>,
    taps: HashMap<String, Sample>,
    f0: Vec<f32>,
    source: Sample,
    loudest: f32,
    spectrum: LogSpectrum,
}

#[derive(Deserialize)]
struct Parts {
    stft: Stft,
    istft: Sample,
    audio: Sample,
    generator: HashMap<String, Sample>,
    lstm: Sample,
}

#[derive(Deserialize)]
struct Stft {
    magnitude: Sample,
    cos: Sample,
    sin: Sample,
}

/// Every sixth bin of every fourth frame.
#[derive(Deserialize)]
struct LogSpectrum {
    values: Vec<Vec<f32>>,
}

/// Some values of a tensor.
#[derive(Deserialize)]
struct Sample {
    shape: Vec<usize>,
    offset: usize,
    stride: usize,
    largest: f32,
    values: Vec<f32>,
}

impl Sample {
    /// The largest difference to those values of `ours`, as a part of the largest value above 1.
    fn difference(&self, ours: &[f32]) -> f32 {
        assert_eq!(ours.len(), self.shape.iter().product::<usize>());
        let ours = ours[self.offset..].iter().step_by(self.stride);
        let worst = self.values.iter().zip(ours).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        worst / self.largest.max(1.0)
    }

    #[track_caller]
    fn check(&self, what: &str, ours: &[f32], tolerance: f32) {
        let worst = self.difference(ours);
        eprintln!("{what}: {worst:.1e}");
        assert!(worst < tolerance, "{what}: {worst}");
    }
}

fn reference() -> Reference {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/kokoro_model.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A file of the shared folder; `None` where there is no such folder. See `tests/support/shared.rs`.
fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SOTTO_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    let strict = std::env::var("SOTTO_TEST_STRICT").is_ok_and(|value| value == "1");
    assert!(!(strict && folder.is_dir()), "strict tests may not skip: {name} is not there");
    eprintln!("\nSKIPPED: {name} is not there");
    None
}

/// The configuration of the published model, without its vocabulary.
pub(crate) const CONFIG: &str = r#"{
    "istftnet": {
        "upsample_kernel_sizes": [20, 12], "upsample_rates": [10, 6], "gen_istft_hop_size": 5,
        "gen_istft_n_fft": 20, "resblock_kernel_sizes": [3, 7, 11], "upsample_initial_channel": 512,
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]]
    },
    "hidden_dim": 512, "max_dur": 50, "n_layer": 3, "n_token": 178, "style_dim": 128,
    "text_encoder_kernel_size": 5,
    "plbert": {
        "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 2048,
        "max_position_embeddings": 512, "num_hidden_layers": 12
    },
    "vocab": {"h": 50, "ə": 83, "l": 54, "o": 57, " ": 16}
}"#;

fn model() -> &'static Kokoro {
    static MODEL: OnceLock<Kokoro> = OnceLock::new();
    MODEL.get_or_init(|| {
        let settings = Settings { precision: Precision::Full };
        let mut checkpoint = Checkpoint::made(made);
        Kokoro::build(&config(), &mut checkpoint, &Device::Cpu, settings).unwrap()
    })
}

fn config() -> Config {
    serde_json::from_str(CONFIG).unwrap()
}

fn style() -> Vec<f32> {
    scaled("style", 256, 0.3, 0.0)
}

/// Noise of the formula for every harmonic, put together as the source does it.
fn noise(weights: &[f32; HARMONICS], samples: usize) -> Vec<f32> {
    let each = scaled("noise", samples * HARMONICS, 3.0_f64.sqrt() as f32, 0.0);
    let of_sample = |noise: &[f32]| noise.iter().zip(weights).map(|(a, b)| a * b).sum();
    each.chunks_exact(HARMONICS).map(of_sample).collect()
}

fn host(kokoro: &Kokoro) -> &crate::Voicing<sotto_kernels::Filter, Vec<f32>> {
    match &kokoro.sound {
        Sound::Host(voicing) => voicing,
        Sound::Device { .. } => unreachable!(),
    }
}

fn plan(run: &Run) -> Plan {
    model().plan_styled(&run.ids, &style(), run.speed, &|| false).unwrap().unwrap()
}

#[test]
fn the_weights_are_those_of_the_reference() {
    for (name, sample) in reference().weights {
        let ours = tensor(&name, &sample.shape);
        assert!(sample.difference(&ours) < 1e-6, "{name}");
    }
}

#[test]
fn every_step_before_the_sound_is_the_reference() {
    let reference = reference();
    for run in [&reference.short, &reference.long] {
        let style = style();
        let edged: Vec<u32> = [&[0], &run.ids[..], &[0]].concat();
        let read = model().text.read(&edged, &style[128..], run.speed, &|| false, |name, ours| {
            run.taps[name].check(name, ours, EXACT);
        });
        let read = read.unwrap();
        assert_eq!(read.durations, run.durations);

        let plan = plan(run);
        assert_eq!(plan.durations(), run.durations);
        assert_eq!(plan.samples(), 600 * run.durations.iter().sum::<u32>() as usize);
        run.taps["predictor.F0_proj"].check("pitch", &plan.pitch, EXACT);
        run.taps["predictor.N_proj"].check("loudness", &plan.loudness, EXACT);
        for (ours, theirs) in plan.pitch.iter().zip(&run.f0) {
            assert!((ours - theirs).abs() < EXACT * theirs.abs().max(40.0), "{ours} {theirs}");
        }

        let names = ["decoder.encode", "decoder.decode.0", "", "", "decoder.decode.3"];
        let never = || false;
        let maths = maths::Host::new(&never);
        let seen = |index: usize, ours: &maths::HostSignal| {
            if let Some(tap) = run.taps.get(names[index]) {
                tap.check(names[index], ours.as_slice(), EXACT);
            }
        };
        host(model()).decoder.columns(&maths, plan.score(), seen).unwrap();
    }
}

#[test]
fn the_source_alone_is_the_reference() {
    let reference = reference();
    let source = &host(model()).decoder.source;
    for run in [&reference.short, &reference.long] {
        let samples = run.f0.len() * PER_PITCH;
        let ours = source.samples(&run.f0, &noise(&source.weights, samples));
        // The reference's own phase is only so good: it is radians in f32.
        run.source.check("source", &ours, 5e-3);
    }
}

#[test]
fn the_source_alone_is_what_it_is_defined_as() {
    let run = reference().short;
    let source = &host(model()).decoder.source;
    let silence = vec![0.0; run.f0.len() * PER_PITCH];
    let ours = source.samples(&run.f0, &silence);
    // Sample by sample, in f64, as the reference writes it down.
    let step = |f0: f32, h: usize| (f64::from(f0) * h as f64 / 24_000.0).rem_euclid(1.0);
    let bias = tensor("decoder.generator.m_source.l_linear.bias", &[1])[0];
    let phases: Vec<Vec<f64>> = (1..=HARMONICS)
        .map(|h| {
            let sums = run.f0.iter().scan(0.0, |sum, f0| {
                *sum += step(*f0, h);
                Some(*sum * std::f64::consts::TAU * 300.0)
            });
            sums.collect()
        })
        .collect();
    for (i, ours) in ours.iter().enumerate() {
        let at = ((i as f64 + 0.5) / 300.0 - 0.5).max(0.0);
        let (low, part) = (at as usize, at.fract());
        let voiced = run.f0[i / 300] > 10.0;
        let mut sum = f64::from(bias);
        for (phase, weight) in phases.iter().zip(&source.weights) {
            let high = (low + 1).min(phase.len() - 1);
            let angle = phase[low] * (1.0 - part) + phase[high] * part;
            sum += if voiced { 0.1 * angle.sin() * f64::from(*weight) } else { 0.0 };
        }
        assert!((f64::from(*ours) - sum.tanh()).abs() < 1e-5, "{i}: {ours} {}", sum.tanh());
    }
}

#[test]
fn spectra_alone_are_the_reference() {
    let parts = reference().parts;
    let spectrum = Spectrum::new();
    let ours = spectrum.analyse(&uniform("source", 1_500));
    let half = |from: usize, function: fn(f32) -> f32| -> Vec<f32> {
        let rows = ours.chunks_exact(WIDTH);
        rows.flat_map(|row| &row[from..from + BINS]).map(|value| function(*value)).collect()
    };
    parts.stft.magnitude.check("magnitudes", &half(0, |x| x), 1e-5);
    parts.stft.cos.check("cosines of phases", &half(BINS, f32::cos), 1e-4);
    parts.stft.sin.check("sines of phases", &half(BINS, f32::sin), 1e-4);
    parts.istft.check("samples", &spectrum.synthesise(&spectra(31)), 1e-5);
}

/// Spectra of the formula. [frames, 22]
fn spectra(frames: usize) -> Vec<f32> {
    let magnitudes = scaled("spectrum", BINS * frames, 1.0, 1.0);
    let phases = scaled("phase", BINS * frames, PI, 0.0);
    let of = |rows: &[f32], frame: usize| -> Vec<f32> {
        (0..BINS).map(|bin| rows[bin * frames + frame]).collect()
    };
    (0..frames).flat_map(|frame| [of(&magnitudes, frame), of(&phases, frame)]).flatten().collect()
}

/// The generator on columns and spectra of the formula.
fn generate<M: Maths>(maths: &M, generator: &Generator<M::Filter, M::Row>) -> Vec<f32> {
    let columns = uniform("columns", 4 * 512);
    let columns = (0..4 * 512).map(|i| columns[i % 512 * 4 + i / 512]).collect();
    let columns = maths.signal(columns, 512).unwrap();
    let source = maths.signal(spectra(241), WIDTH).unwrap();
    generator.apply(maths, columns, 4, &source, &style()[..128]).unwrap()
}

#[test]
fn the_generator_alone_is_the_reference() {
    let parts = reference().parts;
    let never = || false;
    let spectra = generate(&maths::Host::new(&never), &host(model()).decoder.generator);
    let mags: Vec<f32> =
        spectra.chunks(WIDTH).flat_map(|row| &row[..BINS]).map(|m| m.ln()).collect();
    let last = &parts.generator["conv_post"];
    let theirs =
        last.values.iter().enumerate().map(|(i, value)| (last.offset + i * last.stride, value));
    for (at, value) in theirs.filter(|(at, _)| at % WIDTH < BINS) {
        let ours = mags[at / WIDTH * BINS + at % WIDTH];
        assert!((ours - value).abs() < EXACT, "{ours} {value}");
    }
    parts.audio.check("sound", &Spectrum::new().synthesise(&spectra), EXACT);
}

#[test]
fn a_recurrent_layer_alone_is_the_reference() {
    let ours = model().text.last().apply(&uniform("lstm", 7 * 640));
    reference().parts.lstm.check("lstm", &ours, 1e-5);
}

#[test]
fn what_candle_does_is_the_same() {
    let reference = reference();
    let never = || false;
    let maths = maths::Device::new(&Device::Cpu, DType::F32, &never);
    let mut checkpoint = Checkpoint::made(made);
    let generator = Generator::load(&maths, &mut checkpoint, &config().istftnet, 128).unwrap();
    let spectra = generate(&maths, &generator);
    reference.parts.audio.check("sound", &Spectrum::new().synthesise(&spectra), EXACT);
    drop(generator);

    let decoder = crate::Decoder::load(&maths, &mut checkpoint, &config()).unwrap();
    let plan = plan(&reference.short);
    let theirs = maths.values(decoder.columns(&maths, plan.score(), |_, _| {}).unwrap()).unwrap();
    reference.short.taps["decoder.decode.3"].check("columns", &theirs, EXACT);
    let curve = crate::Curve::load(&maths, &mut checkpoint, "F0", 512, 128).unwrap();
    let style = style();
    let edged: Vec<u32> = [&[0], &reference.short.ids[..], &[0]].concat();
    let read = model()
        .text
        .read(&edged, &style[128..], reference.short.speed, &|| false, |_, _| {})
        .unwrap();
    let melody = maths.signal(read.melody, 512).unwrap();
    let pitch = curve.apply(&maths, &melody, &style[128..]).unwrap();
    reference.short.taps["predictor.F0_proj"].check("pitch", &pitch, EXACT);
}

/// As `log_spectrum` of the script has it.
fn log_spectrum(samples: &[f32]) -> Vec<Vec<f32>> {
    let window = |n: usize| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / 512.0).cos();
    let bin = |frame: &[f32], bin: usize| {
        let (mut real, mut imaginary) = (0.0, 0.0);
        for (n, sample) in frame.iter().enumerate() {
            let angle = std::f64::consts::TAU * ((bin * n) % 512) as f64 / 512.0;
            let value = f64::from(*sample) * window(n);
            real += value * angle.cos();
            imaginary -= value * angle.sin();
        }
        real.hypot(imaginary).max(1e-5).ln() as f32
    };
    let frames = samples.chunks_exact(512).step_by(4);
    frames.map(|frame| (0..257).step_by(6).map(|b| bin(frame, b)).collect()).collect()
}

#[test]
fn the_whole_sounds_like_the_reference() {
    let reference = reference();
    let never = || false;
    for run in [&reference.short, &reference.long] {
        let plan = plan(run);
        let decoder = &host(model()).decoder;
        let noise = noise(&decoder.source.weights, plan.samples());
        let ours = decoder.apply(&maths::Host::new(&never), plan.score(), &noise).unwrap();
        assert_eq!(ours.len(), plan.samples());
        let loudest = ours.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs()));
        assert!(ours.iter().all(|sample| sample.is_finite()) && loudest < 1.0);
        assert!((loudest - run.loudest).abs() < 0.1 * run.loudest, "{loudest} {}", run.loudest);
        let spectrum = log_spectrum(&ours);
        let pairs = spectrum.iter().zip(&run.spectrum.values).flat_map(|(a, b)| a.iter().zip(b));
        let count = spectrum.len() * spectrum[0].len();
        let distance = pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / count as f32;
        eprintln!("mean distance of logarithms of spectra: {distance:.3}");
        assert_eq!(spectrum.len(), run.spectrum.values.len());
        assert!(distance < SAME_SOUND, "{distance}");
    }
}

#[test]
fn a_seed_decides_and_a_speed_shortens() {
    let kokoro = model();
    let ids = kokoro.vocabulary().ids("həlo?");
    assert_eq!(ids, [50, 83, 54, 57]);
    let voice = crate::Voice::new(scaled("voice", 510 * 256, 0.3, 0.0)).unwrap();
    let plan = kokoro.plan(&ids, &voice, 1.0, &|| false).unwrap().unwrap();
    let speak = |seed| kokoro.speak(&plan, seed, &|| false).unwrap().unwrap();
    let (one, again, other) = (speak(1), speak(1), speak(2));
    assert!(one == again && one != other);
    let fast = kokoro.plan(&ids, &voice, 2.0, &|| false).unwrap().unwrap();
    let sum = |plan: &Plan| plan.durations().iter().sum::<u32>();
    assert!(sum(&fast) < sum(&plan) * 2 / 3, "{} {}", sum(&fast), sum(&plan));
    // The fourth row is the one that was used.
    let row = kokoro.plan_styled(&ids, voice.row(4), 1.0, &|| false).unwrap().unwrap();
    assert_eq!(row.pitch, plan.pitch);
    let other = kokoro.plan_styled(&ids, voice.row(5), 1.0, &|| false).unwrap().unwrap();
    assert_ne!(other.pitch, plan.pitch);
}

#[test]
fn a_cancelled_sound_does_not_come() {
    let kokoro = model();
    let plan = plan(&reference().short);
    for after in [0, 1, 20] {
        let asked = std::cell::Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > after
        };
        assert!(kokoro.speak(&plan, 0, &cancelled).unwrap().is_none());
        assert_eq!(asked.get(), after + 1);
    }
}

#[test]
fn a_cancelled_plan_does_not_come_and_the_rest_of_it_is_not_made() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let (kokoro, ids) = (model(), &reference().long.ids);
    let asked = AtomicUsize::new(0);
    let plan = |after: usize| {
        asked.store(0, Ordering::Relaxed);
        let cancelled = || asked.fetch_add(1, Ordering::Relaxed) >= after;
        kokoro.plan_styled(ids, &style(), 1.0, &cancelled).unwrap()
    };
    assert!(plan(usize::MAX).is_some());
    let in_all = asked.load(Ordering::Relaxed);
    for after in [0, 1, 10, in_all - 1] {
        assert!(plan(after).is_none());
        // Two threads may see it at once.
        assert!(asked.load(Ordering::Relaxed) <= after + 2);
    }
}

#[test]
fn what_cannot_be_spoken_is_refused() {
    let kokoro = model();
    let voice = crate::Voice::new(vec![0.1; 510 * 256]).unwrap();
    let plan = |ids: &[u32], speed| kokoro.plan(ids, &voice, speed, &|| false).err();
    assert!(matches!(plan(&[], 1.0), Some(Error::Nothing)));
    assert!(matches!(plan(&[1; 511], 1.0), Some(Error::TooLong { count: 511, most: 510 })));
    assert!(matches!(plan(&[178], 1.0), Some(Error::Token(178))));
    assert!(matches!(plan(&[1], f32::NAN), Some(Error::Speed)));
    assert!(matches!(plan(&[1], 0.0), Some(Error::Speed)));
    assert_eq!(kokoro.vocabulary().ids(&"h".repeat(600)).len(), 510);
}

#[test]
fn the_published_configuration_and_voices_are_read() {
    use std::fmt::Write;

    use sha2::{Digest, Sha256};

    const VOICES: [(&str, &str); 10] = [
        ("af_bella", "f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b"),
        ("af_heart", "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b"),
        ("af_nicole", "cd2191ab31b914ed7b318416b0e4440fdf392ddad9106a060819aa600a64f59a"),
        ("am_fenrir", "c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43"),
        ("am_michael", "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1"),
        ("bf_emma", "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73"),
        ("bm_george", "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc"),
        ("ef_dora", "f66ec66bd295acb18372e37008533a9a3228483ccd294e7538d5d9294ac9a532"),
        ("ff_siwis", "a35f5675ad08948e326ae75fd0ea16ba5d0042e4f76b5f3d1df77d0a48c54861"),
        ("if_sara", "409b69248798fcdc2542330c76953d230710f19b057e59cb82fdc3c4cf71265c"),
    ];
    let Some(folder) = shared("models/kokoro") else { return };
    let published = Config::read(&folder.join("config.json")).unwrap();
    assert_eq!(published.vocab.len(), 114);
    let vocabulary = crate::Vocabulary::new(published.vocab, 512);
    assert_eq!(vocabulary.ids("hˈə✗ᵻ "), [50, 156, 83, 177, 16]);
    for (name, sum) in VOICES {
        let path = folder.join(format!("voices/{name}.bin"));
        let bytes = std::fs::read(&path).unwrap();
        let mut ours = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(ours, "{byte:02x}").unwrap();
        }
        assert_eq!(ours, sum, "{name}");
        let voice = crate::Voice::read(&path).unwrap();
        let last: Vec<u8> = voice.row(510).iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(last, bytes[bytes.len() - 1_024..], "{name}");
    }
}
