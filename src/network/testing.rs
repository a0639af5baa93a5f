//! Small networks for tests.

use burn::tensor::{Device, Tensor, TensorData};

use super::config::UNetConfig;
use super::init;
use super::unet::UNet;
use crate::plan::schema::{AugmentationKind, Configuration, Downsampling, EncoderBlock, Network, Precision};
use crate::random::{Key, Purpose, Rng, stream};
use crate::volume::{Shape, Spacing};

pub(crate) fn cpu() -> Device {
    crate::device::open_device("cpu").expect("tests run with the default features")
}

/// A configuration whose other values do not matter to the network.
pub(crate) fn configuration(patch: [usize; 3], pools: [usize; 3], features: &[usize]) -> Configuration {
    Configuration {
        spacing_mm: Spacing([1.0; 3]),
        median_shape: Shape(patch),
        slice_axis: 0,
        patch_size: Shape(patch),
        batch_size: 2,
        pool_depths: pools,
        strides: None,
        kernel_sizes: None,
        blocks_per_stage: None,
        decoder_blocks_per_stage: None,
        features_per_stage: features.to_vec(),
        batch_dice: false,
        augmentation: AugmentationKind::ThreeD,
        dummy_2d_axis: None,
    }
}

/// The constants of nnU-Net commit 6150f1b0.
pub(crate) fn network() -> Network {
    Network {
        leaky_relu_slope: 0.01,
        instance_norm_eps: 1e-5,
        block: EncoderBlock::Plain,
        downsampling: Downsampling::MaxPool,
        upsampling_bias: false,
        head_bias: false,
        deep_supervision: false,
        precision: Precision::F32,
    }
}

/// The constants of nnU-Net v2's networks, with blocks of this kind.
pub(crate) fn nnunet_v2(block: EncoderBlock) -> Network {
    Network {
        block,
        downsampling: Downsampling::StridedConvolution,
        upsampling_bias: true,
        head_bias: true,
        deep_supervision: true,
        ..network()
    }
}

/// A network with the initial weights of a seed; `io` is the number of input channels and of classes.
pub(crate) fn build_unet(configuration: &Configuration, io: (usize, usize), seed: u64, device: &Device) -> UNet {
    init::he_normal(&UNetConfig::new(configuration, &network(), io.0, io.1), &mut weight_rng(seed), device)
}

/// Two poolings, one input channel, three classes.
pub(crate) fn tiny(seed: u64, device: &Device) -> UNet {
    build_unet(&configuration([8, 16, 16], [1, 2, 2], &[4, 8, 16]), (1, 3), seed, device)
}

/// The generator for the initial weights of a seed.
pub(crate) fn weight_rng(seed: u64) -> Rng {
    stream(Key { purpose: Purpose::Weights, seed, counters: [0; 4] })
}

/// A tensor that the reference scripts can compute too: `sin(frequency · i + phase)` at element `i`.
pub(crate) fn wave<const D: usize>(shape: [usize; D], frequency: f64, phase: f64, device: &Device) -> Tensor<D> {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|i| (frequency * i as f64 + phase).sin() as f32).collect::<Vec<_>>();
    Tensor::from_data(TensorData::new(values, shape), device)
}
