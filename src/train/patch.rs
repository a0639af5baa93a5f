//! Training patches, from a prepared case to the input of the network.
//!
//! Input: a borrowed case and the first voxel of the patch. Output: image and labels on one grid. Deliberately absent: where a
//! patch is cut out (`sampler`) and random transforms (`augment`).

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, Slice, s};

use crate::preprocess::cache::PreparedCase;
use crate::preprocess::class_of;
use crate::preprocess::first_stage::FirstStage;
use crate::volume::Shape;

/// Label outside the non-zero mask and outside the image.
pub const OUTSIDE: i16 = -1;

/// A borrowed prepared case.
#[derive(Clone, Debug)]
pub struct CaseView<'a> {
    /// Normalised intensities, `[c, z, y, x]`.
    pub image: ArrayView4<'a, f32>,
    /// Labels, `[z, y, x]`; negative outside the non-zero mask.
    pub labels: ArrayView3<'a, i16>,
    /// Classes predicted by the first stage of the cascade, `[z, y, x]`; `None` for networks that do not read them.
    pub first_stage: Option<ArrayView3<'a, u8>>,
    /// Voxels of each foreground class of the case, `[z, y, x]`, possibly a subsample. No list is empty.
    pub foreground: Vec<&'a [[u32; 3]]>,
}

impl CaseView<'_> {
    /// Size of the case in voxels, `[z, y, x]`.
    pub fn shape(&self) -> Shape {
        let (z, y, x) = self.labels.dim();
        Shape([z, y, x])
    }
}

impl<'a> From<&'a PreparedCase> for CaseView<'a> {
    fn from(case: &'a PreparedCase) -> Self {
        let foreground = case.classes().iter().map(|&class| case.foreground(class)).collect();
        let first_stage = case.first_stage().map(FirstStage::labels);
        CaseView { image: case.image(), labels: case.labels(), first_stage, foreground }
    }
}

/// An image and its labels on one grid, cut out of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Intensities, `[c, z, y, x]`.
    pub image: Array4<f32>,
    /// Labels, `[z, y, x]`.
    pub labels: Array3<i16>,
    /// Classes predicted by the first stage of the cascade, `[z, y, x]`; `None` for networks that do not read them.
    pub first_stage: Option<Array3<i16>>,
}

/// Sizes of a patch before and after augmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchSizes {
    /// Voxels that are cut out of the case, `[z, y, x]`; larger than `patch` if a rotation needs the surroundings.
    pub loaded: Shape,
    /// Input size of the network, `[z, y, x]`; z is 1 in 2D.
    pub patch: Shape,
}

/// Cuts out the patch of `size` voxels, `[z, y, x]`, whose first voxel is `corner`. Outside the case the image is 0, labels are
/// [`OUTSIDE`] and the first stage's class is background.
pub fn extract(case: &CaseView<'_>, corner: [i64; 3], size: Shape) -> Patch {
    let [depth, height, width] = size.0;
    let mut image = Array4::zeros((case.image.len_of(Axis(0)), depth, height, width));
    let mut labels = Array3::from_elem((depth, height, width), OUTSIDE);
    let [z, y, x] = std::array::from_fn(|axis| Overlap::new(case.shape().0[axis], corner[axis], size.0[axis]));
    image.slice_mut(s![.., z.patch, y.patch, x.patch]).assign(&case.image.slice(s![.., z.case, y.case, x.case]));
    labels.slice_mut(s![z.patch, y.patch, x.patch]).assign(&case.labels.slice(s![z.case, y.case, x.case]));
    let first_stage = case.first_stage.map(|classes| {
        let mut cut = Array3::zeros((depth, height, width));
        cut.slice_mut(s![z.patch, y.patch, x.patch])
            .zip_mut_with(&classes.slice(s![z.case, y.case, x.case]), |cut, &class| *cut = class.into());
        cut
    });
    Patch { image, labels, first_stage }
}

/// The voxels that a patch and its case have in common along one axis, as indices into each of them.
#[derive(Clone, Copy)]
struct Overlap {
    case: Slice,
    patch: Slice,
}

impl Overlap {
    fn new(case: usize, corner: i64, size: usize) -> Self {
        let start = corner.clamp(0, case as i64);
        let end = (corner + size as i64).clamp(start, case as i64);
        let slice = |from: i64, to: i64| Slice::new(from as isize, Some(to as isize), 1);
        // A patch entirely outside overlaps nowhere; then any empty slice of the patch is valid.
        let shift = if start == end { start } else { corner };
        Self { case: slice(start, end), patch: slice(start - shift, end - shift) }
    }
}

