//! The plan: every number that a run uses, as types. TOML keys are the field names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::dataset::gate::Expected;
use crate::device::DeviceName;
use crate::volume::{Shape, Spacing};

/// A whole experiment, validated: nothing in it is undecided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of the plan format; 2.
    pub schema: u32,
    /// Name of the experiment, and of its folder under `runtime.runs`.
    pub name: String,
    /// The data set that the plan is for.
    pub data: Data,
    /// The constants of the 2018 planning rules, kept so that a plan can be made again.
    pub rules: Rules,
    /// What is run: configurations, folds and seeds.
    pub run: Matrix,
    /// How the cases are split into folds.
    pub split: Split,
    /// From images to prepared cases.
    pub preprocess: Preprocess,
    /// The networks that can be trained, by name.
    pub configurations: BTreeMap<ConfigurationName, Configuration>,
    /// What all networks share.
    pub network: Network,
    /// The loss.
    pub loss: Loss,
    /// Optimiser, schedule and stopping rule.
    pub train: Train,
    /// Random transforms of training patches.
    pub augment: Augment,
    /// Sliding-window prediction.
    pub predict: Predict,
    /// What is done to a predicted label map.
    pub postprocess: Postprocess,
    /// How predictions are scored.
    pub evaluate: Evaluate,
    /// Where and on what it runs. Changes no result and no digest.
    pub runtime: Runtime,
}

impl Plan {
    /// What a case of its data set must be.
    pub fn expected(&self) -> Expected<'_> {
        Expected {
            channels: self.data.channels.len(),
            labels: &self.data.labels,
            memory_bytes: self.runtime.memory_bytes(),
        }
    }

    /// Number of classes, background included.
    pub fn classes(&self) -> usize {
        self.data.labels.len() + 1
    }

    /// Input channels of a network: those of the image, plus one per foreground class in the second stage of the cascade.
    ///
    /// Source: arXiv:1809.10486, section 2.1 (one-hot first-stage labels as additional input channels).
    pub fn input_channels(&self, name: ConfigurationName) -> usize {
        let first_stage = if name.is_cascade() { self.data.labels.len() } else { 0 };
        self.data.channels.len() + first_stage
    }
}

/// The data set that a plan was made for, as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Folder name of the data set; looked for in the folders of `runtime.data`.
    pub dataset: String,
    /// Modality of each channel, in file order, such as `"MRI"` or `"CT"`.
    pub channels: Vec<String>,
    /// Foreground classes by label value.
    #[serde(with = "labels_by_number")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub labels: BTreeMap<u8, String>,
    /// Training cases that are left out, by name: they are neither measured nor split, prepared, trained on or scored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Number of training cases, without those that are left out.
    #[schemars(range(min = 2))]
    pub cases: usize,
    /// Median spacing of the training cases, mm, `[z, y, x]`.
    pub median_spacing_mm: Spacing,
    /// Median shape of the training cases after cropping, at their own spacing, voxels, `[z, y, x]`.
    pub median_shape: [f64; 3],
    /// Mean over cases of the cropped volume divided by the original volume.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub cropped_fraction: f64,
    /// Classes that form a single component in every training case that has them.
    pub single_component_labels: Vec<u8>,
    /// Name of a generator that makes the data set when it is absent.
    pub generator: Generator,
}

/// Where a data set comes from when it is not on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Generator {
    /// Nowhere: it has to be put in place by a person.
    None,
    /// The built-in phantom (`segplan phantom`).
    Phantom,
}

/// Whether the aspect ratio of a 3D patch follows millimetres or voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// Physical extent; reproduces Table 1 of the paper.
    Mm,
    /// Voxels; the literal text of the paper.
    Voxel,
}

