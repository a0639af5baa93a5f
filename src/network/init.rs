//! The first weights of a network: He normal, drawn on the host so that every backend starts from the same numbers.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;

use super::{Affine, Block, Convolution, Kernel, UNet, UNetConfig};
use crate::random::Rng;

/// A network with weights from a generator, drawn in the order encoder, transposed convolutions, decoder, head.
///
/// Weights are normal with standard deviation `sqrt(2 / (1 + slope²) / fan_in)`; biases and shifts are 0, scales 1.
///
/// Source: spec section 7.
pub(super) fn draw(config: &UNetConfig, rng: &mut Rng, device: &Device) -> UNet {
    let topology = &config.topology;
    let [kz, ky, kx] = topology.kernel;
    let slope = config.network.leaky_slope;
    let mut kernel = |shape: [usize; 5]| he_normal(shape, slope, rng, device);
    let block = |kernel: &mut dyn FnMut([usize; 5]) -> Param<Tensor<5>>, (inputs, outputs): (usize, usize)| Block {
        conv: Convolution { weight: kernel([outputs, inputs, kz, ky, kx]), bias: constant(outputs, 0.0, device) },
        norm: Affine { gamma: constant(outputs, 1.0, device), beta: constant(outputs, 0.0, device) },
        eps: config.network.norm_eps,
        slope,
    };
    let encoder =
        (0..topology.levels()).map(|level| topology.encoder(level).map(|io| block(&mut kernel, io))).collect();
    let up = (0..topology.pools.len())
        .map(|level| {
            let [pz, py, px] = topology.pools[level];
            Kernel { weight: kernel([topology.features[level + 1], topology.features[level], pz, py, px]) }
        })
        .collect();
    let decoder =
        (0..topology.pools.len()).map(|level| topology.decoder(level).map(|io| block(&mut kernel, io))).collect();
    let head = Kernel { weight: kernel([topology.classes, topology.features[0], 1, 1, 1]) };
    UNet { encoder, up, decoder, head, pools: topology.pools.clone() }
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