/// The patch as the network reads it: negative labels become the class that they encode ([`OUTSIDE`]: background), and with
/// `normalize_in_mask` the image is 0 wherever the label was negative.
///
/// Source: nnU-Net commit 6150f1b0, `default_data_augmentation.py` (`MaskTransform`, `RemoveLabelTransform`).
///
/// Differs: that commit does not mark foreground outside the non-zero mask, and keeps the image there.
pub fn to_network_input(mut patch: Patch, normalize_in_mask: bool) -> Patch {
    if normalize_in_mask {
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
pub(super) mod testing {
    use std::collections::BTreeMap;

    use ndarray::{Array3, Array4};

    use super::CaseView;

    /// A case with two classes whose intensities are the raster indices of its voxels.
    pub(in crate::train) struct Fixture {
        pub(in crate::train) image: Array4<f32>,
        pub(in crate::train) labels: Array3<i16>,
        pub(in crate::train) foreground: BTreeMap<u8, Vec<[u32; 3]>>,
    }

    impl Fixture {
        pub(in crate::train) fn new(shape: [usize; 3]) -> Self {
            let voxels = shape.iter().product::<usize>();
            let image =
                Array4::from_shape_vec((1, shape[0], shape[1], shape[2]), (0..voxels).map(|i| i as f32).collect());
            let foreground = BTreeMap::from([(1, vec![[0, 0, 0], [4, 5, 6]]), (2, vec![[9, 9, 9]])]);
            let mut labels = Array3::zeros(shape);
            for (&label, voxels) in &foreground {
                for voxel in voxels {
                    labels[voxel.map(|index| index as usize)] = i16::from(label);
                }
            }
            Self { image: image.expect("as many values as voxels"), labels, foreground }
        }

        pub(in crate::train) fn view(&self) -> CaseView<'_> {
            let foreground = self.foreground.values().map(Vec::as_slice).collect();
            CaseView { image: self.image.view(), labels: self.labels.view(), first_stage: None, foreground }
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the values are copied, not computed")]
mod tests {
    use super::testing::Fixture;
    use super::*;

    #[test]
    fn a_patch_over_the_edge_is_padded() {
        let case = Fixture::new([10, 12, 14]);
        let patch = extract(&case.view(), [-1, 10, 3], Shape([3, 4, 2]));
        for ([z, y, x], label) in patch.labels.indexed_iter().map(|((z, y, x), label)| ([z, y, x], *label)) {
            let inside = z >= 1 && y < 2;
            let expected = if inside { case.image[[0, z - 1, y + 10, x + 3]] } else { 0.0 };
            assert_eq!(patch.image[[0, z, y, x]], expected);
            assert_eq!(label, if inside { 0 } else { OUTSIDE });
        }
    }

    #[test]
    fn a_patch_that_misses_the_case_is_all_padding() {
        let case = Fixture::new([10, 12, 14]);
        for corner in [[-9, 0, 0], [0, 12, 0], [0, 0, 40]] {
            let patch = extract(&case.view(), corner, Shape([4, 4, 4]));
            assert!(patch.labels.iter().all(|&label| label == OUTSIDE), "corner {corner:?}");
            assert!(patch.image.iter().all(|&value| value == 0.0), "corner {corner:?}");
        }
    }

    #[test]
    fn the_first_stage_is_cut_out_with_the_image_and_is_background_outside() {
        let case = Fixture::new([10, 12, 14]);
        let classes = case.labels.mapv(|label| label as u8 + 1);
        let view = CaseView { first_stage: Some(classes.view()), ..case.view() };
        let patch = extract(&view, [-1, 10, 3], Shape([3, 4, 2]));
        let expected = patch.labels.mapv(|label| if label == OUTSIDE { 0 } else { label + 1 });
        assert_eq!(patch.first_stage, Some(expected));
        assert_eq!(extract(&case.view(), [0, 0, 0], Shape([1, 1, 1])).first_stage, None);
    }

    #[test]
    fn the_network_input_hides_voxels_outside_the_mask() {
        let case = Fixture::new([10, 12, 14]);
        let mut patch = extract(&case.view(), [4, 5, 6], Shape([2, 2, 2]));
        patch.labels[[1, 1, 1]] = OUTSIDE;
        let value = patch.image[[0, 1, 1, 1]];
        assert_ne!(value, 0.0);
        let plain = to_network_input(patch.clone(), false);
        assert_eq!((plain.labels[[1, 1, 1]], plain.labels[[0, 0, 0]]), (0, 1));
        assert_eq!(plain.image[[0, 1, 1, 1]], value);
        let masked = to_network_input(patch.clone(), true);
        assert_eq!(masked.image[[0, 1, 1, 1]], 0.0);
        assert_eq!(masked.image[[0, 0, 0, 0]], patch.image[[0, 0, 0, 0]]);
    }
}