/// Constants of the planning rules. Source: arXiv:1809.10486, section 2.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// What the aspect ratio of a 3D patch follows.
    pub patch_aspect: Aspect,
    /// Patch of the reference 2D network, pixels, `[y, x]`.
    pub reference_patch_size_2d: [usize; 2],
    /// Batch size of the reference 2D network.
    #[schemars(range(min = 1))]
    pub reference_batch_size_2d: usize,
    /// Most poolings of an axis in 2D.
    #[schemars(range(max = 15))]
    pub max_pool_depth_2d: usize,
    /// Patch of the reference 3D network, voxels, `[z, y, x]`; its volume caps every 3D patch.
    pub reference_patch_size_3d: Shape,
    /// Batch size of the reference 3D network.
    #[schemars(range(min = 1))]
    pub reference_batch_size_3d: usize,
    /// Most poolings of an axis in 3D.
    #[schemars(range(max = 15))]
    pub max_pool_depth_3d: usize,
    /// An axis is pooled until its feature map is smaller than this many voxels.
    #[schemars(range(min = 2))]
    pub min_edge_to_pool: usize,
    /// Largest share of the data set's voxels in one batch.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub max_dataset_fraction: f64,
    /// Smallest batch size, whatever the share.
    #[schemars(range(min = 1))]
    pub min_batch_size: usize,
    /// A low-resolution stage is added when the median case exceeds this many reference patches.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub cascade_threshold: f64,
    /// In the low-resolution stage, axes finer than the coarsest spacing divided by this are coarsened first.
    #[schemars(range(min = 1.0))]
    pub lowres_anisotropy: f64,
    /// Feature maps of the first resolution.
    #[schemars(range(min = 1))]
    pub base_features: usize,
    /// Most feature maps in 2D.
    pub max_features_2d: usize,
    /// Most feature maps in 3D.
    pub max_features_3d: usize,
    /// Masked normalisation when cropping removes at least this share of the average case.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub mask_norm_min_crop: f64,
    /// A 3D patch is augmented slice by slice when its longest edge is more than this many times its shortest.
    #[schemars(range(min = 1.0))]
    pub dummy_2d_ratio: f64,
}

/// The kinds of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum ConfigurationName {
    /// Slices in the plane of the finest spacings.
    #[serde(rename = "2d")]
    TwoD,
    /// 3D at the target spacing.
    #[serde(rename = "3d_fullres")]
    FullRes,
    /// 3D at a coarser spacing: the first stage of the cascade.
    #[serde(rename = "3d_lowres")]
    LowRes,
    /// 3D at the target spacing that also sees the first stage's prediction.
    #[serde(rename = "3d_cascade")]
    Cascade,
}

impl ConfigurationName {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 4] = [Self::TwoD, Self::FullRes, Self::LowRes, Self::Cascade];

    /// The name as written in a plan and on disk.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoD => "2d",
            Self::FullRes => "3d_fullres",
            Self::LowRes => "3d_lowres",
            Self::Cascade => "3d_cascade",
        }
    }

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

/// What is run: every configuration, fold and seed listed here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// Configurations to train.
    pub configurations: Vec<ConfigurationName>,
    /// Folds to train, counted from 0.
    pub folds: Vec<usize>,
    /// Seeds of weights, sampling and augmentation; each is a run of its own.
    pub seeds: Vec<u64>,
}

/// How the cases are split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// Number of folds.
    #[schemars(range(min = 2))]
    pub folds: usize,
    /// Seed of the shuffle.
    pub seed: u64,
    /// Regular expression that finds the patient in the name of a case: its first group, or all that it matches. Cases of a
    /// patient stay in one fold. Empty: each case is a patient of its own.
    pub patient_pattern: String,
}

/// From images to prepared cases. Source: spec sections 3 to 5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Spline order of image resampling: 0, 1 or 3.
    #[schemars(extend("enum" = [0, 1, 3]))]
    pub image_order: u8,
    /// Order of label resampling: 0 is nearest neighbour, 1 is linear on each label's indicator.
    #[schemars(extend("enum" = [0, 1]))]
    pub label_order: u8,
    /// Spacing ratio above which the coarsest axis is resampled apart, by nearest neighbour; 0 switches this off.
    #[schemars(range(min = 0.0))]
    pub anisotropy_threshold: f64,
    /// Normalisation of each channel.
    pub normalization_scheme: Vec<Normalization>,
    /// Whether z-scores are taken inside of the non-zero mask only, and the outside set to 0.
    pub normalize_in_mask: bool,
    /// Intensities of the foreground of all training cases, one entry a channel; used by `"ct"`.
    pub intensities: Vec<Intensities>,
}

/// How a channel is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalization {
    /// Clip to the foreground's percentiles, then its mean and standard deviation.
    Ct,
    /// Mean and standard deviation of the image itself.
    ZScore,
    /// The values as they are.
    None,
}

/// Foreground intensities of one channel over all training cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Intensities {
    /// Mean.
    pub mean: f64,
    /// Population standard deviation.
    pub sd: f64,
    /// 0.5 % quantile.
    pub p00_5: f64,
    /// 99.5 % quantile.
    pub p99_5: f64,
}

