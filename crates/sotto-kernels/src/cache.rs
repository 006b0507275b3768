//! Keys and values that are kept for attention.

use std::ops::Range;

use candle_core::{Result, Tensor};

/// Keys and values of what was read before: each [slots, heads, positions, width of a head], contiguous.
#[derive(Debug)]
pub struct Cache {
    /// What queries are compared with.
    pub keys: Tensor,
    /// What they take from there.
    pub values: Tensor,
}

impl Cache {
    /// Those of some slots.
    pub fn of(&self, slots: Range<usize>) -> Result<Self> {
        let part = |x: &Tensor| x.narrow(0, slots.start, slots.len());
        Ok(Self { keys: part(&self.keys)?, values: part(&self.values)? })
    }

    /// Writes new keys and values [slots, heads, time, width of a head] into some slots, in each after the
    /// positions that it has.
    pub fn write(
        &self,
        slots: Range<usize>,
        keys: &Tensor,
        values: &Tensor,
        before: &[usize],
    ) -> Result<()> {
        let (count, heads, time, width) = keys.dims4()?;
        let onto = self.of(slots)?;
        if count > 1 && time == 1 && !keys.device().is_cpu() {
            // One operation, wherever each slot has come to.
            let before: Vec<u32> = before.iter().map(|before| *before as u32).collect();
            let places = Tensor::from_vec(before, (count, 1, 1, 1), keys.device())?;
            let places = places.broadcast_as((count, heads, 1, width))?.contiguous()?;
            onto.keys.scatter_set(&places, keys, 2)?;
            return onto.values.scatter_set(&places, values, 2);
        }
        for (i, before) in before.iter().enumerate() {
            let onto = onto.of(i..i + 1)?;
            onto.keys.slice_set(&keys.narrow(0, i, 1)?, 2, *before)?;
            onto.values.slice_set(&values.narrow(0, i, 1)?, 2, *before)?;
        }
        Ok(())
    }
}
