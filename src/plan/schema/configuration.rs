//! `[configurations.NAME]`: one network, and the grid that it works on.

use std::collections::BTreeMap;
use std::fmt;

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::DecidedBy::Planner;
use crate::plan::schema::key::{Kind, NNUNET_V2, PAPER_2_1, PAPER_2_2, PAPER_2_3};
use crate::plan::schema::key_type::{KeyType, Table as _};
use crate::plan::schema::range::{AT_LEAST_0, AT_LEAST_1, between, one_of};
use crate::plan::schema::rules::MAX_POOL_DEPTH;
use crate::plan::schema::stage::Stage;
use crate::volume::{Shape, Spacing};

/// Maximum edge of a patch, voxels. The product of three of them fits into 64 bits.
const MAX_EDGE: f64 = 8192.0;
/// Maximum number of feature maps of a resolution.
const MAX_FEATURES: f64 = 8192.0;
/// Maximum stride along an axis.
const MAX_STRIDE: f64 = 16.0;
/// Maximum number of blocks of a resolution.
const MAX_BLOCKS: f64 = 64.0;
/// Blocks of a resolution unless the configuration has another number. Source: arXiv:1809.10486, 2.1.
const BLOCKS: usize = 2;

table! {
    /// One network, and the grid that it works on.
    pub struct Configuration decides Train {
        /// Spacing of the preprocessed cases, [z, y, x]. In 2D, 0 keeps each case's own spacing across the slices.
        spacing_mm: Spacing {
            range: AT_LEAST_0, unit: "mm", decided_by: Planner, stage: Stage::Preprocess, source: PAPER_2_2,
        },
        /// Median shape of the preprocessed cases, [z, y, x].
        median_shape: Shape { range: AT_LEAST_1, unit: "voxels", decided_by: Planner, stage: Stage::Nothing },
        /// Axis perpendicular to the slices of a 2D network: 0 is z, 1 is y, 2 is x. It comes first in `patch_size` and
        /// `pool_depths`. In 3D it only decides on that order (nnU-Net v2 puts the coarsest axis first).
        slice_axis: usize { range: between(0.0, 2.0), decided_by: Planner, stage: Stage::Preprocess, source: PAPER_2_1 },
        /// Patch size, [z, y, x] with the slice axis first. The first edge is 1 in 2D.
        patch_size: Shape { range: between(1.0, MAX_EDGE), unit: "voxels", decided_by: Planner, source: PAPER_2_1 },
        /// Batch size: patches per batch.
        batch_size: usize { range: AT_LEAST_1, decided_by: Planner, source: PAPER_2_1 },
        /// Number of poolings per axis (in the order of `patch_size`).
        pool_depths: [usize; 3] { range: between(0.0, MAX_POOL_DEPTH), decided_by: Planner, source: PAPER_2_1 },
        /// Strides of the downsampling per resolution (finest first, so that the first entry is [1, 1, 1]; in the order of
        /// `patch_size`). If missing, axes with `n` poolings have stride 2 at the last `n` resolutions.
        strides: Option<Vec<[usize; 3]>> as (default, skip_serializing_if = "Option::is_none") {
            range: between(1.0, MAX_STRIDE), optional: true, decided_by: Planner, source: NNUNET_V2,
        },
        /// Kernel sizes per resolution (finest first; in the order of `patch_size`). If missing, 3 on each axis, but 1 across the
        /// slices of a 2D network.
        kernel_sizes: Option<Vec<[usize; 3]>> as (default, skip_serializing_if = "Option::is_none") {
            range: one_of(&[1, 3, 5, 7]), optional: true, decided_by: Planner, source: NNUNET_V2,
        },
        /// Number of blocks per resolution of the encoder (finest first). If missing, two each.
        blocks_per_stage: Option<Vec<usize>> as (default, skip_serializing_if = "Option::is_none") {
            range: between(1.0, MAX_BLOCKS), optional: true, decided_by: Planner, source: NNUNET_V2,
        },
        /// Number of convolutions per resolution of the decoder (finest first, without the coarsest). If missing, two each.
        decoder_blocks_per_stage: Option<Vec<usize>> as (default, skip_serializing_if = "Option::is_none") {
            range: between(1.0, MAX_BLOCKS), optional: true, decided_by: Planner, source: NNUNET_V2,
        },
        /// Feature maps per resolution (finest first).
        features_per_stage: Vec<usize> { range: between(1.0, MAX_FEATURES), decided_by: Planner, source: PAPER_2_1 },
        /// Whether the Dice loss is computed over the whole batch as one volume, instead of per sample.
        batch_dice: bool { decided_by: Planner, source: PAPER_2_3 },
        /// Set of random transforms.
        augmentation: AugmentationKind { decided_by: Planner, source: PAPER_2_3 },
        /// Axis of the patch perpendicular to the slices of slice-wise transforms: 0 is z, 1 is y, 2 is x. If missing, the axis
        /// of the patch's shortest edge, the first of equally short ones.
        dummy_2d_axis: Option<usize> as (default, skip_serializing_if = "Option::is_none") {
            range: between(0.0, 2.0), optional: true, decided_by: Planner,
        },
    }
}

