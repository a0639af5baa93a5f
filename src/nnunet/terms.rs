//! Names of nnU-Net v2.

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
