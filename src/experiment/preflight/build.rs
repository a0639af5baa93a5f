//! The plan against this build and its devices.

use burn::tensor::Device;

use crate::device::{DeviceError, open_device};
use crate::network::float_dtype;
use crate::plan::read::Diagnostic;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::{Plan, Precision};

pub(super) fn check_build(loaded: &LoadedPlan) -> Vec<Diagnostic> {
    let error = match open_device(&loaded.plan.runtime.device) {
        Ok(device) => return check_precision(loaded, &device).into_iter().collect(),
        Err(error) => error,
    };
    let (label, help) = match &error {
        DeviceError::NotCompiled { .. } => ("not in this build", "or compute on the CPU: `--device cpu`"),
        DeviceError::Absent { .. } => ("not on this machine", "or compute on the CPU: `--device cpu`"),
        DeviceError::Unknown { .. } | DeviceError::Index { .. } => ("no such device", "`segplan doctor`"),
    };
    vec![loaded.layers.at_value("runtime.device", error.to_string(), label).help(help)]
}

/// Checks that the device supports `network.precision`.
fn check_precision(loaded: &LoadedPlan, device: &Device) -> Option<Diagnostic> {
    let Plan { network, runtime, .. } = &loaded.plan;
    if device.supports_dtype(float_dtype(network.precision)) {
        return None;
    }
    let message = format!("device `{}` does not support this precision", runtime.device);
    let supported = [Precision::Bf16, Precision::F16].into_iter().find(|&one| device.supports_dtype(float_dtype(one)));
    let help = match supported {
        Some(Precision::Bf16) => "expected \"f32\" or \"bf16\"",
        Some(Precision::F16) => "expected \"f32\" or \"f16\"",
        Some(Precision::F32) | None => "expected \"f32\"",
    };
    Some(loaded.layers.at_value("network.precision", message, "not supported by this device").help(help))
}
