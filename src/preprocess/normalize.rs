//! Intensity normalisation. Source: arXiv:1809.10486, 2.2; nnU-Net v2, `default_normalization_schemes.py`, for the schemes that the
//! paper lacks.

use ndarray::{ArrayView3, ArrayViewMut3, Zip};

use crate::plan::schema::{Intensities, Normalization, PreprocessingOrder};
use crate::statistics::{Moments, moments};

/// Added to an image's own standard deviation, and the minimum of other divisors. Source: nnU-Net commit 6150f1b0.
const SD_EPS: f64 = 1e-8;
/// Maximum of a channel of 8 bits.
const MAX_RGB: f32 = 255.0;

/// Normalises one channel in place.
///
/// With a mask, the statistics of a z-score are taken inside the mask only, and the outside becomes exactly 0. A `"ct"` channel
/// needs `intensities`. `order` decides what guards a z-score against a standard deviation of 0.
///
/// # Panics
///
/// If a `"ct"` channel has no intensities, which a validated plan excludes.
pub fn normalize(
    mut image: ArrayViewMut3<'_, f32>,
    scheme: Normalization,
    intensities: Option<&Intensities>,
    inside: Option<ArrayView3<'_, bool>>,
    order: PreprocessingOrder,
) {
    match scheme {
        Normalization::Ct => {
            let known = intensities.expect("a validated plan has the intensities of each `ct` channel");
            let (low, high) = (known.p00_5 as f32, known.p99_5 as f32);
            let (mean, sd) = (known.mean as f32, known.sd.max(SD_EPS) as f32);
            image.par_mapv_inplace(|value| (value.clamp(low, high) - mean) / sd);
        }
        Normalization::ZScore => z_score(image, inside, order),
        Normalization::RescaleTo01 => rescale_to_0_1(image),
        Normalization::RgbTo01 => image.par_mapv_inplace(|value| value / MAX_RGB),
        Normalization::None => (),
    }
}

/// Rescales a channel to the range from 0 to 1; a constant one becomes 0.
fn rescale_to_0_1(mut image: ArrayViewMut3<'_, f32>) {
    let (low, high) = image.iter().fold((f32::MAX, f32::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    let range = (high - low).max(SD_EPS as f32);
    image.par_mapv_inplace(|value| (value - low) / range);
}

fn z_score(mut image: ArrayViewMut3<'_, f32>, inside: Option<ArrayView3<'_, bool>>, order: PreprocessingOrder) {
    let Some(inside) = inside else {
        let (mean, sd) = mean_and_divisor(image.iter().copied(), order);
        image.par_mapv_inplace(|value| ((f64::from(value) - mean) / sd) as f32);
        return;
    };
    let voxels = image.iter().zip(inside).filter(|&(_, &inside)| inside).map(|(&value, _)| value);
    let (mean, sd) = mean_and_divisor(voxels, order);
    Zip::from(image).and(inside).par_for_each(|value, &inside| {
        *value = if inside { ((f64::from(*value) - mean) / sd) as f32 } else { 0.0 };
    });
}

/// Mean, and what a z-score divides by; 0 and 1 for an empty mask.
fn mean_and_divisor(values: impl Iterator<Item = f32> + Clone, order: PreprocessingOrder) -> (f64, f64) {
    moments(values.map(f64::from)).map_or((0.0, 1.0), |moments| (moments.mean, divisor(&moments, order)))
}

/// The population standard deviation, not 0: nnU-Net adds [`SD_EPS`] where it resamples first (commit 6150f1b0), and raises the
/// standard deviation to at least that where it normalises first (v2).
fn divisor(moments: &Moments, order: PreprocessingOrder) -> f64 {
    match order {
        PreprocessingOrder::ResampleFirst => moments.population_sd + SD_EPS,
        PreprocessingOrder::NormalizeFirst => moments.population_sd.max(SD_EPS),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;

    const CT: Intensities = Intensities { mean: 100.0, sd: 40.0, p00_5: -20.0, p99_5: 200.0 };

    const FIRST: PreprocessingOrder = PreprocessingOrder::ResampleFirst;

    #[test]
    fn ct_clips_and_scales_by_the_foreground_of_the_data_set() {
        let mut image = array![[[100.0_f32, 1000.0, -1000.0]]];
        normalize(image.view_mut(), Normalization::Ct, Some(&CT), None, FIRST);
        assert_eq!(image, array![[[0.0, 2.5, -3.0]]]);
    }

    #[test]
    fn the_scheme_none_changes_nothing() {
        let mut image = array![[[5.0_f32, 0.0, -3.0]]];
        normalize(image.view_mut(), Normalization::None, None, Some(array![[[false, true, true]]].view()), FIRST);
        assert_eq!(image, array![[[5.0, 0.0, -3.0]]]);
    }

    #[test]
    fn z_score_has_mean_zero_and_standard_deviation_one() {
        let mut image = array![[[1.0_f32, 2.0], [3.0, 6.0]]];
        normalize(image.view_mut(), Normalization::ZScore, None, None, FIRST);
        let mean = image.mean().unwrap();
        let variance = image.mapv(|value| value * value).mean().unwrap();
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
    }

    #[test]
    fn z_score_in_a_mask_sets_the_outside_exactly_to_zero() {
        let mut image = array![[[5.0_f32, 1.0, 3.0]]];
        normalize(image.view_mut(), Normalization::ZScore, None, Some(array![[[false, true, true]]].view()), FIRST);
        assert_eq!(image, array![[[0.0, -1.0, 1.0]]]);
    }

    #[test]
    fn a_constant_image_becomes_zero_not_nan() {
        let mut image = Array3::from_elem((2, 2, 2), 7.0_f32);
        normalize(image.view_mut(), Normalization::ZScore, None, None, FIRST);
        assert!(image.iter().all(|&value| value == 0.0));
    }

    #[test]
    fn a_rescaled_image_reaches_from_zero_to_one_and_a_constant_one_becomes_zero() {
        let mut image = array![[[-3.0_f32, 1.0, 5.0]]];
        normalize(image.view_mut(), Normalization::RescaleTo01, None, None, FIRST);
        assert_eq!(image, array![[[0.0, 0.5, 1.0]]]);
        image.fill(7.0);
        normalize(image.view_mut(), Normalization::RescaleTo01, None, None, FIRST);
        assert_eq!(image, array![[[0.0, 0.0, 0.0]]]);
    }

    #[test]
    fn colours_of_8_bits_are_divided_by_255() {
        let mut image = array![[[0.0_f32, 51.0, 255.0]]];
        normalize(image.view_mut(), Normalization::RgbTo01, None, None, FIRST);
        assert_eq!(image, array![[[0.0, 0.2, 1.0]]]);
    }

    #[test]
    fn intensities_as_small_as_the_guard_against_division_by_zero_differ_by_order() {
        let scaled = |order| {
            let mut image = array![[[0.0_f32, 2e-8]]];
            normalize(image.view_mut(), Normalization::ZScore, None, None, order);
            image[[0, 0, 1]]
        };
        approx::assert_abs_diff_eq!(scaled(PreprocessingOrder::ResampleFirst), 0.5, epsilon = 1e-6);
        approx::assert_abs_diff_eq!(scaled(PreprocessingOrder::NormalizeFirst), 1.0, epsilon = 1e-6);
    }
}
