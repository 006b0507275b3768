//! The model on weights from a formula, against `PyTorch`: see `tests/reference/smart_turn_v2.py`.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};
use serde::Deserialize;

use crate::checkpoint::Checkpoint;
use crate::clip::{Clip, WINDOW};
use crate::config::Config;
use crate::layer::Place;
use crate::seeded::{Size, build, config, made, predict_padded, sound};
use crate::{Error, MOST, SmartTurn, Step, probability};

/// Of what a step makes, as a part of the largest value, or of 1 if that is smaller; and of probabilities.
const EXACT: f32 = 1e-4;

#[derive(Deserialize)]
struct Reference {
    weights: HashMap<String, Sample>,
    folded: Sample,
    beginnings: Vec<[usize; 2]>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    sound: usize,
    samples: usize,
    visible: usize,
    pooled: usize,
    taps: HashMap<String, Sample>,
    logit: f32,
    probability: f32,
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
    #[track_caller]
    fn check(&self, what: &str, ours: &[f32]) {
        assert_eq!(ours.len(), self.shape.iter().product::<usize>(), "{what}");
        let ours = ours[self.offset..].iter().step_by(self.stride);
        let worst = self.values.iter().zip(ours).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let worst = worst / self.largest.max(1.0);
        eprintln!("{what}: {worst:.1e}");
        assert!(worst < EXACT, "{what}: {worst}");
    }
}

fn reference() -> Reference {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/smart_turn_v2.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn place(filters: bool, dtype: DType) -> Place {
    Place { device: Device::Cpu, dtype, filters }
}

/// The published shape.
fn model() -> &'static SmartTurn {
    static MODEL: OnceLock<SmartTurn> = OnceLock::new();
    MODEL.get_or_init(|| build(Config::default(), &place(true, DType::F32)).unwrap())
}

fn small(place: &Place) -> SmartTurn {
    build(config(Size::Small), place).unwrap()
}

