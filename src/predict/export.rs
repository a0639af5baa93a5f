//! From probabilities on the prepared grid to labels on the image's own grid. Source: spec section 12.

use ndarray::{Array3, ArrayView4, Zip, s};

use crate::plan::schema::{Configuration, Plan};
use crate::preprocess::{Placement, separate_axis, target_spacing};
use crate::volume::Spacing;
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
        let ratio = plan.preprocess.separate_z_ratio;
        let separate = separate_axis(ratio, spacing, target_spacing(spacing, configuration));
        Self { order: Order::from_number(plan.predict.softmax_order), separate }
    }

    /// The most probable class of each voxel on the original grid, `[z, y, x]`, of probabilities `[class, z, y, x]` on the prepared one.
    ///
    /// Each class is resampled by itself and compared with the best so far, so that no more than two classes are held at
    /// the original size. Voxels outside of the crop are background; the lower class wins a tie.
    pub fn classes(self, probabilities: ArrayView4<'_, f32>, placement: &Placement) -> Array3<u8> {
        let crop = placement.crop;
        let shape = crop.shape();
        let back = placement.axes_back();
        let mut best = Array3::from_elem(shape.0, f32::MIN);
        let mut winner = Array3::<u8>::zeros(shape.0);
        for (class, values) in probabilities.outer_iter().enumerate() {
            let values = resize(values.permuted_axes(back), shape, self.order, self.separate);
            Zip::from(&mut winner).and(&mut best).and(&values).par_for_each(|winner, best, &value| {
                if value > *best {
                    *best = value;
                    *winner = class as u8;
                }
            });
        }
        let mut classes = Array3::zeros(placement.original.0);
        let [start, end] = [crop.start, crop.end];
        classes.slice_mut(s![start[0]..end[0], start[1]..end[1], start[2]..end[2]]).assign(&winner);
        classes
    }
}

