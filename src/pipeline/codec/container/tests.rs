use std::io::Cursor;
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};

use super::ContainerError;
use crate::pipeline::cancel::Cancel;
use crate::pipeline::codec::resample::resample;
use crate::pipeline::codec::wav;

const MINUTE: Duration = Duration::from_mins(1);

macro_rules! fixtures {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../../tests/reference/containers/", $name)))),*]
    };
}

/// One second of speech, in all that can be read.
const FIXTURES: [(&str, &[u8]); 8] = fixtures!(
    "speech.flac",
    "speech.mp3",
    "vorbis.ogg",
    "opus.ogg",
    "opus.webm",
    "browser.webm",
    "aac.m4a",
    "fragmented.mp4"
);
/// Opus of six channels.
const SURROUND: &[u8] = include_bytes!("../../../../tests/reference/containers/surround.ogg");
/// A film without sound.
const SILENT: &[u8] = include_bytes!("../../../../tests/reference/containers/silent.webm");

fn decode(bytes: &[u8], longest: Duration) -> Result<Vec<f32>, ContainerError> {
    super::decode(bytes, longest, &Cancel::default())
}

#[test]
fn what_nobody_waits_for_is_given_up() {
    let token = tokio_util::sync::CancellationToken::new();
    token.cancel();
    for (name, bytes) in FIXTURES {
        let given_up = super::decode(bytes, MINUTE, &Cancel::new(token.clone()));
        assert!(matches!(given_up, Err(ContainerError::Cancelled)), "{name}");
    }
}

/// What all of them were made of.
fn original() -> Vec<f32> {
    let warm_up = include_bytes!("../../../../assets/warmup.wav");
    wav::decode(warm_up, 16_000).unwrap()[..16_000].to_vec()
}

/// The best correlation of two recordings when one may be moved by up to 30 ms, and by how many samples it is moved.
fn likeness(a: &[f32], b: &[f32]) -> (f32, i32) {
    let inner = 1_000..15_000;
    let energy = |x: &[f32]| x.iter().map(|s| s * s).sum::<f32>();
    let at = |lag: i32| {
        let moved = |i: usize| b.get((i as i32 + lag) as usize).copied().unwrap_or(0.0);
        let b: Vec<f32> = inner.clone().map(moved).collect();
        let a = &a[inner.clone()];
        let product: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        (product / (energy(a) * energy(&b)).sqrt(), lag)
    };
    (-480..=480).map(at).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
}

fn assert_is_the_original(name: &str, samples: &[f32], least: f32, most_moved: i32) {
    let (likeness, moved) = likeness(&original(), samples);
    println!("{name}: {} samples, likeness {likeness:.4}, moved {moved}", samples.len());
    assert!(samples.len().abs_diff(16_000) <= 480, "{name}: {} samples", samples.len());
    assert!(likeness > least, "{name}: {likeness} at {moved}");
    assert!(moved.abs() <= most_moved, "{name}: moved by {moved} samples");
}

fn wav_of(spec: WavSpec, frames: &[f32]) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    for sample in frames {
        for channel in 0..spec.channels {
            // Twice in one ear and not at all in the other is once in the middle.
            let sample =
                if spec.channels == 1 { *sample } else { sample * 2.0 * f32::from(channel % 2) };
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(sample).unwrap(),
                SampleFormat::Int => {
                    let full_scale = (1_i64 << (spec.bits_per_sample - 1)) as f64 - 1.0;
                    writer.write_sample((f64::from(sample) * full_scale) as i32).unwrap();
                }
            }
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn spec(bits_per_sample: u16, sample_rate: u32, channels: u16) -> WavSpec {
    WavSpec { channels, sample_rate, bits_per_sample, sample_format: SampleFormat::Int }
}

fn float(sample_rate: u32) -> WavSpec {
    WavSpec { sample_format: SampleFormat::Float, ..spec(32, sample_rate, 1) }
}

#[test]
fn the_same_speech_comes_out_of_every_container() {
    for (name, bytes) in FIXTURES {
        let samples = decode(bytes, MINUTE).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_is_the_original(name, &samples, 0.96, 8);
    }
}

#[test]
fn a_wav_may_have_any_width_rate_and_number_of_channels() {
    let speech: Vec<f32> = original().iter().map(|sample| sample * 0.5).collect();
    for rate_hz in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
        let frames = resample(&speech, 16_000, rate_hz).unwrap();
        for spec in [8, 16, 24, 32].map(|bits| spec(bits, rate_hz, 1 + (bits / 8) % 2)) {
            let samples = decode(&wav_of(spec, &frames), MINUTE).unwrap();
            // Half of the rate is the highest tone that it holds.
            let least = if rate_hz < 16_000 { 0.96 } else { 0.985 };
            assert_is_the_original(&format!("{spec:?}"), &samples, least, 1);
        }
        let samples = decode(&wav_of(float(rate_hz), &frames), MINUTE).unwrap();
        assert_is_the_original("float", &samples, 0.96, 1);
    }
}

#[test]
fn a_wav_at_the_right_rate_is_taken_as_it_is() {
    let samples = decode(&wav_of(float(16_000), &original()), MINUTE).unwrap();
    assert_eq!(samples, original());
}

#[test]
fn a_wav_from_a_pipe_goes_to_its_end() {
    let mut bytes = wav::encode(&original(), 16_000);
    bytes[4..8].copy_from_slice(&0x7fff_f024_u32.to_le_bytes());
    bytes[40..44].copy_from_slice(&0x7fff_f000_u32.to_le_bytes());
    assert_eq!(decode(&bytes, MINUTE).unwrap().len(), 16_000);
    bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(decode(&bytes, MINUTE).unwrap().len(), 16_000);
}

