//! Weights of nnU-Net's networks as those of segplan's, and back.

use std::collections::BTreeMap;

use crate::network::weights::{HostTensor, to_host};
use crate::network::{PlannedNetwork, init};
use crate::nnunet::parameters::{nnunet_parameter, with_depth, without_depth};

use burn::tensor::Device;

/// The parameters of a planned network, all 0, by segplan's names.
fn expected_parameters(network: PlannedNetwork<'_>, device: &Device) -> BTreeMap<String, HostTensor> {
    to_host(&init::zeros(&network.config(), device))
}

/// Weights by segplan's names, from those by nnU-Net's.
///
/// # Errors
///
/// When a tensor is missing, unexpected, or has another shape than in the network: then with nnU-Net's name, and the shapes.
pub(super) fn import_weights(
    network: PlannedNetwork<'_>,
    mut weights: BTreeMap<String, HostTensor>,
    device: &Device,
) -> Result<BTreeMap<String, HostTensor>, String> {
    let is_2d = network.name().is_2d();
    let strides = network.configuration().downsampling_strides();
    let has_biases = weights.keys().any(|name| name.ends_with(".conv.bias"));
    let mut imported = BTreeMap::new();
    for (ours, zeros) in expected_parameters(network, device) {
        let theirs = nnunet_parameter(&ours, &strides);
        let tensor = match weights.remove(&theirs) {
            Some(tensor) if is_2d => with_depth(tensor),
            Some(tensor) => tensor,
            // `conv_bias` is off in these plans.
            None if !has_biases && theirs.ends_with(".conv.bias") => zeros.clone(),
            None => return Err(format!("tensor `{theirs}`, of shape {:?}, is missing", zeros.shape)),
        };
        if tensor.shape != zeros.shape {
            return Err(format!("tensor `{theirs}` has shape {:?}; expected {:?}", tensor.shape, zeros.shape));
        }
        imported.insert(ours, tensor);
    }
    match weights.keys().next() {
        Some(other) => Err(format!("tensor `{other}` is not a part of this network")),
        None => Ok(imported),
    }
}

/// Weights by nnU-Net's names, from those by segplan's. Biases and final convolutions of coarse resolutions that the network lacks, and
/// nnU-Net's has, are 0. `complete` is the same network with them.
pub(super) fn export_weights(
    complete: PlannedNetwork<'_>,
    mut weights: BTreeMap<String, HostTensor>,
    device: &Device,
) -> BTreeMap<String, HostTensor> {
    let is_2d = complete.name().is_2d();
    let strides = complete.configuration().downsampling_strides();
    let export = |(ours, zeros): (String, HostTensor)| {
        let tensor = weights.remove(&ours).unwrap_or(zeros);
        let tensor = if is_2d { without_depth(tensor) } else { tensor };
        (nnunet_parameter(&ours, &strides), tensor)
    };
    expected_parameters(complete, device).into_iter().map(export).collect()
}
