//! `[predict]`: sliding-window prediction.

use crate::plan::schema::declare::table;
use crate::plan::schema::key::{FIRST_COMMIT, PAPER_2_4};
use crate::plan::schema::range::{POSITIVE, POSITIVE_FRACTION, one_of};

table! {
    /// Sliding-window prediction. Source: arXiv:1809.10486, 2.4.
    pub struct Predict decides Predict {
        /// Stride between tiles, as a fraction of the patch size.
        tile_step_fraction: f64 { default: "0.5", range: POSITIVE_FRACTION, source: PAPER_2_4 },
        /// Standard deviation of the Gaussian weights of a tile, as a fraction of the patch size.
        gaussian_sigma_fraction: f64 { default: "0.125", range: POSITIVE, source: FIRST_COMMIT },
        /// Whether the predictions of all mirrored versions of a tile are averaged.
        test_time_mirroring: bool { default: "true", source: PAPER_2_4 },
        /// Spline order of the resampling of probabilities to the original grid: 0 is nearest neighbour, 1 is linear.
        probability_order: u8 { default: "1", range: one_of(&[0, 1, 3]), source: FIRST_COMMIT },
    }
}
