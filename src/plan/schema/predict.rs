//! `[predict]`: sliding-window prediction.

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::{FIRST_COMMIT, PAPER_2_4};
use crate::plan::schema::range::{POSITIVE, POSITIVE_FRACTION, between, one_of};

table! {
    /// Sliding-window prediction. Source: arXiv:1809.10486, 2.4.
    pub struct Predict decides Predict {
        /// Stride between tiles, as a fraction of the patch size.
        tile_step_fraction: f64 { default: "0.5", range: POSITIVE_FRACTION, source: PAPER_2_4 },
        /// Standard deviation of the Gaussian weights of a tile, as a fraction of the patch size.
        gaussian_sigma_fraction: f64 { default: "0.125", range: POSITIVE, source: FIRST_COMMIT },
        /// Precision and range of the Gaussian weights of a tile.
        tile_weights: TileWeights { default: "\"single\"", source: FIRST_COMMIT },
        /// Whether the predictions of all mirrored versions of a tile are averaged.
        test_time_mirroring: bool { default: "true", source: PAPER_2_4 },
        /// Axes along which a tile is mirrored (in the order of `patch_size`). Axes of one voxel are never mirrored.
        mirror_axes: Vec<usize> { default: "[0, 1, 2]", range: between(0.0, 2.0), source: PAPER_2_4 },
        /// Quantity averaged over overlapping tiles, mirrored copies and the networks of a configuration, and then resampled to the
        /// original grid. An ensemble averages the probabilities of its configurations in both cases.
        average: Average { default: "\"probabilities\"", source: PAPER_2_4 },
        /// Spline order of the resampling of `average` to the original grid: 0 is nearest neighbour, 1 is linear.
        probability_order: u8 { default: "1", range: one_of(&[0, 1, 3]), source: FIRST_COMMIT },
    }
}

choices! {
    /// Precision and range of the Gaussian weights of a tile.
    pub enum TileWeights {
        /// single precision, at most 1, plus 1e-8.
        Single = "single",
        /// half precision, at most 10, truncated at 4 standard deviations; zeros become the smallest positive weight (nnU-Net v2).
        Half = "half",
    }
}

choices! {
    /// Quantity that a prediction averages and resamples.
    pub enum Average {
        /// the outputs of the network after softmax, or after the sigmoid of each region.
        Probabilities = "probabilities",
        /// the outputs of the network as they are; softmax or sigmoid follow on the original grid (nnU-Net v2).
        Logits = "logits",
    }
}
