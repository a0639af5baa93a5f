//! The input of the cascade's second stage from the first one. Source: arXiv:1809.10486, 2.1; interpolation of nnU-Net commit
//! 6150f1b0, `predict_next_stage.py`.
//!
//! Differs: that commit resamples the first stage's labels, not its probabilities, for new images, and predicts training cases with
//! the weights of the best epoch. Here new images and training cases get the same treatment, with the final weights.

use ndarray::Array3;

use crate::plan::schema::Configuration;
use crate::predict::error::PredictError;
use crate::predict::export::arg_max;
use crate::predict::member::EnsembleMember;
use crate::predict::memory_limit::{MemoryLimit, MemoryNeed};
use crate::predict::predictor::OnTiles;
use crate::predict::probabilities::Probabilities;
use crate::preprocess::{Placement, separate_axis};
use crate::volume::Shape;
use crate::volume::resample::{Order, resize};

/// The grid of a prepared case.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// Size in voxels, `[z, y, x]`.
    pub shape: Shape,
    /// Position in the image's own grid.
    pub placement: &'a Placement,
}

/// Predicts the classes of the first stage, `[z, y, x]`, on the grid that the second stage uses for the same image.
///
/// Probabilities are interpolated linearly before the class with the highest one is chosen.
///
/// # Errors
///
/// If the memory limit is too small, the scratch folder fails, or `on_tiles` stops the prediction.
pub fn predict_first_stage(
    first: &EnsembleMember<'_>,
    second: &Configuration,
    grid: Grid<'_>,
    limit: &MemoryLimit<'_>,
    on_tiles: &OnTiles<'_>,
) -> Result<Array3<u8>, PredictError> {
    let network = first.predictor.network;
    let storage = MemoryNeed::of(std::slice::from_ref(first), false).choose_storage(limit)?;
    let probabilities = first.predict(storage, limit.scratch, on_tiles)?;
    let separate_axis = separate_axis(network.configuration().spacing_mm, &network.plan().preprocess, second);
    resample_classes(&probabilities, first.placement, grid, separate_axis)
}

/// The class with the highest probability, `[z, y, x]`, on another grid of the same crop of the same image.
fn resample_classes(
    probabilities: &Probabilities,
    from: &Placement,
    to: Grid<'_>,
    separate_axis: Option<usize>,
) -> Result<Array3<u8>, PredictError> {
    assert_eq!((from.original, from.crop), (to.placement.original, to.placement.crop), "grids of one image");
    let mut shape = Shape([0; 3]);
    for (edge, axis) in to.shape.0.into_iter().zip(to.placement.axes()) {
        shape.0[axis] = edge;
    }
    let winner = arg_max(shape, probabilities.classes(), |class| {
        let values = probabilities.class(class)?;
        Ok(resize(values.view().permuted_axes(from.axes_back()), shape, Order::Linear, separate_axis))
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
    fn probabilities_are_interpolated_before_the_class_is_chosen() {
        let original = Shape([1, 1, 8]);
        let placement = Placement { original, crop: BoundingBox::whole(original), slice_axis: 0 };
        let mut probabilities = Array4::zeros((2, 1, 1, 2));
        probabilities.index_axis_mut(Axis(0), 0).assign(&array![[[0.9_f32, 0.0]]]);
        probabilities.index_axis_mut(Axis(0), 1).assign(&array![[[0.1_f32, 1.0]]]);
        let grid = Grid { shape: Shape([1, 1, 4]), placement: &placement };
        // Between the voxels, at a quarter and at three quarters, class 0 has 0.675 and 0.225.
        let probabilities = Probabilities::Memory(probabilities);
        assert_eq!(resample_classes(&probabilities, &placement, grid, None).unwrap(), array![[[0_u8, 0, 1, 1]]]);
    }

    #[test]
    fn labels_are_placed_on_a_grid_with_another_axis_order() {
        let original = Shape([2, 3, 4]);
        let placement = |slice_axis| Placement { original, crop: BoundingBox::whole(original), slice_axis };
        let (from, to) = (placement(1), placement(2));
        let class_of = |z: usize, y: usize, x: usize| (z * 5 + y * 3 + x * 2) % 3;
        // Prepared with y as the first axis, and with x.
        let probabilities =
            Array4::from_shape_fn((3, 3, 2, 4), |(class, y, z, x)| f32::from(u8::from(class_of(z, y, x) == class)));
        let expected = Array3::from_shape_fn((4, 2, 3), |(x, z, y)| class_of(z, y, x) as u8);
        let grid = Grid { shape: Shape([4, 2, 3]), placement: &to };
        let labels = resample_classes(&Probabilities::Memory(probabilities), &from, grid, None).unwrap();
        assert_eq!(labels, expected);
        assert!(labels.is_standard_layout());
    }
}
