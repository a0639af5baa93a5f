//! Names of nnU-Net v2.

use crate::plan::schema::{ConfigurationName, Normalization};

/// Ratio of spacings above which nnU-Net v2 resamples the coarsest axis separately (`ANISO_THRESHOLD`).
pub(super) const ANISOTROPY_THRESHOLD: f64 = 3.0;
/// The network of plain blocks.
pub(super) const PLAIN_UNET: &str = "dynamic_network_architectures.architectures.unet.PlainConvUNet";
/// The network of residual blocks.
pub(super) const RESIDUAL_UNET: &str = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet";
/// Its resampling function.
pub(super) const RESAMPLING: &str = "resample_data_or_seg_to_shape";

/// Name of a configuration in nnU-Net v2.
pub(super) fn nnunet_name(name: ConfigurationName) -> &'static str {
    match name {
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => name.as_str(),
        ConfigurationName::Cascade => "3d_cascade_fullres",
    }
}

/// The class of a normalisation in nnU-Net v2.
pub(super) fn scheme_name(scheme: Normalization) -> &'static str {
    match scheme {
        Normalization::Ct => "CTNormalization",
        Normalization::ZScore => "ZScoreNormalization",
        Normalization::None => "NoNormalization",
        Normalization::RescaleTo01 => "RescaleTo01Normalization",
        Normalization::RgbTo01 => "RGBTo01Normalization",
    }
}
