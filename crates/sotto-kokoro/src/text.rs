//! What is known before there is a sound: how long each phoneme is, and what stands for it. On the host.

use sotto_kernels::{BiLstm, Direction, Entry, Filter, FilterShape, Job, Onto};

use crate::LoadError;
use crate::albert::Albert;
use crate::block::same;
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::error::Halt;
use crate::maths::Result;
use crate::style::{EPSILON, StyleNorm};

/// What values below zero are multiplied by.
const SLOPE: f32 = 0.2;

/// Whether to end. It is asked by several threads.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

pub(crate) struct Text {
    albert: Albert,
    narrowed: Filter,
    /// Layers that read the style again and again.
    durations: Vec<(BiLstm, StyleNorm)>,
    last: BiLstm,
    duration: Filter,
    shared: BiLstm,
    phonemes: Phonemes,
    width: usize,
}

/// What stands for each phoneme in the sound.
struct Phonemes {
    embedding: Vec<f32>,
    filters: Vec<(Filter, Vec<f32>, Vec<f32>)>,
    lstm: BiLstm,
}

/// What comes of the tokens.
pub(crate) struct Read {
    /// Frames of each token.
    pub durations: Vec<u32>,
    /// For the melody: of each frame. [frames, width]
    pub melody: Vec<f32>,
    /// For the sound: of each frame. [frames, width]
    pub sound: Vec<f32>,
}

impl Text {
    pub(crate) fn load(
        checkpoint: &mut Checkpoint,
        config: &Config,
        device: &candle_core::Device,
    ) -> std::result::Result<Self, LoadError> {
        let (width, style) = (config.hidden_dim, config.style_dim);
        let albert = Albert::load(checkpoint, config, device)?;
        let bent = width + style;
        let narrowed = linear(checkpoint, "bert_encoder", config.plbert.hidden_size, width)?;
        let layers = (0..config.n_layer).map(|i| {
            let name = "predictor.text_encoder.lstms";
            let lstm = bilstm(checkpoint, &format!("{name}.{}", 2 * i), bent, width)?;
            let norm = format!("{name}.{}", 2 * i + 1);
            Ok((lstm, StyleNorm::load(checkpoint, &norm, style, width)?))
        });
        let durations = layers.collect::<std::result::Result<_, LoadError>>()?;
        let duration = "predictor.duration_proj.linear_layer";
        Ok(Self {
            albert,
            narrowed,
            durations,
            last: bilstm(checkpoint, "predictor.lstm", bent, width)?,
            duration: linear(checkpoint, duration, width, config.max_dur)?,
            shared: bilstm(checkpoint, "predictor.shared", bent, width)?,
            phonemes: Phonemes::load(checkpoint, config)?,
            width,
        })
    }

    /// Reads tokens, with a token of silence at either end, in the style of the melody. `seen` is shown what each step
    /// makes, and `stop` is asked between them.
    pub(crate) fn read(
        &self,
        ids: &[u32],
        style: &[f32],
        speed: f32,
        stop: Stop<'_>,
        mut seen: impl FnMut(&str, &[f32]),
    ) -> Result<Read> {
        // Neither needs the other, and both have steps that one processor does.
        let (phonemes, contexts) =
            rayon::join(|| self.phonemes.apply(ids, stop), || self.albert.apply(ids, stop));
        let (phonemes, contexts) = (phonemes?, contexts?);
        seen("bert", &contexts);
        let narrowed = apply(&self.narrowed, &contexts, Entry::Plain);
        seen("bert_encoder", &narrowed);
        let mut x = with_style(&narrowed, self.width, style);
        for (lstm, norm) in &self.durations {
            go_on(stop)?;
            let mut y = lstm.apply(&x);
            let norm = norm.of(style);
            normalise(&mut y, &norm.gain, &norm.shift);
            x = with_style(&y, self.width, style);
        }
        seen("predictor.text_encoder", &x);
        go_on(stop)?;
        let logits = apply(&self.duration, &self.last.apply(&x), Entry::Plain);
        let durations: Vec<u32> = logits
            .chunks_exact(self.duration.shape().outputs)
            .map(|row| {
                let sum: f32 = row.iter().map(|value| 1.0 / (1.0 + (-value).exp())).sum();
                (sum / speed).round_ties_even().max(1.0) as u32
            })
            .collect();
        go_on(stop)?;
        let melody = self.shared.apply(&aligned(&x, x.len() / ids.len(), &durations));
        seen("predictor.shared", &melody);
        seen("text_encoder", &phonemes);
        let sound = aligned(&phonemes, self.width, &durations);
        Ok(Read { durations, melody, sound })
    }

    #[cfg(test)]
    pub(crate) fn last(&self) -> &BiLstm {
        &self.last
    }
}

