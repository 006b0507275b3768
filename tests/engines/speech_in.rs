//! Silero and Smart Turn against the figures of their reference implementations.

use serde::Deserialize;
use sotto::pipeline::turn::{SmartTurn, TurnDetector};
use sotto::pipeline::vad::{FRAME, Silero, VadModel};

use crate::support::engines::{model, onnxruntime};
use crate::support::shared;

#[test]
fn silero_gives_the_probabilities_of_onnxruntime() {
    #[derive(Deserialize)]
    struct Golden {
        probs: Vec<f32>,
    }
    let (Some(runtime), Some(model), Some(golden)) = (
        onnxruntime(),
        model("silero-vad/silero_vad.onnx"),
        model("silero-vad/golden_jfk_v6.2.json"),
    ) else {
        return;
    };
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    let mut vad = Silero::load(&runtime, &model, 1).unwrap().open();
    let samples = shared::samples("speech/jfk.wav");
    let frames: Vec<[f32; FRAME]> =
        samples.chunks_exact(FRAME).map(|c| c.try_into().unwrap()).collect();
    let mut worst = 0.0_f32;
    for (frame, expected) in frames.iter().zip(&golden.probs) {
        worst = worst.max((vad.probability(frame).unwrap() - expected).abs());
    }
    assert_eq!(frames.len(), golden.probs.len());
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn smart_turn_gives_the_probabilities_of_the_reference() {
    let (Some(runtime), Some(model)) =
        (onnxruntime(), model("smart-turn-v3/smart-turn-v3.2-cpu.onnx"))
    else {
        return;
    };
    let mut detector = SmartTurn::load(&runtime, &model).unwrap();
    let mut errors = Vec::new();
    for manifest in ["audio/manifest.jsonl", "audio/endpoint/manifest.jsonl"] {
        for clip in shared::clips(manifest) {
            let Some(expected) = clip.smart_turn_v3_2 else { continue };
            let p = detector.predict(&shared::samples(&clip.file)).unwrap();
            errors.push(((p - expected).abs(), clip.file));
        }
    }
    errors.sort_by(|a, b| b.0.total_cmp(&a.0));
    assert!(errors.len() >= 90, "{}", errors.len());
    // The features are the reference's to the last bit, so this is what two builds of onnxruntime differ by.
    let close = errors.iter().filter(|(error, _)| *error <= 0.02).count();
    assert!(close * 100 >= errors.len() * 95, "{close} of {}: {:?}", errors.len(), &errors[..6]);
    assert!(errors[0].0 <= 0.1, "{:?}", errors[0]);
}
