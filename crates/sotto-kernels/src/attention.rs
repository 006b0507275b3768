//! Attention that never holds a whole matrix of scores on a processor: over the encoder's 1,500 frames this would be
//! 54 MB a layer, and moving it takes longer than computing it.

use std::ops::Range;

use candle_core::{
    CpuStorage, CustomOp1, CustomOp3, D, DType, Device, Layout, Result, Shape, Tensor,
};
use rayon::prelude::*;

use super::cache::Cache;
use super::elementwise::{exponentials, softmax};
use super::product::{Before, View, ViewMut, multiply};
use super::{is_ours, values};

/// Rows of queries worked on together: their scores stay in a core's cache.
const ROWS: Range<usize> = 32..129;

/// How much of a cache each query may see.
#[derive(Debug)]
pub struct Reading {
    /// For each utterance: how many positions its first query sees. `None`: only the mask knows.
    visible: Option<Vec<usize>>,
    /// Whether each query sees one position more than the one before.
    causal: bool,
    /// For the tensors that are not ours, see [`masks`]; `None` if a query may look everywhere.
    /// [utterances, 1, time, positions]
    mask: Option<Tensor>,
    /// Positions that any of them sees.
    positions: usize,
}

impl Reading {
    /// Of `time` new positions in each utterance, which come after `before` others: each sees itself and what is
    /// before it.
    pub fn causal(before: &[usize], time: usize, device: &Device) -> Result<Self> {
        let visible = before.iter().map(|before| before + 1).collect();
        Self::new(visible, time, true, device)
    }

    /// Of everything that there is: so many positions of each utterance.
    pub fn whole(visible: &[usize], device: &Device) -> Result<Self> {
        Self::new(visible.to_vec(), 1, false, device)
    }

    /// Of one query in each utterance, which looks at the first `positions` but for those that a mask
    /// [utterances, 1, 1, positions] hides (see [`masks`]). The host does not know how many these are.
    pub fn masked(mask: Option<Tensor>, positions: usize) -> Self {
        Self { visible: None, causal: false, mask, positions }
    }

    fn new(visible: Vec<usize>, time: usize, causal: bool, device: &Device) -> Result<Self> {
        let more = if causal { time - 1 } else { 0 };
        let positions = visible.iter().max().copied().unwrap_or_default() + more;
        let is_full = more == 0 && visible.iter().all(|visible| *visible == positions);
        let mask = (!device.is_cpu() && !is_full).then(|| {
            let more = |row: usize| if causal { row } else { 0 };
            let rows = |visible: &usize| {
                let visible = *visible;
                (0..time).map(move |row| visible + more(row))
            };
            let seen: Vec<usize> = visible.iter().flat_map(rows).collect();
            masks(&seen, positions, device)?.reshape((visible.len(), 1, time, positions))
        });
        Ok(Self { visible: Some(visible), causal, mask: mask.transpose()?, positions })
    }
}

/// What is added to scores: zero for the first positions, as many as a row sees, and minus infinity for the others.
/// [rows, positions], f32
pub fn masks(visible: &[usize], positions: usize, device: &Device) -> Result<Tensor> {
    let row = |visible: &usize| {
        let visible = *visible;
        (0..positions).map(move |i| if i < visible { 0.0_f32 } else { f32::NEG_INFINITY })
    };
    let rows: Vec<f32> = visible.iter().flat_map(row).collect();
    Tensor::from_vec(rows, (visible.len(), positions), device)
}

/// What every position sees in every other: of the encoder's queries, keys and values [batch, time, 3 · width] of
/// `heads` heads. The scale is in the queries.
pub fn attend_self(qkv: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, time, _) = qkv.dims3()?;
    attend_self_within(qkv, heads, &Reading::whole(&vec![time; batch], qkv.device())?)
}

/// [`attend_self`], but each utterance's positions, all of them, look at its first ones alone: as many as a
/// [`Reading::whole`] says, which is at least one.
pub fn attend_self_within(qkv: &Tensor, heads: usize, reading: &Reading) -> Result<Tensor> {
    if let Some(visible) = reading.visible.as_ref().filter(|_| is_ours(qkv)) {
        return qkv.apply_op1_no_bwd(&Everywhere { heads, visible });
    }
    let (batch, time, width) = qkv.dims3()?;
    let split = qkv.reshape((batch, time, 3, heads, width / 3 / heads))?;
    let part = |i: usize, time: usize| {
        split.narrow(1, 0, time)?.narrow(2, i, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous()
    };
    let (q, k, v) = (part(0, time)?, part(1, reading.positions)?, part(2, reading.positions)?);
    merge_heads(&attend_tensors(&q, &k, &v, reading.mask.as_ref())?)
}

/// What queries [utterances, time, width] see in a cache. The scale is in the queries.
pub fn attend(q: &Tensor, cache: &Cache, reading: &Reading) -> Result<Tensor> {
    if let Some(visible) = reading.visible.as_ref().filter(|_| is_ours(q)) {
        let op = Remembered { visible, causal: reading.causal };
        return q.apply_op3_no_bwd(&cache.keys, &cache.values, &op);
    }
    let keys = cache.keys.narrow(2, 0, reading.positions)?;
    let values = cache.values.narrow(2, 0, reading.positions)?;
    let heads = keys.dim(1)?;
    let q = split_heads(q, heads)?;
    merge_heads(&attend_tensors(&q, &keys, &values, reading.mask.as_ref())?)
}

/// softmax(q · kᵀ + mask) · v, the softmax in f32.
fn attend_tensors(q: &Tensor, k: &Tensor, v: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let scores = q.matmul(&k.t()?)?.to_dtype(DType::F32)?;
    let scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores,
    };
    softmax(&scores)?.to_dtype(v.dtype())?.matmul(v)
}

