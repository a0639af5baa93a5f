//! From logits to probabilities: of a batch on the device, and of an image channel by channel.

use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, softmax};
use ndarray::{Array3, ArrayView3, Zip};

use crate::plan::schema::Plan;

/// The function that makes probabilities of logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Softmax over the classes.
    Softmax,
    /// A sigmoid for each region.
    Sigmoid,
}

impl Activation {
    /// The activation of a plan's networks.
    pub fn of(plan: &Plan) -> Self {
        if plan.data.regions.is_empty() { Self::Softmax } else { Self::Sigmoid }
    }

    /// Probabilities of a batch from its logits, both `[batch, channel, z, y, x]`.
    pub(super) fn apply(self, logits: Tensor<5>) -> Tensor<5> {
        match self {
            Self::Softmax => softmax(logits, 1),
            Self::Sigmoid => sigmoid(logits),
        }
    }
}

/// The logistic function.
pub(super) fn logistic(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The logarithm of the sum of exponentials over channels that arrive one after the other, `[z, y, x]`. With it, the softmax of a
/// channel needs that channel only.
#[derive(Debug)]
pub(super) struct LogSumExp {
    maximum: Array3<f32>,
    /// Sum of the exponentials of the differences to the maximum.
    sum: Array3<f32>,
}

impl LogSumExp {
    /// The sum over no channel.
    pub(super) fn new(shape: [usize; 3]) -> Self {
        Self { maximum: Array3::from_elem(shape, f32::NEG_INFINITY), sum: Array3::zeros(shape) }
    }

    /// Adds a channel.
    pub(super) fn add(&mut self, logits: ArrayView3<'_, f32>) {
        Zip::from(&mut self.maximum).and(&mut self.sum).and(&logits).par_for_each(|maximum, sum, &logit| {
            if logit > *maximum {
                *sum = *sum * (*maximum - logit).exp() + 1.0;
                *maximum = logit;
            } else {
                *sum += (logit - *maximum).exp();
            }
        });
    }

    /// The logarithm of the sum.
    pub(super) fn finish(self) -> Array3<f32> {
        let Self { mut maximum, sum } = self;
        Zip::from(&mut maximum).and(&sum).par_for_each(|maximum, &sum| *maximum += sum.ln());
        maximum
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use ndarray::Array4;
    use proptest::prelude::*;

    use super::*;
    use crate::device::read_values;
    use crate::network::testing::cpu;

    proptest! {
        #[test]
        fn probabilities_channel_by_channel_are_those_of_the_device(
            logits in prop::collection::vec(-40.0_f32..40.0, 3 * 8),
        ) {
            let on_device = |activation: Activation| {
                let tensor = Tensor::from_data(TensorData::new(logits.clone(), [1, 3, 2, 2, 2]), &cpu());
                read_values(activation.apply(tensor)).unwrap()
            };
            let all = Array4::from_shape_vec((3, 2, 2, 2), logits.clone()).unwrap();
            let mut sum = LogSumExp::new([2, 2, 2]);
            all.outer_iter().for_each(|channel| sum.add(channel));
            let sum = sum.finish();
            let softmax = all.outer_iter().flat_map(|channel| (&channel - &sum).mapv(f32::exp).into_iter().collect::<Vec<_>>());
            for (found, expected) in softmax.zip(on_device(Activation::Softmax)) {
                prop_assert!((found - expected).abs() < 1e-5, "{found}, expected {expected}");
            }
            for (&logit, expected) in logits.iter().zip(on_device(Activation::Sigmoid)) {
                prop_assert!((logistic(logit) - expected).abs() < 1e-6, "{logit}: expected {expected}");
            }
        }
    }
}
