//! Deep supervision: the weight of each output in the loss, and its labels.

use burn::tensor::{Int, Tensor};

/// Weight of each output, finest first: halved from one to the next, 0 for the coarsest of several, the sum is 1.
///
/// Source: nnU-Net v2.8.1, `nnUNetTrainer._build_loss`.
pub(super) fn weights(outputs: usize) -> Vec<f64> {
    let used = outputs.saturating_sub(1).max(1);
    let halved = |output: usize| if output < used { 0.5_f64.powi(output as i32) } else { 0.0 };
    let sum: f64 = (0..outputs).map(halved).sum();
    (0..outputs).map(|output| halved(output) / sum).collect()
}

/// Labels `[b, z, y, x]` at the centre of each voxel of a coarser grid, `[z, y, x]`; of two equally near ones the later.
///
/// # Panics
///
/// If the edges do not divide those of the labels.
pub(super) fn nearest(labels: Tensor<4, Int>, edges: [usize; 3]) -> Tensor<4, Int> {
    (0..3).fold(labels, |labels, axis| {
        let mut shape = labels.dims();
        let (old, new) = (shape[axis + 1], edges[axis]);
        assert_eq!(old % new, 0, "{new} voxels of {old} along axis {axis}");
        let stride = old / new;
        if stride == 1 {
            return labels;
        }
        let before: usize = shape[..=axis].iter().product();
        let after: usize = shape[axis + 2..].iter().product();
        shape[axis + 1] = new;
        labels.reshape([before * new, stride, after]).narrow(1, stride / 2, 1).reshape(shape)
    })
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::network::testing::cpu;

    #[test]
    fn weights_are_those_of_nnu_net() {
        let rounded =
            |outputs| weights(outputs).into_iter().map(|weight| (weight * 1e4).round() as i32).collect::<Vec<_>>();
        assert_eq!(rounded(1), [10_000]);
        assert_eq!(rounded(2), [10_000, 0]);
        assert_eq!(rounded(3), [6667, 3333, 0]);
        assert_eq!(rounded(5), [5333, 2667, 1333, 667, 0]);
    }

    #[test]
    fn coarser_labels_are_the_nearest() {
        // PyTorch: `interpolate(labels, scale_factor=1 / stride, mode="nearest-exact")`.
        let labels = Tensor::<4, Int>::from_data(TensorData::new((0..12_i64).collect(), [1, 1, 2, 6]), &cpu());
        let values = |edges| {
            nearest(labels.clone(), edges).into_data().convert::<i64>().try_into_vec::<i64>().expect("integers")
        };
        assert_eq!(values([1, 2, 6]), (0..12).collect::<Vec<_>>());
        assert_eq!(values([1, 1, 3]), [7, 9, 11]);
        assert_eq!(values([1, 2, 2]), [1, 4, 7, 10]);
    }
}
