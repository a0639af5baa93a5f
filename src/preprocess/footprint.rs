//! How much memory the preparation of a case takes: known from its headers, before anything is allocated.

use thiserror::Error;

use crate::dataset::Case;
use crate::plan::schema::{Configuration, Preprocess};
use crate::preprocess::{separate_axis, slice_first, target_spacing};
use crate::units::format_bytes;
use crate::volume::io::{ImageFileError, read_header};
use crate::volume::resample::{most_voxels, resampled_shape};
use crate::volume::{Shape, Spacing};

/// Bytes of a voxel of a channel, of a label map, and of a mask.
const INTENSITY: u64 = 4;
const LABEL: u64 = 2;
const MASK: u64 = 1;

/// What the headers of a case say of it.
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

/// A case takes more memory to prepare than may be used.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error(
    "its {shape} voxels of {spacing} become {target} at {target_spacing}, which takes {} of memory, and {} may be used; correct \
     the spacing in its header if that is wrong, or raise `runtime.memory_gib`",
    format_bytes(*needed), format_bytes(*given)
)]
pub struct TooLarge {
    /// Its shape, cropped as far as that is known, voxels, `[z, y, x]`.
    pub shape: Shape,
    /// Its spacing, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// Its shape after resampling, voxels, `[z, y, x]`.
    pub target: Shape,
    /// Its spacing after resampling, mm, `[z, y, x]`.
    pub target_spacing: Spacing,
    /// Bytes that it takes.
    pub needed: u64,
    /// Bytes that may be used.
    pub given: u64,
}

/// Voxels along two axes that resampling must not turn into a single one each.
const COLLAPSING: usize = 8;

/// A case of which resampling leaves next to nothing, such as one whose spacing is in metres.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error(
    "its {shape} voxels of {spacing} become {target} at {target_spacing}, which leaves next to nothing of it; correct the spacing \
     in its header, or leave the case out"
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

/// Refuses a case two of whose axes resampling turns into a single voxel each.
///
/// # Errors
///
/// With its figures.
pub fn check_collapse(shape: Shape, spacing: Spacing, configuration: &Configuration) -> Result<(), Collapsed> {
    let target_spacing = target_spacing(spacing, configuration);
    let target = resampled_shape(shape, spacing, target_spacing);
    let is_lost = |&axis: &usize| shape.0[axis] >= COLLAPSING && target.0[axis] == 1;
    if (0..3).filter(is_lost).count() > 1 {
        return Err(Collapsed { shape, spacing, target, target_spacing });
    }
    Ok(())
}

/// Bytes that [`prepare`](super::prepare) takes at most for a case whose non-zero region has a shape, its image and its labels
/// included. Before the image is read, the shape of the region is at most that of the image.
///
/// Shapes that no memory holds lead to `u64::MAX`.
pub fn bytes_to_prepare(extent: &Extent, cropped: Shape, rules: &Preprocess, configuration: &Configuration) -> u64 {
    let target_spacing = target_spacing(extent.spacing, configuration);
    let target = resampled_shape(cropped, extent.spacing, target_spacing);
    let separate = separate_axis(extent.spacing, rules, configuration);
    let [kept, new, most] = [cropped.voxels(), target.voxels(), most_voxels(cropped, target, separate)];
    // What keeps its shape is not copied.
    let copied = if target == cropped { 0 } else { new };
    let image = INTENSITY.saturating_mul(extent.channels as u64);
    let labels = if extent.labelled { LABEL } else { 0 };
    let mask = if rules.normalize_in_mask { MASK } else { 0 };
    // The image is permuted a channel at a time.
    let permuted = if slice_first(configuration.slice_axis) == [0, 1, 2] { 0 } else { INTENSITY };
    let stages = [
        bytes_to_read(extent).saturating_add(bytes(&[(MASK, extent.shape.voxels())])),
        bytes(&[(image + labels + mask, kept), (mask, copied)]),
        bytes(&[(image + labels, kept), (mask, new), (labels, copied)]),
        bytes(&[(image, most), (LABEL + mask, new)]),
        bytes(&[(image + permuted + LABEL, new)]),
    ];
    stages.into_iter().fold(0, u64::max)
}

/// Bytes of the image and the label map of a case as they are read.
pub fn bytes_to_read(extent: &Extent) -> u64 {
    let labels = if extent.labelled { LABEL } else { 0 };
    bytes(&[(INTENSITY.saturating_mul(extent.channels as u64).saturating_add(labels), extent.shape.voxels())])
}

/// The sum of bytes per voxel times voxels.
fn bytes(parts: &[(u64, usize)]) -> u64 {
    parts.iter().fold(0, |sum, &(each, voxels)| sum.saturating_add(each.saturating_mul(voxels as u64)))
}

/// What the headers of a case say of it: the grid of its first image, and the channels of all.
///
/// # Errors
///
/// When a header cannot be read.
pub fn extent(case: &Case) -> Result<Extent, ImageFileError> {
    let headers = case.images.iter().map(|path| read_header(path)).collect::<Result<Vec<_>, _>>()?;
    let (shape, spacing) = headers
        .first()
        .map_or((Shape([0; 3]), Spacing([0.0; 3])), |first| (first.geometry.shape, first.geometry.spacing));
    let channels = headers.iter().map(|header| header.channels).sum();
    Ok(Extent { shape, spacing, channels, labelled: case.labels.is_some() })
}

/// Refuses a case whose preparation takes more than `given` bytes.
///
/// # Errors
///
/// With its figures.
pub fn check(
    extent: &Extent,
    cropped: Shape,
    rules: &Preprocess,
    configuration: &Configuration,
    given: u64,
) -> Result<(), TooLarge> {
    refuse(extent, cropped, configuration, bytes_to_prepare(extent, cropped, rules, configuration), given)
}

/// Refuses a case that cannot even be read within `given` bytes.
///
/// # Errors
///
/// With its figures.
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
