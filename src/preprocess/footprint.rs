//! The memory that preprocessing a case needs, estimated from its headers before anything is allocated.

use thiserror::Error;

use crate::dataset::Case;
use crate::plan::schema::{Configuration, Preprocess, PreprocessingOrder};
use crate::preprocess::grid::{separate_axis, target_spacing};
use crate::units::format_bytes;
use crate::volume::axes::slice_first;
use crate::volume::io::{ImageFileError, read_header};
use crate::volume::resample::{max_voxels, resampled_shape};
use crate::volume::{Shape, Spacing};

/// Bytes per voxel of a channel, of a label map, and of a mask.
const INTENSITY: u64 = 4;
const LABEL: u64 = 2;
const MASK: u64 = 1;

/// The size of a case, from its headers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Its shape, voxels, `[z, y, x]`.
    pub shape: Shape,
    /// Its spacing, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// Number of channels.
    pub channels: usize,
    /// Whether it has a label map.
    pub labelled: bool,
}

/// Preprocessing a case needs more memory than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error(
    "its {shape} voxels of {spacing} become {target} at {target_spacing}, which needs {} of memory; the limit is {}. Correct \
     the spacing in its header if it is wrong, or raise `runtime.memory_gib`",
    format_bytes(*needed), format_bytes(*given)
)]
pub struct TooLarge {
    /// Its shape, cropped if the crop is known, voxels, `[z, y, x]`.
    pub shape: Shape,
    /// Its spacing, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// Its shape after resampling, voxels, `[z, y, x]`.
    pub target: Shape,
    /// Its spacing after resampling, mm, `[z, y, x]`.
    pub target_spacing: Spacing,
    /// Bytes that it needs.
    pub needed: u64,
    /// The limit, bytes.
    pub given: u64,
}

/// Minimum number of voxels along an axis to count as collapsed if resampling leaves a single one.
const MIN_COLLAPSING: usize = 8;

/// A case that resampling reduces to almost nothing, for example because its spacing is in metres.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error(
    "its {shape} voxels of {spacing} become {target} at {target_spacing}, which is almost nothing; correct the spacing \
     in its header, or exclude the case"
)]
pub struct Collapsed {
    /// Its shape, voxels, `[z, y, x]`.
    pub shape: Shape,
    /// Its spacing, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// Its shape after resampling, voxels, `[z, y, x]`.
    pub target: Shape,
    /// Its spacing after resampling, mm, `[z, y, x]`.
    pub target_spacing: Spacing,
}

/// Refuses a case that resampling reduces to a single voxel along at least two axes.
///
/// # Errors
///
/// The shapes and spacings of such a case.
pub fn check_collapse(shape: Shape, spacing: Spacing, configuration: &Configuration) -> Result<(), Collapsed> {
    let target_spacing = target_spacing(spacing, configuration);
    let target = resampled_shape(shape, spacing, target_spacing);
    let is_lost = |&axis: &usize| shape.0[axis] >= MIN_COLLAPSING && target.0[axis] == 1;
    if (0..3).filter(is_lost).count() > 1 {
        return Err(Collapsed { shape, spacing, target, target_spacing });
    }
    Ok(())
}