/// [batch, time, width] to [batch, heads, time, width of a head], contiguous.
pub fn split_heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (batch, time, width) = x.dims3()?;
    x.reshape((batch, time, heads, width / heads))?.transpose(1, 2)?.contiguous()
}

fn merge_heads(x: &Tensor) -> Result<Tensor> {
    x.transpose(1, 2)?.contiguous()?.flatten_from(D::Minus2)
}

struct Everywhere<'a> {
    heads: usize,
    /// Positions that are looked at, of each utterance.
    visible: &'a [usize],
}

impl CustomOp1 for Everywhere<'_> {
    fn name(&self) -> &'static str {
        "attend-self"
    }

    fn cpu_fwd(&self, qkv: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, time, step) = layout.shape().dims3()?;
        let width = step / 3;
        let head = width / self.heads;
        let qkv = values(qkv, layout)?;
        let mut out = vec![0.0; batch * time * width];
        // Enough pieces that no thread waits long for the last.
        let rows = (time / (4 * rayon::current_num_threads())).clamp(ROWS.start, ROWS.end - 1);
        let utterances = out.par_chunks_mut(time * width).zip(qkv.par_chunks(time * step));
        utterances.zip(self.visible).for_each(|((out, qkv), visible)| {
            let visible = *visible;
            let blocks = out.par_chunks_mut(rows * width).enumerate();
            blocks.for_each_init(
                || vec![0.0; rows * visible],
                |scores, (block, out)| {
                    let count = out.len() / width;
                    let queries = &qkv[block * rows * step..];
                    for at in (0..width).step_by(head) {
                        let q = View::new(&queries[at..], count, head, step);
                        let k = View::new(&qkv[width + at..], visible, head, step);
                        let v = View::new(&qkv[2 * width + at..], visible, head, step);
                        let scores = &mut scores[..count * visible];
                        let onto = &mut ViewMut::new(scores, count, visible, visible);
                        multiply(q, k.transposed(), onto, Before::Forgotten, 1);
                        let mut scales = [0.0; ROWS.end];
                        let rows = scores.chunks_exact_mut(visible);
                        for (scale, row) in scales.iter_mut().zip(rows) {
                            *scale = exponentials(row);
                        }
                        let p = View::new(scores, count, visible, visible);
                        let onto = &mut ViewMut::new(&mut out[at..], count, head, width);
                        multiply(p, v, onto, Before::Forgotten, 1);
                        for (scale, row) in scales.iter().zip(out.chunks_exact_mut(width)) {
                            for value in &mut row[at..at + head] {
                                *value *= scale;
                            }
                        }
                    }
                },
            );
        });
        Ok((CpuStorage::F32(out), Shape::from((batch, time, width))))
    }
}

struct Remembered<'a> {
    visible: &'a [usize],
    causal: bool,
}

impl CustomOp3 for Remembered<'_> {
    fn name(&self) -> &'static str {
        "attend"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (batch, time, width) = q_layout.shape().dims3()?;
        let (_, heads, positions, head) = k_layout.shape().dims4()?;
        let (q, k, v) = (values(q, q_layout)?, values(k, k_layout)?, values(v, v_layout)?);
        // A head of all queries of an utterance at a time; they are put side by side afterwards.
        let mut by_head = vec![0.0; batch * width * time];
        by_head.par_chunks_mut(time * head).enumerate().for_each_init(
            || vec![0.0; positions],
            |scores, (i, out)| {
                let (utterance, h) = (i / heads, i % heads);
                let k = &k[i * positions * head..][..positions * head];
                let v = &v[i * positions * head..][..positions * head];
                for (t, out) in out.chunks_exact_mut(head).enumerate() {
                    let q = &q[(utterance * time + t) * width + h * head..][..head];
                    let seen = self.visible[utterance] + if self.causal { t } else { 0 };
                    pulp::Arch::new().dispatch(|| attend_row(q, k, v, &mut scores[..seen], out));
                }
            },
        );
        if time == 1 {
            return Ok((CpuStorage::F32(by_head), Shape::from((batch, time, width))));
        }
        let mut out = vec![0.0; batch * time * width];
        for (i, heads_of) in by_head.chunks_exact(time * head).enumerate() {
            let (utterance, h) = (i / heads, i % heads);
            for (t, row) in heads_of.chunks_exact(head).enumerate() {
                out[(utterance * time + t) * width + h * head..][..head].copy_from_slice(row);
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((batch, time, width))))
    }
}

