//! The first weights of a network: He normal, drawn on the host so that every backend starts from the same numbers.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;

use super::{Affine, Block, Convolution, Kernel, UNet, UNetConfig};
use crate::random::Rng;

/// A network with weights from a generator.
///
/// Weights are normal with standard deviation `sqrt(2 / (1 + slope²) / fan_in)`; biases and shifts are 0, scales 1.
///
/// Source: spec section 7.
pub(super) fn draw(config: &UNetConfig, rng: &mut Rng, device: &Device) -> UNet {
    let slope = config.network.leaky_relu_slope;
    build(config, device, &mut |shape| he_normal(shape, slope, rng, device))
}

/// A network whose weights are 0, to be filled from a file.
pub(super) fn blank(config: &UNetConfig, device: &Device) -> UNet {
    build(config, device, &mut |shape| Param::from_tensor(Tensor::zeros(shape, device)))
}

/// A network whose kernels come from `kernel`, called in the order encoder, transposed convolutions, decoder, head.
fn build(config: &UNetConfig, device: &Device, kernel: &mut dyn FnMut([usize; 5]) -> Param<Tensor<5>>) -> UNet {
    let topology = &config.topology;
    let level_blocks = |levels: [(usize, usize); 2], kernel: &mut dyn FnMut([usize; 5]) -> Param<Tensor<5>>| {
        levels.map(|(inputs, outputs)| block(config, device, outputs, kernel(taps(topology.kernel, outputs, inputs))))
    };
    let encoder = (0..topology.levels()).map(|level| level_blocks(topology.encoder(level), kernel)).collect();
    let up = topology.pools.iter().zip(topology.features.windows(2));
    let up = up.map(|(pool, widths)| Kernel { weight: kernel(taps(*pool, widths[1], widths[0])) }).collect();
    let decoder = (0..topology.pools.len()).map(|level| level_blocks(topology.decoder(level), kernel)).collect();
    let head = Kernel { weight: kernel(taps([1; 3], topology.classes, topology.features[0])) };
    UNet { encoder, up, decoder, head, pools: topology.pools.clone(), precision: config.network.precision }
}

/// Shape of a kernel.
fn taps([kz, ky, kx]: [usize; 3], first: usize, second: usize) -> [usize; 5] {
    [first, second, kz, ky, kx]
}

fn block(config: &UNetConfig, device: &Device, outputs: usize, weight: Param<Tensor<5>>) -> Block {
    Block {
        conv: Convolution { weight, bias: constant(outputs, 0.0, device) },
        norm: Affine { gamma: constant(outputs, 1.0, device), beta: constant(outputs, 0.0, device) },
        eps: config.network.instance_norm_eps,
        slope: config.network.leaky_relu_slope,
    }
}

fn constant(channels: usize, value: f32, device: &Device) -> Param<Tensor<1>> {
    Param::from_data(TensorData::new(vec![value; channels], [channels]), device)
}

/// He-normal kernel. The fan-in counts the second dimension, for transposed convolutions too, as `PyTorch` does.
fn he_normal(shape: [usize; 5], slope: f64, rng: &mut Rng, device: &Device) -> Param<Tensor<5>> {
    let fan_in = shape[1..].iter().product::<usize>() as f64;
    let sd = (2.0 / (1.0 + slope * slope) / fan_in).sqrt();
    let values = (0..shape.iter().product()).map(|_| (sd * normal(rng)) as f32).collect::<Vec<_>>();
    Param::from_data(TensorData::new(values, shape), device)
}

/// One standard normal number, by Box and Muller's transform.
fn normal(rng: &mut Rng) -> f64 {
    // In (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
