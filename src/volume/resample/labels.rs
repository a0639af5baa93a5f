//! Resampling of label maps: labels are names, and a value between two names is neither.

use std::collections::BTreeSet;

use ndarray::{Array3, ArrayView3, Zip};

use super::{Order, gather, resize};
use crate::volume::Shape;

/// A share of one half, less the rounding of single precision: a tie is claimed, whichever way its last bit fell.
const HALF: f32 = 0.5 - 1e-6;

/// Resamples a label map to the nearest voxel, `[z, y, x]`.
///
/// Source: arXiv:1809.10486, section 2.2.
pub fn resize_nearest(labels: ArrayView3<'_, i16>, shape: Shape) -> Array3<i16> {
    gather(labels, shape)
}

/// Resamples a label map by linear interpolation of each label's indicator, `[z, y, x]`.
///
/// Labels are visited in ascending order, and a voxel is given to each whose indicator is at least one half there;
/// voxels that no label claims are 0.
///
/// Source: nnU-Net's first public code (commit 6150f1b0), `resize_segmentation`.
pub fn resize_labels_linear(labels: ArrayView3<'_, i16>, shape: Shape) -> Array3<i16> {
    resize_labels(labels, shape, Order::Linear, None)
}

/// Resamples a label map, `[z, y, x]`: to the nearest voxel, or by the indicators of its labels at another order.
///
/// With a coarse axis, slices across it are resampled on their own, and the nearest of them is taken along it.
pub fn resize_labels(
    labels: ArrayView3<'_, i16>,
    shape: Shape,
    order: Order,
    coarse_axis: Option<usize>,
) -> Array3<i16> {
    if order == Order::Nearest {
        return gather(labels, shape);
    }
    let present: BTreeSet<i16> = labels.iter().copied().collect();
    let mut resized = Array3::zeros(shape.0);
    for label in present {
        let indicator = labels.mapv(|here| if here == label { 1.0 } else { 0.0 });
        let share = resize(indicator.view(), shape, order, coarse_axis);
        Zip::from(&mut resized).and(&share).for_each(|target, &share| {
            if share >= HALF {
                *target = label;
            }
        });
    }
    resized
}
