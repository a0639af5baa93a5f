//! Intensity normalisation. Source: arXiv:1809.10486, 2.2.

use ndarray::{ArrayView3, ArrayViewMut3, Zip};

use crate::plan::schema::{Intensities, Normalization};
use crate::statistics::moments;

/// Added to an image's own standard deviation, and the minimum of other divisors. Source: nnU-Net commit 6150f1b0.
const SD_EPS: f64 = 1e-8;
/// Maximum of a channel of 8 bits.
const MAX_RGB: f32 = 255.0;

/// Normalises one channel in place.
///
/// With a mask, statistics are taken inside the mask only, and the outside becomes exactly 0. A `"ct"` channel needs
/// `intensities`.
///
/// # Panics
///
/// If a `"ct"` channel has no intensities, which a validated plan excludes.
pub fn normalize(
    mut image: ArrayViewMut3<'_, f32>,
    scheme: Normalization,
    intensities: Option<&Intensities>,
    inside: Option<ArrayView3<'_, bool>>,
) {
    match scheme {
        Normalization::Ct => {
            let known = intensities.expect("a validated plan has the intensities of each `ct` channel");
            let (low, high) = (known.p00_5 as f32, known.p99_5 as f32);
            let (mean, sd) = (known.mean as f32, known.sd.max(SD_EPS) as f32);
            image.par_mapv_inplace(|value| (value.clamp(low, high) - mean) / sd);
        }
        Normalization::ZScore => z_score(image, inside),
        Normalization::RescaleTo01 => rescale_to_0_1(image),
        Normalization::RgbTo01 => image.par_mapv_inplace(|value| value / MAX_RGB),
        Normalization::None => (),
    }
}

fn z_score(mut image: ArrayViewMut3<'_, f32>, inside: Option<ArrayView3<'_, bool>>) {
    let Some(inside) = inside else {
        let (mean, sd) = mean_and_sd(image.iter().copied());
        image.par_mapv_inplace(|value| ((f64::from(value) - mean) / sd) as f32);
        return;
    };
    let voxels = image.iter().zip(inside).filter(|&(_, &inside)| inside).map(|(&value, _)| value);
    let (mean, sd) = mean_and_sd(voxels);
    Zip::from(image).and(inside).par_for_each(|value, &inside| {
        *value = if inside { ((f64::from(*value) - mean) / sd) as f32 } else { 0.0 };
    });
}

/// Mean, and population standard deviation plus [`SD_EPS`]; 0 and 1 for an empty mask.
fn mean_and_sd(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
    moments(values.map(f64::from)).map_or((0.0, 1.0), |moments| (moments.mean, moments.population_sd + SD_EPS))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;

    const CT: Intensities = Intensities { mean: 100.0, sd: 40.0, p00_5: -20.0, p99_5: 200.0 };

    #[test]
    fn ct_clips_and_scales_by_the_foreground_of_the_data_set() {
        let mut image = array![[[100.0_f32, 1000.0, -1000.0]]];
        normalize(image.view_mut(), Normalization::Ct, Some(&CT), None);
        assert_eq!(image, array![[[0.0, 2.5, -3.0]]]);
    }

    #[test]
    fn the_scheme_none_changes_nothing() {
        let mut image = array![[[5.0_f32, 0.0, -3.0]]];
        normalize(image.view_mut(), Normalization::None, None, Some(array![[[false, true, true]]].view()));
        assert_eq!(image, array![[[5.0, 0.0, -3.0]]]);
    }

    #[test]
    fn z_score_has_mean_zero_and_standard_deviation_one() {
        let mut image = array![[[1.0_f32, 2.0], [3.0, 6.0]]];
        normalize(image.view_mut(), Normalization::ZScore, None, None);
        let mean = image.mean().unwrap();
        let variance = image.mapv(|value| value * value).mean().unwrap();
        assert!(mean.abs() < 1e-6 && (variance - 1.0).abs() < 1e-6, "{mean} {variance}");
    }

    #[test]
    fn z_score_in_a_mask_sets_the_outside_exactly_to_zero() {
        let mut image = array![[[5.0_f32, 1.0, 3.0]]];
        normalize(image.view_mut(), Normalization::ZScore, None, Some(array![[[false, true, true]]].view()));
        assert_eq!(image, array![[[0.0, -1.0, 1.0]]]);
    }

    #[test]
    fn a_constant_image_becomes_zero_not_nan() {
        let mut image = Array3::from_elem((2, 2, 2), 7.0_f32);
        normalize(image.view_mut(), Normalization::ZScore, None, None);
        assert!(image.iter().all(|&value| value == 0.0));
    }
}