/// One network and the grid that it works on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Voxel spacing of the prepared cases, mm, `[z, y, x]`. A 0 keeps each case's own spacing on that axis (2D).
    pub spacing_mm: Spacing,
    /// Median shape of the prepared cases, voxels, `[z, y, x]`.
    pub median_shape: Shape,
    /// Axis (0 = z, 1 = y, 2 = x) that slices are perpendicular to; moved to the front of prepared cases. 0 in 3D.
    #[schemars(range(max = 2))]
    pub slice_axis: usize,
    /// Patch, voxels, `[z, y, x]` after `slice_axis` has been moved to the front; z is 1 in 2D.
    pub patch_size: Shape,
    /// Patches in a batch.
    #[schemars(range(min = 1))]
    pub batch_size: usize,
    /// Number of poolings of each axis, in the patch's order.
    pub pool_depths: [usize; 3],
    /// Feature maps at each resolution, finest first.
    pub features_per_stage: Vec<usize>,
    /// Whether the Dice loss is computed over the whole batch as one volume, instead of per sample.
    pub batch_dice: bool,
    /// Which set of random transforms is used.
    pub augmentation: AugmentationKind,
    /// Axis of the patch (0 = z, 1 = y, 2 = x) that the slices of `"dummy_2d"` transforms are perpendicular to. If missing:
    /// the axis of the patch's shortest edge, the first of equally short ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize", range(max = 2))]
    pub dummy_2d_axis: Option<usize>,
}

impl Configuration {
    /// Which voxels the sums of the Dice loss run over.
    pub fn dice_scope(&self) -> DiceScope {
        if self.batch_dice { DiceScope::Batch } else { DiceScope::Sample }
    }

    /// Axis of the patch that the slices of 2D and slice-wise transforms are perpendicular to.
    pub fn augmented_axis(&self) -> usize {
        match self.augmentation {
            AugmentationKind::TwoD | AugmentationKind::ThreeD => 0,
            AugmentationKind::Dummy2d => self.dummy_2d_axis.unwrap_or_else(|| self.patch_size.shortest_axis()),
        }
    }
}

/// Which voxels the sums of the Dice loss run over. Source: arXiv:1809.10486, 2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiceScope {
    /// Each sample by itself; the loss is their mean.
    Sample,
    /// All voxels of the batch, as if they were one volume.
    Batch,
}

/// Which set of random transforms is used. Source: spec section 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AugmentationKind {
    /// In the plane of the slice.
    #[serde(rename = "2d")]
    TwoD,
    /// In space.
    #[serde(rename = "3d")]
    ThreeD,
    /// A 3D patch, transformed slice by slice with the 2D parameters.
    #[serde(rename = "dummy_2d")]
    Dummy2d,
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

/// What all networks share. Source: spec section 7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Slope of the leaky ReLU for negative values.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub leaky_relu_slope: f64,
    /// Added to the variance by instance normalisation.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub instance_norm_eps: f64,
    /// Numbers of the convolutions and of the feature maps between them.
    pub precision: Precision,
}

/// Numbers of the convolutions and of the feature maps between them; all else is computed in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits, as in the paper.
    F32,
    /// 16 bits with the range of 32 and 8 binary digits.
    Bf16,
    /// 16 bits with 11 binary digits and a smaller range.
    F16,
}

/// The loss. Source: arXiv:1809.10486, 2.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loss {
    /// Soft Dice plus cross-entropy.
    DiceCe(DiceCe),
}

impl Loss {
    /// The settings of Dice plus cross-entropy.
    pub fn dice_ce(&self) -> &DiceCe {
        let Self::DiceCe(settings) = self;
        settings
    }
}

/// Soft Dice loss plus cross-entropy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiceCe {
    /// Added to numerator and denominator of each Dice term.
    #[schemars(range(min = 0.0))]
    pub smooth: f64,
    /// Whether background counts in the Dice term.
    pub include_background: bool,
}

