//! Which patch of which case is trained on. Source: spec section 11.
//!
//! Input: a prepared case, borrowed. Output: the corner of a patch, drawn, and the patch itself, cut out. Deliberately
//! absent: reading cases (`preprocess`) and random transforms (`augment`).

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Slice, s};
use rand::RngExt as _;

use crate::preprocess::class_of;
use crate::random::Rng;
use crate::volume::Shape;

/// Label outside of the non-zero mask, and outside of the image.
pub const OUTSIDE: i16 = -1;

/// A prepared case, borrowed: what a patch is drawn from.
#[derive(Clone, Debug)]
pub struct CaseView<'a> {
    /// Normalised intensities, `[c, z, y, x]`.
    pub image: ArrayView4<'a, f32>,
    /// Labels, `[z, y, x]`, below 0 where nothing was measured.
    pub labels: ArrayView3<'a, i16>,
    /// Classes of the cascade's first stage, `[z, y, x]`; none outside of its second one.
    pub first_stage: Option<ArrayView3<'a, u8>>,
    /// Voxels of each foreground class that the case has, `[z, y, x]`; a sub-sample will do. No list is empty.
    pub foreground: Vec<&'a [[u32; 3]]>,
}

impl CaseView<'_> {
    /// Voxels of the case along `[z, y, x]`.
    pub fn shape(&self) -> Shape {
        let (z, y, x) = self.labels.dim();
        Shape([z, y, x])
    }
}

/// A piece of a case: an image and its labels on one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Intensities, `[c, z, y, x]`.
    pub image: Array4<f32>,
    /// Labels, `[z, y, x]`.
    pub labels: Array3<i16>,
    /// Classes of the cascade's first stage, `[z, y, x]`; none outside of its second one.
    pub first_stage: Option<Array3<i16>>,
}

/// The size of what is cut out of a case, and of what the network sees of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Voxels that are cut out, `[z, y, x]`; more than the patch where a rotation needs the surroundings.
    pub loaded: Shape,
    /// Patch of the network, `[z, y, x]`; z is 1 in 2D.
    pub patch: Shape,
}

/// How many samples of a batch are centred on foreground; they are the last ones of the batch.
///
/// The smallest number that is *more* than a third. Source: arXiv:1809.10486, section 2.2 (its first code rounds
/// differently and centres only one in four at a batch size of 4).
pub fn forced_foreground(batch_size: usize) -> usize {
    batch_size / 3 + 1
}

/// Whether sample `index` of a batch is centred on foreground.
pub fn is_forced(index: usize, batch_size: usize) -> bool {
    index + forced_foreground(batch_size) >= batch_size
}

/// A case, uniform with replacement.
///
/// # Panics
///
/// When there are no cases.
pub fn draw_case(cases: usize, rng: &mut Rng) -> usize {
    assert!(cases > 0, "a patch is drawn from at least one case, found none");
    below(cases, rng)
}

/// First voxel of a patch in its case, `[z, y, x]`; it may lie outside, where [`extract`] pads.
///
/// A forced patch is centred on a voxel of a random class, both uniform among those of the case; in a case without
/// foreground, and without `forced`, the corner is uniform. In 2D (`patch` has a single slice) the slice is uniform
/// among those with the class, and the patch stays inside of the slice.
pub fn draw_corner(case: &CaseView<'_>, window: Window, forced: bool, rng: &mut Rng) -> [i64; 3] {
    let ranges = corner_ranges(case.shape(), window);
    if !forced || case.foreground.is_empty() {
        return ranges.map(|range| rng.random_range(range));
    }
    let two_dimensional = window.patch.0[0] == 1;
    let centre = draw_foreground_voxel(&case.foreground, two_dimensional, rng);
    std::array::from_fn(|axis| {
        let corner = i64::from(centre[axis]) - window.loaded.0[axis] as i64 / 2;
        let corner = corner.max(ranges[axis].start);
        // The first code keeps 3D patches from leaving the image at its start only.
        if two_dimensional { corner.min(ranges[axis].end - 1) } else { corner }
    })
}

