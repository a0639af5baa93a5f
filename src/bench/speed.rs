//! A quick measurement of a device, for estimates.

use crate::bench::compute::{STEP_OVER_FORWARD, time_train_step};
use crate::bench::setup::Setup;
use crate::device::{DeviceError, open_device};
use crate::network::PlannedNetwork;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::random::{Key, Purpose, stream};
use crate::run::Listener;

/// Operations of the forward pass that is timed.
const QUICK_OPERATIONS: f64 = 4e9;

/// Operations per second of a configuration's convolutions, measured in about a second by training steps on a part of the batch or of
/// a single patch.
///
/// # Errors
///
/// If the device cannot be used.
pub fn measure_operations_per_second(
    plan: &Plan,
    name: ConfigurationName,
    listener: &dyn Listener,
) -> Result<f64, DeviceError> {
    let device = &open_device(&plan.runtime.device)?;
    let planned = PlannedNetwork::new(plan, name);
    let mut configuration = planned.configuration().clone();
    let topology = planned.topology();
    let divisor = topology.divisor();
    let operations = |patch: [usize; 3]| 2.0 * topology.multiply_adds(patch) as f64;
    while operations(configuration.patch_size.0) > QUICK_OPERATIONS {
        let patch = &mut configuration.patch_size.0;
        let parts: [usize; 3] = std::array::from_fn(|axis| patch[axis] / divisor[axis]);
        // The largest axis is halved; the lowest resolution keeps at least two voxels, which normalisation needs.
        let Some(axis) = (0..3).filter(|&axis| parts[axis] > 2).max_by_key(|&axis| parts[axis]) else { break };
        patch[axis] = parts[axis].div_ceil(2) * divisor[axis];
    }
    let key = Key { purpose: Purpose::Weights, seed: 0, counters: [0; 4] };
    let network = planned.init(&mut stream(key), &device.clone().autodiff());
    let one = operations(configuration.patch_size.0);
    configuration.batch_size = ((QUICK_OPERATIONS / one) as usize).clamp(1, configuration.batch_size);
    let operations = one * configuration.batch_size as f64;
    let setup = Setup { plan, name, configuration: &configuration, repetitions: 2, device, listener };
    Ok(STEP_OVER_FORWARD * operations / time_train_step(&setup, network))
}