fn all(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

fn named(step: Step) -> String {
    match step {
        Step::Features => "features".to_owned(),
        Step::Projection => "projection".to_owned(),
        Step::Positions => "positions".to_owned(),
        Step::Layer(index) => format!("layer {index}"),
        Step::Pooled => "pooled".to_owned(),
    }
}

fn check(model: &SmartTurn, run: &Run) {
    let clip = Clip::new(&sound(run.sound, run.samples), &model.config).unwrap();
    assert_eq!((clip.visible, clip.pooled), (run.visible, run.pooled));
    let what = |step: &str| format!("{} samples, {step}", run.samples);
    let mut checked = 0;
    let odds = model.odds(&[clip], &|| false, &mut |step, x| {
        if let Some(tap) = run.taps.get(&named(step)) {
            tap.check(&what(&named(step)), &all(x));
            checked += 1;
        }
    });
    assert_eq!(checked, run.taps.len() - 1);
    let odds = odds.unwrap()[0];
    let difference = (odds - run.logit).abs();
    eprintln!("{}: {difference:.1e}", what("logit"));
    assert!(difference < EXACT * run.logit.abs().max(1.0), "{difference}");
    let ours = probability(odds);
    assert!((ours - run.probability).abs() < EXACT, "{ours} {}", run.probability);
    if (8_000..48_000).contains(&run.samples) {
        let asked = model.predict(&sound(run.sound, run.samples)).unwrap();
        assert_eq!(asked.to_bits(), ours.to_bits());
    }
}

#[test]
fn both_make_the_same_weights() {
    let reference = reference();
    for (name, sample) in &reference.weights {
        sample.check(name, &made(name, &sample.shape).unwrap());
    }
    let folded = Checkpoint::made(Box::new(made))
        .folded("wav2vec2.encoder.pos_conv_embed.conv", &[768, 48, 128])
        .unwrap();
    reference.folded.check("folded", &folded);
}

#[test]
fn frames_begin_where_the_reference_has_them() {
    let moved: HashMap<usize, usize> =
        reference().beginnings.into_iter().map(|[frame, begin]| (frame, begin)).collect();
    let config = Config::default();
    for frame in 1..400 {
        let begin = *moved.get(&frame).unwrap_or(&(frame * WINDOW / 799));
        // Up to that sample the frame is not pooled.
        for (samples, pooled) in [(begin, frame), (begin + 1, frame + 1)] {
            if samples <= MOST {
                let clip = Clip::new(&vec![0.0; samples], &config).unwrap();
                assert_eq!(clip.pooled, pooled, "{samples} samples");
            }
        }
    }
}

#[test]
fn every_step_is_the_reference() {
    let (model, reference) = (model(), reference());
    for run in &reference.runs {
        let clip = Clip::new(&sound(run.sound, run.samples), &model.config).unwrap();
        let tap = &run.taps["first"];
        let first = model.features.first_normed(&clip);
        let size = tap.shape.iter().product::<usize>();
        tap.check(&format!("{} samples, first", run.samples), &first[..size]);
        check(model, run);
    }
    let answers: Vec<f32> = reference.runs.iter().map(|run| run.probability).collect();
    let largest = answers.iter().copied().fold(0.0, f32::max);
    let smallest = answers.iter().copied().fold(1.0, f32::min);
    assert!(smallest < 0.3 && largest > 0.7, "{answers:?} tell too little");
}

#[test]
fn what_candle_does_is_the_reference_too() {
    let model = build(Config::default(), &place(false, DType::F32)).unwrap();
    let runs = reference().runs;
    for run in runs.iter().filter(|run| (8_000..=48_000).contains(&run.samples)) {
        let mut run_of = Run { taps: HashMap::new(), ..*run };
        for name in ["features", "projection", "positions", "layer 0", "layer 11"] {
            let tap = &run.taps[name];
            let tap = Sample { shape: tap.shape.clone(), values: tap.values.clone(), ..*tap };
            run_of.taps.insert(name.to_owned(), tap);
        }
        // It counts for the one that is not there.
        let first = &run.taps["first"];
        let first = Sample { shape: first.shape.clone(), values: Vec::new(), ..*first };
        run_of.taps.insert("first".to_owned(), first);
        check(&model, &run_of);
    }
}

#[test]
fn trimmed_is_as_good_as_padded() {
    let filters = [1, 80, 399, 400, 719, 720, 8_000, 47_999, 128_000];
    for (model, lengths) in [
        (model(), &[400, 8_000][..]),
        (&small(&place(true, DType::F32)), &filters),
        (&small(&place(false, DType::F32)), &[399, 720, 47_999]),
    ] {
        for (index, samples) in lengths.iter().enumerate() {
            let sound = sound(index, *samples);
            let ours = model.predict(&sound).unwrap();
            let theirs = predict_padded(model, &sound).unwrap();
            assert!((ours - theirs).abs() < EXACT, "{samples}: {ours} {theirs}");
        }
    }
}

#[test]
fn the_last_eight_seconds_decide() {
    let model = small(&place(true, DType::F32));
    let long = sound(3, 200_000);
    let ours = model.predict(&long).unwrap();
    assert_eq!(ours.to_bits(), model.predict(&long[200_000 - MOST..]).unwrap().to_bits());
    assert!((ours - model.predict(&long[..MOST]).unwrap()).abs() > 1e-4);
}

#[test]
fn turns_together_are_what_they_are_alone() {
    let lengths = [30_000, 1, 128_000, 16_000, 70_000, 399, 25_000, 720, 200_000];
    let sounds: Vec<Vec<f32>> =
        lengths.into_iter().enumerate().map(|(index, samples)| sound(index, samples)).collect();
    let turns: Vec<&[f32]> = sounds.iter().map(Vec::as_slice).collect();
    let alone = small(&place(true, DType::F32));
    let alone: Vec<f32> = turns.iter().map(|turn| alone.predict(turn).unwrap()).collect();
    for filters in [true, false] {
        let model = small(&place(filters, DType::F32));
        let together = model.predict_batch(&turns).unwrap();
        assert_eq!(together.len(), turns.len());
        for ((ours, theirs), turn) in together.iter().zip(&alone).zip(&turns) {
            assert!((ours - theirs).abs() < EXACT, "{}: {ours} {theirs}", turn.len());
        }
        assert!(model.predict_batch(&[]).unwrap().is_empty());
        assert!(matches!(model.predict_batch(&[&[0.1], &[]]), Err(Error::Empty)));
    }
    // However unlike they are.
    let model = small(&place(false, DType::F32));
    let clips = turns.iter().map(|turn| Clip::new(turn, &model.config).unwrap());
    let together = model.answers(&clips.collect::<Vec<_>>(), &|| false).unwrap();
    for (ours, theirs) in together.iter().zip(&alone) {
        assert!((ours - theirs).abs() < EXACT, "{ours} {theirs}");
    }
}

#[test]
fn similar_lengths_are_put_together() {
    let groups = crate::groups(&[100, 30, 50, 200, 24, 49], 2);
    assert_eq!(groups, [vec![3, 0], vec![2, 5], vec![1, 4]]);
    assert_eq!(crate::groups(&[5, 5, 5], 1).len(), 3);
    assert!(crate::groups(&[], 4).is_empty());
}

#[test]
fn half_precision_is_near() {
    let (full, half) = (small(&place(true, DType::F32)), small(&place(false, DType::F16)));
    for (index, samples) in [8_000, 30_000].into_iter().enumerate() {
        let sound = sound(index, samples);
        let (ours, theirs) = (half.predict(&sound).unwrap(), full.predict(&sound).unwrap());
        assert!((ours - theirs).abs() < 0.03, "{ours} {theirs}");
    }
}

#[test]
fn a_cancelled_turn_has_no_answer() {
    let audio = sound(2, 20_000);
    for filters in [true, false] {
        let model = small(&place(filters, DType::F32));
        let asked = Cell::new(0);
        let asking = |after: usize| {
            asked.set(0);
            let stop = || {
                asked.set(asked.get() + 1);
                asked.get() > after
            };
            model.predict_unless(&audio, &stop).unwrap()
        };
        assert!(asking(usize::MAX).is_some());
        let often = asked.get();
        assert!(often > 7 + 2 + model.config.num_hidden_layers, "{often}");
        for after in [0, 1, 5, often - 1] {
            assert!(asking(after).is_none());
            assert_eq!(asked.get(), after + 1);
        }
        assert!(model.predict_batch_unless(&[&audio, &audio], &|| true).unwrap().is_none());
    }
}

#[test]
fn any_sound_has_an_answer() {
    let model = small(&place(true, DType::F32));
    let square: Vec<f32> = (0..9_000).map(|i| if i % 20 < 10 { 1e30 } else { -1e30 }).collect();
    for audio in [&vec![0.0; 16_000][..], &[0.3; 5], &[f32::MAX, f32::MIN], &square] {
        let answer = model.predict(audio).unwrap();
        assert!((0.0..=1.0).contains(&answer), "{answer}");
    }
    assert!(matches!(model.predict(&[]), Err(Error::Empty)));
    assert!(matches!(model.predict(&[0.0, f32::NAN]), Err(Error::NotFinite)));
    let louder: Vec<f32> = sound(1, 9_000).iter().map(|x| x * 8.0 - 2.0).collect();
    let (ours, theirs) =
        (model.predict(&louder).unwrap(), model.predict(&sound(1, 9_000)).unwrap());
    assert!((ours - theirs).abs() < EXACT);
}
