//! Interpolation orders, target shapes, and the order in which axes are resampled.

use serde::{Deserialize, Serialize};

use crate::volume::geometry::{Shape, Spacing};

/// Interpolation between voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The value of the nearest voxel (order 0).
    Nearest,
    /// Separable linear interpolation (order 1).
    Linear,
    /// The interpolating cubic B-spline (order 3).
    Cubic,
}

impl Order {
    /// The interpolation of a spline order: 0, 1 or 3. Returns `None` for others.
    pub fn from_number(order: u8) -> Option<Self> {
        match order {
            0 => Some(Self::Nearest),
            1 => Some(Self::Linear),
            3 => Some(Self::Cubic),
            _ => None,
        }
    }
}

/// Shape of a volume at another spacing: `old · spacing / target`, rounded half to even, at least 1.
///
/// Saturates at `usize::MAX`: wrong spacings lead to arbitrary shapes, which are checked before memory is allocated.
///
/// Source: nnU-Net commit 6150f1b0, `resample_patient`.
pub fn resampled_shape(shape: Shape, spacing: Spacing, target: Spacing) -> Shape {
    Shape(std::array::from_fn(|axis| {
        let exact = shape.0[axis] as f64 * spacing.0[axis] / target.0[axis];
        (exact.round_ties_even() as usize).max(1)
    }))
}

/// The axis across which slices are resampled separately, if the voxels are strongly anisotropic.
///
/// It is the axis with the largest spacing, if that is more than `threshold` times the smallest spacing in the original
/// grid or else in the target grid. Returns `None` if two axes share the largest spacing.
///
/// Source: nnU-Net commit 6150f1b0, `resample_patient`, with a threshold of 3; not in the paper.
pub fn coarse_axis(original: Spacing, target: Spacing, threshold: f64) -> Option<usize> {
    let extremes = |spacing: Spacing| {
        spacing.0.into_iter().fold((f64::MAX, 0.0_f64), |(low, high), step| (low.min(step), high.max(step)))
    };
    let spacing = [original, target].into_iter().find(|&spacing| {
        let (low, high) = extremes(spacing);
        high / low > threshold
    })?;
    let (_, high) = extremes(spacing);
    let mut coarse = (0..3).filter(|&axis| spacing.0[axis] >= high);
    let first = coarse.next();
    if coarse.next().is_none() { first } else { None }
}

/// Number of voxels of the largest intermediate volume between two shapes, which
/// [`resize_channels`](super::resize_channels) allocates per channel.
pub fn max_voxels(from: Shape, to: Shape, coarse_axis: Option<usize>) -> usize {
    let mut shape = from;
    let volumes = axis_order(from.0, to.0, coarse_axis).into_iter().map(|axis| {
        shape.0[axis] = to.0[axis];
        shape.voxels()
    });
    volumes.fold(from.voxels(), usize::max)
}

/// The axes that change, in the order in which they are resampled.
///
/// The axis that shrinks most comes first, which leaves the least work for the others; x before y before z on ties. A
/// coarse axis comes first if it shrinks and last otherwise, so that as few slices as possible are resampled.
pub(super) fn axis_order(from: [usize; 3], to: [usize; 3], coarse_axis: Option<usize>) -> Vec<usize> {
    let changed = |axis: &usize| from[*axis] != to[*axis];
    let mut axes: Vec<usize> = (0..3).filter(|&axis| Some(axis) != coarse_axis).filter(changed).collect();
    let grown = |to: usize, from: usize| to as u128 * from as u128;
    axes.sort_by(|&a, &b| grown(to[a], from[b]).cmp(&grown(to[b], from[a])).then(b.cmp(&a)));
    if let Some(coarse) = coarse_axis.filter(changed) {
        axes.insert(if to[coarse] < from[coarse] { 0 } else { axes.len() }, coarse);
    }
    axes
}