/// Epochs, optimiser, learning rate schedule and stopping rule. Source: arXiv:1809.10486, 2.3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Initial learning rate.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub learning_rate: f64,
    /// Training batches per epoch.
    #[schemars(range(min = 1))]
    pub batches_per_epoch: usize,
    /// Validation batches per epoch.
    #[schemars(range(min = 1))]
    pub validation_batches_per_epoch: usize,
    /// Maximum number of epochs.
    #[schemars(range(min = 1))]
    pub max_epochs: usize,
    /// Decay of the exponential moving average of the training loss.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub train_loss_ema_decay: f64,
    /// Decay of the exponential moving average of the validation loss.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub validation_loss_ema_decay: f64,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// The learning rate schedule.
    pub schedule: Schedule,
    /// When training stops before the maximum number of epochs.
    pub stopping: Stopping,
}

impl Train {
    /// The plateau schedule.
    pub fn plateau(&self) -> &Plateau {
        let Schedule::Plateau(plateau) = &self.schedule;
        plateau
    }

    /// The stopping rule on the validation loss, if the plan has it.
    pub fn validation_plateau(&self) -> Option<&ValidationPlateau> {
        match &self.stopping {
            Stopping::None => None,
            Stopping::ValidationPlateau(stopping) => Some(stopping),
        }
    }
}

/// The optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimizer {
    /// Adam.
    Adam(Adam),
}

impl Optimizer {
    /// The settings of Adam.
    pub fn adam(&self) -> &Adam {
        let Self::Adam(settings) = self;
        settings
    }
}

/// Adam with the L2 term in the gradient, as `torch.optim.Adam`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Adam {
    /// L2 term added to the gradient.
    #[schemars(range(min = 0.0))]
    pub weight_decay: f64,
    /// Whether the largest second moment is kept (AMSGrad).
    pub amsgrad: bool,
}

/// The learning rate schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Schedule {
    /// The learning rate drops when the smoothed training loss stops improving.
    Plateau(Plateau),
}

/// The learning rate drops when the smoothed training loss stops improving, as `torch.optim.lr_scheduler.ReduceLROnPlateau`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// Factor by which the learning rate is multiplied at a plateau.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub factor: f64,
    /// Epochs without improvement before the learning rate drops.
    pub patience_epochs: usize,
    /// Minimum improvement of the smoothed training loss.
    #[schemars(range(min = 0.0))]
    pub threshold: f64,
}

/// When training stops before the maximum number of epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stopping {
    /// Only at the maximum number of epochs.
    None,
    /// When the smoothed validation loss stops improving and the learning rate is low.
    ValidationPlateau(ValidationPlateau),
}

/// When the smoothed validation loss stops improving and the learning rate is low.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationPlateau {
    /// Epochs without improvement before training stops.
    pub patience_epochs: usize,
    /// Minimum improvement of the smoothed validation loss.
    #[schemars(range(min = 0.0))]
    pub threshold: f64,
    /// Training stops only while the learning rate is below this.
    #[schemars(range(min = 0.0))]
    pub below_learning_rate: f64,
}

/// Random transforms of training patches. Source: nnU-Net commit 6150f1b0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Interpolation order of labels: 0 nearest neighbour, 1 linear on each label's indicator.
    #[schemars(extend("enum" = [0, 1]))]
    pub label_order: u8,
    /// Elastic deformation.
    pub elastic: Elastic,
    /// Rotation.
    pub rotation: Rotation,
    /// Scaling.
    pub scaling: Scaling,
    /// Gamma transform of intensities.
    pub gamma: Gamma,
    /// Mirroring.
    pub mirroring: Mirroring,
    /// Cascade: morphology of the first stage's labels.
    pub morphology: Morphology,
    /// Cascade: removal of components of the first stage's labels.
    pub component_removal: ComponentRemoval,
}

/// Elastic deformation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Elastic {
    /// Probability per sample.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Range of the amplitude in 3D (minimum, maximum), voxels.
    pub alpha_3d_voxels: [f64; 2],
    /// Range of the amplitude in 2D (minimum, maximum), pixels.
    pub alpha_2d_voxels: [f64; 2],
    /// Range of the Gaussian's standard deviation (minimum, maximum), voxels.
    pub sigma_voxels: [f64; 2],
}

/// Rotation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Probability per sample.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Maximum angle about each axis in 3D, degrees.
    #[schemars(range(min = 0.0))]
    pub max_degrees_3d: f64,
    /// Maximum angle in 2D, degrees; patches with an edge ratio above 1.5 use the 3D angle.
    #[schemars(range(min = 0.0))]
    pub max_degrees_2d: f64,
}

/// Scaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// Probability per sample.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Range of the scale (minimum, maximum); above 1 zooms out.
    pub range: [f64; 2],
}

