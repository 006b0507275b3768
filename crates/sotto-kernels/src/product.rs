//! Matrix products on the processor, checked before they are left to the `gemm` crate.

use gemm::Parallelism;

/// A matrix in somebody's memory. Its rows may overlap.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

/// A matrix to be written: its rows are contiguous and do not overlap.
pub(super) struct ViewMut<'a> {
    values: &'a mut [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
}

impl<'a> View<'a> {
    /// `rows` rows of `columns` values, each `row_step` after the one before.
    ///
    /// # Panics
    /// If `values` does not hold them.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize, row_step: usize) -> Self {
        assert!(rows == 0 || columns == 0 || (rows - 1) * row_step + columns <= values.len());
        Self { values, rows, columns, row_step, column_step: 1 }
    }

    /// The same values, rows for columns.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }
}

impl<'a> ViewMut<'a> {
    /// `rows` rows of `columns` values, each `row_step` after the one before.
    ///
    /// # Panics
    /// If `values` does not hold them, or rows overlap.
    pub(super) fn new(values: &'a mut [f32], rows: usize, columns: usize, row_step: usize) -> Self {
        assert!(columns <= row_step || rows <= 1);
        assert!(rows == 0 || columns == 0 || (rows - 1) * row_step + columns <= values.len());
        Self { values, rows, columns, row_step }
    }
}

/// What happens to what the result's place holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// It is written over.
    Forgotten,
    /// The product is added to it.
    Kept,
}

/// `onto = left · right`, or `onto += left · right`, on `threads` threads of the current pool.
///
/// # Panics
/// If the shapes do not fit.
#[expect(unsafe_code, reason = "the product itself; all that it touches is checked here")]
pub(super) fn multiply(
    left: View<'_>,
    right: View<'_>,
    onto: &mut ViewMut<'_>,
    before: Before,
    threads: usize,
) {
    assert_eq!(left.columns, right.rows);
    assert_eq!((left.rows, right.columns), (onto.rows, onto.columns));
    if onto.rows == 0 || onto.columns == 0 {
        return;
    }
    let parallelism = if threads > 1 { Parallelism::Rayon(threads) } else { Parallelism::None };
    // SAFETY: every view holds all its rows and columns (checked where it was made), the shapes fit (checked
    // above), and the result's memory is borrowed for it alone.
    unsafe {
        gemm::gemm(
            onto.rows,
            onto.columns,
            left.columns,
            onto.values.as_mut_ptr(),
            1,
            onto.row_step as isize,
            before == Before::Kept,
            left.values.as_ptr(),
            left.column_step as isize,
            left.row_step as isize,
            right.values.as_ptr(),
            right.column_step as isize,
            right.row_step as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_over_overlapping_rows_is_a_convolution() {
        let x = [1.0, 2.0, 3.0, 4.0];
        let weights = [1.0, 10.0];
        let mut y = [0.5; 3];
        let windows = View::new(&x, 3, 2, 1);
        let kernel = View::new(&weights, 1, 2, 2).transposed();
        let mut onto = ViewMut::new(&mut y, 3, 1, 1);
        multiply(windows, kernel, &mut onto, Before::Kept, 1);
        assert_eq!(y.map(f32::to_bits), [21.5_f32, 32.5, 43.5].map(f32::to_bits));
        multiply(windows, kernel, &mut ViewMut::new(&mut y, 3, 1, 1), Before::Forgotten, 2);
        assert_eq!(y.map(f32::to_bits), [21.0_f32, 32.0, 43.0].map(f32::to_bits));
    }

    #[test]
    #[should_panic(expected = "assertion")]
    fn a_view_beyond_its_values_is_refused() {
        let _ = View::new(&[0.0; 5], 2, 3, 3);
    }
}
