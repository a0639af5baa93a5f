//! From the first stage of the cascade to the second. Source: arXiv:1809.10486, section 2.1 (spec section 12).

use ndarray::Array3;

use crate::plan::schema::Configuration;
use crate::predict::export::winners;
use crate::predict::memory::{Need, PredictError, Probabilities, Room};
use crate::predict::{Member, OnTiles};
use crate::preprocess::{Placement, separate_axis};
use crate::volume::Shape;
use crate::volume::resample::{Order, resize};

/// The grid of a prepared case.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// Its voxels, `[z, y, x]`.
    pub shape: Shape,
    /// How it lies in the image's own.
    pub placement: &'a Placement,
}

/// Classes that the first stage predicts, `[z, y, x]` on the grid that the same image has for the second stage.
///
/// Probabilities are carried over linearly, and the highest one decides.
///
/// # Errors
///
/// When there is too little room, the scratch folder fails, or `on_tiles` stops it.
pub fn first_stage(
    first: &Member<'_>,
    second: &Configuration,
    grid: Grid<'_>,
    room: &Room<'_>,
    on_tiles: &OnTiles<'_>,
) -> Result<Array3<u8>, PredictError> {
    let predictor = first.predictor;
    let in_memory = Need::of(std::slice::from_ref(first), false).fits(room)?;
    let probabilities = first.probabilities(in_memory, room, on_tiles)?;
    let separate = separate_axis(predictor.configuration.spacing_mm, &predictor.plan.preprocess, second);
    carried_over(&probabilities, first.placement, grid, separate)
}

/// The class with the highest probability, `[z, y, x]` on another grid of the same crop of the same image.
///
/// Each class is resampled by itself and compared with the best so far. Source: spec section 12 (order 1).
fn carried_over(
    probabilities: &Probabilities,
    from: &Placement,
    to: Grid<'_>,
    separate: Option<usize>,
) -> Result<Array3<u8>, PredictError> {
    assert_eq!((from.original, from.crop), (to.placement.original, to.placement.crop), "grids of one image");
    let mut shape = Shape([0; 3]);
    for (edge, axis) in to.shape.0.into_iter().zip(to.placement.axes()) {
        shape.0[axis] = edge;
    }
    let winner = winners(shape, probabilities.classes(), |class| {
        let values = probabilities.class(class)?;
        Ok(resize(values.view().permuted_axes(from.axes_back()), shape, Order::Linear, separate))
    })?;
    let winner = winner.permuted_axes(to.placement.axes());
    let classes = winner.mapv(|class| u8::try_from(class).expect("a data set has at most 255 labels"));
    Ok(classes.as_standard_layout().into_owned())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis, array};

    use super::*;
    use crate::volume::BoundingBox;

    #[test]
    fn probabilities_are_interpolated_before_the_winner_is_chosen() {
        let original = Shape([1, 1, 8]);
        let placement = Placement { original, crop: BoundingBox::whole(original), slice_axis: 0 };
        let mut probabilities = Array4::zeros((2, 1, 1, 2));
        probabilities.index_axis_mut(Axis(0), 0).assign(&array![[[0.9_f32, 0.0]]]);
        probabilities.index_axis_mut(Axis(0), 1).assign(&array![[[0.1_f32, 1.0]]]);
        let grid = Grid { shape: Shape([1, 1, 4]), placement: &placement };
        // At a quarter and three quarters of the way, class 0 has 0.675 and 0.225.
        let probabilities = Probabilities::Memory(probabilities);
        assert_eq!(carried_over(&probabilities, &placement, grid, None).unwrap(), array![[[0_u8, 0, 1, 1]]]);
    }

    #[test]
    fn labels_land_on_a_grid_whose_axes_are_in_another_order() {
        let original = Shape([2, 3, 4]);
        let placement = |slice_axis| Placement { original, crop: BoundingBox::whole(original), slice_axis };
        let (from, to) = (placement(1), placement(2));
        let class_of = |z: usize, y: usize, x: usize| (z * 5 + y * 3 + x * 2) % 3;
        // Prepared with y first, and with x first.
        let probabilities =
            Array4::from_shape_fn((3, 3, 2, 4), |(class, y, z, x)| f32::from(u8::from(class_of(z, y, x) == class)));
        let expected = Array3::from_shape_fn((4, 2, 3), |(x, z, y)| class_of(z, y, x) as u8);
        let grid = Grid { shape: Shape([4, 2, 3]), placement: &to };
        let labels = carried_over(&Probabilities::Memory(probabilities), &from, grid, None).unwrap();
        assert_eq!(labels, expected);
        assert!(labels.is_standard_layout());
    }
}
