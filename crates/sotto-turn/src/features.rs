//! From samples to frames of 20 ms: seven convolutions, the first of them followed by a norm over time.

use candle_core::{DType, Tensor};
use sotto_kernels::{Activation, Entry, Filter, FilterShape, Job, Onto, activate};

use crate::LoadError;
use crate::clip::{Clip, WINDOW};
use crate::config::Config;
use crate::error::{Halt, Result, go_on};
use crate::layer::{Place, Reader};

/// Added to the variance over time.
const EPSILON: f64 = 1e-5;

pub(crate) struct Features {
    convolutions: Convolutions,
    /// Of the norm, by channel.
    gain: Vec<f32>,
    shift: Vec<f32>,
    /// Frames behind the first convolution that the norm counts: those of 16 s.
    counted: f64,
    place: Place,
}

enum Convolutions {
    Host(Vec<Filter>),
    /// Each [outputs, inputs, taps], and its stride.
    Device(Vec<(Tensor, usize)>),
}

/// What the first convolution made, and what its norm multiplies by and adds, by channel.
pub(crate) struct First {
    /// [frames, channels]
    pub values: Vec<f32>,
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

impl Features {
    pub(crate) fn load(
        read: &mut Reader<'_>,
        config: &Config,
    ) -> std::result::Result<Self, LoadError> {
        let layers = "wav2vec2.feature_extractor.conv_layers";
        let (mut filters, mut tensors) = (Vec::new(), Vec::new());
        let mut inputs = 1;
        let sizes = config.conv_dim.iter().zip(&config.conv_kernel).zip(&config.conv_stride);
        for (index, ((outputs, taps), stride)) in sizes.enumerate() {
            let (outputs, taps, stride) = (*outputs, *taps, *stride);
            let size = [outputs, inputs, taps];
            let weight = read.checkpoint.take(&format!("{layers}.{index}.conv.weight"), &size)?;
            if read.place.filters {
                let shape = FilterShape { inputs, outputs, taps, dilation: 1, stride, padding: 0 };
                filters.push(Filter::new(shape, &weight, None));
            } else {
                tensors.push((read.tensor(weight, &size)?, stride));
            }
            inputs = outputs;
        }
        let norm = format!("{layers}.0.layer_norm");
        let channels = config.conv_dim[0];
        Ok(Self {
            convolutions: if read.place.filters {
                Convolutions::Host(filters)
            } else {
                Convolutions::Device(tensors)
            },
            gain: read.checkpoint.take(&format!("{norm}.weight"), &[channels])?,
            shift: read.checkpoint.take(&format!("{norm}.bias"), &[channels])?,
            counted: config.first_frames(WINDOW) as f64,
            place: read.place.clone(),
        })
    }

    /// The frames of all clips [clips, frames, channels]; behind the end of a clip they hold anything.
    pub(crate) fn apply(&self, clips: &[Clip], stop: &dyn Fn() -> bool) -> Result<Tensor> {
        let frames = match &self.convolutions {
            Convolutions::Host(filters) => {
                let each = clips.iter().map(|clip| self.by_filters(filters, clip, stop));
                Tensor::cat(&each.collect::<Result<Vec<_>>>()?, 0)?
            }
            Convolutions::Device(tensors) => self.by_tensors(tensors, clips, stop)?,
        };
        Ok(activate(frames, Activation::Gelu)?)
    }

    fn by_filters(
        &self,
        filters: &[Filter],
        clip: &Clip,
        stop: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        let First { mut values, scale, shift } = self.first(&filters[0], clip, stop)?;
        let mut width = filters[0].shape().outputs;
        // Memory that was written before costs nothing to write again.
        let mut spare = Vec::new();
        for (index, filter) in filters.iter().enumerate().skip(1) {
            let entry = match index {
                1 => Entry::ScaledGelu { scale: &scale, shift: &shift },
                _ => Entry::Gelu,
            };
            let job = Job { entry, onto: Onto::Nothing(spare), factor: 1.0, measured: false };
            let (made, _) = filter.apply(&values, job, stop).ok_or(Halt::Cancelled)?;
            spare = std::mem::replace(&mut values, made);
            width = filter.shape().outputs;
        }
        let frames = values.len() / width;
        Ok(Tensor::from_vec(values, (1, frames, width), &self.place.device)?)
    }

