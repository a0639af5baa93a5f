//! Networks other than that of 2018: strided convolutions, residual blocks, deep supervision.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use crate::network::init;
use crate::network::testing::{self, configuration, nnunet_v2, wave, weight_rng};
use crate::network::weights::{to_host, values};
use crate::network::{UNet, UNetConfig, ops};
use crate::plan::schema::{Configuration, Downsampling, EncoderBlock, Network};

/// Strides and kernels that differ from resolution to resolution.
fn anisotropic() -> Configuration {
    Configuration {
        strides: Some(vec![[1, 1, 1], [1, 2, 2], [2, 2, 2], [1, 3, 2]]),
        kernel_sizes: Some(vec![[1, 3, 3], [1, 3, 3], [3, 3, 3], [3, 3, 3]]),
        blocks_per_stage: Some(vec![1, 3, 2, 1]),
        decoder_blocks_per_stage: Some(vec![2, 1, 1]),
        ..configuration([4, 24, 16], [1, 3, 3], &[4, 8, 8, 16])
    }
}

fn settings(block: EncoderBlock, downsampling: Downsampling) -> Network {
    Network { downsampling, ..nnunet_v2(block) }
}

fn build(configuration: &Configuration, network: &Network) -> UNet {
    let config = UNetConfig::new(configuration, network, 2, 3);
    let built = init::he_normal(&config, &mut weight_rng(1), &testing::cpu());
    assert_eq!(built.num_params() as u64, config.topology.parameters(), "{network:?}");
    built
}

#[test]
fn each_output_has_the_shape_of_its_resolution() {
    let slice = Configuration {
        strides: Some(vec![[1, 1, 1], [1, 2, 2], [1, 2, 1], [1, 2, 2]]),
        ..configuration([1, 16, 12], [0, 3, 2], &[4, 6, 8, 8])
    };
    for (configuration, shapes) in
        [(anisotropic(), [[4, 24, 16], [4, 12, 8], [2, 6, 4]]), (slice, [[1, 16, 12], [1, 8, 6], [1, 4, 6]])]
    {
        for block in EncoderBlock::ALL {
            for downsampling in Downsampling::ALL {
                let unet = build(&configuration, &settings(block, downsampling));
                let [z, y, x] = configuration.patch_size.0;
                let images = wave([2, 2, z, y, x], 0.1, 0.0, &testing::cpu());
                let outputs = unet.forward_all(images.clone());
                let found: Vec<[usize; 5]> = outputs.iter().map(Tensor::dims).collect();
                assert_eq!(found, shapes.map(|[z, y, x]| [2, 3, z, y, x]), "{block:?}, {downsampling:?}");
                assert!(outputs.iter().all(|output| values(output.clone()).iter().all(|value| value.is_finite())));
                assert_eq!(values(outputs[0].clone()), values(unet.forward(images)), "{block:?}, {downsampling:?}");
            }
        }
    }
}

#[test]
fn without_deep_supervision_there_is_one_output() {
    let unet = build(
        &anisotropic(),
        &Network { deep_supervision: false, ..settings(EncoderBlock::Plain, Downsampling::MaxPool) },
    );
    assert_eq!(unet.forward_all(wave([1, 2, 4, 24, 16], 0.1, 0.0, &testing::cpu())).len(), 1);
    assert!(!to_host(&unet).keys().any(|name| name.starts_with("auxiliary_heads")));
}

#[test]
fn tensor_names_of_a_residual_network_are_the_paths_of_the_fields() {
    let unet = build(&anisotropic(), &settings(EncoderBlock::Residual, Downsampling::StridedConvolution));
    let tensors = to_host(&unet);
    for (name, shape) in [
        ("encoder.stem.conv.weight", vec![4, 2, 1, 3, 3]),
        ("encoder.stages.1.0.conv1.conv.weight", vec![8, 4, 1, 3, 3]),
        ("encoder.stages.1.0.projection.conv.weight", vec![8, 4, 1, 1, 1]),
        ("encoder.stages.1.2.conv2.norm.bias", vec![8]),
        ("upsample.2.weight", vec![16, 8, 1, 3, 2]),
        ("upsample.2.bias", vec![8]),
        ("decoder.0.1.conv.bias", vec![4]),
        ("head.bias", vec![3]),
        ("auxiliary_heads.1.weight", vec![3, 8, 1, 1, 1]),
    ] {
        let found = tensors.get(name).map(|tensor| tensor.shape.clone());
        assert_eq!(found, Some(shape), "`{name}` in {:?}", tensors.keys());
    }
    for name in ["encoder.stages.1.0.projection.conv.bias", "encoder.stages.2.0.projection.conv.weight"] {
        assert!(!tensors.contains_key(name), "{name}");
    }
}

#[test]
fn a_residual_block_begins_as_the_identity() {
    let tensors = to_host(&build(&anisotropic(), &settings(EncoderBlock::Residual, Downsampling::StridedConvolution)));
    for (name, tensor) in tensors {
        let expected = if name.ends_with("conv2.norm.weight") { 0.0 } else { 1.0 };
        if name.ends_with("norm.weight") {
            assert!(tensor.values.iter().all(|value| (value - expected).abs() < f32::EPSILON), "{name}");
        }
    }
}

#[test]
fn average_pooling_takes_the_mean_of_each_box() {
    let maps = Tensor::<5>::from_data(
        TensorData::new((0..16_i32).map(|i| i as f32).collect(), [1, 1, 2, 2, 4]),
        &testing::cpu(),
    );
    let pooled = |kernel| values(ops::avg_pool(maps.clone(), kernel));
    assert_eq!(pooled([2, 2, 2]), [6.5, 8.5]);
    assert_eq!(pooled([1, 2, 1]), [2.0, 3.0, 4.0, 5.0, 10.0, 11.0, 12.0, 13.0]);
    assert_eq!(pooled([1, 1, 4]), [1.5, 5.5, 9.5, 13.5]);
}