impl Configuration {
    /// Which voxels the sums of the Dice loss run over.
    pub fn dice_scope(&self) -> DiceScope {
        if self.batch_dice { DiceScope::Batch } else { DiceScope::Sample }
    }

    /// Number of resolutions.
    pub fn resolutions(&self) -> usize {
        self.features_per_stage.len()
    }

    /// Strides from each resolution to the next coarser one, finest first, in the order of `patch_size`.
    ///
    /// Without `strides`, with `P` the maximum number of poolings of an axis, an axis with `n` poolings has stride 2 at step `p` (from
    /// 0) if `n + p >= P`: axes with fewer poolings skip the first steps.
    ///
    /// Source: nnU-Net commit 6150f1b0; the paper does not state the order.
    pub fn downsampling_strides(&self) -> Vec<[usize; 3]> {
        if let Some(strides) = &self.strides {
            return strides.iter().skip(1).copied().collect();
        }
        let depths = self.pool_depths;
        let maximum = depths.into_iter().max().unwrap_or(0);
        (0..maximum).map(|step| depths.map(|depth| if depth + step >= maximum { 2 } else { 1 })).collect()
    }

    /// Kernel size at each resolution, finest first, in the order of `patch_size`.
    pub fn kernels(&self) -> Vec<[usize; 3]> {
        let usual = if self.patch_size.0[0] == 1 { [1, 3, 3] } else { [3; 3] };
        self.kernel_sizes.clone().unwrap_or_else(|| vec![usual; self.resolutions()])
    }

    /// Number of blocks at each resolution of the encoder, finest first.
    pub fn encoder_blocks(&self) -> Vec<usize> {
        self.blocks_per_stage.clone().unwrap_or_else(|| vec![BLOCKS; self.resolutions()])
    }

    /// Number of convolutions at each resolution of the decoder, finest first, without the coarsest.
    pub fn decoder_blocks(&self) -> Vec<usize> {
        let coarsest = self.resolutions().saturating_sub(1);
        self.decoder_blocks_per_stage.clone().unwrap_or_else(|| vec![BLOCKS; coarsest])
    }

    /// The edges by which those of the patch are divisible: the product of all strides, in the order of `patch_size`.
    pub fn divisor(&self) -> [usize; 3] {
        let strides = self.downsampling_strides();
        std::array::from_fn(|axis| strides.iter().map(|stride| stride[axis]).product())
    }

    /// Axis of the patch perpendicular to the slices of 2D and slice-wise transforms.
    pub fn augmented_axis(&self) -> usize {
        match self.augmentation {
            AugmentationKind::TwoD | AugmentationKind::ThreeD => 0,
            AugmentationKind::Dummy2d => self.dummy_2d_axis.unwrap_or_else(|| self.patch_size.shortest_axis()),
        }
    }
}

choices! {
    /// The networks that a plan may have, in the order in which they run.
    pub enum ConfigurationName {
        /// 2D, on slices in the plane of the finest spacings.
        TwoD = "2d",
        /// 3D at the median spacing.
        FullRes = "3d_fullres",
        /// 3D at a coarser spacing, the first stage of the cascade.
        LowRes = "3d_lowres",
        /// 3D at the median spacing, the second stage of the cascade, which also sees the first stage's prediction.
        Cascade = "3d_cascade",
    }
}

impl ConfigurationName {
    /// Whether the network segments slices instead of volumes.
    pub fn is_2d(self) -> bool {
        match self {
            Self::TwoD => true,
            Self::FullRes | Self::LowRes | Self::Cascade => false,
        }
    }

    /// Whether the network is the second stage of the cascade.
    pub fn is_cascade(self) -> bool {
        self.first_stage().is_some()
    }

    /// The configuration whose predictions this one takes as additional input channels; `None` outside the cascade.
    pub fn first_stage(self) -> Option<Self> {
        match self {
            Self::Cascade => Some(Self::LowRes),
            Self::TwoD | Self::FullRes | Self::LowRes => None,
        }
    }
}

impl fmt::Display for ConfigurationName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

impl KeyType for BTreeMap<ConfigurationName, Configuration> {
    const KIND: Kind = Kind::Named(ConfigurationName::CHOICES, Configuration::KEYS);
}

/// Which voxels the sums of the Dice loss run over. Source: arXiv:1809.10486, 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiceScope {
    /// Those of each sample; the loss is the mean over samples.
    Sample,
    /// Those of the batch, as if it were one volume.
    Batch,
}

choices! {
    /// Set of random transforms.
    pub enum AugmentationKind {
        /// in the plane of the slice.
        TwoD = "2d",
        /// in three dimensions.
        ThreeD = "3d",
        /// a 3D patch, transformed slice by slice with the parameters of 2D.
        Dummy2d = "dummy_2d",
    }
}

impl AugmentationKind {
    /// Whether spatial transforms stay within the plane of a slice.
    pub fn is_in_plane(self) -> bool {
        match self {
            Self::TwoD | Self::Dummy2d => true,
            Self::ThreeD => false,
        }
    }
}
