//! `[rules]`: constants of the planning rules.

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::{FIRST_COMMIT, PAPER_2_1, PAPER_2_2, PAPER_2_3};
use crate::plan::schema::range::{AT_LEAST_1, FRACTION, POSITIVE, POSITIVE_FRACTION, at_least, between};
use crate::volume::Shape;

/// Maximum number of poolings of an axis that can be written: edges stay below 2^16 voxels.
pub(super) const MAX_POOL_DEPTH: f64 = 15.0;

table! {
    /// Constants of the planning rules.
    pub struct Rules decides Nothing {
        /// Aspect ratio of 3D patches.
        patch_aspect: Aspect { default: "\"mm\"", source: PAPER_2_1 },
        /// Patch size of the reference 2D network. It limits the batch size alone: a 2D patch is the median slice.
        reference_patch_size_2d: [usize; 2] {
            default: "[256, 256]", range: AT_LEAST_1, unit: "pixels", source: PAPER_2_1,
        },
        /// Batch size of the reference 2D network.
        reference_batch_size_2d: usize { default: "42", range: AT_LEAST_1, source: PAPER_2_1 },
        /// Maximum number of poolings per axis in 2D.
        max_pool_depth_2d: usize { default: "6", range: between(0.0, MAX_POOL_DEPTH), source: PAPER_2_1 },
        /// Patch size of the reference 3D network. No 3D patch has more voxels.
        reference_patch_size_3d: Shape {
            default: "[128, 128, 128]", range: AT_LEAST_1, unit: "voxels", source: PAPER_2_1,
        },
        /// Batch size of the reference 3D network.
        reference_batch_size_3d: usize { default: "2", range: AT_LEAST_1, source: PAPER_2_1 },
        /// Maximum number of poolings per axis in 3D.
        max_pool_depth_3d: usize { default: "5", range: between(0.0, MAX_POOL_DEPTH), source: PAPER_2_1 },
        /// Minimum edge of a feature map that is pooled along that edge.
        min_edge_to_pool: usize { default: "8", range: at_least(2.0), source: PAPER_2_1 },
        /// Maximum fraction of the data set's voxels in a batch.
        max_dataset_fraction: f64 { default: "0.05", range: POSITIVE_FRACTION, source: PAPER_2_1 },
        /// Minimum batch size.
        min_batch_size: usize { default: "2", range: AT_LEAST_1, source: PAPER_2_1 },
        /// Ratio of the voxels of the median case to those of the reference 3D patch above which a cascade is planned.
        cascade_threshold: f64 { default: "4.0", range: POSITIVE, source: PAPER_2_1 },
        /// Ratio of the coarsest spacing to that of an axis above which the axis is coarsened first, for the cascade's first stage.
        lowres_anisotropy: f64 { default: "2.0", range: at_least(1.0), source: FIRST_COMMIT },
        /// Number of feature maps at the finest resolution, doubled with each pooling.
        base_features: usize { default: "30", range: AT_LEAST_1, source: PAPER_2_1 },
        /// Maximum number of feature maps in 2D.
        max_features_2d: usize { default: "480", range: AT_LEAST_1, source: FIRST_COMMIT },
        /// Maximum number of feature maps in 3D.
        max_features_3d: usize { default: "320", range: AT_LEAST_1, source: FIRST_COMMIT },
        /// Fraction of the average case that cropping removes, from which on masked normalisation is planned.
        mask_norm_min_crop: f64 { default: "0.25", range: FRACTION, source: PAPER_2_2 },
        /// Ratio of the longest to the shortest edge of a 3D patch above which it is augmented slice by slice.
        dummy_2d_ratio: f64 { default: "2.0", range: at_least(1.0), source: PAPER_2_3 },
    }
}

choices! {
    /// Aspect ratio of 3D patches.
    pub enum Aspect {
        /// the extent of the median case in millimetres, which reproduces the paper's Table 1.
        Mm = "mm",
        /// its shape in voxels, the literal text of the paper.
        Voxel = "voxel",
    }
}
