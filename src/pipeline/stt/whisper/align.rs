//! When each token was said, from where the decoder looks while it writes it.
//!
//! Reference: `find_alignment` of openai/whisper 20250625, step by step.

/// Frames that the attention is smoothed over.
const MEDIAN: usize = 7;

/// The frame in which each row begins: of `attention` [heads, rows, frames], of which the rows from `first` to
/// `last` (inclusive) are told apart. As many numbers as there are of those.
pub(super) fn starts(
    attention: &[f32],
    (heads, rows, frames): (usize, usize, usize),
    (first, last): (usize, usize),
) -> Vec<usize> {
    let count = last + 1 - first;
    let mut mean = vec![0.0_f32; count * frames];
    for head in attention.chunks_exact(rows * frames) {
        let normed = standardised(head, rows, frames);
        for row in 0..count {
            let smooth = median(&normed[(first + row) * frames..][..frames]);
            for (sum, value) in mean[row * frames..].iter_mut().zip(smooth) {
                *sum += value / heads as f32;
            }
        }
    }
    path(&mean, count, frames)
}

/// Each frame's values over all rows, less their mean and over their standard deviation.
fn standardised(head: &[f32], rows: usize, frames: usize) -> Vec<f32> {
    let mut out = head.to_vec();
    for frame in 0..frames {
        let column = || (0..rows).map(|row| f64::from(head[row * frames + frame]));
        let mean = column().sum::<f64>() / rows as f64;
        let variance = column().map(|x| (x - mean).powi(2)).sum::<f64>() / rows as f64;
        let deviation = variance.sqrt();
        for row in 0..rows {
            let value = &mut out[row * frames + frame];
            *value =
                if deviation > 0.0 { ((f64::from(*value) - mean) / deviation) as f32 } else { 0.0 };
        }
    }
    out
}

/// The median of each frame and those around it; the ends are reflected.
fn median(row: &[f32]) -> Vec<f32> {
    const HALF: isize = MEDIAN as isize / 2;
    let last = row.len() as isize - 1;
    if last < HALF {
        return row.to_vec();
    }
    let reflected = |i: isize| if i > last { 2 * last - i } else { i.abs() };
    let around = |i: usize| {
        let mut window: [f32; MEDIAN] =
            std::array::from_fn(|k| row[reflected(i as isize + k as isize - HALF) as usize]);
        window.sort_by(f32::total_cmp);
        window[MEDIAN / 2]
    };
    (0..row.len()).map(around).collect()
}

/// The step that a path has come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Both,
    Row,
    Frame,
}

/// The first frame of each row on the dearest monotonic path from the first corner to the last (dynamic time
/// warping).
fn path(gain: &[f32], rows: usize, frames: usize) -> Vec<usize> {
    let width = frames + 1;
    let mut cost = vec![f32::INFINITY; (rows + 1) * width];
    let mut steps = vec![Step::Frame; (rows + 1) * width];
    cost[0] = 0.0;
    for row in 1..=rows {
        for frame in 1..=frames {
            let both = cost[(row - 1) * width + frame - 1];
            let down = cost[(row - 1) * width + frame];
            let along = cost[row * width + frame - 1];
            let (least, step) = if both < down && both < along {
                (both, Step::Both)
            } else if down < both && down < along {
                (down, Step::Row)
            } else {
                (along, Step::Frame)
            };
            cost[row * width + frame] = least - gain[(row - 1) * frames + frame - 1];
            steps[row * width + frame] = step;
        }
    }
    let mut starts = vec![0; rows];
    let (mut row, mut frame) = (rows, frames);
    while row > 0 && frame > 0 {
        starts[row - 1] = frame - 1;
        match steps[row * width + frame] {
            Step::Both => (row, frame) = (row - 1, frame - 1),
            Step::Row => row -= 1,
            Step::Frame => frame -= 1,
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_follows_the_light() {
        #[rustfmt::skip]
        let gain = [
            9.0, 9.0, -1.0, -1.0, -1.0,
            -1.0, -1.0, 9.0, -1.0, -1.0,
            -1.0, -1.0, -1.0, 9.0, 9.0,
        ];
        assert_eq!(path(&gain, 3, 5), [0, 2, 3]);
    }

    #[test]
    fn the_median_reflects_the_ends() {
        let row = [5.0, 1.0, 2.0, 3.0, 4.0, 0.0, 9.0, 7.0];
        let smooth = median(&row);
        // Around the first: 3 2 1 5 1 2 3; around the last: 4 0 9 7 9 0 4.
        assert_eq!((smooth[0], smooth[7]), (2.0, 4.0));
        assert_eq!(median(&[3.0, 1.0]), [3.0, 1.0]);
    }

    #[test]
    fn each_row_begins_where_it_alone_looks() {
        let (rows, frames) = (4, 40);
        let mut attention = vec![0.01; rows * frames];
        for (row, range) in [(1, 0..10), (2, 10..30), (3, 30..40)] {
            attention[row * frames..][range].fill(0.5);
        }
        assert_eq!(starts(&attention, (1, rows, frames), (1, 3)), [0, 10, 30]);
    }
}