/// Where the corner of a patch may lie on each axis, `[z, y, x]`.
///
/// In 3D, half of what the loaded patch has beyond the network's may hang over each edge, so that the network sees the
/// edges of the image as often as its middle. In 2D the patch hangs over only where the image is too small.
fn corner_ranges(shape: Shape, window: Window) -> [Range<i64>; 3] {
    std::array::from_fn(|axis| {
        let [size, loaded, patch] = [shape.0[axis], window.loaded.0[axis], window.patch.0[axis]];
        let margin = if window.patch.0[0] == 1 { 0 } else { loaded - patch };
        let pad = margin.max(loaded.saturating_sub(size));
        let first = -(pad.div_ceil(2) as i64);
        let last = size as i64 + pad.div_ceil(2) as i64 - loaded as i64;
        first..last.max(first) + 1
    })
}

/// A voxel of a class, both uniform; or first a slice with the class, where patches are slices.
fn draw_foreground_voxel(foreground: &[&[[u32; 3]]], two_dimensional: bool, rng: &mut Rng) -> [u32; 3] {
    let voxels = foreground[below(foreground.len(), rng)];
    if !two_dimensional {
        return voxels[below(voxels.len(), rng)];
    }
    let mut slices: BTreeMap<u32, Vec<[u32; 3]>> = BTreeMap::new();
    for &voxel in voxels {
        slices.entry(voxel[0]).or_default().push(voxel);
    }
    let slices: Vec<Vec<[u32; 3]>> = slices.into_values().collect();
    let slice = &slices[below(slices.len(), rng)];
    slice[below(slice.len(), rng)]
}

/// A whole number from 0 to `end`, without it.
fn below(end: usize, rng: &mut Rng) -> usize {
    rng.random_range(0..end as u64) as usize
}

/// The patch at `corner`, of `size` voxels `[z, y, x]`; outside of the case the image is 0, the labels are
/// [`OUTSIDE`], and the first stage says background.
pub fn extract(case: &CaseView<'_>, corner: [i64; 3], size: Shape) -> Patch {
    let [depth, height, width] = size.0;
    let mut image = Array4::zeros((case.image.len_of(Axis(0)), depth, height, width));
    let mut labels = Array3::from_elem((depth, height, width), OUTSIDE);
    let [z, y, x] = std::array::from_fn(|axis| overlap(case.shape().0[axis], corner[axis], size.0[axis]));
    image.slice_mut(s![.., z.1, y.1, x.1]).assign(&case.image.slice(s![.., z.0, y.0, x.0]));
    labels.slice_mut(s![z.1, y.1, x.1]).assign(&case.labels.slice(s![z.0, y.0, x.0]));
    let first_stage = case.first_stage.map(|classes| {
        let mut part = Array3::zeros((depth, height, width));
        part.slice_mut(s![z.1, y.1, x.1])
            .zip_mut_with(&classes.slice(s![z.0, y.0, x.0]), |part, &class| *part = class.into());
        part
    });
    Patch { image, labels, first_stage }
}

/// What a patch and its case have in common on one axis: in the case, and in the patch.
fn overlap(case: usize, corner: i64, size: usize) -> (Slice, Slice) {
    let start = corner.clamp(0, case as i64);
    let end = (corner + size as i64).clamp(start, case as i64);
    let slice = |from: i64, to: i64| Slice::new(from as isize, Some(to as isize), 1);
    // A patch entirely outside has nothing in common; any empty slice of it will do.
    let shift = if start == end { start } else { corner };
    (slice(start, end), slice(start - shift, end - shift))
}

/// What the network is given: labels outside of the non-zero mask become their class, [`OUTSIDE`] background, and with `masked`
/// normalisation the image is 0 there.
pub fn finish(mut patch: Patch, masked: bool) -> Patch {
    if masked {
        for mut channel in patch.image.outer_iter_mut() {
            channel.zip_mut_with(&patch.labels, |value, &label| {
                if label < 0 {
                    *value = 0.0;
                }
            });
        }
    }
    patch.labels.mapv_inplace(class_of);
    patch
}

#[cfg(test)]
mod tests;
