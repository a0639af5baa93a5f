//! From probabilities on the prepared grid to labels on the image's own grid. Source: spec section 12.

use ndarray::{Array3, ArrayView4, Zip};

use crate::plan::schema::{Configuration, Plan};
use crate::preprocess::{Placement, separate_axis, spline_order};
use crate::volume::Spacing;
use crate::volume::crop::paste;
use crate::volume::resample::{Order, resize};

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
        Self { order: spline_order(plan.predict.softmax_order), separate }
    }

    /// The most probable class of each voxel on the original grid, `[z, y, x]`, of probabilities `[class, z, y, x]` on the prepared one.
    ///
    /// Each class is resampled by itself and compared with the best so far, so that no more than two classes are held at
    /// the original size. Voxels outside of the crop are background; the lower class wins a tie.
    pub fn classes(self, probabilities: ArrayView4<'_, f32>, placement: &Placement) -> Array3<i16> {
        let shape = placement.crop.shape();
        let back = placement.axes_back();
        let mut best = Array3::from_elem(shape.0, f32::MIN);
        let mut winner = Array3::<i16>::zeros(shape.0);
        for (class, values) in probabilities.outer_iter().enumerate() {
            let values = resize(values.permuted_axes(back), shape, self.order, self.separate);
            Zip::from(&mut winner).and(&mut best).and(&values).par_for_each(|winner, best, &value| {
                if value > *best {
                    *best = value;
                    *winner = class as i16;
                }
            });
        }
        let mut classes = Array3::zeros(placement.original.0);
        paste(winner.view(), classes.view_mut(), placement.crop);
        classes
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis};
    use proptest::prelude::*;

    use super::*;
    use crate::volume::{BoundingBox, Shape};

    const LINEAR: Export = Export { order: Order::Linear, separate: None };

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

            let labels = LINEAR.classes(certain(&prepared, 3).view(), &placement);
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
        assert_eq!(LINEAR.classes(probabilities.view(), &placement), ndarray::array![[[0_i16, 0, 1, 1]]]);
    }
}
