//! The input of the cascade's second stage from the first one. Source: arXiv:1809.10486, 2.1; interpolation of nnU-Net commit
//! 6150f1b0, `predict_next_stage.py`.
//!
//! Differs: that commit resamples the first stage's labels, not its probabilities, for new images, and predicts training cases with
//! the weights of the best epoch. Here new images and training cases get the same treatment, with the final weights. With
//! `predict.average = "logits"`, labels are resampled for new images, as in nnU-Net v2.

use ndarray::Array3;

use crate::plan::schema::{Average, Configuration};
use crate::predict::channels::{Channels, arg_max};
use crate::predict::error::PredictError;
use crate::predict::export::vote;
use crate::predict::member::EnsembleMember;
use crate::predict::memory_limit::{MemoryLimit, MemoryNeed};
use crate::predict::outputs::Outputs;
use crate::predict::predictor::OnTiles;
use crate::predict::resampled::{Export, MemberOutputs};
use crate::preprocess::{Placement, separate_axis, spline_order};
use crate::volume::axes::permute_back;
use crate::volume::crop::crop;
use crate::volume::resample::{Order, resize, resize_labels};
use crate::volume::{Shape, Spacing};

/// The grid of a prepared case.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// Size in voxels, `[z, y, x]`.
    pub shape: Shape,
    /// Position in the image's own grid.
    pub placement: &'a Placement,
}

impl Grid<'_> {
    /// Its size with the axes in the order of the image.
    fn shape_in_image_axes(&self) -> Shape {
        Shape(permute_back(self.shape.0, self.placement.axes()))
    }
}

/// Predicts the classes of the first stage, `[z, y, x]`, on the grid that the second stage uses for the same image.
///
/// Probabilities or logits are interpolated linearly before the class with the highest one is chosen.
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
    let outputs = first.predict(storage, limit.scratch, on_tiles)?;
    let separate_axis = separate_axis(network.configuration().spacing_mm, &network.plan().preprocess, second);
    resample_outputs(&outputs, first.placement, grid, separate_axis)
}

/// Predicts the classes of the first stage for a new image of this spacing (mm), `[z, y, x]`, on the grid that the second stage uses
/// for the same image.
///
/// With `predict.average = "logits"`, and for regions, the first stage's labels on the image's own grid are resampled (source:
/// nnU-Net v2, `default_preprocessor.py`); otherwise as [`predict_first_stage`].
///
/// # Errors
///
/// As [`predict_first_stage`].
pub fn predict_first_stage_of_new_image(
    first: &EnsembleMember<'_>,
    second: &Configuration,
    grid: Grid<'_>,
    spacing: Spacing,
    limit: &MemoryLimit<'_>,
    on_tiles: &OnTiles<'_>,
) -> Result<Array3<u8>, PredictError> {
    let network = first.predictor.network;
    let plan = network.plan();
    if plan.predict.average == Average::Probabilities && plan.data.regions.is_empty() {
        return predict_first_stage(first, second, grid, limit, on_tiles);
    }
    let storage = MemoryNeed::of(std::slice::from_ref(first), false).choose_storage(limit)?;
    let outputs = first.predict(storage, limit.scratch, on_tiles)?;
    let export = Export::new(plan, network.configuration(), spacing);
    let member = MemberOutputs { outputs: &outputs, placement: first.placement, export };
    let labels = vote(&[member], &Channels::of(plan), None)?;
    drop(outputs);
    let mut class_of = [0; 256];
    for (class, &label) in (1..=u8::MAX).zip(plan.data.labels.keys()) {
        class_of[usize::from(label)] = class;
    }
    let classes = labels.mapv(|label| class_of[label as usize]);
    let order = spline_order(plan.preprocess.label_order);
    Ok(resample_labels(&classes, grid, order, separate_axis(spacing, &plan.preprocess, second)))
}

/// Classes on an image's own grid, `[z, y, x]`, on a prepared grid of the same image.
fn resample_labels(classes: &Array3<u8>, to: Grid<'_>, order: Order, separate_axis: Option<usize>) -> Array3<u8> {
    let cropped = crop(classes.view(), to.placement.crop);
    let resized = resize_labels(cropped, to.shape_in_image_axes(), order, separate_axis);
    resized.permuted_axes(to.placement.axes()).as_standard_layout().into_owned()
}

/// The class with the highest probability or logit, `[z, y, x]`, on another grid of the same crop of the same image.
fn resample_outputs(
    outputs: &Outputs,
    from: &Placement,
    to: Grid<'_>,
    separate_axis: Option<usize>,
) -> Result<Array3<u8>, PredictError> {
    assert_eq!((from.original, from.crop), (to.placement.original, to.placement.crop), "grids of one image");
    let shape = to.shape_in_image_axes();
    let winner = arg_max(shape, outputs.channels(), |class| {
        let values = outputs.channel(class)?;
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
        let outputs = Outputs::Memory(probabilities);
        assert_eq!(resample_outputs(&outputs, &placement, grid, None).unwrap(), array![[[0_u8, 0, 1, 1]]]);
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
        let labels = resample_outputs(&Outputs::Memory(probabilities), &from, grid, None).unwrap();
        assert_eq!(labels, expected);
        assert!(labels.is_standard_layout());
    }

    #[test]
    fn labels_of_the_whole_image_are_cropped_resampled_and_placed_on_a_grid_with_another_axis_order() {
        let original = Shape([2, 3, 4]);
        let crop = BoundingBox { start: [0, 1, 1], end: [2, 3, 3] };
        let placement = Placement { original, crop, slice_axis: 2 };
        let mut classes = Array3::from_elem(original.0, 9_u8);
        classes.slice_mut(ndarray::s![.., 1..3, 1..3]).assign(&array![[[1, 2], [1, 2]], [[1, 2], [1, 0]]]);
        // x becomes the first axis, and y is twice as fine.
        let grid = Grid { shape: Shape([2, 2, 4]), placement: &placement };
        let found = resample_labels(&classes, grid, Order::Nearest, None);
        assert_eq!(found, array![[[1, 1, 1, 1], [1, 1, 1, 1]], [[2, 2, 2, 2], [2, 2, 0, 0]]]);
        assert_eq!(resample_labels(&classes, grid, Order::Linear, None), found);
    }
}
