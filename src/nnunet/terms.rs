//! Names and axis orders of nnU-Net v2.

use crate::plan::schema::ConfigurationName;

/// Ratio of spacings above which nnU-Net v2 resamples the coarsest axis separately (`ANISO_THRESHOLD`).
pub(super) const ANISOTROPY_THRESHOLD: f64 = 3.0;
/// The network that both programs have.
pub(super) const PLAIN_UNET: &str = "dynamic_network_architectures.architectures.unet.PlainConvUNet";
/// Its resampling function.
pub(super) const RESAMPLING: &str = "resample_data_or_seg_to_shape";

/// Name of a configuration in nnU-Net v2.
pub(super) fn nnunet_name(name: ConfigurationName) -> &'static str {
    match name {
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => name.as_str(),
        ConfigurationName::Cascade => "3d_cascade_fullres",
    }
}

/// The order of axes with `first` moved to the front.
pub(super) fn axes_from(first: usize) -> [usize; 3] {
    match first {
        0 => [0, 1, 2],
        1 => [1, 0, 2],
        _ => [2, 0, 1],
    }
}

/// Values of axes in another order: entry `i` of the result is that of axis `order[i]`.
pub(super) fn ordered<T: Copy>(values: [T; 3], order: [usize; 3]) -> [T; 3] {
    order.map(|axis| values[axis])
}

/// The inverse of [`ordered`].
pub(super) fn reordered<T: Copy>(values: [T; 3], order: [usize; 3]) -> [T; 3] {
    let mut back = values;
    for (value, axis) in values.into_iter().zip(order) {
        back[axis] = value;
    }
    back
}