#[test]
fn little_sound_and_none_are_no_mistake() {
    assert_eq!(decode(&wav_of(spec(16, 44_100, 2), &[]), MINUTE).unwrap(), [0.0; 0]);
    assert_eq!(decode(&wav_of(spec(16, 48_000, 1), &[0.1; 480]), MINUTE).unwrap().len(), 160);
    assert_eq!(decode(&wav_of(spec(16, 48_000, 1), &[0.1]), MINUTE).unwrap().len(), 1);
}

#[test]
fn what_is_longer_than_allowed_is_not_read_to_its_end() {
    let second = Duration::from_secs(1);
    let long = |seconds: usize| wav_of(spec(16, 8_000, 1), &vec![0.1; seconds * 8_000]);
    assert_eq!(decode(&long(1), second).unwrap().len(), 16_000);
    let error = decode(&long(2), second).unwrap_err();
    assert!(matches!(error, ContainerError::TooLong { longest } if longest == second), "{error}");
    assert_eq!(error.to_string(), "the recording is longer than 1 s");
    for (name, bytes) in FIXTURES {
        let read = decode(bytes, Duration::from_millis(500));
        assert!(matches!(read, Err(ContainerError::TooLong { .. })), "{name}");
    }
}

#[test]
fn recordings_may_follow_each_other_in_one_ogg() {
    let [.., vorbis, opus] = FIXTURES.first_chunk::<4>().unwrap();
    for pair in [[vorbis.1, opus.1], [opus.1, vorbis.1]] {
        let samples = decode(&pair.concat(), MINUTE).unwrap();
        assert!(samples.len().abs_diff(32_000) <= 480, "{}", samples.len());
        assert_is_the_original("first", &samples[..16_000], 0.96, 8);
        assert_is_the_original("second", &samples[samples.len() - 16_000..], 0.96, 8);
    }
}

#[test]
fn every_refusal_says_what_is_wrong() {
    let refused = |bytes: &[u8]| decode(bytes, MINUTE).unwrap_err();
    assert!(matches!(refused(&[]), ContainerError::Empty));
    assert!(matches!(refused(b"dear diary, today I said nothing"), ContainerError::Unknown));
    assert!(matches!(refused(&[0; 5_000]), ContainerError::Unknown));
    assert!(matches!(refused(SURROUND), ContainerError::Unsupported(_)));
    assert!(matches!(refused(SILENT), ContainerError::NoAudio));
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut samples = original();
        samples[9_000] = bad;
        assert!(matches!(refused(&wav_of(float(16_000), &samples)), ContainerError::NotNumbers));
    }
    let mut strange = wav::encode(&original(), 16_000);
    strange[24..28].copy_from_slice(&4_000_000_000_u32.to_le_bytes());
    assert!(matches!(refused(&strange), ContainerError::Unsupported(_)));
    assert!(matches!(refused(&FIXTURES[0].1[..20]), ContainerError::Damaged));
    assert!(matches!(refused(&wav::encode(&original(), 16_000)[..20]), ContainerError::Damaged));
}

#[test]
fn of_a_file_without_its_end_the_beginning_counts() {
    for (name, bytes) in FIXTURES.iter().filter(|(name, _)| !name.ends_with("m4a")) {
        let samples = decode(&bytes[..bytes.len() * 3 / 4], MINUTE)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!((4_000..15_000).contains(&samples.len()), "{name}: {} samples", samples.len());
    }
    // The index of this one is at its end: nothing of it can be found.
    let (_, indexed) = FIXTURES.iter().find(|(name, _)| name.ends_with("m4a")).unwrap();
    let cut = &indexed[..indexed.len() * 3 / 4];
    assert!(matches!(decode(cut, MINUTE), Err(ContainerError::Damaged)));
    let wav = wav::encode(&original(), 16_000);
    assert_eq!(decode(&wav[..=(44 + 2 * 5_000)], MINUTE).unwrap().len(), 5_000);
}

proptest::proptest! {
    #[test]
    fn noise_is_never_more_than_an_error(
        beginning in 0..=FIXTURES.len(),
        kept in 0_usize..600,
        noise in proptest::collection::vec(proptest::num::u8::ANY, 0..2_000),
    ) {
        let start = FIXTURES.get(beginning).map_or(&[][..], |(_, bytes)| &bytes[..kept]);
        let _ = decode(&[start, &noise].concat(), MINUTE);
    }

    #[test]
    fn a_changed_recording_gives_numbers_or_an_error(
        which in 0..=FIXTURES.len(),
        flips in proptest::collection::vec((proptest::num::usize::ANY, 0_u8..8), 0..20),
        near_the_start in proptest::bool::ANY,
        end in 0.0..1.2_f64,
    ) {
        let mut bytes = FIXTURES
            .get(which)
            .map_or_else(|| wav::encode(&original(), 44_100), |(_, bytes)| bytes.to_vec());
        let reach = if near_the_start { bytes.len().min(400) } else { bytes.len() };
        for (place, bit) in flips {
            bytes[place % reach] ^= 1 << bit;
        }
        bytes.truncate((bytes.len() as f64 * end) as usize);
        if let Ok(samples) = decode(&bytes, MINUTE) {
            proptest::prop_assert!(samples.len() <= 60 * 16_000);
            proptest::prop_assert!(samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
