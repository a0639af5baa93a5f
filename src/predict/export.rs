//! From probabilities on prepared grids to labels on the image's own grid.
//!
//! The paper does not describe this step; it follows nnU-Net commit 6150f1b0, `segmentation_export.py`.
//!
//! Differs: that commit resamples the probabilities of validation cases with cubic splines and those of new images linearly. Here both
//! are linear by default, so that the cross-validation describes the results for new images.

use ndarray::{Array3, ArrayView3, Zip};

use crate::plan::schema::{Configuration, Plan};
use crate::predict::error::PredictError;
use crate::predict::probabilities::Probabilities;
use crate::preprocess::{Placement, separate_axis, spline_order};
use crate::volume::crop::paste;
use crate::volume::resample::{Order, resize};
use crate::volume::{Shape, Spacing};

/// Receives the probabilities of a class on the image's own grid, `[z, y, x]`.
pub type OnClass<'a> = dyn FnMut(usize, ArrayView3<'_, f32>) -> Result<(), PredictError> + 'a;

/// Class probabilities that one ensemble member predicts for an image, on its prepared grid.
#[derive(Clone, Copy, Debug)]
pub struct MemberProbabilities<'a> {
    /// The probabilities, `[class, z, y, x]`.
    pub probabilities: &'a Probabilities,
    /// Position of the prepared grid in the image's own grid.
    pub placement: &'a Placement,
    /// How they are resampled to the image's own grid.
    pub export: Export,
}

/// How probabilities are resampled from a prepared grid to the image's own grid.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Interpolation order.
    pub order: Order,
    /// The anisotropic axis, which is resampled separately by nearest neighbour, if there is one.
    pub separate_axis: Option<usize>,
}

impl Export {
    /// The inverse of the resampling by [`crate::preprocess::prepare`] of an image with this spacing.
    pub fn new(plan: &Plan, configuration: &Configuration, spacing: Spacing) -> Self {
        let separate_axis = separate_axis(spacing, &plan.preprocess, configuration);
        Self { order: spline_order(plan.predict.probability_order), separate_axis }
    }
}