impl Phonemes {
    fn load(checkpoint: &mut Checkpoint, config: &Config) -> std::result::Result<Self, LoadError> {
        let (name, width) = ("text_encoder", config.hidden_dim);
        let shape = same(width, width, config.text_encoder_kernel_size, 1);
        let embedding = format!("{name}.embedding.weight");
        let embedding = checkpoint.take(&embedding, &[config.n_token, width])?;
        let filters = (0..config.n_layer).map(|i| {
            let name = format!("{name}.cnn.{i}");
            let weight = checkpoint.folded(&format!("{name}.0"), &[width, width, shape.taps])?;
            let bias = checkpoint.take(&format!("{name}.0.bias"), &[width])?;
            let gain = checkpoint.take(&format!("{name}.1.gamma"), &[width])?;
            let shift = checkpoint.take(&format!("{name}.1.beta"), &[width])?;
            Ok((Filter::new(shape, &weight, Some(&bias)), gain, shift))
        });
        let filters = filters.collect::<std::result::Result<_, LoadError>>()?;
        let lstm = bilstm(checkpoint, &format!("{name}.lstm"), width, width)?;
        Ok(Self { embedding, filters, lstm })
    }

    fn apply(&self, ids: &[u32], stop: Stop<'_>) -> Result<Vec<f32>> {
        let width = self.filters.first().map_or(0, |(filter, ..)| filter.shape().inputs);
        let mut x: Vec<f32> = ids
            .iter()
            .flat_map(|id| &self.embedding[*id as usize * width..][..width])
            .copied()
            .collect();
        // What comes out of a norm is bent on its way into the next filter.
        let mut entry = Entry::Plain;
        for (filter, gain, shift) in &self.filters {
            go_on(stop)?;
            x = apply(filter, &x, entry);
            normalise(&mut x, gain, shift);
            entry = Entry::Leaky(SLOPE);
        }
        for value in &mut x {
            *value = if *value < 0.0 { *value * SLOPE } else { *value };
        }
        go_on(stop)?;
        Ok(self.lstm.apply(&x))
    }
}

/// Ends what nobody wants any more.
pub(crate) fn go_on(stop: Stop<'_>) -> Result<()> {
    if stop() { Err(Halt::Cancelled) } else { Ok(()) }
}

fn apply(filter: &Filter, x: &[f32], entry: Entry<'_>) -> Vec<f32> {
    let job = Job { entry, onto: Onto::Nothing(Vec::new()), factor: 1.0, measured: false };
    filter.apply(x, job, &|| false).map_or_else(Vec::new, |(values, _)| values)
}

/// Each row of `x` [time, width], then the style.
fn with_style(x: &[f32], width: usize, style: &[f32]) -> Vec<f32> {
    x.chunks_exact(width).flat_map(|row| row.iter().chain(style)).copied().collect()
}

/// Each row as many times as it has frames.
fn aligned(x: &[f32], width: usize, durations: &[u32]) -> Vec<f32> {
    let rows = x.chunks_exact(width).zip(durations);
    rows.flat_map(|(row, duration)| std::iter::repeat_n(row, *duration as usize))
        .flatten()
        .copied()
        .collect()
}

/// The norm of each row.
fn normalise(x: &mut [f32], gain: &[f32], shift: &[f32]) {
    for row in x.chunks_exact_mut(gain.len()) {
        let count = row.len() as f64;
        let mean = row.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
        let squares = row.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
        let factor = (squares / count + EPSILON).sqrt().recip();
        for (value, (gain, shift)) in row.iter_mut().zip(gain.iter().zip(shift)) {
            *value = ((f64::from(*value) - mean) * factor) as f32 * gain + shift;
        }
    }
}

fn linear(
    checkpoint: &mut Checkpoint,
    name: &str,
    inputs: usize,
    outputs: usize,
) -> std::result::Result<Filter, LoadError> {
    let weight = checkpoint.take(&format!("{name}.weight"), &[outputs, inputs])?;
    let bias = checkpoint.take(&format!("{name}.bias"), &[outputs])?;
    let shape = FilterShape { padding: 0, ..same(inputs, outputs, 1, 1) };
    Ok(Filter::new(shape, &weight, Some(&bias)))
}

/// A layer whose both directions together make `width` values.
fn bilstm(
    checkpoint: &mut Checkpoint,
    name: &str,
    inputs: usize,
    width: usize,
) -> std::result::Result<BiLstm, LoadError> {
    let hidden = width / 2;
    let mut take = |kind: &str, shape: &[usize]| checkpoint.take(&format!("{name}.{kind}"), shape);
    let mut direction = |end: &str| {
        Ok::<_, LoadError>([
            take(&format!("weight_ih_l0{end}"), &[4 * hidden, inputs])?,
            take(&format!("weight_hh_l0{end}"), &[4 * hidden, hidden])?,
            take(&format!("bias_ih_l0{end}"), &[4 * hidden])?,
            take(&format!("bias_hh_l0{end}"), &[4 * hidden])?,
        ])
    };
    let both = [direction("")?, direction("_reverse")?];
    let directions = both.each_ref().map(|[input, recurrent, input_bias, recurrent_bias]| {
        Direction { input, recurrent, input_bias, recurrent_bias }
    });
    Ok(BiLstm::new(inputs, hidden, directions))
}
