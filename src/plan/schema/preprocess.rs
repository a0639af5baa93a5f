//! `[preprocess]`: from image files to preprocessed cases.

use crate::plan::schema::declare::{choices, table};
use crate::plan::schema::key::DecidedBy::{Measurement, Planner};
use crate::plan::schema::key::{FIRST_COMMIT, PAPER_2_2};
use crate::plan::schema::range::{AT_LEAST_0, one_of};

table! {
    /// From image files to preprocessed cases.
    pub struct Preprocess decides Preprocess {
        /// Order of resampling and normalisation, which both follow the crop.
        order: PreprocessingOrder { default: "\"resample_first\"", source: FIRST_COMMIT },
        /// Spline order of image resampling.
        image_order: u8 { default: "3", range: one_of(&[0, 1, 3]), source: PAPER_2_2 },
        /// Interpolation of labels: 0 is nearest neighbour, 1 is linear on the mask of each label (nnU-Net from 2019 on).
        label_order: u8 { default: "0", range: one_of(&[0, 1]), source: PAPER_2_2 },
        /// Ratio of spacings above which the coarsest axis is resampled separately, by nearest neighbour. 0 switches this off;
        /// nnU-Net from 2019 on uses 3.
        anisotropy_threshold: f64 { default: "0.0", range: AT_LEAST_0, source: PAPER_2_2 },
        /// Intensity normalisation of each channel.
        normalization_scheme: Vec<Normalization> { decided_by: Planner, source: PAPER_2_2 },
        /// Whether mean and standard deviation are taken inside the non-zero mask only, and voxels outside are set to 0.
        normalize_in_mask: bool { decided_by: Planner, source: PAPER_2_2 },
        /// Statistics of the foreground intensities of each channel over all training cases. Only "ct" normalisation uses them.
        intensities: Vec<Intensities> { default: "[]", decided_by: Measurement, source: PAPER_2_2 },
    }
}

table! {
    /// Foreground intensities of one channel over all training cases.
    pub struct Intensities decides Preprocess {
        /// Mean.
        mean: f64 {},
        /// Population standard deviation.
        sd: f64 { range: AT_LEAST_0 },
        /// 0.5th percentile.
        p00_5: f64 {},
        /// 99.5th percentile.
        p99_5: f64 {},
    }
}

choices! {
    /// Whether a cropped case is resampled or normalised first.
    pub enum PreprocessingOrder {
        /// resampling, then normalisation with the statistics of the resampled image.
        ResampleFirst = "resample_first",
        /// normalisation with the statistics of the cropped image on its own grid, then resampling (nnU-Net v2).
        NormalizeFirst = "normalize_first",
    }
}

choices! {
    /// How the intensities of a channel are normalised.
    pub enum Normalization {
        /// clip to the 0.5th and 99.5th percentiles of the foreground, subtract its mean, divide by its standard deviation.
        Ct = "ct",
        /// subtract the mean of the image, divide by its standard deviation.
        ZScore = "z_score",
        /// no normalisation.
        None = "none",
        /// subtract the minimum of the image, divide by its maximum after that (nnU-Net v2).
        RescaleTo01 = "rescale_to_0_1",
        /// divide by 255 (nnU-Net v2).
        RgbTo01 = "rgb_to_0_1",
    }
}
