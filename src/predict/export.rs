//! From probabilities on the prepared grid to labels on the image's own grid. Source: spec section 12.

use ndarray::{Array3, ArrayView3, Zip};

use crate::plan::schema::{Configuration, Plan};
use crate::predict::memory::{PredictError, Probabilities};
use crate::preprocess::{Placement, separate_axis, spline_order};
use crate::volume::crop::paste;
use crate::volume::resample::{Order, resize};
use crate::volume::{Shape, Spacing};

/// Takes the probabilities of a class on an image's own grid, `[z, y, x]`.
pub type OnClass<'a> = dyn FnMut(usize, ArrayView3<'_, f32>) -> Result<(), PredictError> + 'a;

/// Class probabilities of one image on the prepared grid of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The probabilities, `[class, z, y, x]`.
    pub probabilities: &'a Probabilities,
    /// How the prepared grid lies in the image's own.
    pub placement: &'a Placement,
    /// Their way back.
    pub export: Export,
}

/// How probabilities travel back to the original grid.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Interpolation of the probabilities.
    pub order: Order,
    /// Axis resampled apart by nearest neighbour, if any.
    pub separate: Option<usize>,
}

impl Export {
    /// The way back of what [`crate::preprocess::prepare`] did to an image of the given spacing.
    pub fn new(plan: &Plan, configuration: &Configuration, spacing: Spacing) -> Self {
        let separate = separate_axis(spacing, &plan.preprocess, configuration);
        Self { order: spline_order(plan.predict.probability_order), separate }
    }
}

/// The class of each voxel of an image, `[z, y, x]` on its own grid, whose mean probability over the parts is the highest.
///
/// Each class is resampled by itself and compared with the best so far, so that no more than three volumes are held at
/// the original size. Voxels outside of the crop are background; the lower class wins a tie. `on_class`, where it is given, sees
/// the mean probability of each class in turn.
///
/// # Errors
///
/// When probabilities cannot be read from disk, and that of `on_class`.
///
/// # Panics
///
/// When there is no part, or the parts are not of the same image and classes.
pub fn classes(parts: &[Part<'_>], mut on_class: Option<&mut OnClass<'_>>) -> Result<Array3<i16>, PredictError> {
    let (first, others) = parts.split_first().expect("at least one part");
    let placement = first.placement;
    let share = 1.0 / parts.len() as f32;
    let winner = winners(placement.crop.shape(), first.probabilities.classes(), |class| {
        let mut values = first.resampled(class)?;
        for part in others {
            assert_eq!((part.placement.original, part.placement.crop), (placement.original, placement.crop));
            values += &part.resampled(class)?;
        }
        if let Some(on_class) = &mut on_class {
            // Outside of the crop all is background.
            let mut whole = Array3::from_elem(placement.original.0, if class == 0 { 1.0 } else { 0.0 });
            paste(values.mapv(|sum| sum * share).view(), whole.view_mut(), placement.crop);
            on_class(class, whole.view())?;
        }
        Ok(values)
    })?;
    let mut classes = Array3::zeros(placement.original.0);
    paste(winner.view(), classes.view_mut(), placement.crop);
    Ok(classes)
}

/// The class of each voxel, `[z, y, x]`, whose value is the highest; the lower class wins a tie.
///
/// `values` makes those of one class at a time.
pub(super) fn winners(
    shape: Shape,
    classes: usize,
    mut values: impl FnMut(usize) -> Result<Array3<f32>, PredictError>,
) -> Result<Array3<i16>, PredictError> {
    let mut best = Array3::from_elem(shape.0, f32::MIN);
    let mut winner = Array3::<i16>::zeros(shape.0);
    for class in 0..classes {
        Zip::from(&mut winner).and(&mut best).and(&values(class)?).par_for_each(|winner, best, &value| {
            if value > *best {
                *best = value;
                *winner = class as i16;
            }
        });
    }
    Ok(winner)
}

impl Part<'_> {
    /// The probability of a class on the crop of the original grid.
    fn resampled(&self, class: usize) -> Result<Array3<f32>, PredictError> {
        let values = self.probabilities.class(class)?;
        let values = values.view().permuted_axes(self.placement.axes_back());
        Ok(resize(values, self.placement.crop.shape(), self.export.order, self.export.separate))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis};
    use proptest::prelude::*;

    use super::*;
    use crate::volume::BoundingBox;

    fn linear(probabilities: &Array4<f32>, placement: &Placement) -> Array3<i16> {
        let export = Export { order: Order::Linear, separate: None };
        let probabilities = &Probabilities::Memory(probabilities.clone());
        classes(&[Part { probabilities, placement, export }], None).unwrap()
    }

    /// Probabilities that are 1 at a voxel's class.
    fn certain(classes: &Array3<i16>, count: usize) -> Array4<f32> {
        let (z, y, x) = classes.dim();
        Array4::from_shape_fn((count, z, y, x), |(class, z, y, x)| f32::from(classes[[z, y, x]] == class as i16))
    }

    proptest! {
        #[test]
        fn labels_come_back_to_the_place_that_they_were_cut_from(
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
    fn probabilities_are_interpolated_before_the_winner_is_chosen() {
        let placement =
            Placement { original: Shape([1, 1, 4]), crop: BoundingBox::whole(Shape([1, 1, 4])), slice_axis: 0 };
        let mut probabilities = Array4::zeros((2, 1, 1, 2));
        probabilities.index_axis_mut(Axis(0), 0).assign(&ndarray::array![[[0.9_f32, 0.0]]]);
        probabilities.index_axis_mut(Axis(0), 1).assign(&ndarray::array![[[0.1_f32, 1.0]]]);
        // At a quarter and three quarters of the way, class 0 has 0.675 and 0.225.
        assert_eq!(linear(&probabilities, &placement), ndarray::array![[[0_i16, 0, 1, 1]]]);
    }

    #[test]
    fn two_parts_are_averaged_on_the_images_grid() {
        let bounds = BoundingBox::whole(Shape([1, 1, 4]));
        let placement = |slice_axis| Placement { original: Shape([1, 1, 4]), crop: bounds, slice_axis };
        let export = Export { order: Order::Linear, separate: None };
        // On the image's own grid, and, with x moved to the front, on a grid of half its resolution.
        let fine = Array4::from_shape_vec((2, 1, 1, 4), vec![0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9]).unwrap();
        let coarse = Array4::from_shape_vec((2, 2, 1, 1), vec![0.2, 0.2, 0.8, 0.8]).unwrap();
        let [fine, coarse] = [fine, coarse].map(Probabilities::Memory);
        let parts = [
            Part { probabilities: &fine, placement: &placement(0), export },
            Part { probabilities: &coarse, placement: &placement(2), export },
        ];
        // Mean probabilities of class 0: 0.55, 0.55, 0.15, 0.15.
        let mut seen = Vec::new();
        let mut on_class = |_, values: ArrayView3<'_, f32>| {
            seen.extend(values.iter().map(|value| (value * 100.0).round() as i32));
            Ok(())
        };
        let both = classes(&parts, Some(&mut on_class)).unwrap();
        assert_eq!(both, ndarray::array![[[0_i16, 0, 1, 1]]]);
        assert_eq!(seen, [55, 55, 15, 15, 45, 45, 85, 85]);
        assert_eq!(classes(&parts[1..], None).unwrap(), ndarray::array![[[1_i16, 1, 1, 1]]]);
    }
}