/// Gamma transform of intensities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gamma {
    /// Probability per sample.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Range of the exponent (minimum, maximum).
    pub range: [f64; 2],
}

/// Mirroring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mirroring {
    /// Probability per axis.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
}

/// Morphology of the first stage's labels, in the second stage of a cascade: erosion, dilation, opening or closing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Morphology {
    /// Probability per sample.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Range of the radius of the ball (minimum, maximum), voxels.
    pub radius_voxels: [f64; 2],
}

/// Removal of a connected component of each of the first stage's labels, in the second stage of a cascade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentRemoval {
    /// Probability per sample.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f64,
    /// Only components smaller than this fraction of the patch are removed.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_patch_fraction: f64,
}

/// Sliding-window prediction. Source: spec section 12.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    /// Step between windows as a share of the patch.
    #[schemars(range(max = 1.0), extend("exclusiveMinimum" = 0.0))]
    pub tile_step_fraction: f64,
    /// Standard deviation of the Gaussian weights as a share of the patch.
    #[schemars(extend("exclusiveMinimum" = 0.0))]
    pub gaussian_sigma_fraction: f64,
    /// Whether predictions of all mirrored images are averaged.
    pub test_time_mirroring: bool,
    /// Spline order of the softmax on its way to the original grid: 1 or 3.
    #[schemars(extend("enum" = [0, 1, 3]))]
    pub probability_order: u8,
}

/// What is done to a predicted label map. Source: spec section 13.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postprocess {
    /// The rule.
    pub rule: PostprocessRule,
}

/// Rules of post-processing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostprocessRule {
    /// Leave predictions as they are.
    None,
    /// Keep the largest component of each class that is a single component in every training case.
    SingleComponent,
    /// Keep largest components where that raises the Dice of the held-out cases.
    CrossValidation,
}

/// How predictions are scored. Source: spec section 15.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evaluate {
    /// Within which distance surfaces count as agreeing in the normalised surface Dice, mm.
    #[schemars(range(min = 0.0))]
    pub surface_tolerance_mm: f64,
}

/// Where and on what a run happens. Nothing in here changes a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    /// Folders in which data sets are looked for, or a single one: relative to the working folder, else to the plan's folder or
    /// the folder around that.
    #[serde(deserialize_with = "one_or_more_folders")]
    #[schemars(with = "OneOrMore")]
    pub data: Vec<PathBuf>,
    /// Folder of the runs; relative to the working folder.
    pub runs: PathBuf,
    /// Device: `"cpu"` (or its alias `"flex"`), `"wgpu"`, `"vulkan"` or `"cuda:0"`.
    #[serde(deserialize_with = "canonical_device")]
    pub device: String,
    /// Threads; 0 takes one for each core.
    pub threads: usize,
    /// Memory that images and probabilities may take at once in measuring, preprocessing and prediction, GiB.
    #[schemars(range(min = 1))]
    pub memory_gib: u64,
}

/// Replaces the alias of a device by its name; an unknown device is kept for the validation to report.
fn canonical_device<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let device: Result<DeviceName, _> = name.parse();
    Ok(device.map_or(name, |device| device.to_string()))
}

impl Runtime {
    /// Bytes that images and probabilities may take.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_gib.saturating_mul(1 << 30)
    }
}

/// What may be written for a list of folders.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a folder in quotes, or a list of folders")]
enum OneOrMore {
    /// A single folder.
    One(PathBuf),
    /// Several, the first one first.
    More(Vec<PathBuf>),
}

/// Folders from a list, or from the text of a single one.
fn one_or_more_folders<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    Ok(match OneOrMore::deserialize(from)? {
        OneOrMore::One(folder) => vec![folder],
        OneOrMore::More(folders) => folders,
    })
}

mod labels_by_number {
    //! TOML keys are strings; labels are numbers. Sorted as numbers, so that 10 comes after 2.

    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(labels: &BTreeMap<u8, String>, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(labels.iter().map(|(label, name)| (label.to_string(), name)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u8, String>, D::Error> {
        let written = BTreeMap::<String, String>::deserialize(from)?;
        written
            .into_iter()
            .map(|(key, name)| match key.parse::<u8>() {
                Ok(label) if label > 0 => Ok((label, name)),
                _ => Err(D::Error::custom(format!("`{key}` is not a label; expected a whole number from 1 to 255"))),
            })
            .collect()
    }
}