/// The class with the highest mean probability over the members for each voxel of an image, `[z, y, x]` on its own grid.
///
/// Classes are resampled one after the other and compared with the maximum so far, so that at most three volumes of the original
/// size are in memory. Voxels outside the crop are background; of equal classes the lower one wins. `on_class`, if given, receives
/// the mean probability of each class in turn.
///
/// # Errors
///
/// If probabilities cannot be read from disk, or `on_class` fails.
///
/// # Panics
///
/// If there is no member, or the members differ in image or classes.
pub fn vote(
    members: &[MemberProbabilities<'_>],
    mut on_class: Option<&mut OnClass<'_>>,
) -> Result<Array3<i16>, PredictError> {
    let (first, others) = members.split_first().expect("at least one member");
    let placement = first.placement;
    let fraction = 1.0 / members.len() as f32;
    let winner = arg_max(placement.crop.shape(), first.probabilities.classes(), |class| {
        let mut values = first.resample(class)?;
        for member in others {
            assert_eq!((member.placement.original, member.placement.crop), (placement.original, placement.crop));
            values += &member.resample(class)?;
        }
        if let Some(on_class) = &mut on_class {
            // Everything outside the crop is background.
            let mut whole = Array3::from_elem(placement.original.0, if class == 0 { 1.0 } else { 0.0 });
            paste(values.mapv(|sum| sum * fraction).view(), whole.view_mut(), placement.crop);
            on_class(class, whole.view())?;
        }
        Ok(values)
    })?;
    let mut classes = Array3::zeros(placement.original.0);
    paste(winner.view(), classes.view_mut(), placement.crop);
    Ok(classes)
}

/// The class with the highest value for each voxel, `[z, y, x]`; of equal classes the lower one wins.
///
/// `values` computes the values of one class.
pub(super) fn arg_max(
    shape: Shape,
    classes: usize,
    mut values: impl FnMut(usize) -> Result<Array3<f32>, PredictError>,
) -> Result<Array3<i16>, PredictError> {
    let mut maximum = Array3::from_elem(shape.0, f32::MIN);
    let mut winner = Array3::<i16>::zeros(shape.0);
    for class in 0..classes {
        Zip::from(&mut winner).and(&mut maximum).and(&values(class)?).par_for_each(|winner, maximum, &value| {
            if value > *maximum {
                *maximum = value;
                *winner = class as i16;
            }
        });
    }
    Ok(winner)
}

impl MemberProbabilities<'_> {
    /// Probabilities of a class on the crop of the image's own grid.
    fn resample(&self, class: usize) -> Result<Array3<f32>, PredictError> {
        let values = self.probabilities.class(class)?;
        let values = values.view().permuted_axes(self.placement.axes_back());
        Ok(resize(values, self.placement.crop.shape(), self.export.order, self.export.separate_axis))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis};
    use proptest::prelude::*;

    use super::*;
    use crate::volume::BoundingBox;

    fn linear(probabilities: &Array4<f32>, placement: &Placement) -> Array3<i16> {
        let export = Export { order: Order::Linear, separate_axis: None };
        let probabilities = &Probabilities::Memory(probabilities.clone());
        vote(&[MemberProbabilities { probabilities, placement, export }], None).unwrap()
    }

    /// Probabilities that are 1 for the class of each voxel.
    fn certain(classes: &Array3<i16>, count: usize) -> Array4<f32> {
        let (z, y, x) = classes.dim();
        Array4::from_shape_fn((count, z, y, x), |(class, z, y, x)| f32::from(classes[[z, y, x]] == class as i16))
    }

    proptest! {
        #[test]
        fn labels_return_to_the_position_they_were_cropped_from(
            slice_axis in 0_usize..3,
            start in proptest::array::uniform3(0_usize..4),
            size in proptest::array::uniform3(1_usize..5),
            seed in 0_usize..1000,
        ) {
            let end: [usize; 3] = std::array::from_fn(|axis| start[axis] + size[axis]);
            let original = Shape(end.map(|edge| edge + 1));
            let placement = Placement { original, crop: BoundingBox { start, end }, slice_axis };
            let inside = Array3::from_shape_fn(size, |(z, y, x)| ((seed + z * 7 + y * 5 + x * 3) % 3) as i16);
            let prepared = inside.clone().permuted_axes(placement.axes());

            let labels = linear(&certain(&prepared, 3), &placement);
            let mut expected = Array3::zeros(original.0);
            paste(inside.view(), expected.view_mut(), placement.crop);
            prop_assert_eq!(labels, expected);
        }
    }

    #[test]
    fn probabilities_are_interpolated_before_the_class_is_chosen() {
        let placement =
            Placement { original: Shape([1, 1, 4]), crop: BoundingBox::whole(Shape([1, 1, 4])), slice_axis: 0 };
        let mut probabilities = Array4::zeros((2, 1, 1, 2));
        probabilities.index_axis_mut(Axis(0), 0).assign(&ndarray::array![[[0.9_f32, 0.0]]]);
        probabilities.index_axis_mut(Axis(0), 1).assign(&ndarray::array![[[0.1_f32, 1.0]]]);
        // Between the voxels, at a quarter and at three quarters, class 0 has 0.675 and 0.225.
        assert_eq!(linear(&probabilities, &placement), ndarray::array![[[0_i16, 0, 1, 1]]]);
    }

    #[test]
    fn two_members_are_averaged_on_the_images_grid() {
        let bounds = BoundingBox::whole(Shape([1, 1, 4]));
        let placement = |slice_axis| Placement { original: Shape([1, 1, 4]), crop: bounds, slice_axis };
        let export = Export { order: Order::Linear, separate_axis: None };
        // On the image's own grid; and on a grid of half its resolution, with x as the first axis.
        let fine = Array4::from_shape_vec((2, 1, 1, 4), vec![0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9]).unwrap();
        let coarse = Array4::from_shape_vec((2, 2, 1, 1), vec![0.2, 0.2, 0.8, 0.8]).unwrap();
        let [fine, coarse] = [fine, coarse].map(Probabilities::Memory);
        let parts = [
            MemberProbabilities { probabilities: &fine, placement: &placement(0), export },
            MemberProbabilities { probabilities: &coarse, placement: &placement(2), export },
        ];
        // Mean probabilities of class 0: 0.55, 0.55, 0.15, 0.15.
        let mut seen = Vec::new();
        let mut on_class = |_, values: ArrayView3<'_, f32>| {
            seen.extend(values.iter().map(|value| (value * 100.0).round() as i32));
            Ok(())
        };
        let both = vote(&parts, Some(&mut on_class)).unwrap();
        assert_eq!(both, ndarray::array![[[0_i16, 0, 1, 1]]]);
        assert_eq!(seen, [55, 55, 15, 15, 45, 45, 85, 85]);
        assert_eq!(vote(&parts[1..], None).unwrap(), ndarray::array![[[1_i16, 1, 1, 1]]]);
    }
}
