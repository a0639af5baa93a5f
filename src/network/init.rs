//! Initial weights: He normal, drawn on the host, so that every device starts from the same values.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;

use super::blocks::{Affine, Block, Convolution, ResidualBlock};
use super::config::UNetConfig;
use super::unet::{Encoder, ResidualEncoder, UNet};
use crate::plan::schema::EncoderBlock;
use crate::random::Rng;

/// Slope of a leaky `ReLU` that changes nothing.
const NO_ACTIVATION: f64 = 1.0;

/// A network with random weights on a device; use `device.autodiff()` for training.
///
/// Weights are normal with standard deviation `sqrt(2 / (1 + slope²) / fan_in)`, `slope` being that of the leaky `ReLU`;
/// biases and shifts are 0, scales 1. A residual block begins as the identity: the last scale of each is 0. The same generator gives the
/// same weights on every device.
///
/// Source: nnU-Net commit 6150f1b0, where the paper does not state an initialisation; for residual blocks
/// `dynamic_network_architectures` 0.4.4, `weight_init.py`.
pub fn he_normal(config: &UNetConfig, rng: &mut Rng, device: &Device) -> UNet {
    let slope = config.network.leaky_relu_slope;
    Builder { config, device, make_weight: &mut |shape| draw_weight(shape, slope, rng, device) }.build()
}

/// A network whose convolution weights are 0, to be filled from a file.
pub fn zeros(config: &UNetConfig, device: &Device) -> UNet {
    Builder { config, device, make_weight: &mut |shape| Param::from_tensor(Tensor::zeros(shape, device)) }.build()
}

/// Builds a network whose weights come from `make_weight`, called in the order encoder, transposed convolutions, decoder, heads.
struct Builder<'a> {
    config: &'a UNetConfig,
    device: &'a Device,
    make_weight: &'a mut dyn FnMut([usize; 5]) -> Param<Tensor<5>>,
}

impl Builder<'_> {
    fn build(mut self) -> UNet {
        let topology = &self.config.topology;
        let encoder = match topology.block {
            EncoderBlock::Plain => {
                Encoder::Plain((0..topology.levels()).map(|level| self.plain_stage(level)).collect())
            }
            EncoderBlock::Residual => {
                let slope = self.config.network.leaky_relu_slope;
                let stem = self.block((topology.in_channels, topology.features[0]), topology.kernels[0], [1; 3], slope);
                let stages = (0..topology.levels()).map(|level| self.residual_stage(level)).collect();
                Encoder::Residual(ResidualEncoder { stem, stages })
            }
        };
        let upsample = (0..topology.strides.len()).map(|level| self.upsampling(level)).collect();
        let decoder = (0..topology.strides.len())
            .map(|level| {
                let inputs = 2 * topology.features[level];
                self.blocks(level, inputs, topology.decoder_blocks[level], [1; 3])
            })
            .collect();
        let head = self.head(0);
        let auxiliary_heads = (1..topology.heads()).map(|level| self.head(level)).collect();
        UNet {
            encoder,
            upsample,
            decoder,
            head,
            auxiliary_heads,
            strides: topology.strides.clone(),
            downsampling: topology.downsampling,
            precision: self.config.network.precision,
        }
    }

    fn plain_stage(&mut self, level: usize) -> Vec<Block> {
        let topology = &self.config.topology;
        let (inputs, stride) = (topology.encoder_input(level), topology.convolution_stride(level));
        self.blocks(level, inputs, topology.encoder_blocks[level], stride)
    }

    /// `count` blocks, one after the other; the first has `inputs` input channels and a stride.
    fn blocks(&mut self, level: usize, inputs: usize, count: usize, stride: [usize; 3]) -> Vec<Block> {
        let topology = &self.config.topology;
        let (outputs, kernel, slope) =
            (topology.features[level], topology.kernels[level], self.config.network.leaky_relu_slope);
        let (first, others) = ((inputs, outputs), (outputs, outputs));
        (0..count)
            .map(|at| {
                if at == 0 {
                    self.block(first, kernel, stride, slope)
                } else {
                    self.block(others, kernel, [1; 3], slope)
                }
            })
            .collect()
    }

    fn residual_stage(&mut self, level: usize) -> Vec<ResidualBlock> {
        let topology = &self.config.topology;
        let (inputs, outputs) = (topology.encoder_input(level), topology.features[level]);
        let (kernel, slope) = (topology.kernels[level], self.config.network.leaky_relu_slope);
        (0..topology.encoder_blocks[level])
            .map(|at| {
                let (inputs, stride) =
                    if at == 0 { (inputs, topology.convolution_stride(level)) } else { (outputs, [1; 3]) };
                let conv1 = self.block((inputs, outputs), kernel, stride, slope);
                let mut conv2 = self.block((outputs, outputs), kernel, [1; 3], NO_ACTIVATION);
                conv2.norm.weight = fill(outputs, 0.0, self.device);
                let projection = (inputs != outputs).then(|| self.projection(inputs, outputs));
                ResidualBlock { conv1, conv2, projection, slope }
            })
            .collect()
    }

    fn projection(&mut self, inputs: usize, outputs: usize) -> Block {
        let block = self.block((inputs, outputs), [1; 3], [1; 3], NO_ACTIVATION);
        Block { conv: Convolution { bias: None, ..block.conv }, ..block }
    }

    fn block(
        &mut self,
        (inputs, outputs): (usize, usize),
        kernel: [usize; 3],
        stride: [usize; 3],
        slope: f64,
    ) -> Block {
        Block {
            conv: self.convolution(weight_shape(outputs, inputs, kernel), Some(outputs)),
            norm: Affine { weight: fill(outputs, 1.0, self.device), bias: fill(outputs, 0.0, self.device) },
            stride,
            eps: self.config.network.instance_norm_eps,
            slope,
        }
    }

    fn upsampling(&mut self, level: usize) -> Convolution {
        let topology = &self.config.topology;
        let (fine, coarse) = (topology.features[level], topology.features[level + 1]);
        let shape = weight_shape(coarse, fine, topology.strides[level]);
        self.convolution(shape, topology.upsampling_bias.then_some(fine))
    }

    fn head(&mut self, level: usize) -> Convolution {
        let topology = &self.config.topology;
        let shape = weight_shape(topology.outputs, topology.features[level], [1; 3]);
        self.convolution(shape, topology.head_bias.then_some(topology.outputs))
    }

    /// A convolution with a bias of this length, if it has one.
    fn convolution(&mut self, shape: [usize; 5], bias: Option<usize>) -> Convolution {
        let weight = (self.make_weight)(shape);
        Convolution { weight, bias: bias.map(|channels| fill(channels, 0.0, self.device)) }
    }
}

/// `[first, second, kz, ky, kx]`: `[out, in, …]`, or `[in, out, …]` for a transposed convolution.
fn weight_shape(first: usize, second: usize, [kz, ky, kx]: [usize; 3]) -> [usize; 5] {
    [first, second, kz, ky, kx]
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