/// One query over the first positions of a head, as many as there are `scores`.
#[inline(always)]
fn attend_row(query: &[f32], keys: &[f32], values: &[f32], scores: &mut [f32], out: &mut [f32]) {
    const LANES: usize = 16;
    let (query_blocks, query_rest) = query.as_chunks::<LANES>();
    for (score, key) in scores.iter_mut().zip(keys.chunks_exact(query.len())) {
        let mut sums = [0.0_f32; LANES];
        let (blocks, rest) = key.as_chunks::<LANES>();
        for (a, b) in query_blocks.iter().zip(blocks) {
            for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                *sum += a * b;
            }
        }
        let rest: f32 = query_rest.iter().zip(rest).map(|(a, b)| a * b).sum();
        *score = sums.into_iter().sum::<f32>() + rest;
    }
    let scale = exponentials(scores);
    out.fill(0.0);
    for (score, value) in scores.iter().zip(values.chunks_exact(query.len())) {
        for (out, value) in out.iter_mut().zip(value) {
            *out += score * value;
        }
    }
    for out in out {
        *out *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{largest_difference, random};

    const HEADS: usize = 3;

    fn cache() -> Cache {
        let [keys, values] = ["keys", "values"].map(|name| random(name, &[2, HEADS, 40, 20]));
        Cache { keys, values }
    }

    #[test]
    fn self_attention_is_the_composed_one() {
        for time in [1, 31, 200] {
            let qkv = random("qkv", &[2, time, 3 * HEADS * 20]);
            let split = qkv.reshape((2, time, 3, HEADS, 20)).unwrap();
            let part = |i: usize| {
                let part = split.narrow(2, i, 1).unwrap().squeeze(2).unwrap();
                part.transpose(1, 2).unwrap().contiguous().unwrap()
            };
            let theirs = attend_tensors(&part(0), &part(1), &part(2), None).unwrap();
            let ours = attend_self(&qkv, HEADS).unwrap();
            assert!(largest_difference(&ours, &merge_heads(&theirs).unwrap()) < 1e-5);
        }
    }

    #[test]
    fn self_attention_sees_no_more_than_it_may() {
        let (time, visible) = (90, [90, 41]);
        let qkv = random("qkv", &[2, time, 3 * HEADS * 20]);
        let reading = Reading::whole(&visible, &Device::Cpu).unwrap();
        let ours = attend_self_within(&qkv, HEADS, &reading).unwrap();
        let masks = masks(&visible, time, &Device::Cpu).unwrap().reshape((2, 1, 1, time)).unwrap();
        let masked = Reading::masked(Some(masks), time);
        let theirs = attend_self_within(&qkv, HEADS, &masked).unwrap();
        assert!(largest_difference(&ours, &theirs) < 1e-5);
        assert!(largest_difference(&ours, &attend_self(&qkv, HEADS).unwrap()) > 1e-2);
    }

    #[test]
    fn what_a_mask_hides_is_not_seen() {
        let cache = cache();
        let q = random("q", &[2, 1, HEADS * 20]);
        let counted = Reading::whole(&[7, 30], &Device::Cpu).unwrap();
        let mask = masks(&[7, 30], 32, &Device::Cpu).unwrap().reshape((2, 1, 1, 32)).unwrap();
        let masked = Reading::masked(Some(mask), 32);
        let [counted, masked] = [counted, masked].map(|how| attend(&q, &cache, &how).unwrap());
        assert!(largest_difference(&counted, &masked) < 1e-5);
        let everything = attend(&q, &cache, &Reading::masked(None, 40)).unwrap();
        assert!(largest_difference(&everything, &masked) > 1e-2);
    }

    #[test]
    fn what_is_remembered_is_read_as_far_as_it_may_be() {
        let cache = cache();
        for (time, before) in [(1, [7, 30]), (5, [0, 12])] {
            let q = random("q", &[2, time, HEADS * 20]);
            let reading = Reading::causal(&before, time, &Device::Cpu).unwrap();
            let ours = attend(&q, &cache, &reading).unwrap();
            for (utterance, before) in before.into_iter().enumerate() {
                for t in 0..time {
                    let seen = before + t + 1;
                    let part =
                        |x: &Tensor| x.narrow(0, utterance, 1).unwrap().narrow(2, 0, seen).unwrap();
                    let q = q.narrow(0, utterance, 1).unwrap().narrow(1, t, 1).unwrap();
                    let q = split_heads(&q, HEADS).unwrap();
                    let (keys, values) = (part(&cache.keys), part(&cache.values));
                    let theirs = attend_tensors(&q, &keys, &values, None).unwrap();
                    let ours = ours.narrow(0, utterance, 1).unwrap().narrow(1, t, 1).unwrap();
                    let theirs = merge_heads(&theirs).unwrap();
                    assert!(largest_difference(&ours, &theirs) < 1e-5);
                }
            }
        }
    }
}