/// Maximum memory of [`prepare`](super::prepare) for a case whose non-zero region has the shape `cropped`, including
/// its image and labels. Before the image is read, the shape of the image is the upper limit.
///
/// Saturates at `u64::MAX`.
pub fn bytes_to_prepare(
    extent: &Extent,
    cropped: Shape,
    preprocess: &Preprocess,
    configuration: &Configuration,
) -> u64 {
    let target_spacing = target_spacing(extent.spacing, configuration);
    let target = resampled_shape(cropped, extent.spacing, target_spacing);
    let separate = separate_axis(extent.spacing, preprocess, configuration);
    let [kept, new, peak] = [cropped.voxels(), target.voxels(), max_voxels(cropped, target, separate)];
    // An array that keeps its shape is not copied.
    let copied = if target == cropped { 0 } else { new };
    let image = INTENSITY.saturating_mul(extent.channels as u64);
    let labels = if extent.labelled { LABEL } else { 0 };
    let mask = if preprocess.normalize_in_mask { MASK } else { 0 };
    // Of an image that is normalised first, the mask is resampled only to mark its labels, and then dropped.
    let (resampled_mask, kept_mask) = match preprocess.order {
        PreprocessingOrder::ResampleFirst => (mask, mask),
        PreprocessingOrder::NormalizeFirst => (if extent.labelled { mask } else { 0 }, 0),
    };
    // The image is permuted one channel at a time.
    let permuted = if slice_first(configuration.slice_axis) == [0, 1, 2] { 0 } else { INTENSITY };
    let stages = [
        bytes_to_read(extent).saturating_add(bytes(&[(MASK, extent.shape.voxels())])),
        bytes(&[(image + labels + mask, kept), (resampled_mask, copied)]),
        bytes(&[(image + labels, kept), (resampled_mask, new), (labels, copied)]),
        bytes(&[(image, peak), (LABEL + kept_mask, new)]),
        bytes(&[(image + permuted + LABEL, new)]),
    ];
    stages.into_iter().fold(0, u64::max)
}

/// Bytes of the image and the label map of a case as read.
pub fn bytes_to_read(extent: &Extent) -> u64 {
    let labels = if extent.labelled { LABEL } else { 0 };
    bytes(&[(INTENSITY.saturating_mul(extent.channels as u64).saturating_add(labels), extent.shape.voxels())])
}

/// The sum of bytes per voxel times voxels.
fn bytes(parts: &[(u64, usize)]) -> u64 {
    parts.iter().fold(0, |sum, &(bytes, voxels)| sum.saturating_add(bytes.saturating_mul(voxels as u64)))
}

/// Reads the size of a case from its headers: the grid of its first image, and the channels of all.
///
/// # Errors
///
/// If a header cannot be read.
pub fn read_extent(case: &Case) -> Result<Extent, ImageFileError> {
    let headers = case.images.iter().map(|path| read_header(path)).collect::<Result<Vec<_>, _>>()?;
    let (shape, spacing) = headers
        .first()
        .map_or((Shape([0; 3]), Spacing([0.0; 3])), |first| (first.geometry.shape, first.geometry.spacing));
    let channels = headers.iter().map(|header| header.channels).sum();
    Ok(Extent { shape, spacing, channels, labelled: case.labels.is_some() })
}

/// Refuses a case that needs more than `given` bytes to preprocess.
///
/// # Errors
///
/// The shapes, the spacings and the memory of such a case.
pub fn check(
    extent: &Extent,
    cropped: Shape,
    preprocess: &Preprocess,
    configuration: &Configuration,
    given: u64,
) -> Result<(), TooLarge> {
    refuse(extent, cropped, configuration, bytes_to_prepare(extent, cropped, preprocess, configuration), given)
}

/// Refuses a case that needs more than `given` bytes just to read.
///
/// # Errors
///
/// The shapes, the spacings and the memory of such a case.
pub fn check_reading(extent: &Extent, configuration: &Configuration, given: u64) -> Result<(), TooLarge> {
    let needed = bytes_to_read(extent).saturating_add(bytes(&[(MASK, extent.shape.voxels())]));
    refuse(extent, extent.shape, configuration, needed, given)
}

fn refuse(
    extent: &Extent,
    shape: Shape,
    configuration: &Configuration,
    needed: u64,
    given: u64,
) -> Result<(), TooLarge> {
    if needed <= given {
        return Ok(());
    }
    let spacing = extent.spacing;
    let target_spacing = target_spacing(spacing, configuration);
    let target = resampled_shape(shape, spacing, target_spacing);
    Err(TooLarge { shape, spacing, target, target_spacing, needed, given })
}
