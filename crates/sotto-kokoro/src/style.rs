//! How a voice bends what passes through the model: a norm whose scale and shift are its own.

use crate::LoadError;
use crate::checkpoint::Checkpoint;

/// What is added to a variance.
pub(crate) const EPSILON: f64 = 1e-5;

/// `gain · normed + shift` of each channel.
#[derive(Debug, Clone)]
pub(crate) struct Norm {
    pub gain: Vec<f32>,
    pub shift: Vec<f32>,
}

/// From a style to a norm.
#[derive(Debug)]
pub(crate) struct StyleNorm {
    /// [2 · channels, style]
    weight: Vec<f32>,
    bias: Vec<f32>,
    /// Gain and shift that the norm has anyway, if it has them.
    own: Option<Norm>,
    channels: usize,
}

impl StyleNorm {
    /// `name` holds `fc`, and maybe `norm`.
    pub(crate) fn load(
        checkpoint: &mut Checkpoint,
        name: &str,
        style: usize,
        channels: usize,
    ) -> Result<Self, LoadError> {
        let gain = checkpoint.find(&format!("{name}.norm.weight"), &[channels])?;
        let shift = checkpoint.find(&format!("{name}.norm.bias"), &[channels])?;
        Ok(Self {
            weight: checkpoint.take(&format!("{name}.fc.weight"), &[2 * channels, style])?,
            bias: checkpoint.take(&format!("{name}.fc.bias"), &[2 * channels])?,
            own: gain.zip(shift).map(|(gain, shift)| Norm { gain, shift }),
            channels,
        })
    }

    /// The norm of this style.
    pub(crate) fn of(&self, style: &[f32]) -> Norm {
        let rows = self.weight.chunks_exact(style.len()).zip(&self.bias);
        let mut gain: Vec<f32> = rows
            .map(|(row, bias)| row.iter().zip(style).map(|(a, b)| a * b).sum::<f32>() + bias)
            .collect();
        let mut shift = gain.split_off(self.channels);
        for value in &mut gain {
            *value += 1.0;
        }
        if let Some(own) = &self.own {
            for ((gain, shift), (own_gain, own_shift)) in
                gain.iter_mut().zip(&mut shift).zip(own.gain.iter().zip(&own.shift))
            {
                *shift += *gain * own_shift;
                *gain *= own_gain;
            }
        }
        Norm { gain, shift }
    }
}
