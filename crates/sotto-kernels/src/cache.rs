//! Keys and values that are kept for attention.

use std::ops::Range;

use candle_core::{Result, Tensor};

/// Keys and values of what was read before: each [slots, heads, positions, width of a head], contiguous. A clone
/// is the same memory.
#[derive(Debug, Clone)]
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
        let onto = self.of(slots)?;
        for (i, before) in before.iter().enumerate() {
            let onto = onto.of(i..i + 1)?;
            onto.keys.slice_set(&keys.narrow(0, i, 1)?, 2, *before)?;
            onto.values.slice_set(&values.narrow(0, i, 1)?, 2, *before)?;
        }
        Ok(())
    }

    /// Writes new keys and values [slots, heads, 1, width of a head] into the first slots, in each at its own of
    /// some `places` ([`Self::places`]): one operation, in which no position passes through the host.
    pub fn put(&self, keys: &Tensor, values: &Tensor, places: &Tensor) -> Result<()> {
        let onto = self.of(0..places.dim(0)?)?;
        onto.keys.scatter_set(places, keys, 2)?;
        onto.values.scatter_set(places, values, 2)
    }

    /// For [`Self::put`], and for all caches of this shape: a position for each of the first slots [slots], u32.
    pub fn places(&self, positions: &Tensor) -> Result<Tensor> {
        let (_, heads, _, width) = self.keys.dims4()?;
        let slots = positions.dim(0)?;
        positions.reshape((slots, 1, 1, 1))?.broadcast_as((slots, heads, 1, width))?.contiguous()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::testing::random;

    #[test]
    fn it_is_all_the_same_who_knows_the_positions() {
        let new = || {
            let zeros = || Tensor::zeros((4, 2, 10, 6), DType::F32, &Device::Cpu).unwrap();
            Cache { keys: zeros(), values: zeros() }
        };
        let (by_host, by_tensor) = (new(), new());
        for before in [[0_usize, 9, 4], [1, 0, 4]] {
            let (keys, values) = (random("keys", &[3, 2, 1, 6]), random("values", &[3, 2, 1, 6]));
            by_host.write(0..3, &keys, &values, &before).unwrap();
            let positions = Tensor::new(before.map(|p| p as u32).as_slice(), &Device::Cpu).unwrap();
            let places = by_tensor.places(&positions).unwrap();
            by_tensor.put(&keys, &values, &places).unwrap();
        }
        let all = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(all(&by_host.keys), all(&by_tensor.keys));
        assert_eq!(all(&by_host.values), all(&by_tensor.values));
        assert_eq!(all(&by_host.keys).iter().filter(|x| **x != 0.0).count(), 5 * 12);
    }
}
