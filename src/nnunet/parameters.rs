//! Names of parameters: those of segplan's networks in nnU-Net v2.
//!
//! segplan counts the resolutions of the decoder from the finest, nnU-Net its steps from the coarsest. 2D networks have one axis less
//! in nnU-Net.
//!
//! Source: `dynamic-network-architectures` 0.4.4, `building_blocks/{plain_conv_encoder,residual_encoders,unet_decoder}.py`.

use crate::network::weights::HostTensor;

/// Axis of a convolution's weight at which a 2D network lacks an edge.
const DEPTH: usize = 2;

/// nnU-Net's name of a parameter of segplan's network, whose `strides` lead from each resolution to the next coarser one.
///
/// # Panics
///
/// When segplan's networks have no parameter of that name.
pub(super) fn nnunet_parameter(name: &str, strides: &[[usize; 3]]) -> String {
    let parts: Vec<&str> = name.split('.').collect();
    let index = |part: &str| part.parse::<usize>().unwrap_or_else(|_| panic!("`{name}` is no parameter"));
    // The step of nnU-Net's decoder that ends at a resolution.
    let step = |level: usize| strides.len() - 1 - level;
    match parts[..] {
        ["encoder", "stem", ref layer @ ..] => format!("encoder.stem.convs.0.{}", layer.join(".")),
        ["encoder", "stages", stage, block, "projection", ref layer @ ..] => {
            // After the average pooling, if the block has a stride.
            let has_stride = index(stage).checked_sub(1).is_some_and(|finer| strides[finer] != [1; 3]);
            let position = usize::from(has_stride);
            format!("encoder.stages.{stage}.blocks.{block}.skip.{position}.{}", layer.join("."))
        }
        ["encoder", "stages", stage, block, ref layer @ ..] => {
            format!("encoder.stages.{stage}.blocks.{block}.{}", layer.join("."))
        }
        ["encoder", stage, block, ref layer @ ..] => {
            format!("encoder.stages.{stage}.0.convs.{block}.{}", layer.join("."))
        }
        ["decoder", level, block, ref layer @ ..] => {
            format!("decoder.stages.{}.convs.{block}.{}", step(index(level)), layer.join("."))
        }
        ["upsample", level, field] => format!("decoder.transpconvs.{}.{field}", step(index(level))),
        ["head", field] => format!("decoder.seg_layers.{}.{field}", step(0)),
        ["auxiliary_heads", head, field] => format!("decoder.seg_layers.{}.{field}", step(index(head) + 1)),
        _ => panic!("`{name}` is no parameter"),
    }
}

/// A tensor of a 2D network of nnU-Net with an edge of 1 across the slices.
pub(super) fn with_depth(mut tensor: HostTensor) -> HostTensor {
    if tensor.shape.len() == 4 {
        tensor.shape.insert(DEPTH, 1);
    }
    tensor
}

/// A tensor of a 2D network of segplan without the edge across the slices.
pub(super) fn without_depth(mut tensor: HostTensor) -> HostTensor {
    if tensor.shape.len() == 5 {
        assert_eq!(tensor.shape.remove(DEPTH), 1, "edge across the slices of a 2D network");
    }
    tensor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_nnunets_names() {
        // Four resolutions, the third of the size of the second.
        let strides = [[1, 2, 2], [1, 1, 1], [2, 2, 2]];
        for (ours, theirs) in [
            ("encoder.0.1.conv.weight", "encoder.stages.0.0.convs.1.conv.weight"),
            ("encoder.stem.norm.bias", "encoder.stem.convs.0.norm.bias"),
            ("encoder.stages.3.5.conv2.norm.weight", "encoder.stages.3.blocks.5.conv2.norm.weight"),
            ("encoder.stages.1.0.projection.conv.weight", "encoder.stages.1.blocks.0.skip.1.conv.weight"),
            ("encoder.stages.2.0.projection.norm.bias", "encoder.stages.2.blocks.0.skip.0.norm.bias"),
            ("decoder.0.1.conv.bias", "decoder.stages.2.convs.1.conv.bias"),
            ("decoder.2.0.norm.weight", "decoder.stages.0.convs.0.norm.weight"),
            ("upsample.0.weight", "decoder.transpconvs.2.weight"),
            ("head.bias", "decoder.seg_layers.2.bias"),
            ("auxiliary_heads.0.weight", "decoder.seg_layers.1.weight"),
            ("auxiliary_heads.1.weight", "decoder.seg_layers.0.weight"),
        ] {
            assert_eq!(nnunet_parameter(ours, &strides), theirs);
        }
    }

    #[test]
    fn weights_of_2d_networks_gain_and_lose_an_edge() {
        let flat = HostTensor { shape: vec![2, 1, 3, 3], values: vec![0.0; 18] };
        let deep = with_depth(flat.clone());
        assert_eq!(deep.shape, [2, 1, 1, 3, 3]);
        assert_eq!(without_depth(deep), flat);
        let bias = HostTensor { shape: vec![2], values: vec![0.0; 2] };
        assert_eq!(without_depth(with_depth(bias.clone())), bias);
    }
}
