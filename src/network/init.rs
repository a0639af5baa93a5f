//! Initial weights: He normal, drawn on the host, so that every device starts from the same values.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;

use super::config::UNetConfig;
use super::unet::{Affine, Block, ConvWeight, Convolution, UNet};
use crate::random::Rng;

/// A network with random weights on a device; use `device.autodiff()` for training.
///
/// Weights are normal with standard deviation `sqrt(2 / (1 + slope²) / fan_in)`, `slope` being that of the leaky `ReLU`;
/// biases and shifts are 0, scales 1. The same generator gives the same weights on every device.
///
/// Source: nnU-Net commit 6150f1b0, where the paper does not state an initialisation.
pub fn he_normal(config: &UNetConfig, rng: &mut Rng, device: &Device) -> UNet {
    let slope = config.network.leaky_relu_slope;
    build(config, device, &mut |shape| draw_weight(shape, slope, rng, device))
}

/// A network whose convolution weights are 0, to be filled from a file.
pub fn zeros(config: &UNetConfig, device: &Device) -> UNet {
    build(config, device, &mut |shape| Param::from_tensor(Tensor::zeros(shape, device)))
}

/// A network whose weights come from `make_weight`, called in the order encoder, transposed convolutions, decoder, head.
fn build(config: &UNetConfig, device: &Device, make_weight: &mut dyn FnMut([usize; 5]) -> Param<Tensor<5>>) -> UNet {
    let topology = &config.topology;
    let make_blocks = |levels: [(usize, usize); 2], make_weight: &mut dyn FnMut([usize; 5]) -> Param<Tensor<5>>| {
        levels.map(|(inputs, outputs)| {
            build_block(config, device, outputs, make_weight(weight_shape(outputs, inputs, topology.kernel)))
        })
    };
    let encoder = (0..topology.levels()).map(|level| make_blocks(topology.encoder(level), make_weight)).collect();
    let upsample = topology.pools.iter().zip(topology.features.windows(2));
    let upsample = upsample
        .map(|(pool, features)| ConvWeight { weight: make_weight(weight_shape(features[1], features[0], *pool)) })
        .collect();
    let decoder = (0..topology.pools.len()).map(|level| make_blocks(topology.decoder(level), make_weight)).collect();
    let head = ConvWeight { weight: make_weight(weight_shape(topology.classes, topology.features[0], [1; 3])) };
    UNet { encoder, upsample, decoder, head, pools: topology.pools.clone(), precision: config.network.precision }
}

/// `[first, second, kz, ky, kx]`: `[out, in, …]`, or `[in, out, …]` for a transposed convolution.
fn weight_shape(first: usize, second: usize, [kz, ky, kx]: [usize; 3]) -> [usize; 5] {
    [first, second, kz, ky, kx]
}

fn build_block(config: &UNetConfig, device: &Device, outputs: usize, weight: Param<Tensor<5>>) -> Block {
    Block {
        conv: Convolution { weight, bias: fill(outputs, 0.0, device) },
        norm: Affine { weight: fill(outputs, 1.0, device), bias: fill(outputs, 0.0, device) },
        eps: config.network.instance_norm_eps,
        slope: config.network.leaky_relu_slope,
    }
}

fn fill(channels: usize, value: f32, device: &Device) -> Param<Tensor<1>> {
    Param::from_data(TensorData::new(vec![value; channels], [channels]), device)
}

/// He-normal weights. The fan-in counts the second dimension, for transposed convolutions too, as `PyTorch` does.
fn draw_weight(shape: [usize; 5], slope: f64, rng: &mut Rng, device: &Device) -> Param<Tensor<5>> {
    let fan_in = shape[1..].iter().product::<usize>() as f64;
    let sd = (2.0 / (1.0 + slope * slope) / fan_in).sqrt();
    let values = (0..shape.iter().product()).map(|_| (sd * draw_normal(rng)) as f32).collect::<Vec<_>>();
    Param::from_data(TensorData::new(values, shape), device)
}

/// A standard normal value, by the Box-Muller transform.
fn draw_normal(rng: &mut Rng) -> f64 {
    // In (0, 1], where the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}