    fn first(&self, filter: &Filter, clip: &Clip, stop: &dyn Fn() -> bool) -> Result<First> {
        let job = Job {
            entry: Entry::Plain,
            onto: Onto::Nothing(Vec::new()),
            factor: 1.0,
            measured: true,
        };
        let (values, measured) = filter.apply(&clip.samples, job, stop).ok_or(Halt::Cancelled)?;
        // There is no bias: of the zeros that are not here, zeros would have come.
        let part = (values.len() / filter.shape().outputs) as f64 / self.counted;
        let moments = measured.mean().iter().zip(measured.variance());
        let by_channel = moments.zip(self.gain.iter().zip(&self.shift)).map(
            |((mean, variance), (gain, shift))| {
                let square = (variance + mean * mean) * part;
                let mean = mean * part;
                let scale = f64::from(*gain) / (square - mean * mean + EPSILON).sqrt();
                (scale as f32, (f64::from(*shift) - mean * scale) as f32)
            },
        );
        let (scale, shift) = by_channel.unzip();
        Ok(First { values, scale, shift })
    }

    fn by_tensors(
        &self,
        convolutions: &[(Tensor, usize)],
        clips: &[Clip],
        stop: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        let Place { device, dtype, .. } = &self.place;
        let longest = clips.iter().map(|clip| clip.samples.len()).max().unwrap_or_default();
        let mut samples = Vec::with_capacity(clips.len() * longest);
        for (index, clip) in clips.iter().enumerate() {
            samples.extend_from_slice(&clip.samples);
            samples.resize((index + 1) * longest, 0.0);
        }
        let x = Tensor::from_vec(samples, (clips.len(), 1, longest), device)?;
        let mut x = x.to_dtype(*dtype)?;
        for (index, (weight, stride)) in convolutions.iter().enumerate() {
            go_on(stop)?;
            if index > 0 {
                x = activate(x, Activation::Gelu)?;
            }
            x = x.conv1d(weight, 0, *stride, 1, 1)?;
            if index == 0 {
                x = self.normed(&x)?;
            }
        }
        Ok(x.transpose(1, 2)?.contiguous()?)
    }

    /// The norm over time of x [clips, channels, frames].
    fn normed(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let column = |values: &[f32]| Tensor::from_slice(values, (1, values.len(), 1), x.device());
        let wide = x.to_dtype(DType::F32)?;
        let mean = (wide.sum_keepdim(2)? / self.counted)?;
        let square = (wide.sqr()?.sum_keepdim(2)? / self.counted)?;
        let deviation = ((square - mean.sqr()?)? + EPSILON)?.sqrt()?;
        let scale = deviation.recip()?.broadcast_mul(&column(&self.gain)?)?;
        let shift = column(&self.shift)?.broadcast_sub(&(mean * &scale)?)?;
        wide.broadcast_mul(&scale)?.broadcast_add(&shift)?.to_dtype(x.dtype())
    }

    /// What comes out of the norm. [frames, channels]
    #[cfg(test)]
    pub(crate) fn first_normed(&self, clip: &Clip) -> Vec<f32> {
        let Convolutions::Host(filters) = &self.convolutions else {
            panic!("there are no filters")
        };
        let First { values, scale, shift } = self.first(&filters[0], clip, &|| false).unwrap();
        let by_channel = scale.iter().zip(&shift).cycle();
        values.iter().zip(by_channel).map(|(x, (scale, shift))| x * scale + shift).collect()
    }
}
