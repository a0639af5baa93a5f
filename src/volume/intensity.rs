//! The range of most intensities of an image, from a fixed sample of its voxels.

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};

/// Maximum number of sampled voxels, spread evenly.
const MAX_SAMPLE: usize = 1 << 16;
/// Fraction of the sample below the lower end, and above the upper end.
const TAIL: f64 = 0.005;

/// The 0.5th and the 99.5th percentile (nearest rank) of the non-zero voxels of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntensityRange {
    /// 0.5th percentile.
    pub low: f64,
    /// 99.5th percentile.
    pub high: f64,
}

impl IntensityRange {
    /// The range of a channel, `[z, y, x]`; 0 to 0 if the whole sample is 0.
    ///
    /// The sample is the same in every run. Voxels of value 0 are left out as padding.
    pub fn of(channel: ArrayView3<'_, f32>) -> Self {
        /// The fractional part of the golden ratio: its multiples are spread evenly, and not along any axis.
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let (_, height, width) = channel.dim();
        let count = channel.len();
        let sampled = count.min(MAX_SAMPLE);
        let voxel_of = |index: usize| {
            if sampled == count { index } else { ((index as f64 * GOLDEN).fract() * count as f64) as usize }
        };
        let value = |index: usize| {
            let voxel = voxel_of(index);
            channel[[voxel / (height * width), voxel / width % height, voxel % width]]
        };
        let mut values: Vec<f32> = (0..sampled).map(value).filter(|&value| value != 0.0).collect();
        if values.is_empty() {
            return Self { low: 0.0, high: 0.0 };
        }
        values.sort_unstable_by(f32::total_cmp);
        let last = values.len() - 1;
        let tail = (TAIL * last as f64).round() as usize;
        Self { low: values[tail].into(), high: values[last - tail].into() }
    }

    /// The difference between its ends.
    pub fn width(self) -> f64 {
        self.high - self.low
    }

    /// The smallest range that contains this one and another.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    #[test]
    fn the_range_excludes_zeros_and_tails() {
        // 1000 zeros, 1 to 1000.
        let image = Array3::from_shape_fn((2, 10, 100), |(z, y, x)| (z * (y * 100 + x + 1)) as f32);
        let range = IntensityRange::of(image.view());
        assert_eq!((range.low, range.high), (6.0, 995.0));
        let zeros = IntensityRange::of(Array3::zeros((3, 4, 5)).view());
        assert_eq!((zeros.low, zeros.high, zeros.width()), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_sample_of_a_large_image_covers_the_whole_image() {
        // Intensities that vary along x only: a sample along a few columns would miss most of them.
        let image = Array3::from_shape_fn((64, 128, 256), |(_, _, x)| (x + 1) as f32);
        let range = IntensityRange::of(image.view());
        assert!((range.low - 2.0).abs() <= 1.0 && (range.high - 255.0).abs() <= 1.0, "{range:?}");
    }
}
