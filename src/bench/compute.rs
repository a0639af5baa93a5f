//! Speed of the network on random data, and of the device.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::RngExt as _;

use crate::bench::setup::{Setup, median_seconds};
use crate::kernels::peak;
use crate::network::{PlannedNetwork, UNet};
use crate::random::{Key, Purpose, stream};
use crate::train::loss;
use crate::train::optimizer::Optimizer;

/// Forward passes that a training step costs: one, and one each for the gradients of inputs and weights.
pub const STEP_OVER_FORWARD: f64 = 3.0;

/// Random images `[b, c, z, y, x]` and labels `[b, z, y, x]`.
fn draw_batch(setup: &Setup<'_>, device: &Device) -> (Tensor<5>, Tensor<4, Int>) {
    let mut rng = stream(Key { purpose: Purpose::TrainingPatch, seed: 0, counters: [0; 4] });
    let [z, y, x] = setup.configuration.patch_size.0;
    let (batch, channels) = (setup.configuration.batch_size, setup.plan.input_channels(setup.name));
    let classes = setup.plan.data.labels.len() as i32 + 1;
    let voxels = batch * z * y * x;
    let images: Vec<f32> = (0..voxels * channels).map(|_| rng.random_range(-1.0..1.0)).collect();
    let labels: Vec<i32> = (0..voxels).map(|_| rng.random_range(0..classes)).collect();
    (
        Tensor::from_data(TensorData::new(images, [batch, channels, z, y, x]), device),
        Tensor::from_data(TensorData::new(labels, [batch, z, y, x]), device),
    )
}

pub(super) fn time_forward(setup: &Setup<'_>, network: &UNet) -> f64 {
    let (images, _) = draw_batch(setup, setup.device);
    median_seconds(setup.repetitions, || {
        // Reading a value waits for the whole pass on asynchronous devices.
        std::hint::black_box(network.forward(images.clone()).sum().into_scalar::<f32>());
    })
}

pub(super) fn time_train_step(setup: &Setup<'_>, network: UNet) -> f64 {
    let (images, labels) = draw_batch(setup, &setup.device.clone().autodiff());
    let mut optimizer = Optimizer::new(&setup.plan.train.optimizer);
    let mut network = Some(network);
    median_seconds(setup.repetitions, || {
        let Some(before) = network.take() else { return };
        let outputs = before.forward_all(images.clone());
        let loss = loss::compute(outputs, labels.clone(), setup.configuration.dice_scope(), &setup.plan.loss);
        let value = loss.clone().inner();
        network = Some(optimizer.step(before, loss.backward(), setup.plan.train.learning_rate, None));
        // Waits for the whole step; reading the value below reports a failure.
        let _ = setup.device.sync();
        std::hint::black_box(value.into_scalar::<f32>());
    })
}

/// The speed of a matrix product, or on the CPU of multiply-adds in registers if that is higher, GFLOP/s.
pub(super) fn measure_peak_gflops(setup: &Setup<'_>) -> f64 {
    const EDGE: usize = 1536;
    let matrix = || Tensor::<2>::ones([EDGE, EDGE], setup.device);
    let (left, right) = (matrix(), matrix());
    let seconds = median_seconds(setup.repetitions, || {
        std::hint::black_box(left.clone().matmul(right.clone()).sum().into_scalar::<f32>());
    });
    let product = 2.0 * (EDGE as f64).powi(3) / seconds / 1e9;
    let is_cpu = PlannedNetwork::new(setup.plan, setup.name).backend().is_cpu();
    if is_cpu { (0..setup.repetitions).map(|_| peak::measure_gflops()).fold(product, f64::max) } else { product }
}
