//! What tells a frame where it is: a convolution over 128 frames around it, in 16 groups of channels that do not see
//! each other.

use candle_core::Tensor;
use sotto_kernels::{Activation, Entry, Filter, FilterShape, Job, Onto, activate};

use crate::LoadError;
use crate::config::Config;
use crate::error::{Halt, Result, go_on};
use crate::layer::{Reader, read};

/// Values of frames, as they are spread out for one product on a device: more are computed in parts. 512 MB in f32.
const SPREAD: usize = 1 << 27;

pub(crate) struct Positions {
    groups: Groups,
    shape: FilterShape,
}

enum Groups {
    Host(Vec<Filter>),
    Device {
        /// [groups, taps · inputs, outputs]
        weight: Tensor,
        /// [groups · outputs]
        bias: Tensor,
        groups: usize,
    },
}

impl Positions {
    pub(crate) fn load(
        reader: &mut Reader<'_>,
        config: &Config,
    ) -> std::result::Result<Self, LoadError> {
        let (width, taps) = (config.hidden_size, config.num_conv_pos_embeddings);
        let groups = config.num_conv_pos_embedding_groups;
        let each = width / groups;
        let name = "wav2vec2.encoder.pos_conv_embed.conv";
        let weight = reader.checkpoint.folded(name, &[width, each, taps])?;
        let bias = reader.checkpoint.take(&format!("{name}.bias"), &[width])?;
        let padding = taps / 2;
        let shape =
            FilterShape { inputs: each, outputs: each, taps, dilation: 1, stride: 1, padding };
        let groups = if reader.place.filters {
            let parts = weight.chunks_exact(each * each * taps).zip(bias.chunks_exact(each));
            let filters = parts.map(|(weight, bias)| Filter::new(shape, weight, Some(bias)));
            Groups::Host(filters.collect())
        } else {
            let weight = reader.tensor(weight, &[groups, each, each, taps])?;
            let weight = weight.permute((0, 3, 2, 1))?.contiguous()?;
            let weight = weight.reshape((groups, taps * each, each))?;
            Groups::Device { weight, bias: reader.tensor(bias, &[width])?, groups }
        };
        Ok(Self { groups, shape })
    }

    /// x [batch, time, width], and its positions added.
    pub(crate) fn apply(&self, x: &Tensor, stop: &dyn Fn() -> bool) -> Result<Tensor> {
        let positions = match &self.groups {
            Groups::Host(filters) => self.by_filters(filters, x, stop)?,
            Groups::Device { weight, bias, groups } => {
                go_on(stop)?;
                let (batch, time, _) = x.dims3()?;
                let size = time * self.shape.taps * self.shape.inputs * groups;
                let together = (SPREAD / size).clamp(1, batch);
                let parts = (0..batch).step_by(together).map(|first| {
                    let part = x.narrow(0, first, together.min(batch - first))?;
                    self.by_tensors(weight, &part)
                });
                let parts = parts.collect::<candle_core::Result<Vec<_>>>()?;
                Tensor::cat(&parts, 0)?.broadcast_add(bias)?
            }
        };
        Ok((x + activate(positions, Activation::Gelu)?)?)
    }

    fn by_filters(
        &self,
        filters: &[Filter],
        x: &Tensor,
        stop: &dyn Fn() -> bool,
    ) -> Result<Tensor> {
        let (batch, time, width) = x.dims3()?;
        let each = self.shape.inputs;
        let mut all = vec![0.0; batch * time * width];
        let (mut group, mut made) = (Vec::with_capacity(time * each), Vec::new());
        let turns = read(x, <[f32]>::to_vec)?;
        for (turn, all) in turns.chunks_exact(time * width).zip(all.chunks_exact_mut(time * width))
        {
            for (index, filter) in filters.iter().enumerate() {
                group.clear();
                for row in turn.chunks_exact(width) {
                    group.extend_from_slice(&row[index * each..][..each]);
                }
                let onto = Onto::Nothing(made);
                let job = Job { entry: Entry::Plain, onto, factor: 1.0, measured: false };
                // There is a frame more than went in, which the reference drops.
                (made, _) = filter.apply(&group, job, stop).ok_or(Halt::Cancelled)?;
                for (all, made) in all.chunks_exact_mut(width).zip(made.chunks_exact(each)) {
                    all[index * each..][..each].copy_from_slice(made);
                }
            }
        }
        Ok(Tensor::from_vec(all, x.shape(), x.device())?)
    }

    /// All groups in one product: the frames around each frame are laid side by side, group by group.
    fn by_tensors(&self, weight: &Tensor, x: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, time, width) = x.dims3()?;
        let FilterShape { inputs, taps, padding, .. } = self.shape;
        let groups = width / inputs;
        let around = x.pad_with_zeros(1, padding, padding)?;
        let around = around.reshape((batch, time + 2 * padding, groups, inputs))?;
        let around = around.permute((2, 0, 1, 3))?.contiguous()?;
        let places: Vec<u32> =
            (0..time).flat_map(|frame| (frame..frame + taps).map(|place| place as u32)).collect();
        let places = Tensor::from_vec(places, time * taps, x.device())?;
        let spread = around.index_select(&places, 2)?;
        let spread = spread.reshape((groups, batch * time, taps * inputs))?;
        let made = spread.matmul(weight)?.reshape((groups, batch, time, inputs))?;
        made.permute((1, 2, 0, 3))?.contiguous()?.reshape((batch, time, width))
    }
}
