//! Plans of nnU-Net v2: its `nnUNetPlans.json` and `dataset.json` into a plan, and a plan into them.
//!
//! Input and output are JSON values and plans. The two programs do not say the same things: whatever one of them says and
//! the other cannot is returned in words, and nothing is left out silently. Deliberately absent: nnU-Net's trained weights,
//! whose networks downsample by strided convolutions.
//!
//! Source: nnU-Net v2 (`nnunetv2` 2.8.1), `plans_handler.py` and `default_experiment_planner.py`; a script in
//! `tests/reference` loads what is exported with that package.

pub mod export;
pub mod import;

use crate::plan::schema::ConfigurationName;

/// Ratio of spacings above which nnU-Net v2 resamples the coarsest axis apart (`ANISO_THRESHOLD`).
const SEPARATE_Z_RATIO: f64 = 3.0;
/// The network that both programs have.
const PLAIN_UNET: &str = "dynamic_network_architectures.architectures.unet.PlainConvUNet";
/// Its resampling function.
const RESAMPLING: &str = "resample_data_or_seg_to_shape";

/// Name of a configuration in nnU-Net v2.
fn foreign_name(name: ConfigurationName) -> &'static str {
    match name {
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => name.as_str(),
        ConfigurationName::Cascade => "3d_cascade_fullres",
    }
}

/// The order of axes with `first` moved to the front.
fn axes_from(first: usize) -> [usize; 3] {
    match first {
        0 => [0, 1, 2],
        1 => [1, 0, 2],
        _ => [2, 0, 1],
    }
}

/// Values of axes in another order: entry `i` of the result is that of axis `order[i]`.
fn ordered<T: Copy>(values: [T; 3], order: [usize; 3]) -> [T; 3] {
    order.map(|axis| values[axis])
}

/// The inverse of [`ordered`].
fn reordered<T: Copy>(values: [T; 3], order: [usize; 3]) -> [T; 3] {
    let mut back = values;
    for (value, axis) in values.into_iter().zip(order) {
        back[axis] = value;
    }
    back
}

#[cfg(test)]
mod tests;
