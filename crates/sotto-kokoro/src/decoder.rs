//! From aligned text, pitch and loudness to the columns that the generator makes samples of.

use sotto_kernels::FilterShape;

use crate::LoadError;
use crate::block::{Block, BlockShape, folded, same};
use crate::checkpoint::Checkpoint;
use crate::config::Config;
use crate::generator::Generator;
use crate::maths::{Before, Maths, Next, Onto, Result};
use crate::source::Source;
use crate::spectrum::{Spectrum, WIDTH};

/// Channels between the blocks.
const INNER: usize = 1_024;
/// Channels of what is told again to each block.
const RESIDUE: usize = 64;
/// Blocks behind the first.
const BLOCKS: usize = 4;

pub(crate) struct Decoder<F, R> {
    pitch: F,
    loudness: F,
    residue: F,
    encode: Block<F, R>,
    decode: Vec<Block<F, R>>,
    pub(crate) generator: Generator<F, R>,
    pub(crate) source: Source,
    pub(crate) spectrum: Spectrum,
    text_width: usize,
}

/// What is said, and how: the host's.
#[derive(Clone, Copy)]
pub(crate) struct Score<'a> {
    /// [frames, text]
    pub text: &'a [f32],
    /// [2 · frames]
    pub pitch: &'a [f32],
    /// [2 · frames]
    pub loudness: &'a [f32],
    pub style: &'a [f32],
}

impl<F, R> Decoder<F, R> {
    pub(crate) fn load<M: Maths<Filter = F, Row = R>>(
        maths: &M,
        checkpoint: &mut Checkpoint,
        config: &Config,
    ) -> std::result::Result<Self, LoadError> {
        let (text, style) = (config.hidden_dim, config.style_dim);
        let name = "decoder";
        let halved = FilterShape { stride: 2, ..same(1, 1, 3, 1) };
        let pitch = folded(maths, checkpoint, &format!("{name}.F0_conv"), halved)?;
        let loudness = folded(maths, checkpoint, &format!("{name}.N_conv"), halved)?;
        let residue = same(text, RESIDUE, 1, 1);
        let residue = folded(maths, checkpoint, &format!("{name}.asr_res.0"), residue)?;
        let mut block = |which: String, inputs, outputs, doubles| {
            let shape = BlockShape { inputs, outputs, doubles, style };
            Block::load(maths, checkpoint, &format!("{name}.{which}"), shape)
        };
        let encode = block("encode".to_owned(), text + 2, INNER, false)?;
        let inputs = INNER + RESIDUE + 2;
        let last = config.istftnet.upsample_initial_channel;
        let decode = (0..BLOCKS).map(|i| {
            let doubles = i + 1 == BLOCKS;
            block(format!("decode.{i}"), inputs, if doubles { last } else { INNER }, doubles)
        });
        let decode = decode.collect::<std::result::Result<_, _>>()?;
        let generator = Generator::load(maths, checkpoint, &config.istftnet, style)?;
        let source = Source::load(checkpoint)?;
        let spectrum = Spectrum::new();
        Ok(Self {
            pitch,
            loudness,
            residue,
            encode,
            decode,
            generator,
            source,
            spectrum,
            text_width: text,
        })
    }

    /// The samples, 300 for each value of the pitch. `noise` is that of `Source::samples`.
    pub(crate) fn apply<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        score: Score<'_>,
        noise: &[f32],
    ) -> Result<Vec<f32>> {
        let source = self.source.samples(score.pitch, noise);
        let source = maths.signal(self.spectrum.analyse(&source), WIDTH)?;
        let x = self.columns(maths, score, |_, _| {})?;
        let columns = score.pitch.len();
        let spectra = self.generator.apply(maths, x, columns, &source, score.style)?;
        Ok(self.spectrum.synthesise(&spectra))
    }

    /// What the generator is given: [2 · frames, 512]. `seen` is shown what each block makes.
    pub(crate) fn columns<M: Maths<Filter = F, Row = R>>(
        &self,
        maths: &M,
        score: Score<'_>,
        seen: impl Fn(usize, &M::Signal),
    ) -> Result<M::Signal> {
        let apply = |filter: &F, x: &M::Signal| {
            maths.apply(filter, x, Before::Plain, Onto::Nothing, 1.0, Next::Other)
        };
        let signal = |values: &[f32], width| maths.signal(values.to_vec(), width);
        let pitch = apply(&self.pitch, &signal(score.pitch, 1)?)?;
        let loudness = apply(&self.loudness, &signal(score.loudness, 1)?)?;
        let text = signal(score.text, self.text_width)?;
        let residue = apply(&self.residue, &text)?;
        let all = maths.beside(&[&text, &pitch, &loudness])?;
        let mut x = self.encode.apply(maths, &all, score.style)?;
        seen(0, &x);
        for (index, block) in self.decode.iter().enumerate() {
            let all = maths.beside(&[&x, &residue, &pitch, &loudness])?;
            x = block.apply(maths, &all, score.style)?;
            seen(index + 1, &x);
        }
        Ok(x)
    }
}
